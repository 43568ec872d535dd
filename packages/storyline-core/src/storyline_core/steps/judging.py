"""Judging: what one sync makes of its evidence, with a second look at everything that it would remove."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.evidence import is_whole
from storyline_core.interfaces import Traits
from storyline_core.media import Fingerprint, ListingMode
from storyline_core.reconcile import ChangeKind, ChangeSet, Gates, confirmed, reconcile
from storyline_core.steps.documents import ReadDocuments, Redescribed, redescribe
from storyline_core.steps.gather import Evidence, SourceLine, ask_source
from storyline_core.steps.report import (
    MOST_DETAILS,
    ChangeLine,
    Settled,
    SyncReport,
    SyncRequest,
    counted,
    found_broken,
    lines_of,
    look_again,
    looked_anew,
)


@attrs.frozen
class Decided:
    """What follows from the evidence: what to tell, and what is still to be written."""

    report: SyncReport
    changes: ChangeSet
    read: ReadDocuments
    redescribed: Redescribed


def gates_of(evidence: Evidence, request: SyncRequest, traits: Traits) -> Gates:
    """What was true last time, and what a person allows this time."""
    return Gates(
        identity_before=evidence.record.identity if evidence.alive else None,
        identity_now=evidence.identity,
        filters_before=evidence.record.filters,
        keys_survive_renames=traits.keys_survive_renames,
        accept_removals=request.accept_removals,
        accepted_plan=request.accepted_plan,
        waiting=evidence.record.waiting,
        shifted_ns=evidence.plan.shifted_ns,
        missing_before=evidence.missing_before,
    )


def decide(line: SourceLine, evidence: Evidence, settled: Settled, request: SyncRequest, now: datetime) -> Decided:
    """Decide about everything but what is settled, which only counts in what is told."""
    gates = gates_of(evidence, request, line.traits)
    changes = reconcile(evidence.remembered, evidence.listing, evidence.readings, gates, now)
    doomed = [change.key for change in changes.of(ChangeKind.REMOVED)]
    if doomed:
        absent = ask_source(lambda: line.provider.confirm_absent(doomed), "looking again")
        changes = confirmed(changes, absent if is_the_same(line, evidence) else frozenset())
    read = _believed(line, evidence, changes)
    redescribed = redescribe(line.store, line.name, changes, read, evidence.documents, older_than=settled.first_id)
    young = [each.key for each in evidence.plan.deferred]
    keys, again = look_again(changes, young, evidence.listing, request.still_for, now)
    report = _report(line, evidence, changes, redescribed, settled, request)
    report = attrs.evolve(report, deferred_keys=keys, look_again_at=again)
    return Decided(report, changes, read, redescribed)


def is_the_same(line: SourceLine, evidence: Evidence) -> bool:
    """Whether the source is still the one that the evidence is of."""
    return ask_source(lambda: line.provider.identity(False), "identity") == evidence.identity


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
    line: SourceLine,
    evidence: Evidence,
    changes: ChangeSet,
    redescribed: Redescribed,
    settled: Settled,
    request: SyncRequest,
) -> SyncReport:
    errors = (*changes.problems, *evidence.read.problems)
    deferred = {problem.key for problem in (*changes.deferred, *evidence.plan.deferred)}
    counts = counted(changes)
    fingerprints = [each for each in evidence.readings.values() if isinstance(each, Fingerprint)]
    described = tuple(ChangeLine(ChangeKind.DESCRIBED, key) for key in redescribed.keys)
    return SyncReport(
        source=line.name,
        dry_run=request.dry_run,
        part=evidence.listing.mode is ListingMode.SUBTREE and not is_whole(evidence.listing),
        unchanged=changes.unchanged,
        deferred=len(deferred),
        broken=_broken(line, evidence.alive, changes, settled, request),
        duplicates=_copies(line, evidence.alive, changes, settled) + settled.duplicates,
        hashed=len(fingerprints) + len(settled.keys),
        bytes_hashed=sum(each.size for each in fingerprints) + settled.bytes_hashed,
        missing=len(changes.missing),
        held=changes.held,
        plan=changes.plan,
        errors=errors[:MOST_DETAILS],
        error_count=len(errors),
        changes=(*lines_of(changes, settled.keys), *described),
        added=counts[ChangeKind.ADDED] + len(settled.keys),
        edited=counts[ChangeKind.EDITED],
        moved=counts[ChangeKind.MOVED],
        restored=counts[ChangeKind.RESTORED],
        removed=counts[ChangeKind.REMOVED],
        touched=counts[ChangeKind.TOUCHED],
        described=len(redescribed.by_id),
    )


def _broken(line: SourceLine, alive: bool, changes: ChangeSet, settled: Settled, request: SyncRequest) -> int:
    """How many living items cannot be opened after the run; in a dry run nothing has landed yet."""
    before = 0
    if alive or settled.keys:
        with line.store.read() as unit:
            before = unit.library.broken(line.name) - len(unit.library.broken_among(looked_anew(changes)))
    return before + found_broken(changes) + (settled.broken if request.dry_run else 0)


def _copies(line: SourceLine, alive: bool, changes: ChangeSet, settled: Settled) -> int:
    """How many of the added files have the same content as another living item of this source."""
    added = [change.reading.digest for change in changes.of(ChangeKind.ADDED) if change.reading is not None]
    different = set(added) - settled.digests
    if alive and different:
        with line.store.read() as unit:
            different -= unit.library.digests_among(line.name, different)
    return len(added) - len(different)
