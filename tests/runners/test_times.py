"""Times and durations as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_runner import times
from storyline_runner.complaints import Misused

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)  # noon in Berlin


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("18:00", "2026-05-01T16:00:00Z"),
        ("9:30", "2026-05-02T07:30:00Z"),
        ("today 9:30", "2026-05-01T07:30:00Z"),
        ("Tomorrow 9:30", "2026-05-02T07:30:00Z"),
        ("2026-12-24 18:00", "2026-12-24T17:00:00Z"),
        ("2026-12-24T18:00:05+05:00", "2026-12-24T13:00:05Z"),
        ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
    ],
)
def test_moments(text: str, means: str) -> None:
    assert times.iso(times.read_instant(text, BERLIN, NOW)) == means


@pytest.mark.parametrize("text", ["", "noon", "25:00", "12:60", "2026-13-01 10:00", "tomorrow", "12"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(Misused, match="is not a time"):
        times.read_instant(text, BERLIN, NOW)


def test_ends_and_beginnings() -> None:
    assert times.read_end("30d", BERLIN, NOW) == NOW + timedelta(days=30)
    assert times.iso(times.read_end("2026-12-01", BERLIN, NOW)) == "2026-11-30T23:00:00Z"
    assert times.read_since("7d", BERLIN, NOW) == NOW - timedelta(days=7)
    assert times.iso(times.read_since("2026-04-01", BERLIN, NOW)) == "2026-03-31T22:00:00Z"
    with pytest.raises(Misused):
        times.read_end("2026-02-30", BERLIN, NOW)
    with pytest.raises(Misused, match="A date"):
        times.read_end("tomorrow", BERLIN, NOW)


def test_the_year_is_named_where_it_is_another() -> None:
    assert times.named(NOW + timedelta(days=250), BERLIN, seen_at=NOW) == "Wed 06 Jan 2027 11:00 Europe/Berlin"
    assert "2026" not in times.named(NOW + timedelta(days=200), BERLIN, seen_at=NOW)


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_reads_back(at: datetime) -> None:
    text = times.iso(at)
    assert text is not None
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == at


def test_the_zone_that_all_share() -> None:
    assert times.shared_zone([BERLIN, ZoneInfo("Europe/Berlin")]).key == "Europe/Berlin"
    assert times.shared_zone([BERLIN, ZoneInfo("Asia/Tokyo")]).key == "UTC"
    assert times.shared_zone([]).key == "UTC"


def test_a_year_far_away_is_shown() -> None:
    assert times.shown(NOW, BERLIN, seen_at=NOW) == "Fri 01 May 12:00"
    assert times.shown(NOW, BERLIN, seen_at=NOW + timedelta(days=400)) == "Fri 01 May 2026 12:00"
