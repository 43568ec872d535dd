"""Who became whom, by content: moves between what is gone and what is new, and the return of what was removed.

Bytes decide; names, folders, times and hints only choose between equal bytes. Every group is sorted on both sides, so
the order in which things arrive never matters. Empty files are never matched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeVar

import attrs

from storyline_core.evidence import Arrival
from storyline_core.media import ListedFile, RememberedFile


@attrs.frozen
class Match:
    """An item, the listed file it has become, and why that one."""

    item: RememberedFile
    arrival: Arrival
    evidence: str


Origins = list[RememberedFile]
Targets = list[Arrival]
Criterion = tuple[str, Callable[[RememberedFile], Hashable | None], Callable[[Arrival], Hashable | None]]
"""What it is called, and what must be equal on both sides; None never equals anything."""

Finish = Callable[[Origins, Targets], Iterator[tuple[RememberedFile, Arrival, str]]]
"""How to pair what no criterion tells apart."""

Side = TypeVar("Side", RememberedFile, Arrival)


def moves(origins: Iterable[RememberedFile], targets: Iterable[Arrival]) -> list[Match]:
    """Pair what is certainly no longer where it was with what is new there, by equal bytes.

    Where one item and one file share their bytes, there is no choice; each of these pairs votes for "this folder
    became that folder". The others are paired by one criterion after the other, until one side is used up.
    """
    matches: list[Match] = []
    ambiguous: list[tuple[Origins, Targets]] = []
    votes: Counter[tuple[str, str]] = Counter()
    for gone, new in _groups(origins, targets):
        if len(gone) == 1 and len(new) == 1:
            matches.append(Match(gone[0], new[0], "the same bytes"))
            votes[gone[0].folder, new[0].entry.folder] += 1
        else:
            ambiguous.append((gone, new))
    criteria = _criteria(Votes(votes)) if ambiguous else ()
    for gone, new in ambiguous:
        matches.extend(_pair(gone, new, criteria, _by_path_end))
    return matches


def returns(tombstones: Iterable[RememberedFile], targets: Iterable[Arrival]) -> list[Match]:
    """Pair removed items with files that bring their bytes back; each is used once, the latest removed first."""
    matches: list[Match] = []
    for gone, new in _groups(tombstones, targets):
        newest = sorted(gone, key=_removed_at, reverse=True)
        matches.extend(_pair(newest, new, _RETURN_CRITERIA, _in_order))
    return matches


def _removed_at(item: RememberedFile) -> tuple[float, int]:
    return (item.removed_at.timestamp() if item.removed_at is not None else 0.0, item.id)


def _groups(origins: Iterable[RememberedFile], targets: Iterable[Arrival]) -> Iterator[tuple[Origins, Targets]]:
    """The two sides of everything that shares digest and size, in the order of the digests."""
    wanted: defaultdict[tuple[str, int], Targets] = defaultdict(list)
    for target in targets:
        if target.entry.size > 0:
            wanted[target.digest, target.entry.size].append(target)
    found: defaultdict[tuple[str, int], Origins] = defaultdict(list)
    for item in origins:
        if item.digest is not None and (item.digest, item.size) in wanted:
            found[item.digest, item.size].append(item)
    for content in sorted(found):
        yield (
            sorted(found[content], key=lambda item: (item.key, item.id)),
            sorted(wanted[content], key=lambda target: target.entry.key),
        )


class Votes:
    """Which folder each folder became, by the count of its unmistakable files.

    A folder without a vote of its own follows its parent. Equal counts: the first by name.
    """

    def __init__(self, votes: Counter[tuple[str, str]]) -> None:
        best: dict[str, tuple[int, str]] = {}
        for (was, now), count in votes.items():
            best[was] = min(best.get(was, (0, "")), (-count, now))
        self._became: dict[str, str | None] = {was: now for was, (_, now) in best.items()}

    def became(self, folder: str) -> str | None:
        """The folder that it became, or None where nobody can tell."""
        if folder not in self._became:
            parent, slash, last = folder.rpartition("/")
            above = self.became(parent) if slash else None
            self._became[folder] = None if above is None else f"{above}/{last}" if above else last
        return self._became[folder]


def _criteria(votes: Votes) -> tuple[Criterion, ...]:
    def in_voted_folder(item: RememberedFile) -> Hashable | None:
        folder = votes.became(item.folder)
        return None if folder is None else (folder, item.name)

    return (
        (
            "the same bytes, hint and time",
            lambda item: None if item.hint is None else (item.hint, item.mtime_ns),
            lambda new: None if new.entry.hint is None else (new.entry.hint, new.entry.mtime_ns),
        ),
        (
            "the same bytes and name in the folder that others moved to",
            in_voted_folder,
            lambda new: (new.entry.folder, new.entry.name),
        ),
        ("the same bytes and name", lambda item: item.name, lambda new: new.entry.name),
        ("the same bytes and folder", lambda item: item.folder, lambda new: new.entry.folder),
        ("the same bytes and time", lambda item: item.mtime_ns, lambda new: new.entry.mtime_ns),
    )


_RETURN_CRITERIA: tuple[Criterion, ...] = (
    ("the same bytes at the same place", lambda item: item.key, lambda new: new.entry.key),
    ("the same bytes and name", lambda item: item.name, lambda new: new.entry.name),
    ("the same bytes and folder", lambda item: item.folder, lambda new: new.entry.folder),
)


def _pair(
    gone: Origins, new: Targets, criteria: Sequence[Criterion], finish: Finish, evidence: str = ""
) -> Iterator[Match]:
    """Pair as many as there are on the smaller side.

    What one criterion holds equal is told apart by those after it; what it leaves over goes to those after it, too.
    """
    if not gone or not new:
        return
    if not criteria:
        for item, arrival, why in finish(gone, new):
            yield Match(item, arrival, evidence or why)
        return
    label, of_item, of_new = criteria[0]
    items, arrivals = _buckets(gone, of_item), _buckets(new, of_new)
    used: set[int] = set()
    taken: set[str] = set()
    for mark, alike in items.items():
        for match in _pair(alike, arrivals.get(mark, []), criteria[1:], finish, evidence or label):
            used.add(match.item.id)
            taken.add(match.arrival.entry.key)
            yield match
    over = [item for item in gone if item.id not in used]
    spare = [arrival for arrival in new if arrival.entry.key not in taken]
    yield from _pair(over, spare, criteria[1:], finish, evidence)


def _buckets(side: list[Side], mark_of: Callable[[Side], Hashable | None]) -> dict[Hashable, list[Side]]:
    buckets: dict[Hashable, list[Side]] = {}
    for one in side:
        mark = mark_of(one)
        if mark is not None:
            buckets.setdefault(mark, []).append(one)
    return buckets


def _in_order(gone: Origins, new: Targets) -> Iterator[tuple[RememberedFile, Arrival, str]]:
    for item, arrival in zip(gone, new, strict=False):
        yield item, arrival, "the same bytes"


def _by_path_end(gone: Origins, new: Targets) -> Iterator[tuple[RememberedFile, Arrival, str]]:
    """The longest common end of the two paths first; what shares no end at all, in the order of the keys."""
    left, spare = gone, new
    for length in _shared_ends([*(_path(item) for item in gone), *(_path(arrival.entry) for arrival in new)]):
        ends = _buckets(spare, partial(_end_of_arrival, length))
        still: Origins = []
        taken: set[str] = set()
        for item in left:
            alike = ends.get(_end(item, length))
            if alike:
                arrival = alike.pop(0)
                taken.add(arrival.entry.key)
                yield item, arrival, "the same bytes and the longest common path end"
            else:
                still.append(item)
        left, spare = still, [arrival for arrival in spare if arrival.entry.key not in taken]
        if not left or not spare:
            return
    yield from _in_order(left, spare)


def _path(file: RememberedFile | ListedFile) -> str:
    return f"{file.folder}/{file.name}"


def _end(file: RememberedFile | ListedFile, length: int) -> str | None:
    path = _path(file)
    return path[-length:] if len(path) >= length else None


def _end_of_arrival(length: int, arrival: Arrival) -> str | None:
    return _end(arrival.entry, length)


def _shared_ends(paths: list[str]) -> list[int]:
    """The lengths that common ends of any two of the paths have, longest first."""
    turned = sorted(path[::-1] for path in paths)
    return sorted({_shared_start(one, other) for one, other in pairwise(turned)} - {0}, reverse=True)


def _shared_start(one: str, other: str) -> int:
    for length, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return length
    return min(len(one), len(other))
