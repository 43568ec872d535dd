"""Upgrading: what the first Storyline wrote is all there after every migration since, and in use."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from storyline_core.accounts import Account
from storyline_core.errors import SchemaMismatch
from storyline_core.plugins import load_plugins
from storyline_core.posts import SETTLED, PostState
from storyline_core.settings import Secret, Settings, SourceEntry
from storyline_core.store import PrivateTexts, Store, Vault, open_store, tables
from storyline_core.store.schema import REVISIONS
from storyline_core.storyline import open_storyline
from storyline_core.testing import MemoryPlugin
from storyline_core.testing.memory import Place
from tests.core.first_database import FIRST, SECRET, SECRET_KEY, dumped, expected, found_in, lay_down, version_of
from tests.core.store_samples import in_processes

LATER = datetime(2026, 5, 5, tzinfo=UTC)


@pytest.fixture
def first_url(empty_database_url: str) -> str:
    """A database of the first version with everything in it, on SQLite and on PostgreSQL."""
    lay_down(empty_database_url)
    return empty_database_url


def test_the_first_database_holds_something_of_everything(first_url: str) -> None:
    there = dumped()
    with closing(open_store(first_url)) as store:
        assert version_of(store) == FIRST
        with store.read() as unit:
            names = set(inspect(unit.connection).get_table_names()) - {"alembic_version"}
            assert set(there) == names
            for name, dump in there.items():
                assert set(dump.columns) == {each["name"] for each in inspect(unit.connection).get_columns(name)}
                for index, column in enumerate(dump.columns):
                    assert any(row[index] is not None for row in dump.rows), f"{name}.{column} is never set"
            assert found_in(unit) == expected()
    states = there["posts"].columns.index("state")
    assert {str(row[states]) for row in there["posts"].rows} == {str(state) for state in PostState}


def test_an_upgrade_keeps_every_value_of_every_column(first_url: str) -> None:
    with closing(open_store(first_url)) as store:
        store.upgrade()
        assert version_of(store) == REVISIONS[-1]
        with store.read() as unit:
            assert found_in(unit) == expected()


def test_it_comes_to_exactly_the_tables_that_a_new_database_has(first_url: str) -> None:
    with closing(open_store(first_url)) as store:
        store.upgrade()
        with store.read() as unit:
            compared = MigrationContext.configure(
                unit.connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(compared, tables.metadata) == []


def test_the_views_for_people_who_query_by_hand_still_answer(first_url: str) -> None:
    state = dumped()["posts"].columns.index("state")
    counts = Counter(str(row[state]) for row in dumped()["posts"].rows)
    with closing(open_store(first_url)) as store:
        store.upgrade()
        with store.read() as unit:
            for view, settled in (("posting_queue", False), ("posting_history", True)):
                rows = unit.connection.execute(text(f"SELECT * FROM {view}")).mappings().all()
                wanted = {name: count for name, count in counts.items() if (PostState(name) in SETTLED) is settled}
                assert Counter(row["state"] for row in rows) == wanted
                assert any(row["name"] for row in rows)


def test_the_code_of_today_understands_all_of_it(first_url: str) -> None:
    there = dumped()
    with closing(open_store(first_url)) as store:
        store.upgrade()
        with store.read() as unit:
            items = unit.library.items()
            assert len(items) == len(there["items"].rows)
            assert len(unit.library.remembered("photos")) == len(items)
            [edited] = [item for item in items if item.description.title == "Mine"]
            assert edited.description.tags == ("own",)
            posts = [*unit.queue.unsettled(), *unit.queue.history(limit=100)]
            assert len(posts) == len(there["posts"].rows)
            assert sum(len(unit.queue.journal(post.id)) for post in posts) == len(there["journal"].rows)
            left = (PostState.PREPARED, PostState.PUBLISHING, PostState.UNCERTAIN)
            tokens = {str(post.state): post.handle.token for post in posts if post.handle and post.state in left}
            assert tokens == {str(state): f"token {state}" for state in left}
            assert len([view for view in unit.views.posts(posts) if view.publication]) == 4
            assert len(unit.people.list()) == len(there["people"].rows)
            assert {run.id: run.times for run in unit.runs.list()} == {row[0]: 1 for row in there["runs"].rows}
            assert unit.alerts.open()
            assert unit.holds.list(LATER)
            assert unit.sources.get("photos").cursor == "page 7"
            assert unit.accounts.state("main").paused
        kept = PrivateTexts("publishers/out", Vault(SECRET_KEY), store.begin, store.read)
        assert kept.get("token") == SECRET


def test_work_goes_on_where_it_was_left(first_url: str) -> None:
    with closing(open_store(first_url)) as store:
        store.upgrade()
    settings = Settings(
        database_url=first_url,
        sources=[SourceEntry("photos", "memory", Place())],
        accounts=[Account("main", ("photos",), notifier=None)],
        secret_key=Secret(SECRET_KEY),
    )
    plugin = MemoryPlugin()
    plugins = load_plugins(extra=[plugin], entry_points=False)
    with open_storyline(settings, plugins=plugins, clock=lambda: LATER) as storyline:
        before = _counts(storyline.store)
        # Its files are nowhere: the library stays, and it is said.
        report = storyline.sync("photos")
        assert report.held
        assert report.removed == 0
        storyline.set_paused("main", False)
        assert storyline.plan("main", days=40)
        with storyline.store.begin() as unit:
            new = unit.runs.start("sync", "photos", triggered_by="cli", at=LATER)
            assert new > max(int(str(row[0])) for row in dumped()["runs"].rows)
        after = _counts(storyline.store)
    assert after["items"] == before["items"]
    assert after["posts"] == before["posts"]


def _counts(store: Store) -> dict[str, int]:
    with store.read() as unit:
        return {
            name: unit.connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("items", "posts")
        }


def test_an_embedded_one_is_upgraded_by_opening_it(empty_sqlite_url: str) -> None:
    lay_down(empty_sqlite_url)
    plugins = load_plugins(extra=[MemoryPlugin()], entry_points=False)
    with open_storyline(Settings(database_url=empty_sqlite_url), plugins=plugins) as storyline:
        assert version_of(storyline.store) == REVISIONS[-1]
        with storyline.read() as unit:
            assert found_in(unit) == expected()


def test_one_on_a_server_is_left_to_a_person(empty_postgresql_url: str) -> None:
    lay_down(empty_postgresql_url)
    plugins = load_plugins(extra=[MemoryPlugin()], entry_points=False)
    with (
        pytest.raises(SchemaMismatch, match=r"version 0001.*Make a backup, then run: storyline db upgrade"),
        open_storyline(Settings(database_url=empty_postgresql_url), plugins=plugins),
    ):
        pass
    with closing(open_store(empty_postgresql_url)) as store, store.read() as unit:
        assert found_in(unit) == expected()


def _upgraded(url: str, number: int) -> str:
    with closing(open_store(url)) as store:
        store.upgrade()
        return version_of(store) or "none"


def test_several_processes_may_upgrade_at_once(first_url: str) -> None:
    assert in_processes(3, _upgraded, first_url) == [REVISIONS[-1]] * 3
    with closing(open_store(first_url)) as store, store.read() as unit:
        assert found_in(unit) == expected()


def test_a_later_one_is_refused_by_everything_and_not_touched(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url)
    plugins = load_plugins(extra=[MemoryPlugin()], entry_points=False)
    with closing(open_store(database_url)) as store, store.begin() as unit:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        unit.runs.start("sync", "photos", triggered_by="cli", at=LATER - timedelta(days=1))
    file = Path(database_url.removeprefix("sqlite:///")) if database_url.startswith("sqlite") else None
    if file is not None:
        shutil.copyfile(file, tmp_path / "before")
    for read_only in (False, True):
        with (
            pytest.raises(SchemaMismatch, match=r"written by a later Storyline \(version 9999.*Install that Storyline"),
            open_storyline(settings, plugins=plugins, read_only=read_only) as storyline,
            storyline.read() as unit,
        ):
            unit.runs.list()
    with closing(open_store(database_url)) as store:
        with pytest.raises(SchemaMismatch, match="later Storyline"):
            store.upgrade()
        assert version_of(store) == "9999"
        with store.begin() as unit:
            assert len(unit.runs.list()) == 1
    if file is not None:
        assert file.read_bytes() == (tmp_path / "before").read_bytes()
