"""Durations, posting windows and zones as people write them."""

from __future__ import annotations

import re
from datetime import time, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import attrs

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d|w)")
_DURATION = re.compile(rf"\s*(?:{_PART.pattern}\s*)+")
_LONGEST_MS = 36_525 * _UNITS["d"]
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")


def parse_duration(text: str) -> timedelta:
    """Read `"30m"`, `"2h"`, `"1h30m"`, `"30d"`, `"2w"`, `"500ms"`. Raises `ValueError` in words for a person."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f'{text!r} is not a duration. Write a number and a unit, such as "30m", "2h" or "30d".')
    milliseconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if milliseconds > _LONGEST_MS:
        raise ValueError(f"{text!r} is longer than a hundred years.")
    return timedelta(milliseconds=milliseconds)


def duration_text(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in the largest units: `1h30m`, `30d`, `0s`."""
    left = round(duration / timedelta(milliseconds=1))
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


@attrs.frozen
class Window:
    """The hours in which an account posts, as wall-clock times; one that does not close later crosses midnight."""

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


def parse_window(text: str) -> Window:
    """Read `"09:00-21:00"`; `24:00` is midnight. Raises `ValueError` in words for a person."""
    match = _WINDOW.fullmatch(text.strip())
    times = [_clock(match[1], match[2]), _clock(match[3], match[4])] if match else []
    if len(times) != 2 or None in times:
        raise ValueError(f'{text!r} is not a window. Write two times of day, such as "09:00-21:00".')
    opens, closes = (each for each in times if each is not None)
    if opens == closes:
        raise ValueError(
            f'the window {text!r} opens and closes at the same time. For the whole day write "00:00-23:59".'
        )
    return Window(opens, closes)


def _clock(hour: str, minute: str) -> time | None:
    if (int(hour), int(minute)) == (24, 0):
        return time(0, 0)
    return time(int(hour), int(minute)) if int(hour) < 24 and int(minute) < 60 else None


def parse_zone(name: str) -> ZoneInfo:
    """Read a time zone's name, such as `Europe/Berlin`. Raises `ValueError` with near names."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        names = sorted(available_timezones())
        folded = {zone.casefold(): zone for zone in names}
        near = get_close_matches(name.casefold().replace(" ", "_"), folded, n=1)
        near = near or [zone for zone in folded if zone.rpartition("/")[2] == name.casefold().replace(" ", "_")]
        hint = f"Did you mean {folded[near[0]]!r}?" if near else 'Write a name such as "Europe/Berlin" or "UTC".'
        raise ValueError(f"there is no time zone {name!r}. {hint}") from None
