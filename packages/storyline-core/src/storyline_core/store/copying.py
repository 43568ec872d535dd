"""Copying everything from one database into an empty one, row for row, whichever of the two they are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, delete, func, literal, select

from storyline_core.errors import StoreError
from storyline_core.store.columns import BIG
from storyline_core.store.tables import metadata, sequences

_AT_ONCE = 5_000


def copy_everything(source: Connection, target: Connection) -> Mapping[str, int]:
    """Copy all tables within the two open transactions; how many rows each has.

    Raises `StoreError` when the target holds anything already, or when the counts differ in the end.
    """
    counts: dict[str, int] = {}
    for table in metadata.sorted_tables:
        if table is not sequences and _count(target, table):
            raise StoreError(f"The database to copy into is not empty: it has rows in {table.name}.")
    target.execute(delete(sequences))
    for table in metadata.sorted_tables:
        rows = source.execute(select(table).execution_options(yield_per=_AT_ONCE)).mappings()
        for part in rows.partitions(_AT_ONCE):
            target.execute(table.insert(), [dict(row) for row in part])
        _number_on(target, table)
        counts[table.name] = _count(target, table)
        if counts[table.name] != _count(source, table):
            raise StoreError(f"The copy of {table.name} is not complete. Nothing was kept; try again.")
    return counts


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _number_on(target: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a sequence that knows nothing of copied rows."""
    column = table.autoincrement_column
    if target.dialect.name != "postgresql" or column is None or column.type is not BIG:
        return
    last = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
    numbers = func.pg_get_serial_sequence(literal(table.name), literal(column.name))
    target.execute(select(func.setval(numbers, last, False)))
