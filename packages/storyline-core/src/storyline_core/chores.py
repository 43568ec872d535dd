"""Chores: the regular tasks of upkeep, and when each is due. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

AT_NIGHT = time(3, 30)
"""When the day of daily tasks begins, where the accounts are: nobody posts, and most machines have little to do."""

FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=5), timedelta(hours=6)
"""How long a task rests after it failed: so long at first, then twice as long each time, up to that."""

AFRESH = timedelta(minutes=5)
"""What was done less than this ago is not done again because a process has started."""


@attrs.frozen
class Chore:
    """How one regular task stands: when it was last done well, when last tried, and how often it failed since."""

    name: str
    done_at: datetime | None = None
    tried_at: datetime | None = None
    failures: int = 0
    problem: str = ""


@attrs.frozen
class Daily:
    """Once a day, in the night of a zone. After a night with the machine off it is done as soon as that is on."""

    zone: ZoneInfo = attrs.field(factory=lambda: ZoneInfo("UTC"))

    def since(self, now: datetime) -> datetime:
        """Since when the present day's turn is due."""
        day = now.astimezone(self.zone).date()
        # Three of them: a zone that moves across the date line has days that begin after they end.
        begun = (self._begins(day - timedelta(days=days)) for days in range(3))
        return max(at for at in begun if at <= now)

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, AT_NIGHT, self.zone).astimezone(ZoneInfo("UTC"))


@attrs.frozen
class Every:
    """Once in so long a time; with `at_start` also when a process starts, unless it was done just now."""

    length: timedelta

    def since(self, now: datetime) -> datetime:
        """Done later than this is done in time."""
        return now - self.length


def is_due(chore: Chore, rhythm: Daily | Every, now: datetime, *, at_start: bool = False) -> bool:
    """Whether a task has to be done now.

    After a failure it waits a while. What was done or tried in the future was so by a clock that was wrong.
    """
    tried = chore.tried_at if chore.tried_at is not None and chore.tried_at <= now else None
    if chore.failures and tried is not None and now - tried < rest_after(chore.failures):
        return False
    if chore.done_at is None or chore.done_at > now:
        return True
    if at_start and isinstance(rhythm, Every) and now - chore.done_at >= AFRESH:
        return True
    return chore.done_at < rhythm.since(now) if isinstance(rhythm, Daily) else chore.done_at <= rhythm.since(now)


def rest_after(failures: int) -> timedelta:
    """How long a task rests that has failed so often."""
    doubled: int = 1 << min(max(failures - 1, 0), 16)
    return min(FIRST_RETRY * doubled, LONGEST_RETRY)
