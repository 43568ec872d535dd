"""Tellings: which channel was told of which alert, and how often; and which channel does not answer just now.

Each channel stands alone: that one is dead neither keeps an alert from the others nor repeats it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from storyline_core.store.alerts import AlertRecord
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import alerts, channels, tellings
from storyline_core.store.upsert import upsert


@attrs.frozen
class Telling:
    """What one channel was told of one alert: when last, how often, and when that it is over."""

    alert: AlertRecord
    told_at: datetime | None = None
    times_told: int = 0
    over_told_at: datetime | None = None


@attrs.frozen
class ChannelRecord:
    """How a channel answers: how often in a row it failed, why, and until when it is left alone."""

    name: str
    failures: int = 0
    rests_until: datetime | None = None
    trouble: str = ""


@attrs.frozen
class Tellings:
    """What channels were told, within one unit."""

    connection: Connection

    def pending(self, channel: str) -> Sequence[Telling]:
        """Every alert that is open, and every one that this channel was told of but not yet that it is over.

        Oldest first.
        """
        mine = and_(tellings.c.alert_id == alerts.c.id, tellings.c.channel == channel)
        untold_end = and_(tellings.c.times_told > 0, tellings.c.over_told_at.is_(None))
        statement = (
            select(
                alerts,
                tellings.c.told_at.label("channel_told_at"),
                func.coalesce(tellings.c.times_told, 0).label("channel_times_told"),
            )
            .outerjoin(tellings, mine)
            .where(or_(alerts.c.cleared_at.is_(None), untold_end))
            .order_by(alerts.c.id)
        )
        return [
            Telling(value_of(row, AlertRecord), row["channel_told_at"], row["channel_times_told"])
            for row in self.connection.execute(statement).mappings()
        ]

    def mark(self, channel: str, alert: AlertRecord, at: datetime) -> None:
        """Note that the channel was told of this alert as it is: that it stands, or that it is over."""
        found = select(alerts.c.id).where(alerts.c.key == alert.key, alerts.c.raised_at == alert.raised_at)
        alert_id = self.connection.execute(found.order_by(alerts.c.id.desc()).limit(1)).scalar_one_or_none()
        if alert_id is None:
            return
        over = alert.cleared_at is not None
        row = {"alert_id": alert_id, "channel": channel, "told_at": at, "times_told": 1}
        row |= {"over_told_at": at} if over else {}
        news: Mapping[str, object] = (
            {"over_told_at": at} if over else {"told_at": at, "times_told": tellings.c.times_told + 1}
        )
        fresh = upsert(self.connection, tellings).values(row)
        self.connection.execute(
            fresh.on_conflict_do_update(index_elements=[tellings.c.alert_id, tellings.c.channel], set_=news)
        )

    def of(self, channel: str, alert: AlertRecord) -> Telling:
        """What the channel was told of this alert."""
        row = self.connection.execute(
            select(tellings.c.told_at, tellings.c.times_told, tellings.c.over_told_at).where(
                tellings.c.channel == channel, _of(alert)
            )
        ).one_or_none()
        return Telling(alert) if row is None else Telling(alert, row.told_at, row.times_told, row.over_told_at)

    def silence(self, channel: str, alert: AlertRecord, at: datetime) -> None:
        """The channel need not be told that this alert is over."""
        told = and_(tellings.c.channel == channel, tellings.c.over_told_at.is_(None), _of(alert))
        self.connection.execute(tellings.update().where(told).values(over_told_at=at))

    def channel(self, name: str) -> ChannelRecord:
        """How a channel answers; one never used answers."""
        row = self.connection.execute(select(channels).where(channels.c.name == name)).mappings().one_or_none()
        return ChannelRecord(name) if row is None else value_of(row, ChannelRecord)

    def save_channel(self, record: ChannelRecord) -> None:
        """Keep how a channel answers."""
        row = {**attrs.asdict(record), "trouble": storable(record.trouble)}
        fresh = upsert(self.connection, channels).values(row)
        self.connection.execute(fresh.on_conflict_do_update(index_elements=[channels.c.name], set_=row))

    def hush(self, key: str, at: datetime) -> None:
        """Nobody need be told that the open alert of this key is over: something better has been said, or is moot."""
        open_now = select(alerts.c.id).where(alerts.c.key == key, alerts.c.cleared_at.is_(None))
        told = tellings.c.alert_id.in_(open_now)
        self.connection.execute(tellings.update().where(told).values(over_told_at=at))

    def urge(self, key: str, told_at: datetime) -> None:
        """The open alert of this key is more urgent now: as if whoever was told of it had last been told at that."""
        open_now = select(alerts.c.id).where(alerts.c.key == key, alerts.c.cleared_at.is_(None))
        self.connection.execute(tellings.update().where(tellings.c.alert_id.in_(open_now)).values(told_at=told_at))

    def forget_before(self, before: datetime) -> int:
        """Forget what was told of alerts that were over before an instant; how many tellings."""
        old = select(alerts.c.id).where(alerts.c.cleared_at < before)
        return self.connection.execute(delete(tellings).where(tellings.c.alert_id.in_(old))).rowcount


def _of(alert: AlertRecord) -> ColumnElement[bool]:
    same = select(alerts.c.id).where(alerts.c.key == alert.key, alerts.c.raised_at == alert.raised_at)
    return tellings.c.alert_id.in_(same)
