"""What a sync asks for and what it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta

import attrs

from storyline_core.hints import Hint
from storyline_core.media import FileProblem, Listing
from storyline_core.reconcile import Change, ChangeKind, ChangeSet, Held

MOST_DETAILS = 100
"""How many errors a report spells out; its counts are never capped."""

ASKED_FOR = frozenset({"cli", "user"})
"""Who triggers a sync that a person waits for: it always leaves a record of its own."""

MOST_DEFERRED = 500
"""How many of the files that wait are named."""

AGAIN_AFTER = timedelta(seconds=2)
"""When to look again at a file that moved under its reader, or at an item that may be half of a move."""

LEAST_PAUSE = timedelta(milliseconds=250)
"""The least that lies between two looks, however many young files become ready one after the other."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Progress:
    """How far a sync is: what it is doing, how many of how many files, and how many bytes were read."""

    source: str
    doing: str
    done: int = 0
    of: int | None = None
    bytes_read: int = 0


@attrs.frozen
class SyncRequest:
    """How to sync: rehearse only, read everything again, accept removals once (only of that plan, if one is named).

    `still_for` lets files younger than that wait; a sync that a person asked for leaves it at zero. `hint` narrows the
    look to what a watcher heard. `check_day` makes it the daily pass: everything is listed, whatever cursor there is,
    and that day's share of the files that seem unchanged is read again. `tell` hears of progress.
    """

    dry_run: bool = False
    force: bool = False
    accept_removals: bool = False
    accepted_plan: str | None = None
    still_for: timedelta = timedelta()
    hint: Hint | None = None
    check_day: int | None = None
    triggered_by: str = "cli"
    user: str | None = None
    tell: Callable[[Progress], None] = lambda progress: None


@attrs.frozen
class ChangeLine:
    """One change for people: what kind, which file now, and its key before where that differs."""

    kind: ChangeKind
    key: str
    was: str | None = None


@attrs.frozen
class SyncReport:
    """What one sync of one source found and did. `failed` is why nothing could be done at all, "" otherwise.

    `part` is True when only the places of a hint were looked at: it says nothing of what else is held or missing.
    `broken` are the living items that cannot be opened after the run, whenever they were found out. `deferred_keys`
    are the first `MOST_DEFERRED` places that are to be looked at again, and `look_again_at` is when there will be
    something to see at one of them: the earliest moment at which a young file has been still for long enough, or soon
    where one moved under its reader or an item may be half of a move. Without a moment, waiting would not help.
    """

    source: str
    dry_run: bool = False
    added: int = 0
    edited: int = 0
    moved: int = 0
    restored: int = 0
    removed: int = 0
    described: int = 0
    touched: int = 0
    unchanged: int = 0
    deferred: int = 0
    broken: int = 0
    duplicates: int = 0
    hashed: int = 0
    bytes_hashed: int = 0
    pruned: int = 0
    missing: int = 0
    held: tuple[Held, ...] = ()
    plan: str = ""
    errors: tuple[FileProblem, ...] = ()
    error_count: int = 0
    changes: tuple[ChangeLine, ...] = ()
    duration_ms: int = 0
    deferred_keys: tuple[str, ...] = ()
    look_again_at: datetime | None = None
    part: bool = False
    failed: str = ""

    @property
    def found_something(self) -> bool:
        """Whether there is anything to remember of this run beyond that it went well. A mere touch is nothing."""
        counts = self.added + self.edited + self.moved + self.restored + self.removed + self.described
        return bool(counts or self.held or self.failed or self.pruned)


def counted(changes: ChangeSet) -> Counter[ChangeKind]:
    """How many changes there are of each kind."""
    return Counter(change.kind for change in changes.changes)


def looked_anew(changes: ChangeSet) -> frozenset[int]:
    """The ids of items of which the plan says anew whether they can be opened, or that go."""
    return frozenset(change.was.id for change in changes.changes if change.was is not None and _looks_anew(change))


def found_broken(changes: ChangeSet) -> int:
    """How many of the plan's files were seen to be broken in this run."""
    return sum(1 for change in changes.changes if change.now is not None and _problem(change))


def _looks_anew(change: Change) -> bool:
    return change.now is None or (change.reading is not None and change.reading.look is not None)


def _problem(change: Change) -> str | None:
    look = change.reading.look if change.reading is not None else None
    return look.problem if look is not None else None


def look_again(
    changes: ChangeSet, young: Collection[str], listing: Listing, still_for: timedelta, now: datetime
) -> tuple[tuple[str, ...], datetime | None]:
    """Which places are to be looked at again, and when: see `SyncReport`. `young` are keys that wait for stillness.

    Never so soon that looks follow each other without a pause.
    """
    waiting = {problem.key for problem in changes.deferred}.union(changes.settling, young)
    moments = [now + AGAIN_AFTER] if waiting.difference(young) else []
    moments += [_in_time(entry.mtime_ns) + still_for for entry in listing.files if entry.key in young]
    return tuple(sorted(waiting)[:MOST_DEFERRED]), max(min(moments), now + LEAST_PAUSE) if moments else None


def _in_time(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=-(-nanoseconds // 1000))


@attrs.define
class Settled:
    """What one run has added before it decided about the rest; `done` counts all that it has committed so far."""

    keys: list[str] = attrs.field(factory=list)
    digests: set[str] = attrs.field(factory=set)
    bytes_hashed: int = 0
    broken: int = 0
    duplicates: int = 0
    first_id: int | None = None
    done: Counter[ChangeKind] = attrs.field(factory=Counter)


def lines_of(changes: ChangeSet, settled: Iterable[str] = ()) -> tuple[ChangeLine, ...]:
    """The changes as people read them, with the keys that were added before them in their place.

    What was only touched changed nothing that anybody sees.
    """
    before: list[ChangeLine] = []
    added: list[str] = [*settled]
    after: list[ChangeLine] = []
    for change in changes.changes:
        if change.kind is ChangeKind.ADDED:
            added.append(change.key)
        elif change.kind is not ChangeKind.TOUCHED:
            was = change.was.key if change.was is not None and change.was.key != change.key else None
            place = after if change.kind is ChangeKind.REMOVED else before
            place.append(ChangeLine(change.kind, change.key, was))
    return (*before, *(ChangeLine(ChangeKind.ADDED, key) for key in sorted(added)), *after)


def only_done(report: SyncReport, done: ChangeSet, settled: Iterable[str], *, described: bool) -> SyncReport:
    """The report of a run that broke off, with only what it did."""
    counts, early = counted(done), [*settled]
    lines = [line for line in report.changes if line.kind is ChangeKind.DESCRIBED] if described else []
    return attrs.evolve(
        report,
        changes=(*lines_of(done, early), *lines),
        added=counts[ChangeKind.ADDED] + len(early),
        edited=counts[ChangeKind.EDITED],
        moved=counts[ChangeKind.MOVED],
        restored=counts[ChangeKind.RESTORED],
        removed=counts[ChangeKind.REMOVED],
        touched=counts[ChangeKind.TOUCHED],
        described=len(lines),
        missing=len(done.missing),
        held=done.held,
        plan="",
    )


def summary(report: SyncReport) -> dict[str, object]:
    """A report's counts and reasons as plain values, for the run record."""
    skip = {"changes", "errors", "held", "deferred_keys", "look_again_at"}
    plain: dict[str, object] = attrs.asdict(report, recurse=False, filter=lambda field, _: field.name not in skip)
    plain["held"] = [held.message for held in report.held]
    plain["errors"] = [{"key": each.key, "message": each.message} for each in report.errors]
    return plain


def asked(request: SyncRequest) -> dict[str, object]:
    """What a sync was asked to do, for the run record."""
    return {"force": request.force, "accept_removals": request.accept_removals, "plan": request.accepted_plan}
