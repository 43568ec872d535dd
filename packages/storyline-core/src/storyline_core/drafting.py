"""The steps of a reconciliation after the keys: moved, edited in place, restored, added or waiting, missing; chains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import attrs

from storyline_core.changes import Change, ChangeKind, Gates, Waiting
from storyline_core.evidence import Arrival, is_whole
from storyline_core.matching import Match, moves, returns
from storyline_core.media import FileProblem, Listing, RememberedFile
from storyline_core.pairing import ByKey

WAITS_RUNS = 3
WAITS_FOR = timedelta(days=1)
"""How long a new file waits for sight of the item whose content it has: this many runs, or this long."""


@attrs.define
class Draft:
    """A plan in the making: what lands on which key, what changes where it is, and what nobody claims."""

    landings: dict[str, Change] = attrs.field(factory=dict)
    edits: list[Change] = attrs.field(factory=list)
    lost: list[RememberedFile] = attrs.field(factory=list)
    evicted: list[RememberedFile] = attrs.field(factory=list)
    kept: list[RememberedFile] = attrs.field(factory=list)
    waiting: list[Waiting] = attrs.field(factory=list)
    deferred: list[FileProblem] = attrs.field(factory=list)

    def land(self, kind: ChangeKind, was: RememberedFile | None, arrival: Arrival, why: str) -> None:
        """Note that an item comes to the key of an arrival."""
        self.landings[arrival.entry.key] = Change(kind, was, arrival.entry, arrival.reading, why)


def matched(draft: Draft, found: ByKey) -> list[Arrival]:
    """Moves by content; what is displaced and unclaimed is edited in place. Gives the arrivals left over."""
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
        else:
            why = "other bytes at the same place, and the old ones are nowhere else"
            draft.edits.append(Change(ChangeKind.EDITED, item, arrival.entry, arrival.reading, why))
    return free


def restored(draft: Draft, free: list[Arrival], items: Iterable[RememberedFile]) -> list[Arrival]:
    """Removed items whose bytes are back, at the same place or elsewhere. Gives the arrivals left over."""
    if not free:
        return free
    for match in returns((item for item in items if item.removed_at is not None), free):
        draft.land(ChangeKind.RESTORED, match.item, match.arrival, match.evidence)
    return [arrival for arrival in free if arrival.entry.key not in draft.landings]


def added(draft: Draft, free: list[Arrival], found: ByKey, listing: Listing, gates: Gates, now: datetime) -> None:
    """New items; a file that may be a move out of what cannot be seen waits for a while."""
    silent = () if gates.keys_survive_renames else found.unmentioned
    unseen = {(item.digest, item.size) for item in (*found.unknown, *silent) if item.size} if free else set()
    for arrival in free:
        key = arrival.entry.key
        if (arrival.digest, arrival.entry.size) in unseen:
            before = gates.waiting.get(key, Waiting(key, now, 0))
            if before.runs < WAITS_RUNS and now - before.since < WAITS_FOR:
                draft.waiting.append(Waiting(key, before.since, before.runs + 1))
                continue
        draft.land(ChangeKind.ADDED, None, arrival, "new bytes" if arrival.entry.size else "a new file, still empty")
    draft.waiting.extend(_still_waiting(found, listing, gates, now))


def _still_waiting(found: ByKey, listing: Listing, gates: Gates, now: datetime) -> list[Waiting]:
    """What waited before and could not be looked at in this run."""
    if not gates.waiting:
        return []
    listed = {entry.key for entry in listing.files}
    gone = set(listing.gone)
    all_seen = is_whole(listing) and listing.complete and not listing.unseen
    return [
        waiting
        for key, waiting in gates.waiting.items()
        if key in found.unread
        or (key not in listed and key not in gone and not all_seen and now - waiting.since < WAITS_FOR)
    ]


def asked_for(draft: Draft, found: ByKey) -> list[RememberedFile]:
    """What would be removed if every gate were open.

    An item of the same size as a file that will be read only in the next run is kept: that may be it.
    """
    removals: list[RememberedFile] = []
    for item in (*draft.lost, *draft.evicted):
        if item.size and item.size in found.unread_sizes:
            draft.kept.append(item)
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
