"""What the evidence says, before anything is decided: which stored digests still stand, and what is not listed.

The one loop over a whole source is here, in `compare`; it is written for a million files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum

import attrs

from storyline_core.changes import RememberedIndex
from storyline_core.media import (
    FileProblem,
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    RememberedFile,
    Unread,
    Unseen,
)

SKEW_NS = 600_000_000_000
"""How far a file's time may lie ahead of its reading and still count as a clock that runs ahead.

Later times were set by hand or by a wrong camera: writing the file again would set an earlier one and show. Without
this bound such files would be read in every run.
"""


def racy(item: RememberedFile, margin_ns: int) -> bool:
    """Whether the file may have changed unseen in the instant after its digest was taken."""
    return item.hashed_ns - margin_ns < item.mtime_ns <= item.hashed_ns + SKEW_NS


def same_facts(item: RememberedFile, entry: ListedFile) -> bool:
    """Whether size, time and version are as remembered."""
    return item.size == entry.size and item.mtime_ns == entry.mtime_ns and item.version == entry.version


def stands(item: RememberedFile, entry: ListedFile, margin_ns: int) -> bool:
    """Whether the stored digest is that of the listed file, as far as can be told without reading it."""
    return item.digest is not None and same_facts(item, entry) and not racy(item, margin_ns)


def shifted(item: RememberedFile, entry: ListedFile, margin_ns: int, shifted_ns: int | None) -> bool:
    """Whether the file differs only by a shift in time that a sample has shown to be harmless."""
    return (
        shifted_ns is not None
        and item.digest is not None
        and item.size == entry.size
        and entry.mtime_ns - item.mtime_ns == shifted_ns
        and not racy(item, margin_ns)
    )


@attrs.frozen
class Arrival:
    """A listed file whose content is known and that belongs to no item yet."""

    entry: ListedFile
    digest: str
    reading: Fingerprint | None = None


def as_read(entry: ListedFile, reading: Fingerprint) -> ListedFile:
    """The entry with the facts that stood around the reading; the listing may be older than that."""
    if (reading.size, reading.mtime_ns, reading.version) == (entry.size, entry.mtime_ns, entry.version):
        return entry
    return attrs.evolve(entry, size=reading.size, mtime_ns=reading.mtime_ns, version=reading.version)


@attrs.define
class Compared:
    """The outcome of the first look by key. A hint that differs is no difference: it is too weak a sign.

    `unchanged` counts files of which nothing differs and nothing was noted; `pairs` are the other known ones,
    `arrivals` the listed files without a living item, `unlisted` the living items without a listed file.
    `doubled` are keys that were listed twice with different facts.
    """

    unchanged: int
    pairs: list[tuple[RememberedFile, ListedFile]]
    arrivals: list[ListedFile]
    unlisted: Collection[RememberedFile]
    doubled: tuple[str, ...] = ()


def compare(
    remembered: Sequence[RememberedFile] | RememberedIndex, listing: Listing, suspects: Collection[str] = ()
) -> Compared:
    """Lay what is remembered and what is listed side by side. Keys in `suspects` are never passed over as clean."""
    doubled: tuple[str, ...] = ()
    files: Sequence[ListedFile] = listing.files
    found = _side_by_side(_alive(remembered), files, listing.racy_margin_ns, suspects)
    if found.arrivals and _is_doubled(remembered, found.arrivals):
        files, doubled = _undouble(files)
        found = _side_by_side(_alive(remembered), files, listing.racy_margin_ns, suspects)
    found.doubled = doubled
    return found


def _alive(remembered: Sequence[RememberedFile] | RememberedIndex) -> dict[str, RememberedFile]:
    if isinstance(remembered, RememberedIndex):
        return dict(remembered.alive)
    return {item.key: item for item in remembered if item.removed_at is None}


def _side_by_side(
    alive: dict[str, RememberedFile], files: Sequence[ListedFile], margin: int, suspects: Collection[str]
) -> Compared:
    unchanged = 0
    pairs: list[tuple[RememberedFile, ListedFile]] = []
    arrivals: list[ListedFile] = []
    take, ahead = alive.pop, SKEW_NS
    for entry in files:
        key = entry.key
        item = take(key, None)
        if item is None:
            arrivals.append(entry)
        elif (
            item.size == entry.size
            and (mtime := item.mtime_ns) == entry.mtime_ns
            and item.version == entry.version
            and not (item.hashed_ns - margin < mtime <= item.hashed_ns + ahead)
            and (digest := item.digest) is not None
            and (entry.digest is None or entry.digest == digest)
            and item.name == entry.name
            and item.folder == entry.folder
            and item.missing_since is None
            and item.unknown_since is None
            and key not in suspects
        ):
            unchanged += 1
        else:
            pairs.append((item, entry))
    return Compared(unchanged, pairs, arrivals, alive.values())


def _is_doubled(remembered: Sequence[RememberedFile] | RememberedIndex, arrivals: list[ListedFile]) -> bool:
    keys = {entry.key for entry in arrivals}
    if len(keys) < len(arrivals):
        return True
    if isinstance(remembered, RememberedIndex):
        return any(key in remembered.alive for key in keys)
    return any(item.key in keys for item in remembered if item.removed_at is None)


def _undouble(files: Sequence[ListedFile]) -> tuple[list[ListedFile], tuple[str, ...]]:
    """One entry for every key; a key with two different stories is left out and named."""
    once: dict[str, ListedFile] = {}
    doubled: set[str] = set()
    for entry in files:
        if once.setdefault(entry.key, entry) != entry:
            doubled.add(entry.key)
    return [entry for key, entry in once.items() if key not in doubled], tuple(sorted(doubled))


def narrowed(
    remembered: Sequence[RememberedFile] | RememberedIndex, listing: Listing, digests: Collection[str]
) -> Sequence[RememberedFile] | RememberedIndex:
    """Only what can matter to a listing of changes; for other listings all of it.

    Without an index this is one pass; a listing of changes that names unseen folders needs that pass in any case.
    """
    if listing.mode is not ListingMode.CHANGES:
        return remembered
    keys = {entry.key for entry in listing.files}
    keys.update(listing.gone)
    keys.update(spot.key for spot in listing.unseen if spot.key is not None)
    folders = [spot.folder for spot in listing.unseen if spot.key is None]
    if folders:
        below = Folders(folders)
        items = remembered.items if isinstance(remembered, RememberedIndex) else remembered
        return [item for item in items if item.key in keys or item.digest in digests or item.folder in below]
    if not isinstance(remembered, RememberedIndex):
        return [item for item in remembered if item.key in keys or item.digest in digests]
    rows = {item.id: item for key in keys if (item := remembered.alive.get(key)) is not None}
    rows.update((item.id, item) for digest in digests for item in remembered.by_digest.get(digest, ()))
    return list(rows.values())


class Folders:
    """Some folders and all below them; asks `folder in folders`. `""` stands for the whole source."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._tops = frozenset(folder.strip("/") for folder in folders)
        self._known: dict[str, bool] = {}

    def __contains__(self, folder: str) -> bool:
        known = self._known.get(folder)
        if known is None:
            parts = folder.split("/")
            known = "" in self._tops or any("/".join(parts[:end]) in self._tops for end in range(1, len(parts) + 1))
            self._known[folder] = known
        return known


class Sight(Enum):
    """What a listing says of an item that it does not list."""

    ABSENT = "absent"
    UNKNOWN = "unknown"
    HIDDEN = "hidden"
    UNMENTIONED = "unmentioned"


class Coverage:
    """What one listing says of the items that it does not list. `believed` is False while filters have changed.

    `UNKNOWN` is what was looked for and could not be seen; `HIDDEN` what would be absent if the listing were complete
    and its filters as before; `UNMENTIONED` what the listing does not speak of at all (outside a subtree, or silence
    in a listing of changes). None of these is ever absent.
    """

    def __init__(self, listing: Listing, *, believed: bool) -> None:
        self._mode = listing.mode
        self._whole = listing.complete and believed
        self._gone = frozenset(listing.gone)
        self._scope = Folders(listing.scope)
        self._unseen = Folders(spot.folder for spot in listing.unseen if spot.key is None)
        self._unseen_keys = frozenset(spot.key for spot in listing.unseen if spot.key is not None)

    def of(self, item: RememberedFile) -> Sight:
        """How this item stands."""
        if item.key in self._gone:
            return Sight.ABSENT if self._whole else Sight.HIDDEN
        if item.key in self._unseen_keys or item.folder in self._unseen:
            return Sight.UNKNOWN
        if self._mode is ListingMode.CHANGES:
            return Sight.UNMENTIONED
        if self._mode is ListingMode.SUBTREE and item.folder not in self._scope:
            return Sight.UNMENTIONED
        return Sight.ABSENT if self._whole else Sight.HIDDEN


def origins_to_ask(
    items: Iterable[RememberedFile],
    listing: Listing,
    readings: Mapping[str, Fingerprint | Unread],
    *,
    keys_survive_renames: bool,
) -> tuple[str, ...]:
    """Keys of living items that the listing does not speak of and whose bytes it has elsewhere, sorted.

    Each may be the origin of a move of which the listing shows only where it led. `items` must hold everything with
    the keys and the digests of the listed files. An id that has other bytes was edited, and that is all.
    """
    rows = list(items)
    alive = {item.key: item for item in rows if item.removed_at is None}
    wanted: set[tuple[str, int]] = set()
    for entry in listing.files:
        content = _content_of(entry, readings.get(entry.key))
        before = alive.get(entry.key)
        if content is None or not content[1] or (before is not None and keys_survive_renames):
            continue
        if before is None or before.digest != content[0]:
            wanted.add(content)
    if not wanted:
        return ()
    coverage, listed = Coverage(listing, believed=True), {entry.key for entry in listing.files}
    return tuple(
        sorted(
            item.key
            for item in alive.values()
            if item.digest is not None
            and (item.digest, item.size) in wanted
            and item.key not in listed
            and coverage.of(item) is Sight.UNMENTIONED
        )
    )


def _content_of(entry: ListedFile, reading: Fingerprint | Unread | None) -> tuple[str, int] | None:
    """Digest and size of a listed file, as far as this run knows them."""
    if isinstance(reading, Fingerprint):
        return reading.digest, reading.size
    return None if entry.digest is None else (entry.digest, entry.size)


def without_doubles(listing: Listing, doubled: Sequence[str]) -> Listing:
    """The listing with doubled keys as unseen: which of the two stories holds cannot be told."""
    if not doubled:
        return listing
    lost = set(doubled)
    why = "It was listed twice with different facts; the source has to say which of them holds."
    return attrs.evolve(
        listing,
        files=tuple(entry for entry in listing.files if entry.key not in lost),
        gone=tuple(key for key in listing.gone if key not in lost),
        unseen=(*listing.unseen, *(Unseen("", why, key) for key in doubled)),
        problems=(*listing.problems, *(FileProblem(key, why) for key in doubled)),
    )


def is_whole(listing: Listing) -> bool:
    """Whether the listing speaks of everything the source has."""
    return listing.mode is ListingMode.FULL or (listing.mode is ListingMode.SUBTREE and "" in listing.scope)


def settles(item: RememberedFile, missing_before: datetime | None) -> bool:
    """Whether an item that seems gone has not been noted as missing for long enough to believe it."""
    return missing_before is not None and (item.missing_since is None or item.missing_since > missing_before)


def noted(item: RememberedFile) -> bool:
    """Whether the item is noted as missing or unknown."""
    return item.missing_since is not None or item.unknown_since is not None
