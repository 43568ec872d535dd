"""The words of a reconciliation: the kinds of change, the gates, the plan, and an index of what is remembered.

Only values live here. What decides is in `reconcile`, which shows all of these names as its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, partial

import attrs

from storyline_core.media import FileProblem, Fingerprint, ListedFile, RememberedFile, category_of


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
    run; without it the digest in `now` stands, and without that the remembered one: `digest` follows this order.
    Where a reading saw later facts than the listing, `now` carries those of the reading. A `TOUCHED` change with
    equal facts renews only the time of the reading, so that a file that was read too soon is not read for ever.
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

    @property
    def digest(self) -> str | None:
        """The digest the item has after this change."""
        if self.reading is not None:
            return self.reading.digest
        if self.now is not None and self.now.digest is not None:
            return self.now.digest
        return None if self.was is None else self.was.digest


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
    """A file that waits until what could not be seen has been: a new one, or one with other bytes than its item's.

    `runs` counts the complete looks at the source in which it has waited.
    """

    key: str
    since: datetime
    runs: int


@attrs.frozen
class Gates:
    """What `reconcile` needs to know beside the evidence: what was true last time, and the limits.

    `accept_removals` opens the gates on removals once; `accepted_plan` only for exactly that plan. Neither opens a
    wrong identity, nor an incomplete listing (which proves nothing that could be accepted). `keys_survive_renames`
    tells ids from paths. `shifted_ns` is taken over from the `HashPlan`. `min_removals` and `max_share` (of the
    living) limit removals, whichever is larger; a top folder of `folder_size` or more must not vanish whole. In a
    look at a part of the source, only what was noted as missing before `missing_before` is removed: until then the
    other half of a move may still be on its way.
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
    shifted_ns: int | None = None
    missing_before: datetime | None = None


@attrs.frozen
class HashPlan:
    """Which files must be read, in the order in which to read them, and which wait for the next run.

    `sample` is filled when more than half of all files look changed by one and the same shift in time. It may be read
    first and handed to `to_hash` once more; if all of it is as remembered, the second plan names the shift in
    `shifted_ns` and spares the rest. Whoever ignores it reads `entries` and is right as well, only later.
    """

    entries: tuple[ListedFile, ...]
    deferred: tuple[FileProblem, ...] = ()
    sample: tuple[ListedFile, ...] = ()
    shifted_ns: int | None = None


@attrs.frozen
class ChangeSet:
    """Everything one run decided about one source, sorted, ready to be applied in one transaction.

    `missing` are ids that are absent but not removed in this run and were not noted so before (to be noted as
    missing since now, and no longer as unknown); `seen` are ids that were noted as missing or unknown and are back
    (both notes go). `unknown` are ids that were looked for and could not be seen, and were not noted so before.
    `waiting` replaces what was waiting before. `plan` is the digest of the sorted removals that gates hold back, or of
    all that were asked for where none does; "" without any. `settling` are the keys of items that stay as they are
    only until another look at the same part, in a moment. Where `deferred` or `waiting` is not empty, a cursor must
    not move on: a listing of changes would never mention those files again.
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
    settling: tuple[str, ...] = ()

    def of(self, kind: ChangeKind) -> tuple[Change, ...]:
        """The changes of one kind, in order."""
        return tuple(change for change in self.changes if change.kind is kind)

    @property
    def counters(self) -> dict[ChangeKind, int]:
        """How many changes there are of every kind, zeros included."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ChangeKind}

    @property
    def nothing(self) -> bool:
        """True when there is nothing to write."""
        return not (self.changes or self.missing or self.seen or self.unknown or self.waiting)


@attrs.frozen
class RememberedIndex:
    """What is remembered of one source, indexed once so that small listings of changes cost little.

    Two ways to have one: `of` everything, kept between runs; or `of` only the rows that can matter to one listing of a
    part (their key or folder is spoken of, or their digest is that of a listed file), together with the true numbers
    of the whole source, which the limits on removals need and which are counted only when somebody asks. `alive` maps
    keys to living items, `by_digest` digests to living and removed ones. `standing` of the living stand as remembered
    and were taken out of these items as well as out of the listing (see `sift`). `settled` new files were taken out of
    the listing since this run has added them already; they count in `folders`, and not in `living`.
    """

    items: Sequence[RememberedFile]
    alive: Mapping[str, RememberedFile]
    by_digest: Mapping[str, Sequence[RememberedFile]]
    count_living: Callable[[], int]
    count_folders: Callable[[], Mapping[str, int]]
    lost_sizes: frozenset[int]
    standing: int = 0
    settled: int = 0

    @property
    def living(self) -> int:
        """How many living items the whole source has."""
        return self.count_living()

    @property
    def folders(self) -> Mapping[str, int]:
        """How many living items of the whole source lie under each top folder."""
        return self.count_folders()

    @classmethod
    def of(
        cls,
        items: Iterable[RememberedFile],
        *,
        living: int | Callable[[], int] | None = None,
        folders: Mapping[str, int] | Callable[[], Mapping[str, int]] | None = None,
        standing: int = 0,
    ) -> RememberedIndex:
        """Index the items. `living` and `folders` are those of the whole source where the items are only a part.

        Either may be a function, which is called once at most, and only if it matters.
        """
        rows = tuple(items)
        alive: dict[str, RememberedFile] = {}
        by_digest: dict[str, list[RememberedFile]] = {}
        lost: set[int] = set()
        for item in rows:
            if item.removed_at is None:
                alive[item.key] = item
            if item.removed_at is not None or item.missing_since is not None:
                lost.add(item.size)
            if item.digest is not None:
                by_digest.setdefault(item.digest, []).append(item)
        here = len(alive) if living is None else living
        tops = partial(living_by_folder, rows) if folders is None else folders
        return cls(
            items=rows,
            alive=alive,
            by_digest=by_digest,
            count_living=cache(here) if callable(here) else partial(int, here),
            count_folders=cache(tops) if callable(tops) else partial(dict, tops),
            lost_sizes=frozenset(lost),
            standing=standing,
        )


def living_by_folder(items: Iterable[RememberedFile]) -> dict[str, int]:
    """How many living items lie under each top folder (`""` for the root itself)."""
    return dict(Counter(category_of(item.folder) for item in items if item.removed_at is None))
