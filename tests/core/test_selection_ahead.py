"""A plan that looks ahead against weeks of filling, hour by hour, in which every post goes as planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.accounts import Account, Mix
from storyline_core.selection import Candidate, Opening, Placed, as_posted, plan

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)


class Weeks:
    """A store in a few lines: what is filled when, from the first turn to the last slot."""

    def __init__(self, library: list[Candidate], account: Account, slots: list[Opening]) -> None:
        self.library = {each.item_id: each for each in library}
        self.account = account
        self.open = list(slots)
        self.filled: dict[str, int] = {}
        self.waiting = [(each.waiting_at, each.item_id) for each in library if each.waiting_at is not None]

    def live(self) -> dict[str, int]:
        """Turns every half hour; slots stand on the hour, so that no turn has to race a posting."""
        now = NOW
        while self.open:
            self.open = [opening for opening in self.open if opening.at >= now]
            self._fill(now)
            for at, item_id in [each for each in self.waiting if each[0] <= now]:
                self.waiting.remove((at, item_id))
                self._posted(item_id, at)
            now += HALF
        return self.filled

    def _fill(self, now: datetime) -> None:
        openings = [opening for opening in self.open if opening.at <= now + self.account.fill_ahead]
        for pick in plan(list(self.library.values()), self.account, openings):
            if pick.candidate is not None:
                self.filled[pick.post_id] = pick.candidate.item_id
                self.waiting.append((pick.at, pick.candidate.item_id))
                self.open = [opening for opening in self.open if opening.post_id != pick.post_id]
                for twin in self._copies(pick.candidate.item_id):
                    self.library[twin.item_id] = attrs.evolve(twin, waiting=True, waiting_at=pick.at)

    def _posted(self, item_id: int, at: datetime) -> None:
        as_it_goes = attrs.evolve(self.account, fill_ahead=timedelta())
        for twin in self._copies(item_id):
            self.library[twin.item_id] = as_posted(twin, at, as_it_goes)

    def _copies(self, item_id: int) -> list[Candidate]:
        item = self.library[item_id]
        alike = [each for each in self.library.values() if item.digest and each.digest == item.digest]
        return alike or [item]


@st.composite
def states(draw: st.DrawFn) -> tuple[list[Candidate], Account, list[Opening]]:
    account = Account(
        name="main",
        sources=(),
        cooldown_posted=draw(st.integers(0, 40)) * HOUR,
        fill_ahead=draw(st.sampled_from([0, 1, 5, 23])) * HOUR + HALF,
    )
    library = []
    for number in range(draw(st.integers(1, 6))):
        ago = draw(st.none() | st.integers(41, 90))
        item = Candidate(
            item_id=number,
            digest=f"digest{number}",
            category="",
            last_posted_at=None if ago is None else NOW - ago * HOUR,
            times_posted=0 if ago is None else 1,
        )
        library.append(item)
        if draw(st.booleans()):
            library.append(attrs.evolve(item, item_id=100 + number))
    count = draw(st.integers(1, 25))
    at, slots = NOW, []
    for number in range(count):
        at += draw(st.integers(1, 9)) * HOUR
        slots.append(Opening(f"post{number}", at))
    return library, account, slots


@settings(max_examples=150)
@given(states())
def test_weeks_of_filling_give_what_the_plan_said_on_the_first_day(
    state: tuple[list[Candidate], Account, list[Opening]],
) -> None:
    library, account, slots = state
    foreseen = {
        pick.post_id: pick.candidate.item_id
        for pick in plan(library, account, slots, ahead=True)
        if pick.candidate is not None
    }
    assert Weeks(library, account, slots).live() == foreseen


@given(states(), st.integers(1, 30))
def test_so_does_a_plan_made_in_between_while_posts_are_waiting(
    state: tuple[list[Candidate], Account, list[Opening]], waiting_for: int
) -> None:
    library, account, slots = state
    due = NOW + waiting_for * HOUR
    first = library[0].digest
    library = [attrs.evolve(each, waiting=True, waiting_at=due) if each.digest == first else each for each in library]
    slots = [opening for opening in slots if opening.at > due]
    foreseen = {
        pick.post_id: pick.candidate.item_id
        for pick in plan(library, account, slots, ahead=True)
        if pick.candidate is not None
    }
    assert Weeks(library, account, slots).live() == foreseen


def test_what_is_outside_the_mix_does_not_come_again_because_it_waits() -> None:
    account = Account(name="main", sources=(), mix=Mix({"memes": 1}), cooldown_posted=timedelta(), fill_ahead=23 * HOUR)
    beside = Candidate(item_id=1, digest="a", category="merch", waiting=True, waiting_at=NOW)
    picks = plan([beside], account, [Opening("post", NOW + HOUR)], Placed(), ahead=True)
    assert picks[0].candidate is None


def test_a_filling_leaves_alone_what_waits() -> None:
    account = Account(name="main", sources=(), cooldown_posted=timedelta(), fill_ahead=23 * HOUR)
    waiting = Candidate(item_id=1, digest="a", category="", waiting=True, waiting_at=NOW)
    slots = [Opening("one", NOW + HOUR), Opening("two", NOW + 30 * HOUR)]
    assert [pick.candidate is None for pick in plan([waiting], account, slots)] == [True, True]
    assert [pick.candidate is None for pick in plan([waiting], account, slots, ahead=True)] == [False, False]
