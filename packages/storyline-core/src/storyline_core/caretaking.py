"""Caretaking: what `Storyline` offers that touches the store alone, and no opened plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from storyline_core.backups import Backup, Pruned, Verified, backups_in, find_backup, prune_backups, verify_backup
from storyline_core.health import Health
from storyline_core.media import MediaItem
from storyline_core.metadata import Partial
from storyline_core.opening import account_in, source_in
from storyline_core.settings import Settings, SourceEntry
from storyline_core.steps import curate, keys, noting, team
from storyline_core.steps.health_alerts import Changing, raise_for
from storyline_core.steps.machine import this_host
from storyline_core.store import Hold, KeptSecret, Person, Reason, Store, TeamRole, Unit


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

    def backups(self) -> tuple[Backup, ...]:
        """Every backup in the folder that the settings name, newest first."""
        return backups_in(self.settings.backups.directory)

    def verify_backup(self, named: str | None = None) -> Verified:
        """Prove a backup (the newest usable one, if none is named) by restoring it beside. Raises `BackupError`."""
        kept = self.settings.backups.directory
        return verify_backup(find_backup(kept, named, place=self.store.place, now=self.clock()).path)

    def prune_backups(self, *, dry_run: bool = False) -> Pruned:
        """Take away backups that are older than the settings want kept, but never the last good one."""
        kept = self.settings.backups
        return prune_backups(kept.directory, kept.keep, self.clock(), dry_run=dry_run)

    def kept_secrets(self) -> Sequence[KeptSecret]:
        """What plugins keep encrypted, by owner and name, and which key opens it; never what it says."""
        return keys.kept(self.store, self.settings)

    def rotate_secrets(self, *, user: str | None = None) -> int:
        """Encrypt everything that plugins keep anew with the first key; how much. Raises `NeedsPerson`."""
        return keys.rotate(self.store, self.settings, self.clock, user=user)

    def note_worker(self, name: str, started_at: datetime, loops: Mapping[str, tuple[timedelta, datetime]]) -> None:
        """Write down how the loops of this process turn (how often each should, when it last did), for `check`."""
        noting.note_worker(self.store, self.clock, name, started_at, loops)

    def forget_worker(self, name: str) -> None:
        """Say goodbye: this process's loops are not expected to turn any more."""
        with self.store.begin() as unit:
            unit.workers.forget(name)

    def raise_health_alerts(self, health: Health, changing: Changing) -> Changing:
        """Raise alerts for what stays bad and clear those that are mended; give back what it returns next time."""
        return raise_for(self.store, health, changing, self.clock(), here=this_host())
