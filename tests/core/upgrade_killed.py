"""Upgrades a database again and again in processes that are killed ever later in the middle of it.

    python -m tests.core.upgrade_killed URL STEP

Prints one line of JSON: at which statements a process was killed (each left the tables as they were), and the version
in the end.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from storyline_core.store import open_store
from tests.core.first_database import FIRST, expected, found_in

MOST = 500


def main(url: str, step: int) -> None:
    """Kill at the first statement, at another one so many later, and so on; until one comes through."""
    with closing(open_store(url)) as store:
        assert store.schema().current == FIRST
    # Alembic and the database's driver are loaded once, for all that are killed.
    import alembic.command  # noqa: F401
    import psycopg2  # noqa: F401

    killed: list[int] = []
    for number in range(1, MOST, step):
        child = os.fork()
        if child == 0:
            _upgrade_and_die(url, number)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0, status
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed.append(number)
        _as_it_was(url)
    with closing(open_store(url)) as store:
        sys.stdout.write(json.dumps({"killed": killed, "version": store.schema().current}))


def _upgrade_and_die(url: str, number: int) -> None:
    """In a process of its own: upgrade, and be killed at that statement (or at the commit, when it comes first)."""
    begun = 0

    def count(*_: object) -> None:
        nonlocal begun
        begun += 1
        if begun >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    def commits(connection: Connection) -> None:
        count()

    code = 1
    try:
        store = open_store(url)
        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", commits)
        store.upgrade()
        code = 0
    finally:
        os._exit(code)


def _as_it_was(url: str) -> None:
    """Nothing of the upgrade is there, and everything else is."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(open_store(url)) as store:
        assert store.schema().current == FIRST
        with store.read() as unit:
            assert found_in(unit) == expected()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
