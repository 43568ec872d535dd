"""Gathering: everything one sync sees of its source, before anything is decided. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import attrs

from storyline_core.describing import documents_to_read
from storyline_core.errors import Unavailable
from storyline_core.evidence import is_whole
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    RememberedDocument,
    Unread,
)
from storyline_core.reconcile import HashPlan, RememberedIndex, sift, to_hash
from storyline_core.sifting import share_of_day, to_check
from storyline_core.steps.documents import ReadDocuments, read_documents, with_last_good
from storyline_core.steps.looking import count_living, documents_of, look, missing_before, widened
from storyline_core.steps.report import Progress, SyncRequest
from storyline_core.steps.source_line import SourceLine, ask_source
from storyline_core.store import SourceRecord

__all__ = ["Evidence", "Readings", "SourceLine", "Take", "ask_source", "gather", "nanoseconds"]

TOLD_EVERY = 16
"""After how many small files that were read a sync tells how far it is and keeps its lease."""

LARGE = 1 << 20
"""A file of more bytes than this is told of at once."""

Readings = dict[str, Fingerprint | Unread]


@attrs.frozen
class Evidence:
    """Everything one run saw, before anything is decided. `missing_before` is for the gates."""

    record: SourceRecord
    alive: bool
    remembered: RememberedIndex
    documents: Sequence[RememberedDocument]
    listing: Listing
    identity: str | None
    readings: Readings
    plan: HashPlan
    read: ReadDocuments
    missing_before: datetime | None = None


Take = Callable[[Fingerprint], bool]
"""Hears of every reading as soon as it is there; True when it is settled already and need not be kept."""


def gather(
    line: SourceLine,
    request: SyncRequest,
    now: datetime,
    keep_lease: Callable[[], None],
    land: Callable[[Evidence], Take],
) -> Evidence:
    """Look at the source, and read what must be read.

    `land` is given everything but the readings, and gives what hears of these one by one. Raises `Unavailable`,
    `NeedsPerson` or what else keeps the source from being looked at.
    """
    provider = line.provider
    with line.store.read() as unit:
        record = unit.sources.get(line.name)
        alive = unit.library.has_living(line.name)
    request.tell(Progress(line.name, "looking"))
    before = ask_source(lambda: provider.identity(not alive and not request.dry_run), "identity")
    listing = look(line, request, record)
    identity = _same_identity(line, before)
    if alive and record.identity is not None and identity != record.identity:
        weighed = _Weighed(RememberedIndex.of((), living=partial(count_living, line)), listing, HashPlan(()), {})
        return _evidence(weighed, record, alive, identity, (), ReadDocuments())
    weighed = _weigh(line, request, listing, now, keep_lease, before)
    listing = weighed.listing
    documents = documents_of(line, listing)
    filters_changed = record.filters is not None and record.filters != listing.filters
    wanted = documents_to_read(documents, listing, filters_changed=filters_changed, force=request.force)
    read = read_documents(provider.open_media, wanted.read, wanted.gone, nanoseconds(now))
    read = with_last_good(line.store, line.name, read)
    evidence = _evidence(weighed, record, alive, identity, documents, read)
    evidence = attrs.evolve(evidence, missing_before=missing_before(listing, request, line.traits, now))
    # The documents came first, so that what is settled meanwhile can be described at once.
    readings = _read_files(line, request, weighed.unread, keep_lease, land(evidence))
    return attrs.evolve(evidence, readings=weighed.readings | readings)


@attrs.frozen
class _Weighed:
    """A listing with what is remembered of it, what must be read, and what of that was read already."""

    remembered: RememberedIndex
    listing: Listing
    plan: HashPlan
    readings: Readings

    @property
    def unread(self) -> list[ListedFile]:
        return [entry for entry in self.plan.entries if entry.key not in self.readings]


def _evidence(
    weighed: _Weighed,
    record: SourceRecord,
    alive: bool,
    identity: str | None,
    documents: Sequence[RememberedDocument],
    read: ReadDocuments,
) -> Evidence:
    return Evidence(
        record=record,
        alive=alive,
        remembered=weighed.remembered,
        documents=documents,
        listing=weighed.listing,
        identity=identity,
        readings=weighed.readings,
        plan=weighed.plan,
        read=read,
    )


def _same_identity(line: SourceLine, before: str | None) -> str | None:
    """The source's identity now. Raises `Unavailable` when it is no longer what it was before."""
    identity = ask_source(lambda: line.provider.identity(False), "identity")
    if identity != before:
        raise Unavailable(f"The source {line.name} became another one while it was looked at. Nothing was changed.")
    return identity


def _weigh(
    line: SourceLine,
    request: SyncRequest,
    listing: Listing,
    now: datetime,
    keep_lease: Callable[[], None],
    identity: str | None,
) -> _Weighed:
    """Lay what is remembered beside the listing: a part of it beside a part, which may grow to everything."""
    if not is_whole(listing):
        reader = _PartReader(line, request, now, keep_lease)
        part = widened(line, listing, reader)
        if part.listing is not listing:
            _same_identity(line, identity)
        if not is_whole(part.listing):
            return _Weighed(part.remembered, part.listing, reader.plan, reader.readings)
        listing = part.listing
    due = share_of_day(listing.files, request.check_day) if request.check_day is not None else frozenset()
    # Only now, so that what stands as remembered is told from the rest while the rows come in.
    with line.store.read() as unit:
        sifted = sift(unit.library.remembered_rows(line.name), listing, force=request.force, due=due)
    remembered, listing = sifted.remembered, sifted.listing
    plan, sampled = _plan_reading(line, request, remembered, listing, now, keep_lease)
    planned = {entry.key for entry in plan.entries}.union(sampled, (each.key for each in plan.deferred))
    entries = (*plan.entries, *to_check(listing.files, due, planned))
    return _Weighed(remembered, listing, attrs.evolve(plan, entries=entries), sampled)


@attrs.define
class _PartReader:
    """Reads what must be read of a part, and of what is found to belong to it."""

    line: SourceLine
    request: SyncRequest
    now: datetime
    keep_lease: Callable[[], None]
    plan: HashPlan = attrs.field(factory=lambda: HashPlan(()))
    readings: Readings = attrs.field(factory=dict)

    def __call__(self, remembered: RememberedIndex, listing: Listing) -> Readings:
        self.plan = _planned(self.request, remembered, listing, self.now)
        new = [entry for entry in self.plan.entries if entry.key not in self.readings]
        self.readings |= _read_files(self.line, self.request, new, self.keep_lease, lambda reading: False)
        return self.readings


def _planned(
    request: SyncRequest,
    remembered: RememberedIndex,
    listing: Listing,
    now: datetime,
    sampled: Readings | None = None,
) -> HashPlan:
    return to_hash(
        remembered,
        listing,
        now_ns=nanoseconds(now),
        force=request.force,
        still_for_ns=int(request.still_for.total_seconds() * 1e9),
        sampled=sampled,
    )


def _plan_reading(
    line: SourceLine,
    request: SyncRequest,
    remembered: RememberedIndex,
    listing: Listing,
    now: datetime,
    keep_lease: Callable[[], None],
) -> tuple[HashPlan, Readings]:
    """What must be read; where a shift of all times may explain the dirt, after a sample of it was read."""
    plan = _planned(request, remembered, listing, now)
    readings: Readings = {}
    if plan.sample:
        readings = _read_files(line, request, plan.sample, keep_lease, lambda reading: False)
        plan = _planned(request, remembered, listing, now, readings)
    return plan, readings


def _read_files(
    line: SourceLine, request: SyncRequest, entries: Sequence[ListedFile], keep_lease: Callable[[], None], take: Take
) -> Readings:
    readings: Readings = {}
    if not entries:
        return readings
    answers = iter(ask_source(lambda: line.provider.fingerprint(entries), "reading"))
    done, size = 0, 0
    while (answer := ask_source(lambda: next(answers, None), "reading")) is not None:
        read = answer.size if isinstance(answer, Fingerprint) else 0
        if not isinstance(answer, Fingerprint) or not take(answer):
            readings[answer.key] = answer
        done, size = done + 1, size + read
        if read > LARGE or done % TOLD_EVERY == 0 or done == len(entries):
            keep_lease()
            request.tell(Progress(line.name, "reading", done, len(entries), size))
    return readings


def nanoseconds(instant: datetime) -> int:
    """The instant as file systems write it."""
    return int(instant.timestamp() * 1_000_000) * 1000
