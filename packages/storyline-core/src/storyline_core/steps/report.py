"""What a sync asks for and what it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from storyline_core.hints import Hint
from storyline_core.media import FileProblem
from storyline_core.reconcile import ChangeKind, ChangeSet, Held

MOST_DETAILS = 100
"""How many errors a report spells out; its counts are never capped."""

MOST_DEFERRED = 500
"""How many of the files that wait are named."""


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

    `deferred_keys` are the first `MOST_DEFERRED` of those that are to be looked at again, `look_again_at` when the
    youngest of them will have been still for long enough (None when waiting for it would not help).
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
    failed: str = ""

    @property
    def found_something(self) -> bool:
        """Whether there is anything to remember of this run beyond that it went well. A mere touch is nothing."""
        counts = self.added + self.edited + self.moved + self.restored + self.removed + self.described
        return bool(counts or self.held or self.failed or self.pruned)


def counted(changes: ChangeSet) -> Counter[ChangeKind]:
    """How many changes there are of each kind."""
    return Counter(change.kind for change in changes.changes)


def lines_of(changes: ChangeSet) -> tuple[ChangeLine, ...]:
    """The changes as people read them. What was only touched changed nothing that anybody sees."""
    lines = []
    for change in changes.changes:
        if change.kind is ChangeKind.TOUCHED:
            continue
        was = change.was.key if change.was is not None and change.was.key != change.key else None
        lines.append(ChangeLine(change.kind, change.key, was))
    return tuple(lines)


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
