"""Instants and lengths of time as people read them, and what *tomorrow morning* and *one month* mean. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Snooze(StrEnum):
    """How long a card may be put off with one tap."""

    HOUR = "1h"
    THREE_HOURS = "3h"
    MORNING = "am"


class HoldFor(StrEnum):
    """How long an item may be held with one tap."""

    WEEK = "1w"
    MONTH = "1m"
    THREE_MONTHS = "3m"
    EVER = "ever"


_HOURS = {Snooze.HOUR: 1, Snooze.THREE_HOURS: 3}
_MONTHS = {HoldFor.MONTH: 1, HoldFor.THREE_MONTHS: 3}


def snooze_end(choice: Snooze, now: datetime, zone: ZoneInfo, opens: time) -> datetime:
    """Until when, in UTC. `opens` is when the account's window opens, on a wall clock of the zone."""
    if choice in _HOURS:
        return (now + timedelta(hours=_HOURS[choice])).astimezone(UTC)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, opens, zone).astimezone(UTC)


def hold_end(choice: HoldFor, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Until when, in UTC; None is for ever. Months are those of the calendar, at the same time of day."""
    if choice is HoldFor.EVER:
        return None
    if choice is HoldFor.WEEK:
        return (now + timedelta(weeks=1)).astimezone(UTC)
    local = now.astimezone(zone)
    month = local.month - 1 + _MONTHS[choice]
    year, month = local.year + month // 12, month % 12 + 1
    day = min(local.day, (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day)
    return datetime.combine(date(year, month, day), local.time(), zone).astimezone(UTC)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """An instant near enough to need no year, with its zone's name: `Fri 1 May, 09:12 Europe/Berlin`."""
    return f"{day(at, zone)}, {clock(at, zone)} {zone.key}"


def day(at: datetime, zone: ZoneInfo) -> str:
    """The day of an instant: `Fri 1 May`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}"


def full_day(at: datetime, zone: ZoneInfo) -> str:
    """The day with its year: `Fri 1 May 2026`."""
    return f"{day(at, zone)} {at.astimezone(zone).year}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day: `09:12`."""
    return f"{at.astimezone(zone):%H:%M}"


def near(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """An instant as it is said on the day itself: `14:02`, `tomorrow 09:00`, `Fri 1 May 14:02`, with a far year."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    names = {0: "", 1: "tomorrow ", -1: "yesterday "}
    distance = (local.date() - today).days
    if distance in names:
        return f"{names[distance]}{local:%H:%M}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{day(at, zone)}{year} {local:%H:%M}"


def megabytes(size: int) -> str:
    """A size in bytes as people read it: `840 kB`, `4.2 MB`, `62 MB`."""
    if size < 1_000_000:
        return f"{max(size, 1) // 1_000 or 1} kB"
    return f"{size / 1_000_000:.1f} MB" if size < 10_000_000 else f"{size // 1_000_000} MB"
