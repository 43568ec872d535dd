"""The small values that texts are made of where core has none. Pure; times are aware instants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import attrs

from storyline_telegram.texts import line

if TYPE_CHECKING:
    from storyline_core import Alert, PostView

Names = Mapping[str, str]
"""What to call people: `telegram:123456789` → `Ada`."""


def name_of(person: str | None, names: Names) -> str:
    """What to call somebody; the key itself for a stranger, `Storyline` for nobody."""
    if person is None or person == "storyline":
        return "Storyline"
    return line(names.get(person, "")) or line(person) or "somebody"


@attrs.frozen
class Terms:
    """What an account's card needs of its settings: when its window opens (a wall clock), and how long a card waits."""

    opens: time = time(9, 0)
    answer_within: timedelta = timedelta(hours=24)


@attrs.frozen
class AccountView:
    """An account as people set it and switched it. `mode` is the word in the settings; `quiet_hours` is as written.

    `stopped_why` says why its line stands still, "" if it does not. `next_at` is when something is due next.
    """

    name: str
    zone: ZoneInfo
    mode: str = "manual"
    posts_per_day: int = 3
    window: str = "09:00-21:00"
    paused: bool = False
    sync_on: bool = True
    reminders: bool = True
    quiet_on: bool = False
    quiet_hours: str = ""
    remind_after: timedelta = timedelta(hours=2)
    answer_within: timedelta = timedelta(hours=24)
    unanswered: str = "missed"
    sources: tuple[str, ...] = ()
    mix: Mapping[str, int] = attrs.field(factory=dict)
    publisher: str = ""
    dry_run: bool = False
    stopped_why: str = ""
    waiting: int = 0
    next_at: datetime | None = None


@attrs.frozen
class SourceView:
    """A source as a status shows it: how many items live, how many are broken, and when it was last level."""

    name: str
    alive: int = 0
    broken: int = 0
    last_good_at: datetime | None = None
    on: bool = True


@attrs.frozen
class DayView:
    """One day of an account for its digest: what was settled, and what comes next (in order)."""

    account: str
    zone: ZoneInfo
    day: datetime
    settled: tuple[PostView, ...] = ()
    ahead: tuple[PostView, ...] = ()
    alerts: tuple[Alert, ...] = ()
