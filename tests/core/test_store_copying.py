"""Copying everything into an empty database of either kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core.errors import StoreError
from storyline_core.interfaces import AlertLevel
from storyline_core.posts import Handle, PostState, Publication
from storyline_core.steps.machine import look_at_backups
from storyline_core.store import ChannelRecord, Hold, Reason, Store, Vault
from storyline_core.vitals import Worker
from tests.core import backup_samples
from tests.core.backup_samples import settings_for
from tests.core.store_samples import HOUR, NOW, fill, opened, post_for


def fill_every_table(store: Store) -> None:
    fill(store, ["memes/ä\t\\N.jpg", "b.jpg"])
    with store.begin() as unit:
        post = attrs.evolve(post_for(1), handle=Handle("brand", "t", NOW))
        unit.queue.add(post)
        after = attrs.evolve(post, state=PostState.POSTED, revision=2, settled_at=NOW)
        unit.queue.record(post, after, Publication("1", "u", NOW, {"ü": [1]}), event="published", by="x", at=NOW)
        unit.holds.add(Hold(1, None, "main", Reason.COOLDOWN, NOW + HOUR, "x", NOW, post.id))
        unit.accounts.save("main", filled_until=NOW + timedelta(microseconds=3))
        unit.sources.set_paused("photos", True)
        unit.people.seen("cli:ann", "Ann", None, NOW)
        unit.runs.start("sync", triggered_by="cli", at=NOW)
        unit.leases.take("sync/photos", "a", NOW, NOW)
        unit.secrets.set("o", "n", Vault("k" * 32).seal("s"))
        unit.workers.note(Worker("pi:7", NOW, NOW, {"line": (HOUR, NOW)}, timedelta(seconds=1.5)))
        unit.alerts.raise_("a", level=AlertLevel.ERROR, text="t", remedy="r", at=NOW)
        unit.tellings.mark("ops", unit.tellings.pending("ops")[0].alert, NOW)
        unit.tellings.save_channel(ChannelRecord("ops", 1, NOW, "why"))


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_everything_arrives_and_life_goes_on(
    database_url: str, target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'copy.db'}"
    if target == "postgresql":
        elsewhere = request.getfixturevalue("empty_postgresql_url")
    with opened(database_url) as store, opened(elsewhere) as copy:
        fill_every_table(store)
        counts = store.copy_to(copy)
        assert counts["items"] == 2
        assert counts["journal"] == 2
        for look in LOOKS:
            with store.read() as there, copy.read() as here:
                assert look(here) == look(there)
        assert fill(copy, ["c.jpg"]) == {"c.jpg": 3}
        with copy.begin() as unit:
            unit.queue.add(post_for(2, 1))
            assert unit.runs.start("sync", triggered_by="cli", at=NOW) == 2
        with pytest.raises(StoreError, match="is not empty"):
            store.copy_to(copy)


LOOKS: list[Callable[..., object]] = [
    lambda unit: unit.workers.all(),
    lambda unit: unit.tellings.pending("ops"),
    lambda unit: unit.tellings.channel("ops"),
    *backup_samples.LOOKS,
]


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_of_the_one_is_none_of_the_other(
    sqlite_url: str, target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'copy.db'}"
    if target == "postgresql":
        elsewhere = request.getfixturevalue("empty_postgresql_url")
    with opened(sqlite_url) as store, opened(elsewhere) as copy:
        fill(store, ["a.jpg"])
        with store.begin() as unit:
            unit.chores.done("backup", NOW)
            unit.chores.done("tidy", NOW)
        assert store.copy_to(copy)["chores"] == 1
        with copy.read() as unit:
            assert list(unit.chores.all()) == ["tidy"]
        row = look_at_backups(copy, settings_for(elsewhere, tmp_path / "backups"), NOW + HOUR)
        assert row.message == "there is none yet"
        with store.read() as unit:
            assert unit.chores.get("backup").done_at == NOW
