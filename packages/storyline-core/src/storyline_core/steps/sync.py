"""Sync: bring the library level with one source, in one transaction, without ever believing a frightening answer."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.errors import StoreError, StorylineError
from storyline_core.media import (
    Fingerprint,
)
from storyline_core.reconcile import (
    ChangeKind,
    ChangeSet,
    Gate,
    Gates,
    confirmed,
    reconcile,
)
from storyline_core.redaction import scrub
from storyline_core.steps.documents import ReadDocuments, Redescribed, redescribe
from storyline_core.steps.gather import Evidence, SourceLine, ask_source, gather, nanoseconds
from storyline_core.steps.report import (
    MOST_DETAILS,
    ChangeLine,
    SyncReport,
    SyncRequest,
    asked,
    counted,
    lines_of,
    summary,
)
from storyline_core.steps.tenure import Tenure
from storyline_core.store import Lease, RunStatus


@attrs.frozen
class _Decided:
    """What follows from the evidence: what to tell, and what to write."""

    report: SyncReport
    changes: ChangeSet
    read: ReadDocuments
    redescribed: Redescribed


def sync(line: SourceLine, request: SyncRequest) -> SyncReport:
    """Look at the source, decide, and write what was decided.

    Raises `Busy` when another process syncs this source, `Unavailable` or `NeedsPerson` when it cannot be looked at,
    and `StoreError` when the database fails. Nothing is written in a dry run.
    """
    started = line.clock()
    if request.dry_run:
        decided = _decide(line, gather(line, request, started, lambda: None), request, started)
        return attrs.evolve(decided.report, duration_ms=_since(line, started))
    tenure = Tenure(line.store, line.clock, f"sync/{line.name}", line.holder, started)
    try:
        evidence = gather(line, request, started, tenure.keep)
        decided = _decide(line, evidence, request, started)
        report = attrs.evolve(decided.report, duration_ms=_since(line, started))
        _apply(line, tenure.lease, evidence, attrs.evolve(decided, report=report), request, started)
    except StorylineError as error:
        _record_failure(line, error, request, started)
        raise
    finally:
        tenure.end()
    if report.found_something:
        line.tell_changed(line.name, decided.changes)
    return report


def _decide(line: SourceLine, evidence: Evidence, request: SyncRequest, now: datetime) -> _Decided:
    gates = Gates(
        identity_before=evidence.record.identity if evidence.alive else None,
        identity_now=evidence.identity,
        filters_before=evidence.record.filters,
        keys_survive_renames=line.traits.keys_survive_renames,
        accept_removals=request.accept_removals,
        accepted_plan=request.accepted_plan,
        waiting=evidence.record.waiting,
        shifted_ns=evidence.plan.shifted_ns,
    )
    changes = reconcile(evidence.remembered, evidence.listing, evidence.readings, gates, now)
    doomed = [change.key for change in changes.of(ChangeKind.REMOVED)]
    if doomed:
        absent = ask_source(lambda: line.provider.confirm_absent(doomed), "looking again")
        same = ask_source(lambda: line.provider.identity(False), "identity") == evidence.identity
        changes = confirmed(changes, absent if same else frozenset())
    read = _believed(line, evidence, changes)
    redescribed = redescribe(line.store, line.name, changes, read, evidence.documents)
    return _Decided(_report(line, evidence, changes, redescribed, request), changes, read, redescribed)


def _believed(line: SourceLine, evidence: Evidence, changes: ChangeSet) -> ReadDocuments:
    """The documents, those that seem gone only if no gate is closed and a second look does not find them."""
    gone = evidence.read.gone
    if not gone:
        return evidence.read
    absent: frozenset[str] = frozenset()
    if not changes.held:
        absent = ask_source(lambda: line.provider.confirm_absent([each.key for each in gone]), "looking again")
    return attrs.evolve(evidence.read, gone=tuple(each for each in gone if each.key in absent))


def _report(
    line: SourceLine, evidence: Evidence, changes: ChangeSet, redescribed: Redescribed, request: SyncRequest
) -> SyncReport:
    errors = (*changes.problems, *evidence.read.problems)
    deferred = {problem.key for problem in (*changes.deferred, *evidence.plan.deferred)}
    counts = counted(changes)
    fingerprints = [each for each in evidence.readings.values() if isinstance(each, Fingerprint)]
    described = tuple(ChangeLine(ChangeKind.DESCRIBED, key) for key in redescribed.keys)
    return SyncReport(
        source=line.name,
        dry_run=request.dry_run,
        unchanged=changes.unchanged,
        deferred=len(deferred),
        broken=sum(1 for each in fingerprints if each.look is not None and each.look.problem),
        duplicates=_copies(line, evidence.alive, changes),
        hashed=len(fingerprints),
        bytes_hashed=sum(each.size for each in fingerprints),
        missing=len(changes.missing),
        held=changes.held,
        plan=changes.plan,
        errors=errors[:MOST_DETAILS],
        error_count=len(errors),
        changes=(*lines_of(changes), *described),
        added=counts[ChangeKind.ADDED],
        edited=counts[ChangeKind.EDITED],
        moved=counts[ChangeKind.MOVED],
        restored=counts[ChangeKind.RESTORED],
        removed=counts[ChangeKind.REMOVED],
        touched=counts[ChangeKind.TOUCHED],
        described=len(redescribed.by_id),
    )


def _copies(line: SourceLine, alive: bool, changes: ChangeSet) -> int:
    """How many of the added files have the same content as another living item of this source."""
    added = [change.reading.digest for change in changes.of(ChangeKind.ADDED) if change.reading is not None]
    different = set(added)
    if alive and added:
        with line.store.read() as unit:
            different -= unit.library.digests_among(line.name, different)
    return len(added) - len(different)


def _apply(
    line: SourceLine,
    lease: Lease,
    evidence: Evidence,
    decided: _Decided,
    request: SyncRequest,
    started: datetime,
) -> None:
    """Write everything in one transaction; a run that found nothing only renews when the source was last good."""
    changes, report = decided.changes, decided.report
    with line.store.begin() as unit:
        unit.leases.check(lease.subject, lease.fence)
        unit.library.apply(
            line.name,
            changes,
            descriptions=decided.redescribed.by_key,
            described=decided.redescribed.by_id,
            documents=decided.read.stored,
            gone_documents=[document.key for document in decided.read.gone],
            now=started,
            now_ns=nanoseconds(started),
        )
        record = attrs.evolve(evidence.record, last_tried_at=started)
        closed = {held.gate for held in changes.held}
        held_up = changes.deferred or changes.waiting or evidence.plan.deferred
        if Gate.IDENTITY not in closed:
            record = attrs.evolve(
                record,
                identity=evidence.identity,
                filters=evidence.record.filters if Gate.FILTERS in closed else evidence.listing.filters,
                cursor=evidence.record.cursor if held_up else evidence.listing.cursor,
                waiting={each.key: each for each in changes.waiting},
            )
        if not changes.held:
            record = attrs.evolve(record, last_good_at=started)
        if report.found_something:
            run = unit.runs.start(
                "sync",
                line.name,
                triggered_by=request.triggered_by,
                user=request.user,
                input=asked(request),
                at=started,
            )
            unit.runs.finish(run, RunStatus.COMPLETED, result=summary(report), at=line.clock())
            record = attrs.evolve(record, last_run_id=run)
        unit.sources.save(record)


def _record_failure(line: SourceLine, error: StorylineError, request: SyncRequest, started: datetime) -> None:
    """Note why a sync failed; where the database itself failed, there is nowhere to note it."""
    if isinstance(error, StoreError):
        return
    with line.store.begin() as unit:
        run = unit.runs.start(
            "sync", line.name, triggered_by=request.triggered_by, user=request.user, input=asked(request), at=started
        )
        unit.sources.save(attrs.evolve(unit.sources.get(line.name), last_tried_at=started, last_run_id=run))
        unit.runs.finish(
            run, RunStatus.FAILED, error=scrub(str(error)), error_type=type(error).__name__, at=line.clock()
        )


def _since(line: SourceLine, started: datetime) -> int:
    return int((line.clock() - started).total_seconds() * 1000)
