"""What stands as it is remembered is taken out on both sides; what is left is decided as if it were all there is.

Almost every file of almost every run is as it was. Those are told from the rest while the rows come in, in the one
loop over a whole source; no value is made of them, and nothing after this ever sees them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from storyline_core.changes import RememberedIndex
from storyline_core.evidence import SKEW_NS
from storyline_core.media import ListedFile, Listing, RememberedFile, RememberedRow, category_of


@attrs.frozen
class Sifted:
    """The rest on both sides, with the true numbers of the whole source in `remembered`."""

    remembered: RememberedIndex
    listing: Listing


def sift(rows: Iterable[RememberedRow], listing: Listing, *, force: bool = False) -> Sifted:
    """Leave out all that stands: listed with the remembered facts under the remembered name, and nothing noted.

    `rows` are all items of the source, living and removed, each once. `to_hash` and `reconcile` decide the same from
    the rest as from everything. `force` leaves everything in, so that all of it can be read again.
    """
    pending = {entry.key: entry for entry in listing.files}
    if force or len(pending) < len(listing.files):
        # Of a key listed twice, no story may be believed before all of them are seen.
        return Sifted(RememberedIndex.of(RememberedFile(*row) for row in rows), listing)
    rest = _take_out(rows, pending, listing.racy_margin_ns)
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
