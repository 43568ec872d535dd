"""Health: what `check` found, row by row, with the figures behind the words. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import attrs


class Status(StrEnum):
    """How well something is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "posts_waiting": "Posts that are not settled yet.",
        "posts_late": "Posts that are over an hour late.",
        "posts_uncertain": "Posts of which nobody knows whether they are live.",
        "posts_settled_in_7_days": "Posts settled within the last seven days, by outcome.",
        "last_posted_age_seconds": "How long ago the account's last story went out.",
        "pool_items": "Items that could be posted now.",
        "pool_days": "For how many days the pool lasts at the present rate.",
        "source_items": "Items of a source, by state.",
        "source_sync_age_seconds": "How long ago a source was last synced well.",
        "loop_turned_age_seconds": "How long ago a loop of a worker last turned.",
        "disk_free_bytes": "Room that is left on a disk that Storyline writes to.",
        "backup_age_seconds": "How old the newest backup is.",
        "clock_skew_seconds": "How far a worker's clock is ahead of the database server's.",
        "alerts_open": "Alerts that are not mended, by level.",
    }
)
"""Every figure that a row of `check` may carry, with what it counts."""


@attrs.frozen
class Figure:
    """One number behind a row; `name` is one of `FIGURES`, `labels` say of what."""

    name: str
    value: float
    labels: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Check:
    """One thing that was looked at, and what to do about it.

    `alert` is the key of the alert that the daemon raises while the row is bad; "" where somebody else tells of it.
    What is about one machine alone ends with it (`here_alone`).
    """

    name: str
    status: Status
    message: str
    remedy: str = ""
    alert: str = ""
    figures: tuple[Figure, ...] = ()


@attrs.frozen
class Health:
    """All checks; as well as the worst of them."""

    checks: tuple[Check, ...]

    @property
    def status(self) -> Status:
        """The worst status among the checks."""
        return worst(*(check.status for check in self.checks))


def here_alone(alert: str, host: str) -> str:
    """The key of an alert about one machine: no other can say that it is mended."""
    return f"{alert}@{host}"


def host_of(alert: str) -> str:
    """The machine that an alert is about alone; "" for one that is the same seen from everywhere."""
    return alert.partition("@")[2]


def worst(*statuses: Status) -> Status:
    """The worst of them; healthy when there are none."""
    return next((each for each in (Status.UNHEALTHY, Status.DEGRADED) if each in statuses), Status.HEALTHY)


def counted(count: int, thing: str) -> str:
    """So many of a thing: `1 item`, `3 items`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def spoken(length: timedelta) -> str:
    """A length of time in its largest unit, as people say it: `40 s`, `12 min`, `5 h`, `3 days`; never below none."""
    seconds = max(int(length.total_seconds()), 0)
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago: `12 min ago`; `never` for what has not been."""
    return "never" if at is None else f"{spoken(now - at)} ago"
