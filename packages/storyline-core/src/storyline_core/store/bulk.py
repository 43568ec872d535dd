"""Many rows in one statement: COPY and JSON record sets on PostgreSQL, many rows of values on SQLite.

Rows are sequences of what the drivers take (instants as `columns.spell_instant` gives them, JSON as text). They go
past the column types, which is what makes them fast.
"""

from __future__ import annotations

import csv
import io
import json
import typing
from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import Connection, Table, Text, bindparam, cast, column, func, insert, update
from sqlalchemy.dialects.postgresql import JSON

if typing.TYPE_CHECKING:
    import psycopg2.extensions

Scalar = str | int | bool | None
_CHUNK = 1 << 16

_VARIABLES = 2_500
"""How many values one statement takes on SQLite, which may have been built for as few as 32,766.

A row on its own would let other threads in after each: those who hash, and who are slow to let it go on.
"""


class _Null(int):
    """None for the CSV writer, which leaves only numbers unquoted: so it differs from every text."""

    def __str__(self) -> str:
        return "\\N"

    __repr__ = __str__


_NULL = _Null()


def insert_many(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> None:
    """Insert all rows; `names` are the columns in the rows' order. Nothing happens without rows."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, names, rows)
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(names))
    assert statement.positiontup is not None
    order = [names.index(name) for name in statement.positiontup]
    if order != list(range(len(names))):
        rows = [tuple(row[place] for place in order) for row in rows]
    one = str(statement)
    together = max(1, _VARIABLES // len(names))
    whole = len(rows) - len(rows) % together
    if whole:
        many = ", ".join([one, *[f"({', '.join('?' * len(names))})"] * (together - 1)])
        starts = range(0, whole, together)
        flat = [tuple(chain.from_iterable(rows[start : start + together])) for start in starts]
        connection.exec_driver_sql(many, flat)
    if whole < len(rows):
        connection.exec_driver_sql(one, [tuple(row) for row in rows[whole:]])


def update_many(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> None:
    """Set columns of many rows at once; the first name is the key by which each row is found."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _update_from_json(connection, table, names, rows)
        return
    key = names[0]
    statement = (
        update(table)
        .where(table.c[key] == bindparam("row_key"))
        .values({name: bindparam(f"new_{name}") for name in names[1:]})
        .compile(dialect=connection.dialect)
    )
    assert statement.positiontup is not None
    sources = ["row_key" if name == key else f"new_{name}" for name in names]
    order = [sources.index(name) for name in statement.positiontup]
    connection.exec_driver_sql(str(statement), [tuple(row[place] for place in order) for row in rows])


def _copy(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerows([_NULL if value is None else value for value in row] for row in rows)
    buffer.seek(0)
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    cursor = typing.cast("psycopg2.extensions.cursor", connection.connection.cursor())
    with cursor:
        cursor.copy_expert(
            f"COPY {quote(table.name)} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N')", buffer, _CHUNK
        )


def _update_from_json(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Scalar]]
) -> None:
    document = json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False)
    new = (
        func.json_to_recordset(cast(bindparam("document", type_=Text), JSON))
        .table_valued(*[column(name, table.c[name].type) for name in names])
        .render_derived(name="new", with_types=True)
    )
    connection.execute(
        update(table).where(table.c[names[0]] == new.c[names[0]]).values({name: new.c[name] for name in names[1:]}),
        {"document": document},
    )
