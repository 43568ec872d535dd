"""Changes lead to what a full listing would show, whatever happened and whatever was lost on the way."""

from __future__ import annotations

import random
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storyline_core import ListedFile, Listing, ListingMode, NeedsPerson, Unavailable
from storyline_gdrive.source import DriveSource
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drive_api.tree import Node
from tests.gdrive.drive_api.world import Spec
from tests.gdrive.drives import TeamDrive

DEEDS = ("file", "folder", "rename", "move", "replace", "trash", "untrash", "delete", "shortcut", "out", "in", "touch",
         "share", "unshare")  # fmt: skip
LOOKS = ("sync", "lose", "stale", "restart", "forget", "restore", "cut")
COMMON = ("rename", "move", "out", "in", "trash", "untrash", "file", "sync")
STEP = st.tuples(st.sampled_from((*COMMON, *COMMON, *DEEDS, *LOOKS)), st.integers(0, 30), st.integers(0, 30))
STEPS = st.lists(STEP, max_size=25)
RARE = st.sets(st.sampled_from((*DEEDS, *LOOKS)), max_size=4)
"""What may happen in one test beside what is common: a little of everything would mostly end in a full listing."""

TREE: Spec = {
    "a": {"b": {"c": {"1.jpg": b"1", "2.jpg": b"2"}, "3.jpg": b"3"}, "4.jpg": b"4"},
    "d": {"e": {"5.jpg": b"5"}},
    "6.jpg": b"6",
    "metadata.json": b"{}",
}
OUTSIDE: Spec = {"x": {"y": {"7.jpg": b"7"}, "8.jpg": b"8"}, "9.jpg": b"9"}
"""Deep enough that what happens to a folder happens to much below it."""


class Library:
    """What core would know: files by key, as the listings have told."""

    def __init__(self) -> None:
        self.files: dict[str, ListedFile] = {}
        self.cursor: str | None = None

    def take(self, listing: Listing) -> None:
        assert listing.complete
        if listing.mode is ListingMode.FULL:
            self.files = {}
        for key in listing.gone:
            self.files.pop(key, None)
        self.files.update((each.key, each) for each in (*listing.files, *listing.documents))
        self.cursor = listing.cursor


def share_all(team: TeamDrive, outside: Node) -> None:
    """The robot may see again all that it ever might."""
    world = team.server.world
    if team.root.drive_id is not None:
        world.join(world.record.drives[team.root.drive_id], team.robot, "fileOrganizer")
    else:
        world.share(team.root, team.robot)
    world.share(outside, team.robot)


def act(team: TeamDrive, deed: str, one: int, other: int, outside: Node) -> None:  # noqa: C901 - one branch for each deed
    """Something that people do in Drive."""
    world = team.server.world
    inside = [*world.record.below(team.root), *world.record.below(outside)]
    folders = [team.root, outside, *(each for each in inside if each.is_folder)]
    node = inside[one % len(inside)] if inside else None
    target = folders[other % len(folders)]
    if deed == "file":
        world.file(f"{one}.jpg", target, b"%d" % other)
    elif deed == "folder":
        world.folder(f"f{one}", target)
    elif deed == "shortcut" and node is not None:
        world.shortcut(f"s{one}", target, node)
    elif deed in ("share", "unshare"):
        if deed == "share":
            share_all(team, outside)
        elif one % 3:
            world.unshare(outside, team.robot)
        elif team.root.drive_id is not None:
            world.leave(world.record.drives[team.root.drive_id], team.robot)
        else:
            world.unshare(team.root, team.robot)
    elif node is None:
        return
    elif deed == "touch":
        world.touch(node)
    elif deed == "rename":
        world.rename(node, f"r{other}.jpg")
    elif deed in ("move", "out", "in"):
        place = {"move": target, "out": outside, "in": team.root}[deed]
        if place is not node and place not in list(world.record.below(node)):
            world.move(node, place)
    elif deed == "replace" and node.content is not None:
        world.replace(node, b"new %d" % other)
    elif deed == "trash":
        world.trash(node)
    elif deed == "untrash":
        world.untrash(node)
    elif deed == "delete":
        world.delete(node)


@attrs.frozen
class Manners:
    """How this Drive tells of what happened, wherever the real one may choose."""

    shared: bool
    again: bool
    reordered: int | None
    pages: int | None
    descendants: bool
    known: bool

    def apply(self, server: DriveApi) -> None:
        server.knobs.repeat_changes = self.again
        server.knobs.shuffle = None if self.reordered is None else random.Random(self.reordered)
        server.knobs.most_per_page = self.pages
        server.world.tells_descendants = self.descendants


MANNERS = st.builds(
    Manners, st.booleans(), st.booleans(), st.none() | st.integers(0, 9), st.sampled_from((None, None, 2, 5)),
    st.booleans(), st.booleans(),
)  # fmt: skip
PLAIN = Manners(True, False, None, None, False, True)


class Follower:
    """What follows a folder in Drive through everything, and somebody who lists it from scratch each time."""

    def __init__(self, team: TeamDrive, stack: ExitStack) -> None:
        self.team = team
        self.library = Library()
        self.kept: list[tuple[dict[str, ListedFile], str | None]] = [({}, None)]
        self.sources = [stack.enter_context(team.open()) for _ in range(2)]
        fresh = TeamDrive(team.server, team.robot, team.root, team.cache.parent / "fresh")
        self.fresh = stack.enter_context(fresh.open())

    def whole(self) -> dict[str, ListedFile] | None:
        """All that is there, or None while the folder is not to be seen."""
        try:
            listing = self.fresh.list_media(None)
        except NeedsPerson:
            return None
        assert listing.complete
        return {each.key: each for each in (*listing.files, *listing.documents)}

    def sync(self, source: DriveSource) -> None:
        """Level with Drive, or as before."""
        whole = self.whole()
        try:
            self.library.take(source.list_media(self.library.cursor))
        except NeedsPerson:
            assert whole is None
            return
        assert self.library.files == whole
        self.kept.append((dict(self.library.files), self.library.cursor))

    def look(self, deed: str, one: int, two: int) -> None:
        """Something that happens to whoever follows."""
        server, source = self.team.server, self.sources[0]
        if deed in ("sync", "restart"):
            self.sync(self.sources[deed == "restart"])
        elif deed == "lose":
            server.lose_change_tokens((400, 404, 410)[one % 3])
        elif deed == "stale":
            # What core could not finish, it asks for again from where it was.
            with suppress(NeedsPerson):
                source.list_media(self.library.cursor)
        elif deed == "forget":
            shutil.rmtree(self.team.cache, ignore_errors=True)
            self.sources[0]._trees._near.clear()
        elif deed == "restore":
            # A library out of a backup, with the cursor of that time.
            files, self.library.cursor = self.kept[one % len(self.kept)]
            self.library.files = dict(files)
        elif deed == "cut":
            server.refuse(500, times=1_000, skip=one % 7)
            with suppress(Unavailable, NeedsPerson):
                source.list_media(self.library.cursor)
            server.mend()


@settings(max_examples=40)
@example(
    steps=[("folder", 0, 0), ("file", 1, 2), ("file", 2, 2), ("sync", 0, 0), ("move", 0, 1)],
    manners=PLAIN,
    rare=set(DEEDS),
    each=False,
)
@example(
    steps=[("sync", 0, 0), ("shortcut", 3, 0), ("sync", 0, 0), ("out", 1, 0), ("rename", 4, 3)],
    manners=PLAIN,
    rare=set(DEEDS),
    each=False,
)
@example(
    steps=[("folder", 0, 1), ("file", 1, 2), ("sync", 0, 0), ("move", 0, 0), ("sync", 0, 0), ("rename", 0, 3)],
    manners=Manners(False, True, 1, 2, False, True),
    rare=set(DEEDS),
    each=True,
)
@given(steps=STEPS, manners=MANNERS, rare=RARE, each=st.booleans())
def test_changes_converge_to_the_full_listing(
    steps: list[tuple[str, int, int]], manners: Manners, rare: set[str], each: bool
) -> None:
    with TemporaryDirectory() as place, DriveApi() as server, ExitStack() as stack:
        team = (TeamDrive.shared if manners.shared else TeamDrive.mine)(server, Path(place) / "cache")
        manners.apply(server)
        server.world.tree(team.root, TREE)
        outside = server.world.folder("outside", server.world.record.nodes[team.root.parent or ""])
        server.world.share(outside, team.robot)
        server.world.tree(outside, OUTSIDE)
        follower = Follower(team, stack)
        if manners.known:
            follower.sync(follower.sources[0])
        for deed, one, two in steps:
            if deed not in COMMON and deed not in rare:
                continue
            if deed in LOOKS:
                follower.look(deed, one, two)
            else:
                act(team, deed, one, two, outside)
            if each:
                follower.sync(follower.sources[0])
        share_all(team, outside)
        follower.sync(follower.sources[0])
        assert follower.whole() == follower.library.files


def followed(team: TeamDrive, stack: ExitStack) -> Follower:
    follower = Follower(team, stack)
    follower.sync(follower.sources[0])
    return follower


def test_what_happens_behind_a_shortcut_is_followed(tmp_path: Path) -> None:
    with DriveApi() as server, ExitStack() as stack:
        team, world = TeamDrive.shared(server, tmp_path / "cache"), server.world
        outside = world.folder("outside", world.record.nodes[team.root.parent or ""])
        made = world.tree(outside, OUTSIDE)
        world.shortcut("leads out", team.folder("a"), made["x"])
        follower = followed(team, stack)
        for act_now in (
            lambda: world.file("new.jpg", made["x/y"], b"new"), lambda: world.rename(made["x/8.jpg"], "other.jpg"),
            lambda: world.trash(made["x/y"]), lambda: world.trash(outside), lambda: world.untrash(outside),
            lambda: world.move(made["x"], team.root),
        ):  # fmt: skip
            act_now()
            follower.sync(follower.sources[0])


@pytest.mark.parametrize("shared", [False, True])
def test_what_happened_while_nothing_was_to_be_seen_is_found_out(tmp_path: Path, shared: bool) -> None:
    with DriveApi() as server, ExitStack() as stack:
        team = (TeamDrive.shared if shared else TeamDrive.mine)(server, tmp_path / "cache")
        server.world.tree(team.root, TREE)
        follower = followed(team, stack)
        act(team, "unshare", 0, 0, team.root)
        server.world.file("meanwhile.jpg", team.folder("a/b"), b"x")
        share_all(team, team.root)
        follower.sync(follower.sources[0])
        assert "meanwhile.jpg" in {each.name for each in follower.library.files.values()}
