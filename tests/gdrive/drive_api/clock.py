"""The server's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs


def wall_clock() -> datetime:
    """The machine's time: signed assertions of real clients carry it, so the server has to know it."""
    return datetime.now(UTC)  # noqa: TID251 - the tests' one clock of the machine, for the real clients they drive


@attrs.define
class Clock:
    """The server's time: a test's own, or the machine's; tests can move it forward."""

    given: Callable[[], datetime] | None = None
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """The time by the server's clock, aware."""
        return (self.given or wall_clock)() + self.ahead


def stamp(when: datetime) -> str:
    """A time as Google writes it: RFC 3339 in UTC, with milliseconds."""
    utc = when.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def parse_stamp(text: str) -> datetime:
    """A time as clients write it; without a zone it is UTC. Raises ValueError."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
