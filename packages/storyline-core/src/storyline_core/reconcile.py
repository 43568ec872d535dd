"""What happened to a source: the pure functions that decide, and every word they use.

`sift` leaves out what stands as it was; `to_hash` says which files must be read; `reconcile` turns what was
remembered, what is listed and what was read into one sorted `ChangeSet`; `confirmed` leaves out the removals that a
second look did not confirm. None of them reads a clock or touches anything; the order of what they are given never
matters.

The steps of `reconcile`: by key (`pairing`), by content (`matching`), waiting, restored, added, missing
(`drafting`); then the gates (`gating`), and last the chains of moves that a closed gate interrupts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial

import attrs

from storyline_core import gating
from storyline_core.changes import (
    Change,
    ChangeKind,
    ChangeSet,
    Gate,
    Gates,
    HashPlan,
    Held,
    RememberedIndex,
    Waiting,
    living_by_folder,
)
from storyline_core.drafting import (
    Doubts,
    Draft,
    added,
    asked_for,
    defer_chains,
    matched,
    restored,
    settled,
    still_waiting,
)
from storyline_core.evidence import narrowed, noted
from storyline_core.hashing import to_hash
from storyline_core.media import FileProblem, Fingerprint, Listing, RememberedFile, Unread
from storyline_core.pairing import ByKey, by_key
from storyline_core.sifting import Sifted, sift

__all__ = [
    "Change",
    "ChangeKind",
    "ChangeSet",
    "Gate",
    "Gates",
    "HashPlan",
    "Held",
    "RememberedIndex",
    "Sifted",
    "Waiting",
    "confirmed",
    "reconcile",
    "sift",
    "to_hash",
]

Remembered = Sequence[RememberedFile] | RememberedIndex
Readings = Mapping[str, Fingerprint | Unread]

_ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            ChangeKind.MOVED,
            ChangeKind.EDITED,
            ChangeKind.TOUCHED,
            ChangeKind.RESTORED,
            ChangeKind.ADDED,
            ChangeKind.DESCRIBED,
            ChangeKind.REMOVED,
        )
    )
}


def reconcile(remembered: Remembered, listing: Listing, readings: Readings, gates: Gates, now: datetime) -> ChangeSet:
    """What happened, from the evidence. Closed gates are named in it and nothing is removed through them.

    `remembered` are all items of the source, living and removed; or a `RememberedIndex`, which makes small listings
    of changes cheap, and which goes with its listing where both come from `sift`. `readings` are by key. `now` is the
    time of this run. Only a wrong identity changes nothing at all; every other closed gate lets through what is safe.
    """
    whole = _whole(remembered)
    if gating.wrong_identity(gates, listing):
        return ChangeSet(
            problems=_sorted(listing.problems),
            waiting=tuple(gates.waiting[key] for key in sorted(gates.waiting)),
            held=(gating.identity(gates, whole.living()),),
        )
    decide = partial(_decide, _relevant(remembered, listing, readings), listing, readings, gates, now, whole)
    asked = decide(believed=True)
    if not gating.filters_changed(gates, listing) or (asked.plan and gating.is_open(gates, asked.plan)):
        return asked
    safe = decide(believed=False)
    if not asked.plan:
        return safe
    hidden = len(asked.of(ChangeKind.REMOVED)) + sum(held.count for held in asked.held)
    return attrs.evolve(safe, held=(*safe.held, gating.filters(hidden)), plan=asked.plan)


def confirmed(changes: ChangeSet, absent: frozenset[str]) -> ChangeSet:
    """The same plan with only those removals whose keys are in `absent`; the others are noted as missing.

    An item whose path another one takes in the same plan needs no second look: its file was read and is another.
    """
    taken = {change.now.key for change in changes.changes if change.now is not None}
    kept: list[Change] = []
    doubtful: list[RememberedFile] = []
    for change in changes.changes:
        item = change.was
        if change.kind is not ChangeKind.REMOVED or item is None or item.key in absent or item.key in taken:
            kept.append(change)
        else:
            doubtful.append(item)
    if not doubtful:
        return changes
    missing = sorted({*changes.missing, *_newly_missing(doubtful)})
    return attrs.evolve(changes, changes=tuple(kept), missing=tuple(missing))


def _relevant(remembered: Remembered, listing: Listing, readings: Readings) -> Remembered:
    digests = {reading.digest for reading in readings.values() if isinstance(reading, Fingerprint)}
    digests.update(entry.digest for entry in listing.files if entry.digest is not None)
    return narrowed(remembered, listing, digests)


def _whole(remembered: Remembered) -> gating.Whole:
    if isinstance(remembered, RememberedIndex):
        index = remembered
        return gating.Whole(lambda: index.living, lambda: index.folders, index.standing, index.settled)
    items = remembered
    return gating.Whole(
        cache(lambda: sum(item.removed_at is None for item in items)), cache(lambda: living_by_folder(items))
    )


def _decide(
    remembered: Remembered,
    listing: Listing,
    readings: Readings,
    gates: Gates,
    now: datetime,
    whole: gating.Whole,
    *,
    believed: bool,
) -> ChangeSet:
    items = remembered.items if isinstance(remembered, RememberedIndex) else remembered
    found = by_key(remembered, listing, readings, gates, believed=believed)
    found.unchanged += whole.standing
    draft = Draft(edits=[change for change in found.settled if change.kind is ChangeKind.EDITED])
    doubts = Doubts(found, items, listing, gates, now)
    free = matched(draft, found, doubts)
    free = settled(draft, free, doubts)
    free = restored(draft, free, items)
    added(draft, free)
    draft.waiting.extend(still_waiting(found, listing, gates, now))
    removals = asked_for(draft, found, doubts)
    landings = [*draft.landings.values(), *found.settled]
    verdict = gating.judge(gating.Asked(removals, draft.edits, landings), listing, gates, whole, believed=believed)
    if not verdict.edits:
        draft.kept.extend(edit.was for edit in draft.edits if edit.was is not None)
        draft.edits = []
    draft.kept.extend(item for item in removals if item.id not in verdict.removable)
    defer_chains(draft, verdict.removable)
    removed = [item for item in removals if item.id in verdict.removable]
    return _written(draft, found, removed, verdict, listing)


def _written(
    draft: Draft, found: ByKey, removed: list[RememberedFile], verdict: gating.Verdict, listing: Listing
) -> ChangeSet:
    """The plan in its final, sorted form."""
    changes = [change for change in found.settled if change.kind is not ChangeKind.EDITED]
    changes.extend(draft.edits)
    changes.extend(draft.landings.values())
    back = {change.was.id for change in changes if change.was is not None and noted(change.was)}
    why = "absent, and its bytes are nowhere else"
    changes.extend(Change(ChangeKind.REMOVED, item, None, None, why) for item in removed)
    held = list(verdict.held)
    kept = found.hidden + len(draft.kept)
    if not listing.complete and kept:
        held.append(gating.incomplete(kept))
    return ChangeSet(
        changes=tuple(sorted(changes, key=_place)),
        missing=tuple(sorted(set(_newly_missing(draft.kept)))),
        seen=tuple(sorted(back.union(found.seen))),
        unknown=tuple(sorted(item.id for item in found.unknown if item.unknown_since is None)),
        unchanged=found.unchanged,
        waiting=tuple(sorted(draft.waiting, key=lambda waiting: waiting.key)),
        deferred=_sorted([*found.deferred, *draft.deferred]),
        problems=_sorted(found.problems),
        held=tuple(held),
        plan=verdict.plan,
        settling=tuple(sorted([*draft.settling, *(item.key for item in draft.kept if item.id in verdict.settling)])),
    )


def _newly_missing(items: Sequence[RememberedFile]) -> list[int]:
    return [item.id for item in items if item.missing_since is None]


def _place(change: Change) -> tuple[int, str, int]:
    return _ORDER[change.kind], change.key, change.was.id if change.was is not None else 0


def _sorted(problems: Sequence[FileProblem]) -> tuple[FileProblem, ...]:
    return tuple(sorted(set(problems), key=lambda problem: (problem.key, problem.message)))
