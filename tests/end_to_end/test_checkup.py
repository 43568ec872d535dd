"""`check` against real databases: clocks of several machines, disks, silence, and what it must not disturb."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core import Check, Storyline, load_plugins, open_storyline
from storyline_core.settings import BackupSettings, Settings
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.vitals import Worker
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, settings_of
from tests.end_to_end.world import SetClock


def row(storyline: Storyline, name: str) -> Check:
    return next(each for each in storyline.check().checks if each.name == name)


@pytest.mark.parametrize(
    ("off", "status"), [(0, "healthy"), (2, "healthy"), (8, "degraded"), (-8, "degraded"), (100, "unhealthy")]
)
def test_a_clock_that_is_off_is_noticed_by_the_servers(postgresql_url: str, off: float, status: str) -> None:
    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=off)  # noqa: TID251 - this machine's real clock, turned

    settings = settings_of(postgresql_url)
    with open_storyline(settings, plugins=load_plugins(extra=[MemoryPlugin()]), clock=clock) as storyline:
        assert row(storyline, "clock").status == status
        # What it notes of itself is seen by the others.
        storyline.note_worker("slow:1", clock(), {})
        with storyline.read() as unit:
            [worker] = unit.workers.all()
        assert worker.skew is not None
        assert abs(worker.skew.total_seconds() - off) < 1.5
    with open_storyline(settings, plugins=load_plugins(extra=[MemoryPlugin()])) as other:
        assert row(other, "clock").status == status


def test_an_embedded_database_has_no_clock_to_differ_from(sqlite_url: str) -> None:
    with opened_in_memory(sqlite_url, MemoryPlugin(), SetClock()) as storyline:
        storyline.note_worker("here:1", storyline.clock(), {})
        assert row(storyline, "clock").message == "there is one clock only"


def test_two_workers_whose_clocks_differ(database_url: str) -> None:
    clock = SetClock()
    with opened_in_memory(database_url, MemoryPlugin(), clock) as storyline:
        with storyline.store.begin() as unit:
            for name, skew in (("a:1", 3), ("b:1", -3)):
                unit.workers.note(Worker(name, clock(), clock(), {}, timedelta(seconds=skew)))
        assert row(storyline, "clock").status == "degraded"


def test_the_disks_are_those_that_are_written_to(sqlite_url: str, tmp_path: Path) -> None:
    settings: Settings = attrs.evolve(
        settings_of(sqlite_url), backups=BackupSettings(tmp_path / "not" / "made" / "yet")
    )
    with open_storyline(settings, plugins=load_plugins(extra=[MemoryPlugin()]), clock=SetClock()) as storyline:
        names = [each.name for each in storyline.check().checks if each.name.startswith("disk of")]
        assert names == ["disk of database"], "both lie on one disk"
        assert not (tmp_path / "not").exists()


def test_a_look_without_questions_contacts_nobody(sqlite_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 3)
    with opened_in_memory(sqlite_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        plugin.team().break_down()
        asked = storyline.ask_opened()
        assert {each.name: str(each.status) for each in asked} == {
            "notifier team": "unhealthy",
            "publisher stage": "healthy",
        }
        plugin.team().mend()
        assert storyline.check(asked).status == "unhealthy"
        assert "notifier team" not in {each.name for each in storyline.check(()).checks}


def test_an_alert_that_a_row_shows_is_not_shown_twice(sqlite_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 3)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        assert row(storyline, "pool of main").status == "degraded"
        with storyline.store.begin() as unit:
            unit.alerts.raise_("health/pool/main", level="warning", text="low", remedy="", at=clock())  # type: ignore[arg-type]
        assert "alert" not in {each.name for each in storyline.check().checks}
        with storyline.read() as unit:
            [alert] = unit.alerts.open()
        assert alert.key == row(storyline, "pool of main").alert


def test_twins_are_one_in_the_pool(sqlite_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 4)
    for number in range(4):
        plugin.folder().write(f"copies/{number}.jpg", plugin.folder().files["cats/000.jpg"].content)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        assert row(storyline, "pool of main").message == "4 items can be posted, enough for 1 day"
