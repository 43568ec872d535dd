"""Items as people see them: found, listed, counted, and edited by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import attrs
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    case,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from storyline_core.errors import NotFound
from storyline_core.media import Description, MediaItem
from storyline_core.store.columns import spell_json
from storyline_core.store.convert import description_columns, description_of
from storyline_core.store.tables import item_events, items, publications

_ALIVE = items.c.removed_at.is_(None)
_STATES: Mapping[str, ColumnElement[bool]] = {
    "alive": and_(_ALIVE, items.c.problem.is_(None)),
    "broken": and_(_ALIVE, items.c.problem.is_not(None)),
    "removed": items.c.removed_at.is_not(None),
}
_AT_ONCE = 5_000
_SHORTEST_DIGEST = 8


@attrs.frozen
class SourceCounts:
    """How many items of a source are alive and removed, and how many of the living are broken."""

    alive: int = 0
    removed: int = 0
    broken: int = 0


@attrs.frozen
class ItemEvent:
    """One thing that happened to an item, and on what evidence. An addition has neither `from` nor `to`."""

    at: datetime
    kind: str
    from_key: str | None = None
    to_key: str | None = None
    from_path: str | None = None
    to_path: str | None = None
    from_digest: str | None = None
    to_digest: str | None = None
    evidence: str = ""


@attrs.frozen
class Catalogue:
    """The part of the library that people look at and edit."""

    connection: Connection

    def item(self, item_id: int) -> MediaItem:
        """One item. Raises `NotFound`."""
        found = self._read(items.c.id == item_id)
        if not found:
            raise NotFound(f"There is no item {item_id}.")
        return found[0]

    def items_by_id(self, ids: Collection[int]) -> dict[int, MediaItem]:
        """The items of these ids; those that do not exist are left out."""
        wanted = sorted(set(ids))
        found: dict[int, MediaItem] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = self._read(items.c.id.in_(wanted[start : start + _AT_ONCE]))
            found.update({item.id: item for item in part})
        return found

    def items(
        self,
        *,
        source: str | None = None,
        category: str | None = None,
        tag: str | None = None,
        state: str | None = None,
        interaction: bool | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> list[MediaItem]:
        """Items in the order of their ids, narrowed as asked; `state` is `alive`, `broken` or `removed`.

        `after` gives those behind an id, for reading in pages of `limit`.
        """
        wanted: list[ColumnElement[bool]] = []
        for column, value in ((items.c.source, source), (items.c.category, category)):
            if value is not None:
                wanted.append(column == value)
        if tag is not None:
            find = func.instr if self.connection.dialect.name == "sqlite" else func.strpos
            wanted.append(find(type_coerce(items.c.tags, Text), spell_json(tag)) > 0)
        if state is not None:
            wanted.append(_STATES[state])
        if interaction is not None:
            wanted.append(items.c.requires_interaction == interaction)
        if after is not None:
            wanted.append(items.c.id > after)
        return self._read(*wanted, limit=limit)

    def item_at(self, source: str, key: str) -> MediaItem | None:
        """The living item of this key, if there is one."""
        found = self._read(_ALIVE, items.c.source == source, items.c.key == key, limit=1)
        return found[0] if found else None

    def set_added_by(self, item_id: int, person: str) -> None:
        """Note who sent an item."""
        self.connection.execute(update(items).where(items.c.id == item_id).values(added_by=person))

    def resolve_item(self, text: str) -> MediaItem:
        """The item that a person means: by id, key, path, file name or the start of its digest; the living first.

        Raises `NotFound` when there is none, or more than one.
        """
        if text.isascii() and text.isdigit() and len(text) < 19:
            return self.item(int(text))
        path = case((items.c.folder == "", items.c.name), else_=items.c.folder + "/" + items.c.name)
        meant: list[ColumnElement[bool]] = [items.c.key == text, path == text, items.c.name == text]
        if len(text) >= _SHORTEST_DIGEST and set(text) <= set("0123456789abcdef"):
            meant.append(items.c.digest.startswith(text))
        for living in (_ALIVE, ~_ALIVE):
            found = self._read(living, or_(*meant), limit=6)
            if len(found) > 1:
                ids = ", ".join(str(item.id) for item in found[:5])
                raise NotFound(f"“{text}” may mean several items ({ids}). Name one by its id.")
            if found:
                return found[0]
        raise NotFound(f"There is no item “{text}”. All of them: storyline media list")

    def keys_of(self, ids: Collection[int]) -> dict[int, str]:
        """The keys of items, by id; those that do not exist are left out."""
        return {item_id: item.key for item_id, item in self.items_by_id(ids).items()}

    def opening(self, item_id: int) -> tuple[str, str]:
        """The source that holds an item's bytes, and its key there. Raises `NotFound` for one that is gone."""
        row = self.connection.execute(
            select(items.c.source, items.c.key, items.c.removed_at).where(items.c.id == item_id)
        ).one_or_none()
        if row is None or row.removed_at is not None:
            raise NotFound(f"Item {item_id} is not in the library any more.")
        return row.source, row.key

    def counts(self, source: str) -> SourceCounts:
        """How many items a source has."""
        return self.counts_by_source().get(source, SourceCounts())

    def counts_by_source(self) -> dict[str, SourceCounts]:
        """How many items each source has."""
        alive, removed, broken = (
            func.sum(case((condition, 1), else_=0)) for condition in (_ALIVE, ~_ALIVE, _STATES["broken"])
        )
        rows = self.connection.execute(select(items.c.source, alive, removed, broken).group_by(items.c.source))
        return {source: SourceCounts(*map(int, numbers)) for source, *numbers in rows}

    def edits(self, item_id: int) -> dict[str, object]:
        """What people edited of an item, by field; empty when nothing. Raises `NotFound`."""
        row = self.connection.execute(select(items.c.edits).where(items.c.id == item_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no item {item_id}.")
        return dict(row.edits or {})

    def edits_of(self, ids: Collection[int]) -> dict[int, dict[str, object]]:
        """What people edited of several items; those that nobody edited are left out."""
        return self._noted(items.c.edits, ids)

    def provenances_of(self, ids: Collection[int]) -> dict[int, dict[str, object]]:
        """Where several items come from, as far as that is known; the others are left out."""
        return self._noted(items.c.provenance, ids)

    def _noted(self, column: Column[object], ids: Collection[int]) -> dict[int, dict[str, object]]:
        found: dict[int, dict[str, object]] = {}
        numbers = sorted(ids)
        for start in range(0, len(numbers), _AT_ONCE):
            wanted = items.c.id.in_(numbers[start : start + _AT_ONCE])
            rows = self.connection.execute(select(items.c.id, column).where(wanted, column.is_not(None)))
            found.update((number, dict(noted)) for number, noted in rows if noted)
        return found

    def twins(self, item: MediaItem) -> list[MediaItem]:
        """The other living items of the same bytes."""
        if item.digest is None:
            return []
        return self._read(_ALIVE, items.c.digest == item.digest, items.c.id != item.id)

    def stock(self, sources: Collection[str]) -> dict[str, int]:
        """How many living items that can be opened each category of these sources has."""
        rows = self.connection.execute(
            select(items.c.category, func.count())
            .where(_STATES["alive"], items.c.source.in_(sorted(sources)))
            .group_by(items.c.category)
        )
        return {row[0]: row[1] for row in rows}

    def set_edits(
        self, item_id: int, edits: Mapping[str, object], description: Description, by: str, at: datetime
    ) -> None:
        """Keep what a person edited, and the description that follows from it. Raises `NotFound`."""
        columns = description_columns(description) | {"edits": dict(edits) or None, "edited_by": by, "edited_at": at}
        done = self.connection.execute(update(items).where(items.c.id == item_id).values(columns))
        if not done.rowcount:
            raise NotFound(f"There is no item {item_id}.")
        fields = ", ".join(sorted(edits)) or "nothing"
        self.connection.execute(
            item_events.insert().values(item_id=item_id, at=at, kind="described", evidence=f"{by} edited {fields}")
        )

    def events(self, item_id: int) -> list[ItemEvent]:
        """What happened to an item, oldest first. Raises `NotFound`."""
        added = self.connection.execute(
            select(items.c.added_at, items.c.added_because).where(items.c.id == item_id)
        ).one_or_none()
        if added is None:
            raise NotFound(f"There is no item {item_id}.")
        wanted = [item_events.c[name] for name in attrs.fields_dict(ItemEvent)]
        later = select(*wanted).where(item_events.c.item_id == item_id).order_by(item_events.c.id)
        first = ItemEvent(at=added.added_at, kind="added", evidence=added.added_because)
        return [first, *(ItemEvent(*row) for row in self.connection.execute(later))]

    def duplicates(self) -> list[list[MediaItem]]:
        """The living items that share their bytes with another one, twins together; empty files share nothing."""
        twins = (
            select(items.c.digest)
            .where(_ALIVE, items.c.digest.is_not(None), items.c.size > 0)
            .group_by(items.c.digest)
            .having(func.count() > 1)
        )
        groups: dict[str | None, list[MediaItem]] = {}
        for item in self._read(_ALIVE, items.c.digest.in_(twins), items.c.size > 0):
            groups.setdefault(item.digest, []).append(item)
        return list(groups.values())

    def living_by_digest(self, digests: Collection[str]) -> dict[str, list[MediaItem]]:
        """The living items of these contents, by digest."""
        wanted = sorted(set(digests))
        found: dict[str, list[MediaItem]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            for item in self._read(_ALIVE, items.c.digest.in_(wanted[start : start + _AT_ONCE])):
                found.setdefault(item.digest or "", []).append(item)
        return found

    def _read(self, *wanted: ColumnElement[bool], limit: int | None = None) -> list[MediaItem]:
        statement = _with_history().where(*wanted).order_by(items.c.id).limit(limit)
        return [_media_item(row) for row in self.connection.execute(statement).mappings()]


def _with_history() -> Select[tuple[object, ...]]:
    """Items beside the sum of their publications that stand."""
    of_item = and_(publications.c.item_id == items.c.id, publications.c.undone_at.is_(None))
    times = select(func.count()).where(of_item).scalar_subquery().label("times_posted")
    last = select(func.max(publications.c.at)).where(of_item).scalar_subquery().label("last_posted_at")
    return select(items, times, last)


_PLAIN = [name for name in attrs.fields_dict(MediaItem) if name != "description"]


def _media_item(row: RowMapping) -> MediaItem:
    return MediaItem(description=description_of(row), **{name: row[name] for name in _PLAIN})
