"""By what a folder is recognised again."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from storyline_core import Unavailable
from storyline_local.folder import FolderSource
from storyline_local.marker import MARKER
from tests.local.places import open_to_all, put, without_root


def test_a_marker_is_written_once_and_only_when_asked(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    place = source.identity(establish=False)
    assert place is not None
    assert place.startswith("place:")
    assert not (tmp_path / MARKER).exists()
    marked = source.identity(establish=True)
    assert marked is not None
    assert marked.startswith("marker:")
    assert source.identity(establish=True) == source.identity(establish=False) == marked
    assert source.list_media(None).identity == marked
    assert sorted(os.listdir(tmp_path)) == [MARKER]
    assert not source.list_media(None).files


def test_a_marker_goes_with_its_folder_and_another_folder_is_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    marked = FolderSource(first).identity(establish=True)
    first.rename(second)
    assert FolderSource(second).identity(establish=False) == marked
    first.mkdir()
    assert FolderSource(first).identity(establish=False) != marked
    assert FolderSource(first).identity(establish=True) != marked


def test_a_lost_marker_is_not_made_again_by_itself(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    marked = source.identity(establish=True)
    (tmp_path / MARKER).unlink()
    assert source.identity(establish=False) != marked
    assert not (tmp_path / MARKER).exists()


def test_a_spoilt_marker_is_no_marker(tmp_path: Path) -> None:
    put(tmp_path / MARKER, b"\xff\x00")
    source = FolderSource(tmp_path)
    assert str(source.identity(establish=False)).startswith("place:")
    assert str(source.identity(establish=True)).startswith("marker:")
    assert sorted(os.listdir(tmp_path)) == [MARKER]


def test_without_a_marker_the_place_on_the_disk_counts(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "a", marker=False)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert source.identity(establish=True) == source.identity(establish=False)
    assert source.identity(establish=True) != FolderSource(tmp_path / "b", marker=False).identity(establish=True)
    assert not os.listdir(tmp_path / "a")


def test_a_folder_that_cannot_be_written_is_recognised_by_its_place() -> None:
    with open_to_all() as root:
        closed = root / "closed"
        closed.mkdir(mode=0o555)
        with without_root():
            source = FolderSource(closed)
            first = source.identity(establish=True)
            assert str(first).startswith("place:")
            assert source.identity(establish=False) == first


def test_a_folder_that_is_not_there_has_no_identity_to_tell(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(Unavailable):
        FolderSource(tmp_path).identity(establish=True)


def test_several_at_once_agree_on_one_marker(tmp_path: Path) -> None:
    found: list[str | None] = []
    start = threading.Barrier(8)

    def establish() -> None:
        start.wait()
        found.append(FolderSource(tmp_path).identity(establish=True))

    threads = [threading.Thread(target=establish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert os.listdir(tmp_path) == [MARKER]
