"""Sync: bring the library level with one source, in one transaction, without ever believing a frightening answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import attrs

from storyline_core.describing import documents_to_read
from storyline_core.errors import StoreError, StorylineError, Unavailable
from storyline_core.interfaces import MediaSourceProvider, Traits
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    RememberedDocument,
    RememberedFile,
    Unread,
)
from storyline_core.reconcile import ChangeKind, ChangeSet, Gate, Gates, HashPlan, confirmed, reconcile, to_hash
from storyline_core.redaction import scrub
from storyline_core.steps.documents import ReadDocuments, Redescribed, read_documents, redescribe
from storyline_core.steps.line import Answer, guarded
from storyline_core.steps.report import MOST_DETAILS, ChangeLine, Progress, SyncReport, SyncRequest, counted, lines_of
from storyline_core.store import Lease, RunStatus, SourceRecord, Store

LEASE_FOR = timedelta(minutes=5)
"""How long a sync may go without a sign of life before another process may take over."""


@attrs.frozen
class SourceLine:
    """One opened source, with what its sync needs."""

    name: str
    provider: MediaSourceProvider
    traits: Traits
    store: Store
    clock: Callable[[], datetime]
    holder: str
    tell_changed: Callable[[str, ChangeSet], None]


Readings = dict[str, Fingerprint | Unread]


@attrs.frozen
class _Evidence:
    """Everything one run saw, before anything is decided."""

    record: SourceRecord
    remembered: Sequence[RememberedFile]
    documents: Sequence[RememberedDocument]
    listing: Listing
    identity: str | None
    readings: Readings
    plan: HashPlan
    read: ReadDocuments


class _Tenure:
    """The right to sync one source alone, kept alive while the sync works. Raises `Busy` when another holds it."""

    def __init__(self, line: SourceLine, now: datetime) -> None:
        self._line = line
        with line.store.begin() as unit:
            self.lease = unit.leases.take(f"sync/{line.name}", line.holder, until=now + LEASE_FOR, now=now)

    def keep(self) -> None:
        """Prolong the lease when half of it has gone by."""
        now = self._line.clock()
        if self.lease.until - now < LEASE_FOR / 2:
            with self._line.store.begin() as unit:
                self.lease = unit.leases.renew(self.lease, until=now + LEASE_FOR)

    def end(self) -> None:
        """Give the right back at once; where the database has failed, it lapses by itself."""
        with suppress(StoreError), self._line.store.begin() as unit:
            unit.leases.release(self.lease)


def sync(line: SourceLine, request: SyncRequest) -> SyncReport:
    """Look at the source, decide, and write what was decided.

    Raises `Busy` when another process syncs this source, `Unavailable` or `NeedsPerson` when it cannot be looked at,
    and `StoreError` when the database fails. Nothing is written in a dry run.
    """
    started = line.clock()
    if request.dry_run:
        evidence = _gather(line, request, started, lambda: None)
        report, _, _ = _decide(line, evidence, request, started)
        return attrs.evolve(report, duration_ms=_since(line, started))
    tenure = _Tenure(line, started)
    try:
        evidence = _gather(line, request, started, tenure.keep)
        report, changes, redescribed = _decide(line, evidence, request, started)
        report = attrs.evolve(report, duration_ms=_since(line, started))
        _apply(line, tenure.lease, evidence, changes, redescribed, report, request, started)
    except StorylineError as error:
        _record_failure(line, error, request, started)
        raise
    finally:
        tenure.end()
    if report.found_something:
        line.tell_changed(line.name, changes)
    return report


def _gather(line: SourceLine, request: SyncRequest, now: datetime, keep_lease: Callable[[], None]) -> _Evidence:
    provider = line.provider
    with line.store.read() as unit:
        record = unit.sources.get(line.name)
        remembered = unit.library.remembered(line.name)
        documents = unit.library.documents(line.name)
    alive = any(item.removed_at is None for item in remembered)
    request.tell(Progress(line.name, "looking"))
    before = _ask(lambda: provider.identity(not alive and not request.dry_run), "identity")
    cursor = record.cursor if line.traits.lists_changes and not request.force else None
    listing = _ask(lambda: provider.list_media(cursor), "listing")
    identity = _ask(lambda: provider.identity(False), "identity")
    if identity != before:
        raise Unavailable(f"The source {line.name} became another one while it was looked at. Nothing was changed.")
    if alive and record.identity is not None and identity != record.identity:
        return _Evidence(record, remembered, documents, listing, identity, {}, HashPlan(()), ReadDocuments())
    plan, readings = _read_what_must_be(line, request, remembered, listing, now, keep_lease)
    filters_changed = record.filters is not None and record.filters != listing.filters
    wanted = documents_to_read(documents, listing, filters_changed=filters_changed, force=request.force)
    read = read_documents(provider.open_media, wanted.read, wanted.gone, _ns(now))
    return _Evidence(record, remembered, documents, listing, identity, readings, plan, read)


def _read_what_must_be(
    line: SourceLine,
    request: SyncRequest,
    remembered: Sequence[RememberedFile],
    listing: Listing,
    now: datetime,
    keep_lease: Callable[[], None],
) -> tuple[HashPlan, Readings]:
    """Read what must be read; where a shift of all times may explain the dirt, a sample of it first."""
    planned = partial(
        to_hash,
        remembered,
        listing,
        now_ns=_ns(now),
        force=request.force,
        still_for_ns=int(request.still_for.total_seconds() * 1e9),
    )
    plan = planned()
    readings: Readings = {}
    if plan.sample:
        readings = _read_files(line, request, plan.sample, keep_lease)
        plan = planned(sampled=readings)
    return plan, readings | _read_files(line, request, plan.entries, keep_lease)


def _read_files(
    line: SourceLine, request: SyncRequest, entries: Sequence[ListedFile], keep_lease: Callable[[], None]
) -> Readings:
    readings: Readings = {}
    if not entries:
        return readings
    answers = iter(_ask(lambda: line.provider.fingerprint(entries), "reading"))
    size = 0
    while (answer := _ask(lambda: next(answers, None), "reading")) is not None:
        readings[answer.key] = answer
        size += answer.size if isinstance(answer, Fingerprint) else 0
        keep_lease()
        request.tell(Progress(line.name, "reading", len(readings), len(entries), size))
    return readings


def _decide(
    line: SourceLine, evidence: _Evidence, request: SyncRequest, now: datetime
) -> tuple[SyncReport, ChangeSet, Redescribed]:
    alive = any(item.removed_at is None for item in evidence.remembered)
    gates = Gates(
        identity_before=evidence.record.identity if alive else None,
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
        absent = _ask(lambda: line.provider.confirm_absent(doomed), "looking again")
        same = _ask(lambda: line.provider.identity(False), "identity") == evidence.identity
        changes = confirmed(changes, absent if same else frozenset())
    redescribed = redescribe(line.store, line.name, changes, evidence.read, evidence.documents)
    return _report(line, evidence, changes, redescribed, request), changes, redescribed


def _report(
    line: SourceLine, evidence: _Evidence, changes: ChangeSet, redescribed: Redescribed, request: SyncRequest
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
        duplicates=_copies(evidence, changes),
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


def _copies(evidence: _Evidence, changes: ChangeSet) -> int:
    """How many of the added files have the same content as another living item of this source."""
    added = [change.reading.digest for change in changes.of(ChangeKind.ADDED) if change.reading is not None]
    if not added:
        return 0
    known = {item.digest for item in evidence.remembered if item.removed_at is None}
    return len(added) - len(set(added) - known)


def _apply(
    line: SourceLine,
    lease: Lease,
    evidence: _Evidence,
    changes: ChangeSet,
    redescribed: Redescribed,
    report: SyncReport,
    request: SyncRequest,
    started: datetime,
) -> None:
    """Write everything in one transaction; a run that found nothing only renews when the source was last good."""
    with line.store.begin() as unit:
        unit.leases.check(lease.subject, lease.fence)
        unit.library.apply(
            line.name,
            changes,
            descriptions=redescribed.by_key,
            described=redescribed.by_id,
            documents=evidence.read.stored,
            gone_documents=[document.key for document in evidence.read.gone],
            now=started,
            now_ns=_ns(started),
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
                input=_asked(request),
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
            "sync", line.name, triggered_by=request.triggered_by, user=request.user, input=_asked(request), at=started
        )
        unit.sources.save(attrs.evolve(unit.sources.get(line.name), last_tried_at=started, last_run_id=run))
        unit.runs.finish(
            run, RunStatus.FAILED, error=scrub(str(error)), error_type=type(error).__name__, at=line.clock()
        )


def summary(report: SyncReport) -> dict[str, object]:
    """A report's counts and reasons as plain values, for the run record."""
    skip = {"changes", "errors", "held"}
    plain: dict[str, object] = attrs.asdict(report, recurse=False, filter=lambda field, _: field.name not in skip)
    plain["held"] = [held.message for held in report.held]
    plain["errors"] = [{"key": each.key, "message": each.message} for each in report.errors]
    return plain


def _asked(request: SyncRequest) -> dict[str, object]:
    return {"force": request.force, "accept_removals": request.accept_removals, "plan": request.accepted_plan}


def _ask(call: Callable[[], Answer], what: str) -> Answer:
    return guarded(call, f"The source's {what}", otherwise=Unavailable)


def _since(line: SourceLine, started: datetime) -> int:
    return int((line.clock() - started).total_seconds() * 1000)


def _ns(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1000
