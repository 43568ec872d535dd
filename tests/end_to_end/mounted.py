"""Disks that come and go, each story in a process that alone sees what it mounts."""

from __future__ import annotations

import ctypes
import os
import subprocess
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from storyline_core import Unavailable
from tests.end_to_end import worker
from tests.end_to_end.ground import Land, Meddled, Meddling, found, picture, put

_OWN_MOUNTS = 0x00020000
_PICTURES = 30

Story = Callable[[Path, Callable[[], str]], None]


def tell(story: Story, place: Path, urls: Sequence[str]) -> None:
    """Tell a story in a process with mounts of its own; what went wrong there goes wrong here."""
    complaint = place / "complaint"
    process = worker._CONTEXT.Process(target=_alone, args=(story, place, urls, complaint))
    process.start()
    process.join(timeout=120)
    assert process.exitcode == 0, complaint.read_text() if complaint.exists() else process.exitcode


def _alone(story: Story, place: Path, urls: Sequence[str], complaint: Path) -> None:
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_OWN_MOUNTS):
            raise OSError(ctypes.get_errno(), "no mounts of our own")
        _run("mount", "--make-rprivate", "/")
        story(place, map(str, urls).__next__)
    except BaseException:
        complaint.write_text(traceback.format_exc())
        raise


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def _mount(disk: Path, root: Path, *options: str) -> None:
    _run("mount", "--bind", disk, root)
    if options:
        _run("mount", "-o", ",".join(("remount", "bind", *options)), root)


def _unmount(root: Path) -> None:
    _run("umount", "--lazy", root)


def _disk(place: Path, name: str = "disk") -> Path:
    for number in range(_PICTURES):
        put(place / name / f"{'cats' if number % 2 else 'dogs'}/{number:02}.jpg", picture(number))
    return place / name


class _Mountable:
    """A folder on which a disk is mounted, with its library."""

    def __init__(self, place: Path, fresh: Callable[[], str], *options: str, marker: bool = True) -> None:
        self.place, self.options = place, options
        self.meddling = Meddling()
        self.land = Land(place, fresh)
        self.disk = _disk(place)
        (place / "pictures").mkdir()
        self.mount()
        self.ground = self.land.ground(wrap=lambda real: Meddled(real, self.meddling), marker=marker)
        report = self.ground.sync()
        assert found(report) == {"added": _PICTURES}
        self.ids = self.ground.ids()
        self.runs = self.told()

    def mount(self) -> None:
        """The disk is there."""
        _mount(self.disk, self.place / "pictures", *self.options)

    def unmount(self) -> None:
        """The disk is gone, and an empty folder is in its place."""
        _unmount(self.place / "pictures")

    def told(self) -> object:
        """Everything that is remembered of the files."""
        with self.ground.storyline.read() as unit:
            return sorted(unit.library.remembered("photos"), key=lambda file: file.id)

    def changes_nothing(self, gate: str | None, **request: object) -> None:
        """A sync that finds another folder there, or none, leaves everything as it was."""
        for _ in range(3):
            if gate is None:
                with pytest.raises(Unavailable):
                    self.ground.sync(**request)
            else:
                report = self.ground.sync(**request)
                assert [held.gate.value for held in report.held] == [gate]
                assert found(report) == {}
            assert self.told() == self.runs

    def is_as_before(self) -> None:
        """The disk is back, and nothing has happened."""
        report = self.ground.sync()
        assert (found(report), report.held, report.unchanged) == ({}, (), _PICTURES)
        assert report.hashed == 0
        assert self.ground.ids() == self.ids
        assert self.told() == self.runs
        self.land.close()


def a_disk_is_gone_and_an_empty_folder_in_its_place(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh)
    it.unmount()
    assert os.listdir(it.ground.root) == []
    it.changes_nothing("identity")
    it.changes_nothing("identity", accept_removals=True)
    it.changes_nothing("identity", force=True, accept_removals=True)
    it.mount()
    it.is_as_before()


def a_disk_comes_back_empty(place: Path, fresh: Callable[[], str]) -> None:
    """Emptied, with its marker still there; then full again."""
    it = _Mountable(place, fresh)
    it.unmount()
    for folder in ("cats", "dogs"):
        (it.disk / folder).rename(place / folder)
    it.mount()
    for _ in range(2):
        report = it.ground.sync()
        assert [held.gate.value for held in report.held] == ["empty"]
        assert found(report) == {}
        assert it.ground.ids() == it.ids
    it.unmount()
    for folder in ("cats", "dogs"):
        (place / folder).rename(it.disk / folder)
    it.mount()
    it.is_as_before()


def a_disk_that_can_only_be_read_is_known_by_its_place(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh, "ro")
    assert not (it.disk / ".storyline-source").exists()
    it.unmount()
    it.changes_nothing("identity")
    it.mount()
    it.is_as_before()


def a_folder_without_a_marker_is_known_by_its_place(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh, marker=False)
    it.unmount()
    it.changes_nothing("identity")
    it.mount()
    it.is_as_before()


def another_disk_in_its_place(place: Path, fresh: Callable[[], str]) -> None:
    """With pictures of its own, some of them the same."""
    it = _Mountable(place, fresh)
    it.unmount()
    _run("mount", "-t", "tmpfs", "none", it.ground.root)
    for number in range(20, 60):
        put(it.ground.root / f"cats/{number}.jpg", picture(number))
    it.changes_nothing("identity", accept_removals=True)
    assert not (it.ground.root / ".storyline-source").exists(), "a strange disk was marked as ours"
    it.unmount()
    it.mount()
    it.is_as_before()


def a_copy_of_the_disk_in_its_place(place: Path, fresh: Callable[[], str]) -> None:
    """A restored backup, marker and all: it is that folder, and only the inodes differ."""
    it = _Mountable(place, fresh)
    it.unmount()
    _run("cp", "-a", it.disk, place / "backup")
    it.disk = place / "backup"
    it.mount()
    report = it.ground.sync()
    assert (found(report), report.held) == ({}, ())
    assert it.ground.ids() == it.ids
    it.ground.settles()
    it.land.close()


def a_disk_is_pulled_out_after_it_was_listed(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh)
    it.meddling.once["after list_media"] = it.unmount
    with pytest.raises(Unavailable):
        it.ground.sync(accept_removals=True)
    assert it.told() == it.runs
    it.mount()
    it.is_as_before()


def a_disk_is_pulled_out_while_it_is_read(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh)
    for number in range(5):
        put(it.disk / f"new/{number}.jpg", picture(100 + number))
    (it.disk / "cats/01.jpg").unlink()
    (it.disk / "dogs/02.jpg").rename(it.disk / "dogs/two.jpg")
    it.meddling.once["before fingerprint"] = it.unmount
    _nothing_is_lost(it)
    it.mount()
    assert found(it.ground.sync()) == {"added": 5, "moved": 1, "removed": 1}
    assert it.ground.ids()["dogs/two.jpg"] == it.ids["dogs/02.jpg"]
    it.ground.settles()
    it.land.close()


def a_disk_is_pulled_out_when_absence_is_confirmed(place: Path, fresh: Callable[[], str]) -> None:
    """The listing was whole and something is really gone; the empty folder confirms it all too gladly."""
    it = _Mountable(place, fresh)
    (it.disk / "cats/01.jpg").unlink()
    it.meddling.once["before confirm_absent"] = it.unmount
    _nothing_is_lost(it)
    it.mount()
    assert found(it.ground.sync()) == {"removed": 1}
    it.ground.settles()
    it.land.close()


def another_disk_while_absence_is_confirmed(place: Path, fresh: Callable[[], str]) -> None:
    """It comes and goes, so that the folder is itself again afterwards: what was confirmed was confirmed of another."""
    it = _Mountable(place, fresh)
    for number in (1, 3, 5):
        (it.disk / f"cats/0{number}.jpg").rename(it.disk / f"x{number}")
    back = [(it.disk / f"x{number}", it.disk / f"cats/0{number}.jpg") for number in (1, 3, 5)]

    def swap() -> None:
        for was, now in back:
            was.rename(now)
        it.unmount()

    it.meddling.once["before confirm_absent"] = swap
    it.meddling.once["after confirm_absent"] = it.mount
    report = it.ground.sync()
    assert found(report) in ({}, {"removed": 3})
    assert found(it.ground.sync()) in ({}, {"restored": 3})
    assert it.ground.ids() == it.ids
    it.ground.settles()
    it.land.close()


def a_disk_inside_the_folder_goes_and_comes_back(place: Path, fresh: Callable[[], str]) -> None:
    """A whole folder of thirty is held; a small one is removed, and comes back as itself."""
    land = Land(place, fresh)
    root = place / "pictures"
    disk = _disk(place)
    for number in range(3):
        put(place / f"card/{number}.jpg", picture(200 + number))
    for number in range(40):
        put(root / f"own/{number}.jpg", picture(300 + number))
    (root / "disk").mkdir()
    (root / "card").mkdir()
    _mount(disk, root / "disk")
    _mount(place / "card", root / "card")
    ground = land.ground()
    ground.sync()
    before = ground.ids()
    _unmount(root / "disk")
    report = ground.sync()
    assert (found(report), bool(report.held)) == ({}, True)
    assert ground.ids() == before
    _mount(disk, root / "disk")
    assert found(ground.sync()) == {}
    _unmount(root / "card")
    assert found(ground.sync()) in ({}, {"removed": 3})
    _mount(place / "card", root / "card")
    assert found(ground.sync()) in ({}, {"restored": 3})
    assert ground.ids() == before
    ground.settles()
    land.close()


def two_mounts_of_one_disk_are_listed_once(place: Path, fresh: Callable[[], str]) -> None:
    it = _Mountable(place, fresh)
    (it.disk / "again").mkdir()
    _mount(it.disk / "cats", it.ground.root / "again")
    report = it.ground.sync()
    assert found(report) == {}
    assert it.ground.ids() == it.ids
    it.land.close()


def a_disk_image_is_mounted_again(place: Path, fresh: Callable[[], str]) -> None:
    """A file system of its own: after it was mounted anew, everything is as it was, inodes and times."""
    image = place / "image"
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    try:
        _run("mkfs.ext4", "-q", image)
        (place / "loop").mkdir()
        _run("mount", "-o", "loop", image, place / "loop")
    except (OSError, subprocess.CalledProcessError):
        return
    _run("umount", place / "loop")
    (place / "pictures").mkdir()
    land = Land(place, fresh)
    _run("mount", "-o", "loop", image, place / "pictures")
    for number in range(5):
        put(place / f"pictures/{number}.jpg", picture(number))
    ground = land.ground(marker=False)
    ground.sync()
    before = ground.ids()
    _run("umount", place / "pictures")
    report = ground.sync()
    assert [held.gate.value for held in report.held] == ["identity"]
    _run("mount", "-o", "loop", image, place / "pictures")
    report = ground.sync()
    assert (found(report), report.hashed, report.held) == ({}, 0, ())
    assert ground.ids() == before
    land.close()
    _run("umount", place / "pictures")


def _nothing_is_lost(it: _Mountable) -> None:
    """Pulled out in the middle: the sync fails, or does only what it could be sure of."""
    before = it.ground.ids()
    try:
        report = it.ground.sync()
    except Unavailable:
        pass
    else:
        assert report.removed == 0
    assert set(it.ground.ids().values()) >= set(before.values())


STORIES: tuple[Story, ...] = (
    a_disk_is_gone_and_an_empty_folder_in_its_place,
    a_disk_comes_back_empty,
    a_disk_that_can_only_be_read_is_known_by_its_place,
    a_folder_without_a_marker_is_known_by_its_place,
    another_disk_in_its_place,
    a_copy_of_the_disk_in_its_place,
    a_disk_is_pulled_out_after_it_was_listed,
    a_disk_is_pulled_out_while_it_is_read,
    a_disk_is_pulled_out_when_absence_is_confirmed,
    another_disk_while_absence_is_confirmed,
    a_disk_inside_the_folder_goes_and_comes_back,
    two_mounts_of_one_disk_are_listed_once,
    a_disk_image_is_mounted_again,
)
