"""The only place with SQL: a store, and units of it. One transaction per decision.

::

    store = open_store("sqlite:///storyline.db")
    store.ensure_schema()
    with store.begin() as unit:
        unit.queue.add(post)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import URL, Connection

from storyline_core.errors import SchemaMismatch, StoreError, StoreUnavailable
from storyline_core.store import engines, schema
from storyline_core.store.accounts import AccountState
from storyline_core.store.alerts import AlertRecord
from storyline_core.store.applying import Applied, StoredDocument
from storyline_core.store.catalogue import ItemEvent, SourceCounts
from storyline_core.store.copying import BACKUP_CHORE, copy_everything
from storyline_core.store.dumping import Digest, Digesting, Shape, Snapshot, Sort, holds_anything, shapes_of, snapshot
from storyline_core.store.engines import PUT_BACK
from storyline_core.store.faults import plainly
from storyline_core.store.history import JournalEntry
from storyline_core.store.holds import Hold, Reason
from storyline_core.store.leases import FAR, Lease
from storyline_core.store.library import ItemName
from storyline_core.store.likenesses import Sight
from storyline_core.store.outcomes import Outcome
from storyline_core.store.past import BackfillState, PastRecord, PastState, Rest
from storyline_core.store.people import Person, PersonStats, TeamRole
from storyline_core.store.rebuilding import (
    Dumped,
    drop_schema,
    forget_processes,
    place_aside,
    put_in_place,
    rebuild,
    set_schema_aside,
)
from storyline_core.store.remembering import Part
from storyline_core.store.runs import Run, RunStatus
from storyline_core.store.schema import SchemaState
from storyline_core.store.secrets import KeptSecret, OpenedBy, PrivateTexts, Vault
from storyline_core.store.sources import SourceRecord
from storyline_core.store.tellings import ChannelRecord, Telling
from storyline_core.store.units import Unit
from storyline_core.store.views import PostView, QueueNumbers

__all__ = [
    "BACKUP_CHORE",
    "FAR",
    "PUT_BACK",
    "AccountState",
    "AlertRecord",
    "Applied",
    "BackfillState",
    "ChannelRecord",
    "Digest",
    "Digesting",
    "Dumped",
    "Hold",
    "ItemEvent",
    "ItemName",
    "JournalEntry",
    "KeptSecret",
    "Lease",
    "OpenedBy",
    "Outcome",
    "Part",
    "PastRecord",
    "PastState",
    "Person",
    "PersonStats",
    "PostView",
    "PrivateTexts",
    "QueueNumbers",
    "Reason",
    "Rest",
    "Run",
    "RunStatus",
    "SchemaState",
    "Shape",
    "Sight",
    "Snapshot",
    "Sort",
    "SourceCounts",
    "SourceRecord",
    "Store",
    "StoredDocument",
    "TeamRole",
    "Telling",
    "Unit",
    "Vault",
    "open_store",
    "place_aside",
    "put_in_place",
]


def open_store(url: str, *, read_only: bool = False, patience: timedelta = engines.PATIENCE) -> Store:
    """The store behind a database URL. Migrates nothing; an embedded database's file is made on first use.

    With `read_only` nothing at all is written; an embedded database that does not exist yet reads as an empty one.
    `patience` is how long a writer waits for another. Raises `SettingsError` for a URL that cannot be used.
    """
    place = engines.read_url(url)
    file = engines.file_of(place)
    if read_only and file is not None and not file.exists():
        empty = Store(engines.read_url("sqlite://"), read_only=False, patience=patience)
        empty.upgrade()
        return empty
    return Store(place, read_only=read_only, patience=patience)


class Store:
    """One database. Safe to share between threads; each thread has at most one unit open at a time."""

    def __init__(self, url: URL, *, read_only: bool, patience: timedelta) -> None:
        self.place = engines.place_of(url)
        self.embedded = url.get_backend_name() == "sqlite"
        self.file = engines.file_of(url)
        self._engine = engines.connect(url, read_only=read_only, patience=patience)
        self._anchor = engines.Anchor(url)
        self._anchor.watch(self._engine)
        self.read_only = read_only
        self._open = threading.local()
        # A database in memory has a single connection, which its units take turns with.
        self._turn = threading.Lock() if self.embedded and engines.file_of(url) is None else None

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        """One transaction that writes: committed at the end of the block, rolled back on any error.

        On an embedded database it has the right to write from the start. Raises `StoreUnavailable`, also where the file
        of an embedded one was removed or replaced.
        """
        if self.read_only:
            raise StoreUnavailable(f"The {self.place} was opened for reading only.")
        self._anchor.check()
        with self._connection() as connection, engines.writing(connection).begin():
            yield Unit(connection)

    @contextmanager
    def read(self) -> Iterator[Unit]:
        """One state of everything, for reading; takes no right to write and waits for nobody."""
        with self._connection() as connection:
            reading = engines.reading(connection)
            with reading.begin() as transaction:
                yield Unit(reading)
                transaction.rollback()

    def lost(self) -> bool:
        """Whether the file of an embedded database was removed or replaced since this store first used it.

        It can still be read then, but nothing is written to it any more.
        """
        return self._anchor.lost()

    def in_transaction(self) -> bool:
        """Whether this thread has a unit open. No plugin is ever called while it has."""
        return getattr(self._open, "unit", False)

    def schema(self) -> SchemaState:
        """Which version the tables have and which is needed."""
        with self._connection() as connection:
            return schema.look(connection)

    def upgrade(self) -> None:
        """Bring the tables to the version needed; safe when several processes do so at once.

        Raises `SchemaMismatch` when the database is of a later Storyline or of something else.
        """
        if self.schema().level:
            return
        with self.begin() as unit:
            schema.upgrade(unit.connection, self.place)

    def ensure_schema(self) -> None:
        """Make sure that the tables fit: an embedded or an empty database is migrated.

        Raises `SchemaMismatch` with what to do for a server's database of an earlier version, and for a later one.
        """
        state = self.schema()
        if state.level:
            return
        schema.refuse_foreign(state, self.place)
        if not self.read_only and (self.embedded or state.empty):
            self.upgrade()
            return
        raise SchemaMismatch(
            f"The tables of the {self.place} are of version {state.current or 'none'}; this Storyline needs "
            f"{state.head}. Make a backup, then run: storyline db upgrade"
        )

    def copy_to(self, target: Store) -> Mapping[str, int]:
        """Copy everything into an empty, migrated store; how many rows of each table were copied.

        When the last backup was made is not copied, since there is none of the other database yet.
        Raises `StoreError` when the target holds something already: then nothing is written.
        """
        with self.read() as source, target.begin() as unit:
            return copy_everything(source.connection, unit.connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One state of every table, for a backup. Raises `StoreError` when an embedded database is damaged."""
        with self.read() as unit, snapshot(unit) as seen:
            yield seen

    def holds_tables(self) -> bool:
        """Whether there is any table at all, with rows or without."""
        with self.read() as unit:
            return bool(shapes_of(unit.connection))

    def holds_rows(self) -> bool:
        """Whether anything has been written, beyond what every fresh database holds."""
        with self.read() as unit:
            return holds_anything(unit.connection) is not None

    def rebuild(self, version: str, tables: Iterable[Dumped], *, aside: str = "", keep: bool = True) -> None:
        """Make the tables as they were dumped and bring them level, all or nothing. No right of that time is in force.

        On a server what stands there already is set `aside` first, into a schema of that name, and dropped in the end
        unless it is to be kept. Raises `StoreUnavailable` when another process uses it, `SchemaMismatch` for a later
        version, `StoreError` when a table comes out otherwise than it was dumped.
        """
        with self.begin() as unit:
            if aside:
                set_schema_aside(unit.connection, aside)
            rebuild(unit.connection, version, tables, self.place)
            schema.upgrade(unit.connection, self.place)
            forget_processes(unit.connection)
            if aside and not keep:
                drop_schema(unit.connection, aside)

    def close(self) -> None:
        """Close every connection. The store cannot be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if self.in_transaction():
            raise StoreError("A unit is already open in this thread. This is a mistake in Storyline.")
        with self._taking_turns(), plainly(self.place):
            self._open.unit = True
            try:
                with self._engine.connect() as connection:
                    yield connection
            finally:
                self._open.unit = False

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn:
                yield
