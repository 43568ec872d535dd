"""When a source is looked at next: rules by example, and whole lives of a daemon by chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Rhythm, Round, jitter_of, next_look
from storyline_core.rounds import period, stale_after

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
FIVE = timedelta(minutes=5)
BERLIN = ZoneInfo("Europe/Berlin")


def day(at: datetime) -> int:
    return at.toordinal()


def ago(**length: int) -> datetime:
    return NOW - timedelta(**length)


SYNCED = Rhythm(FIVE, tried_at=ago(minutes=2), round_at=ago(minutes=2), checked_at=ago(hours=2), zone=UTC)


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (Rhythm(FIVE), Round(NOW)),
        (SYNCED, Round(NOW + timedelta(minutes=3))),
        (attrs.evolve(SYNCED, resting=True, unseen=True), None),
        (attrs.evolve(SYNCED, unseen=True), Round(NOW)),
        (attrs.evolve(SYNCED, watched=True, jitter=0.5), Round(ago(minutes=2) + timedelta(hours=1))),
        (attrs.evolve(SYNCED, watched=True, jitter=0.0), Round(ago(minutes=2) + timedelta(minutes=54))),
        # Being told of single files puts the look at everything off by nothing.
        (attrs.evolve(SYNCED, watched=True, jitter=0.5, tried_at=ago(seconds=1), round_at=ago(minutes=59)),
         Round(NOW + timedelta(minutes=1))),
        (attrs.evolve(SYNCED, watched=True, interval=timedelta(hours=6)), Round(ago(minutes=2) + timedelta(hours=6))),
        # A clock that was wrong.
        (attrs.evolve(SYNCED, tried_at=NOW + timedelta(days=400)), Round(NOW)),
        (attrs.evolve(SYNCED, checked_at=NOW + timedelta(days=400)), Round(NOW, day(NOW))),
        # The machine was off at night.
        (attrs.evolve(SYNCED, checked_at=ago(days=1), tried_at=ago(hours=10), round_at=ago(hours=10)),
         Round(ago(hours=10) + FIVE, day(NOW))),
        (attrs.evolve(SYNCED, checked_at=ago(days=1), tried_at=None, round_at=None), Round(ago(hours=9), day(NOW))),
        # It was tried since and came to nothing: the next ordinary look tries again, and no sooner.
        (attrs.evolve(SYNCED, checked_at=ago(days=1)), Round(NOW + timedelta(minutes=3), day(NOW))),
        (attrs.evolve(SYNCED, checked_at=ago(days=1), unseen=True), Round(NOW, day(NOW))),
        # It was off for two days: one look makes up for both.
        (
            attrs.evolve(SYNCED, tried_at=ago(days=2), round_at=ago(days=2), checked_at=ago(days=2)),
            Round(ago(days=2) + FIVE, day(NOW) - 1),
        ),
        # Read whole for the first time just now: that was a check as well.
        (attrs.evolve(SYNCED, checked_at=None), Round(NOW + timedelta(minutes=3))),
    ],
)  # fmt: skip
def test_the_next_look(rhythm: Rhythm, expected: Round | None) -> None:
    assert next_look(rhythm, NOW) == expected


def test_a_check_comes_at_night_where_the_source_is_and_before_the_round_that_it_replaces() -> None:
    rhythm = Rhythm(timedelta(days=2), tried_at=NOW, round_at=NOW, checked_at=NOW, jitter=0.25, zone=BERLIN)
    look = next_look(rhythm, NOW)
    assert look is not None
    assert look.at == datetime(2026, 5, 2, 3, 30, tzinfo=BERLIN)
    assert look.check_day == day(datetime(2026, 5, 2, tzinfo=UTC))


def test_staleness_follows_the_rhythm() -> None:
    assert stale_after(FIVE, watched=False) == timedelta(minutes=15)
    assert stale_after(FIVE, watched=True) == timedelta(hours=3)
    assert stale_after(timedelta(days=1), watched=True) == timedelta(days=3)


@given(st.text())
def test_jitter_belongs_to_the_name(name: str) -> None:
    assert jitter_of(name) == jitter_of(name)
    assert 0 <= jitter_of(name) < 1


def test_jitters_differ() -> None:
    found = sorted(jitter_of(f"source {number}") for number in range(200))
    assert max(right - left for left, right in zip([0.0, *found], [*found, 1.0], strict=True)) < 0.1


@attrs.define
class Life:
    """A daemon's life with one source: on for a while, off for a while; what it looked at when."""

    rhythm: Rhythm
    now: datetime = NOW
    checks: list[datetime] = attrs.field(factory=list)
    rounds: list[datetime] = attrs.field(factory=list)
    up: list[tuple[datetime, datetime]] = attrs.field(factory=list)

    def run(self, length: timedelta) -> None:
        """Start, and do whatever is due until it is switched off."""
        end, began, unseen = self.now + length, self.now, True
        while True:
            look = next_look(attrs.evolve(self.rhythm, unseen=unseen), self.now)
            assert look is not None
            if look.at > end:
                break
            assert look.at > self.now - timedelta(days=30)
            self.now = max(self.now, look.at)
            self.rounds.append(self.now)
            if look.check_day is not None:
                self.checks.append(self.now)
            checked = self.now if look.check_day is not None else self.rhythm.checked_at
            self.rhythm = attrs.evolve(self.rhythm, tried_at=self.now, round_at=self.now, checked_at=checked)
            unseen = False
            self.now += timedelta(seconds=1)
        self.now = end
        self.up.append((began, end))


@given(st.booleans(), st.floats(0, 1, exclude_max=True))
def test_a_check_that_comes_to_nothing_is_tried_again_only_with_the_ordinary_looks(
    watched: bool, jitter: float
) -> None:
    """The wrong disk, a folder that will not hold still: no check is ever noted."""
    rhythm = Rhythm(FIVE, watched=watched, jitter=jitter, tried_at=NOW, round_at=NOW, checked_at=ago(days=3))
    now, looks = NOW, 0
    while now < NOW + timedelta(days=1):
        look = next_look(rhythm, now)
        assert look is not None
        now = max(now, look.at) + timedelta(milliseconds=200)
        rhythm = attrs.evolve(rhythm, tried_at=now, round_at=now)
        looks += 1
    assert looks <= (28 if watched else 24 * 12 + 1)


LENGTHS = st.integers(10, 60 * 50).map(lambda minutes: timedelta(minutes=minutes))


@given(
    st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=8),
    st.sampled_from([30, 180, 3 * 1440]),
    st.booleans(),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe"]),
    st.integers(0, 330 * 1440).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
def test_a_day_is_checked_once_however_often_it_starts(
    spells: list[tuple[timedelta, timedelta]],
    minutes: int,
    watched: bool,
    jitter: float,
    zone: str,
    begins: datetime,
) -> None:
    interval = timedelta(minutes=minutes)
    where = ZoneInfo(zone)
    life = Life(Rhythm(interval, watched=watched, jitter=jitter, zone=where), now=begins)
    for on, off in spells:
        life.run(on)
        life.now += off
    nights = [_night(at, where, jitter) for at in life.checks]
    assert len(set(nights)) == len(nights), "a night was checked twice"
    longest = period(interval, watched=watched, jitter=jitter)
    for began, ended in life.up:
        inside = [at for at in life.rounds if began <= at <= ended]
        moments = [began, *inside, ended]
        gaps = [right - left for left, right in pairwise(moments)]
        assert max(gaps) <= longest + timedelta(seconds=2), "a round was left out"
        # Whoever runs through a night has checked by its end, unless the very first look was within it.
        for number in range(3):
            quiet = _quiet(began + timedelta(days=number), where, jitter)
            if life.rounds[0] < quiet - longest and began <= quiet <= ended - timedelta(seconds=2):
                assert any(_night(at, where, jitter) == _night(quiet, where, jitter) for at in life.checks)


def _quiet(at: datetime, zone: ZoneInfo, jitter: float) -> datetime:
    local = at.astimezone(zone).date()
    begins = datetime(local.year, local.month, local.day, 3, tzinfo=zone).astimezone(UTC)
    return begins + timedelta(hours=2) * jitter


def _night(at: datetime, zone: ZoneInfo, jitter: float) -> datetime:
    """The quiet moment that a check at this moment belongs to: the last one before it."""
    today = _quiet(at, zone, jitter)
    return today if today <= at else _quiet(today - timedelta(days=1), zone, jitter)
