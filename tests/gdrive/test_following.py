"""Changes lead to what a full listing would show, whatever happened and whatever was lost on the way."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from storyline_core import ListedFile, Listing, ListingMode
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drive_api.tree import Node
from tests.gdrive.drives import TeamDrive

DEEDS = ("file", "folder", "rename", "move", "replace", "trash", "untrash", "delete", "shortcut", "out", "in")
STEPS = st.lists(
    st.tuples(st.sampled_from((*DEEDS, *DEEDS, "sync", "sync", "lose", "stale", "restart")), st.integers(0, 30),
              st.integers(0, 30)),
    max_size=25,
)  # fmt: skip


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
    elif node is None:
        return
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


@settings(max_examples=25)
@example(
    steps=[("folder", 0, 0), ("file", 1, 2), ("file", 2, 2), ("sync", 0, 0), ("move", 0, 1)], shared=False, again=False
)
@example(
    steps=[("folder", 0, 1), ("file", 1, 2), ("sync", 0, 0), ("move", 0, 0), ("sync", 0, 0), ("rename", 0, 3)],
    shared=True,
    again=True,
)
@given(steps=STEPS, shared=st.booleans(), again=st.booleans())
def test_changes_converge_to_the_full_listing(steps: list[tuple[str, int, int]], shared: bool, again: bool) -> None:
    with TemporaryDirectory() as place, DriveApi() as server:
        team = (TeamDrive.shared if shared else TeamDrive.mine)(server, Path(place))
        server.knobs.repeat_changes = again
        outside = server.world.folder("outside", server.world.record.nodes[team.root.parent or ""])
        if not shared:
            server.world.share(outside, team.robot)
        library = Library()
        old: list[str | None] = [None]
        with team.open() as source, team.open() as other:
            for deed, one, two in steps:
                if deed in ("sync", "restart"):
                    library.take((source if deed == "sync" else other).list_media(library.cursor))
                    old.append(library.cursor)
                elif deed == "lose":
                    server.lose_change_tokens((400, 404, 410)[one % 3])
                elif deed == "stale":
                    # What core could not finish, it asks for again from where it was.
                    source.list_media(library.cursor)
                else:
                    act(team, deed, one, two, outside)
            library.take(source.list_media(library.cursor))
        with TeamDrive(server, team.robot, team.root, Path(place) / "fresh").open() as fresh:
            whole = fresh.list_media(None)
        assert library.files == {each.key: each for each in (*whole.files, *whole.documents)}
