"""Cards find their chat, and quiet hours are quiet over midnight and in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Description, MediaItem
from storyline_core.testing.strategies import instants, zones
from storyline_telegram.routes import (
    Delivery,
    Place,
    QuietHours,
    Route,
    Urgency,
    delivery,
    moved,
    place_for,
    quiet_until,
)
from tests.local.drafts import BERLIN, draft_of

HOME = Place(-1001)
ROUTES = (
    Route(-1002, 7, tags=("Merch",)),
    Route(-1003, categories=("memes",), tags=("cats",)),
    Route(-1004, categories=("memes",)),
)
NIGHT = QuietHours(time(22), time(7), BERLIN)


def item(folder: str, *tags: str) -> MediaItem:
    return attrs.evolve(draft_of(b"").item, folder=folder, description=Description(tags=tags))


@pytest.mark.parametrize(
    ("of", "place"),
    [
        (item("memes", "#merch"), Place(-1002, 7)),
        (item("Memes/deep", "cats"), Place(-1003)),
        (item("memes"), Place(-1004)),
        (item("other", "cats"), HOME),
        (item(""), HOME),
    ],
)
def test_the_first_route_that_matches_wins(of: MediaItem, place: Place) -> None:
    assert place_for(of, ROUTES, HOME) == place


def test_a_route_without_conditions_takes_everything() -> None:
    assert place_for(item("x"), (Route(5),), HOME) == Place(5)


def test_a_group_that_became_a_supergroup_is_followed() -> None:
    assert [each.chat for each in moved(ROUTES, -1003, -100999)] == [-1002, -100999, -1004]


@pytest.mark.parametrize(
    ("hour", "ends"),
    [(21, None), (22, 2), (23, 2), (2, 1), (6, 1), (7, None), (12, None)],
)
def test_a_night_reaches_over_midnight(hour: int, ends: int | None) -> None:
    now = datetime(2026, 5, 1, hour, tzinfo=BERLIN)
    expected = None if ends is None else datetime(2026, 5, ends, 7, tzinfo=BERLIN)
    assert quiet_until(NIGHT, now.astimezone(UTC)) == expected


def test_a_night_in_which_the_clocks_change_ends_at_seven_by_the_clock() -> None:
    found = quiet_until(NIGHT, datetime(2026, 3, 28, 23, 30, tzinfo=BERLIN).astimezone(UTC))
    assert found == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)


@given(instants, zones, st.times(), st.times())
def test_quiet_is_what_the_clock_says(now: datetime, zone: ZoneInfo, begins: time, ends: time) -> None:
    quiet = QuietHours(begins, ends, zone)
    until = quiet_until(quiet, now)
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        assert quiet_until(quiet, until) is None or begins == ends
    elif begins != ends and all(
        (now + timedelta(hours=h)).astimezone(zone).utcoffset() == now.astimezone(zone).utcoffset() for h in (-26, 26)
    ):
        clock = now.astimezone(zone).time()
        inside = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
        assert not inside


def test_errors_are_heard_cards_come_silently_and_news_waits() -> None:
    night, noon = datetime(2026, 5, 1, 22, tzinfo=UTC), datetime(2026, 5, 1, 10, tzinfo=UTC)
    morning = datetime(2026, 5, 2, 5, tzinfo=UTC)
    assert {each: delivery(each, NIGHT, night) for each in Urgency} == {
        Urgency.CARD: Delivery(silent=True),
        Urgency.WARNING: Delivery(held_until=morning),
        Urgency.NEWS: Delivery(held_until=morning),
        Urgency.ERROR: Delivery(),
    }
    assert delivery(Urgency.NEWS, attrs.evolve(NIGHT, hold=False), night) == Delivery(silent=True)
    assert {delivery(each, NIGHT, noon) for each in Urgency} == {Delivery()}
    assert {delivery(each, None, night) for each in Urgency} == {Delivery()}
