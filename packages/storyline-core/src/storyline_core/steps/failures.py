"""Failures: what a sync that could not be done leaves behind, once, however often it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from storyline_core.errors import Busy, StoreError, StorylineError
from storyline_core.reconcile import ChangeKind
from storyline_core.redaction import scrub
from storyline_core.steps.report import ASKED_FOR, SyncRequest, asked
from storyline_core.steps.source_line import SourceLine
from storyline_core.store import Run, RunStatus, Unit

MOST_WORDS = 500
"""How many characters of an error a run record keeps."""

INTERRUPTED = "It was interrupted."
NOTHING_DONE: Mapping[ChangeKind, int] = MappingProxyType({})


def record_failure(
    line: SourceLine,
    error: StorylineError | KeyboardInterrupt,
    request: SyncRequest,
    started: datetime,
    *,
    done: Mapping[ChangeKind, int] = NOTHING_DONE,
) -> None:
    """Note why a sync failed, as a run record.

    The same failure over and over is one record: it began with the first, ended with the latest, and counts them. A
    sync that a person asked for always has its own. Where the database itself failed, there is nowhere to note it, and
    that somebody else is at work is no failure, nor that a person had enough of it. A run that has `done` something
    before it broke off is noted in any case, with how much that was.
    """
    if isinstance(error, StoreError) or (not done and isinstance(error, Busy | KeyboardInterrupt)):
        return
    why, kind = scrub(str(error) or INTERRUPTED, limit=MOST_WORDS), type(error).__name__
    if done:
        counts = {change.value: count for change, count in sorted(done.items())}
        told = ", ".join(f"{count} {change}" for change, count in counts.items())
        error.add_note(f"By then it had done this, which stays: {told}. The next sync goes on from there.")
        _note_broken_off(line, why, kind, request, started, counts)
        return
    with line.store.begin() as unit:
        run = _same(unit, line.name, request, why, kind)
        times = (run.times + 1) if run is not None else 1
        run_id = run.id if run is not None else _started(unit, line.name, request, started)
        unit.runs.finish(run_id, RunStatus.FAILED, result={"times": times}, error=why, error_type=kind, at=line.clock())
        record = unit.sources.get(line.name)
        unit.sources.save(attrs.evolve(record, last_tried_at=started, last_run_id=run_id))


def _note_broken_off(
    line: SourceLine, why: str, kind: str, request: SyncRequest, started: datetime, done: Mapping[str, int]
) -> None:
    """The record of a run that did part of its work. The source's own record is left alone: it may be another's now."""
    with line.store.begin() as unit:
        run_id = _started(unit, line.name, request, started)
        unit.runs.finish(run_id, RunStatus.FAILED, result=done, error=why, error_type=kind, at=line.clock())


def _same(unit: Unit, source: str, request: SyncRequest, why: str, kind: str) -> Run | None:
    """The latest run, if it is this very failure and nothing has gone well since."""
    run, good = unit.runs.last("sync", source), unit.sources.get(source).last_good_at
    if run is None or request.triggered_by in ASKED_FOR or run.triggered_by in ASKED_FOR:
        return None
    if (run.status, run.error, run.error_type) != (RunStatus.FAILED, why, kind):
        return None
    return run if good is None or good < (run.completed_at or run.started_at) else None


def _started(unit: Unit, source: str, request: SyncRequest, started: datetime) -> int:
    return unit.runs.start(
        "sync", source, triggered_by=request.triggered_by, user=request.user, input=asked(request), at=started
    )
