"""The loop that hears a notifier: one of all processes does, another takes over, and what says nothing is let be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from storyline_core import (
    Account,
    Busy,
    Controls,
    Entry,
    Kind,
    NeedsPerson,
    NotifierKind,
    PostEvent,
    PostState,
    Runtime,
    Schedule,
    Settings,
    SourceEntry,
    Storyline,
    Unavailable,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import MemoryPlugin, picture
from storyline_core.testing.memory import Place
from storyline_core.testing.memory_team import MemoryNotifier
from storyline_runner.daemon.listening import ListeningLoop
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.stopping import Stop

SUBJECT = "listen/team"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    """Runs at the usual pace, and can be put forward."""

    def __init__(self) -> None:
        self._begins = START - timedelta(seconds=time.monotonic())

    def __call__(self) -> datetime:
        return self._begins + timedelta(seconds=time.monotonic())

    def forward(self, by: timedelta) -> None:
        """Let time pass at once."""
        self._begins += by


class Silent(MemoryPlugin):
    """A notifier that ends its listening as a test wants: at once, or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    @hookimpl
    def storyline_notifiers(self) -> Sequence[NotifierKind]:
        """The notifier."""
        plugin = self

        class Ends(MemoryNotifier):
            def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
                plugin.asked += 1
                if plugin.error is not None:
                    raise plugin.error

        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[MemoryNotifier]:
            yield Ends(runtime.name, self.team(options.place), self.faults)

        return [Kind("memory", Place, opened)]


@attrs.frozen
class World:
    """One database and one team; each `storyline` is another process's."""

    url: str
    plugin: MemoryPlugin
    clock: Clock
    stack: ExitStack

    def storyline(self) -> Storyline:
        """Another one, as another process has."""
        settings = Settings(
            database_url=self.url,
            sources=[SourceEntry("photos", "memory", Place())],
            notifiers=[Entry("team", "memory", Place())],
            accounts=[Account("main", ("photos",), Schedule(), notifier="team")],
        )
        plugins = load_plugins(extra=[self.plugin], entry_points=False)
        return self.stack.enter_context(open_storyline(settings, plugins=plugins, clock=self.clock))

    def start(self, storyline: Storyline) -> Stop:
        """Its loop, running; it ends with the test."""
        stop = Stop()
        loop = Loop("listening", ListeningLoop(storyline, "team", stop), stop)
        loop.start()
        self.stack.callback(lambda: loop.ends_within(timedelta(seconds=20)))
        self.stack.callback(stop.say)
        return stop


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    with ExitStack() as stack:
        yield made(sqlite_url, MemoryPlugin(), stack)


def made(url: str, plugin: MemoryPlugin, stack: ExitStack) -> World:
    for number in range(4):
        plugin.folder().write(f"{number}.jpg", picture(number))
    return World(url, plugin, Clock(), stack)


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def holders(storyline: Storyline) -> list[str]:
    """Who hears the notifier."""
    with storyline.read() as unit:
        return [lease.holder for lease in unit.leases.held(storyline.clock()) if lease.subject == SUBJECT]


def card(storyline: Storyline, world: World) -> str:
    """A card that waits for an answer; its post."""
    post = storyline.desk("team").post_now("memory:1", "main")
    shown = world.plugin.team().card(post.id)
    world.plugin.team().tap(shown.message, shown.draft, PostEvent.POSTED)
    return post.id


def test_a_tap_is_carried_out_as_it_comes(world: World) -> None:
    storyline = world.storyline()
    storyline.sync("photos")
    world.start(storyline)
    until(lambda: holders(storyline))
    post = card(storyline, world)
    until(lambda: storyline.post(post).state is PostState.POSTED)


def test_while_somebody_listens_no_turn_takes_what_waits(world: World) -> None:
    storyline = world.storyline()
    storyline.sync("photos")
    with storyline.store.begin() as unit:
        now = world.clock()
        unit.leases.take(SUBJECT, "another machine:1", now + timedelta(seconds=20), now)
    post = card(storyline, world)
    assert storyline.tick().decisions == 0
    assert storyline.post(post).state is PostState.OFFERED
    world.clock.forward(timedelta(seconds=21))
    assert storyline.tick().decisions == 1
    assert holders(storyline) == [], "a turn gives the right back"


def test_one_of_two_listens_and_the_other_takes_over_at_once(world: World) -> None:
    first, second = world.storyline(), world.storyline()
    stop = world.start(first)
    until(lambda: holders(first))
    world.start(second)
    first.sync("photos")
    stop.say()
    until(lambda: holders(first) == [])
    until(lambda: holders(second))
    post = card(second, world)
    until(lambda: second.post(post).state is PostState.POSTED)


def test_it_takes_over_from_one_that_died(world: World) -> None:
    storyline = world.storyline()
    with storyline.store.begin() as unit:
        now = world.clock()
        unit.leases.take(SUBJECT, "dead", now + timedelta(seconds=20), now)
    world.start(storyline)
    assert holders(storyline) == ["dead"]
    world.clock.forward(timedelta(seconds=20))
    until(lambda: holders(storyline) == [storyline.holder])


def test_one_that_has_lost_its_right_stops_listening(world: World) -> None:
    storyline = world.storyline()
    ended: list[object] = []

    def listen() -> None:
        try:
            storyline.listen("team", lambda: False)
        except Busy as error:
            ended.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    until(lambda: holders(storyline))
    with storyline.store.begin() as unit:
        now = world.clock()
        unit.leases.take(SUBJECT, "faster", now + timedelta(minutes=1), now + timedelta(minutes=1))
    world.clock.forward(timedelta(seconds=15))
    thread.join(30)
    assert not thread.is_alive()
    assert ended
    assert holders(storyline) == ["faster"]


def test_a_notifier_that_has_nothing_to_say_is_let_be(sqlite_url: str) -> None:
    plugin = Silent()
    with ExitStack() as stack:
        world = made(sqlite_url, plugin, stack)
        storyline = world.storyline()
        storyline.sync("photos")
        world.start(storyline)
        until(lambda: plugin.asked == 1 and holders(storyline) == [])
        post = card(storyline, world)
        assert storyline.tick().decisions == 1, "what waits is taken in every turn"
        assert storyline.post(post).state is PostState.POSTED
        assert plugin.asked == 1


@pytest.mark.parametrize("error", [Unavailable("No answer."), NeedsPerson("The token is wrong."), RuntimeError("bug")])
def test_one_that_fails_gives_its_right_back_and_is_begun_again_later(sqlite_url: str, error: Exception) -> None:
    plugin = Silent(error)
    with ExitStack() as stack:
        world = made(sqlite_url, plugin, stack)
        storyline = world.storyline()
        with storyline.sibling() as own, pytest.raises((Unavailable, NeedsPerson)):
            ListeningLoop(own, "team", Stop())()
        assert plugin.asked == 1
        assert holders(storyline) == []
