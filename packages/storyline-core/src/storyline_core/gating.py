"""The gates: guards that close before a frightening answer is believed, and what they say to a person."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import attrs

from storyline_core.changes import Change, Gate, Gates, Held
from storyline_core.evidence import is_whole, settles
from storyline_core.media import Listing, RememberedFile, category_of

PLAN_DIGITS = 12
"""How many digits of a plan's digest are shown; few enough for people to type."""


@attrs.frozen
class Whole:
    """How much there is in the whole source, counted only when somebody asks.

    `standing` of it was sifted out; `settled` is what this run has added already, which is not of the living that the
    limits are shares of.
    """

    living: Callable[[], int]
    folders: Callable[[], Mapping[str, int]]
    standing: int = 0
    settled: int = 0

    @property
    def listed_besides(self) -> int:
        """How many files are listed that the listing no longer shows."""
        return self.standing + self.settled


@attrs.frozen
class Asked:
    """What a run asks for: items to be removed, items whose bytes changed in place, and everything that lands."""

    removals: Sequence[RememberedFile]
    edits: Sequence[Change]
    landings: Sequence[Change]


@attrs.frozen
class Verdict:
    """What the gates let through: ids that may be removed, and whether edits may be applied.

    `settling` are ids that may be removed only once they have been missing for a while.
    """

    removable: frozenset[int]
    edits: bool
    held: tuple[Held, ...]
    plan: str
    settling: frozenset[int] = frozenset()


def wrong_identity(gates: Gates, listing: Listing) -> bool:
    """Whether this is not the source that it was, or changed into another one while it was looked at."""
    seen = {name for name in (gates.identity_now, listing.identity) if name is not None}
    if gates.identity_before is None:
        return len(seen) > 1
    return seen != {gates.identity_before}


def filters_changed(gates: Gates, listing: Listing) -> bool:
    """Whether the source hides other files than last time."""
    return gates.filters_before is not None and gates.filters_before != listing.filters


def is_open(gates: Gates, plan: str) -> bool:
    """Whether a person has accepted exactly this plan, or any."""
    return gates.accept_removals and (not gates.accepted_plan or gates.accepted_plan.strip().lower() == plan)


def plan_of(removals: Sequence[RememberedFile], edits: Sequence[Change]) -> str:
    """The digest of the sorted removals (and of edits in place, where so many are asked for that a gate closes)."""
    if not removals and not edits:
        return ""
    lines = [f"removed\0{item.key}\0{item.digest}" for item in removals]
    lines.extend(f"edited\0{edit.key}\0{edit.digest}" for edit in edits)
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogatepass")).hexdigest()[:PLAN_DIGITS]


def judge(asked: Asked, listing: Listing, gates: Gates, whole: Whole, *, believed: bool) -> Verdict:
    """Which of the removals and edits go through, which gates are closed, and the plan's digest."""
    everything = frozenset(item.id for item in asked.removals)
    dirty = _too_dirty(asked, gates, whole)
    plan = plan_of(asked.removals, asked.edits if dirty else ())
    opened = is_open(gates, plan)
    certain = listing.complete and believed
    if dirty and not opened:
        count = len(asked.edits) + len(asked.removals)
        return Verdict(frozenset(), edits=False, held=(_dirty(len(asked.edits), count, whole.living()),), plan=plan)
    if not certain or opened or not asked.removals:
        return Verdict(everything if certain else frozenset(), edits=True, held=(), plan=plan)
    if is_whole(listing) and not listing.files and not whole.listed_besides:
        return Verdict(frozenset(), edits=True, held=(_empty(len(everything), whole.living()),), plan=plan)
    return _let_through(asked, gates, whole, plan)


def _let_through(asked: Asked, gates: Gates, whole: Whole, all_of_them: str) -> Verdict:
    """Which removals go through one by one. The plan is then of those that do not: only they need a person's word."""
    vanished = _vanished_folders(asked, gates, whole)
    held = [_folder(top, count) for top, count in sorted(vanished.items())]
    rest = frozenset(item.id for item in asked.removals if category_of(item.folder) not in vanished)
    limit = max(gates.min_removals, gates.max_share * whole.living())
    if len(rest) > limit:
        held.append(_removals(len(rest), whole.living(), limit, gates))
        rest = frozenset()
    kept = [item for item in asked.removals if item.id not in rest]
    plan = plan_of(kept, ()) if kept else all_of_them
    if kept and is_open(gates, plan):
        return Verdict(frozenset(item.id for item in asked.removals), edits=True, held=(), plan=plan)
    settling = frozenset(item.id for item in asked.removals if item.id in rest and settles(item, gates.missing_before))
    return Verdict(rest - settling, edits=True, held=tuple(held), plan=plan, settling=settling)


def _too_dirty(asked: Asked, gates: Gates, whole: Whole) -> bool:
    edits = len(asked.edits)
    return edits > gates.min_removals and edits * 2 > whole.living()


def _vanished_folders(asked: Asked, gates: Gates, whole: Whole) -> dict[str, int]:
    """Top folders in which nothing is left, and how many items of each would be removed (net of moves)."""
    lost = Counter(category_of(item.folder) for item in asked.removals)
    large = {top: count for top, count in lost.items() if top and count >= gates.folder_size}
    if not large:
        return {}
    left = Counter(whole.folders())
    left.subtract(lost)
    for change in asked.landings:
        if change.was is not None and change.was.removed_at is None:
            left[category_of(change.was.folder)] -= 1
        if change.now is not None:
            left[category_of(change.now.folder)] += 1
    return {top: count for top, count in large.items() if left[top] <= 0}


def items(count: int) -> str:
    """A count of items, in words for a person."""
    return "1 item" if count == 1 else f"{count} items"


def identity(gates: Gates, count: int) -> Held:
    """The gate that a wrong identity closes; `count` items are kept."""
    return Held(
        Gate.IDENTITY,
        count,
        "This is not the source that it was: another disk, folder or drive answers under its name. Nothing is "
        f"changed and {items(count)} stay as they are. Mount or share the right one; if it was really replaced, "
        "give it a name of its own in the settings.",
    )


def filters(count: int) -> Held:
    """The gate that changed filters close."""
    return Held(
        Gate.FILTERS,
        count,
        f"The rules by which the source hides files have changed, and {items(count)} can no longer be seen. They are "
        "kept. Accept the removals if they are meant to go.",
    )


def incomplete(count: int) -> Held:
    """The gate that an incomplete listing closes."""
    return Held(
        Gate.INCOMPLETE,
        count,
        f"The listing broke off or is incomplete; {items(count)} that it does not show are kept. The next complete "
        "listing decides.",
    )


def swapped(count: int) -> Held:
    """The gate that closes when the source became another one after its removals were decided."""
    return Held(
        Gate.IDENTITY,
        count,
        "Since this run began, another disk, folder or drive has come to answer under the source's name. "
        f"{items(count)} that it would have removed are kept. Mount or share the right one and sync again.",
    )


def _empty(count: int, living: int) -> Held:
    return Held(
        Gate.EMPTY,
        count,
        f"The source lists no file at all, while the library has {items(living)} of it. {items(count)} are kept. Check "
        "that the disk is mounted or the folder shared; accept the removals if it is really empty.",
    )


def _folder(top: str, count: int) -> Held:
    return Held(
        Gate.FOLDER,
        count,
        f"The whole folder {top!r} is gone with {items(count)}. They are kept. Bring it back, or accept the removals.",
    )


def _removals(count: int, living: int, limit: float, gates: Gates) -> Held:
    return Held(
        Gate.REMOVALS,
        count,
        f"{items(count)} of {living} would be removed at once; up to {int(limit)} are removed without being asked for "
        f"({gates.min_removals}, or {gates.max_share:.0%} of the library). They are kept. Accept the removals if this "
        "is right.",
    )


def _dirty(edits: int, count: int, living: int) -> Held:
    return Held(
        Gate.DIRTY,
        count,
        f"{edits} of {items(living)} have other bytes under the same name at once: another disk, an encrypting "
        "program, or a large edit. They are kept as they were. Accept the removals if the new bytes are right.",
    )
