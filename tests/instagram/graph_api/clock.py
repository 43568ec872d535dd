"""The server's time, which stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def wall_seconds() -> float:
    """The machine's time: signatures of the real SDK carry it, so the server has to know it."""
    return datetime.now(UTC).timestamp()  # noqa: TID251 - the tests' one clock of the machine, for the real SDK


@attrs.define
class Clock:
    """A settable clock."""

    moment: datetime = START

    def now(self) -> datetime:
        """The time by the server's clock, aware."""
        return self.moment

    def since(self, when: datetime) -> timedelta:
        """How long ago something was."""
        return self.moment - when


def stamp(when: datetime) -> str:
    """A time as Instagram writes it: ISO 8601 in UTC with ``+0000``."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+0000"


def parse_moment(text: str) -> datetime:
    """A time as clients write it: seconds since 1970, or ISO 8601 (UTC without a zone). Raises ValueError."""
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    when = datetime.fromisoformat(text)
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
