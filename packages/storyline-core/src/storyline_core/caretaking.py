"""Caretaking: what `Storyline` offers that touches the store alone, and no opened plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from storyline_core.media import MediaItem
from storyline_core.metadata import Partial
from storyline_core.opening import account_in, source_in
from storyline_core.settings import Settings, SourceEntry
from storyline_core.steps import curate, team
from storyline_core.store import Hold, Person, Reason, Store, TeamRole, Unit


class Caretaking:
    """The library, the switches and the team, looked after. Nothing is opened and nobody is contacted."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock

    def read(self) -> AbstractContextManager[Unit]:
        """A read-only look at the store: items, posts, holds, people, runs."""
        return self.store.read()

    def edit_item(self, item_id: int, says: Partial, *, by: str, reset: Sequence[str] = ()) -> MediaItem:
        """Let a person's word win over the files, per field."""
        return curate.edit_item(self.store, item_id, says, self.clock(), by=by, reset=reset)

    def hold_item(
        self,
        item_id: int,
        *,
        by: str,
        until: datetime | None = None,
        account: str | None = None,
        reason: Reason = Reason.MANUAL,
    ) -> Hold:
        """Keep an item and its twins out of an account (None: all) until then (None: for ever)."""
        if account is not None:
            account_in(self.settings, account)
        return curate.hold(self.store, item_id, self.clock(), by=by, until=until, account=account, reason=reason)

    def release_item(self, item_id: int, *, by: str) -> curate.Released:
        """End every hold that matches the item."""
        return curate.release(self.store, item_id, self.clock(), by=by)

    def set_paused(self, account: str, paused: bool) -> None:
        """Stop or restart an account's line."""
        account_in(self.settings, account)
        curate.set_paused(self.store, account, paused)

    def set_source_paused(self, source: str, paused: bool) -> None:
        """Switch a source off or on: it is not looked at, and its items are not chosen."""
        source_in(self.settings, source)
        with self.store.begin() as unit:
            unit.sources.set_paused(source, paused)

    def source_entry(self, name: str) -> SourceEntry:
        """A source as the settings describe it. Raises `NotInSettings`."""
        return source_in(self.settings, name)

    def prune(self, source: str, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Forget a source's items that were removed longer ago than that and that nothing refers to. How many."""
        return curate.prune(self.store, source, older_than, self.clock(), dry_run=dry_run)

    def rename_source(self, old: str, new: str) -> None:
        """Carry everything known of a source over to a new name."""
        curate.rename_source(self.store, old, new)

    def set_role(self, person: str, role: TeamRole) -> Person:
        """Promote or demote somebody (`notifier:id`), seen before or not."""
        return team.set_role(self.store, person, role)

    def set_active(self, person: str, active: bool) -> Person:
        """Let somebody decide, or keep them from it."""
        return team.set_active(self.store, person, active)

    def set_team(self, person: str, name: str) -> Person:
        """Put somebody into a team; "" takes them out of it."""
        return team.set_team(self.store, person, name)
