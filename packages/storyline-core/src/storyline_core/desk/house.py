"""What the desk needs of the assembly, which stands above it."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO, Protocol

import attrs

from storyline_core.health import Health
from storyline_core.interfaces import Controls
from storyline_core.media import MediaItem
from storyline_core.posts import Post
from storyline_core.settings import Settings
from storyline_core.steps.backfilled import BackfillReport, BackfillRequest
from storyline_core.steps.foresee import Foreseen
from storyline_core.steps.report import SyncReport, SyncRequest
from storyline_core.steps.source_line import SourceLine


class House(Controls, Protocol):
    """Everything opened for one thread, over the accounts of one desk."""

    def plan(self, account: str, days: int = 30) -> tuple[Foreseen, ...]:
        """What the account will post."""

    def check(self) -> Health:
        """Whether everything works."""

    def post_beside(
        self, account: str, *, by: str, item_id: int | None = None, at: datetime | None = None, wish: str = ""
    ) -> Post:
        """Add a post beside the slots."""

    def turn_post(self, post_id: str, *, triggered_by: str = "cli") -> Post:
        """Do at once what one post needs."""

    def sync(self, name: str, request: SyncRequest | None = None) -> SyncReport:
        """Bring the library level with one source."""

    def backfill(self, publisher: str, request: BackfillRequest) -> BackfillReport:
        """Save what a publisher's accounts posted before into a source."""

    def open_item(self, item: MediaItem) -> BinaryIO:
        """The bytes of an item."""

    def source_line(self, name: str) -> SourceLine:
        """A source, opened, with what its sync needs."""


def served_by(settings: Settings, notifier: str) -> Settings:
    """The settings as one notifier may see them: the accounts that it serves, and what these use."""
    accounts = [each for each in settings.accounts.values() if each.notifier == notifier]
    sources = {name for account in accounts for name in account.sources}
    publishers = {account.publisher for account in accounts}
    used = (each.backfill for name, each in settings.publishers.items() if name in publishers)
    sources.update(each.into for each in used if each is not None)
    return attrs.evolve(
        settings,
        accounts=accounts,
        sources=[each for name, each in settings.sources.items() if name in sources],
        notifiers=[each for name, each in settings.notifiers.items() if name == notifier],
        publishers=[each for name, each in settings.publishers.items() if name in publishers],
    )
