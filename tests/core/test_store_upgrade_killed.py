"""An upgrade that is killed in the middle leaves the tables as they were; whoever comes next upgrades them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from storyline_core.plugins import load_plugins
from storyline_core.settings import Settings
from storyline_core.store import open_store
from storyline_core.store.schema import REVISIONS
from storyline_core.storyline import open_storyline
from tests.core.first_database import expected, found_in, lay_down

ROOT = Path(__file__).parents[2]


def killed_in(url: str, step: int) -> list[int]:
    """The statements at which a process was killed, every so many."""
    words = [sys.executable, "-m", "tests.core.upgrade_killed", url, str(step)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"] == REVISIONS[-1]
    return [int(number) for number in told["killed"]]


def test_killed_at_every_statement_and_at_the_commit(empty_sqlite_url: str) -> None:
    lay_down(empty_sqlite_url)
    killed = killed_in(empty_sqlite_url, 1)
    assert len(killed) > 20
    plugins = load_plugins(entry_points=False)
    with (
        open_storyline(Settings(database_url=empty_sqlite_url), plugins=plugins) as storyline,
        storyline.read() as unit,
    ):
        assert found_in(unit) == expected()


def test_killed_at_every_seventh_statement_on_a_server(empty_postgresql_url: str) -> None:
    lay_down(empty_postgresql_url)
    killed = killed_in(empty_postgresql_url, 7)
    assert len(killed) > 5
    with closing(open_store(empty_postgresql_url)) as store, store.read() as unit:
        assert found_in(unit) == expected()
