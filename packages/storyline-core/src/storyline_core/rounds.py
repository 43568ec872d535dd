"""Rounds: when a source is looked at next as a whole, and how; one pure question with one answer.

A source is looked at once every interval; beside a working watcher once an hour. Once a day, at a quiet hour, it is
checked: everything is listed, and that day's share of what seems unchanged is read again.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import attrs

STILL_FOR = timedelta(seconds=2)
"""How long a file must be still before a sync that nobody asked for reads it."""

BESIDE_WATCHER = timedelta(hours=1)
"""How often a source is looked at as a whole while a watcher follows it; a tenth more or less, by its jitter."""

QUIET_FROM = time(3)
"""From when on, in the source's zone, the daily check may begin ..."""

QUIET_FOR = timedelta(hours=2)
"""... and over how long the checks of all sources are spread."""

STALE_AFTER = 3
"""After how many intervals without a good sync a source counts as stale."""


@attrs.frozen
class Rhythm:
    """What the rounds of one source depend on.

    `watched`: some process follows its changes. `resting`: it is switched off. `unseen`: nobody can say what happened
    before now (a start, a watch that began anew). `tried_at` is when it was last looked at in any way, `round_at` when
    last as a whole, `checked_at` when the daily check last went over it. `jitter`, from 0 to below 1, is the source's
    own and never changes. `zone` says when its nights are.
    """

    interval: timedelta
    watched: bool = False
    resting: bool = False
    unseen: bool = False
    tried_at: datetime | None = None
    round_at: datetime | None = None
    checked_at: datetime | None = None
    jitter: float = 0.0
    zone: tzinfo = UTC


@attrs.frozen
class Round:
    """A look at a whole source: when, and for the daily check the number of its day."""

    at: datetime
    check_day: int | None = None


def next_look(rhythm: Rhythm, now: datetime) -> Round | None:
    """The next look, at a past or present moment when it is due. None while the source is switched off."""
    if rhythm.resting:
        return None
    at = now if rhythm.unseen else _next_round(rhythm, now)
    checked = _next_check(rhythm, now)
    if checked is None or (checked > now and checked > at):
        return Round(at)
    day = checked.astimezone(rhythm.zone).toordinal()
    tried = rhythm.round_at or rhythm.tried_at
    if tried is not None and checked <= tried <= now:
        # It was tried since and came to nothing: the wrong disk, a folder that will not hold still.
        return Round(at, day)
    # A check is a round as well: what is due together is done together.
    return Round(min(checked, at), day)


def period(interval: timedelta, *, watched: bool, jitter: float = 0.5) -> timedelta:
    """How long it takes from one look at the whole source to the next."""
    return max(interval, BESIDE_WATCHER * (0.9 + 0.2 * jitter)) if watched else interval


def stale_after(interval: timedelta, *, watched: bool) -> timedelta:
    """After how long without a good sync a source counts as stale."""
    return STALE_AFTER * period(interval, watched=watched)


def jitter_of(name: str) -> float:
    """A number from 0 to below 1 that belongs to a name: the same in every process and on every day."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / (1 << 48)


def _next_round(rhythm: Rhythm, now: datetime) -> datetime:
    since = (rhythm.round_at or rhythm.tried_at) if rhythm.watched else rhythm.tried_at
    length = period(rhythm.interval, watched=rhythm.watched, jitter=rhythm.jitter)
    # A moment that has yet to come was written by a clock that was wrong.
    return now if since is None or since > now + length else since + length


def _next_check(rhythm: Rhythm, now: datetime) -> datetime | None:
    """The first quiet moment after the last check; a source that was read whole for the first time counts from then."""
    since = rhythm.checked_at or rhythm.round_at
    if since is None:
        return None
    if since > now + timedelta(days=1):
        return now
    day = since.astimezone(rhythm.zone).date()
    moments = (_quiet_moment(rhythm, day + timedelta(days=ahead)) for ahead in range(3))
    return next(moment for moment in moments if moment > since)


def _quiet_moment(rhythm: Rhythm, day: date) -> datetime:
    begins = datetime.combine(day, QUIET_FROM, rhythm.zone).astimezone(UTC)
    return begins + QUIET_FOR * rhythm.jitter
