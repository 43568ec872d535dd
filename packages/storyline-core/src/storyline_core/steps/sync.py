"""Sync: bring the library level with one source, without ever believing a frightening answer.

What is certainly new is committed while the rest is still being read; everything else in one transaction, or, where
there is very much of it, in portions that leave the library right after each.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from storyline_core.errors import StorylineError
from storyline_core.evidence import is_whole
from storyline_core.portions import broken_off, portions
from storyline_core.reconcile import ChangeKind, ChangeSet, Gate
from storyline_core.steps.failures import record_failure
from storyline_core.steps.gather import Evidence, SourceLine, gather, nanoseconds
from storyline_core.steps.judging import Decided, decide, is_the_same
from storyline_core.steps.landing import Landing
from storyline_core.steps.looking import is_held_up
from storyline_core.steps.report import ASKED_FOR, Settled, SyncReport, SyncRequest, asked, counted, only_done, summary
from storyline_core.steps.tenure import Tenure
from storyline_core.store import RunStatus, SourceRecord, Unit


def sync(line: SourceLine, request: SyncRequest) -> SyncReport:
    """Look at the source, decide, and write what was decided.

    Raises `Busy` when another process syncs this source, `Unavailable` or `NeedsPerson` when it cannot be looked at,
    and `StoreError` when the database fails. Nothing is written in a dry run. What a sync has added before it breaks
    off stays, and the next one goes on from there.
    """
    started = line.clock()
    if request.dry_run:
        landing = Landing(line, request, None, started)
        evidence = landing.rest(gather(line, request, started, lambda: None, landing.begin))
        decided = decide(line, evidence, landing.settled, request, started)
        return attrs.evolve(decided.report, duration_ms=_since(line, started))
    tenure = Tenure(line.store, line.clock, f"sync/{line.name}", line.holder, started)
    landing = Landing(line, request, tenure, started)
    try:
        evidence = landing.rest(gather(line, request, started, tenure.keep, landing.begin))
        decided = decide(line, evidence, landing.settled, request, started)
        return _Writing(line, request, tenure, started, evidence, decided, landing.settled).write()
    except (StorylineError, KeyboardInterrupt) as error:
        record_failure(line, error, request, started, done=landing.settled.done)
        raise
    finally:
        tenure.end()


class _Writing:
    """Everything that was decided, on its way into the library."""

    def __init__(
        self,
        line: SourceLine,
        request: SyncRequest,
        tenure: Tenure,
        started: datetime,
        evidence: Evidence,
        decided: Decided,
        settled: Settled,
    ) -> None:
        self._line = line
        self._request = request
        self._tenure = tenure
        self._started = started
        self._evidence = evidence
        self._decided = decided
        self._settled = settled
        self._told = bool(settled.keys)

    def write(self) -> SyncReport:
        """Write it in as many transactions as it takes, the record with the last; gives what there is to tell.

        Should the source become another one meanwhile, nothing more is removed.
        """
        whole, report = self._decided.changes, self._decided.report
        parts = portions(whole)
        for number, part in enumerate(parts):
            if number:
                self._tenure.keep()
            if len(parts) > 1 and part.of(ChangeKind.REMOVED) and not is_the_same(self._line, self._evidence):
                return self._break_off(parts[:number])
            report = self._transact(part, whole, report, first=number == 0, last=number == len(parts) - 1)
        return report

    def _break_off(self, written: Sequence[ChangeSet]) -> SyncReport:
        """Leave it at what was written, note what is missing, and say why."""
        done = broken_off(self._decided.changes, written)
        noted = {number for part in written for number in part.missing}
        rest = attrs.evolve(done, changes=(), missing=tuple(sorted({*done.missing} - noted)))
        report = only_done(self._decided.report, done, self._settled.keys, described=bool(written))
        return self._transact(rest, done, report, first=False, last=True)

    def _transact(
        self, part: ChangeSet, whole: ChangeSet, report: SyncReport, *, first: bool, last: bool
    ) -> SyncReport:
        line, decided = self._line, self._decided
        if last:
            report = attrs.evolve(report, duration_ms=_since(line, self._started))
        with line.store.begin() as unit:
            unit.leases.check(self._tenure.lease.subject, self._tenure.lease.fence)
            unit.library.apply(
                line.name,
                part,
                descriptions=decided.redescribed.by_key,
                described=decided.redescribed.by_id if first else {},
                documents=decided.read.stored if first else (),
                gone_documents=[document.key for document in decided.read.gone] if first else (),
                now=self._started,
                now_ns=nanoseconds(self._started),
            )
            if last:
                unit.sources.save(self._record(unit, whole, report))
            # Before the end of the unit: an interrupt right after it would leave written what nobody counted.
            self._settled.done += counted(part)
        if report.found_something and (part.changes or not self._told):
            line.tell_changed(line.name, part)
            self._told = True
        return report

    def _record(self, unit: Unit, changes: ChangeSet, report: SyncReport) -> SourceRecord:
        """What this run leaves behind; one that found nothing only renews when the source was last good."""
        evidence, request, started = self._evidence, self._request, self._started
        record = attrs.evolve(evidence.record, last_tried_at=started)
        closed = {held.gate for held in changes.held}
        held_up = is_held_up(evidence.listing, changes, evidence.plan.deferred)
        if Gate.IDENTITY not in closed:
            record = attrs.evolve(
                record,
                identity=evidence.identity,
                filters=evidence.record.filters if Gate.FILTERS in closed else evidence.listing.filters,
                cursor=evidence.record.cursor if held_up else evidence.listing.cursor,
                waiting={each.key: each for each in changes.waiting},
            )
            record = _looked_at(record, evidence, request, started)
        if not changes.held and not report.part:
            record = attrs.evolve(record, last_good_at=started)
        if report.found_something and not self._same_again(unit, report):
            record = attrs.evolve(record, last_run_id=self._run(unit, report))
        return record

    def _same_again(self, unit: Unit, report: SyncReport) -> bool:
        """Whether a run that nobody asked for found only what the last one did: the same, still held back."""
        last = unit.runs.last("sync", self._line.name)
        if report.changes or self._request.triggered_by in ASKED_FOR or last is None or last.result is None:
            return False
        now = summary(report)
        return all(last.result.get(name) == now[name] for name in ("held", "plan"))

    def _run(self, unit: Unit, report: SyncReport) -> int:
        request = self._request
        run = unit.runs.start(
            "sync",
            self._line.name,
            triggered_by=request.triggered_by,
            user=request.user,
            input=asked(request),
            at=self._started,
        )
        unit.runs.finish(run, RunStatus.COMPLETED, result=summary(report), at=self._line.clock())
        return run


def _looked_at(record: SourceRecord, evidence: Evidence, request: SyncRequest, started: datetime) -> SourceRecord:
    """When the source was last listed whole, and when last in a daily pass."""
    if not (evidence.listing.complete and is_whole(evidence.listing)):
        return record
    # The first look at everything has read it all, or found it as it was read; from there on the days are counted.
    counts = request.check_day is not None or record.last_checked_at is None
    checked = started if counts else record.last_checked_at
    return attrs.evolve(record, last_full_at=started, last_checked_at=checked)


def _since(line: SourceLine, started: datetime) -> int:
    return int((line.clock() - started).total_seconds() * 1000)
