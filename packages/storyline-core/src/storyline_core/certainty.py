"""What is certain before everything is known: new files that may be added while the rest is still being read.

Whatever becomes of the rest, or wherever the run breaks off, adding them was right: what is decided without them is
what would have been decided with them. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial

import attrs

from storyline_core import gating
from storyline_core.changes import Change, ChangeKind, Gates, RememberedIndex
from storyline_core.drafting import why_added
from storyline_core.evidence import as_read
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, category_of


@attrs.frozen
class Certain:
    """Listed files that can be nothing but new, by key, unless their content has one of the `sizes`."""

    entries: dict[str, ListedFile]
    sizes: frozenset[int]

    def settle(self, reading: Fingerprint) -> Change | None:
        """The addition that this reading makes certain, once for every file; None when it has to wait for the rest."""
        entry = self.entries.get(reading.key)
        if entry is None or (reading.size and reading.size in self.sizes):
            return None
        del self.entries[reading.key]
        now = as_read(entry, reading)
        return Change(ChangeKind.ADDED, None, now, reading, why_added(now))


NOTHING_CERTAIN = Certain({}, frozenset())


def certain(remembered: RememberedIndex, listing: Listing, gates: Gates, doubtful: Collection[str] = ()) -> Certain:
    """Which of the listed files `reconcile` can only call added, whatever else is read in this run.

    `remembered` and `listing` are what `sift` leaves over. New is what has the key of no item and, unless it is
    empty, the size of none: the bytes of an item that moved or returns have its size. Not certain are keys that are
    listed twice or wait, and files in the folders named `doubtful`. Only a full listing makes anything certain: with
    others, not all of the source's items need be at hand.
    """
    if listing.mode is not ListingMode.FULL or gating.wrong_identity(gates, listing):
        return NOTHING_CERTAIN
    taken = {item.key for item in remembered.items}
    taken.update(gates.waiting)
    entries = {entry.key: entry for entry in listing.files}
    if len(entries) < len(listing.files):
        taken.update(key for key, times in Counter(entry.key for entry in listing.files).items() if times > 1)
    for key in taken:
        entries.pop(key, None)
    if doubtful:
        entries = {key: entry for key, entry in entries.items() if entry.folder not in doubtful}
    return Certain(entries, frozenset(item.size for item in remembered.items))


def left_over(
    remembered: RememberedIndex, listing: Listing, settled: Collection[str]
) -> tuple[RememberedIndex, Listing]:
    """Both sides without the keys of the files that were added already, which keep counting in their folders."""
    rest: list[ListedFile] = []
    folders = Counter(remembered.folders)
    for entry in listing.files:
        if entry.key in settled:
            folders[category_of(entry.folder)] += 1
        else:
            rest.append(entry)
    index = attrs.evolve(remembered, count_folders=partial(dict, folders), settled=len(settled))
    return index, attrs.evolve(listing, files=tuple(rest))
