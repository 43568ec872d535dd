"""Real folders on real disks, with everything that file systems and programs do to them: the library follows."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Self

import attrs
import pytest
from hypothesis import settings

from storyline_core import ListedFile, Listing, SourceDefaults, look_file
from tests.databases import Databases
from tests.end_to_end import mounted
from tests.end_to_end.ground import HEADS, SOURCE, Ground, Land, Meddled, Meddling, disk_time, found, picture, put
from tests.local.places import LATIN_1, open_to_all, without_root

THOROUGH = settings().max_examples > settings.get_profile("quick").max_examples
MANY = 20_000 if THOROUGH else 4_000
DROPPED = 10_000
NFC, NFD = "caf\u00e9.jpg", "cafe\u0301.jpg"
HOUR = timedelta(hours=1)
LAST_NS = 2**63 - 1


def kind_of_disk(place: Path) -> str:
    """What file system a folder lies on."""
    asked = ["stat", "--file-system", "--format=%T", str(place)]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(params=["usual", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on the usual disk (ext4 on most machines) and one on a disk in memory."""
    if request.param == "usual":
        yield tmp_path
        return
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or kind_of_disk(memory) != "tmpfs":
        pytest.skip("there is no disk in memory at /dev/shm")
    with tempfile.TemporaryDirectory(prefix="storyline-ground-", dir=memory) as made:
        yield Path(made)


@pytest.fixture
def land(place: Path, tmp_path: Path, databases: Databases) -> Iterator[Land]:
    numbers = itertools.count()
    made = Land(place, lambda: databases.copy_sqlite(tmp_path / f"library-{next(numbers)}.db"))
    yield made
    made.close()


@pytest.fixture
def ground(land: Land) -> Ground:
    return land.ground()


# Names


def test_names_composed_and_decomposed_are_two_files(ground: Ground) -> None:
    put(ground.root / NFC, picture(1))
    put(ground.root / NFD, picture(2))
    put(ground.root / "copies" / NFC, picture(3))
    put(ground.root / "copies" / NFD, picture(3))
    assert found(ground.sync()) == {"added": 4}
    assert ground.files().keys() == {NFC, NFD, f"copies/{NFC}", f"copies/{NFD}"}
    before = ground.ids()
    os.rename(ground.root / NFC, ground.root / "x")
    os.rename(ground.root / NFD, ground.root / NFC)
    os.rename(ground.root / "x", ground.root / NFD)
    assert found(ground.sync()) == {"moved": 2}
    assert ground.ids() == before | {NFC: before[NFD], NFD: before[NFC]}
    ground.settles()


@pytest.mark.parametrize(("was", "now"), [(NFC, NFD), (NFD, NFC), ("cat.jpg", "CAT.JPG"), ("CAT.jpg", "cat.jpg")])
def test_a_name_spelled_otherwise_is_a_rename(ground: Ground, was: str, now: str) -> None:
    put(ground.root / "a" / was, picture(1))
    put(ground.root / "a/other.jpg", picture(2))
    ground.sync()
    before = ground.ids()
    os.rename(ground.root / "a" / was, ground.root / "a" / now)
    assert found(ground.sync()) == {"moved": 1}
    assert ground.ids() == {f"a/{now}": before[f"a/{was}"], "a/other.jpg": before["a/other.jpg"]}
    assert ground.items()[before[f"a/{was}"]].name == now
    ground.settles()


def test_a_folder_spelled_otherwise_is_another_category_with_the_same_items(ground: Ground) -> None:
    for number in range(12):
        put(ground.root / f"Cats/{number}.jpg", picture(number))
    ground.sync()
    before = ground.ids()
    os.rename(ground.root / "Cats", ground.root / "cats")
    assert found(ground.sync()) == {"moved": 12}
    assert ground.ids() == {key.replace("Cats", "cats"): number for key, number in before.items()}
    assert {item.category for item in ground.items().values()} == {"cats"}
    ground.settles()


def test_names_that_are_not_utf_8_and_names_that_look_like_their_spelling(ground: Ground) -> None:
    raw = os.fsencode(ground.root)
    names = (LATIN_1, b"caf%E9.jpg", "caf\u00e9.jpg".encode(), b"new\nline.jpg", b"\xff\xfe/\x80.jpg")
    for number, name in enumerate(names):
        path = os.path.join(raw, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(picture(number))
    assert found(ground.sync()) == {"added": 5}
    keys = {"caf%E9.jpg", "caf%25E9.jpg", "caf\u00e9.jpg", "new%0Aline.jpg", "%FF%FE/%80.jpg"}
    assert ground.files().keys() == keys
    before = ground.ids()
    with ground.storyline.opened_source(SOURCE).open_media("caf%E9.jpg") as file:
        assert file.read() == picture(0)
    os.rename(os.path.join(raw, LATIN_1), os.path.join(raw, b"x"))
    os.rename(os.path.join(raw, b"caf%E9.jpg"), os.path.join(raw, LATIN_1))
    os.rename(os.path.join(raw, b"x"), os.path.join(raw, b"caf%E9.jpg"))
    os.rename(os.path.join(raw, b"\xff\xfe"), os.path.join(raw, b"\xff\xfd"))
    assert found(ground.sync()) == {"moved": 3}
    swapped = {"caf%E9.jpg": before["caf%25E9.jpg"], "caf%25E9.jpg": before["caf%E9.jpg"]}
    folder = {"%FF%FD/%80.jpg": before.pop("%FF%FE/%80.jpg")}
    assert ground.ids() == before | swapped | folder
    ground.settles()


# Links, holes and nothing at all


def test_two_names_of_one_file_are_copies(ground: Ground) -> None:
    put(ground.root / "a.jpg", picture(1))
    os.link(ground.root / "a.jpg", ground.root / "b.jpg")
    report = ground.sync()
    assert (found(report), report.duplicates) == ({"added": 2}, 1)
    before = ground.ids()
    os.rename(ground.root / "b.jpg", ground.root / "c.jpg")
    assert found(ground.sync()) == {"moved": 1}
    assert ground.ids() == {"a.jpg": before["a.jpg"], "c.jpg": before["b.jpg"]}
    with open(ground.root / "c.jpg", "ab") as file:
        file.write(b"more")
    assert found(ground.sync()) == {"edited": 2}
    assert ground.ids() == {"a.jpg": before["a.jpg"], "c.jpg": before["b.jpg"]}
    (ground.root / "a.jpg").unlink()
    assert found(ground.sync()) == {"removed": 1}
    assert ground.ids() == {"c.jpg": before["b.jpg"]}
    os.link(ground.root / "c.jpg", ground.root / "a.jpg")
    assert found(ground.sync()) == {"restored": 1}
    assert ground.ids() == {"a.jpg": before["a.jpg"], "c.jpg": before["b.jpg"]}
    ground.settles()


def test_a_number_that_the_disk_gives_to_another_file_proves_nothing(ground: Ground) -> None:
    """File systems give the number of a deleted file to the next one; here with the same size and time as well."""
    reused = 0
    for number in range(10):
        old, new = ground.root / f"old-{number}.jpg", ground.root / f"new-{number}.jpg"
        at = 1_700_000_000_000_000_000 + number
        inode = put(old, picture(2 * number, 500), mtime_ns=at).stat().st_ino
        ground.sync()
        was = ground.ids()[old.name]
        old.unlink()
        reused += put(new, picture(2 * number + 1, 500), mtime_ns=at).stat().st_ino == inode
        assert found(ground.sync()) == {"added": 1, "removed": 1}
        assert ground.ids()[new.name] != was
    assert reused or kind_of_disk(ground.root) == "tmpfs", "this disk never uses a number again"
    ground.settles()


def test_a_file_of_holes_moves_and_an_empty_one_is_never_matched(ground: Ground) -> None:
    with open(ground.root / "holes.jpg", "wb") as file:
        file.truncate(5 << 20)
    put(ground.root / "empty.jpg", b"")
    report = ground.sync()
    assert (found(report), report.broken, report.bytes_hashed) == ({"added": 2}, 2, 5 << 20)
    before = ground.ids()
    (ground.root / "holes.jpg").rename(ground.root / "hollow.jpg")
    (ground.root / "empty.jpg").rename(ground.root / "void.jpg")
    assert found(ground.sync()) == {"moved": 1, "added": 1, "removed": 1}
    after = ground.ids()
    assert after["hollow.jpg"] == before["holes.jpg"]
    assert after["void.jpg"] not in before.values()
    put(ground.root / "void.jpg", picture(1))
    assert found(ground.sync()) == {"edited": 1}
    assert ground.ids() == after
    assert ground.items()[after["void.jpg"]].state == "alive"
    ground.settles()


# Times


def test_a_time_set_back_or_far_ahead_hides_no_edit(ground: Ground) -> None:
    times = {"old.jpg": 10**9, "epoch.jpg": 0, "before.jpg": -(10**18), "soon.jpg": 4 * 10**18, "late.jpg": LAST_NS}
    for number, name in enumerate(times):
        put(ground.root / name, picture(number, 300))
    ground.sync()
    before = ground.ids()
    for number, (name, at) in enumerate(times.items()):
        put(ground.root / name, picture(10 + number, 300), mtime_ns=at)
    assert found(ground.sync()) == {"edited": 5}
    assert ground.ids() == before
    for number, (name, at) in enumerate(times.items()):
        put(ground.root / name, picture(20 + number, 300), mtime_ns=at)
    assert found(ground.sync()) == {"edited": 5}
    ground.settles()


def test_a_time_that_no_database_can_hold_stops_nothing(ground: Ground) -> None:
    put(ground.root / "fine.jpg", picture(1))
    put(ground.root / "a.jpg", picture(2), mtime_ns=(LAST_NS // 10**9 + 1) * 10**9)
    put(ground.root / "notes.json", b'{"title": "late"}', mtime_ns=(LAST_NS // 10**9 + 2) * 10**9)
    if (ground.root / "a.jpg").stat().st_mtime_ns <= LAST_NS:
        pytest.skip("this disk knows no time after the year 2262")
    assert found(ground.sync()) == {"added": 2}
    before = ground.ids()
    put(ground.root / "a.jpg", picture(3), mtime_ns=(LAST_NS // 10**9 + 1) * 10**9)
    assert found(ground.sync()) == {"edited": 1}
    assert ground.ids() == before
    ground.settles()


def test_an_edit_that_keeps_size_and_time_shows_in_the_version(ground: Ground) -> None:
    path = put(ground.root / "a.jpg", picture(1, 300))
    put(ground.root / "b.jpg", picture(2, 300))
    ground.sync()
    before = ground.ids()
    put(path, picture(3, 300), mtime_ns=path.stat().st_mtime_ns)
    report = ground.sync()
    assert (found(report), report.hashed) == ({"edited": 1}, 1)
    assert ground.ids() == before
    ground.settles()


class Dull(SourceDefaults):
    """A source that can say of a file no more than its size and time, as most services over the web."""

    def __init__(self, real: object) -> None:
        self._real = real

    def list_media(self, cursor: str | None) -> Listing:
        def dulled(file: ListedFile) -> ListedFile:
            return attrs.evolve(file, version=str(file.mtime_ns), hint=None)

        listing: Listing = self._real.list_media(cursor)  # type: ignore[attr-defined]
        return attrs.evolve(listing, files=tuple(map(dulled, listing.files)))

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def open_media(self, key: str) -> object:  # type: ignore[override]
        return self._real.open_media(key)  # type: ignore[attr-defined]

    def identity(self, establish: bool) -> str | None:
        return self._real.identity(establish)  # type: ignore[attr-defined, no-any-return]


def _edited_unseen(land: Land) -> Ground:
    ground = land.ground(wrap=Dull)
    for number in range(20):
        put(ground.root / f"{number}.jpg", picture(number, 300))
    ground.sync()
    path = ground.root / "7.jpg"
    put(path, picture(99, 300), mtime_ns=path.stat().st_mtime_ns)
    report = ground.sync()
    assert (found(report), report.unchanged) == ({}, 20), "this source cannot tell; nothing was read"
    return ground


def test_an_edit_that_a_source_cannot_tell_is_found_when_everything_is_read(land: Land) -> None:
    ground = _edited_unseen(land)
    before = ground.ids()
    report = ground.sync(force=True)
    assert (found(report), report.hashed) == ({"edited": 1}, 20)
    assert ground.ids() == before


def test_an_edit_that_a_source_cannot_tell_is_found_by_a_daily_pass(land: Land) -> None:
    ground = _edited_unseen(land)
    before, read, edited = ground.ids(), 0, 0
    for day in range(400):
        report = ground.sync(timedelta(days=1), check_day=day)
        read += report.hashed
        edited += report.edited
        if edited:
            break
    assert edited == 1, f"400 daily passes read {read} files again and found nothing"
    assert ground.ids() == before


def test_the_clock_goes_back_an_hour_between_two_syncs(ground: Ground) -> None:
    for number in range(5):
        put(ground.root / f"{number}.jpg", picture(number, 300))
    ground.sync(HOUR)
    before = ground.ids()
    stamp = ground.root.joinpath("1.jpg").stat().st_mtime_ns
    put(ground.root / "0.jpg", picture(10, 300))
    put(ground.root / "1.jpg", picture(11, 300), mtime_ns=stamp)
    (ground.root / "2.jpg").rename(ground.root / "two.jpg")
    (ground.root / "3.jpg").unlink()
    report = ground.sync(-HOUR)
    assert found(report) == {"edited": 2, "moved": 1, "removed": 1}
    ids = ground.ids()
    assert ids == {
        "0.jpg": before["0.jpg"],
        "1.jpg": before["1.jpg"],
        "two.jpg": before["2.jpg"],
        "4.jpg": before["4.jpg"],
    }
    put(ground.root / "3.jpg", picture(3, 300))
    assert found(ground.sync()) == {"restored": 1}
    assert ground.ids()["3.jpg"] == before["3.jpg"]
    ground.settles()


# What is no file, cannot be read, or is too deep


def test_pipes_sockets_and_devices_named_like_pictures(ground: Ground) -> None:
    put(ground.root / "a.jpg", picture(1))
    put(ground.root / "b.jpg", picture(2))
    ground.sync()
    before = ground.ids()
    (ground.root / "a.jpg").unlink()
    os.mkfifo(ground.root / "a.jpg")
    os.mkfifo(ground.root / "pipe.jpg")
    if not os.geteuid():
        os.mknod(ground.root / "device.jpg", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(ground.root)
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)
        assert found(ground.sync()) == {"removed": 1}
        assert ground.ids() == {"b.jpg": before["b.jpg"]}
    (ground.root / "a.jpg").unlink()
    put(ground.root / "a.jpg", picture(1))
    assert found(ground.sync()) == {"restored": 1}
    assert ground.ids() == before
    ground.settles()


def test_a_pipe_that_takes_a_name_between_listing_and_reading_stops_nobody(land: Land) -> None:
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    for number in range(3):
        put(ground.root / f"{number}.jpg", picture(number))
    path = ground.root / "1.jpg"

    def swap() -> None:
        path.unlink()
        os.mkfifo(path)

    meddling.once["before fingerprint"] = swap
    report = ground.sync()
    assert (found(report), report.deferred) == ({"added": 2}, 1)
    assert found(ground.sync()) == {}
    path.unlink()
    put(path, picture(1))
    assert found(ground.sync()) == {"added": 1}


def test_folders_and_files_without_permission_keep_their_items(tmp_path: Path, databases: Databases) -> None:
    numbers = itertools.count()
    assert look_file(io.BytesIO(HEADS[0])).problem is None
    with open_to_all() as place:
        land = Land(place, lambda: databases.copy_sqlite(tmp_path / f"{next(numbers)}.db"))
        ground = land.ground(wrap=AsNobody)
        ground.root.chmod(0o777)
        for number in range(15):
            put(ground.root / f"closed/{number}.jpg", picture(number)).chmod(0o666)
        put(ground.root / "open/a.jpg", picture(20)).chmod(0o666)
        put(ground.root / "open/b.jpg", picture(21)).chmod(0o666)
        assert found(ground.sync()) == {"added": 17}
        before = ground.ids()
        (ground.root / "closed").chmod(0)
        put(ground.root / "open/a.jpg", picture(22)).chmod(0)
        for _ in range(3):
            report = ground.sync()
            assert (found(report), report.missing) == ({}, 0)
            assert report.errors
            assert ground.ids() == before
        (ground.root / "closed").chmod(0o755)
        (ground.root / "open/a.jpg").chmod(0o644)
        assert found(ground.sync()) == {"edited": 1}
        assert ground.ids() == before
        land.close()


def test_a_folder_that_closes_before_absence_is_confirmed_confirms_nothing(
    tmp_path: Path, databases: Databases
) -> None:
    numbers, meddling = itertools.count(), Meddling()
    with open_to_all() as place:
        land = Land(place, lambda: databases.copy_sqlite(tmp_path / f"{next(numbers)}.db"))
        ground = land.ground(wrap=lambda real: Meddled(AsNobody(real), meddling))
        ground.root.chmod(0o777)
        for number in range(5):
            put(ground.root / f"a/{number}.jpg", picture(number)).chmod(0o666)
        ground.sync()
        before = ground.ids()
        (ground.root / "a/1.jpg").unlink()
        meddling.once["before confirm_absent"] = lambda: (ground.root / "a").chmod(0)
        assert found(ground.sync()) == {}
        assert ground.ids() == before
        (ground.root / "a").chmod(0o755)
        assert found(ground.sync()) == {"removed": 1}
        land.close()


class AsNobody:
    """The source as somebody who is not root sees it."""

    def __init__(self, real: object) -> None:
        self._real = real

    def fingerprint(self, entries: object) -> object:
        with without_root():
            return iter(list(self._real.fingerprint(entries)))  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        value = getattr(self._real, name)

        def call(*args: object) -> object:
            with without_root():
                return value(*args)

        return call


def test_circles_of_links_and_links_that_come_and_go(land: Land) -> None:
    ground = land.ground()
    outside = land.place / "outside"
    put(outside / "x.jpg", picture(1))
    put(ground.root / "a/b/y.jpg", picture(2))
    (ground.root / "a/b/up").symlink_to(ground.root / "a")
    (ground.root / "a/b/top").symlink_to(ground.root)
    (ground.root / "self.jpg").symlink_to("self.jpg")
    (ground.root / "ping").symlink_to("pong")
    (ground.root / "pong").symlink_to("ping")
    (ground.root / "link").symlink_to(outside)
    assert found(ground.sync()) == {"added": 2}
    before = ground.ids()
    assert before.keys() == {"a/b/y.jpg", "link/x.jpg"}
    outside.rename(land.place / "unplugged")
    report = ground.sync()
    assert (found(report), report.missing, ground.ids()) == ({}, 0, before)
    (land.place / "unplugged").rename(outside)
    (ground.root / "link").unlink()
    shutil.copytree(outside, ground.root / "link")
    assert found(ground.sync()) == {}
    assert ground.ids() == before
    shutil.rmtree(ground.root / "link")
    assert found(ground.sync()) == {"removed": 1}
    ground.settles()


def test_folders_so_deep_that_no_path_reaches_them(ground: Ground) -> None:
    """Longer than any system call takes: it can be listed, not opened. Nobody may be frightened by that."""
    name, levels = "d" * 250, 20
    put(ground.root / "top.jpg", picture(1))
    put(ground.root / "shallow/a.jpg", picture(2, 777))
    ground.sync()
    before = ground.ids()
    here = Path.cwd()
    os.chdir(ground.root)
    try:
        for _ in range(levels):
            os.mkdir(name)
            os.chdir(name)
        os.rename(ground.root / "shallow/a.jpg", "a.jpg")
        Path("new.jpg").write_bytes(picture(3, 888))
    finally:
        os.chdir(here)
    for _ in range(2):
        report = ground.sync()
        assert report.errors, "nobody was told"
        assert found(report) in ({}, {"removed": 1})
        assert ground.ids()["top.jpg"] == before["top.jpg"]
    os.rename(ground.root / name / name, ground.root / "short")
    for number in range(levels // 2):
        os.rename(Path(ground.root, "short", *[name] * 1), ground.root / f"short-{number}")
        shutil.rmtree(ground.root / "short")
        os.rename(ground.root / f"short-{number}", ground.root / "short")
    assert len(os.path.join(ground.root / "short", *[name] * (levels // 2))) < 4096
    report = ground.sync()
    assert found(report) in ({"added": 1, "moved": 1}, {"added": 1, "restored": 1})
    after = ground.ids()
    assert before["shallow/a.jpg"] in after.values()
    ground.settles()


# Folders and files that take each other's names


def test_a_file_takes_the_name_of_a_folder_and_gives_it_back(land: Land) -> None:
    ground = land.ground()
    put(ground.root / "a.jpg/x.jpg", picture(1))
    put(ground.root / "a.jpg/y.jpg", picture(2))
    put(ground.root / "b.jpg", picture(3))
    ground.sync()
    before = ground.ids()
    (ground.root / "a.jpg").rename(land.place / "away")
    (ground.root / "b.jpg").rename(ground.root / "a.jpg")
    assert found(ground.sync()) == {"moved": 1, "removed": 2}
    assert ground.ids() == {"a.jpg": before["b.jpg"]}
    (ground.root / "a.jpg").rename(ground.root / "b.jpg")
    (land.place / "away").rename(ground.root / "a.jpg")
    assert found(ground.sync()) == {"moved": 1, "restored": 2}
    assert ground.ids() == before
    (ground.root / "a.jpg").rename(ground.root / "c")
    (ground.root / "b.jpg").rename(ground.root / "a.jpg")
    assert found(ground.sync()) == {"moved": 3}
    ground.settles()


def test_a_folder_takes_the_name_of_a_picture(ground: Ground) -> None:
    put(ground.root / "a.jpg", picture(1))
    put(ground.root / "b.jpg", picture(2))
    ground.sync()
    before = ground.ids()
    (ground.root / "a.jpg").unlink()
    put(ground.root / "a.jpg/inside.jpg", picture(3))
    (ground.root / "b.jpg").rename(ground.root / "x")
    (ground.root / "b.jpg").mkdir()
    (ground.root / "x").rename(ground.root / "b.jpg/b.jpg")
    assert found(ground.sync()) == {"added": 1, "removed": 1, "moved": 1}
    assert ground.ids()["b.jpg/b.jpg"] == before["b.jpg"]
    ground.settles()


@pytest.mark.parametrize("backup", ["", "{}~", "old-{}"])
def test_a_program_saves_again_and_again_by_taking_the_place_of_the_old_file(ground: Ground, backup: str) -> None:
    """With a backup beside it that counts as a picture, the item goes with its bytes."""
    put(ground.root / "a.jpg", picture(0, 400))
    put(ground.root / "b.jpg", picture(1000))
    ground.sync()
    before = ground.ids()
    for number in range(1, 16):
        saved = put(ground.root / ".a.jpg.saving", picture(number, 400))
        if backup:
            os.replace(ground.root / "a.jpg", ground.root / backup.format("a.jpg"))
        os.replace(saved, ground.root / "a.jpg")
        kept = ground.ids()
        report = ground.sync()
        if backup != "old-{}":
            assert found(report) == {"edited": 1}
            assert ground.ids() == before
        elif number == 1:
            assert found(report) == {"moved": 1, "added": 1}
        else:
            # What was the backup is gone for good; the picture goes on under the backup's name.
            assert found(report) == {"moved": 1, "added": 1, "removed": 1}
            assert ground.ids()["old-a.jpg"] == kept["a.jpg"]
    assert ground.ids()["b.jpg"] == before["b.jpg"]
    ground.settles()


# Very many, all at once, and while somebody is at it


def test_ten_thousand_files_dropped_at_once(ground: Ground) -> None:
    put(ground.root / "before.jpg", picture(0))
    ground.sync()
    before = ground.ids()
    drop = ground.root / "drop"
    drop.mkdir()
    for number in range(DROPPED):
        (drop / f"{number:05}.jpg").write_bytes(picture(1 + number))
    report = ground.sync()
    assert (found(report), report.unchanged, report.hashed) == ({"added": DROPPED}, 1, DROPPED)
    ids = ground.ids()
    assert len(set(ids.values())) == DROPPED + 1
    drop.rename(ground.root / "elsewhere")
    report = ground.sync()
    assert (found(report), report.held) == ({"moved": DROPPED}, ())
    moved = {key.replace("drop/", "elsewhere/"): number for key, number in ids.items()}
    assert ground.ids() == moved
    shutil.rmtree(ground.root / "elsewhere")
    report = ground.sync()
    assert found(report) == {}
    assert report.held
    assert ground.ids() == moved
    report = ground.sync(accept_removals=True, accepted_plan=report.plan)
    assert found(report) == {"removed": DROPPED}
    assert ground.ids() == before


class Renamer:
    """Somebody who keeps renaming files until told to stop; every file keeps its bytes."""

    def __init__(self, root: Path, count: int) -> None:
        self.where = {number: root / f"{number % 40:02}/{number:05}.jpg" for number in range(count)}
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.renamed = 0

    def _work(self) -> None:
        numbers = itertools.cycle(range(0, len(self.where), 7))
        while not self._stop.is_set():
            self.rename(next(numbers))

    def rename(self, number: int) -> None:
        """From one folder into another, now before and now behind the walk."""
        was = self.where[number]
        self.renamed += 1
        now = self._root / f"{(number * 13 + self.renamed) % 40:02}/{number:05}.jpg"
        os.rename(was, now)
        self.where[number] = now

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()


def test_renames_while_everything_is_listed_and_read_lose_nobody(land: Land) -> None:
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    renamer = Renamer(ground.root, MANY)
    for number, path in renamer.where.items():
        put(path, picture(number))
    assert found(ground.sync()) == {"added": MANY}
    born = {item.digest: number for number, item in ground.items().items()}
    for _ in range(4):
        with renamer:
            for _ in range(2):
                report = ground.sync()
                assert report.removed == 0, "a file that was only renamed was removed"
        ground.sync()
        again = {item.digest: number for number, item in ground.items().items() if item.removed_at is None}
        assert again == born, "a file that was only renamed became another item"
        renamer = _again(renamer)
    assert renamer.renamed > 0
    assert ground.files().keys() == {str(path.relative_to(ground.root)) for path in renamer.where.values()}
    ground.settles()


def _again(renamer: Renamer) -> Renamer:
    fresh = Renamer(renamer._root, 0)
    fresh.where, fresh.renamed = renamer.where, renamer.renamed
    return fresh


@pytest.mark.parametrize("moment", ["after list_media", "before fingerprint", "before confirm_absent"])
def test_a_rename_between_listing_and_reading(land: Land, moment: str) -> None:
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    for number in range(12):
        put(ground.root / f"{number:02}.jpg", picture(number))
    ground.sync()
    before = ground.ids()
    put(ground.root / "00.jpg", picture(20))
    (ground.root / "01.jpg").unlink()
    (ground.root / "02.jpg").rename(ground.root / "two.jpg")

    def meddle() -> None:
        (ground.root / "00.jpg").rename(ground.root / "none.jpg")
        (ground.root / "two.jpg").rename(ground.root / "2.jpg")
        (ground.root / "03.jpg").rename(ground.root / "x")
        (ground.root / "04.jpg").rename(ground.root / "03.jpg")
        (ground.root / "x").rename(ground.root / "04.jpg")
        put(ground.root / "01.jpg", picture(1))

    meddling.once[moment] = meddle
    ground.sync()
    assert not meddling.once, "the moment never came"
    ground.sync()
    after = ground.ids()
    assert after["2.jpg"] == before["02.jpg"]
    assert (after["03.jpg"], after["04.jpg"]) == (before["04.jpg"], before["03.jpg"])
    assert after["01.jpg"] == before["01.jpg"]
    ground.settles()


def test_who_moves_on_while_it_is_read_is_not_forgotten(land: Land) -> None:
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    put(ground.root / "a.jpg", picture(1))
    put(ground.root / "other.jpg", picture(2))
    ground.sync()
    before = ground.ids()
    (ground.root / "a.jpg").rename(ground.root / "b.jpg")
    put(ground.root / "a.jpg", picture(3))
    meddling.once["before fingerprint"] = lambda: (ground.root / "b.jpg").rename(ground.root / "c.jpg")
    ground.sync()
    ground.sync()
    after = ground.ids()
    assert after.keys() == {"a.jpg", "c.jpg", "other.jpg"}
    assert after["c.jpg"] == before["a.jpg"], "the item stayed behind with other bytes"
    ground.settles()


class Glimpse:
    """What a walk sees that meets a rename: `meanwhile` happens between two looks, of which `seen` makes one."""

    def __init__(self, seen: Callable[[Listing, Listing], tuple[ListedFile, ...]]) -> None:
        self.meanwhile: Callable[[], object] | None = None
        self._seen = seen
        self._real: object = None

    def around(self, real: object) -> Glimpse:
        """Look through this source."""
        self._real = real
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def list_media(self, cursor: str | None) -> Listing:
        listing: Listing = self._real.list_media(cursor)  # type: ignore[attr-defined]
        if self.meanwhile is None:
            return listing
        self.meanwhile()
        self.meanwhile = None
        later: Listing = self._real.list_media(cursor)  # type: ignore[attr-defined]
        return attrs.evolve(listing, files=self._seen(listing, later), complete=False)


def test_a_file_seen_twice_by_a_look_that_was_not_whole(land: Land) -> None:
    glimpse = Glimpse(lambda first, later: (*first.files, *later.files))
    ground = land.ground(wrap=glimpse.around)
    put(ground.root / "a/1.jpg", picture(1))
    ground.sync()
    before = ground.ids()
    (ground.root / "b").mkdir()

    def rename() -> None:
        (ground.root / "a/1.jpg").rename(ground.root / "b/1.jpg")

    glimpse.meanwhile = rename
    ground.sync()
    ground.sync()
    assert ground.ids() == {"b/1.jpg": before["a/1.jpg"]}, "the copy lives and the item is gone"
    ground.settles()


def test_a_swap_while_the_folder_does_not_hold_still(land: Land) -> None:
    glimpse = Glimpse(lambda first, later: tuple(file for file in later.files if file.key != "b/2.jpg"))
    ground = land.ground(wrap=glimpse.around)
    put(ground.root / "a/1.jpg", picture(1))
    put(ground.root / "b/2.jpg", picture(2))
    ground.sync()
    before = ground.ids()

    def swap() -> None:
        (ground.root / "a/1.jpg").rename(ground.root / "x")
        (ground.root / "b/2.jpg").rename(ground.root / "a/1.jpg")
        (ground.root / "x").rename(ground.root / "b/2.jpg")

    glimpse.meanwhile = swap
    ground.sync()
    ground.sync()
    assert ground.ids() == {"a/1.jpg": before["b/2.jpg"], "b/2.jpg": before["a/1.jpg"]}
    ground.settles()


def test_a_file_that_is_written_over_while_it_is_read_waits(land: Land) -> None:
    """Its size stays; only a second look at the end of reading shows that something moved."""
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    path = ground.root / "large.jpg"
    with open(path, "wb") as file:
        file.truncate(128 << 20)
    stop = threading.Event()

    def disturb() -> None:
        with open(path, "r+b", buffering=0) as file:
            while not stop.wait(0.02):
                os.pwrite(file.fileno(), b"!", 0)

    disturber = threading.Thread(target=disturb)
    meddling.once["before fingerprint"] = disturber.start
    try:
        report = ground.sync()
    finally:
        stop.set()
        disturber.join()
    assert (found(report), report.deferred) == ({}, 1)
    assert found(ground.sync()) == {"added": 1}
    ground.settles()


def test_what_is_replaced_between_listing_and_reading_waits(land: Land) -> None:
    """By another file of the same size; what was listed is never told of with the bytes of what is read."""
    meddling = Meddling()
    ground = land.ground(wrap=lambda real: Meddled(real, meddling))
    put(ground.root / "a.jpg", picture(1, 300))

    def replace() -> None:
        put(ground.root / ".saving", picture(2, 300)).replace(ground.root / "a.jpg")

    meddling.once["before fingerprint"] = replace
    report = ground.sync()
    assert (found(report), report.deferred) == ({}, 1)
    assert found(ground.sync()) == {"added": 1}
    ground.settles()


class Writer:
    """Somebody who writes a file bit by bit."""

    def __init__(self, path: Path, pieces: list[bytes]) -> None:
        self._path, self._pieces = path, pieces
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        with open(self._path, "wb", buffering=0) as file:
            for piece in self._pieces:
                file.write(piece)
                time.sleep(0.05)

    def writing(self) -> bool:
        """Whether there is more to come."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join()


@pytest.mark.parametrize("known", [False, True], ids=["a new file", "a file that was there"])
def test_a_file_that_grows_is_taken_once_and_never_half(land: Land, known: bool) -> None:
    """With the disk's own clock, as a scheduled sync looks at it: what is younger than two seconds waits."""
    ground = land.ground()
    path = ground.root / "grows.jpg"
    put(ground.root / "still.jpg", picture(1))
    if known:
        put(path, picture(2))
    ground.sync()
    before = ground.ids()
    whole = picture(3, 200_000)
    size = len(whole) // (1200 if THOROUGH else 40) + 1
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    still, waited = timedelta(seconds=2), 0
    with Writer(path, pieces) as writer:
        while writer.writing():
            ground.clock.at = disk_time(land.place)
            report = ground.sync(timedelta(), still_for=still)
            assert found(report) == {}, "a file was taken while it was being written"
            waited += report.deferred
    assert waited, "nobody waited"
    ground.clock.at = disk_time(land.place)
    assert found(ground.sync(still_for=still)) == ({"edited": 1} if known else {"added": 1})
    after = ground.ids()
    assert after.items() >= before.items()
    assert ground.files()["grows.jpg"].size == len(whole)
    assert ground.events(after["grows.jpg"]) == (["added", "edited"] if known else ["added"])
    ground.settles()


# Disks that come and go


def _may_mount() -> bool:
    return (
        not os.geteuid()
        and not subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode
    )


@pytest.mark.skipif(not _may_mount(), reason="only root may mount disks, and not everywhere")
@pytest.mark.parametrize("story", mounted.STORIES, ids=lambda story: story.__name__)
def test_a_disk_that_comes_and_goes(story: Callable[..., None], tmp_path: Path, databases: Databases) -> None:
    urls = [databases.copy_sqlite(tmp_path / f"library-{number}.db") for number in range(4)]
    mounted.tell(story, tmp_path, urls)
