"""Times are said as people say them, and tomorrow morning is tomorrow morning in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from storyline_core.testing.strategies import instants, zones
from storyline_telegram.moments import (
    HoldFor,
    Snooze,
    full_day,
    hold_end,
    megabytes,
    moment,
    near,
    snooze_end,
)
from tests.local.drafts import AT, BERLIN


@given(instants, zones)
def test_snoozes_and_holds_lie_ahead(now: datetime, zone: ZoneInfo) -> None:
    for choice in Snooze:
        assert snooze_end(choice, now, zone, time(9)) > now
    ends = [hold_end(choice, now, zone) for choice in HoldFor]
    assert ends[-1] is None
    known = [each for each in ends if each is not None]
    assert now < known[0] < known[1] < known[2]
    morning = snooze_end(Snooze.MORNING, now, zone, time(9)).astimezone(zone)
    assert (morning.hour, morning.date()) == (9, now.astimezone(zone).date() + timedelta(days=1))


@pytest.mark.parametrize(
    ("now", "choice", "end"),
    [
        (datetime(2026, 1, 31, 12, tzinfo=UTC), HoldFor.MONTH, datetime(2026, 2, 28, 12, tzinfo=UTC)),
        (datetime(2026, 11, 30, 12, tzinfo=UTC), HoldFor.THREE_MONTHS, datetime(2027, 2, 28, 12, tzinfo=UTC)),
        (datetime(2026, 12, 15, 12, tzinfo=UTC), HoldFor.MONTH, datetime(2027, 1, 15, 12, tzinfo=UTC)),
        (datetime(2026, 3, 15, 12, tzinfo=UTC), HoldFor.MONTH, datetime(2026, 4, 15, 11, tzinfo=UTC)),
        (datetime(2026, 3, 15, 12, tzinfo=UTC), HoldFor.WEEK, datetime(2026, 3, 22, 12, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(now: datetime, choice: HoldFor, end: datetime) -> None:
    zone = BERLIN if now.month == 3 else ZoneInfo("UTC")
    assert hold_end(choice, now, zone) == end


def test_times_as_people_say_them() -> None:
    at = AT + timedelta(minutes=12)
    assert moment(at, BERLIN) == "Fri 1 May, 09:12 Europe/Berlin"
    assert full_day(at, BERLIN) == "Fri 1 May 2026"
    said = [near(at, BERLIN, AT + timedelta(days=days)) for days in (0, -1, 1, 5, 300)]
    assert said == ["09:12", "tomorrow 09:12", "yesterday 09:12", "Fri 1 May 09:12", "Fri 1 May 2026 09:12"]
    assert [megabytes(n) for n in (0, 840_000, 4_200_000, 62_400_000)] == ["1 kB", "840 kB", "4.2 MB", "62 MB"]
