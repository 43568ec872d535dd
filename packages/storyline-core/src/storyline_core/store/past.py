"""The past: what accounts posted before, by its id and by its content, and how far each publisher's past was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import attrs
from sqlalchemy import Connection, delete, func, or_, select, update

from storyline_core.past import Walk
from storyline_core.store.adopting import settle
from storyline_core.store.columns import storable
from storyline_core.store.convert import row_of, value_of
from storyline_core.store.tables import backfills, items, past_media, posts, publications
from storyline_core.store.upsert import upsert


class PastState(StrEnum):
    """What became of something that was posted before.

    `storing`: it is being put into the source, or was when the process died. `saved`: it lies there. `known`: its very
    bytes were in the library already. `failed`: its bytes could not be had yet. `unreadable`: they will not be.
    """

    STORING = "storing"
    SAVED = "saved"
    KNOWN = "known"
    FAILED = "failed"
    UNREADABLE = "unreadable"


@attrs.frozen
class Rest:
    """Until when an account lets something rest that it posted before."""

    account: str
    until: datetime


@attrs.frozen
class PastRecord:
    """One picture or video that was posted before, and where it went. `at` is when this was last noted."""

    publisher: str
    remote_id: str
    kind: str
    state: PastState
    name: str
    posted_at: datetime
    at: datetime
    caption: str = ""
    permalink: str | None = None
    tags: tuple[str, ...] = ()
    tries: int = 0
    why: str = ""
    digest: str | None = None
    source: str | None = None
    key: str | None = None
    item_id: int | None = None
    rests: tuple[Rest, ...] = ()


@attrs.frozen
class BackfillState:
    """What the last backfill of a publisher left behind. `again_at` is when one that broke off may go on."""

    publisher: str
    walks: Mapping[str, Walk] = attrs.field(factory=dict)
    tried_at: datetime | None = None
    good_at: datetime | None = None
    again_at: datetime | None = None
    stopped: str = ""


@attrs.frozen
class Past:
    """What was posted before, within one unit."""

    connection: Connection

    def state(self, publisher: str) -> BackfillState:
        """How far a publisher's past was read; nothing at all for one that never was."""
        row = self.connection.execute(select(backfills).where(backfills.c.publisher == publisher)).mappings().first()
        return BackfillState(publisher) if row is None else value_of(row, BackfillState)

    def save_state(self, state: BackfillState) -> None:
        """Keep how far it was read."""
        row = row_of(state)
        statement = upsert(self.connection, backfills).values(row)
        self.connection.execute(statement.on_conflict_do_update(index_elements=[backfills.c.publisher], set_=row))

    def records(self, publisher: str, remote_ids: Collection[str]) -> dict[str, PastRecord]:
        """What is known of these, by their ids; those never met are left out."""
        wanted = (past_media.c.publisher == publisher, past_media.c.remote_id.in_(sorted(set(remote_ids))))
        rows = self.connection.execute(select(past_media).where(*wanted)).mappings()
        return {row["remote_id"]: value_of(row, PastRecord) for row in rows}

    def published(self, remote_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that Storyline itself published."""
        wanted = publications.c.remote_id.in_(sorted(set(remote_ids)))
        return frozenset(
            remote_id
            for remote_id in self.connection.execute(select(publications.c.remote_id).where(wanted)).scalars()
            if remote_id is not None
        )

    def unnamed(self, accounts: Collection[str], since: datetime) -> Sequence[tuple[datetime, datetime]]:
        """The spans in which stories of these accounts went out that are not known by id: people said so, or a proof
        that does not name them. Only of those that were recorded since then."""
        nameless = or_(publications.c.remote_id.is_(None), publications.c.url.is_(None))
        standing = (publications.c.account.in_(sorted(accounts)), publications.c.undone_at.is_(None))
        spans = (publications.c.slot_at, posts.c.offered_at, publications.c.at)
        found = select(*spans).join(posts, posts.c.id == publications.c.post_id)
        rows = self.connection.execute(found.where(*standing, nameless, publications.c.at >= since))
        return [(min(row.slot_at, row.offered_at or row.slot_at, row.at), row.at) for row in rows]

    def in_doubt(self, publisher: str) -> Sequence[PastRecord]:
        """What was being stored when a process died, perhaps."""
        wanted = (past_media.c.publisher == publisher, past_media.c.state == PastState.STORING)
        rows = self.connection.execute(select(past_media).where(*wanted).order_by(past_media.c.remote_id)).mappings()
        return [value_of(row, PastRecord) for row in rows]

    def expected(self, publisher: str) -> int:
        """How many lie in a source, and are no items yet."""
        wanted = (past_media.c.publisher == publisher, past_media.c.state == PastState.SAVED)
        orphaned = past_media.c.item_id.is_(None)
        return self.connection.execute(
            select(func.count()).select_from(past_media).where(*wanted, orphaned)
        ).scalar_one()

    def unindexed(self, publisher: str, source: str) -> Sequence[str]:
        """The keys of what lies in this source, and is no item yet."""
        wanted = (past_media.c.publisher == publisher, past_media.c.state == PastState.SAVED)
        orphaned = (past_media.c.source == source, past_media.c.item_id.is_(None), past_media.c.key.is_not(None))
        return list(self.connection.execute(select(past_media.c.key).where(*wanted, *orphaned)).scalars())

    def counts(self, publisher: str) -> dict[PastState, int]:
        """How many there are in each state."""
        counted = select(past_media.c.state, func.count()).where(past_media.c.publisher == publisher)
        rows = self.connection.execute(counted.group_by(past_media.c.state))
        return {PastState(state): count for state, count in rows}

    def saved_with(self, publisher: str, digest: str) -> bool:
        """Whether these bytes were saved or recognised before, wherever they are now."""
        there = past_media.c.state.in_([PastState.SAVED, PastState.KNOWN])
        wanted = (past_media.c.publisher == publisher, past_media.c.digest == digest, there)
        return self.connection.execute(select(past_media.c.remote_id).where(*wanted).limit(1)).first() is not None

    def keep(self, record: PastRecord) -> None:
        """Note what became of one."""
        row = row_of(record) | {"caption": storable(record.caption), "why": storable(record.why)}
        statement = upsert(self.connection, past_media).values(row)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=[past_media.c.publisher, past_media.c.remote_id], set_=row)
        )

    def stored(self, record: PastRecord, key: str) -> None:
        """Note under which key one lies in its source now; a sync may have found it by its content already."""
        this = (past_media.c.publisher == record.publisher, past_media.c.remote_id == record.remote_id)
        found = past_media.c.item_id.is_not(None)
        self.connection.execute(update(past_media).where(*this, ~found).values(state=PastState.SAVED, key=key))

    def recognise(self, record: PastRecord, item_id: int, now: datetime) -> None:
        """Note that one is this item, which the library had already; what it rests holds for the item."""
        self.keep(record)
        row = self.connection.execute(
            select(past_media).where(
                past_media.c.publisher == record.publisher, past_media.c.remote_id == record.remote_id
            )
        ).mappings()
        item = self.connection.execute(select(items).where(items.c.id == item_id)).mappings().one()
        settle(self.connection, row.one(), item, now)

    def forget(self, publisher: str, remote_id: str) -> None:
        """Let one be as if it had never been met."""
        this = (past_media.c.publisher == publisher, past_media.c.remote_id == remote_id)
        self.connection.execute(delete(past_media).where(*this))

    def rename(self, old: str, new: str) -> None:
        """Carry everything over to a publisher's new name; nothing happens where the new one has a past of its own."""
        taken = select(past_media.c.remote_id).where(past_media.c.publisher == new).limit(1)
        if self.connection.execute(taken).first() is None:
            self.connection.execute(delete(backfills).where(backfills.c.publisher == new))
            for table in (past_media, backfills):
                self.connection.execute(update(table).where(table.c.publisher == old).values(publisher=new))
