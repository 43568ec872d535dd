"""Holds: what keeps an item out of an account until a time. Rows are never deleted, only released."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import attrs
from sqlalchemy import ColumnElement, Connection, or_, select, update

from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import holds, items
from storyline_core.store.upsert import upsert


class Reason(StrEnum):
    """Why an item is held."""

    COOLDOWN = "cooldown"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    MANUAL = "manual"
    SEASONAL = "seasonal"


@attrs.frozen
class Hold:
    """An item, with every twin of its digest, kept out of one account (None: of all) until a time (None: for ever).

    `post_id` is the post from which it follows, if any; a post has at most one hold of each reason.
    """

    item_id: int
    digest: str | None
    account: str | None
    reason: Reason
    until: datetime | None
    by: str
    at: datetime
    post_id: str | None = None
    id: int | None = None


@attrs.frozen
class Holds:
    """The holds, within one unit."""

    connection: Connection

    def add(self, hold: Hold) -> Hold:
        """Keep a hold. One that follows from a post replaces the post's earlier one of the same reason."""
        row = {name: value for name, value in attrs.asdict(hold).items() if name != "id"}
        row["by"] = storable(hold.by)
        statement = upsert(self.connection, holds).values(row)
        if hold.post_id is not None:
            replaced = {name: row[name] for name in ("item_id", "digest", "account", "until", "by", "at")}
            open_one = holds.c.post_id.is_not(None) & holds.c.released_at.is_(None)
            statement = statement.on_conflict_do_update(
                index_elements=[holds.c.post_id, holds.c.reason], index_where=open_one, set_=replaced
            )
        number = self.connection.execute(statement.returning(holds.c.id)).scalar_one()
        return attrs.evolve(hold, id=number)

    def active(
        self, now: datetime, *, item: int | None = None, digest: str | None = None, account: str | None = None
    ) -> Sequence[Hold]:
        """The holds in force, latest first: on one item and its twins or all, in one account or all.

        With `item`, its present digest counts as well; `digest` narrows to whatever holds these bytes.
        """
        wanted: list[ColumnElement[bool]] = [
            holds.c.released_at.is_(None),
            or_(holds.c.until.is_(None), holds.c.until > now),
        ]
        if item is not None:
            wanted.append(_matches(item))
        if digest is not None:
            wanted.append(holds.c.digest == digest)
        if account is not None:
            wanted.append(or_(holds.c.account.is_(None), holds.c.account == account))
        return self._read(*wanted)

    def list(self, now: datetime) -> Sequence[Hold]:
        """Every hold in force."""
        return self.active(now)

    def release(self, item_id: int, by: str, at: datetime) -> Sequence[Hold]:
        """End every hold in force on the item or a twin of it, and tell which they were."""
        freed = self.active(at, item=item_id)
        self._end([hold.id for hold in freed if hold.id is not None], by, at)
        return freed

    def withdraw(self, post_id: str, by: str, at: datetime) -> Sequence[Hold]:
        """End what followed from a post, since its decision was undone."""
        freed = self._read(holds.c.post_id == post_id, holds.c.released_at.is_(None))
        self._end([hold.id for hold in freed if hold.id is not None], by, at)
        return freed

    def _end(self, ids: Sequence[int], by: str, at: datetime) -> None:
        if ids:
            statement = update(holds).where(holds.c.id.in_(ids))
            self.connection.execute(statement.values(released_at=at, released_by=by))

    def _read(self, *wanted: ColumnElement[bool]) -> Sequence[Hold]:
        rows = self.connection.execute(select(holds).where(*wanted).order_by(holds.c.at.desc(), holds.c.id.desc()))
        return [value_of(row, Hold) for row in rows.mappings()]


def _matches(item_id: int) -> ColumnElement[bool]:
    digest = select(items.c.digest).where(items.c.id == item_id).scalar_subquery()
    return or_(holds.c.item_id == item_id, holds.c.digest == digest)
