"""What is remembered of a part of a source, without reading the rest, and a few numbers of the whole of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import attrs
from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, select

from storyline_core.media import RememberedDocument, RememberedFile
from storyline_core.store.tables import documents as document_table
from storyline_core.store.tables import items

_ALIVE = items.c.removed_at.is_(None)
_BROKEN = (_ALIVE, items.c.problem.is_not(None))
_FILE = [items.c[name] for name in attrs.fields_dict(RememberedFile)]
_DOCUMENT = [document_table.c[name] for name in attrs.fields_dict(RememberedDocument)]
_AT_ONCE = 5_000

Thing = TypeVar("Thing")


@attrs.frozen
class Part:
    """Which part of a source: what has these keys, what lies in `below` or anywhere under it, and what has these bytes.

    Keys and folders mean living items only, digests removed ones as well. `""` in `below` is the whole source.
    `beside` are folders of which only what lies directly in them counts.
    """

    keys: Collection[str] = ()
    below: Collection[str] = ()
    beside: Collection[str] = ()
    digests: Collection[str] = ()


def files(connection: Connection, source: str, part: Part) -> list[RememberedFile]:
    """The items of a part, in no order; one that is in it for two reasons comes twice."""
    living_there = select(*_FILE).where(items.c.source == source, _ALIVE)
    found = []
    for where in _reasons(connection, items, part):
        found += [RememberedFile(*row) for row in connection.execute(living_there.where(where))]
    for some in _portions(part.digests, _AT_ONCE):
        alike = select(*_FILE).where(items.c.digest.in_(some), of_source(source))
        found += [RememberedFile(*row) for row in connection.execute(alike)]
    return found


def of_source(source: str) -> ColumnElement[bool]:
    """That an item is of the source, said so that no index on sources is used: the one on digests finds far fewer."""
    return func.coalesce(items.c.source, "") == source


def digests_among(connection: Connection, source: str, digests: Collection[str]) -> set[str]:
    """Those of the digests that living items of the source have."""
    found: set[str] = set()
    for some in _portions(digests, _AT_ONCE):
        known = select(items.c.digest).where(items.c.digest.in_(some), _ALIVE, of_source(source))
        found.update(connection.execute(known).scalars())
    return found


def documents(connection: Connection, source: str, part: Part) -> list[RememberedDocument]:
    """The documents of a part, each once, by key."""
    every = select(*_DOCUMENT).where(document_table.c.source == source)
    found: dict[str, RememberedDocument] = {}
    for where in _reasons(connection, document_table, part):
        for row in connection.execute(every.where(where)):
            document = RememberedDocument(*row)
            found[document.key] = document
    return [found[key] for key in sorted(found)]


def living(connection: Connection, source: str) -> int:
    """How many items of the source are not removed."""
    return connection.execute(
        select(func.count()).select_from(items).where(items.c.source == source, _ALIVE)
    ).scalar_one()


def living_by_category(connection: Connection, source: str) -> dict[str, int]:
    """How many living items lie under each top folder."""
    counts = select(items.c.category, func.count()).where(items.c.source == source, _ALIVE).group_by(items.c.category)
    return {row[0]: row[1] for row in connection.execute(counts)}


def broken(connection: Connection, source: str) -> int:
    """How many living items cannot be opened."""
    return connection.execute(
        select(func.count()).select_from(items).where(items.c.source == source, *_BROKEN)
    ).scalar_one()


def broken_among(connection: Connection, ids: Collection[int]) -> frozenset[int]:
    """Those of the ids that belong to living items that cannot be opened."""
    found: set[int] = set()
    for some in _portions(ids, _AT_ONCE):
        found.update(connection.execute(select(items.c.id).where(items.c.id.in_(some), *_BROKEN)).scalars())
    return frozenset(found)


def unknown_since(connection: Connection, source: str, before: datetime) -> int:
    """How many living items have been unknown since before that."""
    noted = (items.c.unknown_since.is_not(None), items.c.unknown_since < before)
    return connection.execute(
        select(func.count()).select_from(items).where(items.c.source == source, _ALIVE, *noted)
    ).scalar_one()


def _reasons(connection: Connection, table: Table, part: Part) -> Iterator[ColumnElement[bool]]:
    """Conditions for the keys and folders of a part, each small enough for one statement and fit for an index."""
    for some in _portions(part.keys, _AT_ONCE):
        yield table.c.key.in_(some)
    for some in _portions(part.beside, _AT_ONCE):
        yield table.c.folder.in_(some)
    for some in _portions({folder.strip("/") for folder in part.below}, _AT_ONCE):
        yield table.c.folder.in_(some)
        for folder in some:
            yield _under(connection, table.c.folder, folder)


def _under(connection: Connection, column: Column[str], folder: str) -> ColumnElement[bool]:
    if not folder:
        return column != ""
    if connection.dialect.name == "sqlite":
        # The letter behind the slash: between the two lies all that begins with the folder and a slash.
        return and_(column >= f"{folder}/", column < f"{folder}0")
    return column.startswith(f"{folder}/", autoescape=True)


def _portions(wanted: Collection[Thing], size: int) -> Iterator[Sequence[Thing]]:
    ordered = sorted(set(wanted))  # type: ignore[type-var]
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
