"""A backup taken while several processes write restores to one state: each transaction whole, or not in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import text

from storyline_core.backups import make_backup, restore_backup, verify_backup
from storyline_core.interfaces import AlertLevel
from storyline_core.store import Store, Unit, open_store
from tests.core.backup_samples import settings_for
from tests.core.store_samples import NOW, fill, in_processes, opened, post_for

WORKERS = 3
PATIENCE_S = 120


def work_until(stop: str, url: str, number: int) -> str:
    """Transaction after transaction, each of which counts itself in four tables, until a file says stop."""
    name, done = f"w{number}", 0
    with closing(open_store(url)) as store:
        while not Path(stop).exists():
            done += 1
            with store.begin() as unit:
                _write(unit, name, done)
    return f"{name} {done}"


def _write(unit: Unit, name: str, count: int) -> None:
    # In the opposite of the order in which tables are dumped, and the other way round, by turns.
    steps: list[Callable[[], object]] = [
        lambda: unit.accounts.save(name, stopped_why=str(count)),
        lambda: unit.alerts.raise_(f"missed/{name}/{count}", AlertLevel.WARNING, "t", "r", NOW),
        lambda: unit.runs.start("work", name, triggered_by="cli", at=NOW),
        lambda: unit.queue.add(post_for(None, count, account=name)),
    ]
    for step in steps if count % 2 else reversed(steps):
        step()


def counts(store: Store) -> dict[str, tuple[int, ...]]:
    """Of each worker, what each table says it has done."""
    found: dict[str, tuple[int, ...]] = {}
    with store.read() as unit:
        for number in range(WORKERS):
            name = f"w{number}"
            told = unit.accounts.state(name).stopped_why
            counted = (
                _count(unit, f"SELECT count(*) FROM alerts WHERE key LIKE 'missed/{name}/%'"),
                _count(unit, f"SELECT count(*) FROM runs WHERE subject = '{name}'"),
                _count(unit, f"SELECT count(*) FROM posts WHERE account = '{name}'"),
                _count(
                    unit, f"SELECT count(*) FROM journal j JOIN posts p ON p.id = j.post_id WHERE account = '{name}'"
                ),
            )
            found[name] = (int(told or 0), *counted)
    return found


def _count(unit: Unit, statement: str) -> int:
    return int(unit.connection.execute(text(statement)).scalar_one())


@contextmanager
def busy(store: Store, url: str, stop: Path) -> Iterator[None]:
    """Workers that are all at work inside the block."""
    with ThreadPoolExecutor(1) as beside:
        answers = beside.submit(in_processes, WORKERS, partial(work_until, str(stop)), url)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while min(count[0] for count in counts(store).values()) < 3:
                assert time.monotonic() < deadline, answers
                time.sleep(0.02)
            yield
        finally:
            stop.touch()
        assert all(answer.startswith("w") for answer in answers.result()), answers.result()


def test_a_backup_taken_while_three_workers_write_restores_to_one_state(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path / "backups")
    with opened(database_url) as store:
        # Much to dump between what the workers write, so that they write a good deal meanwhile.
        fill(store, [f"{number:05}.jpg" for number in range(10_000)])
        backups = []
        with busy(store, database_url, tmp_path / "stop"):
            for _ in range(3):
                before = counts(store)
                backups.append((before, make_backup(store, settings, NOW), counts(store)))
    for number, (before, backup, after) in enumerate(backups):
        assert verify_backup(backup.path).problems == ()
        url = f"sqlite:///{tmp_path / f'restored-{number}.db'}"
        restore_backup(backup.path, url, NOW)
        with opened(url) as restored:
            found = counts(restored)
            with restored.read() as unit:
                assert unit.connection.execute(text("PRAGMA foreign_key_check")).first() is None
                assert unit.connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert all(len(set(count)) == 1 for count in found.values()), f"half a transaction: {found}"
        assert all(before[name] <= found[name] <= after[name] for name in found)
        assert sum(count[0] for count in after.values()) > sum(count[0] for count in before.values())
