"""The loop of one source: watched, looked at in time, and never forgetting what it heard of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest

from storyline_core import (
    Account,
    Busy,
    Entry,
    Hint,
    NeedsPerson,
    Refused,
    Run,
    Schedule,
    Settings,
    SourceEntry,
    Storyline,
    Unavailable,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.source import SourceLoop
from storyline_runner.daemon.stopping import Stop
from tests.end_to_end.memory_world import picture
from tests.runners.watched import WatchedPlace, WatchedPlugin

PATIENCE_S = 60.0


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@attrs.define
class Scene:
    """A Storyline with watched sources, and the loops that keep it level with them."""

    storyline: Storyline
    plugin: WatchedPlugin
    memory: MemoryPlugin
    stop: Stop = attrs.field(factory=Stop)
    loops: list[Loop] = attrs.field(factory=list)

    def begin(self, name: str = "photos", entry: SourceEntry | None = None) -> Loop:
        """Start the loop of a source."""
        loop = Loop(
            name, SourceLoop(self.storyline, entry or self.storyline.settings.sources[name], self.stop), self.stop
        )
        self.loops.append(loop)
        loop.start()
        return loop

    def alive(self, source: str = "photos") -> set[str]:
        """The keys of a source's living items."""
        with self.storyline.read() as unit:
            return {item.key for item in unit.library.items(source=source, state="alive")}

    def runs(self, source: str = "photos") -> list[Run]:
        """Its run records, oldest first."""
        with self.storyline.read() as unit:
            return list(reversed(unit.runs.list(step="sync", subject=source)))

    def standing(self, source: str = "photos") -> tuple[bool, str | None]:
        """Whether it is watched, and why not."""
        [found] = [each for each in self.storyline.sources() if each.name == source]
        return found.watched, found.record.unwatched_because

    @property
    def place(self) -> WatchedPlace:
        """The folder of `photos`."""
        return self.plugin.place("photos")


@contextmanager
def on_stage(database_url: str) -> Iterator[Scene]:
    """Two watched sources, one account, a team that can be told."""
    plugin, memory = WatchedPlugin(), MemoryPlugin()
    settings = Settings(
        database_url=database_url,
        sources=[SourceEntry(name, "watched", Place(name)) for name in ("photos", "more")],
        notifiers=[Entry("team", "memory", Place())],
        accounts=[Account("main", ("photos", "more"), notifier="team", schedule=Schedule())],
    )
    plugins = load_plugins(extra=[plugin, memory], entry_points=False)
    with open_storyline(settings, plugins=plugins) as storyline:
        scene = Scene(storyline, plugin, memory)
        for name in ("photos", "more"):
            place = plugin.place(name)
            place.faults.in_transaction = storyline.store.in_transaction
            for number in range(3):
                place.folder.write(f"{number}.jpg", picture(number + (10 if name == "more" else 0)))
        try:
            yield scene
        finally:
            scene.stop.say()
            for name in ("photos", "more"):
                plugin.place(name).go_on()
            for loop in scene.loops:
                assert loop.ends_within(timedelta(seconds=PATIENCE_S))


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    """On SQLite and on PostgreSQL."""
    with on_stage(database_url) as made:
        yield made


@pytest.fixture
def small(sqlite_url: str) -> Iterator[Scene]:
    """Where the database does not matter."""
    with on_stage(sqlite_url) as made:
        yield made


def test_it_is_looked_at_at_the_start_and_then_followed(scene: Scene) -> None:
    scene.begin()
    until(lambda: len(scene.alive()) == 3)
    assert scene.runs()[0].triggered_by == "startup"
    assert scene.standing() == (True, None)
    scene.place.folder.write("new.jpg", picture(50))
    scene.place.ear.hear("new.jpg")
    until(lambda: "new.jpg" in scene.alive())
    assert scene.runs()[-1].triggered_by == "watch"
    assert scene.place.hints == [Hint.of(["new.jpg"])], "only that place was looked at"


def test_what_happens_during_the_first_look_is_not_lost(small: Scene) -> None:
    small.place.hang()
    small.begin()
    until(small.place.hanging.is_set)
    assert small.place.ears == 1, "the watch must begin before the look"
    small.place.ear.hear("late.jpg")
    small.place.go_on()
    until(lambda: len(small.alive()) == 3)
    small.place.folder.write("late.jpg", picture(51))
    small.place.ear.hear("late.jpg")
    until(lambda: "late.jpg" in small.alive())


def test_a_source_that_hangs_holds_up_no_other(scene: Scene) -> None:
    scene.place.hang()
    scene.begin("photos")
    until(scene.place.hanging.is_set)
    scene.begin("more")
    until(lambda: len(scene.alive("more")) == 3)
    scene.plugin.place("more").folder.write("new.jpg", picture(52))
    scene.plugin.place("more").ear.hear("new.jpg")
    until(lambda: "new.jpg" in scene.alive("more"))
    assert scene.alive("photos") == set()
    assert not scene.runs("photos")


def test_a_hint_waits_for_whoever_is_at_work(small: Scene) -> None:
    small.begin()
    until(lambda: len(small.alive()) == 3)
    now = small.storyline.clock()
    with small.storyline.store.begin() as unit:
        lease = unit.leases.take("sync/photos", "somebody:1", until=now + timedelta(hours=1), now=now)
    small.place.folder.write("a.jpg", picture(60))
    small.place.folder.write("b.jpg", picture(61))
    small.place.ear.hear("a.jpg")
    time.sleep(0.3)
    small.place.ear.hear("b.jpg")
    time.sleep(0.3)
    assert len(small.alive()) == 3
    with small.storyline.store.begin() as unit:
        unit.leases.release(lease)
    until(lambda: {"a.jpg", "b.jpg"} <= small.alive())
    assert all(run.status == "completed" for run in small.runs()), "that somebody is at work is no failure"


def test_a_watch_that_is_refused_is_told_and_the_source_looked_at_all_the_same(small: Scene) -> None:
    small.place.faults.order("watch", Refused("A network disk cannot be watched."), times=100)
    small.begin()
    until(lambda: len(small.alive()) == 3)
    assert small.standing() == (False, "A network disk cannot be watched.")
    [row] = [each for each in small.storyline.check().checks if each.name == "source photos"]
    assert "not followed as it changes: A network disk cannot be watched." in row.message
    assert row.status == "healthy"


def test_a_watch_that_is_lost_begins_again_with_a_look_at_everything(small: Scene) -> None:
    small.begin()
    until(lambda: len(small.alive()) == 3)
    small.place.folder.write("unheard.jpg", picture(70))
    small.place.ear.lose(Unavailable("The disk is gone."))
    until(lambda: small.place.ears >= 2 and "unheard.jpg" in small.alive())
    until(lambda: small.standing() == (True, None))


def test_two_processes_one_watch(scene: Scene) -> None:
    now = scene.storyline.clock()
    with scene.storyline.store.begin() as unit:
        unit.leases.take("watch/photos", "elsewhere:1", until=now + timedelta(minutes=2), now=now)
    with pytest.raises(Busy, match="elsewhere:1"), scene.storyline.watching("photos"):
        pass
    scene.begin()
    until(lambda: len(scene.alive()) == 3)
    assert scene.place.ears == 0
    assert scene.standing() == (True, None)


def test_who_lost_its_right_to_watch_leaves_it_to_the_other(small: Scene) -> None:
    with small.storyline.sibling() as other, other.watching("photos") as watch:
        with small.storyline.store.begin() as unit:
            [lease] = [each for each in unit.leases.held(small.storyline.clock()) if each.subject == "watch/photos"]
            unit.leases.release(lease)
            now = small.storyline.clock()
            unit.leases.take("watch/photos", "elsewhere:1", until=now + timedelta(minutes=2), now=now)
        later = attrs.evolve(watch.tenure.lease, until=now)
        watch.tenure.lease = later
        with pytest.raises(Busy, match="elsewhere:1"):
            watch.wait(timedelta(seconds=1), lambda: False)
    assert small.standing() == (True, None), "the other's right was not given back"


def test_a_failure_is_recorded_once_told_once_and_mended(small: Scene) -> None:
    small.place.folder.break_down()
    entry = attrs.evolve(small.storyline.settings.sources["photos"], sync_interval=timedelta(seconds=0.1))
    small.begin(entry=entry)
    until(lambda: small.runs() and small.runs()[-1].times >= 4)
    [run] = small.runs()
    assert run.status == "failed"
    assert run.error_type == "Unavailable"
    [row] = [each for each in small.storyline.check().checks if each.name == "source photos"]
    assert row.status == "unhealthy"
    assert len(small.memory.team().alerts) == 1
    small.place.folder.mend()
    until(lambda: len(small.alive()) == 3)
    until(lambda: len(small.memory.team().alerts) == 2)
    until(lambda: [c.status for c in small.storyline.check().checks if c.name == "source photos"] == ["healthy"])


def test_switching_off_ends_the_watch_and_switching_on_looks_at_everything(small: Scene) -> None:
    small.begin()
    until(lambda: len(small.alive()) == 3)
    small.storyline.set_source_paused("photos", True)
    small.place.ear.hear("0.jpg")
    until(lambda: small.standing() == (False, None))
    small.place.folder.write("meanwhile.jpg", picture(80))
    [row] = [each for each in small.storyline.check().checks if each.name == "source photos"]
    assert (row.status, row.message) == ("healthy", "is switched off")
    small.storyline.set_source_paused("photos", False)
    until(lambda: "meanwhile.jpg" in small.alive())
    assert small.alive() == {"0.jpg", "1.jpg", "2.jpg", "meanwhile.jpg"}


def test_a_mistake_in_a_plugin_ends_no_loop(small: Scene) -> None:
    small.place.faults.order("watch", ValueError("a bug"), times=1)
    small.place.faults.order("list_media", NeedsPerson("The token is gone.", remedy="Log in."), times=1)
    entry = attrs.evolve(small.storyline.settings.sources["photos"], sync_interval=timedelta(seconds=0.2))
    small.begin(entry=entry)
    until(lambda: len(small.alive()) == 3)


def test_stopping_cuts_short_what_is_long(small: Scene) -> None:
    stop, cut = Stop(patient_for=timedelta(seconds=0.2)), threading.Event()

    def body() -> None:
        while True:
            time.sleep(0.01)
            try:
                stop.cut_short()
            except Exception:
                cut.set()
                raise

    loop = Loop("long", body, stop)
    loop.start()
    stop.say()
    assert loop.ends_within(timedelta(seconds=PATIENCE_S))
    assert cut.is_set()
