"""Units: all or nothing, one state for readers, and plain words when the database will not."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from storyline_core.errors import SettingsError, StoreError, StoreUnavailable
from storyline_core.store import Store, open_store
from tests.core.store_samples import NOW, added, apply, fill, opened, remembered

SOON = timedelta(milliseconds=200)


@pytest.fixture
def store(database_url: str) -> object:
    with opened(database_url) as store:
        yield store


def test_an_error_takes_back_everything(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.begin() as unit:  # noqa: PT012
        unit.accounts.save("main", paused=True)
        raise ZeroDivisionError
    with store.read() as unit:
        assert not unit.accounts.state("main").paused


def test_a_thread_has_one_unit_at_a_time(store: Store) -> None:
    assert not store.in_transaction()
    with store.begin():
        assert store.in_transaction()
        with pytest.raises(StoreError, match="already open in this thread"), store.read():
            pass
        elsewhere: list[bool] = []
        thread = threading.Thread(target=lambda: elsewhere.append(store.in_transaction()))
        thread.start()
        thread.join()
        assert elsewhere == [False]
    assert not store.in_transaction()
    with store.read():
        assert store.in_transaction()


def test_a_reader_sees_one_state_and_waits_for_no_writer(database_url: str) -> None:
    with opened(database_url, patience=SOON) as store, opened(database_url, patience=SOON) as other:
        with store.read() as unit:
            before = unit.accounts.state("main")
            with other.begin() as writing:
                writing.accounts.save("main", paused=True)
            assert unit.accounts.state("main") == before
        with other.begin() as writing:
            writing.accounts.save("main", paused=False)
            with store.read() as unit:
                assert unit.accounts.state("main").paused


def test_a_reading_unit_writes_nothing(store: Store) -> None:
    try:
        with store.read() as unit:
            unit.accounts.save("main", paused=True)
    except StoreUnavailable as error:
        assert "read-only" in str(error)  # noqa: PT017 - PostgreSQL refuses, SQLite rolls back
    with store.read() as unit:
        assert not unit.accounts.state("main").paused


def test_instants_without_a_zone_are_refused(store: Store) -> None:
    with pytest.raises(Exception, match="has no time zone"), store.begin() as unit:
        unit.accounts.save("main", filled_until=datetime(2026, 5, 1))  # noqa: DTZ001


def test_instants_of_any_zone_are_the_same_instants_in_utc(store: Store) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7, minutes=-30)))
    with store.begin() as unit:
        unit.accounts.save("main", filled_until=elsewhere)
        apply(unit, [added("a.jpg")], now=elsewhere)
        read = [unit.accounts.state("main").filled_until, unit.library.item(1).added_at]
    assert [(instant, instant and instant.tzinfo) for instant in read] == [(NOW, UTC), (NOW, UTC)]


def test_a_commit_is_on_the_disk_before_the_unit_ends(sqlite_url: str) -> None:
    with opened(sqlite_url) as store, store.begin() as unit:
        settings = [
            unit.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]


def test_opened_for_reading_only(store: Store, database_url: str) -> None:
    fill(store, ["a.jpg"])
    looking = open_store(database_url, read_only=True)
    looking.ensure_schema()
    assert list(remembered(looking)) == ["a.jpg"]
    with pytest.raises(StoreUnavailable, match="opened for reading only"), looking.begin():
        pass
    looking.close()


def test_opened_for_reading_only_after_everybody_left(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        fill(store, ["a.jpg"])
    looking = open_store(sqlite_url, read_only=True)
    assert list(remembered(looking)) == ["a.jpg"]
    looking.close()


def test_a_database_that_does_not_exist_reads_as_an_empty_one(tmp_path: Path) -> None:
    looking = open_store(f"sqlite:///{tmp_path / 'none.db'}", read_only=True)
    assert remembered(looking) == {}
    looking.close()
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_memory_is_shared_by_threads() -> None:
    store = open_store("sqlite://")
    store.ensure_schema()
    threads = [threading.Thread(target=lambda number=number: fill(store, [f"{number}.jpg"])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(remembered(store)) == 8
    store.close()


def test_a_locked_database_says_so(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    said = (
        f"Another process has been writing to the database {path} for too long. Wait for it to finish, then try again."
    )
    with (
        opened(sqlite_url) as store,
        opened(sqlite_url, patience=SOON) as other,
        store.begin(),
        pytest.raises(StoreUnavailable, match=f"^{re.escape(said)}$"),
        other.begin(),
    ):
        pass


def test_a_read_only_database_says_so(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        fill(store, ["a.jpg"])
    path = sqlite_url.removeprefix("sqlite:///")
    store = open_store(f"sqlite:///file:{path}?mode=ro&uri=true")
    with (
        pytest.raises(StoreUnavailable, match=f"The database {path} is read-only. Make the file"),
        store.begin() as unit,
    ):
        unit.accounts.save("main", paused=True)
    store.close()


def test_a_full_disk_says_so_and_keeps_what_was(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        fill(store, ["a.jpg"])
        with pytest.raises(StoreUnavailable, match="There is no room left"), store.begin() as unit:  # noqa: PT012
            unit.connection.exec_driver_sql("PRAGMA max_page_count = 1")
            unit.accounts.save("main", stopped_why="x" * 1_000_000)
        assert list(remembered(store)) == ["a.jpg"]


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("These are my notes, and there are more than a hundred bytes of them. " * 9)
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match=f"The database {path} is not a database file"):
        store.ensure_schema()
    store.close()


def test_a_folder_that_does_not_exist_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'none' / 'storyline.db'}")
    with pytest.raises(StoreUnavailable, match="cannot be opened\\. Check that its folder exists"):
        store.ensure_schema()
    store.close()


@pytest.mark.parametrize("place", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_server_that_does_not_answer_is_named_without_its_password(place: str) -> None:
    store = open_store(f"postgresql://ann:hunter2@{place}/stories?connect_timeout=2")
    with pytest.raises(StoreUnavailable, match="cannot be reached") as refused:
        store.ensure_schema()
    said = str(refused.value)
    assert said.startswith(f"The PostgreSQL database stories on {place.partition(':')[0]} ")
    assert "hunter2" not in said
    assert "hunter2" not in repr(refused.value.__cause__)
    store.close()


def test_a_connection_that_breaks_says_so_and_the_next_one_works(postgresql_url: str) -> None:
    with opened(postgresql_url) as store:
        with pytest.raises(StoreUnavailable), store.begin() as unit:  # noqa: PT012
            unit.accounts.save("main", paused=True)
            unit.connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with store.begin() as unit:
            assert not unit.accounts.save("main", filled_until=NOW).paused


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "this is not a database URL"),
        ("storyline.db", "this is not a database URL"),
        ("mysql://ann:hunter2@host/db", "Storyline does not work with mysql databases"),
    ],
)
def test_urls_that_cannot_be_used(url: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what) as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


def test_a_plain_postgresql_url_means_psycopg2(postgresql_url: str) -> None:
    assert open_store(postgresql_url.replace("postgresql+psycopg2://", "postgresql://")).schema().level
