"""Alerts: raised once, told, reminded sparsely, cleared when mended. They live here, so a restart repeats nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from sqlalchemy import ColumnElement, Connection, delete, select, update

from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import alerts
from storyline_core.store.upsert import upsert


@attrs.frozen
class AlertRecord:
    """One alert from the time it was raised until it is cleared, and when people were last told of it."""

    key: str
    level: AlertLevel
    text: str
    remedy: str
    raised_at: datetime
    told_at: datetime | None
    times_told: int
    cleared_at: datetime | None

    @property
    def alert(self) -> Alert:
        """What a notifier is told."""
        return Alert(self.key, self.level, self.text, self.remedy, cleared=self.cleared_at is not None)


@attrs.frozen
class Alerts:
    """The alerts, within one unit."""

    connection: Connection

    def raise_(self, key: str, level: AlertLevel, text: str, remedy: str, at: datetime) -> bool:
        """Open an alert, or bring the open one of this key up to date. True when it is new."""
        said = {"level": level, "text": storable(text), "remedy": storable(remedy)}
        fresh = upsert(self.connection, alerts).values(key=key, raised_at=at, times_told=0, **said)
        if self.connection.execute(fresh.on_conflict_do_nothing()).rowcount:
            return True
        self.connection.execute(update(alerts).where(*_open(key)).values(said))
        return False

    def clear(self, key: str, at: datetime) -> bool:
        """Close the open alert of this key. True when there was one."""
        return bool(self.connection.execute(update(alerts).where(*_open(key)).values(cleared_at=at)).rowcount)

    def open(self) -> Sequence[AlertRecord]:
        """The open alerts, oldest first."""
        statement = select(alerts).where(alerts.c.cleared_at.is_(None)).order_by(alerts.c.id)
        return [value_of(row, AlertRecord) for row in self.connection.execute(statement).mappings()]

    def last(self, key: str) -> AlertRecord | None:
        """The latest alert of this key, open or cleared."""
        statement = select(alerts).where(alerts.c.key == key).order_by(alerts.c.id.desc()).limit(1)
        row = self.connection.execute(statement).mappings().one_or_none()
        return None if row is None else value_of(row, AlertRecord)

    def over_before(self, before: datetime) -> bool:
        """Whether any alert was over before an instant."""
        return (
            self.connection.execute(select(alerts.c.id).where(alerts.c.cleared_at < before).limit(1)).first()
            is not None
        )

    def forget_before(self, before: datetime) -> int:
        """Forget alerts that were over before an instant; how many. Their tellings go first."""
        return self.connection.execute(delete(alerts).where(alerts.c.cleared_at < before)).rowcount

    def mark_told(self, key: str, at: datetime) -> None:
        """Note that people were told of the open alert; the next reminder counts from here."""
        told = {"told_at": at, "times_told": alerts.c.times_told + 1}
        self.connection.execute(update(alerts).where(*_open(key)).values(told))


def _open(key: str) -> tuple[ColumnElement[bool], ...]:
    return alerts.c.key == key, alerts.c.cleared_at.is_(None)
