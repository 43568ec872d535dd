"""The file of an embedded database removed or replaced under an open store: nothing is written into nowhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from storyline_core.errors import StoreUnavailable
from storyline_core.health import Status
from storyline_core.plugins import Plugins, load_plugins
from storyline_core.settings import Settings
from storyline_core.steps.checkup import check_database, look_at_all
from storyline_core.store import Store, open_store
from tests.core.store_samples import NOW, fill, opened, remembered

SAID = "was removed or replaced while Storyline works; what is written now would be lost"


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    with opened(sqlite_url) as store:
        fill(store, ["a.jpg"])
        yield store


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins()


def remove(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def refused(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match=f"{SAID}.*restore a backup.*start Storyline again\\.$"), store.begin():
        pass


def test_nothing_is_written_once_the_file_is_gone(store: Store, file: Path) -> None:
    assert not store.lost()
    remove(file)
    assert store.lost()
    refused(store)
    assert list(remembered(store)) == ["a.jpg"], "what it held can still be looked at"
    assert not file.exists()


def test_nothing_is_written_into_another_file_that_came_in_its_place(store: Store, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    shutil.copyfile(file, other)
    before = other.read_bytes()
    os.replace(other, file)
    refused(store)
    assert file.read_bytes() == before


def test_a_later_connection_neither_makes_nor_opens_another_file(store: Store, file: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as others, store.read():
        remove(file)
        with pytest.raises(StoreUnavailable, match=SAID):
            others.submit(remembered, store).result()
        assert not file.exists()
        with opened(f"sqlite:///{tmp_path / 'other.db'}") as other:
            fill(other, ["b.jpg"])
        os.replace(tmp_path / "other.db", file)
        with pytest.raises(StoreUnavailable, match=SAID):
            others.submit(remembered, store).result()


def test_put_back_it_is_as_before(store: Store, file: Path) -> None:
    file.rename(file.with_name("moved"))
    refused(store)
    file.with_name("moved").rename(file)
    fill(store, ["b.jpg"])
    assert not store.lost()


def test_a_file_is_made_on_first_use_and_one_that_came_before_that_is_the_one(sqlite_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with closing(open_store(url)) as store:
        assert not store.lost()
        with opened(url) as first:
            fill(first, ["a.jpg"])
        remove(tmp_path / "new.db")
        shutil.copyfile(sqlite_url.removeprefix("sqlite:///"), tmp_path / "new.db")
        fill(store, ["b.jpg"])
        assert not store.lost()


def test_a_relative_path_stays_what_it_was_when_the_folder_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_store("sqlite:///here.db")) as store:
        store.ensure_schema()
        monkeypatch.chdir("/")
        fill(store, ["a.jpg"])
        assert not store.lost()


def test_what_cannot_be_lost_is_not(database_url: str) -> None:
    with closing(open_store("sqlite://")) as memory, opened(database_url) as either:
        memory.ensure_schema()
        fill(memory, ["a.jpg"])
        fill(either, ["a.jpg"])
        assert [memory.lost(), either.lost()] == [False, False]


def test_what_cannot_be_looked_at_just_now_is_not_lost(file: Path, tmp_path: Path) -> None:
    way = tmp_path / "way"
    way.symlink_to(file.parent)
    with opened(f"sqlite:///{way / file.name}") as store:
        way.unlink()
        way.symlink_to(way)
        with pytest.raises(OSError, match="symbolic links"):
            way.stat()
        fill(store, ["a.jpg"])
        assert not store.lost()
        way.unlink()
        assert store.lost()


def test_check_says_so_and_what_to_do(store: Store, file: Path, plugins: Plugins) -> None:
    [row, level] = check_database(store)
    assert (row.status, row.message, level.status) == (Status.HEALTHY, store.place, Status.HEALTHY)
    remove(file)
    health = look_at_all(store, Settings(f"sqlite:///{file}"), plugins, (), lambda: NOW + timedelta(days=1))
    [row] = health.checks
    assert (row.name, row.status, row.message) == ("database", Status.UNHEALTHY, f"{store.place} {SAID}")
    assert row.remedy.startswith("Stop Storyline, put the file back or restore a backup")


def test_an_empty_file_where_there_may_have_been_another_is_not_simply_healthy(file: Path, sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        assert check_database(store)[0].status is Status.DEGRADED
        assert "holds nothing yet" in check_database(store)[0].message
        fill(store, ["a.jpg"])
        assert check_database(store)[0].status is Status.HEALTHY
