"""Backfilling: what `Storyline` offers of what accounts posted before Storyline, or beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storyline_core.caretaking import Caretaking
from storyline_core.opening import Opened
from storyline_core.settings import Entry
from storyline_core.steps import backfill, regularly
from storyline_core.steps.backfilled import BackfillReport, BackfillRequest
from storyline_core.steps.report import SyncReport, SyncRequest


class Backfilling(Caretaking):
    """The pasts of publishers, saved into sources."""

    _opened: Opened

    def sync(self, name: str, request: SyncRequest | None = None) -> SyncReport:
        """Bring the library level with one source; what is above knows how."""
        raise NotImplementedError

    def backfill(self, publisher: str, request: BackfillRequest) -> BackfillReport:
        """Save what a publisher's accounts posted before into a source. Raises as the step does; see `steps.backfill`.

        Also `NotInSettings` for a name that is not there, `NotAllowed` where one has no past or takes no files.
        """
        return backfill.backfill(self._opened.backfill_line(publisher, request.into, self.sync), request)

    def backfill_due(
        self, stop: Callable[[], bool] = lambda: False
    ) -> tuple[tuple[BackfillReport, ...], tuple[str, ...]]:
        """Save each past that the settings want saved by itself and that is due; what was done, what went wrong."""
        return regularly.backfill_due(self.store, self._with_a_past(), self.backfill, self.clock, stop)

    def next_backfill(self) -> datetime | None:
        """When the next of them is due, at a past or present moment when one is; None when none ever will."""
        moments = regularly.next_backfills(self.store, self._with_a_past(), self.clock())
        return min((at for _, at in moments), default=None)

    def _with_a_past(self) -> list[Entry]:
        """The publishers whose past is saved by itself; rehearsing accounts contact nobody."""
        accounts = self.settings.accounts.values()
        posting = {account.publisher for account in accounts if not account.dry_run}
        resting = {account.publisher for account in accounts} - posting
        named = self.settings.publishers.items()
        return [each for name, each in named if each.backfill is not None and name not in resting]
