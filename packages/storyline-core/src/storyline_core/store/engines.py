"""Connections: one engine per store, with each database set up so that a commit is a commit.

SQLite runs in WAL mode with foreign keys on and `synchronous=FULL`, since a handle must be on the disk before anything
is published with it. Its own driver's transaction handling is switched off: a unit that writes begins with
`BEGIN IMMEDIATE`, one that reads with `BEGIN`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from storyline_core.errors import Problem, SettingsError, StoreUnavailable

PATIENCE = timedelta(seconds=30)
"""How long a writer waits for another one before it gives up."""

OLDEST_SQLITE = (3, 35)
"""The first that gives back what it inserted."""

PUT_BACK = (
    "Stop Storyline, put the file back or restore a backup (storyline backup restore), then start Storyline again."
)
"""What helps where the file of an embedded database is not the one that was opened."""

_WRITES = "storyline_writes"
_NOWHERE = (-1, -1)
_RETRY_SECONDS = 0.05


def read_url(text: str) -> URL:
    """The database's URL, with the driver that Storyline uses. Raises `SettingsError` for one it cannot use."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise _unusable("this is not a database URL.") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg2"):
        return url.set(drivername="postgresql+psycopg2")
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return url.set(drivername="sqlite")
    raise _unusable(f"Storyline does not work with {url.drivername} databases.")


def _unusable(what: str) -> SettingsError:
    remedy = "Write sqlite:///storyline.db or postgresql://user@host/name."
    return SettingsError([Problem("database.url", what, remedy)])


def place_of(url: URL) -> str:
    """The database as a person knows it, without user or password."""
    if url.get_backend_name() == "sqlite":
        return f"database {file_of(url) or '(in memory)'}"
    return f"PostgreSQL database {url.database or ''} on {url.host or url.query.get('host', 'this machine')}"


def file_of(url: URL) -> Path | None:
    """The file of an embedded database, or None for one in memory or on a server."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    if url.query.get("mode") == "memory":
        return None
    return Path(url.database.removeprefix("file:"))


class Anchor:
    """Which file an embedded database was when it was first connected to; whatever is at its path later must be that.

    A file that was deleted can still be written to, and is gone with the last process that has it open.
    """

    def __init__(self, url: URL) -> None:
        file = file_of(url)
        self._path = "" if file is None else os.path.abspath(file)
        self._place = place_of(url)
        self._first: tuple[int, int] | None = None

    def lost(self) -> bool:
        """Whether the file was removed or replaced since. What cannot be looked at just now is not lost."""
        return self._first is not None and self._now() not in (self._first, None)

    def check(self) -> None:
        """Raises `StoreUnavailable` when the file was removed or replaced since."""
        if self.lost():
            raise StoreUnavailable(
                f"The {self._place} was removed or replaced while Storyline works; what is written now would be lost. "
                f"{PUT_BACK}"
            )

    def watch(self, engine: Engine) -> None:
        """Note the file at the engine's first connection, and let no later one open another file."""
        if not self._path:
            return

        # Before as well as after: SQLite would make an empty file where there is none.
        @event.listens_for(engine, "do_connect")
        def before(dialect: object, entry: object, arguments: object, named: object) -> None:
            self.check()

        @event.listens_for(engine, "connect")
        def after(connection: object, entry: object) -> None:
            self.check()
            if self._first is None and (found := self._now()) != _NOWHERE:
                self._first = found

    def _now(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return _NOWHERE
        except OSError:
            return None
        return status.st_dev, status.st_ino


def connect(url: URL, *, read_only: bool, patience: timedelta) -> Engine:
    """An engine for the URL. Connects to nothing yet. Raises `SettingsError` when the driver is not installed."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, read_only, patience)
    try:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=_deadlines(url))
    except (ModuleNotFoundError, NoSuchModuleError):
        remedy = "Install it with: pip install 'storyline-core[postgresql]'"
        raise SettingsError([Problem("database.url", "PostgreSQL's driver is not installed.", remedy)]) from None
    if read_only:
        return engine.execution_options(postgresql_readonly=True)
    return engine


_DEADLINES: Mapping[str, str | int] = MappingProxyType(
    {
        "application_name": "storyline",
        "connect_timeout": 15,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
)
"""What keeps a network that falls silent from holding anybody up for ever (seconds; the last in milliseconds)."""


def _deadlines(url: URL) -> dict[str, str | int]:
    """The deadlines that the URL does not set by itself."""
    return {name: value for name, value in _DEADLINES.items() if name not in url.query}


def writing(connection: Connection) -> Connection:
    """The connection, marked so that its next transaction takes the right to write at once."""
    return connection.execution_options(**{_WRITES: True})


def reading(connection: Connection) -> Connection:
    """The connection, marked so that its next transaction sees one state of everything and writes nothing."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def _sqlite(url: URL, read_only: bool, patience: timedelta) -> Engine:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        what = f"This Python comes with SQLite {sqlite3.sqlite_version}; Storyline needs {wanted} or later."
        raise SettingsError([Problem("database.url", what, "Install a newer Python, or use PostgreSQL.")])
    file = file_of(url)
    arguments: dict[str, object] = {"timeout": patience.total_seconds(), "check_same_thread": False}
    if file is None:
        engine = create_engine(url, connect_args=arguments, hide_parameters=True, poolclass=StaticPool)
    else:
        if read_only:
            name = "file:" + quote(os.fspath(file.absolute()))
            url = url.set(database=name, query={"mode": "ro", "uri": "true"})
        engine = create_engine(url, connect_args=arguments, hide_parameters=True)

    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(cursor, patience)
        cursor.close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(cursor: object, patience: timedelta) -> None:
    """Switch to WAL once; SQLite does not wait for others while switching, so waiting is done here."""
    assert isinstance(cursor, sqlite3.Cursor)
    deadline = monotonic() + patience.total_seconds()
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > deadline:
                return
        sleep(_RETRY_SECONDS)
