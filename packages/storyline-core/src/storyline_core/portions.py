"""Large plans in portions, each written in a transaction of its own, so that none grows with the library. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from storyline_core import gating
from storyline_core.changes import Change, ChangeKind, ChangeSet

AT_ONCE = 5_000
"""The most changes in one transaction, and the most additions or removals where there are more."""


def portions(changes: ChangeSet, at_most: int = AT_ONCE) -> tuple[ChangeSet, ...]:
    """The plan in parts, each for a transaction of its own; one part unless there are more than `at_most` changes.

    First what belongs together: everything that stays or comes back, all notes, and the removals that make room for
    others. Then additions, and at last the other removals; of each `at_most` at once.
    """
    if len(changes.changes) <= at_most:
        return (changes,)
    taken = {change.now.key for change in changes.changes if change.now is not None}
    first: list[Change] = []
    added: list[Change] = []
    removed: list[Change] = []
    for change in changes.changes:
        if change.kind is ChangeKind.ADDED:
            added.append(change)
        elif change.kind is ChangeKind.REMOVED and change.key not in taken:
            removed.append(change)
        else:
            first.append(change)
    parts = [ChangeSet(changes=part) for kind in (added, removed) for part in _parts(kind, at_most)]
    return (attrs.evolve(changes, changes=tuple(first)), *parts)


def _parts(changes: Sequence[Change], at_most: int) -> Iterator[tuple[Change, ...]]:
    for start in range(0, len(changes), at_most):
        yield tuple(changes[start : start + at_most])


def broken_off(changes: ChangeSet, written: Sequence[ChangeSet]) -> ChangeSet:
    """What was done of a plan when its source became another one before the rest was written.

    The removals that were not written are noted as missing: they were certainly absent, and may be seen again.
    """
    done = frozenset(change for part in written for change in part.changes)
    kept = [change.was for change in changes.changes if change.kind is ChangeKind.REMOVED and change not in done]
    missing = {item.id for item in kept if item is not None and item.missing_since is None}
    return attrs.evolve(
        changes,
        changes=tuple(change for change in changes.changes if change in done),
        missing=tuple(sorted({*changes.missing, *missing})),
        held=(*changes.held, gating.swapped(len(kept))),
    )
