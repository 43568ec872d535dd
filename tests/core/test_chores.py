"""When the regular tasks of upkeep are due: neither skipped nor repeated, whatever clocks and machines do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.chores import AFRESH, AT_NIGHT, LONGEST_RETRY, Chore, Daily, Every, is_due, rest_after

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
instants = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, st.sampled_from(ZONES), st.integers(1, 72))
def test_over_any_stretch_it_is_done_once_for_each_night(start: datetime, zone: str, days: int) -> None:
    rhythm = Daily(ZoneInfo(zone))
    chore, done = Chore("backup"), []
    moment = start
    while moment < start + days * DAY:
        if is_due(chore, rhythm, moment):
            chore = attrs.evolve(chore, done_at=moment, tried_at=moment)
            done.append(moment)
        moment += timedelta(minutes=20)
    nights = {at.astimezone(rhythm.zone).date() - DAY * (at.astimezone(rhythm.zone).time() < AT_NIGHT) for at in done}
    assert len(nights) == len(done), "twice for one night"
    # Apia once skipped a whole day; nobody can do anything on a day that there was not.
    assert len(done) >= (moment - start) // (DAY + HOUR) - (zone == "Pacific/Apia")


@pytest.mark.parametrize(
    ("done_at", "now", "due"),
    [
        ("2026-05-01 01:00", "2026-05-01 01:29", False),
        ("2026-05-01 01:00", "2026-05-01 01:31", True),
        ("2026-05-01 01:31", "2026-05-01 23:00", False),
        ("2026-05-01 01:31", "2026-05-02 01:31", True),
        # A week with the machine off is one turn, not seven.
        ("2026-05-01 01:31", "2026-05-08 12:00", True),
        ("2026-05-08 12:00", "2026-05-08 12:01", False),
        # The night in which the clocks go forward, and that in which they go back.
        ("2026-03-28 02:31", "2026-03-29 01:29", False),
        ("2026-03-28 02:31", "2026-03-29 01:31", True),
        ("2026-10-25 00:59", "2026-10-25 02:29", False),
        ("2026-10-24 01:31", "2026-10-25 02:31", True),
    ],
)
def test_the_night_is_that_of_the_accounts(done_at: str, now: str, due: bool) -> None:
    chore = Chore("backup", done_at=at(done_at), tried_at=at(done_at))
    assert is_due(chore, Daily(BERLIN), at(now)) is due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_was_never_done_is_due_and_what_was_done_in_the_future_too() -> None:
    now = at("2026-05-01 12:00")
    for rhythm in (Daily(BERLIN), Every(HOUR)):
        assert is_due(Chore("x"), rhythm, now)
        assert is_due(Chore("x", done_at=now + DAY, tried_at=now + DAY), rhythm, now)
        assert is_due(Chore("x", tried_at=now + DAY, failures=9), rhythm, now)


def test_a_start_is_a_reason_for_what_is_done_hourly_but_not_right_after_it_was_done() -> None:
    now = at("2026-05-01 12:00")
    for age, at_start, due in (
        (HOUR, False, True),
        (HOUR / 2, False, False),
        (HOUR / 2, True, True),
        (AFRESH / 2, True, False),
    ):
        assert is_due(Chore("x", done_at=now - age, tried_at=now - age), Every(HOUR), now, at_start=at_start) is due
    assert not is_due(Chore("x", done_at=now - HOUR, tried_at=now - HOUR), Daily(BERLIN), now, at_start=True)


@given(st.integers(1, 100))
def test_after_failures_it_waits_ever_longer_but_never_for_long(failures: int) -> None:
    now = at("2026-05-01 12:00")
    chore = Chore("x", tried_at=now, failures=failures)
    rest = rest_after(failures)
    assert rest <= rest_after(failures + 1) <= LONGEST_RETRY
    assert not is_due(chore, Every(timedelta(0)), now + rest - timedelta(seconds=1), at_start=True)
    assert is_due(chore, Daily(BERLIN), now + rest)
