"""Who is at what at the same time in a quarter: no two workers at one post, and no two publish onto one stage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

import attrs

from storyline_core import Draft, Found, Handle, Message, Publication
from storyline_core.hookspecs import hookimpl
from storyline_core.interfaces import Kind, NotifierKind, PublisherKind, Runtime, Traits
from storyline_core.testing.faults import Faults
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_core.testing.memory_stage import MemoryPublisher, MemoryStage
from storyline_core.testing.memory_team import MemoryNotifier, MemoryTeam
from tests.end_to_end.quarter_hands import Hand, hand_here
from tests.end_to_end.world import SetClock

ALONE_FOR = timedelta(minutes=4)
"""How long nobody else may begin. A claim is a little longer, and begins a little before the call it is for."""


@attrs.frozen
class Call:
    """A worker that is at something, what it does there, and since when nobody else may."""

    hand: Hand | None
    name: str
    post_id: str
    since: datetime


@attrs.define
class Alone:
    """All that workers are at just now. `wrong` is who was not alone."""

    clock: SetClock
    wrong: list[str] = attrs.field(factory=list)
    calls: Counter[str] = attrs.field(factory=Counter)
    _at: dict[str, list[Call]] = attrs.field(factory=lambda: defaultdict(list))
    _last: dict[Hand | None, Call] = attrs.field(factory=dict)

    @contextmanager
    def during(self, name: str, post_id: str, *more: str) -> Iterator[None]:
        """Surrounds a call about a post; `more` is what else the worker has to be alone at."""
        hand = hand_here()
        call = Call(hand, name, post_id, self._since(hand, name, post_id))
        self._last[hand] = call
        self.calls[name] += 1
        with ExitStack() as stack:
            for subject in (f"post {post_id}", *more):
                stack.enter_context(self._at_it(subject, call))
            yield

    def _since(self, hand: Hand | None, name: str, post_id: str) -> datetime:
        before = self._last.get(hand)
        # Who asks first and publishes then does both with one right.
        asked = name == "publish" and before is not None and (before.name, before.post_id) == ("find", post_id)
        return before.since if asked and before is not None else self.clock.at

    @contextmanager
    def _at_it(self, subject: str, call: Call) -> Iterator[None]:
        for other in self._at[subject]:
            living = other.hand is None or not other.hand.dead
            if living and call.since - other.since < ALONE_FOR:
                names = f"{_name(other)} is at {other.name} since {other.since}"
                self.wrong.append(f"{subject}: {_name(call)} begins {call.name} at {call.since}, but {names}")
        self._at[subject].append(call)
        try:
            yield
        finally:
            self._at[subject].remove(call)


def _name(call: Call) -> str:
    return call.hand.name if call.hand is not None else "somebody"


class LonePublisher(MemoryPublisher):
    """A publisher that notes who is at which post, and on which stage."""

    def __init__(self, runtime: Runtime, stage: MemoryStage, faults: Faults, alone: Alone) -> None:
        super().__init__(runtime, stage, faults)
        self._alone = alone

    def prepare(self, draft: Draft) -> Handle:
        with self._alone.during("prepare", draft.post.id):
            return super().prepare(draft)

    def publish(self, handle: Handle) -> Publication:
        with self._alone.during("publish", _post_of(handle), f"stage {handle.publisher}"):
            return super().publish(handle)

    def find(self, handle: Handle) -> Found:
        with self._alone.during("find", _post_of(handle)):
            return super().find(handle)


class LoneNotifier(MemoryNotifier):
    """A notifier that notes who is showing which post."""

    def __init__(self, name: str, team: MemoryTeam, faults: Faults, alone: Alone) -> None:
        super().__init__(name, team, faults)
        self._alone = alone

    def offer(self, draft: Draft) -> Message:
        with self._alone.during("offer", draft.post.id):
            return super().offer(draft)


def _post_of(handle: Handle) -> str:
    return handle.token.rpartition("-")[0]


class WatchedPlugin(MemoryPlugin):
    """The places in memory, where it is noted who is at what."""

    def __init__(self, alone: Alone) -> None:
        super().__init__()
        self._alone = alone

    @hookimpl
    def storyline_notifiers(self) -> Sequence[NotifierKind]:
        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[LoneNotifier]:
            yield LoneNotifier(runtime.name, self.team(options.place), self.faults, self._alone)

        return [Kind("memory", Place, opened)]

    @hookimpl
    def storyline_publishers(self) -> Sequence[PublisherKind]:
        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[LonePublisher]:
            yield LonePublisher(runtime, self.stage(options.place), self.faults, self._alone)

        careful = Traits(rehearses=True, ripens=True)
        return [Kind("memory", Place, opened), Kind("memory-careful", Place, opened, careful)]
