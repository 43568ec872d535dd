"""What stands as it is remembered is taken out on both sides; what is left is decided as if it were all there is.

Almost every file of almost every run is as it was. Those are told from the rest while the rows come in, in the one
loop over a whole source; no value is made of them, and nothing after this ever sees them again.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import attrs

from storyline_core.changes import RememberedIndex
from storyline_core.evidence import SKEW_NS
from storyline_core.media import ListedFile, Listing, RememberedFile, RememberedRow, category_of

DAYS = 30
"""Within so many days every file is read again, however large the library is."""

A_DAY = 500
"""About so many files a day are read again at most, until a thirtieth of the library is more.

A library that has no more is read whole every day.
"""


def share_of_day(files: Sequence[ListedFile], day: int) -> frozenset[str]:
    """The keys of those files whose turn to be read again it is on a day, whatever size and times say.

    Each file has its own day of every thirty; a smaller library is gone through in fewer days, whose number divides
    thirty, so that a file's own day remains one of its turns however the library grows.
    """
    wanted = -(-len(files) // A_DAY)
    parts = next((each for each in (1, 2, 3, 5, 6, 10, 15) if each >= wanted), DAYS)
    return frozenset(entry.key for entry in files if entry.digest is None and (_own_day(entry.key) - day) % parts == 0)


def _own_day(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogatepass")) % DAYS


def to_check(files: Iterable[ListedFile], due: Collection[str], planned: Collection[str]) -> tuple[ListedFile, ...]:
    """The entries that are due and not planned to be read anyway, each once, largest last."""
    found = {entry.key: entry for entry in files if entry.key in due and entry.key not in planned} if due else {}
    return tuple(sorted(found.values(), key=lambda entry: (entry.size, entry.key)))


@attrs.frozen
class Sifted:
    """The rest on both sides, with the true numbers of the whole source in `remembered`."""

    remembered: RememberedIndex
    listing: Listing


def sift(
    rows: Iterable[RememberedRow], listing: Listing, *, force: bool = False, due: Collection[str] = frozenset()
) -> Sifted:
    """Leave out all that stands: listed with the remembered facts under the remembered name, and nothing noted.

    `rows` are all items of the source, living and removed, each once. `to_hash` and `reconcile` decide the same from
    the rest as from everything. `force` leaves everything in, so that all of it can be read again; `due` are keys that
    are left in for the same reason.
    """
    pending = {entry.key: entry for entry in listing.files}
    if force or not listing.complete or len(pending) < len(listing.files):
        # Of a key listed twice, no story may be believed before all of them are seen. And where the look was not
        # whole, an item that seems to stand may have been met a second time, under another name.
        return Sifted(RememberedIndex.of(RememberedFile(*row) for row in rows), listing)
    left_in = {key: pending.pop(key) for key in due if key in pending}
    rest = _take_out(rows, pending, listing.racy_margin_ns)
    pending |= left_in
    standing = len(listing.files) - len(pending)
    living = standing + sum(item.removed_at is None for item in rest)
    folders = _folders(listing.files, pending.values(), rest)
    index = RememberedIndex.of(rest, living=living, folders=folders, standing=standing)
    return Sifted(index, attrs.evolve(listing, files=tuple(pending.values())))


def _take_out(rows: Iterable[RememberedRow], pending: dict[str, ListedFile], margin: int) -> list[RememberedFile]:
    """Take what stands out of `pending`, and give the items of all other rows."""
    rest: list[RememberedFile] = []
    look, ahead = pending.get, SKEW_NS
    for row in rows:
        _, key, name, folder, size, mtime, version, digest, hashed, _, missing, removed, unknown = row
        entry = look(key)
        if (
            entry is not None
            and size == entry.size
            and mtime == entry.mtime_ns
            and version == entry.version
            and not (hashed - margin < mtime <= hashed + ahead)
            and digest is not None
            and (entry.digest is None or entry.digest == digest)
            and name == entry.name
            and folder == entry.folder
            and missing is None
            and unknown is None
            and removed is None
        ):
            del pending[key]
        else:
            rest.append(RememberedFile(*row))
    return rest


def _folders(
    listed: Iterable[ListedFile], pending: Iterable[ListedFile], rest: Iterable[RememberedFile]
) -> dict[str, int]:
    """How many living items lie under each top folder; those that stand lie where they are listed."""
    exact = Counter(entry.folder for entry in listed)
    exact.subtract(Counter(entry.folder for entry in pending))
    exact.update(item.folder for item in rest if item.removed_at is None)
    tops: Counter[str] = Counter()
    for folder, count in exact.items():
        if count:
            tops[category_of(folder)] += count
    return dict(tops)
