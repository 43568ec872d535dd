"""Copying everything from one database into an empty one, row for row, whichever of the two they are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete

from storyline_core.errors import StoreError
from storyline_core.store.dumping import Digesting, digest_of, empty, holds_anything, lines_of, load, shapes_of
from storyline_core.store.tables import chores

BACKUP_CHORE = "backup"
"""The name of the daily backup among the regular tasks: the only one that is about a single database."""


def copy_everything(source: Connection, target: Connection) -> Mapping[str, int]:
    """Copy all tables within the two open transactions; how many rows of each were copied.

    But for when the daily backup was last made: of the target none was, and it is due there at once.
    Raises `StoreError` when the target holds anything already, or when a table does not arrive as it left.
    """
    if found := holds_anything(target):
        raise StoreError(f"The database to copy into is not empty: it has rows in {found}.")
    counts: dict[str, int] = {}
    empty(target, shapes_of(target))
    for shape in shapes_of(source):
        passing = Digesting()
        load(target, shape, passing.through(lines_of(source, shape)))
        if digest_of(target, shape) != passing.digest():
            raise StoreError(f"The copy of {shape.name} is not what it should be. Nothing was kept; try again.")
        counts[shape.name] = passing.digest().rows
    counts[chores.name] -= target.execute(delete(chores).where(chores.c.name == BACKUP_CHORE)).rowcount
    return counts
