"""Curate: what people change about items by hand: what an item says, and what keeps it out of an account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from storyline_core.describing import Documents
from storyline_core.errors import NotAllowed, NotFound
from storyline_core.media import MediaItem
from storyline_core.metadata import Partial, merge, partial_from_json, partial_to_json, said_by_provenance
from storyline_core.store import Hold, Reason, Store, Unit

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
FIELDS = frozenset(field.name for field in attrs.fields(Partial))


@attrs.frozen
class Released:
    """The holds that ended, and the other items (twins of the same content) that this frees as well."""

    item: MediaItem
    holds: tuple[Hold, ...]
    twins: tuple[MediaItem, ...]


def edit_item(
    store: Store, item_id: int, says: Partial, now: datetime, *, by: str, reset: Sequence[str] = ()
) -> MediaItem:
    """Let a person's word win over the files, per field; `reset` returns fields to what the files say.

    Raises `NotFound` when there is no such item and `NotAllowed` for a field that does not exist.
    """
    unknown = sorted(set(reset) - FIELDS)
    if unknown:
        raise NotAllowed(f"There is no field {unknown[0]}. The fields are: {', '.join(sorted(FIELDS))}.")
    with store.begin() as unit:
        item = unit.library.item(item_id)
        before = partial_from_json(unit.library.edits(item_id))
        kept = attrs.evolve(before, **dict.fromkeys(reset))
        edits = merge([says, kept])
        origin = said_by_provenance(unit.library.provenances_of([item_id]).get(item_id))
        description = _documents_of(unit, item).describe(item.name, item.folder, edits, origin)
        unit.library.set_edits(item_id, partial_to_json(edits), description, by=by, at=now)
        return unit.library.item(item_id)


def _documents_of(unit: Unit, item: MediaItem) -> Documents:
    here = [each for each in unit.library.documents(item.source) if each.folder == item.folder]
    texts = unit.library.document_texts(item.source, [each.key for each in here])
    return Documents.of((each.folder, each.name, texts.get(each.key, "").encode()) for each in here)


def hold(
    store: Store,
    item_id: int,
    now: datetime,
    *,
    by: str,
    until: datetime | None = None,
    account: str | None = None,
    reason: Reason = Reason.MANUAL,
) -> Hold:
    """Keep an item and its twins out of an account (None: all) until then (None: for ever)."""
    if until is not None and until <= now:
        raise NotAllowed("A hold must end at a time that lies ahead.")
    with store.begin() as unit:
        item = unit.library.item(item_id)
        made = Hold(
            item_id=item.id,
            digest=item.digest,
            account=account,
            reason=reason,
            until=until,
            by=by,
            at=now,
            post_id=None,
        )
        unit.holds.add(made)
    return made


def release(store: Store, item_id: int, now: datetime, *, by: str) -> Released:
    """End every hold that matches the item, whoever made it, and name the twins that this frees."""
    with store.begin() as unit:
        item = unit.library.item(item_id)
        ended = unit.holds.release(item.id, by=by, at=now)
        twins = unit.library.twins(item)
    return Released(item=item, holds=tuple(ended), twins=tuple(twins))


def set_paused(store: Store, account: str, paused: bool) -> None:
    """Stop or restart an account's line; what passes meanwhile is recorded as missed."""
    with store.begin() as unit:
        unit.accounts.save(account, paused=paused)


def prune(store: Store, source: str, older_than: timedelta, now: datetime, *, dry_run: bool = False) -> int:
    """Forget items removed longer ago than that to which nothing refers; how many went, or would go."""
    if dry_run:
        with store.read() as unit:
            return unit.library.count_prunable(older_than, now, source=source)
    with store.begin() as unit:
        return unit.library.prune(older_than, now, source=source)


def rename_source(store: Store, old: str, new: str) -> None:
    """Carry a source's items, history and holds over to a new name.

    Raises `NotFound` when nothing is known of the old name, `NotAllowed` when the new one has items of its own.
    """
    if not SOURCE_NAME.fullmatch(new):
        raise NotAllowed(f"“{new}” cannot be a source's name: use letters, digits, - and _.")
    with store.begin() as unit:
        if old not in unit.sources.names():
            raise NotFound(f"Nothing is known of a source {old}. Known: {', '.join(unit.sources.names()) or 'none'}.")
        unit.sources.rename(old, new)
