"""Instants and durations as people write and read them. The clock is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from storyline_runner.complaints import Misused

if TYPE_CHECKING:
    from storyline_core import Settings

_CLOCK = re.compile(r"(?:(?P<day>today|tomorrow)\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})")


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def iso(at: datetime | None) -> str | None:
    """An instant as scripts read it: UTC, ISO 8601, with `Z`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown(at: datetime | None, zone: ZoneInfo, *, seen_at: datetime | None = None) -> str:
    """An instant as people read it, in a zone; the year where it is another than that of `seen_at`."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    far = seen_at is not None and local.year != seen_at.astimezone(zone).year
    return f"{local:%a %d %b %Y %H:%M}" if far else f"{local:%a %d %b %H:%M}"


def named(at: datetime, zone: ZoneInfo, *, seen_at: datetime | None = None) -> str:
    """An instant in a sentence, with its zone's name: `Fri 01 May 09:12 Europe/Berlin`; the year as in `shown`."""
    return f"{shown(at, zone, seen_at=seen_at)} {zone.key}"


def zone_of(settings: Settings, account: str | None = None) -> ZoneInfo:
    """The zone of an account; without one, the zone that all accounts share, otherwise UTC."""
    if account is not None and account in settings.accounts:
        return settings.accounts[account].schedule.zone
    return shared_zone(each.schedule.zone for each in settings.accounts.values())


def shared_zone(zones: Iterable[ZoneInfo]) -> ZoneInfo:
    """The one zone of them all, or UTC where they differ or there is none."""
    found = {zone.key: zone for zone in zones}
    return next(iter(found.values())) if len(found) == 1 else ZoneInfo("UTC")


def read_duration(text: str) -> timedelta:
    """Read `2h`, `30d`. Raises `Misused`."""
    from storyline_core import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise Misused(str(error)) from None


def read_instant(text: str, zone: ZoneInfo, at: datetime) -> datetime:
    """Read a moment: `18:00` (the next one), `tomorrow 9:30`, `2026-05-01 18:00`, or ISO 8601 with an offset.

    What carries no offset of its own is in the zone. Raises `Misused`.
    """
    clock = _CLOCK.fullmatch(text.strip().lower())
    try:
        if clock:
            return _at_clock(time(int(clock["hour"]), int(clock["minute"])), clock["day"], zone, at)
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Misused(
            f"{text!r} is not a time. Write 18:00, tomorrow 9:30, 2026-05-01 18:00 or 2026-05-01T18:00+02:00."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def read_end(text: str, zone: ZoneInfo, at: datetime) -> datetime:
    """Read until when: a duration from now (`30d`), a date (its beginning in the zone), or a moment.

    Raises `Misused`.
    """
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
        try:
            day = date.fromisoformat(text.strip())
        except ValueError:
            raise Misused(f"{text!r} is not a date.") from None
        return datetime.combine(day, time(), zone).astimezone(UTC)
    if re.search(r"[-:]", text):
        return read_instant(text, zone, at)
    return at + _length(text)


def read_since(text: str, zone: ZoneInfo, at: datetime) -> datetime:
    """Read since when: a duration before now (`7d`), a date, or a moment."""
    if re.search(r"[-:]", text):
        return read_end(text, zone, at)
    return at - _length(text)


def _length(text: str) -> timedelta:
    try:
        return read_duration(text)
    except Misused as error:
        raise Misused(f"{error} A date (2026-05-01) or a time (tomorrow 9:30) will do as well.") from None


def _at_clock(clock: time, day: str | None, zone: ZoneInfo, at: datetime) -> datetime:
    today = at.astimezone(zone).date()
    if day == "tomorrow":
        return datetime.combine(today + timedelta(days=1), clock, zone).astimezone(UTC)
    moment = datetime.combine(today, clock, zone)
    if day is None and moment <= at:
        moment = datetime.combine(today + timedelta(days=1), clock, zone)
    return moment.astimezone(UTC)
