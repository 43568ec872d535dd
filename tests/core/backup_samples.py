"""What the tests of backups share: settings with a folder for them, and a database with something in every corner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs

from storyline_core.backups import Backup, make_backup
from storyline_core.interfaces import AlertLevel
from storyline_core.posts import Handle, PostState, Publication
from storyline_core.settings import BackupSettings, Settings
from storyline_core.store import Hold, Reason, Store, Vault
from tests.core.store_samples import HOUR, NOW, fill, post_for

KEY = "first-key-first-key-first-key-first"


def fill_every_corner(store: Store) -> None:
    """Rows in most tables, with what is hard to spell: control characters, null, bytes, microseconds, other scripts."""
    fill(store, ["memes/ä\t\\N.jpg", "b.jpg", "日本/\x7f\"'.jpg"])
    with store.begin() as unit:
        post = attrs.evolve(post_for(1), handle=Handle("brand", "t", NOW))
        unit.queue.add(post)
        after = attrs.evolve(post, state=PostState.POSTED, revision=2, settled_at=NOW)
        unit.queue.record(post, after, Publication("1", "u", NOW, {"ü": [1, None]}), event="published", by="x", at=NOW)
        unit.holds.add(Hold(1, None, "main", Reason.COOLDOWN, NOW + HOUR, "x", NOW, post.id))
        unit.accounts.save("main", filled_until=NOW + timedelta(microseconds=3), stopped_why="line\nbreak\r\n")
        unit.sources.set_paused("photos", True)
        unit.people.seen("cli:ann", "Ann", None, NOW)
        unit.runs.start("sync", triggered_by="cli", input={"b": {"a": 1.5}}, at=NOW)
        unit.leases.take("sync/photos", "a", NOW + HOUR, NOW)
        unit.alerts.raise_("missed/main", AlertLevel.WARNING, "Text", "Remedy", NOW)
        unit.chores.done("tidy", NOW)
        unit.secrets.set("o", "n", Vault(KEY).seal("s"))


def settings_for(url: str, folder: Path) -> Settings:
    """Settings whose backups go into that folder."""
    return Settings(database_url=url, backups=BackupSettings(folder))


def backup_of(store: Store, url: str, folder: Path) -> Backup:
    """A backup of a store, made at NOW."""
    return make_backup(store, settings_for(url, folder), NOW)


LOOKS: list[Callable[..., object]] = [
    lambda unit: unit.library.items(),
    lambda unit: unit.library.remembered("photos"),
    lambda unit: unit.queue.history(),
    lambda unit: unit.queue.journal(post_for(1).id),
    lambda unit: unit.queue.publication(post_for(1).id),
    lambda unit: unit.holds.list(NOW),
    lambda unit: unit.accounts.state("main"),
    lambda unit: unit.sources.get("photos"),
    lambda unit: unit.people.list(),
    lambda unit: unit.runs.list(),
    lambda unit: unit.alerts.open(),
    lambda unit: unit.chores.all(),
    lambda unit: unit.secrets.get("o", "n"),
]
