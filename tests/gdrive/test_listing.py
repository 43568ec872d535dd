"""How many questions a listing takes, what it does when it is broken off, and what it makes of odd trees."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core import ListingMode, NeedsPerson, Unavailable
from storyline_gdrive.keeping import read_tree, spell_tree
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive
from tests.gdrive.test_following import Library


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.mine(server, tmp_path)


def paths(team: TeamDrive) -> dict[str, str]:
    with team.open() as source:
        return {f"{each.folder}/{each.name}": each.key for each in source.list_media(None).files}


def asked_of(team: TeamDrive, operation: str = "*") -> int:
    """How many questions Drive was asked; those for tokens are another service's."""
    return team.server.count(operation) - (team.server.count("oauth.token") if operation == "*" else 0)


def test_a_large_drive_takes_few_questions_and_nothing_changed_takes_one(team: TeamDrive) -> None:
    team.server.world.crowd(team.root)
    with team.open() as source:
        listing = source.list_media(None)
    assert len(listing.files) == 50_000
    assert asked_of(team) <= 50_000 / 1000 + 2_000 / 50 + 10
    team.server.forget_calls()
    with team.open() as source:
        again = source.list_media(listing.cursor)
        assert (again.mode, again.files, again.gone) == (ListingMode.CHANGES, (), ())
    assert asked_of(team) == 1


def test_memory_is_that_of_what_is_listed(team: TeamDrive) -> None:
    """No more than some lines of text for each file, at the worst moment, with the server's own log beside it."""
    peaks = []
    for files in (1_000, 3_000):
        team.server.world.crowd(team.root, folders=100, files=files)
        with team.open() as source:
            tracemalloc.start()
            source.list_media(None)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 3_000 * 4_000


@pytest.mark.parametrize("answered", [1, 2, 6, 9])
def test_a_listing_that_broke_off_goes_on_where_it_was(team: TeamDrive, answered: int) -> None:
    team.server.world.crowd(team.root, folders=400, files=6_000)
    team.server.refuse(500, operation="files.list", times=100, skip=answered)
    # Whoever goes on is somebody else, as after a restart.
    with team.open() as source, pytest.raises(Unavailable):
        source.list_media(None)
    good = [call for call in team.server.calls() if call.code == 200]
    team.server.mend()
    team.server.forget_calls()
    with team.open() as source:
        listing = source.list_media(None)
        assert len(listing.files) == 6_000
        asked = [(call.query["q"], call.query.get("pageToken"))
                 for call in good + team.server.calls("files.list") if call.operation == "files.list"]  # fmt: skip
        assert len(asked) == len(set(asked))
        assert len(asked) <= 6 + 400 / 50 + 3
        assert team.server.count("changes.getStartPageToken") == 0
        team.write("new.jpg", b"x")
        # What changed since the listing began is told by the changes.
        assert {each.name for each in source.list_media(listing.cursor).files} == {"new.jpg"}
        team.server.forget_calls()
        assert len(source.list_media(None).files) == 6_001
        assert team.server.count("files.list") >= 400 / 50


def test_what_happened_while_it_was_broken_off_is_told_by_the_changes(team: TeamDrive) -> None:
    world = team.server.world
    folders = world.crowd(team.root, folders=200, files=2_000)
    seen = world.held(folders[0])[0]
    team.server.refuse(500, operation="files.list", times=100, skip=4)
    with team.open() as source, pytest.raises(Unavailable):
        source.list_media(None)
    team.server.mend()
    world.trash(seen)
    world.rename(folders[1], "other")
    with team.open() as source:
        library = Library()
        library.take(source.list_media(None))
        fresh = source.list_media(None)
    assert library.files == {each.key: each for each in fresh.files}
    assert seen.id not in library.files


def test_after_hours_a_listing_begins_anew(team: TeamDrive) -> None:
    team.server.world.crowd(team.root, folders=100, files=1_000)
    team.server.refuse(500, operation="files.list", times=100, skip=2)
    with team.open() as source, pytest.raises(Unavailable):
        source.list_media(None)
    team.server.mend()
    team.server.advance(timedelta(hours=3))
    team.server.forget_calls()
    with team.open() as source:
        assert len(source.list_media(None).files) == 1_000
    assert team.server.count("changes.getStartPageToken") == 1


@pytest.mark.parametrize("wrong", [b"", b"nonsense\n", b"AAAA\n", b"\x00" * 4096])
def test_notes_that_cannot_be_read_only_cost_questions(team: TeamDrive, wrong: bytes) -> None:
    team.server.world.crowd(team.root, folders=100, files=1_000)
    team.server.refuse(500, operation="files.list", times=100, skip=2)
    with team.open() as source, pytest.raises(Unavailable):
        source.list_media(None)
    team.server.mend()
    [notes] = team.cache.rglob("listing")
    lines = notes.read_bytes().splitlines(keepends=True)
    notes.write_bytes(b"".join(lines[:2]) + wrong + b"".join(lines[3:]))
    with team.open() as source:
        assert len(source.list_media(None).files) == 1_000
    assert not list(team.cache.rglob("listing"))


def test_two_at_once_do_not_write_into_each_others_notes(team: TeamDrive) -> None:
    team.server.world.crowd(team.root, folders=100, files=1_000)
    with ThreadPoolExecutor(3) as pool:

        def listed(number: int) -> int:
            with team.open() as source:
                return len(source.list_media(None).files)

        assert list(pool.map(listed, range(3))) == [1_000] * 3


def test_pages_that_google_forgot_are_asked_for_again(team: TeamDrive) -> None:
    team.server.world.crowd(team.root, folders=3, files=2_500)
    team.server.refuse(503, operation="files.list", times=100, skip=2)
    with team.open() as source:
        with pytest.raises(Unavailable):
            source.list_media(None)
        team.server.mend()
        team.server.expire_pages()
        assert len(source.list_media(None).files) == 2_500


def test_shortcuts_are_followed_once_and_cycles_are_cut(team: TeamDrive) -> None:
    world = team.server.world
    ann = world.folder("Elsewhere", world.record.nodes[team.root.parent or ""])
    world.share(ann, team.robot)
    outside = world.tree(ann, {"deep": {"far.jpg": b"far"}, "one.jpg": b"one"})
    made = world.tree(team.root, {"a": {"in.jpg": b"in"}, "b": {}})
    world.shortcut("to-far", made["b"], outside["deep"])
    world.shortcut("to-far-again", made["a"], outside["deep"])
    world.shortcut("one (shortcut)", team.root, outside["one.jpg"])
    world.shortcut("in (shortcut)", team.root, made["a/in.jpg"])
    world.shortcut("up", outside["deep"], team.root)
    world.shortcut("self", outside["deep"], outside["deep"])
    world.shortcut("nowhere", team.root, "1nobodyknowsthisone")
    assert set(paths(team)) == {"a/in.jpg", "a/to-far-again/far.jpg", "/one.jpg"}


def test_documents_of_google_and_the_trash_are_passed_over(team: TeamDrive) -> None:
    world = team.server.world
    world.document("notes.jpg", team.root)
    world.trash(world.file("old.jpg", team.root, b"x"))
    world.file("a/b.jpg", team.root, b"x")
    assert set(paths(team)) == {"/a\N{DIVISION SLASH}b.jpg"}


def test_an_incomplete_search_is_told(team: TeamDrive) -> None:
    team.server.knobs.incomplete = True
    with team.open() as source:
        listing = source.list_media(None)
    assert not listing.complete
    assert listing.cursor is None


@pytest.mark.parametrize("happened", ["unshare", "trash", "delete"])
def test_a_folder_that_is_not_to_be_seen_is_a_persons_business(team: TeamDrive, happened: str) -> None:
    team.write("a/b.jpg", b"x")
    with team.open() as source:
        cursor = source.list_media(None).cursor
        world = team.server.world
        {"unshare": lambda: world.unshare(team.root, team.robot), "trash": lambda: world.trash(team.root),
         "delete": lambda: world.delete(team.root)}[happened]()  # fmt: skip
        for since in (cursor, None):
            with pytest.raises(NeedsPerson, match="nothing is removed"):
                source.list_media(since)


def test_a_kept_tree_is_read_as_it_was_written(team: TeamDrive) -> None:
    team.write("a/b.jpg", b"x")
    with team.open() as source:
        source.list_media(None)
        tree = source._trees.newest()
    assert tree is not None
    assert read_tree(spell_tree(tree)) == tree
    assert read_tree(b"[1") is None


def test_roots_in_several_drives_are_one_source(tmp_path: Path) -> None:
    with DriveApi() as server:
        team = TeamDrive.mine(server, tmp_path)
        world = server.world
        drives = [world.shared_drive(name, {team.robot: "reader"}) for name in ("One", "Two")]
        roots = [world.folder(f"Root {number}", drive.root) for number, drive in enumerate(drives)]
        made = [world.tree(root, {f"c{number}": {"d.jpg": b"d%d" % number}}) for number, root in enumerate(roots)]
        team.write("a/b.jpg", b"x")
        address = "https://drive.google.com/drive/folders/"
        settings = attrs.evolve(team.settings(), more_folders=(f"{address}{roots[0].id}", f"{address}{drives[1].id}"))
        with team.open(settings=settings) as source:
            library = Library()
            library.take(source.list_media(None))
            assert {f"{each.folder}/{each.name}" for each in library.files.values()} == {
                "a/b.jpg", "c0/d.jpg", "Root 1/c1/d.jpg"
            }  # fmt: skip
            # From one drive into another, and out of all.
            world.move(made[1]["c1"], roots[0])
            world.trash(made[0]["c0"])
            team.rename("a/b.jpg", "a/new.jpg")
            changes = source.list_media(library.cursor)
            library.take(changes)
            assert {f"{each.folder}/{each.name}" for each in library.files.values()} == {"a/new.jpg", "c1/d.jpg"}
            server.forget_calls()
            source.list_media(library.cursor)
            # Each drive has a log of its own.
            assert asked_of(team) == 3
            world.leave(drives[0], team.robot)
            with pytest.raises(NeedsPerson, match="nothing is removed"):
                source.list_media(library.cursor)


def test_several_roots_are_one_source(team: TeamDrive) -> None:
    other = team.server.world.folder("Other", team.server.world.record.nodes[team.root.parent or ""])
    team.server.world.share(other, team.robot)
    team.server.world.tree(other, {"c": {"d.jpg": b"d"}})
    team.write("a/b.jpg", b"x")
    settings = attrs.evolve(team.settings(), more_folders=(other.id,))
    with team.open(settings=settings) as source:
        listing = source.list_media(None)
    assert {f"{each.folder}/{each.name}" for each in listing.files} == {"a/b.jpg", "c/d.jpg"}


def test_a_call_that_is_cut_is_made_again(team: TeamDrive) -> None:
    team.write("a/b.jpg", b"x")
    pauses: list[float] = []
    team.server.fault(Way.CUT_BODY, operation="files.list", times=1, after_bytes=10)
    team.server.refuse(403, "userRateLimitExceeded", operation="files.list", times=2)
    with team.open(pauses) as source:
        assert len(source.list_media(None).files) == 1
    assert pauses == [1.0, 2.0, 4.0]
