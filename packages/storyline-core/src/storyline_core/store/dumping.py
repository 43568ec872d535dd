"""Dumping: every table as lines of plain JSON, the same from both databases and from every version of the tables.

The columns are read from the database itself, so a database that waits for its migrations can be dumped as well. Rows
stand in the order of their key, columns in the order of their names: the same rows always give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

import attrs
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    TableClause,
    Text,
    delete,
    func,
    inspect,
    literal,
    select,
    table,
    text,
)
from sqlalchemy import column as column_named
from sqlalchemy.types import TypeEngine, _Binary

from storyline_core.errors import StoreError
from storyline_core.store import schema
from storyline_core.store.columns import BIG, Instant
from storyline_core.store.tables import metadata
from storyline_core.store.units import Unit

_AT_ONCE = 2_000


class Sort(StrEnum):
    """What a column holds, as far as its spelling in JSON goes."""

    NUMBER = "number"
    FRACTION = "fraction"
    TRUTH = "truth"
    TEXT = "text"
    INSTANT = "instant"
    BYTES = "bytes"


@attrs.frozen
class Shape:
    """One table: its columns with what they hold, by name, and the columns of its key."""

    name: str
    columns: tuple[tuple[str, Sort], ...]
    key: tuple[str, ...]


@attrs.frozen
class Digest:
    """So many rows, and the sha256 of their lines."""

    rows: int
    sha256: str


class Digesting:
    """Counts and digests lines while they pass."""

    def __init__(self) -> None:
        self._rows = 0
        self._hash = hashlib.sha256()

    def through(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The very lines."""
        for line in lines:
            self._rows += 1
            self._hash.update(line)
            yield line

    def digest(self) -> Digest:
        """What has passed so far."""
        return Digest(self._rows, self._hash.hexdigest())


@attrs.frozen
class Snapshot:
    """One state of a whole database. `version` is that of its tables, None where none was ever recorded."""

    unit: Unit
    version: str | None
    tables: tuple[Shape, ...]

    def lines(self, shape: Shape) -> Iterator[bytes]:
        """A table's rows, one line each."""
        return lines_of(self.unit.connection, shape)


@contextmanager
def snapshot(unit: Unit) -> Iterator[Snapshot]:
    """The state that a reading unit sees. Raises `StoreError` when an embedded database is damaged."""
    connection = unit.connection
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise StoreError(f"The database is damaged ({found}). Restore it from a backup: storyline backup list")
    yield Snapshot(unit, schema.look(connection).current, shapes_of(connection))


def shapes_of(connection: Connection) -> tuple[Shape, ...]:
    """Every table of Storyline that there is, those that others refer to first; not the one of the version."""
    looked = inspect(connection)
    names = [
        name for name, _ in looked.get_sorted_table_and_fkc_names() if name is not None and name in metadata.tables
    ]
    return tuple(
        Shape(
            name,
            tuple(sorted((each["name"], _sort_of(each["type"])) for each in looked.get_columns(name))),
            tuple(looked.get_pk_constraint(name)["constrained_columns"]),
        )
        for name in names
    )


def digest_of(connection: Connection, shape: Shape) -> Digest:
    """How many rows a table has, and their digest."""
    passing = Digesting()
    for _ in passing.through(lines_of(connection, shape)):
        pass
    return passing.digest()


def lines_of(connection: Connection, shape: Shape) -> Iterator[bytes]:
    """A table's rows in the order of its key, one line each."""
    clause = _clause(shape)
    spelling = [_SPELT.get(sort) for _, sort in shape.columns]
    order = shape.key or tuple(name for name, _ in shape.columns)
    statement = select(*clause.columns).order_by(*(_by_bytes(connection, clause.c[name]) for name in order))
    rows = connection.execute(statement, execution_options={"yield_per": _AT_ONCE})
    for row in rows:
        values = [
            value if value is None or spell is None else spell(value)
            for value, spell in zip(row, spelling, strict=True)
        ]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load(connection: Connection, shape: Shape, lines: Iterable[bytes]) -> None:
    """Insert what `lines_of` gave. Raises `ValueError` for lines that it never gives."""
    clause = _clause(shape)
    names = [name for name, _ in shape.columns]
    reading = [_READ.get(sort) for _, sort in shape.columns]
    left = iter(lines)
    while chunk := list(islice(left, _AT_ONCE)):
        rows = [
            {
                name: value if value is None or read is None else read(value)
                for name, read, value in zip(names, reading, json.loads(line), strict=True)
            }
            for line in chunk
        ]
        connection.execute(clause.insert(), rows)
    _number_on(connection, shape)


def empty(connection: Connection, shapes: Sequence[Shape]) -> None:
    """Take every row out of these tables."""
    for shape in reversed(shapes):
        connection.execute(delete(table(shape.name)))


def holds_anything(connection: Connection, unless: Iterable[str] = ("sequences",)) -> str | None:
    """The name of a table that has rows, or None. A fresh database has some in those that are left out."""
    for shape in shapes_of(connection):
        if shape.name in unless:
            continue
        if connection.execute(select(literal(1)).select_from(table(shape.name)).limit(1)).first() is not None:
            return shape.name
    return None


def _number_on(connection: Connection, shape: Shape) -> None:
    """PostgreSQL numbers rows by a sequence that knows nothing of loaded rows."""
    if connection.dialect.name != "postgresql" or len(shape.key) != 1:
        return
    [key] = shape.key
    if dict(shape.columns).get(key) is not Sort.NUMBER:
        return
    numbers = func.pg_get_serial_sequence(literal(shape.name), literal(key))
    if connection.execute(select(numbers)).scalar_one() is None:
        return
    last = select(func.coalesce(func.max(column_named(key)), 0) + 1).select_from(table(shape.name)).scalar_subquery()
    connection.execute(select(func.setval(numbers, last, False)))


def _clause(shape: Shape) -> TableClause:
    return table(shape.name, *(column_named(name, _TYPES[sort]) for name, sort in shape.columns))


def _by_bytes(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """PostgreSQL orders text by language otherwise."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, Text):
        return column.collate("C")
    return column


def _sort_of(kind: TypeEngine[object]) -> Sort:
    for cls, sort in (
        (Boolean, Sort.TRUTH),
        (DateTime, Sort.INSTANT),
        (_Binary, Sort.BYTES),
        (Integer, Sort.NUMBER),
        (Numeric | Float, Sort.FRACTION),
    ):
        if isinstance(kind, cls):
            return sort
    return Sort.TEXT


_TYPES: Mapping[Sort, TypeEngine[Any]] = {
    Sort.NUMBER: BIG,
    Sort.FRACTION: Double(),
    Sort.TRUTH: Boolean(),
    Sort.TEXT: Text(),
    Sort.INSTANT: Instant(),
    Sort.BYTES: LargeBinary(),
}
_SPELT: Mapping[Sort, Callable[..., str]] = {
    Sort.INSTANT: lambda at: at.isoformat(timespec="microseconds"),
    Sort.BYTES: lambda raw: base64.b64encode(raw).decode(),
}
_READ: Mapping[Sort, Callable[..., object]] = {Sort.INSTANT: datetime.fromisoformat, Sort.BYTES: base64.b64decode}
