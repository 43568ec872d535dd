"""The steps of a reconciliation after the keys: moved, edited in place, restored, added or waiting, missing; chains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cached_property

import attrs

from storyline_core.changes import Change, ChangeKind, Gates, Waiting
from storyline_core.evidence import Arrival, is_whole, settles
from storyline_core.matching import Match, moves, returns
from storyline_core.media import FileProblem, ListedFile, Listing, RememberedFile
from storyline_core.pairing import ByKey

WAITS_RUNS = 3
WAITS_FOR = timedelta(days=1)
"""How long a file waits for sight of what could not be seen: this many complete looks, or this long."""


@attrs.define
class Draft:
    """A plan in the making: what lands on which key, what changes where it is, and what nobody claims."""

    landings: dict[str, Change] = attrs.field(factory=dict)
    edits: list[Change] = attrs.field(factory=list)
    lost: list[RememberedFile] = attrs.field(factory=list)
    evicted: list[RememberedFile] = attrs.field(factory=list)
    kept: list[RememberedFile] = attrs.field(factory=list)
    settling: list[str] = attrs.field(factory=list)
    waiting: list[Waiting] = attrs.field(factory=list)
    deferred: list[FileProblem] = attrs.field(factory=list)

    def land(self, kind: ChangeKind, was: RememberedFile | None, arrival: Arrival, why: str) -> None:
        """Note that an item comes to the key of an arrival."""
        self.landings[arrival.entry.key] = Change(kind, was, arrival.entry, arrival.reading, why)


class Doubts:
    """What this run could not see, and which files can therefore not be judged yet.

    A look that was not whole may have met a file under two names, or under none. So the bytes of any living item may
    be that item itself, on its way; and other bytes at an item's place do not prove that its own are nowhere else.
    """

    def __init__(
        self, found: ByKey, items: Iterable[RememberedFile], listing: Listing, gates: Gates, now: datetime
    ) -> None:
        self._found = found
        self._items = items
        self._complete = listing.complete
        self._gates = gates
        self._now = now

    @cached_property
    def _on_its_way(self) -> set[tuple[str | None, int]]:
        """The contents of items that may have moved unseen. An id that stands, or of which nothing is said, has not."""
        known: list[RememberedFile] = []
        if not self._gates.keys_survive_renames:
            known.extend(self._found.unmentioned)
            known.extend(() if self._complete else (item for item in self._items if item.removed_at is None))
        return {(item.digest, item.size) for item in (*self._found.unknown, *known) if item.size}

    def arriving(self, arrival: Arrival) -> bool:
        """Whether these may be the bytes of an item that came here."""
        return (arrival.digest, arrival.entry.size) in self._on_its_way

    def leaving(self, item: RememberedFile, arrival: Arrival) -> bool:
        """Whether an item at whose place other bytes lie may have gone to where this run could not look.

        In looks at a part, where it went may be heard of a moment after what kept it from being seen has passed.
        """
        if item.size and item.digest is not None:
            recent = item.key in self._gates.waiting and self._recent(item.key)
            if not self._complete or item.size in self._found.unread_sizes or recent:
                return True
        return self.arriving(arrival)

    def _recent(self, key: str) -> bool:
        """Whether a file has not waited for long enough to be judged by a look at a part."""
        before, known = self._gates.missing_before, self._gates.waiting.get(key)
        return before is not None and (known is None or known.since > before)

    def soon(self, item: RememberedFile) -> bool:
        """Whether another look at the same part can tell what became of an item."""
        unread = self._gates.missing_before is not None and item.size in self._found.unread_sizes
        return unread or self._recent(item.key)

    def replaced(self, item: RememberedFile, arrival: Arrival) -> bool:
        """Whether another file has so recently taken the place of this one that its own may still be heard of."""
        before, hint = self._gates.missing_before, arrival.entry.hint
        return hint not in (None, item.hint) and item.hint is not None and settles(item, before)

    def wait(self, draft: Draft, key: str) -> bool:
        """Let a file wait, unless it has waited long enough. Only complete looks count, and no looks at a part."""
        before = self._gates.waiting.get(key, Waiting(key, self._now, 0))
        if before.runs >= WAITS_RUNS or self._now - before.since >= WAITS_FOR:
            return False
        counts = self._complete and self._gates.missing_before is None
        draft.waiting.append(Waiting(key, before.since, before.runs + counts))
        return True


def matched(draft: Draft, found: ByKey, doubts: Doubts) -> list[Arrival]:
    """Moves by content; what is displaced and unclaimed is edited in place, or waits. Gives the arrivals left over."""
    matches: list[Match] = []
    targets = [*found.arrivals, *(arrival for _, arrival in found.displaced)]
    if targets:
        matches = moves([*found.absent, *(item for item, _ in found.displaced)], targets)
    for match in matches:
        draft.land(ChangeKind.MOVED, match.item, match.arrival, match.evidence)
    moved = {match.item.id for match in matches}
    draft.lost = [item for item in found.absent if item.id not in moved]
    free = [arrival for arrival in found.arrivals if arrival.entry.key not in draft.landings]
    for item, arrival in found.displaced:
        claimed = arrival.entry.key in draft.landings
        if item.id in moved:
            if not claimed:
                free.append(arrival)
        elif claimed:
            draft.evicted.append(item)
        elif doubts.leaving(item, arrival) and doubts.wait(draft, item.key):
            if doubts.soon(item):
                draft.settling.append(item.key)
        elif doubts.replaced(item, arrival):
            draft.kept.append(item)
            draft.settling.append(item.key)
        else:
            why = "other bytes at the same place, and the old ones are nowhere else"
            draft.edits.append(Change(ChangeKind.EDITED, item, arrival.entry, arrival.reading, why))
    return free


def settled(draft: Draft, free: list[Arrival], doubts: Doubts) -> list[Arrival]:
    """The arrivals that may be judged now. A file that may be a move out of what cannot be seen waits for a while."""
    return [arrival for arrival in free if not (doubts.arriving(arrival) and doubts.wait(draft, arrival.entry.key))]


def restored(draft: Draft, free: list[Arrival], items: Iterable[RememberedFile]) -> list[Arrival]:
    """Removed items whose bytes are back, at the same place or elsewhere. Gives the arrivals left over."""
    if not free:
        return free
    for match in returns((item for item in items if item.removed_at is not None), free):
        draft.land(ChangeKind.RESTORED, match.item, match.arrival, match.evidence)
    return [arrival for arrival in free if arrival.entry.key not in draft.landings]


def why_added(entry: ListedFile) -> str:
    """The evidence for a new item."""
    return "new bytes" if entry.size else "a new file, still empty"


def added(draft: Draft, free: list[Arrival]) -> None:
    """New items."""
    for arrival in free:
        draft.land(ChangeKind.ADDED, None, arrival, why_added(arrival.entry))


def still_waiting(found: ByKey, listing: Listing, gates: Gates, now: datetime) -> list[Waiting]:
    """What waited before and could not be looked at in this run."""
    if not gates.waiting:
        return []
    gone = set(listing.gone)
    all_seen = is_whole(listing) and listing.complete and not listing.unseen
    return [
        waiting
        for key, waiting in gates.waiting.items()
        if key in found.unread
        or (key not in found.waited and key not in gone and not all_seen and now - waiting.since < WAITS_FOR)
    ]


def asked_for(draft: Draft, found: ByKey, doubts: Doubts) -> list[RememberedFile]:
    """What would be removed if every gate were open.

    An item of the same size as a file that will be read only in the next run is kept: that may be it.
    """
    removals: list[RememberedFile] = []
    for item in (*draft.lost, *draft.evicted):
        if item.size and item.size in found.unread_sizes:
            draft.kept.append(item)
            if doubts.soon(item):
                draft.settling.append(item.key)
        else:
            removals.append(item)
    return removals


def defer_chains(draft: Draft, removable: Collection[int]) -> None:
    """Nothing lands where an item has to stay; and whoever would have landed there stays as well."""
    blocked = [item.key for item in draft.evicted if item.id not in removable]
    while blocked:
        key = blocked.pop()
        change = draft.landings.pop(key, None)
        if change is None:
            continue
        why = "Another item had this place and may not be removed in this run, so nothing takes it yet."
        draft.deferred.append(FileProblem(key, why))
        if change.kind is ChangeKind.MOVED and change.was is not None:
            draft.kept.append(change.was)
            blocked.append(change.was.key)
