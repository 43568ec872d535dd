"""A sync that is interrupted keeps what it has added, and the next one goes on from there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from storyline_core import (
    Busy,
    ChangeKind,
    ChangeSet,
    Gate,
    Storyline,
    SyncReport,
    SyncRequest,
    Unavailable,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.store import RunStatus
from storyline_core.testing.memory import MemoryPlugin
from tests.end_to_end.broken_off import Impatient, Order, run
from tests.end_to_end.memory_world import settings_of
from tests.end_to_end.world import START, SetClock, World, make_world, opened

FILES = 12


class Listener:
    """Hears what is told after each commit, and does something at one of them."""

    def __init__(self, at: int = -1, do: Callable[[], object] = lambda: None) -> None:
        self.heard: list[ChangeSet] = []
        self.at = at
        self.do = do

    def plugin(self) -> object:
        """What it is to the plugin manager."""

        @hookimpl
        def storyline_library_changed(source: str, changes: ChangeSet) -> None:
            self.heard.append(changes)
            if len(self.heard) == self.at:
                self.do()

        return SimpleNamespace(__name__="listener", storyline_library_changed=storyline_library_changed)


@contextmanager
def in_memory(
    database_url: str, memory: MemoryPlugin, listener: Listener | None = None, clock: SetClock | None = None
) -> Iterator[Storyline]:
    """A Storyline over the folder in memory in which every new file is committed by itself."""
    extra = [memory, *([listener.plugin()] if listener else [])]
    plugins = load_plugins(extra=extra)
    with open_storyline(settings_of(database_url), plugins=plugins, clock=clock or Impatient()) as storyline:
        memory.watch_transactions(storyline.store.in_transaction)
        yield storyline


@pytest.fixture
def memory() -> MemoryPlugin:
    """Some files in two folders, one of them twice, and what somebody wrote about one folder."""
    plugin = MemoryPlugin()
    for number in range(FILES):
        plugin.folder().write(f"{'cats' if number % 2 else 'dogs'}/{number}.jpg", b"x" * (1 + number))
    plugin.folder().write("dogs/copy.jpg", b"x")
    plugin.folder().write("cats/metadata.json", b'{"default_tags": ["cat"]}')
    return plugin


def library(storyline: Storyline) -> dict[str, tuple[str | None, tuple[str, ...], bool]]:
    """Of every living item its digest, its tags, and whether it is noted as missing."""
    with storyline.read() as unit:
        items = [unit.library.item(each.id) for each in unit.library.remembered("photos") if each.removed_at is None]
    return {item.key: (item.digest, item.description.tags, item.missing_since is not None) for item in items}


def fresh(database: str, memory: MemoryPlugin) -> dict[str, tuple[str | None, tuple[str, ...], bool]]:
    with in_memory(database, memory, clock=SetClock()) as storyline:
        storyline.sync("photos")
        return library(storyline)


def test_every_commit_is_told_and_what_is_told_is_in_the_library(database_url: str, memory: MemoryPlugin) -> None:
    listener = Listener()
    with in_memory(database_url, memory, listener) as storyline:
        report = storyline.sync("photos")
        assert len(listener.heard) == FILES + 1
        told = [change.key for changes in listener.heard for change in changes.changes]
        assert sorted(told) == sorted(library(storyline))
        assert (report.added, report.hashed, report.duplicates) == (FILES + 1, FILES + 1, 1)
        assert [line.key for line in report.changes] == sorted(told)
        with storyline.read() as unit:
            runs = unit.runs.list(step="sync")
        assert [run.status for run in runs] == [RunStatus.COMPLETED]
        assert runs[0].result is not None
        assert runs[0].result["added"] == FILES + 1
        assert not storyline.sync("photos").found_something


def test_a_sync_in_steps_ends_like_one_at_a_stroke(fresh_database: Callable[[], str], memory: MemoryPlugin) -> None:
    with in_memory(fresh_database(), memory) as storyline:
        storyline.sync("photos")
        found = library(storyline)
    assert found == fresh(fresh_database(), memory)
    assert found["cats/1.jpg"][1] == ("cat",)


def plain(report: SyncReport) -> SyncReport:
    return attrs.evolve(report, dry_run=False, duration_ms=0)


def test_a_dry_run_says_what_the_real_one_does(database_url: str, memory: MemoryPlugin) -> None:
    folder = memory.folder()
    with in_memory(database_url, memory) as storyline:
        assert plain(storyline.sync("photos", SyncRequest(dry_run=True))) == plain(storyline.sync("photos"))
        folder.rename("dogs/0.jpg", "cats/moved.jpg")
        folder.write("dogs/2.jpg", b"other")
        folder.delete("cats/1.jpg")
        for number in range(30):
            folder.write(f"new/{number}.jpg", b"y" * (100 + number // 2))
        folder.write("new/metadata.json", b'{"default_tags": ["new"]}')
        folder.write("cats/metadata.json", b'{"default_tags": ["other"]}')
        dry = storyline.sync("photos", SyncRequest(dry_run=True))
        with storyline.read() as unit:
            assert not [each for each in unit.library.remembered("photos") if each.folder == "new"]
        real = storyline.sync("photos")
        assert plain(dry) == plain(real)
        assert (real.added, real.moved, real.edited, real.removed, real.duplicates) == (30, 1, 1, 1, 15)
        assert library(storyline)["new/0.jpg"][1] == ("new",)


def test_ctrl_c_keeps_what_was_added_and_ends_the_tenure(database_url: str, memory: MemoryPlugin) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    listener = Listener(5, interrupt)
    with in_memory(database_url, memory, listener) as storyline:
        with pytest.raises(KeyboardInterrupt):
            storyline.sync("photos")
        assert len(library(storyline)) == 5
        with storyline.read() as unit:
            broken_off = unit.runs.last("sync", "photos")
            record = unit.sources.get("photos")
            assert not unit.leases.held(START)
        assert broken_off is not None
        assert (broken_off.status, broken_off.error, broken_off.result) == (
            RunStatus.FAILED,
            "It was interrupted.",
            {"added": 5},
        )
        assert (record.identity, record.filters, record.last_good_at) == (memory.folder().identity, None, None)
        report = storyline.sync("photos")
        assert (report.added, report.hashed, report.unchanged) == (FILES - 4, FILES - 4, 5)


def test_a_disk_pulled_out_halfway_keeps_what_was_added(database_url: str, memory: MemoryPlugin) -> None:
    listener = Listener(3, lambda: memory.faults.order("fingerprint", Unavailable("unplugged")))
    with in_memory(database_url, memory, listener) as storyline:
        with pytest.raises(Unavailable) as raised:
            storyline.sync("photos")
        stays = "By then it had done this, which stays: 3 added. The next sync goes on from there."
        assert raised.value.__notes__ == [stays]
        assert len(library(storyline)) == 3
        with storyline.read() as unit:
            failed = unit.runs.last("sync", "photos")
        assert failed is not None
        assert (failed.status, failed.result) == (RunStatus.FAILED, {"added": 3})
        assert storyline.sync("photos").hashed == FILES - 2


def test_another_disk_in_its_place_is_noticed_by_the_next_run(database_url: str, memory: MemoryPlugin) -> None:
    listener = Listener(3, lambda: memory.faults.order("fingerprint", Unavailable("unplugged")))
    with in_memory(database_url, memory, listener) as storyline:
        with pytest.raises(Unavailable):
            storyline.sync("photos")
        memory.folder().identity = "another disk"
        report = storyline.sync("photos")
        assert [held.gate for held in report.held] == [Gate.IDENTITY]
        assert len(library(storyline)) == 3


def test_who_lost_the_right_to_sync_commits_nothing_more(database_url: str, memory: MemoryPlugin) -> None:
    listener = Listener(4)
    with in_memory(database_url, memory, listener) as storyline:

        def steal() -> None:
            late = START + timedelta(days=1)
            with storyline.store.begin() as unit:
                unit.leases.take("sync/photos", "thief", until=late + timedelta(hours=1), now=late)

        listener.do = steal
        with pytest.raises(Busy):
            storyline.sync("photos")
        assert len(library(storyline)) == 4


def test_a_document_that_is_gone_before_the_next_run_describes_nothing_any_more(
    fresh_database: Callable[[], str], memory: MemoryPlugin
) -> None:
    """The items it described were added; it itself was not yet known."""
    listener = Listener(FILES, lambda: memory.faults.order("fingerprint", Unavailable("unplugged")))
    with in_memory(fresh_database(), memory, listener) as storyline:
        with pytest.raises(Unavailable):
            storyline.sync("photos")
        assert library(storyline)["cats/1.jpg"][1] == ("cat",)
        memory.folder().delete("cats/metadata.json")
        storyline.sync("photos")
        found = library(storyline)
    assert found["cats/1.jpg"][1] == ()
    assert found == fresh(fresh_database(), memory)


@pytest.mark.parametrize("then", ["cat", "new", "newer"])
def test_a_document_that_changed_before_a_run_broke_off_is_news_to_the_next_one(
    database_url: str, memory: MemoryPlugin, then: str
) -> None:
    with in_memory(database_url, memory, clock=SetClock()) as storyline:
        storyline.sync("photos")
    folder = memory.folder()
    folder.write("cats/metadata.json", b'{"default_tags": ["new"]}')
    for number in range(4):
        folder.write(f"cats/more {number}.jpg", b"y" * (1_000 + number))
    listener = Listener(2, lambda: memory.faults.order("fingerprint", Unavailable("unplugged")))
    with in_memory(database_url, memory, listener) as storyline:
        with pytest.raises(Unavailable):
            storyline.sync("photos")
        assert [library(storyline)[key][1] for key in ("cats/more 0.jpg", "cats/1.jpg")] == [("new",), ("cat",)]
        if then != "new":
            folder.write("cats/metadata.json", b'{"default_tags": ["%s"]}' % then.encode())
        storyline.sync("photos")
        assert {tags for key, (_, tags, _) in library(storyline).items() if key.startswith("cats/")} == {(then,)}


def test_new_files_are_committed_by_the_thousand(database_url: str) -> None:
    memory, listener = MemoryPlugin(), Listener()
    for number in range(2_003):
        memory.folder().write(f"{number:04}.jpg", b"%04d" % (number % 2_002))
    with in_memory(database_url, memory, listener, SetClock()) as storyline:
        dry = storyline.sync("photos", SyncRequest(dry_run=True))
        real = storyline.sync("photos")
        assert plain(dry) == plain(real)
        assert (real.added, real.duplicates) == (2_003, 1)
        assert [len(changes.changes) for changes in listener.heard] == [2_000, 3]


MANY = 5_200


def test_very_many_changes_are_written_in_portions(database_url: str) -> None:
    memory, listener = MemoryPlugin(), Listener()
    folder = memory.folder()
    for number in range(MANY):
        folder.write(f"old/{number}.jpg", b"%09d" % number)
    with in_memory(database_url, memory, listener, SetClock()) as storyline:
        assert storyline.sync("photos").added == MANY
        del listener.heard[:]
        for number in range(MANY):
            folder.delete(f"old/{number}.jpg")
        for number in range(5):
            folder.write(f"new/{number}.jpg", b"%09d" % number)
        report = storyline.sync("photos", SyncRequest(accept_removals=True))
        assert (report.moved, report.removed, report.held) == (5, MANY - 5, ())
        assert [changes.counters[ChangeKind.REMOVED] for changes in listener.heard] == [0, 5_000, MANY - 5_005]
        assert sorted(library(storyline)) == [f"new/{number}.jpg" for number in range(5)]
        with storyline.read() as unit:
            record, runs = unit.sources.get("photos"), unit.runs.list(step="sync")
        assert record.last_full_at == record.last_good_at == START
        assert len(runs) == 2


def test_nothing_more_is_removed_once_the_source_has_become_another(database_url: str) -> None:
    memory = MemoryPlugin()
    folder = memory.folder()
    for number in range(MANY):
        folder.write(f"old/{number}.jpg", b"%09d" % number)

    def swap() -> None:
        folder.identity = "another disk"

    with in_memory(database_url, memory, clock=SetClock()) as storyline:
        storyline.sync("photos")
        with storyline.read() as unit:
            before = unit.sources.get("photos")
    for number in range(MANY):
        folder.delete(f"old/{number}.jpg")
    folder.write("new/0.jpg", b"%09d" % 0)
    clock = SetClock(START + timedelta(hours=1))
    with in_memory(database_url, memory, Listener(2, swap), clock) as storyline:
        report = storyline.sync("photos", SyncRequest(accept_removals=True))
        assert (report.moved, report.removed, report.missing) == (1, 5_000, MANY - 5_001)
        assert [(held.gate, held.count) for held in report.held] == [(Gate.IDENTITY, MANY - 5_001)]
        assert len(report.changes) == 5_001
        kept = library(storyline)
        assert sum(missing for _, _, missing in kept.values()) == MANY - 5_001
        assert len(kept) == MANY - 5_000
        with storyline.read() as unit:
            record, last = unit.sources.get("photos"), unit.runs.last("sync", "photos")
        assert attrs.evolve(record, last_tried_at=START, last_run_id=before.last_run_id) == before
        assert last is not None
        assert last.result is not None
        assert (last.status, last.result["removed"]) == (RunStatus.COMPLETED, 5_000)
        folder.identity = before.identity
        assert storyline.sync("photos", SyncRequest(accept_removals=True)).removed == MANY - 5_001


def test_a_source_that_is_gone_between_two_portions_leaves_a_record_of_what_was_done(database_url: str) -> None:
    memory = MemoryPlugin()
    folder = memory.folder()
    for number in range(MANY):
        folder.write(f"old/{number}.jpg", b"%09d" % number)
    with in_memory(database_url, memory, clock=SetClock()) as storyline:
        storyline.sync("photos")
        for number in range(MANY):
            folder.delete(f"old/{number}.jpg")
        folder.write("new/0.jpg", b"%09d" % 0)
    with in_memory(database_url, memory, Listener(2, folder.break_down), SetClock()) as storyline:
        with pytest.raises(Unavailable):
            storyline.sync("photos", SyncRequest(accept_removals=True))
        with storyline.read() as unit:
            failed = unit.runs.last("sync", "photos")
        assert failed is not None
        assert (failed.status, failed.result) == (RunStatus.FAILED, {"moved": 1, "removed": 5_000})
        folder.mend()
        assert storyline.sync("photos", SyncRequest(accept_removals=True)).removed == MANY - 5_001


def _disturbed(root: Path, database_url: str) -> World:
    """A folder that was synced, and to which much has happened since."""
    world = make_world(root, database_url, pictures=6)
    for path in world.folder.rglob("*.jpg"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    with opened(world, SetClock()) as storyline:
        storyline.sync("photos")
    folder = world.folder
    (folder / "dogs/000.jpg").rename(folder / "cats/moved.jpg")
    (folder / "dogs/002.jpg").write_bytes(b"edited")
    (folder / "cats/001.jpg").unlink()
    for number in range(4):
        (folder / f"new {number}.jpg").write_bytes(b"y" * (10_000 + number))
    (folder / "metadata.json").write_text('{"default_tags": ["new"]}')
    for path in folder.rglob("*.*"):
        os.utime(path, (1_700_000_100, 1_700_000_100))
    return world


def _state(world: World) -> dict[str, tuple[object, ...]]:
    with opened(world, SetClock()) as storyline, storyline.read() as unit:
        items = {each.id: unit.library.item(each.id) for each in unit.library.remembered("photos")}
    return {
        f"{item.key} {item.removed_at is not None}": (item.digest, item.description.tags, min(number, 7))
        for number, item in items.items()
    }


def test_killed_at_any_commit_the_next_run_goes_on_from_there(
    tmp_path: Path, fresh_database: Callable[[], str]
) -> None:
    whole, report = _disturbed(tmp_path / "whole", fresh_database()), tmp_path / "report.json"
    assert run(Order(whole, START), report) == 0
    wanted, moments = _state(whole), json.loads(report.read_text())
    commits = [number for number, moment in enumerate(moments) if moment == "before commit"]
    commits = [number for number in commits if number > moments.index("opened")]
    assert len(commits) > 4
    kept = []
    for number in commits:
        world = _disturbed(tmp_path / f"{number:03}", fresh_database())
        before = len(_state(world))
        assert run(Order(world, START, dies_at=number), report) == -signal.SIGKILL
        state = _state(world)
        added = len([key for key in state if key.startswith("new")])
        assert state == wanted or len(state) == before + added
        later = SetClock(START + timedelta(hours=1))
        with opened(world, later) as storyline:
            done = storyline.sync("photos")
        assert (done.added, done.hashed) == ((0, 0) if state == wanted else (4 - added, 9 - added))
        assert _state(world) == wanted
        kept.append(added)
    assert set(kept) >= {0, 1, 2, 3, 4}
    assert kept == sorted(kept)
