"""What people did, counted from the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from storyline_core.posts import DECISIONS, ITSELF, PostEvent
from storyline_core.tallies import Deed, busiest, tally, top

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENTS = sorted({*DECISIONS, PostEvent.OFFERED, PostEvent.OFFER, PostEvent.PUBLISHED})


def deed(minutes: float, event: str, by: str = "storyline", post: str = "p") -> Deed:
    return Deed(post, NOON + timedelta(minutes=minutes), event, by)


def test_the_first_decision_on_a_card_answers_it() -> None:
    deeds = [
        deed(0, "offered"),
        deed(3, "reserve", "ann"),
        deed(10, "posted", "bob"),
        deed(10, "offered", post="q"),
        deed(15, "skip", "ann", "q"),
        deed(20, "undo", "ann", "q"),
        deed(21, "offered", post="q"),
        deed(22, "posted", "ann", "q"),
    ]
    found = tally(deeds, UTC)
    assert found["ann"].answered_in == timedelta(minutes=3)
    assert found["bob"].answered_in is None
    assert found["ann"].decisions == {"reserve": 1, "skip": 1, "undo": 1, "posted": 1}
    assert found["ann"].last_at == NOON + timedelta(minutes=22)
    assert set(found) == {"ann", "bob"}


def test_hours_are_those_of_the_wall() -> None:
    found = tally([deed(0, "skip", "ann"), deed(90, "skip", "ann")], ZoneInfo("Asia/Tokyo"))
    assert found["ann"].hours == {21: 1, 22: 1}


@given(
    st.lists(
        st.builds(
            deed,
            st.floats(0, 10_000),
            st.sampled_from(EVENTS),
            st.sampled_from(["ann", "bob", "storyline"]),
            st.sampled_from(["p", "q"]),
        )
    )
)
def test_nothing_is_counted_twice_or_lost(deeds: list[Deed]) -> None:
    found = tally(deeds, UTC)
    decided = [each for each in deeds if each.event in DECISIONS and each.by != ITSELF]
    assert sum(sum(each.decisions.values()) for each in found.values()) == len(decided)
    assert sum(sum(each.hours.values()) for each in found.values()) == len(decided)
    assert all(each.answered_in is None or each.answered_in >= timedelta() for each in found.values())
    assert all(found[each.by].last_at >= each.at for each in decided)  # type: ignore[operator]


def test_the_order_of_what_is_most() -> None:
    assert busiest({9: 2, 8: 2, 20: 5}, 2) == (20, 8)
    assert top({"b": 1, "a": 1, "c": 3}) == ("c", "a", "b")
