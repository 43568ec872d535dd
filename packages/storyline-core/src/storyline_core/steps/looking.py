"""Looking: at all of a source or at the part in which something may have changed; and what is remembered of a part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import attrs

from storyline_core.errors import Refused
from storyline_core.evidence import is_whole, origins_to_ask
from storyline_core.hints import Hint
from storyline_core.interfaces import Traits, WatchableSource
from storyline_core.media import (
    FileProblem,
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    RememberedDocument,
    RememberedFile,
    Unread,
)
from storyline_core.reconcile import ChangeSet, RememberedIndex
from storyline_core.steps.report import SyncRequest
from storyline_core.steps.source_line import SourceLine, ask_source
from storyline_core.store import Part, SourceRecord

SETTLES_IN = timedelta(seconds=2)
"""How long an item stays that a look at a part found gone: the other half of a move may be told a moment later."""


def look(line: SourceLine, request: SyncRequest, record: SourceRecord) -> Listing:
    """The listing that a request asks for; of everything wherever a part of it would not do.

    A hint neither uses nor moves a cursor. Everything is listed when the filters have changed: what a part shows would
    not tell what they hide.
    """
    if request.hint is not None and request.check_day is None and line.traits.watches:
        hint = request.hint
        listing = ask_source(lambda: cast(WatchableSource, line.provider).list_part(hint), "listing")
        listing = attrs.evolve(listing, cursor=record.cursor)
    else:
        again = request.force or request.check_day is not None
        listing = _list_media(line, record.cursor if line.traits.lists_changes and not again else None)
    if not is_whole(listing) and record.filters is not None and record.filters != listing.filters:
        return _list_media(line, None)
    return listing


def _list_media(line: SourceLine, cursor: str | None) -> Listing:
    try:
        return ask_source(lambda: line.provider.list_media(cursor), "listing")
    except Refused:
        if cursor is None:
            raise
    # The cursor is too old, or never was one.
    return ask_source(lambda: line.provider.list_media(None), "listing")


def missing_before(listing: Listing, request: SyncRequest, traits: Traits, now: datetime) -> datetime | None:
    """Since when an item must have been missing to be removed; None where the listing leaves no doubt about moves.

    Changes since a cursor tell both halves of a move, and an id is not changed by one.
    """
    if request.hint is None or traits.keys_survive_renames or is_whole(listing):
        return None
    return now - SETTLES_IN


def is_held_up(listing: Listing, changes: ChangeSet, young: Collection[FileProblem]) -> bool:
    """Whether the cursor has to stay: a listing from a later one would never speak of what is left over."""
    left_over = (changes.deferred, changes.waiting, changes.held, changes.settling, young, listing.unseen)
    return not listing.complete or any(left_over)


@attrs.define
class Recall:
    """What is remembered of one source, as far as a look at a part needs it. Nothing is read twice."""

    line: SourceLine
    items: dict[int, RememberedFile] = attrs.field(factory=dict)
    _keys: set[str] = attrs.field(factory=set)
    _below: set[str] = attrs.field(factory=set)
    _digests: set[str] = attrs.field(factory=set)

    def fetch(self, listing: Listing, readings: Mapping[str, Fingerprint | Unread]) -> RememberedIndex:
        """Everything that can matter to the listing and these readings."""
        below = {*scope_of(listing), *(spot.folder for spot in listing.unseen if spot.key is None)} - self._below
        self._take(Part(below=below))
        self._below |= below
        known = {item.key for item in self.items.values() if item.removed_at is None}
        keys = {entry.key for entry in listing.files}.union(listing.gone)
        keys.update(spot.key for spot in listing.unseen if spot.key is not None)
        keys -= self._keys
        digests = {each.digest for each in readings.values() if isinstance(each, Fingerprint)}
        digests = digests.union(entry.digest for entry in listing.files if entry.digest is not None) - self._digests
        self._take(Part(keys=keys - known, digests=digests))
        self._keys |= keys
        self._digests |= digests
        counts = (partial(count_living, self.line), partial(_by_category, self.line))
        return RememberedIndex.of(self.items.values(), living=counts[0], folders=counts[1])

    def _take(self, part: Part) -> None:
        if part.keys or part.below or part.digests:
            with self.line.store.read() as unit:
                self.items.update((item.id, item) for item in unit.library.remembered_part(self.line.name, part))


def count_living(line: SourceLine) -> int:
    """How many living items the source has."""
    with line.store.read() as unit:
        return unit.library.living(line.name)


def _by_category(line: SourceLine) -> dict[str, int]:
    with line.store.read() as unit:
        return unit.library.living_by_category(line.name)


def scope_of(listing: Listing) -> Collection[str]:
    """The folders that the listing speaks of as a whole."""
    return listing.scope if listing.mode is ListingMode.SUBTREE else ()


Read = Callable[[RememberedIndex, Listing], Mapping[str, Fingerprint | Unread]]
"""Reads what must be read of a listing and has not been read yet; gives all readings so far."""


@attrs.frozen
class Widened:
    """A listing that was looked beyond, and what is remembered of it (nothing, once it is of everything)."""

    listing: Listing
    remembered: RememberedIndex


def widened(line: SourceLine, listing: Listing, read: Read) -> Widened:
    """The listing of a part together with the places from which its new files may have come, and what is remembered.

    A file with the bytes of an item that the listing does not speak of may be that item, moved, or a copy of it: only
    a look at the item's own place can tell. What lies there now may lead to a third place, and so on; no place is
    looked at twice. The listing may come back as one of everything.
    """
    recall = Recall(line)
    asked: set[str] = set()
    while not is_whole(listing):
        remembered = recall.fetch(listing, {})
        readings = read(remembered, listing)
        remembered = recall.fetch(listing, readings)
        survive = line.traits.keys_survive_renames
        origins = origins_to_ask(remembered.items, listing, readings, keys_survive_renames=survive)
        unasked = [key for key in origins if key not in asked]
        if not unasked:
            return Widened(listing, remembered)
        asked.update(unasked)
        listing = _asked_for(line, listing, unasked)
    return Widened(listing, RememberedIndex.of(()))


def _asked_for(line: SourceLine, listing: Listing, keys: Collection[str]) -> Listing:
    """The listing with a look at these places as well."""
    if line.traits.watches:
        hint = Hint.of(keys)
        return _together(listing, ask_source(lambda: cast(WatchableSource, line.provider).list_part(hint), "listing"))
    # What was listed just now is certainly there: a source that confirms it absent confirms everything unseen.
    there = {entry.key for entry in listing.files}
    absent = ask_source(lambda: line.provider.confirm_absent([*sorted(keys), *sorted(there)[:1]]), "looking again")
    if absent & there:
        return listing
    return attrs.evolve(listing, gone=tuple(sorted({*listing.gone, *absent})))


def _together(one: Listing, other: Listing) -> Listing:
    """Two looks at parts as one. Where both speak of a file, the later look holds."""
    if is_whole(other):
        return attrs.evolve(other, cursor=one.cursor)
    return attrs.evolve(
        one,
        files=_later(one.files, other.files, other.gone),
        documents=_later(one.documents, other.documents, other.gone),
        scope=tuple(sorted({*one.scope, *other.scope})),
        complete=one.complete and other.complete,
        unseen=(*one.unseen, *other.unseen),
        gone=tuple(sorted({*one.gone, *other.gone} - {entry.key for entry in (*other.files, *other.documents)})),
        problems=_without_doubles((*one.problems, *other.problems)),
        racy_margin_ns=max(one.racy_margin_ns, other.racy_margin_ns),
    )


def _later(
    before: Collection[ListedFile], now: Collection[ListedFile], gone: Collection[str]
) -> tuple[ListedFile, ...]:
    spoken_of = {entry.key for entry in now}.union(gone)
    return (*(entry for entry in before if entry.key not in spoken_of), *now)


def _without_doubles(problems: Collection[FileProblem]) -> tuple[FileProblem, ...]:
    return tuple(dict.fromkeys(problems))


def documents_of(line: SourceLine, listing: Listing) -> list[RememberedDocument]:
    """The remembered documents that can matter to a listing: those it speaks of, and all beside what it lists."""
    with line.store.read() as unit:
        if is_whole(listing):
            return unit.library.documents(line.name)
        keys = {entry.key for entry in listing.documents}.union(listing.gone)
        below = {*scope_of(listing)}
        spoken_of = unit.library.documents_part(line.name, Part(keys=keys, below=below))
        beside = {entry.folder for entry in (*listing.files, *listing.documents)}
        beside.update(document.folder for document in spoken_of)
        others = unit.library.documents_part(line.name, Part(beside=beside))
    found = {document.key: document for document in (*spoken_of, *others)}
    return [found[key] for key in sorted(found)]
