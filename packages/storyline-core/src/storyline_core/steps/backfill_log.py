"""The run record of a backfill: begun with it, so that one under way can be seen, and ended even if it died."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storyline_core.errors import StoreError
from storyline_core.redaction import scrub
from storyline_core.steps.backfilled import BackfillReport, BackfillRequest, asked, summary
from storyline_core.steps.report import ASKED_FOR
from storyline_core.store import RunStatus, Store

STEP = "backfill"
MOST_WORDS = 500
BROKE_OFF = "The process ended in the middle of it. What it had saved stays, and the next one goes on from there."
INTERRUPTED = "It was interrupted. What it had saved stays, and the next one goes on from there."


class Record:
    """One backfill's record. One that nobody asked for leaves none unless it found something."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], publisher: str, request: BackfillRequest, started: datetime
    ) -> None:
        self._store = store
        self._clock = clock
        self._publisher = publisher
        self._request = request
        self._started = started
        self._run: int | None = None
        with store.begin() as unit:
            for run in unit.runs.list(step=STEP, subject=publisher, limit=3):
                if run.status is RunStatus.RUNNING:
                    unit.runs.finish(run.id, RunStatus.FAILED, error=BROKE_OFF, at=started)
        if request.triggered_by in ASKED_FOR:
            self.begin()

    def begin(self) -> None:
        """Note that it has begun; nothing happens the second time."""
        if self._run is None:
            with self._store.begin() as unit:
                self._run = unit.runs.start(
                    STEP,
                    self._publisher,
                    triggered_by=self._request.triggered_by,
                    user=self._request.user,
                    input=asked(self._request),
                    at=self._started,
                )

    def finish(self, report: BackfillReport) -> None:
        """Note how it ended. One that has to wait for the service has not failed."""
        if self._run is None and not report.found_something:
            return
        failed = bool(report.stopped) and not report.saved and report.again_at is None
        self._end(RunStatus.FAILED if failed else RunStatus.COMPLETED, report, report.stopped or None, None)

    def fail(self, error: BaseException, report: BackfillReport) -> None:
        """Note what broke it off, and what it had done by then. Where the database failed there is nowhere to."""
        if not isinstance(error, StoreError):
            why = INTERRUPTED if isinstance(error, KeyboardInterrupt) else scrub(str(error), limit=MOST_WORDS)
            self._end(RunStatus.FAILED, report, why, type(error).__name__)

    def _end(self, status: RunStatus, report: BackfillReport, why: str | None, kind: str | None) -> None:
        result = summary(report)
        if self._run is None and status is RunStatus.FAILED and not report.saved:
            result |= {"times": self._same_again(why)}
        self.begin()
        assert self._run is not None
        with self._store.begin() as unit:
            unit.runs.finish(self._run, status, result=result, error=why, error_type=kind, at=self._clock())

    def _same_again(self, why: str | None) -> int:
        """How often it has failed like this by now: the same failure over and over is one record, the first's."""
        with self._store.read() as unit:
            last = unit.runs.last(STEP, self._publisher)
        if last is None or last.status is not RunStatus.FAILED or last.error != why or last.triggered_by in ASKED_FOR:
            return 1
        self._run = last.id
        return last.times + 1
