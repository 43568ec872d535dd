"""The daemon's upkeep in processes of its own: what is due is done once, through restarts and kills."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

from storyline_core import Store, verify_backup
from storyline_runner.times import now as utc_now
from tests.runners.conftest import SETTINGS, Project, furnish
from tests.runners.test_daemon import PATIENCE_S, start, store_of, until


def made(project: Project) -> list[Path]:
    """The backups that stand there."""
    return sorted((project.folder / "backups").glob("storyline-*.zip"))


def done_at(store: Store, name: str) -> object:
    """When a task was last done."""
    with store.read() as unit:
        return unit.chores.get(name).done_at


def make_due(store: Store, name: str) -> None:
    """As if a task had last been done two days ago."""
    with store.begin() as unit:
        unit.chores.done(name, utc_now() - timedelta(days=2))


def run_until_tidy(project: Project, store: Store) -> Path:
    """Let a daemon work until it has done the last of its tasks, and end it; its log."""
    make_due(store, "tidy")
    due = done_at(store, "tidy")
    process, log = start(project, "daemon")
    until(lambda: done_at(store, "tidy") != due, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "Traceback" not in log.read_text()
    return log


def test_the_daily_backup_is_made_once_through_restarts(automatic: Project) -> None:
    store = store_of(automatic)
    logs = [run_until_tidy(automatic, store) for _ in range(3)]
    [backup] = made(automatic)
    assert verify_backup(backup).good
    assert f"backup {backup.name} made" in logs[0].read_text()
    [run] = automatic.done("runs", "--step", "backup", "--json").rows("runs")
    assert (run["triggered_by"], run["status"]) == ("scheduler", "completed")
    store.close()


def test_two_daemons_make_one_between_them(automatic: Project) -> None:
    store = store_of(automatic)
    first, _ = start(automatic, "first")
    second, _ = start(automatic, "second")
    until(lambda: done_at(store, "tidy") is not None, first, second)
    until(lambda: len(made(automatic)) == 1, first, second)
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert len(made(automatic)) == 1
    assert len(automatic.done("runs", "--step", "backup", "--json").rows("runs")) == 1
    store.close()


def test_one_that_is_killed_over_it_leaves_the_work_to_the_next(command: Project) -> None:
    project = furnish(command, "sqlite:///storyline.db", "hybrid")
    for number in range(400):
        project.picture(f"many/{number}.jpg", (number % 256, number // 256, 7)).write_bytes(
            (project.folder / "pictures/cats/1.jpg").read_bytes() + number.to_bytes(200_000, "big")
        )
    project.done("sync")
    project.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="hybrid") + MEDIA)
    process, _ = start(project, "killed")
    until(lambda: any((project.folder / "backups").glob(".storyline-*.part")), process)
    process.kill()
    process.wait()
    assert made(project) == [], "it was killed before it was done"
    store = store_of(project)
    assert done_at(store, "backup") is None
    with store.begin() as unit:
        # As if the hour were over.
        for lease in unit.leases.held(utc_now()):
            unit.leases.release(lease)
    process, _ = start(project, "next")
    until(lambda: done_at(store, "backup") is not None, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    [backup] = made(project)
    proof = verify_backup(backup)
    assert (proof.problems, proof.files) == ((), 406)
    store.close()


MEDIA = """
[backups]
include_media = true
"""


def test_a_wish_to_stop_ends_a_long_backup_and_the_next_start_makes_it(command: Project) -> None:
    project = furnish(command, "sqlite:///storyline.db", "hybrid")
    for number in range(400):
        project.picture(f"many/{number}.jpg", (number % 256, number // 256, 9)).write_bytes(
            (project.folder / "pictures/cats/1.jpg").read_bytes() + number.to_bytes(200_000, "big")
        )
    project.done("sync")
    project.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="hybrid") + MEDIA)
    process, log = start(project, "stopped")
    until(lambda: any((project.folder / "backups").glob(".storyline-*.part")), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "Left in the middle" not in log.read_text()
    assert list((project.folder / "backups").iterdir()) == []
    assert project.done("runs", "--step", "backup", "--json").rows("runs") == []
    project.done("tick")
    assert len(made(project)) == 1


def test_a_tick_tells_of_it_once(automatic: Project) -> None:
    said = automatic.done("tick")
    assert f"backup {made(automatic)[0].name} made: 6 items, " in said.out
    assert automatic.done("tick", "--json").json()["upkeep"] == []
    make_due(store_of(automatic), "backup")
    assert automatic.done("tick", "--json").json()["upkeep"] == [], "the one of today is there"
    made(automatic)[0].unlink()
    make_due(store_of(automatic), "backup")
    [kept] = automatic.done("tick", "--json").rows("upkeep")
    assert (kept["chore"], kept["error"]) == ("backup", None)


def test_where_it_cannot_be_made_a_tick_says_so_and_check_knows(automatic: Project) -> None:
    (automatic.folder / "backups").write_text("in the way")
    said = automatic("tick")
    assert said.code == 1
    assert said.err.startswith("backup: No backup could be written to ")
    assert "The daily backup could not be made." in automatic("check").out
    (automatic.folder / "backups").unlink()
    automatic.done("backup", "create")
    assert "The daily backup could not be made." not in automatic("check").out
