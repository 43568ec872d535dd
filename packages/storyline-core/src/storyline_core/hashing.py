"""Which files must be read before anything can be decided, in which order, and which had better wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from storyline_core.changes import HashPlan, RememberedIndex
from storyline_core.evidence import Compared, compare, is_whole, narrowed, shifted, stands
from storyline_core.media import FileProblem, Fingerprint, ListedFile, Listing, RememberedFile, Unread

SAMPLE = 64
"""How many files are read before a shift in time of more than half of all files is believed."""

Pair = tuple[RememberedFile, ListedFile]


def to_hash(
    remembered: Sequence[RememberedFile] | RememberedIndex,
    listing: Listing,
    *,
    now_ns: int,
    force: bool = False,
    still_for_ns: int = 0,
    sampled: Mapping[str, Fingerprint | Unread] | None = None,
) -> HashPlan:
    """Which listed files must be read before anything can be decided.

    A stored digest stands while size, time and version are as remembered and the file was not read in the very
    instant of its last change; a digest that the listing itself gives needs no reading. `force` reads everything else
    as well. `still_for_ns` lets files younger than that wait, as somebody may still be writing them. `sampled` are the
    readings of the `sample` of an earlier plan; what is in it is not asked for again.
    Order: new files of the same size as something lost, which may be moves; then the rest; both by size, largest last.
    """
    found = compare(narrowed(remembered, listing, ()), listing)
    wanted, dirty = _wanted(found, listing, force)
    young = {entry.key for entry in wanted if -still_for_ns <= now_ns - entry.mtime_ns < still_for_ns}
    steady = [pair for pair in dirty if pair[1].key not in young]
    standing = remembered.standing if isinstance(remembered, RememberedIndex) else 0
    alike, shift_ns = _alike_in_shift(steady, found, listing, standing) if not force else ([], None)
    sample = _spread(alike)
    proven = sampled is not None and bool(sample) and all(_as_remembered(pair, sampled) for pair in sample)
    done = young.union(sampled or (), (entry.key for _, entry in alike) if proven else ())
    return HashPlan(
        entries=_in_order([entry for entry in wanted if entry.key not in done], found, remembered),
        deferred=tuple(FileProblem(key, _young(still_for_ns)) for key in sorted(young)),
        sample=() if sampled is not None else tuple(entry for _, entry in sample),
        shifted_ns=shift_ns if proven else None,
    )


def _wanted(found: Compared, listing: Listing, force: bool) -> tuple[list[ListedFile], list[Pair]]:
    """The entries to be read, and among them the known ones with their items."""
    margin = listing.racy_margin_ns
    dirty = [pair for pair in found.pairs if pair[1].digest is None and not stands(*pair, margin)]
    if force:
        every = {entry.key: entry for entry in listing.files if entry.digest is None}
        return [entry for key, entry in every.items() if key not in found.doubled], dirty
    new = [entry for entry in found.arrivals if entry.digest is None]
    return [*new, *(entry for _, entry in dirty)], dirty


def _in_order(
    entries: list[ListedFile], found: Compared, remembered: Sequence[RememberedFile] | RememberedIndex
) -> tuple[ListedFile, ...]:
    new = {entry.key for entry in found.arrivals}
    lost = _lost_sizes(remembered) | {item.size for item in found.unlisted} if new else frozenset()
    return tuple(
        sorted(entries, key=lambda entry: (entry.key not in new or entry.size not in lost, entry.size, entry.key))
    )


def _lost_sizes(remembered: Sequence[RememberedFile] | RememberedIndex) -> frozenset[int]:
    if isinstance(remembered, RememberedIndex):
        return remembered.lost_sizes
    return frozenset(item.size for item in remembered if item.removed_at is not None or item.missing_since is not None)


def _young(still_for_ns: int) -> str:
    return f"It was written less than {still_for_ns / 1e9:g} s ago and may not be complete; the next run looks again."


def _alike_in_shift(
    dirty: list[Pair], found: Compared, listing: Listing, standing: int
) -> tuple[list[Pair], int | None]:
    """The pairs that differ by one and the same shift in time, if they are more than half of all known files."""
    if not is_whole(listing):
        return [], None
    shifts = Counter(
        entry.mtime_ns - item.mtime_ns
        for item, entry in dirty
        if item.size == entry.size and item.mtime_ns != entry.mtime_ns
    )
    if not shifts:
        return [], None
    shift_ns = min(shifts, key=lambda shift: (-shifts[shift], shift))
    alike = [pair for pair in dirty if shifted(*pair, listing.racy_margin_ns, shift_ns)]
    known = standing + found.unchanged + len(found.pairs)
    if len(alike) * 2 <= known or len(alike) <= 2 * SAMPLE:
        return [], None
    return alike, shift_ns


def _spread(alike: list[Pair]) -> list[Pair]:
    """`SAMPLE` of the pairs, spread evenly over their keys so that every larger folder has its share."""
    if not alike:
        return []
    ordered = sorted(alike, key=lambda pair: pair[1].key)
    return [ordered[number * len(ordered) // SAMPLE] for number in range(SAMPLE)]


def _as_remembered(pair: Pair, sampled: Mapping[str, Fingerprint | Unread]) -> bool:
    item, entry = pair
    reading = sampled.get(entry.key)
    return isinstance(reading, Fingerprint) and reading.digest == item.digest
