"""Saving: one fetched picture or video into a source, noted before and after, so that a crash repeats nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from storyline_core.abilities import BackfillingPublisher
from storyline_core.accounts import Account
from storyline_core.errors import Busy, NotFound, PluginFault, Refused, StorylineError, Unavailable
from storyline_core.hints import Hint
from storyline_core.media import Provenance
from storyline_core.past import MOST_TRIES, PastMedia, name_of, rests_of
from storyline_core.redaction import scrub
from storyline_core.steps.backfilled import BackfillRequest
from storyline_core.steps.fetching import Fetched
from storyline_core.steps.receiving import store_new
from storyline_core.steps.report import SyncReport, SyncRequest
from storyline_core.steps.source_line import SourceLine
from storyline_core.steps.tenure import Tenure
from storyline_core.store import PastRecord, PastState, Rest, Store, Unit

log = logging.getLogger("storyline")

SLOWEST = 32_000
"""How many bytes a second a source takes at the slowest."""


@attrs.frozen
class BackfillLine:
    """One publisher that has a past, the accounts that publish with it, and the source into which it is saved.

    `sync` brings the library level with a source.
    """

    name: str
    publisher: BackfillingPublisher
    accounts: tuple[Account, ...]
    source: SourceLine
    sync: Callable[[str, SyncRequest], SyncReport]
    store: Store
    clock: Callable[[], datetime]
    holder: str


class Stuck(Exception):
    """The backfill ends here, and goes on another time, not before `again_at` if that is known."""

    def __init__(self, why: str, again_at: datetime | None = None) -> None:
        self.why = why
        self.again_at = again_at
        super().__init__(why)


class Saving:
    """What a backfill stores, and what is known of it. Without a tenure nothing is written."""

    def __init__(self, line: BackfillLine, request: BackfillRequest, tenure: Tenure | None) -> None:
        self._line = line
        self._request = request
        self._tenure = tenure
        self._pending = 0
        self._saved = 0

    @property
    def pending(self) -> int:
        """How many were stored since the library was last level with the source."""
        return self._pending

    def save(self, media: PastMedia, content: Fetched) -> bool:
        """Store one medium; False when its very bytes are known already.

        Raises `Refused` for what cannot be opened or stored, `NeedsPerson`, and `Stuck` when the source is not there.
        """
        if content.look.problem:
            raise Refused(f"It cannot be opened: {content.look.problem}")
        now = self._line.clock()
        record = attrs.evolve(
            self._record(media, PastState.STORING, now),
            name=name_of(media, content.look.media_type),
            digest=content.digest,
            source=self._line.source.name,
        )
        with self._line.store.begin() as unit:
            self._check(unit)
            if _recognised(unit, record, now):
                return False
            unit.past.keep(record)
        if self._tenure is not None:
            # Whoever took over meanwhile would not find it in the source yet, and would store it as well.
            self._tenure.keep_for(timedelta(seconds=content.size / SLOWEST))
        key = self._stored(media, record, content)
        with self._line.store.begin() as unit:
            unit.past.stored(record, key)
        self._pending += 1
        self._saved += 1
        return True

    def note(self, media: PastMedia, state: PastState, why: str) -> None:
        """Keep that one could not be had. After many tries it counts as unreadable."""
        now = self._line.clock()
        with self._line.store.begin() as unit:
            self._check(unit)
            before = unit.past.records(self._line.name, [media.remote_id]).get(media.remote_id)
            tries = (before.tries if before is not None else 0) + 1
            if tries >= MOST_TRIES:
                state = PastState.UNREADABLE
            unit.past.keep(attrs.evolve(self._record(media, state, now), why=why, tries=tries))

    def settle_doubts(self) -> frozenset[str]:
        """Find out what became of what a dead process was storing; gives those of which it cannot be told yet.

        What is not in the source after all is forgotten, and will be fetched again. Raises `Stuck`.
        """
        with self._line.store.read() as unit:
            doubts = unit.past.in_doubt(self._line.name)
        for source in sorted({each.source or "" for each in doubts}):
            try:
                report = self._level(
                    source, SyncRequest(triggered_by=self._request.triggered_by, user=self._request.user)
                )
            except NotFound:
                # The source is not in the settings any more: these cannot be told, and hold nothing else up.
                continue
            if report.held or report.deferred or report.error_count:
                continue
            with self._line.store.begin() as unit:
                self._check(unit)
                for each in unit.past.in_doubt(self._line.name):
                    if each.source == source:
                        unit.past.forget(each.publisher, each.remote_id)
        with self._line.store.read() as unit:
            return frozenset(each.remote_id for each in unit.past.in_doubt(self._line.name))

    def bring_level(self) -> None:
        """Let the library know what was stored, by dead processes as well; if not now, the source's next sync will."""
        with self._line.store.read() as unit:
            keys = unit.past.unindexed(self._line.name, self._line.source.name)
        if not keys:
            return
        hint = Hint.of(keys) if self._line.source.traits.watches else None
        request = SyncRequest(hint=hint, triggered_by=self._request.triggered_by, user=self._request.user)
        try:
            self._level(self._line.source.name, request)
        except Stuck as stuck:
            log.info("What was saved is indexed by the next sync of %s: %s", self._line.source.name, stuck.why)
        self._pending = 0

    def indexed(self) -> int:
        """How many of those saved in this run the library has as items by now."""
        with self._line.store.read() as unit:
            return max(self._saved - unit.past.expected(self._line.name), 0)

    def _level(self, source: str, request: SyncRequest) -> SyncReport:
        try:
            return self._line.sync(source, request)
        except (Busy, PluginFault) as error:
            raise Stuck(scrub(str(error))) from error

    def _stored(self, media: PastMedia, record: PastRecord, content: Fetched) -> str:
        provenance = Provenance(media.remote_id, media.posted_at, media.permalink, media.caption)
        source = self._line.source
        try:
            return store_new(source, record.name, content.file, media.kind.value, provenance=provenance)
        except Unavailable as error:
            # It may lie there all the same: the next run looks before it stores this one again.
            raise Stuck(scrub(str(error)), _later(self._line, error)) from error
        except Refused:
            with self._line.store.begin() as unit:
                unit.past.forget(record.publisher, record.remote_id)
            raise

    def _record(self, media: PastMedia, state: PastState, now: datetime) -> PastRecord:
        rests = rests_of(self._line.accounts, media.posted_at)
        return PastRecord(
            publisher=self._line.name,
            remote_id=media.remote_id,
            kind=media.kind.value,
            state=state,
            name=media.name,
            posted_at=media.posted_at,
            at=now,
            caption=media.caption,
            permalink=media.permalink,
            tags=media.tags,
            rests=tuple(Rest(account, until) for account, until in rests if until > now),
        )

    def _check(self, unit: Unit) -> None:
        if self._tenure is not None:
            unit.leases.check(self._tenure.lease.subject, self._tenure.lease.fence)


def _recognised(unit: Unit, record: PastRecord, now: datetime) -> bool:
    """Whether these bytes are known: as an item that lives, or as what was saved before and may have been removed."""
    digest = record.digest or ""
    known = attrs.evolve(record, state=PastState.KNOWN, source=None)
    living = unit.library.living_by_digest([digest]).get(digest)
    if living:
        unit.past.recognise(known, living[0].id, now)
        return True
    if unit.past.saved_with(record.publisher, digest):
        unit.past.keep(known)
        return True
    return False


def _later(line: BackfillLine, error: StorylineError) -> datetime | None:
    wait = error.retry_after if isinstance(error, Unavailable) else None
    return line.clock() + wait if wait is not None else None
