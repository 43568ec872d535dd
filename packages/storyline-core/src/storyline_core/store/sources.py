"""What is known of each source beside its items: where a listing left off, who it is, and whether it is paused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
from sqlalchemy import Connection, select, update

from storyline_core.errors import NotAllowed
from storyline_core.reconcile import Waiting
from storyline_core.store.catalogue import SourceCounts
from storyline_core.store.convert import row_of, value_of
from storyline_core.store.library import Library
from storyline_core.store.tables import sources
from storyline_core.store.upsert import upsert


@attrs.frozen
class SourceRecord:
    """What the last syncs of a source left behind. `waiting` are new files that wait, by key.

    `last_full_at` is when it was last listed whole, `last_checked_at` when the daily pass last went over it.
    `unwatched_because` says why a source that should be watched is not; it is not the sync's to change.
    """

    name: str
    cursor: str | None = None
    identity: str | None = None
    filters: str | None = None
    last_tried_at: datetime | None = None
    last_good_at: datetime | None = None
    last_run_id: int | None = None
    paused: bool = False
    waiting: Mapping[str, Waiting] = attrs.field(factory=dict)
    last_full_at: datetime | None = None
    last_checked_at: datetime | None = None
    unwatched_because: str | None = None


@attrs.frozen
class Sources:
    """The sources' records, within one unit."""

    connection: Connection

    def get(self, name: str) -> SourceRecord:
        """What is known of a source; an empty record for one never seen."""
        row = self.connection.execute(select(sources).where(sources.c.name == name)).mappings().one_or_none()
        return SourceRecord(name) if row is None else value_of(row, SourceRecord)

    def save(self, record: SourceRecord) -> None:
        """Keep a record, except what others may have changed while the sync was running: the switch, the watch."""
        row = row_of(record)
        kept = {name: value for name, value in row.items() if name not in ("name", "paused", "unwatched_because")}
        statement = upsert(self.connection, sources).values(row)
        self.connection.execute(statement.on_conflict_do_update(index_elements=[sources.c.name], set_=kept))

    def names(self) -> Sequence[str]:
        """Every source ever seen, configured or not."""
        return list(self.connection.execute(select(sources.c.name).order_by(sources.c.name)).scalars())

    def set_paused(self, name: str, paused: bool) -> None:
        """The stored switch that people turn at run time."""
        statement = upsert(self.connection, sources).values(row_of(SourceRecord(name, paused=paused)))
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=[sources.c.name], set_={"paused": paused})
        )

    def set_unwatched(self, name: str, because: str | None) -> None:
        """Note why a source is not watched; None when it is, or need not be."""
        statement = upsert(self.connection, sources).values(row_of(SourceRecord(name, unwatched_because=because)))
        self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=[sources.c.name],
                set_={"unwatched_because": because},
                where=sources.c.unwatched_because.is_distinct_from(because),
            )
        )

    def rename(self, old: str, new: str) -> None:
        """Carry everything over to a new name; nothing happens once that is done.

        Raises `NotAllowed` when the new name has living items of its own.
        """
        known = select(sources.c.name).where(sources.c.name == old)
        if self.connection.execute(known).first() is None and Library(self.connection).counts(old) == SourceCounts():
            return
        if Library(self.connection).counts(new).alive:
            raise NotAllowed(f"Source {new} has items of its own; {old} cannot take its name.")
        self.connection.execute(sources.delete().where(sources.c.name == new))
        self.connection.execute(update(sources).where(sources.c.name == old).values(name=new))
        Library(self.connection).rename_source(old, new)
