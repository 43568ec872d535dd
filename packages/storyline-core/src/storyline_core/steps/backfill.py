"""Backfill: save what an account posted before into a source, each picture once, however often it breaks off.

Before anything is stored, its id and its content are committed; what a dead process was storing is looked for in the
source before it could be stored again. The sync that brings the file into the library makes it what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from storyline_core.errors import Refused, StorylineError, Unavailable
from storyline_core.past import Facts, Known, Leg, PastKind, PastMedia, PastPage, Verdict, Walk, is_last, judge, legs_of
from storyline_core.posts import PostState
from storyline_core.redaction import scrub
from storyline_core.steps.backfill_log import Record
from storyline_core.steps.backfilled import (
    MOST_DETAILS,
    BackfillProgress,
    BackfillReport,
    BackfillRequest,
    Tally,
)
from storyline_core.steps.fetching import fetched
from storyline_core.steps.line import guarded
from storyline_core.steps.saving import BackfillLine, Saving, Stuck
from storyline_core.steps.tenure import Tenure
from storyline_core.store import BackfillState, PastRecord, PastState, Unit

AT_ONCE = 100
"""How many are saved before the library is brought level with the source."""

LIVE_FOR = timedelta(hours=25)
"""For how long a story can be met among the live ones, and a little more."""

ENOUGH = 3
"""After so many in a row that cannot be fetched, the service is left alone until the next time."""

_NOBODY_KNOWS = frozenset({PostState.PUBLISHING, PostState.UNCERTAIN})


def backfill(line: BackfillLine, request: BackfillRequest) -> BackfillReport:
    """Go through the past, and save what is not there yet.

    Ends early, and says why and until when in its report, when the service does not answer or wants to be left alone;
    the next run goes on from there. Raises `Busy` when another process is at it, `NeedsPerson` for what only a person
    can mend, `StoreError` when the database fails.
    """
    started = line.clock()
    if request.dry_run:
        return _Run(line, request, None, started).rehearse()
    tenure = Tenure(line.store, line.clock, f"backfill/{line.name}", line.holder, started)
    record = Record(line.store, line.clock, line.name, request, started)
    run = _Run(line, request, tenure, started)
    try:
        report = run.work()
        record.finish(report)
        return report
    except (StorylineError, KeyboardInterrupt) as error:
        record.fail(error, run.tally.report(request, line.name))
        raise
    finally:
        tenure.end()


class _Run:
    """One backfill under way. Without a tenure it is a rehearsal, and nothing is fetched or written."""

    def __init__(self, line: BackfillLine, request: BackfillRequest, tenure: Tenure | None, started: datetime) -> None:
        self.tally = Tally()
        self._line = line
        self._request = request
        self._tenure = tenure
        self._started = started
        self._saving = Saving(line, request, tenure)
        self._in_doubt: frozenset[str] = frozenset()
        self._failures = 0
        self._unsettled = 0
        with line.store.read() as unit:
            self._state: BackfillState = unit.past.state(line.name)

    def rehearse(self) -> BackfillReport:
        """What would be saved, from what the service lists."""
        stuck = self._through_all()
        return self._report(stuck)

    def work(self) -> BackfillReport:
        """Everything that there is to do; the library is level with it in the end, however it ends."""
        self._note(tried_at=self._started, stopped="", again_at=None)
        try:
            stuck = self._through_all()
        except StorylineError:
            self._saving.bring_level()
            raise
        self._saving.bring_level()
        report = self._report(stuck)
        self._note(
            stopped=report.stopped,
            again_at=report.again_at,
            good_at=self._state.good_at if report.stopped else self._started,
        )
        return report

    def _report(self, stuck: Stuck | None) -> BackfillReport:
        report = self.tally.report(self._request, self._line.name)
        return attrs.evolve(
            report,
            indexed=self._saving.indexed(),
            stopped=stuck.why if stuck else "",
            again_at=stuck.again_at if stuck else None,
            duration_ms=int((self._line.clock() - self._started).total_seconds() * 1000),
        )

    def _through_all(self) -> Stuck | None:
        try:
            if self._tenure is not None:
                self._in_doubt = self._saving.settle_doubts()
            for kind in self._request.kinds:
                self._go_through(kind)
        except Stuck as stuck:
            return stuck
        return None

    def _go_through(self, kind: PastKind) -> None:
        """Every stretch of one kind; it counts as gone through once nothing in it is left for another time."""
        walk = self._state.walks.get(kind, Walk())
        since, left = self._request.since, self._unsettled
        if walk.cursor is None or _wider(since, walk.since):
            kept = walk.whole and not _wider(since, walk.since)
            self._note_walk(kind, Walk(whole=kept, since=walk.since if kept else since))
        for leg in legs_of(kind, walk, since):
            self._walk(kind, leg)
        # Something that could not be had yet must be met again: then no walk may end early before it.
        whole = self._unsettled == left and not self._owing()
        if walk.whole and whole and not _wider(since, walk.since):
            since = walk.since
        self._note_walk(kind, Walk(whole=whole, since=since))

    def _owing(self) -> int:
        with self._line.store.read() as unit:
            counts = unit.past.counts(self._line.name)
        return counts.get(PastState.FAILED, 0) + counts.get(PastState.STORING, 0)

    def _walk(self, kind: PastKind, leg: Leg) -> None:
        cursor, first, began_anew = leg.cursor, True, False
        while True:
            page = self._page(kind, cursor)
            if page is None and began_anew:
                raise Stuck("The service forgets over and over how far it was read.")
            if page is None:
                cursor, leg, began_anew = None, Leg(), True
                continue
            verdicts = self._judge(page)
            self._take(page, verdicts)
            if is_last(page, list(verdicts.values()), leg, first=first):
                return
            if page.cursor == cursor:
                raise Stuck("The service gives the same page over and over.")
            cursor, first = page.cursor, False
            self._note_walk(kind, attrs.evolve(self._walk_of(kind), cursor=cursor, to_known=leg.to_known))

    def _page(self, kind: PastKind, cursor: str | None) -> PastPage | None:
        """One page; None when the service has forgotten the cursor."""
        self._keep()
        self._tell(f"looking through {'stories' if kind is PastKind.STORIES else 'posts'}")
        publisher, since = self._line.publisher, self._request.since
        try:
            return guarded(
                lambda: publisher.past_media(kind, since, cursor), "The publisher's past", otherwise=Unavailable,
                gives=PastPage,
            )  # fmt: skip
        except Refused as error:
            if cursor is None:
                raise Stuck(scrub(str(error))) from error
            return None
        except Unavailable as error:
            raise self._enough(error) from error

    def _judge(self, page: PastPage) -> Mapping[str, Verdict]:
        """What to do with each, from what is known once the page is there: a story that is out is known of by then."""
        names = [media.remote_id for media in page.media]
        with self._line.store.read() as unit:
            facts = Facts(
                met={each.remote_id: _known(each) for each in unit.past.records(self._line.name, names).values()},
                published=unit.past.published(names),
                in_doubt=self._in_doubt,
                since=self._request.since,
                unsure_since=self._unsure_since(unit),
                ours_within=unit.past.unnamed(
                    [account.name for account in self._line.accounts], self._line.clock() - LIVE_FOR
                ),
            )
        return {media.remote_id: judge(media, facts) for media in page.media}

    def _unsure_since(self, unit: Unit) -> datetime | None:
        posts = [post for account in self._line.accounts for post in unit.queue.unsettled(account.name)]
        # What people were shown may have gone out before its time.
        began = (min(post.due_at, post.offered_at or post.due_at) for post in posts if post.state in _NOBODY_KNOWS)
        return min(began, default=None)

    def _take(self, page: PastPage, verdicts: Mapping[str, Verdict]) -> None:
        tally = self.tally
        for remote_id, why in page.unreadable:
            tally.looked += 1
            tally.unreadable += 1
            tally.note(remote_id, scrub(why))
        for media in page.media:
            verdict = verdicts[media.remote_id]
            tally.looked += 1
            tally.known += verdict is Verdict.HERE
            tally.published += verdict is Verdict.PUBLISHED
            tally.waits += verdict is Verdict.WAITS
            self._unsettled += verdict is Verdict.WAITS
            if verdict is Verdict.UNREADABLE:
                tally.unreadable += 1
                tally.note(media.remote_id, "Its bytes could not be had in many tries.")
            if verdict is Verdict.FETCH:
                self._fetch(media)

    def _fetch(self, media: PastMedia) -> None:
        if self._request.limit is not None and self.tally.saved >= self._request.limit:
            raise Stuck(f"{self._request.limit} were saved, as many as were asked for.")
        if self._request.stop():
            raise Stuck("It was asked to stop.", self._line.clock())
        if self._tenure is None:
            self.tally.saved += 1
            if len(self.tally.would_save) < MOST_DETAILS:
                self.tally.would_save.append(media)
            return
        self._keep()
        try:
            with fetched(self._line.publisher, media, self._keep) as content:
                saved = self._saving.save(media, content)
        except Refused as error:
            self._give_up(media, error)
        except Unavailable as error:
            self._put_off(media, error)
        else:
            self._failures = 0
            self.tally.saved += saved
            self.tally.known += not saved
            self.tally.bytes_saved += content.size if saved else 0
            self._tell("saving")
            if self._saving.pending >= AT_ONCE:
                self._saving.bring_level()

    def _give_up(self, media: PastMedia, error: Refused) -> None:
        self._failures = 0
        self.tally.unreadable += 1
        self.tally.note(media.remote_id, scrub(str(error)))
        self._saving.note(media, PastState.UNREADABLE, scrub(str(error)))

    def _put_off(self, media: PastMedia, error: Unavailable) -> None:
        """Another time: it counts as a try only if the service answers otherwise."""
        self._unsettled += 1
        if error.retry_after is not None:
            raise self._enough(error) from error
        self._failures += 1
        self.tally.failed += 1
        self.tally.note(media.remote_id, scrub(str(error)))
        self._saving.note(media, PastState.FAILED, scrub(str(error)))
        if self._failures >= ENOUGH:
            raise self._enough(error) from error

    def _enough(self, error: Unavailable) -> Stuck:
        wait = error.retry_after
        return Stuck(scrub(str(error)), self._line.clock() + wait if wait is not None else None)

    def _keep(self) -> None:
        if self._tenure is not None:
            self._tenure.keep()

    def _tell(self, doing: str) -> None:
        self._request.tell(BackfillProgress(self._line.name, doing, self.tally.looked, self.tally.saved))

    def _walk_of(self, kind: PastKind) -> Walk:
        return self._state.walks.get(kind, Walk())

    def _note_walk(self, kind: PastKind, walk: Walk) -> None:
        self._note(walks={**self._state.walks, kind.value: walk})

    def _note(self, **fields: object) -> None:
        self._state = attrs.evolve(self._state, **fields)  # type: ignore[arg-type]
        if self._tenure is not None:
            with self._line.store.begin() as unit:
                unit.leases.check(self._tenure.lease.subject, self._tenure.lease.fence)
                unit.past.save_state(self._state)


def _known(record: PastRecord) -> Known:
    if record.state in (PastState.SAVED, PastState.KNOWN):
        return Known.HERE
    return Known.UNREADABLE if record.state is PastState.UNREADABLE else Known.TRIED


def _wider(since: datetime | None, than: datetime | None) -> bool:
    """Whether a walk since then sees more than one since the other moment."""
    return than is not None and (since is None or since < than)
