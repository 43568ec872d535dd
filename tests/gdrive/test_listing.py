"""How many questions a listing takes, what it does when it is broken off, and what it makes of odd trees."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import ListingMode, NeedsPerson, Unavailable
from storyline_gdrive.keeping import read_tree, spell_tree
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.mine(server, tmp_path)


def paths(team: TeamDrive) -> dict[str, str]:
    with team.open() as source:
        return {f"{each.folder}/{each.name}": each.key for each in source.list_media(None).files}


def test_a_large_drive_takes_few_questions_and_nothing_changed_takes_one(team: TeamDrive) -> None:
    team.server.world.crowd(team.root)
    with team.open() as source:
        tracemalloc.start()
        listing = source.list_media(None)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        calls = team.server.count() - team.server.count("oauth.token")
        assert len(listing.files) == 50_000
        assert calls <= 50_000 / 1000 + 2_000 / 50 + 10
        # Tree and listing together, and the server's log in the same process.
        assert held < 200 << 20
    team.server.forget_calls()
    with team.open() as source:
        again = source.list_media(listing.cursor)
        assert (again.mode, again.files, again.gone) == (ListingMode.CHANGES, (), ())
        assert team.server.count() - team.server.count("oauth.token") == 1


def test_a_listing_that_broke_off_goes_on_where_it_was(team: TeamDrive) -> None:
    team.server.world.crowd(team.root, folders=400, files=6_000)
    team.server.refuse(500, operation="files.list", times=100, skip=6)
    with team.open() as source:
        with pytest.raises(Unavailable):
            source.list_media(None)
        good = [call for call in team.server.calls("files.list") if call.code == 200]
        team.server.mend()
        team.server.forget_calls()
        listing = source.list_media(None)
        assert len(listing.files) == 6_000
        assert len(good) + team.server.count("files.list") <= 6 + 400 / 50 + 3
        asked = [(call.query["q"], call.query.get("pageToken")) for call in good + team.server.calls("files.list")]
        assert len(asked) == len(set(asked))


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


def test_several_roots_are_one_source(team: TeamDrive) -> None:
    import attrs

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
