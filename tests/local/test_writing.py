"""New files in a folder: whole or not at all, never over another one, and only where they would be found."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable
from storyline_core.testing import picture
from storyline_local.folder import FolderSource


class Failing(io.BytesIO):
    """A content that fails after its first part."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"x" * 100)
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise self._error
        return super().read(10)


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("error", [OSError(5, "read error"), Refused("Telegram gives it no more."), RuntimeError("x")])
def test_what_breaks_off_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    with pytest.raises((PluginFault, RuntimeError)):
        FolderSource(tmp_path).store_media("cats", "cat.jpg", Failing(error))
    assert everything(tmp_path) == []


def test_many_of_one_name_at_once_are_as_many_files(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda number: source.store_media("", "cat.jpg", io.BytesIO(b"%d" % number)), range(24)))
    assert len(set(keys)) == 24
    assert len(everything(tmp_path)) == 24
    for number, key in enumerate(keys):
        with source.open_media(key) as file:
            assert file.read() == b"%d" % number


@pytest.mark.parametrize("name", ["100%.jpg", "猫.jpg", "a b.PNG", "it's; $(rm).mp4"])
def test_awkward_names_are_kept(tmp_path: Path, name: str) -> None:
    source = FolderSource(tmp_path)
    key = source.store_media("ä/100%", name, io.BytesIO(picture(1)))
    [entry] = source.list_media(None).files
    assert (entry.key, entry.name, entry.folder) == (key, name, "ä/100%")


def test_a_file_in_the_folders_place_is_no_reason_to_write_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "cats").write_bytes(b"a file")
    with pytest.raises((Unavailable, NeedsPerson), match="Nothing can be written into"):
        FolderSource(tmp_path).store_media("cats", "cat.jpg", io.BytesIO(b"x"))
    assert everything(tmp_path) == ["cats"]


@pytest.mark.parametrize("folder", [".hidden", "a/.git", "@eaDir", "lost+found", "a//b", ".", "a/.."])
def test_folders_that_no_scan_enters_are_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(Refused):
        FolderSource(tmp_path).store_media(folder, "cat.jpg", io.BytesIO(b"x"))
    assert everything(tmp_path) == []


def test_a_root_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        FolderSource(tmp_path / "unplugged").store_media("", "cat.jpg", io.BytesIO(b"x"))
    assert not (tmp_path / "unplugged").exists()


def _forbidden(path: Path) -> Callable[[], None]:
    path.chmod(0o500)
    return lambda: path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not stop root")
def test_without_permission_a_person_is_needed(tmp_path: Path) -> None:
    mend = _forbidden(tmp_path)
    try:
        with pytest.raises(NeedsPerson, match="let Storyline write"):
            FolderSource(tmp_path).store_media("", "cat.jpg", io.BytesIO(b"x"))
    finally:
        mend()
