"""Writing one run's plan: in bulk, a constant number of statements, nothing for what did not change.

Order: free the keys that others take over, then moves, edits and restores, then additions, removals last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import attrs
from sqlalchemy import Connection, delete, update

from storyline_core.media import Description, Fingerprint, ListedFile, category_of
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.store.adopting import adopt
from storyline_core.store.bulk import Scalar, insert_many, update_many
from storyline_core.store.columns import spell_instant, spell_json, storable
from storyline_core.store.tables import documents as document_table
from storyline_core.store.tables import item_events, items, sequences

_AT_ONCE = 5_000
_PARKED = "\x01parked/"
_KEPT = frozenset({ChangeKind.MOVED, ChangeKind.TOUCHED, ChangeKind.EDITED, ChangeKind.RESTORED})


@attrs.frozen
class StoredDocument:
    """One metadata document as it was read: its text, and what is wrong with it, if anything."""

    key: str
    name: str
    folder: str
    size: int
    mtime_ns: int
    version: str
    digest: str
    read_ns: int
    text: str
    problem: str | None = None


@attrs.frozen
class Applied:
    """What was written: the new items' ids by key."""

    added_ids: Mapping[str, int]


def apply(
    connection: Connection,
    source: str,
    changes: ChangeSet,
    *,
    descriptions: Mapping[str, Description],
    described: Mapping[int, Description],
    documents: Sequence[StoredDocument],
    gone_documents: Sequence[str],
    now: datetime,
    now_ns: int,
) -> Applied:
    """Write a plan for one source.

    `descriptions` are those of added, moved, edited, restored and touched items, by their key; `described` those of
    items that stayed as they were, by id. `now_ns` is when the readings were taken.
    """
    kept = [change for change in changes.changes if change.kind in _KEPT]
    removed = changes.of(ChangeKind.REMOVED)
    _free_keys(connection, kept, removed, changes.of(ChangeKind.ADDED))
    _keep(connection, kept, now_ns)
    _look_again(connection, kept)
    _describe(connection, _descriptions_of(kept, descriptions) | dict(described))
    added = _add(connection, source, changes.of(ChangeKind.ADDED), descriptions, now, now_ns)
    _remove(connection, removed, now)
    _note_sight(connection, changes, now)
    _note_events(connection, changes, described, now)
    _keep_documents(connection, source, documents, gone_documents)
    if changes.changes:
        adopt(connection, source, now)
    return Applied(added_ids=added)


def allocate(connection: Connection, name: str, count: int) -> int:
    """The first of `count` fresh numbers. Numbers are never given twice, not even after their rows are pruned."""
    following = connection.execute(
        update(sequences)
        .where(sequences.c.name == name)
        .values(next=sequences.c.next + count)
        .returning(sequences.c.next)
    ).scalar_one()
    return int(following) - count


def _free_keys(
    connection: Connection, kept: Iterable[Change], removed: Iterable[Change], added: Iterable[Change]
) -> None:
    """Park every living item that leaves its key, so that swaps and cycles never meet the unique index half-way."""
    moving = [
        change for change in kept if change.was and change.was.removed_at is None and change.was.key != change.key
    ]
    taken = {change.key for change in (*kept, *added)}
    leaving = [change for change in removed if change.was and change.was.key in taken]
    ids = [change.was.id for change in (*moving, *leaving) if change.was]
    update_many(connection, items, ("id", "key"), [(item_id, f"{_PARKED}{item_id}") for item_id in ids])


def _keep(connection: Connection, kept: Sequence[Change], now_ns: int) -> None:
    rows: list[tuple[Scalar, ...]] = []
    for change in kept:
        was, now, reading = change.was, change.now, change.reading
        assert was is not None
        assert now is not None
        # With a reading, the facts are those that stood while it was taken: they belong to its digest.
        facts = (reading.size, reading.mtime_ns, reading.version) if reading else (now.size, now.mtime_ns, now.version)
        taken = (reading.digest, now_ns) if reading else (now.digest or was.digest, was.hashed_ns)
        place = (now.key, now.name, now.folder, category_of(now.folder))
        rows.append((was.id, *place, *facts, now.hint, *taken, None, None, None))
    columns = ("id", "key", "name", "folder", "category", "size", "mtime_ns", "version", "hint", "digest", "hashed_ns")
    update_many(connection, items, (*columns, "missing_since", "unknown_since", "removed_at"), rows)


def _look_again(connection: Connection, kept: Sequence[Change]) -> None:
    """What the content says about itself, where it was read again; a look is also dropped with the bytes it was of."""
    rows: list[tuple[Scalar, ...]] = []
    for change in kept:
        was, now, reading = change.was, change.now, change.reading
        digest = reading.digest if reading else now and now.digest
        if was and now and digest and (digest != was.digest or (reading and reading.look)):
            rows.append((was.id, *_look_columns(change)))
    update_many(connection, items, ("id", *_LOOK), rows)


_LOOK = ("media_type", "width", "height", "problem", "look_version")


def _look_columns(change: Change) -> tuple[Scalar, ...]:
    now = change.now
    look = (change.reading.look if change.reading else None) or (now.look if now else None)
    if look is None:
        return (now.media_type if now else "", None, None, None, 0)
    problem = storable(look.problem) if look.problem else None
    return (look.media_type, look.width, look.height, problem, look.version)


def _descriptions_of(kept: Iterable[Change], descriptions: Mapping[str, Description]) -> dict[int, Description]:
    return {change.was.id: descriptions[change.key] for change in kept if change.was and change.key in descriptions}


_DESCRIPTION = ("title", "caption", "link_url", "tags", "requires_interaction", "custom_metadata")


def _describe(connection: Connection, descriptions: Mapping[int, Description]) -> None:
    rows = [(item_id, *_description_row(description)) for item_id, description in descriptions.items()]
    update_many(connection, items, ("id", *_DESCRIPTION), rows)


def _description_row(description: Description) -> tuple[Scalar, ...]:
    return (
        storable(description.title),
        storable(description.caption),
        storable(description.link_url),
        _tags(description.tags),
        description.requires_interaction,
        spell_json(dict(description.custom_metadata)) if description.custom_metadata else "{}",
    )


@lru_cache(maxsize=4096)
def _tags(tags: tuple[str, ...]) -> str:
    """Tags repeat all over a library; spelling them is the dearest part of a row."""
    return spell_json(tags)


_UNDESCRIBED = _description_row(Description())

_ADDED = ("id", "source", "key", "name", "folder", "category", "size", "mtime_ns", "version", "hint", "digest")


def _add(
    connection: Connection,
    source: str,
    added: Sequence[Change],
    descriptions: Mapping[str, Description],
    now: datetime,
    now_ns: int,
) -> dict[str, int]:
    if not added:
        return {}
    first = allocate(connection, "items", len(added))
    added_at = spell_instant(now, connection.dialect.name)
    rows: list[tuple[Scalar, ...]] = []
    because = lru_cache(storable)
    for item_id, change in enumerate(added, first):
        file, reading = change.now, change.reading
        assert file is not None
        description = descriptions.get(file.key)
        rows.append(
            (
                item_id,
                source,
                file.key,
                file.name,
                file.folder,
                category_of(file.folder),
                *(_as_read(file, reading, now_ns) if reading else _as_listed(file)),
                *_look_columns(change),
                *(_description_row(description) if description else _UNDESCRIBED),
                added_at,
                because(change.evidence),
            )
        )
    insert_many(connection, items, (*_ADDED, "hashed_ns", *_LOOK, *_DESCRIPTION, "added_at", "added_because"), rows)
    return {change.key: item_id for item_id, change in enumerate(added, first)}


def _as_read(file: ListedFile, reading: Fingerprint, now_ns: int) -> tuple[Scalar, ...]:
    return reading.size, reading.mtime_ns, reading.version, file.hint, reading.digest, now_ns


def _as_listed(file: ListedFile) -> tuple[Scalar, ...]:
    return file.size, file.mtime_ns, file.version, file.hint, file.digest, 0


def _remove(connection: Connection, removed: Sequence[Change], now: datetime) -> None:
    """Tombstones keep the last key, which is free for another item from then on."""
    removed_at = spell_instant(now, connection.dialect.name)
    rows = [(change.was.id, change.was.key, removed_at, None, None) for change in removed if change.was]
    update_many(connection, items, ("id", "key", "removed_at", "missing_since", "unknown_since"), rows)


def _note_sight(connection: Connection, changes: ChangeSet, now: datetime) -> None:
    """Since when items are missing or unknown, and which of them are back."""
    at = spell_instant(now, connection.dialect.name)
    sight: list[tuple[Scalar, ...]] = [(item_id, None, None) for item_id in changes.seen]
    sight += [(item_id, at, None) for item_id in changes.missing]
    update_many(connection, items, ("id", "missing_since", "unknown_since"), sight)
    update_many(connection, items, ("id", "unknown_since"), [(item_id, at) for item_id in changes.unknown])


_EVENT = ("item_id", "at", "kind", "from_key", "to_key", "from_path", "to_path", "from_digest", "to_digest", "evidence")


def _note_events(
    connection: Connection, changes: ChangeSet, described: Mapping[int, Description], now: datetime
) -> None:
    at = spell_instant(now, connection.dialect.name)
    rows: list[tuple[Scalar, ...]] = []
    told: set[int] = set()
    for change in changes.changes:
        if change.was is None:
            continue
        if change.kind is ChangeKind.DESCRIBED:
            told.add(change.was.id)
            rows.append((change.was.id, at, change.kind.value, *(None,) * 6, storable(change.evidence)))
        elif event := _event(change):
            rows.append((change.was.id, at, change.kind.value, *event, storable(change.evidence)))
    rows += [(item_id, at, "described", *(None,) * 6, "") for item_id in sorted(described.keys() - told)]
    insert_many(connection, item_events, _EVENT, rows)


def _event(change: Change) -> tuple[str | None, ...] | None:
    """From and to of key, path and digest; None for a mere touch, of which nobody will ever ask."""
    was, now = change.was, change.now
    assert was is not None
    before = (was.key, _path(was.folder, was.name), was.digest)
    if now is None:
        return before[0], None, before[1], None, before[2], None
    digest = change.reading.digest if change.reading else now.digest or was.digest
    after = (now.key, _path(now.folder, now.name), digest)
    if change.kind is ChangeKind.TOUCHED and before == after:
        return None
    return before[0], after[0], before[1], after[1], before[2], after[2]


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _keep_documents(
    connection: Connection, source: str, documents: Sequence[StoredDocument], gone: Sequence[str]
) -> None:
    replaced = [*gone, *(document.key for document in documents)]
    if not replaced:
        return
    known = document_table.c.source == source
    stored = set(
        connection.execute(document_table.select().with_only_columns(document_table.c.key).where(known)).scalars()
    )
    stale = [key for key in replaced if key in stored]
    if len(stale) == len(stored):
        connection.execute(delete(document_table).where(known))
    else:
        for start in range(0, len(stale), _AT_ONCE):
            connection.execute(
                delete(document_table).where(known, document_table.c.key.in_(stale[start : start + _AT_ONCE]))
            )
    names = ("source", *attrs.fields_dict(StoredDocument))
    rows = [(source, *attrs.astuple(document)) for document in documents]
    text, problem = names.index("text"), names.index("problem")
    insert_many(
        connection,
        document_table,
        names,
        [(*row[:text], storable(row[text]), row[problem] and storable(row[problem])) for row in rows],
    )
