"""A folder as a source: what is listed, what is passed over, and what is only unseen."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import MEDIA_TYPES, Refused, Role, Unavailable, role_of
from storyline_local.folder import FolderSource
from storyline_local.mounts import COARSE_MARGIN_NS, MARGIN_NS, racy_margin_ns
from storyline_local.scan import scan
from storyline_local.walk import _COMMON, DEEPEST, Walk
from tests.local.places import LATIN_1, entry_of, keys, open_to_all, put, without_root


def test_pictures_videos_and_documents_are_listed_and_the_rest_is_not(tmp_path: Path) -> None:
    for name in ("a.jpg", "merch/B.JPEG", "merch/deep/c.mov", "merch/metadata.json", "merch/c.mov.json"):
        put(tmp_path / name)
    for name in (".hidden.jpg", ".git/a.jpg", "~a.jpg", "a.jpg.part", "notes.txt", "Thumbs.db", "lost+found/a.jpg"):
        put(tmp_path / name)
    put(tmp_path / ".jpg")
    listing = FolderSource(tmp_path).list_media(None)
    assert keys(listing) == {"a.jpg", "merch/B.JPEG", "merch/deep/c.mov"}
    assert {entry.key for entry in listing.documents} == {"merch/metadata.json", "merch/c.mov.json"}
    assert listing.complete
    assert not listing.problems
    assert not listing.unseen


def test_an_entry_says_what_the_file_system_says(tmp_path: Path) -> None:
    path = put(tmp_path / "merch/50% off/Z\u00fcrich.PNG", b"12345")
    stat = path.stat()
    (entry,) = FolderSource(tmp_path).list_media(None).files
    assert (entry.key, entry.name, entry.folder) == (
        "merch/50%25 off/Z\u00fcrich.PNG",
        "Z\u00fcrich.PNG",
        "merch/50% off",
    )
    assert (entry.size, entry.mtime_ns, entry.media_type) == (5, stat.st_mtime_ns, "image/png")
    assert entry.version == f"{stat.st_ctime_ns}-{stat.st_ino}"
    assert entry.hint == str(stat.st_ino)
    assert entry.digest is None


@given(st.text(alphabet="ajpgJPGmovwebx.~%_ \u00e9", min_size=1, max_size=9))
def test_the_quick_way_agrees_with_the_rule_for_names(name: str) -> None:
    kind = _COMMON.get(name[-4:])
    if kind is not None and name[0] not in ".~" and len(name) > 4:
        assert role_of(name) is Role.MEDIA
        assert kind == MEDIA_TYPES[name.rpartition(".")[2].lower()]


def test_a_name_in_latin_1_is_listed_opened_hashed_and_missed(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), LATIN_1)
    with open(raw, "wb") as file:
        file.write(b"bytes")
    source = FolderSource(tmp_path)
    (entry,) = source.list_media(None).files
    assert entry.key == entry.name == "caf%E9.jpg"
    with source.open_media(entry.key) as media:
        assert media.read() == b"bytes"
    assert source.confirm_absent([entry.key]) == frozenset()
    os.unlink(raw)
    assert source.confirm_absent([entry.key]) == {entry.key}


def test_pipes_sockets_and_folders_named_like_pictures_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    put(tmp_path / "folder.jpg/real.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
        listing = FolderSource(tmp_path).list_media(None)
    assert keys(listing) == {"folder.jpg/real.jpg"}


def test_an_empty_file_is_listed(tmp_path: Path) -> None:
    put(tmp_path / "empty.jpg", b"")
    assert FolderSource(tmp_path).list_media(None).files[0].size == 0


def test_links_are_followed_and_each_folder_is_listed_once(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root / "real/a.jpg")
    put(outside / "b.jpg", b"outside")
    put(tmp_path / "single.jpg", b"1234567")
    (root / "aaa").symlink_to(root / "real")
    (root / "elsewhere").symlink_to(outside)
    (root / "one.jpg").symlink_to(tmp_path / "single.jpg")
    listing = FolderSource(root).list_media(None)
    assert keys(listing) == {"real/a.jpg", "elsewhere/b.jpg", "one.jpg"}
    assert entry_of(listing, "one.jpg").size == 7
    assert [problem.key for problem in listing.problems] == ["aaa"]
    assert not listing.unseen


def test_circles_of_links_end_and_are_named(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "a/b/x.jpg")
    (root / "a/b/up").symlink_to(root / "a")
    (root / "a/top").symlink_to(root)
    (root / "a/world").symlink_to(tmp_path)
    (root / "self.jpg").symlink_to("self.jpg")
    listing = FolderSource(root).list_media(None)
    assert keys(listing) == {"a/b/x.jpg"}
    assert {problem.key for problem in listing.problems} == {"a/b/up", "a/top", "a/world", "self.jpg"}
    assert [unseen.key for unseen in listing.unseen] == ["self.jpg"]


def test_what_a_dangling_link_leads_to_is_unseen_not_gone(tmp_path: Path) -> None:
    root, disk = tmp_path / "root", tmp_path / "disk"
    put(disk / "x.jpg")
    put(root / "y.jpg")
    (root / "usb").symlink_to(disk)
    (root / "one.jpg").symlink_to(disk / "x.jpg")
    source = FolderSource(root)
    assert keys(source.list_media(None)) == {"y.jpg", "usb/x.jpg", "one.jpg"}
    shutil.move(disk, tmp_path / "pulled out")
    listing = source.list_media(None)
    assert keys(listing) == {"y.jpg"}
    assert {(unseen.folder, unseen.key) for unseen in listing.unseen} == {("usb", None), ("", "one.jpg")}
    assert source.confirm_absent(["usb/x.jpg", "one.jpg", "never.jpg"]) == {"never.jpg"}


def test_a_folder_without_permission_is_unseen_and_the_rest_goes_on() -> None:
    with open_to_all() as root:
        put(root / "open/a.jpg")
        put(root / "closed/b.jpg")
        put(root / "names only/c.jpg")
        (root / "closed").chmod(0)
        (root / "names only").chmod(0o444)
        with without_root():
            listing = FolderSource(root).list_media(None)
            absent = FolderSource(root).confirm_absent(["closed/b.jpg", "names only/c.jpg", "open/gone.jpg"])
    assert keys(listing) == {"open/a.jpg"}
    assert {unseen.folder for unseen in listing.unseen} == {"closed", "names only"}
    assert {problem.key for problem in listing.problems} == {"closed", "names only"}
    assert all("no permission" in problem.message for problem in listing.problems)
    assert absent == {"open/gone.jpg"}


@pytest.mark.parametrize("make", ["nothing", "file", "closed"])
def test_a_root_that_cannot_be_used_is_unavailable(make: str) -> None:
    with open_to_all() as folder:
        root = folder / "root"
        if make == "file":
            put(root)
        elif make == "closed":
            root.mkdir(mode=0)
        source = FolderSource(root)
        with without_root():
            with pytest.raises(Unavailable, match=str(root)):
                source.list_media(None)
            with pytest.raises(Unavailable, match=str(root)):
                source.confirm_absent(["a.jpg"])


def test_a_change_during_the_walk_is_noticed(tmp_path: Path) -> None:
    put(tmp_path / "early/a.jpg")
    put(tmp_path / "late/b.jpg")
    walk = Walk(str(tmp_path))
    walk.run()
    assert walk.at_rest()
    os.rename(tmp_path / "late/b.jpg", tmp_path / "early/b.jpg")
    assert not walk.at_rest()


def test_a_folder_that_never_rests_is_listed_but_not_called_complete(tmp_path: Path) -> None:
    for number in range(400):
        put(tmp_path / f"still/{number}/a.jpg")
    (tmp_path / "busy").mkdir()
    stop = threading.Event()

    def disturb() -> None:
        number = 0
        while not stop.is_set():
            put(tmp_path / f"busy/{number % 20}.jpg").rename(tmp_path / f"busy/{number % 20}-done.jpg")
            number += 1

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        seen = [scan(str(tmp_path)) for _ in range(20)]
    finally:
        stop.set()
        disturber.join()
    assert not all(each.complete for each in seen)
    for each in seen:
        assert {f"still/{number}/a.jpg" for number in range(400)} <= {entry.key for entry in each.files}
        assert each.complete or "kept changing" in each.problems[-1].message
    assert scan(str(tmp_path)).complete


def test_no_file_stays_open(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path / f"{number}/{number}/a.jpg")
    before = len(os.listdir("/dev/fd"))
    scan(str(tmp_path))
    assert len(os.listdir("/dev/fd")) == before


def test_very_deep_folders_are_named_not_entered(tmp_path: Path) -> None:
    put(Path(tmp_path, *["d"] * (DEEPEST + 3), "a.jpg"))
    put(Path(tmp_path, *["d"] * DEEPEST, "b.jpg"))
    listing = FolderSource(tmp_path).list_media(None)
    assert [entry.name for entry in listing.files] == ["b.jpg"]
    assert len(listing.unseen) == 1


def test_only_what_is_certainly_gone_is_confirmed_absent(tmp_path: Path) -> None:
    put(tmp_path / "here.jpg")
    put(tmp_path / "file")
    asked = ["here.jpg", "gone.jpg", "gone/x.jpg", "file/x.jpg", "../here.jpg", "%zz"]
    assert FolderSource(tmp_path).confirm_absent(asked) == {"gone.jpg", "gone/x.jpg", "file/x.jpg"}


def test_what_cannot_be_opened_is_refused_with_why(tmp_path: Path) -> None:
    put(tmp_path / "folder.jpg/x.jpg")
    source = FolderSource(tmp_path)
    for key in ("gone.jpg", "../secret.jpg", "folder.jpg"):
        with pytest.raises(Refused):
            source.open_media(key)
    with source.open_media("folder.jpg/x.jpg") as media:
        assert media.seekable()
        assert media.name == os.fsencode(tmp_path / "folder.jpg/x.jpg")
    tmp_path.joinpath("folder.jpg/x.jpg").unlink()
    shutil.rmtree(tmp_path)
    with pytest.raises(Unavailable):
        source.open_media("folder.jpg/x.jpg")


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 8:1 / /mnt/card rw - vfat /dev/sda1 rw
31 22 8:2 / /mnt/my\\040disk rw shared:1 - ext4 /dev/sdb1 rw
32 22 0:9 / /srv/photos rw - nfs4 server:/photos rw
33 22 0:9 / /srv/remote rw - fuse.sshfs you@there: rw
34 30 0:9 / /mnt/card/inner rw - ext4 /dev/sdc rw
35 22 0:9 / /srv/covered rw - vfat /dev/sdd rw
36 35 0:9 / /srv/covered rw - ext4 /dev/sde rw
"""


@pytest.mark.parametrize(
    ("folder", "margin"),
    [
        ("/home/me", MARGIN_NS),
        ("/mnt/card/pictures", COARSE_MARGIN_NS),
        ("/mnt/cardinal", MARGIN_NS),
        ("/mnt/my disk", MARGIN_NS),
        ("/srv/photos", COARSE_MARGIN_NS),
        ("/srv/remote/x", COARSE_MARGIN_NS),
        ("/srv", COARSE_MARGIN_NS),
        ("/mnt/card/inner/x", MARGIN_NS),
        ("/srv/covered", MARGIN_NS),
    ],
)
def test_clocks_of_cards_and_network_disks_are_trusted_less(tmp_path: Path, folder: str, margin: int) -> None:
    table = put(tmp_path / "mountinfo", MOUNTS.encode())
    assert racy_margin_ns(folder, table) == margin


def test_without_a_table_of_mounts_the_usual_margin_holds(tmp_path: Path) -> None:
    assert racy_margin_ns(str(tmp_path), tmp_path / "none") == MARGIN_NS
