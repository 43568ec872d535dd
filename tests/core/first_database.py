"""A database as the first migration made it and the first Storyline filled it, laid down anew in any database.

`golden/first_database.json` holds every row of one that was in use for three days: items that were edited, moved,
removed and restored, posts in every state, and what a killed process leaves. Nobody writes that file again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import attrs
from sqlalchemy import Boolean, Connection, DateTime, LargeBinary, MetaData, text
from sqlalchemy.types import TypeEngine

from storyline_core.store import Store, Unit, open_store
from storyline_core.store.schema import migrate

FIRST = "0001"
SECRET_KEY = "first-key-first-key-first-key-first"
"""With this the one secret in it was encrypted ..."""

SECRET = "kept since the first day"
"""... which says this."""

Row = tuple[object, ...]
Rows = Mapping[str, Sequence[Row]]
"""The rows of each table in the order of their keys, with every value as JSON can tell it."""


@attrs.frozen
class Dumped:
    """One table of the file."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def dumped() -> Mapping[str, Dumped]:
    """The tables of the file."""
    file = Path(__file__).parent / "golden" / "first_database.json"
    found = json.loads(file.read_text("utf-8"))
    return {
        name: Dumped(tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
        for name, table in found.items()
    }


def lay_down(url: str) -> None:
    """Fill an empty database as the first migration and the first Storyline left it."""
    with closing(open_store(url)) as store, store.begin() as unit:
        migrate(unit.connection, FIRST)
        there = dumped()
        for table in reflected(unit.connection, there).sorted_tables:
            unit.connection.execute(table.delete())
            rows = [
                {name: _as_stored(value, table.c[name].type) for name, value in zip(dump.columns, row, strict=True)}
                for dump in [there[table.name]]
                for row in dump.rows
            ]
            unit.connection.execute(table.insert(), rows)
        _set_counters(unit.connection)


def reflected(connection: Connection, names: Mapping[str, Dumped]) -> MetaData:
    """The tables as the database itself describes them."""
    metadata = MetaData()
    metadata.reflect(connection, only=list(names))
    return metadata


def found_in(unit: Unit) -> Rows:
    """What the columns of that time hold now."""
    there = dumped()
    metadata = reflected(unit.connection, there)
    found = {}
    for name, dump in there.items():
        table = metadata.tables[name]
        columns = [table.c[column] for column in dump.columns]
        rows = unit.connection.execute(table.select().with_only_columns(*columns).order_by(*columns[:2])).all()
        found[name] = _in_order(tuple(_as_told(value) for value in row) for row in rows)
    return found


def expected() -> Rows:
    """What they held then."""
    kinds = {"accounts", "sources", "people", "alerts"}
    assert kinds < set(dumped())
    return {
        name: _in_order(tuple(_as_told(_instant(value)) for value in row) for row in dump.rows)
        for name, dump in dumped().items()
    }


def version_of(store: Store) -> str | None:
    """Which version the tables have."""
    return store.schema().current


def _in_order(rows: object) -> Sequence[Row]:
    assert hasattr(rows, "__iter__")
    return sorted(rows, key=repr)


def _as_stored(value: object, kind: TypeEngine[object]) -> object:
    """A value of the file as a column of that type takes it."""
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"])
    if value is not None and isinstance(kind, Boolean):
        return bool(value)
    if value is not None and isinstance(kind, DateTime):
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    assert not isinstance(kind, LargeBinary)
    return value


def _instant(value: object) -> object:
    """The instants of the file are texts in UTC, as SQLite holds them."""
    if not isinstance(value, str) or len(value) != len("2026-05-01 06:00:00.000000"):
        return value
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return value


def _as_told(value: object) -> object:
    """A value as it is compared: instants in UTC, bytes as text, truth values as numbers."""
    if isinstance(value, dict):
        return value["bytes"]
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return int(value) if isinstance(value, bool) else value


def _set_counters(connection: Connection) -> None:
    """PostgreSQL counts by itself, and has to be told where it stands."""
    if connection.dialect.name != "postgresql":
        return
    for table in ("alerts", "holds", "item_events", "journal", "publications", "runs"):
        last = f"(SELECT max(id) FROM {table})"
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})"))
