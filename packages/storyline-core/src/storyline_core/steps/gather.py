"""Gathering: everything one sync sees of its source, before anything is decided. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import attrs

from storyline_core.describing import documents_to_read
from storyline_core.errors import Unavailable
from storyline_core.interfaces import MediaSourceProvider, Traits
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    RememberedDocument,
    Unread,
)
from storyline_core.reconcile import ChangeSet, HashPlan, RememberedIndex, sift, to_hash
from storyline_core.steps.documents import ReadDocuments, read_documents, with_last_good
from storyline_core.steps.line import Answer, guarded
from storyline_core.steps.report import Progress, SyncRequest
from storyline_core.store import SourceRecord, Store


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


TOLD_EVERY = 16
"""After how many small files that were read a sync tells how far it is and keeps its lease."""

LARGE = 1 << 20
"""A file of more bytes than this is told of at once."""

Readings = dict[str, Fingerprint | Unread]


@attrs.frozen
class Evidence:
    """Everything one run saw, before anything is decided."""

    record: SourceRecord
    alive: bool
    remembered: RememberedIndex
    documents: Sequence[RememberedDocument]
    listing: Listing
    identity: str | None
    readings: Readings
    plan: HashPlan
    read: ReadDocuments


def gather(line: SourceLine, request: SyncRequest, now: datetime, keep_lease: Callable[[], None]) -> Evidence:
    """Look at the source, and read what must be read.

    Raises `Unavailable`, `NeedsPerson` or what else keeps the source from being looked at.
    """
    provider = line.provider
    with line.store.read() as unit:
        record = unit.sources.get(line.name)
        alive = unit.library.has_living(line.name)
        documents = unit.library.documents(line.name)
    request.tell(Progress(line.name, "looking"))
    before = ask_source(lambda: provider.identity(not alive and not request.dry_run), "identity")
    cursor = record.cursor if line.traits.lists_changes and not request.force else None
    listing = ask_source(lambda: provider.list_media(cursor), "listing")
    identity = ask_source(lambda: provider.identity(False), "identity")
    if identity != before:
        raise Unavailable(f"The source {line.name} became another one while it was looked at. Nothing was changed.")
    # Only now, so that what stands as remembered is told from the rest while the rows come in.
    with line.store.read() as unit:
        sifted = sift(unit.library.remembered_rows(line.name), listing, force=request.force)
    remembered, listing = sifted.remembered, sifted.listing
    if alive and record.identity is not None and identity != record.identity:
        return Evidence(record, alive, remembered, documents, listing, identity, {}, HashPlan(()), ReadDocuments())
    plan, readings = _read_what_must_be(line, request, remembered, listing, now, keep_lease)
    filters_changed = record.filters is not None and record.filters != listing.filters
    wanted = documents_to_read(documents, listing, filters_changed=filters_changed, force=request.force)
    read = read_documents(provider.open_media, wanted.read, wanted.gone, nanoseconds(now))
    read = with_last_good(line.store, line.name, read)
    return Evidence(record, alive, remembered, documents, listing, identity, readings, plan, read)


def _read_what_must_be(
    line: SourceLine,
    request: SyncRequest,
    remembered: RememberedIndex,
    listing: Listing,
    now: datetime,
    keep_lease: Callable[[], None],
) -> tuple[HashPlan, Readings]:
    """Read what must be read; where a shift of all times may explain the dirt, a sample of it first."""
    planned = partial(
        to_hash,
        remembered,
        listing,
        now_ns=nanoseconds(now),
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
    answers = iter(ask_source(lambda: line.provider.fingerprint(entries), "reading"))
    size = 0
    while (answer := ask_source(lambda: next(answers, None), "reading")) is not None:
        readings[answer.key] = answer
        read = answer.size if isinstance(answer, Fingerprint) else 0
        size += read
        if read > LARGE or len(readings) % TOLD_EVERY == 0 or len(readings) == len(entries):
            keep_lease()
            request.tell(Progress(line.name, "reading", len(readings), len(entries), size))
    return readings


def ask_source(call: Callable[[], Answer], what: str) -> Answer:
    """Call a source; whatever is no error of the contract comes out as `Unavailable`."""
    return guarded(call, f"The source's {what}", otherwise=Unavailable)


def nanoseconds(instant: datetime) -> int:
    """The instant as file systems write it."""
    return int(instant.timestamp() * 1_000_000) * 1000
