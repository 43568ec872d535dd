"""What happened to a source: the kinds of change, the gates, and the two pure functions that decide.

`to_hash` says which files must be read; `reconcile` turns what was remembered, what is listed and what was read into
one sorted `ChangeSet`. Neither reads a clock or touches anything; the order of what they are given never matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import attrs

from storyline_core.media import FileProblem, Fingerprint, ListedFile, Listing, RememberedFile, Unread


class ChangeKind(StrEnum):
    """What happened to one item. `described` is added by the sync step, from metadata."""

    ADDED = "added"
    EDITED = "edited"
    MOVED = "moved"
    RESTORED = "restored"
    REMOVED = "removed"
    TOUCHED = "touched"
    DESCRIBED = "described"


@attrs.frozen
class Change:
    """One change of one item, with the evidence for it.

    `was` is None for what is added, `now` for what is removed. `reading` is present when the file was read in this
    run; without it the remembered digest stands.
    """

    kind: ChangeKind
    was: RememberedFile | None
    now: ListedFile | None
    reading: Fingerprint | None = None
    evidence: str = ""

    @property
    def key(self) -> str:
        """The key the item has now, or had last."""
        return self.now.key if self.now is not None else self.was.key if self.was is not None else ""


class Gate(StrEnum):
    """A guard that closes before a frightening answer is believed."""

    IDENTITY = "identity"
    EMPTY = "empty"
    REMOVALS = "removals"
    FOLDER = "folder"
    DIRTY = "dirty"
    INCOMPLETE = "incomplete"
    FILTERS = "filters"


@attrs.frozen
class Held:
    """A gate that is closed in this run, how many items it keeps from being removed, and why, for a person."""

    gate: Gate
    count: int
    message: str


@attrs.frozen
class Waiting:
    """A new file that waits, since its content equals that of an item which cannot be seen just now."""

    key: str
    since: datetime
    runs: int


@attrs.frozen
class Gates:
    """What `reconcile` needs to know beside the evidence: what was true last time, and the limits.

    `accept_removals` opens the gates on removals once; `accepted_plan` only for exactly that plan. A wrong identity is
    never opened by it. `keys_survive_renames` tells ids from paths.
    """

    identity_before: str | None = None
    identity_now: str | None = None
    filters_before: str | None = None
    keys_survive_renames: bool = False
    accept_removals: bool = False
    accepted_plan: str | None = None
    waiting: Mapping[str, Waiting] = attrs.field(factory=dict)
    min_removals: int = 10
    max_share: float = 0.2
    folder_size: int = 10


@attrs.frozen
class HashPlan:
    """Which files must be read, in the order in which to read them, and which wait for the next run."""

    entries: tuple[ListedFile, ...]
    deferred: tuple[FileProblem, ...] = ()


@attrs.frozen
class ChangeSet:
    """Everything one run decided about one source, sorted, ready to be applied in one transaction.

    `missing` are ids that are absent but not removed in this run (noted as missing since now); `seen` are ids that
    were noted as missing or unknown and are back. `unknown` are ids that could not be seen. `waiting` replaces what
    was waiting before. `plan` is the digest of the sorted removals that were asked for, held or not; "" without any.
    """

    changes: tuple[Change, ...] = ()
    missing: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    unchanged: int = 0
    waiting: tuple[Waiting, ...] = ()
    deferred: tuple[FileProblem, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    held: tuple[Held, ...] = ()
    plan: str = ""

    def of(self, kind: ChangeKind) -> tuple[Change, ...]:
        """The changes of one kind, in order."""
        return tuple(change for change in self.changes if change.kind is kind)

    @property
    def nothing(self) -> bool:
        """True when there is nothing to write."""
        return not (self.changes or self.missing or self.seen or self.unknown or self.waiting)


def to_hash(
    remembered: Sequence[RememberedFile],
    listing: Listing,
    *,
    now_ns: int,
    force: bool = False,
    still_for_ns: int = 0,
) -> HashPlan:
    """Which listed files must be read before anything can be decided.

    `force` reads everything; `still_for_ns` lets files younger than that wait.
    """
    raise NotImplementedError


def reconcile(
    remembered: Sequence[RememberedFile],
    listing: Listing,
    readings: Mapping[str, Fingerprint | Unread],
    gates: Gates,
    now: datetime,
) -> ChangeSet:
    """What happened, from the evidence. Closed gates are named in it and nothing is removed through them."""
    raise NotImplementedError


def confirmed(changes: ChangeSet, absent: frozenset[str]) -> ChangeSet:
    """The same plan with only those removals whose keys are in `absent`; the others are noted as missing."""
    raise NotImplementedError
