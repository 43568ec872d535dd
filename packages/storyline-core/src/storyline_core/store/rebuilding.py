"""Rebuilding: a database made anew from dumped tables, checked row for row, and put in the place of another.

The other is never lost: an embedded one is kept as a file beside it, one on a server as a schema of its own.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import attrs
from sqlalchemy import Connection, inspect, text

from storyline_core.errors import SchemaMismatch, StoreError, StoreUnavailable
from storyline_core.store import engines, schema
from storyline_core.store.dumping import Digest, Shape, digest_of, empty, load, shapes_of
from storyline_core.store.tables import leases, metadata, workers

VIEWS = ("posting_queue", "posting_history")
"""The views that the migrations make; PostgreSQL does not move them with their tables."""

_LOCKED_FOR = timedelta(seconds=10)
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})


@attrs.frozen
class Dumped:
    """A table as it was dumped: its shape, its rows' digest, and its lines."""

    shape: Shape
    digest: Digest
    lines: Iterable[bytes]


def rebuild(connection: Connection, version: str, tables: Iterable[Dumped], place: str) -> None:
    """Make the tables of that version, fill them and compare every one, within the open transaction.

    The database must hold no tables. Raises `SchemaMismatch` for a version that this Storyline does not know, and
    `StoreError` when a table does not come out as it was dumped.
    """
    if version not in schema.REVISIONS:
        raise SchemaMismatch(
            f"This comes from a later Storyline (version {version} of the tables; this one knows "
            f"{schema.REVISIONS[-1]}). Install that Storyline, then try again."
        )
    schema.migrate(connection, version)
    empty(connection, shapes_of(connection))
    for dumped in tables:
        load(connection, dumped.shape, dumped.lines)
        found = digest_of(connection, dumped.shape)
        if found != dumped.digest:
            raise StoreError(
                f"The table {dumped.shape.name} came out with {found.rows} rows instead of {dumped.digest.rows}, or "
                f"with other content. Nothing was kept of it in the {place}."
            )


def forget_processes(connection: Connection) -> None:
    """Give back every right, and forget every worker: nobody who held one then is at work here now."""
    connection.execute(leases.update().values(until=None))
    connection.execute(workers.delete())


def set_schema_aside(connection: Connection, name: str) -> None:
    """Move every table of Storyline in a PostgreSQL database into a schema of its own, within the open transaction.

    Raises `StoreUnavailable` when another Storyline is connected.
    """
    others = connection.execute(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'storyline' AND pid <> pg_backend_pid()"
        )
    ).scalar_one()
    if others:
        raise StoreUnavailable(f"{others} more connections of Storyline use this database. {_STOP}")
    connection.execute(text(f"SET LOCAL lock_timeout = '{int(_LOCKED_FOR.total_seconds())}s'"))
    looked = inspect(connection)
    ours = {*metadata.tables, "alembic_version"}
    quote = connection.dialect.identifier_preparer.quote
    connection.execute(text(f"CREATE SCHEMA {quote(name)}"))
    for view in sorted(set(VIEWS) & set(looked.get_view_names())):
        connection.execute(text(f"ALTER VIEW {quote(view)} SET SCHEMA {quote(name)}"))
    for moved in sorted(ours & set(looked.get_table_names())):
        connection.execute(text(f"ALTER TABLE {quote(moved)} SET SCHEMA {quote(name)}"))


def drop_schema(connection: Connection, name: str) -> None:
    """Forget what was set aside."""
    connection.execute(text(f"DROP SCHEMA {connection.dialect.identifier_preparer.quote(name)} CASCADE"))


def put_in_place(new: Path, file: Path, aside: Path) -> bool:
    """Put a finished database file in the place of another, which is kept as `aside`. Whether there was another.

    At every moment one of the two stands there. Raises `StoreUnavailable` when another process uses the old one.
    """
    if not file.exists():
        os.replace(new, file)
        _settle(file.parent)
        return False
    with _nobody_uses(file):
        try:
            os.link(file, aside)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.rename(file, aside)
        # A damaged one may have left these; SQLite would take them for the new one's.
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{file}{suffix}", f"{aside}{suffix}")
        os.replace(new, file)
        _settle(file.parent)
    return True


def place_aside(file: Path, stamp: str) -> Path:
    """A free name beside a database file for the one that was there before."""
    for number in range(1, 1_000):
        name = file.with_name(f"{file.name}.before-{stamp}" + (f"-{number}" if number > 1 else ""))
        if not os.path.lexists(name):
            return name
    raise StoreUnavailable(f"There are too many former databases beside {file}. Remove some, then try again.")


@contextmanager
def _nobody_uses(file: Path) -> Iterator[None]:
    """Keep others out of an embedded database and its log in one file; a damaged one is let be as it is."""
    try:
        connection = sqlite3.connect(file, timeout=2, isolation_level=None)
    except sqlite3.Error:
        yield
        return
    try:
        try:
            # This works only for the last one that has it open, and leaves no log behind.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error):
                where = engines.place_of(engines.read_url(f"sqlite:///{file}"))
                raise StoreUnavailable(f"The {where} is in use by another process. {_STOP}") from None
        yield
    finally:
        connection.close()


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_STOP = "Stop Storyline everywhere first (for example: systemctl stop storyline), then try again."
