"""Looks at a part: whatever order hints come in, every item stays itself, and the library ends as the folder is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core import (
    Hint,
    MediaItem,
    Refused,
    RememberedFile,
    Settings,
    SourceEntry,
    SourceKind,
    Storyline,
    SyncReport,
    SyncRequest,
    Unavailable,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import picture
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_core.testing.memory_folder import MemoryFolder
from tests.databases import Databases
from tests.end_to_end.world import SetClock

PATHS = tuple(f"{folder}/{number}.jpg" for folder in ("a", "a/s", "b", "c") for number in range(3))
SETTLED = timedelta(seconds=3)


class Deaf(MemoryPlugin):
    """The same plugin, whose kinds do not say that they watch."""

    @hookimpl
    def storyline_media_source_providers(self) -> Sequence[SourceKind]:
        offered = super().storyline_media_source_providers()
        return [attrs.evolve(kind, traits=attrs.evolve(kind.traits, watches=False)) for kind in offered]


class Watched:
    """A folder in memory, its library, and the hints that are still on their way."""

    def __init__(self, url: str, kind: str = "memory") -> None:
        self.plugin = MemoryPlugin()
        self.folder: MemoryFolder = self.plugin.folder()
        self.clock = SetClock()
        self.settings = Settings(database_url=url, sources=[SourceEntry("photos", kind, Place())])
        self.storyline: Storyline

    @contextmanager
    def opened(self) -> Iterator[Watched]:
        plugins = load_plugins(extra=[self.plugin], entry_points=False)
        with open_storyline(self.settings, plugins=plugins, clock=self.clock) as self.storyline:
            self.plugin.watch_transactions(self.storyline.store.in_transaction)
            yield self

    def write(self, *paths: str) -> None:
        for path in paths:
            self.folder.write(path, f"bytes of {path}".encode())

    def full(self, **asked: object) -> SyncReport:
        self.clock.forward(timedelta(minutes=1))
        return self.storyline.sync("photos", SyncRequest(**asked))  # type: ignore[arg-type]

    def hint(self, *keys: str, folders: tuple[str, ...] = (), **asked: object) -> SyncReport:
        return self.storyline.sync("photos", SyncRequest(hint=Hint.of(keys, folders), **asked))  # type: ignore[arg-type]

    def settle(self, *keys: str) -> SyncReport:
        self.clock.forward(SETTLED)
        return self.hint(*keys)

    def remembered(self) -> list[RememberedFile]:
        with self.storyline.read() as unit:
            return unit.library.remembered("photos")

    def ids(self) -> dict[str, int]:
        return {file.key: file.id for file in self.remembered() if file.removed_at is None}

    def items(self) -> list[MediaItem]:
        with self.storyline.read() as unit:
            return unit.library.items(source="photos")

    def events(self, item: int) -> list[str]:
        with self.storyline.read() as unit:
            return [event.kind for event in unit.library.events(item)]


@pytest.fixture
def watched(database_url: str) -> Iterator[Watched]:
    with Watched(database_url).opened() as watched:
        yield watched


@pytest.fixture
def by_id(database_url: str) -> Iterator[Watched]:
    with Watched(database_url, "memory-ids").opened() as watched:
        yield watched


def kinds(report: SyncReport) -> list[str]:
    return [str(line.kind) for line in report.changes]


def test_one_new_file_is_added_without_a_look_at_the_rest(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    watched.write("a/3.jpg", "a/4.jpg")
    watched.plugin.faults.calls.clear()
    report = watched.hint("a/3.jpg")
    assert (report.added, report.hashed, report.unchanged) == (1, 1, 0)
    assert "list_media" not in watched.plugin.faults.calls
    assert set(watched.ids()) == {"a/1.jpg", "a/2.jpg", "a/3.jpg"}


def test_a_move_of_which_only_the_target_is_heard_is_a_move(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.rename("a/1.jpg", "b/1.jpg")
    assert kinds(watched.hint("b/1.jpg")) == ["moved"]
    assert kinds(watched.hint("a/1.jpg")) == []
    assert watched.ids() == {"b/1.jpg": before["a/1.jpg"], "a/2.jpg": before["a/2.jpg"]}
    assert not watched.full().found_something


def test_a_move_of_which_the_origin_is_heard_first_is_a_move(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.rename("a/1.jpg", "b/1.jpg")
    first = watched.hint("a/1.jpg")
    assert (first.removed, first.missing, first.deferred_keys) == (0, 1, ("a/1.jpg",))
    assert first.look_again_at == watched.clock.at + timedelta(seconds=2)
    assert kinds(watched.hint("b/1.jpg")) == ["moved"]
    assert watched.ids()["b/1.jpg"] == before["a/1.jpg"]
    assert watched.events(before["a/1.jpg"])[1:] == ["moved"]


def test_a_copy_is_an_addition_at_once_and_its_original_is_left_alone(watched: Watched) -> None:
    watched.write("a/1.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.write("b/1.jpg", b"bytes of a/1.jpg")
    report = watched.hint("b/1.jpg")
    assert (report.added, report.moved, report.duplicates) == (1, 0, 1)
    assert watched.ids()["a/1.jpg"] == before["a/1.jpg"]


def test_a_copy_of_what_cannot_be_seen_waits(watched: Watched) -> None:
    watched.write("a/1.jpg")
    watched.full()
    watched.folder.make_unreadable("a")
    watched.folder.write("b/1.jpg", b"bytes of a/1.jpg")
    assert watched.hint("b/1.jpg").added == 0
    watched.folder.mend()
    assert watched.hint("b/1.jpg").added == 1


@pytest.mark.parametrize("heard", [("a/1.jpg",), ("b/1.jpg",)])
def test_a_swap_of_which_one_side_is_heard_is_a_swap(watched: Watched, heard: tuple[str]) -> None:
    watched.write("a/1.jpg", "b/1.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.rename("a/1.jpg", "c/x.jpg")
    watched.folder.rename("b/1.jpg", "a/1.jpg")
    watched.folder.rename("c/x.jpg", "b/1.jpg")
    assert kinds(watched.hint(*heard)) == ["moved", "moved"]
    assert watched.ids() == {"a/1.jpg": before["b/1.jpg"], "b/1.jpg": before["a/1.jpg"]}


def test_a_chain_that_overwrites_is_followed_in_every_order(watched: Watched) -> None:
    for number, order in enumerate((("2", "1", "0"), ("0", "1", "2"), ("1", "2", "0"))):
        top = f"t{number}"
        watched.write(*(f"{top}/{name}.jpg" for name in "012"))
        watched.full()
        before = watched.ids()
        # 1 goes to 2 (over it), 0 goes to 1: what was 2 is gone.
        watched.folder.rename(f"{top}/1.jpg", f"{top}/2.jpg")
        watched.folder.rename(f"{top}/0.jpg", f"{top}/1.jpg")
        for name in order:
            watched.hint(f"{top}/{name}.jpg")
        watched.settle(*(f"{top}/{name}.jpg" for name in order))
        after = watched.ids()
        assert after[f"{top}/2.jpg"] == before[f"{top}/1.jpg"]
        assert after[f"{top}/1.jpg"] == before[f"{top}/0.jpg"]
        assert f"{top}/0.jpg" not in after
        assert not watched.full().found_something


@pytest.mark.parametrize("order", [("b/1.jpg", "c/1.jpg"), ("c/1.jpg", "b/1.jpg")])
def test_a_new_file_under_an_old_name_takes_nobodys_place(watched: Watched, order: tuple[str, str]) -> None:
    watched.write("b/1.jpg", "b/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.rename("b/1.jpg", "c/1.jpg")
    watched.folder.write("b/1.jpg", b"quite another picture")
    for place in order:
        watched.hint(place)
    watched.settle(*order)
    after = watched.ids()
    assert (set(after), after["c/1.jpg"]) == ({"b/1.jpg", "b/2.jpg", "c/1.jpg"}, before["b/1.jpg"])
    assert watched.events(before["b/1.jpg"])[1:] == ["moved"]
    assert not watched.full().found_something


def test_a_file_that_is_saved_by_replacing_it_is_edited_by_the_second_look(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.write("a/new.jpg", b"the same picture, brighter")
    watched.folder.rename("a/new.jpg", "a/1.jpg")
    first = watched.hint("a/1.jpg")
    assert (kinds(first), first.missing, first.held, first.deferred_keys) == ([], 1, (), ("a/1.jpg",))
    assert first.look_again_at == watched.clock.at + timedelta(seconds=2)
    again = watched.settle(*first.deferred_keys)
    assert (kinds(again), again.deferred_keys, again.look_again_at) == (["edited"], (), None)
    assert watched.ids() == before
    assert {item.missing_since for item in watched.items()} == {None}
    assert not watched.full().found_something


def test_a_file_that_is_saved_over_is_edited_at_once(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.write("a/1.jpg", b"the same picture, brighter")
    report = watched.hint("a/1.jpg")
    assert (kinds(report), report.deferred_keys) == (["edited"], ())
    assert watched.ids() == before


def test_a_whole_look_decides_at_once_what_a_part_leaves_open(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    before = watched.ids()
    watched.folder.write("a/new.jpg", b"the same picture, brighter")
    watched.folder.rename("a/new.jpg", "a/1.jpg")
    watched.hint("a/1.jpg")
    assert kinds(watched.full()) == ["edited"]
    assert watched.ids() == before


def test_what_is_deleted_is_missing_at_once_and_removed_when_nothing_else_was_heard(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    watched.folder.delete("a/1.jpg")
    assert watched.hint("a/1.jpg").removed == 0
    assert [item.missing_since is not None for item in watched.items()] == [True, False]
    assert watched.hint("a/1.jpg").removed == 0
    again = watched.settle("a/1.jpg")
    assert (again.removed, again.deferred_keys, again.look_again_at) == (1, (), None)


def test_a_full_look_removes_without_waiting(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    watched.folder.delete("a/1.jpg")
    assert watched.full().removed == 1


def test_a_folder_that_is_gone_takes_all_below_it_along(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/s/1.jpg", "ab/1.jpg", "b/1.jpg")
    watched.full()
    watched.folder.delete("a/1.jpg")
    watched.folder.delete("a/s/1.jpg")
    watched.hint(folders=("a",))
    watched.clock.forward(SETTLED)
    report = watched.hint(folders=("a",))
    assert report.removed == 2
    assert set(watched.ids()) == {"ab/1.jpg", "b/1.jpg"}


def test_the_gates_know_the_whole_source(watched: Watched) -> None:
    watched.write(*(f"a/{number}.jpg" for number in range(12)), *(f"b/{number}.jpg" for number in range(60)))
    watched.full()
    for number in range(12):
        watched.folder.delete(f"a/{number}.jpg")
    watched.hint(folders=("a",))
    watched.clock.forward(SETTLED)
    report = watched.hint(folders=("a",))
    assert [str(held.gate) for held in report.held] == ["folder"]
    assert report.removed == 0


def test_a_part_under_other_filters_is_not_believed(watched: Watched) -> None:
    watched.write("a/1.jpg")
    watched.full()
    with watched.storyline.store.begin() as unit:
        record = unit.sources.get("photos")
        assert record.filters is not None
        unit.sources.save(attrs.evolve(record, filters="other rules"))
    watched.write("a/2.jpg", "a/3.jpg")
    watched.plugin.faults.calls.clear()
    assert watched.hint("a/2.jpg").added == 2
    assert "list_media" in watched.plugin.faults.calls


def test_a_hint_at_everything_is_a_full_look(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    report = watched.storyline.sync("photos", SyncRequest(hint=Hint.all("the watch was lost")))
    assert report.added == 2


def test_a_hint_to_a_source_that_does_not_watch_is_an_ordinary_look(database_url: str) -> None:
    watched = Watched(database_url)
    watched.plugin = Deaf()
    watched.folder = watched.plugin.folder()
    with watched.opened():
        watched.write("a/1.jpg", "a/2.jpg")
        assert watched.hint("a/1.jpg").added == 2


# Anything at all, heard in any order


numbers = st.integers(0, len(PATHS) - 1)
doings = st.one_of(
    st.tuples(st.sampled_from(["move", "swap"]), numbers, numbers),
    st.tuples(st.sampled_from(["delete", "write", "copy", "edit"]), numbers, numbers),
)


def do(folder: MemoryFolder, what: str, one: int, other: int, serial: int) -> set[str]:
    """One thing that people do; gives the paths at which something happened."""
    was, now = PATHS[one], PATHS[other]
    if what == "write" and was not in folder.files:
        folder.write(was, b"new bytes %d" % serial)
        return {was}
    if was not in folder.files:
        return set()
    if what == "delete":
        folder.delete(was)
        return {was}
    if what == "edit":
        folder.write(was, b"other bytes %d" % serial)
        return {was}
    if was == now:
        return set()
    if what == "copy" and now not in folder.files:
        folder.write(now, folder.files[was].content)
        return {now}
    if what == "move":
        folder.rename(was, now)
        return {was, now}
    if what == "swap" and now in folder.files:
        folder.rename(was, "swap/tmp.jpg")
        folder.rename(now, was)
        folder.rename("swap/tmp.jpg", now)
        return {was, now}
    return set()


def play(watched: Watched, done: list[tuple[str, int, int]], heard: st.DataObject) -> None:
    """Do these things, and let them be heard of one place after the other, some of them twice."""
    places: set[str] = set()
    for serial, (what, one, other) in enumerate(done):
        places |= do(watched.folder, what, one, other, serial)
    order = heard.draw(st.permutations(sorted(places)))
    again = heard.draw(st.lists(st.sampled_from(order), max_size=2)) if order else []
    sizes = heard.draw(st.lists(st.integers(1, 3), min_size=len(order) + 2, max_size=len(order) + 2))
    queue = [*order, *again]
    while queue:
        some = queue[: sizes.pop()]
        del queue[: len(some)]
        watched.hint(*some)
        watched.clock.forward(timedelta(milliseconds=100))
    if places:
        watched.settle(*places)
        watched.settle(*places)


def contents(watched: Watched) -> dict[str, bytes]:
    return {path: file.content for path, file in watched.folder.files.items()}


def check_level(watched: Watched) -> None:
    """The library is as the folder is, and a look at everything has nothing to add."""
    living = {file.key: file.digest for file in watched.remembered() if file.removed_at is None}
    assert living == {path: hashlib.sha256(held).hexdigest() for path, held in contents(watched).items()}
    report = watched.full()
    assert not report.found_something, report


Doings = list[tuple[str, int, int]]
WITHOUT_COPIES = st.tuples(st.sampled_from(["move", "swap", "delete", "write"]), numbers, numbers)


@given(data=st.data(), first=st.sets(numbers, min_size=2), done=st.lists(WITHOUT_COPIES, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_item_stays_itself_in_whatever_order_its_moves_are_heard(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, first: set[int], done: Doings
) -> None:
    with Watched(databases.copy_sqlite(tmp_path_factory.mktemp("parts") / "a.db")).opened() as watched:
        watched.write(*(PATHS[number] for number in first))
        watched.full()
        before = {contents(watched)[key]: item for key, item in watched.ids().items()}
        play(watched, done, data)
        after = {contents(watched)[key]: item for key, item in watched.ids().items() if key in contents(watched)}
        assert {held: item for held, item in after.items() if held in before}.items() <= before.items()
        assert set(after) == set(contents(watched).values())
        check_level(watched)


@given(data=st.data(), first=st.sets(numbers), done=st.lists(doings, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_hints_in_any_order_lead_to_what_is_there(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, first: set[int], done: Doings
) -> None:
    with Watched(databases.copy_sqlite(tmp_path_factory.mktemp("parts") / "a.db")).opened() as watched:
        watched.write(*(PATHS[number] for number in first))
        watched.full()
        play(watched, done, data)
        check_level(watched)


# Cursors


def test_a_hint_neither_uses_nor_loses_the_cursor(by_id: Watched) -> None:
    by_id.write("a/1.jpg")
    by_id.full()
    before = cursor_of(by_id)
    assert before is not None
    by_id.write("a/2.jpg", "a/3.jpg")
    number = by_id.folder.files["a/2.jpg"].number
    assert by_id.hint(str(number)).added == 1
    assert cursor_of(by_id) == before
    assert by_id.full().added == 1
    assert cursor_of(by_id) != before


def test_a_cursor_that_the_source_refuses_leads_to_everything(by_id: Watched) -> None:
    by_id.write("a/1.jpg")
    by_id.full()
    by_id.write("a/2.jpg")
    by_id.plugin.faults.order("list_media", Refused("That token has expired."))
    by_id.plugin.faults.calls.clear()
    assert by_id.full().added == 1
    assert by_id.plugin.faults.calls.count("list_media") == 2


def test_a_source_that_refuses_everything_is_refused(by_id: Watched) -> None:
    by_id.plugin.faults.order("list_media", Refused("Nobody may look."), times=2)
    with pytest.raises(Refused, match="Nobody may look"):
        by_id.full()


@pytest.mark.parametrize("cursor", ["lost", "99999", None])
def test_a_cursor_that_is_lost_leads_to_everything(by_id: Watched, cursor: str | None) -> None:
    by_id.write("a/1.jpg", "a/2.jpg")
    by_id.full()
    set_cursor(by_id, cursor)
    by_id.folder.delete("a/1.jpg")
    by_id.write("a/3.jpg")
    report = by_id.full()
    assert (report.added, report.removed) == (1, 1)


def test_changes_that_are_told_twice_change_nothing(by_id: Watched) -> None:
    by_id.write("a/1.jpg", "a/2.jpg", "a/3.jpg")
    by_id.full()
    before = cursor_of(by_id)
    by_id.folder.rename("a/1.jpg", "b/1.jpg")
    by_id.folder.delete("a/2.jpg")
    by_id.write("a/4.jpg", "a/3.jpg")
    assert by_id.full().found_something
    was = by_id.remembered()
    set_cursor(by_id, before)
    assert not by_id.full().found_something
    assert by_id.remembered() == was


def test_a_cursor_stays_until_what_waited_was_read(by_id: Watched) -> None:
    by_id.write("a/1.jpg")
    by_id.full()
    before = cursor_of(by_id)
    by_id.write("a/2.jpg")
    by_id.plugin.faults.order("fingerprint", Unavailable("not just now"))
    with pytest.raises(Unavailable):
        by_id.full()
    assert cursor_of(by_id) == before
    by_id.folder.make_unreadable("a")
    by_id.full()
    assert cursor_of(by_id) == before
    by_id.folder.mend()
    assert by_id.full().added == 1


def test_a_cursor_stays_while_removals_are_held_so_that_they_can_be_accepted(by_id: Watched) -> None:
    by_id.write(*(f"a/{number}.jpg" for number in range(12)), "b/1.jpg")
    by_id.full()
    for number in range(12):
        by_id.folder.delete(f"a/{number}.jpg")
    held = by_id.full()
    assert held.held
    again = by_id.full(accept_removals=True, accepted_plan=held.plan)
    assert (again.removed, again.held) == (12, ())


def test_an_id_whose_bytes_came_back_under_another_is_moved(by_id: Watched) -> None:
    by_id.write("a/1.jpg", "a/2.jpg")
    by_id.full()
    old = by_id.folder.files["a/1.jpg"].number
    item = by_id.ids()[str(old)]
    by_id.folder.delete("a/1.jpg")
    by_id.folder.write("b/1.jpg", b"bytes of a/1.jpg")
    new = by_id.folder.files["b/1.jpg"].number
    assert kinds(by_id.hint(str(new))) == ["moved"]
    assert by_id.ids()[str(new)] == item


def cursor_of(watched: Watched) -> str | None:
    with watched.storyline.read() as unit:
        return unit.sources.get("photos").cursor


def set_cursor(watched: Watched, cursor: str | None) -> None:
    with watched.storyline.store.begin() as unit:
        unit.sources.save(attrs.evolve(unit.sources.get("photos"), cursor=cursor))


# The daily pass


def test_the_daily_pass_finds_an_edit_that_kept_size_and_times(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    watched.full()
    hide_an_edit(watched.folder, "a/1.jpg")
    assert not watched.full().found_something
    report = watched.full(check_day=20_000)
    assert (kinds(report), report.hashed, report.unchanged) == (["edited"], 2, 1)
    again = watched.full(check_day=20_001)
    assert (again.found_something, again.hashed, again.touched) == (False, 2, 0)


def test_the_daily_pass_lists_everything_whatever_the_cursor(by_id: Watched) -> None:
    by_id.write("a/1.jpg", "a/2.jpg")
    by_id.full()
    hide_an_edit(by_id.folder, "a/2.jpg")
    assert kinds(by_id.full(check_day=1)) == ["edited"]
    with by_id.storyline.read() as unit:
        record = unit.sources.get("photos")
    assert record.last_checked_at == record.last_full_at == by_id.clock.at


def test_every_file_of_a_large_library_has_its_day(watched: Watched) -> None:
    watched.write(*(f"a/{number}.jpg" for number in range(1_200)))
    watched.full()
    hashed = [watched.full(check_day=day).hashed for day in range(3)]
    assert sum(hashed) == 1_200
    assert max(hashed) < 500


def hide_an_edit(folder: MemoryFolder, path: str) -> None:
    file = folder.files[path]
    folder.files[path] = attrs.evolve(file, content=file.content[::-1])


# What waits, and what is broken


def test_young_files_are_named_with_the_moment_at_which_the_first_is_old_enough(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg", "a/3.jpg")
    now = watched.clock.at
    for path, age in (("a/1.jpg", 0.5), ("a/2.jpg", 1.25), ("a/3.jpg", 9)):
        file = watched.folder.files[path]
        written = int(now.timestamp()) * 10**9 - int(age * 1e9)
        watched.folder.files[path] = attrs.evolve(file, mtime_ns=written)
    report = watched.hint("a/1.jpg", "a/2.jpg", "a/3.jpg", still_for=timedelta(seconds=2))
    assert (report.added, report.deferred) == (1, 2)
    assert report.deferred_keys == ("a/1.jpg", "a/2.jpg")
    assert report.look_again_at == now + timedelta(seconds=0.75)


def test_broken_are_those_that_are_broken_whenever_they_were_found(watched: Watched) -> None:
    watched.write("a/1.jpg", "a/2.jpg")
    assert watched.full(dry_run=True).broken == 2
    assert watched.full().broken == 2
    assert watched.full().broken == 2
    watched.folder.write("a/1.jpg", picture())
    assert watched.full(dry_run=True).broken == 1
    assert watched.hint("a/1.jpg").broken == 1
    watched.folder.delete("a/2.jpg")
    assert watched.full().broken == 0
