"""What people do in a quarter: they answer cards, early, late or never, and look after the library meanwhile."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from random import Random

import attrs

from storyline_core import Decision, DecisionError, MediaItem, PostEvent, PostState, Storyline
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.testing.memory_team import Card, MemoryTeam
from tests.end_to_end.world import SetClock

ANSWERS = {
    PostEvent.POSTED: 58,
    PostEvent.SKIP: 9,
    PostEvent.SNOOZE: 8,
    PostEvent.SWAP: 8,
    PostEvent.RESERVE: 8,
    PostEvent.APPROVE: 6,
    PostEvent.REJECT: 3,
}
PATIENCE = timedelta(hours=2)
"""How long a card lies on average before somebody does something about it."""

IGNORED = 0.08
"""How many cards nobody ever answers."""

PEOPLE = ("ada", "ben", "cleo")


@attrs.frozen
class ByHand:
    """A hold that a person made: on which content, for which account (None: all), from when and until when."""

    item_id: int
    digest: str
    account: str | None
    made: datetime
    until: datetime | None


@attrs.frozen
class Freed:
    """A release that a person made."""

    item_id: int
    digest: str
    at: datetime


@attrs.define
class Deeds:
    """What people did and remember having done."""

    taps: Counter[str] = attrs.field(factory=Counter)
    held: list[ByHand] = attrs.field(factory=list)
    freed: list[Freed] = attrs.field(factory=list)
    refused: int = 0


class People:
    """Everybody who answers cards, and those who look after the library. Only their hands are random."""

    def __init__(self, plugin: MemoryPlugin, teams: dict[str, str], random: Random, clock: SetClock) -> None:
        self.deeds = Deeds()
        self._plugin, self._teams, self._random, self._clock = plugin, teams, random, clock
        self._last = clock.at
        self._wishes = itertools.count()
        self._resting: list[str] = []

    def teams(self) -> list[MemoryTeam]:
        """Every team as it is."""
        return [self._plugin.team(place) for place in self._teams]

    def answer(self, posts: dict[str, PostState]) -> None:
        """Let each team look at its cards; `posts` says how the posts of the last days stand."""
        passed, self._last = self._clock.at - self._last, self._clock.at
        likely = 1 - 2 ** -(passed / PATIENCE)
        for place, account in self._teams.items():
            newest = {card.draft.post.id: card for card in self._plugin.team(place).shown[-80:]}
            for post_id, card in newest.items():
                state = posts.get(post_id)
                if state is None or hash_share(post_id) < IGNORED:
                    continue
                if state.settled or state in (PostState.APPROVED, PostState.PREPARED):
                    self._regret(place, card, state)
                elif state is not PostState.UNCERTAIN and self._random.random() < likely:
                    self._tap(place, account, card)

    def _regret(self, place: str, card: Card, state: PostState) -> None:
        decided = card.post.decided_at
        lately = decided is not None and self._clock.at - decided < timedelta(minutes=30)
        if lately and state is not PostState.MISSED and self._random.random() < 0.06:
            self._send(place, card, PostEvent.UNDO)

    def _tap(self, place: str, account: str, card: Card) -> None:
        events = dict(ANSWERS)
        if not card.draft.publishable:
            events.pop(PostEvent.APPROVE)
        event = self._random.choices(list(events), list(events.values()))[0]
        self._send(place, card, event)
        if self._random.random() < 0.05:
            # Two people at once, or one who taps twice.
            self._send(place, card, self._random.choice((event, PostEvent.SKIP, PostEvent.POSTED)))

    def _send(self, place: str, card: Card, event: PostEvent) -> None:
        self.deeds.taps[event] += 1
        until = self._clock.at + timedelta(hours=3) * self._random.random() if event is PostEvent.SNOOZE else None
        fresh = self._random.random() < 0.9
        self._plugin.team(place).waiting.append(
            Decision(
                card.draft.post.id,
                event,
                f"{place}:{self._random.choice(PEOPLE)}",
                revision=card.post.revision if fresh else card.draft.revision,
                until=until,
                message=card.message,
            )
        )

    # Those who look after the library, at the command line

    def look_after(self, storyline: Storyline, hours: float) -> None:
        """What those do now and then in so many hours who look after it all."""
        for deed, a_day in (
            (self._hold, 2.0),
            (self._release, 0.7),
            (self._post_beside, 0.8),
            (self._pause, 0.0 if self._resting else 0.05),
            (self._rest_source, 0.0 if self._resting else 0.1),
            (self._wake, 2.0 if self._resting else 0.0),
        ):
            if self._random.random() < a_day * hours / 24:
                try:
                    deed(storyline)
                except DecisionError:
                    self.deeds.refused += 1

    def mend(self, storyline: Storyline, waiting: list[tuple[str, PostState, datetime]], out: set[str]) -> None:
        """Look whether uncertain stories are live, and say so; take back what failed, now and then."""
        for post_id, state, since in waiting:
            if state is PostState.UNCERTAIN and self._clock.at - since > timedelta(hours=2):
                event = PostEvent.RESOLVE_LIVE if post_id in out else PostEvent.RESOLVE_NOT_LIVE
            elif state is PostState.FAILED and self._random.random() < 0.02:
                event = PostEvent.RETRY
            else:
                continue
            try:
                storyline.decide(Decision(post_id, event, "cli:ada"))
                self.deeds.taps[event] += 1
            except DecisionError:
                self.deeds.refused += 1

    def _some_item(self, storyline: Storyline) -> MediaItem:
        with storyline.read() as unit:
            waiting = unit.queue.unsettled(self._random.choice(sorted(self._teams.values())))
            if waiting and self._random.random() < 0.5:
                chosen = self._random.choice(waiting).item_id
                if chosen is not None:
                    return unit.library.item(chosen)
            return unit.library.item(self._random.randint(1, 40))

    def _hold(self, storyline: Storyline) -> None:
        item = self._some_item(storyline)
        account = self._random.choice((None, *sorted(self._teams.values())))
        until = self._random.choice((None, self._clock.at + timedelta(days=20) * (0.1 + self._random.random())))
        if item.digest is None:
            return
        self.deeds.held.append(ByHand(item.id, item.digest, account, self._clock.at, until))
        storyline.hold_item(item.id, by="cli:ada", until=until, account=account)
        self.deeds.taps["hold"] += 1

    def _release(self, storyline: Storyline) -> None:
        if not self.deeds.held:
            return
        held = self._random.choice(self.deeds.held)
        self.deeds.freed.append(Freed(held.item_id, held.digest, self._clock.at))
        storyline.release_item(held.item_id, by="cli:ada")
        self.deeds.taps["release"] += 1

    def _post_beside(self, storyline: Storyline) -> None:
        account = self._random.choice(sorted(self._teams.values()))
        at = self._clock.at + timedelta(hours=6) * self._random.random() if self._random.random() < 0.5 else None
        storyline.post_beside(account, by="cli:ada", at=at, wish=f"wish {next(self._wishes)}")
        self.deeds.taps["beside"] += 1

    def _pause(self, storyline: Storyline) -> None:
        account = self._random.choice(sorted(self._teams.values()))
        self._resting.append(account)
        storyline.set_paused(account, True)
        self.deeds.taps["account switched off"] += 1

    def _rest_source(self, storyline: Storyline) -> None:
        source = self._random.choice(sorted(storyline.settings.sources))
        self._resting.append(source)
        storyline.set_source_paused(source, True)
        self.deeds.taps["source switched off"] += 1

    def _wake(self, storyline: Storyline) -> None:
        name = self._resting.pop()
        if name in storyline.settings.sources:
            storyline.set_source_paused(name, False)
        else:
            storyline.set_paused(name, False)

    def go_home(self, storyline: Storyline) -> None:
        """Switch everything on again."""
        for account in storyline.settings.accounts:
            storyline.set_paused(account, False)
        for source in storyline.settings.sources:
            storyline.set_source_paused(source, False)


def hash_share(text: str) -> float:
    """A number from 0 to below 1 that belongs to a text."""
    return sum(text.encode()) % 97 / 97
