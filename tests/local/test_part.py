"""A look at a part says exactly what a look at everything says there."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Hint, ListedFile, Listing, ListingMode, Unavailable
from storyline_local.absence import certainly_absent
from storyline_local.folder import FolderSource
from storyline_local.keys import readable, spell, unspell
from storyline_local.mounts import mounted_twice, mounts_of
from tests.local.places import LATIN_1, keys, open_to_all, put, without_root

NAMES = (b"a.jpg", b"b.png", b"c.json", b"d", b"e", b"f.jpg", b"50% off", b"caf\xe9", b".hidden", b"~x", b"lost+found")
OPERATIONS = ("write", "write", "write", "folder", "move", "remove", "link", "dangle")


@attrs.frozen
class Change:
    """One thing that somebody does to a folder."""

    what: str
    path: bytes
    other: bytes
    size: int


paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(b"/".join)
unlinked = st.builds(Change, st.sampled_from(OPERATIONS[:6]), paths, paths, st.integers(0, 9))
changes = st.builds(Change, st.sampled_from(OPERATIONS), paths, paths, st.integers(0, 9))


def apply(root: bytes, change: Change) -> None:
    path, other = os.path.join(root, change.path), os.path.join(root, change.other)
    with suppress(OSError, shutil.Error):
        if change.what == "folder":
            os.makedirs(path)
        elif change.what == "write":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(b"x" * change.size)
        elif change.what == "move":
            os.rename(path, other)
        elif change.what == "remove":
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        elif change.what == "link":
            os.symlink(other, path)
        elif change.what == "dangle":
            os.symlink(b"/nowhere/at all", path)


def touched(root: bytes, change: Change) -> dict[str, str]:
    """The places that a watcher would name, and what is at each of them just now."""
    found = {}
    for path in {change.path, change.other} if change.what == "move" else {change.path}:
        real = os.path.relpath(os.path.realpath(os.path.join(root, path)), root)
        for parts in (path.split(b"/"), real.split(b"/")):
            for depth in range(1, len(parts) + 1):
                place = b"/".join(parts[:depth])
                if b".." not in parts:
                    found[spell(place)] = what_is(os.path.join(root, place))
    return found


def what_is(path: bytes) -> str:
    if os.path.isdir(path):
        return f"folder {os.path.islink(path)}"
    if not os.path.lexists(path):
        return ""
    facts = os.lstat(path)
    return f"file {facts.st_ctime_ns} {facts.st_size}"


def links(root: bytes) -> dict[str, str]:
    """What is at the end of every link: of a change there, a watcher hears nothing at the link."""
    found = {}
    for folder, folders, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in folders + files):
            if os.path.islink(path):
                end = os.path.realpath(path)
                found[spell(os.path.relpath(path, root))] = what_is(end) + what_is(path)
    return found


def behind_links(root: bytes, changed: set[str]) -> Iterator[str]:
    """The same places by way of every link to a folder, as which they may be listed and listened to."""
    for link in links(root):
        end = spell(os.path.relpath(os.path.realpath(os.path.join(root, unspell(link))), root))
        yield from (link + key.removeprefix(end) for key in changed if key.startswith(f"{end}/"))


def make(root: bytes, wanted: list[Change]) -> Hint:
    """Do all of it, and say where something happened."""
    hint = Hint()
    for change in wanted:
        before = touched(root, change) | links(root)
        apply(root, change)
        now = touched(root, change) | links(root)
        changed = {key for key in before | now if before.get(key) != now.get(key) or change.what == "move"}
        folders = {key for key in changed if "folder" in before.get(key, "") + now.get(key, "")}
        hint = hint | Hint.of(changed | set(behind_links(root, changed)), folders)
    return hint


def patched(library: dict[str, ListedFile], listing: Listing) -> dict[str, ListedFile]:
    """What a library holds after it believed a listing."""
    kept = {key: entry for key, entry in library.items() if not listing.proves_absent(key, entry.folder)}
    return kept | of(listing)


def of(listing: Listing) -> dict[str, ListedFile]:
    entries = [*listing.files, *listing.documents]
    found = {entry.key: entry for entry in entries}
    assert len(found) == len(entries)
    return found


@contextmanager
def fresh() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="storyline-part-") as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        yield os.fsencode(root)


@given(st.lists(changes, max_size=12), st.sets(paths, max_size=4), st.sets(paths, max_size=3))
def test_a_part_says_what_the_whole_says_there(tree: list[Change], files: set[bytes], folders: set[bytes]) -> None:
    with fresh() as root:
        make(root, tree)
        source = FolderSource(Path(os.fsdecode(root)))
        whole = source.list_media(None)
        hint = Hint(frozenset(map(spell, files)), frozenset(map(spell, folders)))
        part = source.list_part(hint)
        everything, some = of(whole), of(part)
        assert some.items() <= everything.items()
        for key, entry in everything.items():
            within = key in hint.keys or any(key.startswith(f"{folder}/") for folder in hint.folders)
            assert key in some or not within
            assert key in some or not part.proves_absent(key, entry.folder)
        for key in part.gone:
            assert whole.proves_absent(key, _shown_folder(key))
        assert part.identity == whole.identity
        assert part.filters == whole.filters


def _shown_folder(key: str) -> str:
    return os.path.dirname(readable(unspell(key)))


@given(st.lists(unlinked, max_size=12), st.lists(unlinked, min_size=1, max_size=4))
def test_parts_lead_to_the_same_library_as_the_whole(tree: list[Change], later: list[Change]) -> None:
    with fresh() as root:
        make(root, tree)
        source = FolderSource(Path(os.fsdecode(root)))
        library = of(source.list_media(None))
        hint = make(root, later)
        part = source.list_part(hint)
        assert patched(library, part) == patched(library, source.list_media(None))


@given(st.lists(changes, max_size=12), st.lists(changes, min_size=1, max_size=4))
def test_also_where_links_lead_into_folders(tree: list[Change], later: list[Change]) -> None:
    with fresh() as root:
        make(root, tree)
        source = FolderSource(Path(os.fsdecode(root)))
        library = of(source.list_media(None))
        part = source.list_part(make(root, later))
        assert patched(library, part) == patched(library, source.list_media(None))


def part_of(root: Path, *files: str, folders: tuple[str, ...] = ()) -> Listing:
    source = FolderSource(root)
    source.list_media(None)
    return source.list_part(Hint(frozenset(files), frozenset(folders)))


def test_only_the_hinted_places_are_looked_at_and_claimed(tmp_path: Path) -> None:
    put(tmp_path / "merch/a.jpg")
    put(tmp_path / "merch/deep/b.jpg")
    put(tmp_path / "memes/c.jpg")
    put(tmp_path / "memes/d.jpg")
    part = part_of(tmp_path, "memes/c.jpg", "memes/gone.jpg", folders=("merch", "left/behind"))
    assert part.mode is ListingMode.SUBTREE
    assert keys(part) == {"merch/a.jpg", "merch/deep/b.jpg", "memes/c.jpg"}
    assert part.scope == ("left/behind", "merch")
    assert part.gone == ("memes/gone.jpg",)
    assert part.complete
    assert not part.proves_absent("memes/d.jpg", "memes")
    assert part.proves_absent("merch/deep/x.jpg", "merch/deep")


def test_a_folder_that_cannot_be_told_from_another_is_widened(tmp_path: Path) -> None:
    put(tmp_path / "sale/50% off/a.jpg")
    put(tmp_path / "sale/b.jpg")
    put(tmp_path / "other/c.jpg")
    part = part_of(tmp_path, folders=("sale/50%25 off",))
    assert part.scope == ("sale",)
    assert keys(part) == {"sale/50%25 off/a.jpg", "sale/b.jpg"}
    put(tmp_path / "50% off/a.jpg")
    assert part_of(tmp_path, folders=("50%25 off",)).mode is ListingMode.FULL


@pytest.mark.parametrize("hint", [Hint.all("doubt"), Hint(folders=frozenset({""})), Hint(frozenset({"../x", "%zz"}))])
def test_what_no_part_can_answer_is_answered_by_the_whole(tmp_path: Path, hint: Hint) -> None:
    put(tmp_path / "a.jpg")
    listing = FolderSource(tmp_path).list_part(hint)
    assert listing.mode is ListingMode.FULL
    assert keys(listing) == {"a.jpg"}


def test_a_file_that_became_a_folder_is_gone_and_its_files_are_there(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg/b.jpg")
    part = part_of(tmp_path, "a.jpg")
    assert (keys(part), part.gone, part.scope) == ({"a.jpg/b.jpg"}, ("a.jpg",), ("a.jpg",))
    assert FolderSource(tmp_path).confirm_absent(["a.jpg"]) == {"a.jpg"}
    assert certainly_absent(os.fsencode(tmp_path), "a.jpg")


def test_a_folder_that_became_a_file_is_empty_and_the_file_is_there(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    part = part_of(tmp_path, folders=("a.jpg",))
    assert (keys(part), part.scope) == ({"a.jpg"}, ("a.jpg",))


def test_hidden_and_passed_places_say_nothing(tmp_path: Path) -> None:
    for path in (".git/a.jpg", "lost+found/b.jpg", "x/.hidden.jpg"):
        put(tmp_path / path)
    part = part_of(tmp_path, ".git/a.jpg", "lost+found/b.jpg", "x/.hidden.jpg", folders=(".git", "@eaDir"))
    assert not part.files
    assert ".git" not in part.scope


def test_links_to_folders_make_it_look_at_everything(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root / "real/a.jpg")
    put(outside / "b.jpg")
    (root / "first").symlink_to(outside)
    (root / "second").symlink_to(outside)
    source = FolderSource(root)
    assert keys(source.list_media(None)) == {"real/a.jpg", "first/b.jpg"}
    assert source.list_part(Hint(frozenset({"real/a.jpg"}))).mode is ListingMode.SUBTREE
    (root / "first").unlink()
    listing = source.list_part(Hint(frozenset({"first"})))
    assert listing.mode is ListingMode.FULL
    assert keys(listing) == {"real/a.jpg", "second/b.jpg"}


def test_a_link_that_vanished_inside_a_hinted_folder_counts_too(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root / "merch/a.jpg")
    put(outside / "b.jpg")
    (root / "merch/first").symlink_to(outside)
    (root / "second").symlink_to(outside)
    source = FolderSource(root)
    assert keys(source.list_media(None)) == {"merch/a.jpg", "merch/first/b.jpg"}
    (root / "merch/first").unlink()
    assert keys(source.list_part(Hint(folders=frozenset({"merch"})))) == {"merch/a.jpg", "second/b.jpg"}


def test_what_cannot_be_read_is_unseen_in_a_part_too() -> None:
    with open_to_all() as root:
        put(root / "closed/b.jpg")
        put(root / "names only/c.jpg")
        (root / "closed").chmod(0)
        (root / "names only").chmod(0o444)
        with without_root():
            part = part_of(root, "names only/c.jpg", "closed/deep/x.jpg", folders=("closed/deeper",))
    assert not part.files
    assert not part.gone
    assert {unseen.folder for unseen in part.unseen} == {"closed", "names only"}
    assert not part.proves_absent("closed/deeper/x.jpg", "closed/deeper")


def test_a_part_of_what_is_not_there_is_unavailable(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "root")
    with pytest.raises(Unavailable, match="root"):
        source.list_part(Hint(frozenset({"a.jpg"})))


def test_a_part_leaves_no_file_open_and_takes_odd_names(tmp_path: Path) -> None:
    put(tmp_path / "a/b/c.jpg")
    with open(os.path.join(os.fsencode(tmp_path), LATIN_1), "wb") as file:
        file.write(b"x")
    before = len(os.listdir("/dev/fd"))
    part = part_of(tmp_path, "caf%E9.jpg", "a/b/c.jpg", "a/gone/d.jpg", folders=("a/b", "nowhere/at/all"))
    assert keys(part) == {"caf%E9.jpg", "a/b/c.jpg"}
    assert len(os.listdir("/dev/fd")) == before


def test_a_part_that_never_rests_is_not_called_complete(tmp_path: Path) -> None:
    for number in range(300):
        put(tmp_path / f"still/{number}/a.jpg")
    (tmp_path / "busy").mkdir()
    source = FolderSource(tmp_path)
    source.list_media(None)
    stop = threading.Event()

    def disturb() -> None:
        number = 0
        while not stop.is_set():
            put(tmp_path / f"busy/{number % 20}.jpg").rename(tmp_path / f"busy/{number % 20}-done.jpg")
            number += 1

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        seen = [source.list_part(Hint(frozenset(), frozenset({"busy", "still"}))) for _ in range(20)]
    finally:
        stop.set()
        disturber.join()
    assert not all(part.complete for part in seen)
    assert source.list_part(Hint(frozenset(), frozenset({"busy"}))).complete


def test_one_disk_mounted_twice_is_noticed(tmp_path: Path) -> None:
    lines = ["22 1 254:0 / / rw - ext4 /dev/vda rw", "30 22 8:1 / /srv/a rw - ext4 /dev/sda1 rw"]
    again = "31 22 8:1 /x /srv/a/b rw - ext4 /dev/sda1 rw"
    once = put(tmp_path / "once", "\n".join(lines).encode())
    twice = put(tmp_path / "twice", "\n".join([*lines, again]).encode())
    assert not mounted_twice(mounts_of("/srv/a", once))
    assert mounted_twice(mounts_of("/srv/a", twice))
    assert not mounted_twice(mounts_of("/srv/a/c", twice))
