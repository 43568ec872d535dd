"""One worker at a time is at a post, and one at a time publishes: whoever comes meanwhile goes away without a word.

The other one comes in the middle of the call, with what it read before: nothing but the claim can keep it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import attrs
import pytest

from storyline_core import (
    Decision,
    Entry,
    Mode,
    Post,
    PostEvent,
    PostState,
    Settings,
    Storyline,
    Uncertain,
    load_plugins,
)
from storyline_core.agenda import CLAIM_FOR
from storyline_core.steps import publish
from storyline_core.steps.offer import offer
from storyline_core.steps.settle import find
from storyline_core.store import open_store
from storyline_core.testing.faults import Faults
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, settings_of
from tests.end_to_end.world import START, SetClock

FIRST_SLOT = START + timedelta(hours=3)
SECOND = timedelta(seconds=1)
Step = Callable[[Storyline, Post], Post]


class Meanwhile(Faults):
    """Lets something happen in the middle of the next call of that name, before it has its effect."""

    def __init__(self) -> None:
        super().__init__()
        self.call = ""
        self.happens: Callable[[], object] = lambda: None

    def when(self, call: str, happens: Callable[[], object]) -> None:
        self.call, self.happens = call, happens

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        if call == self.call:
            self.call = ""
            self.happens()
        with super().around(call):
            yield


@attrs.frozen
class Scene:
    """Two workers of one account at its first slot."""

    mine: Storyline
    other: Storyline
    plugin: MemoryPlugin
    meanwhile: Meanwhile
    clock: SetClock

    def post(self, ordinal: int = 0) -> Post:
        with self.mine.read() as unit:
            return next(
                post for post in unit.queue.unsettled("main") if post.slot_key == f"main/2026-05-01/{ordinal}"
            )  # fmt: skip

    def calls(self, name: str) -> int:
        return self.plugin.faults.calls.count(name)


@contextmanager
def working(settings: Settings, plugin: MemoryPlugin, clock: SetClock, name: str) -> Iterator[Storyline]:
    """A worker of that name."""
    with ExitStack() as stack:
        store = open_store(settings.database_url)
        stack.callback(store.close)
        yield Storyline(settings, load_plugins(extra=[plugin], entry_points=False), store, stack, clock, name)


@contextmanager
def scene_of(database_url: str, mode: Mode = Mode.AUTO, publisher: str = "memory") -> Iterator[Scene]:
    settings = settings_of(database_url, mode=mode)
    settings = attrs.evolve(settings, publishers=[Entry("stage", publisher, Place())])
    plugin, meanwhile, clock = MemoryPlugin(), Meanwhile(), SetClock()
    plugin.faults = meanwhile
    fill_folder(plugin, 8)
    with (
        working(settings, plugin, clock, "mine") as mine,
        working(settings, plugin, clock, "other") as other,
    ):
        mine.tick()
        clock.at = FIRST_SLOT
        yield Scene(mine, other, plugin, meanwhile, clock)


def _offer(storyline: Storyline, post: Post) -> Post:
    return offer(storyline.line("main"), post, storyline.clock())


def _approve(storyline: Storyline, post: Post) -> Post:
    return publish.approve_by_rule(storyline.line("main"), post, storyline.clock(), "")


def _prepare(storyline: Storyline, post: Post) -> Post:
    return publish.prepare(storyline.line("main"), post, storyline.clock())


def _publish(storyline: Storyline, post: Post) -> Post:
    return publish.publish(storyline.line("main"), post, storyline.clock())


def _find(storyline: Storyline, post: Post) -> Post:
    return find(storyline.line("main"), post, storyline.clock())


@attrs.frozen
class Case:
    """A step with one call, what goes before it, and what the post is when it went well."""

    call: str
    step: Step
    before: tuple[Step, ...]
    ends: PostState
    mode: Mode = Mode.AUTO


CASES = [
    Case("offer", _offer, (), PostState.OFFERED, Mode.MANUAL),
    Case("prepare", _prepare, (_approve,), PostState.PREPARED),
    Case("publish", _publish, (_approve, _prepare), PostState.POSTED),
    Case("find", _find, (_approve, _prepare, _publish), PostState.POSTED),
]


def _ready(scene: Scene, case: Case) -> Post:
    """The post as it is before the step."""
    if case.call == "find":
        scene.plugin.faults.order("publish", Uncertain("the answer was lost"), after=True)
    post = scene.post()
    for step in case.before:
        post = step(scene.mine, post)
    return post


@pytest.mark.parametrize("case", CASES, ids=[case.call for case in CASES])
def test_another_worker_that_comes_in_the_middle_of_a_call_does_nothing(database_url: str, case: Case) -> None:
    with scene_of(database_url, case.mode) as scene:
        seen = _ready(scene, case)
        given: list[Post] = []
        scene.meanwhile.when(case.call, lambda: given.append(case.step(scene.other, seen)))
        assert case.step(scene.mine, seen).state is case.ends
        assert given == [seen]
        assert scene.calls(case.call) == 1
        assert scene.plugin.stage().published() == (1 if case.ends is PostState.POSTED else 0)


@pytest.mark.parametrize("case", CASES[1:2] + CASES[3:], ids=["prepare", "find"])
def test_a_claim_keeps_others_away_until_it_lapses_and_no_longer(database_url: str, case: Case) -> None:
    with scene_of(database_url) as scene:
        seen = _ready(scene, case)
        given: list[Post] = []

        def another_comes_twice() -> None:
            scene.clock.forward(CLAIM_FOR - SECOND)
            given.append(case.step(scene.other, seen))
            scene.clock.forward(SECOND)
            given.append(case.step(scene.other, seen))

        scene.meanwhile.when(case.call, another_comes_twice)
        case.step(scene.mine, seen)
        assert [post.state for post in given] == [seen.state, case.ends]
        assert scene.calls(case.call) == 2


@pytest.mark.parametrize("publisher", ["memory", "memory-careful"])
def test_what_took_longer_than_its_claim_is_not_published_any_more(database_url: str, publisher: str) -> None:
    """Another may be at it by then. A careful publisher is asked first, and that may take long."""
    with scene_of(database_url, publisher=publisher) as scene:
        ready = _prepare(scene.mine, _approve(scene.mine, scene.post()))
        begun = scene.clock()
        if publisher == "memory":
            scene.clock.forward(CLAIM_FOR)
        else:
            scene.meanwhile.when("find", lambda: scene.clock.forward(CLAIM_FOR))
        after = publish.publish(scene.mine.line("main"), ready, begun)
        assert (after.state, after.claimed_by) == (PostState.PREPARED, None)
        assert scene.calls("publish") == 0
        assert _publish(scene.mine, after).state is PostState.POSTED


def test_two_posts_are_not_published_at_once_by_one_publisher(database_url: str) -> None:
    with scene_of(database_url) as scene:
        one, two = (_prepare(scene.mine, _approve(scene.mine, scene.post(ordinal))) for ordinal in (0, 1))
        given: list[Post] = []
        scene.meanwhile.when("publish", lambda: given.append(_publish(scene.other, two)))
        assert _publish(scene.mine, one).state is PostState.POSTED
        assert given == [two]
        assert scene.plugin.stage().published() == 1
        assert _publish(scene.other, two).state is PostState.POSTED


def test_who_comes_back_after_its_claim_was_taken_over_writes_nothing(database_url: str) -> None:
    """It has prepared what nobody needs any more: that is thrown away, and what the other is at stays as it is."""
    with scene_of(database_url) as scene:
        seen = _approve(scene.mine, scene.post())

        def another_takes_over() -> None:
            now = scene.clock.forward(CLAIM_FOR)
            with scene.other.store.begin() as unit:
                unit.queue.claim(seen, "other", until=now + CLAIM_FOR, now=now)

        scene.meanwhile.when("prepare", another_takes_over)
        after = _prepare(scene.mine, seen)
        assert (after.state, after.handle, after.claimed_by) == (PostState.APPROVED, None, "other")
        assert after == scene.post()
        assert not scene.plugin.stage().prepared


def test_what_a_person_decided_in_the_middle_of_a_call_stands(database_url: str) -> None:
    """A move compares the revision: what the call came to is not written over it."""
    with scene_of(database_url) as scene:
        seen = _approve(scene.mine, scene.post())

        def somebody_skips() -> None:
            scene.other.decide(Decision(seen.id, PostEvent.SKIP, "cli:anna"))

        scene.meanwhile.when("prepare", somebody_skips)
        assert _prepare(scene.mine, seen).state is PostState.SKIPPED
        assert not scene.plugin.stage().prepared
        assert scene.mine.post(seen.id).state is PostState.SKIPPED
