"""Digests and looks: one reading of each file, on all cores, and never of a file that moves."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_core import Fingerprint, ListedFile, Unread
from storyline_local.folder import FolderSource
from storyline_local.reading import BLOCK, read_all
from tests.local.places import open_to_all, put, without_root


def picture(width: int = 90, height: int = 160, noise: bool = False) -> bytes:
    file = BytesIO()
    image = (
        Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
        if noise
        else Image.new("RGB", (width, height))
    )
    image.save(file, "JPEG")
    return file.getvalue()


def answers(source: FolderSource, entries: list[ListedFile] | None = None) -> dict[str, Fingerprint | Unread]:
    given = list(source.list_media(None).files) if entries is None else entries
    found = list(source.fingerprint(given))
    assert sorted(answer.key for answer in found) == sorted(entry.key for entry in given)
    return {answer.key: answer for answer in found}


def test_every_file_is_answered_with_its_digest_and_what_it_is(tmp_path: Path) -> None:
    contents = {f"{number % 7}/{number}.jpg": picture(90 + number, 160) for number in range(100)}
    contents |= {"big.jpg": picture(900, 900, noise=True), "text.jpg": b"only words", "empty.png": b""}
    contents["block.mov"] = b"\0" * BLOCK
    contents["over.mov"] = b"\0" * (BLOCK * 2 + 1)
    for key, content in contents.items():
        put(tmp_path / key, content)
    source = FolderSource(tmp_path)
    listed = {entry.key: entry for entry in source.list_media(None).files}
    for key, answer in answers(source).items():
        assert isinstance(answer, Fingerprint)
        assert answer.digest == hashlib.sha256(contents[key]).hexdigest()
        assert (answer.size, answer.mtime_ns, answer.version) == (
            len(contents[key]),
            listed[key].mtime_ns,
            listed[key].version,
        )
        assert answer.look is not None
        if key[0].isdigit():
            assert (answer.look.media_type, answer.look.height) == ("image/jpeg", 160)
            assert answer.look.problem is None
    found = answers(source)
    for broken in ("text.jpg", "empty.png", "block.mov"):
        answer = found[broken]
        assert isinstance(answer, Fingerprint)
        assert answer.look is not None
        assert answer.look.problem
    big = found["big.jpg"]
    assert isinstance(big, Fingerprint)
    assert big.look is not None
    assert big.look.width == 900


def test_a_size_that_stands_far_behind_is_found_all_the_same(tmp_path: Path) -> None:
    plain = picture(90, 160)
    filler = b"\xff\xe2\xff\xff" + b"\0" * 65533
    put(tmp_path / "profile.jpg", plain[:2] + filler * 40 + plain[2:])
    answer = answers(FolderSource(tmp_path))["profile.jpg"]
    assert isinstance(answer, Fingerprint)
    assert answer.look is not None
    assert (answer.look.width, answer.look.height) == (90, 160)


def test_what_changed_since_it_was_listed_is_read_next_time(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    for name in ("grown.jpg", "touched.jpg", "replaced.jpg", "gone.jpg", "pipe.jpg", "folder.jpg", "still.jpg"):
        put(tmp_path / name, picture())
    entries = list(source.list_media(None).files)
    with open(tmp_path / "grown.jpg", "ab") as file:
        file.write(b"more")
    os.utime(tmp_path / "touched.jpg", (1, 1))
    os.replace(put(tmp_path / "other.bin", picture()), tmp_path / "replaced.jpg")
    (tmp_path / "gone.jpg").unlink()
    (tmp_path / "pipe.jpg").unlink()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").unlink()
    (tmp_path / "folder.jpg").mkdir()
    found = answers(source, entries)
    for name in ("grown.jpg", "touched.jpg", "replaced.jpg", "pipe.jpg", "folder.jpg", "gone.jpg"):
        answer = found[name]
        assert isinstance(answer, Unread)
        assert answer.passing
        assert answer.gone == (name == "gone.jpg")
        assert ("no longer a file" in answer.why) == (name in ("pipe.jpg", "folder.jpg"))
    assert isinstance(found["still.jpg"], Fingerprint)


def test_a_file_that_changes_under_the_reader_has_no_digest(tmp_path: Path) -> None:
    path = put(tmp_path / "film.mov", b"\0")
    os.truncate(path, 300 << 20)
    source = FolderSource(tmp_path)
    entries = source.list_media(None).files

    def touch_while_it_is_open() -> None:
        while str(path) not in open_files():
            pass
        time.sleep(0.01)
        os.utime(path)

    meanwhile = threading.Thread(target=touch_while_it_is_open)
    meanwhile.start()
    (answer,) = list(source.fingerprint(entries))
    meanwhile.join()
    assert isinstance(answer, Unread)
    assert answer.passing
    assert "read again next time" in answer.why


def open_files() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def test_no_permission_lasts_until_somebody_gives_it() -> None:
    with open_to_all() as root:
        put(root / "closed.jpg").chmod(0)
        put(root / "open.jpg")
        with without_root():
            found = answers(FolderSource(root))
    closed = found["closed.jpg"]
    assert isinstance(closed, Unread)
    assert not closed.passing
    assert not closed.gone
    assert "permission" in closed.why
    assert isinstance(found["open.jpg"], Fingerprint)


def test_a_key_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    put(tmp_path / "secret.jpg")
    put(tmp_path / "root/a.jpg")
    source = FolderSource(tmp_path / "root")
    entry = attrs.evolve(source.list_media(None).files[0], key="../secret.jpg")
    answer = answers(source, [entry])["../secret.jpg"]
    assert isinstance(answer, Unread)
    assert not answer.passing


def test_stopping_half_way_leaves_nothing_running_and_nothing_open(tmp_path: Path) -> None:
    for number in range(400):
        put(tmp_path / f"{number}.jpg", picture())
    source = FolderSource(tmp_path)
    entries = source.list_media(None).files
    before = len(os.listdir("/dev/fd"))
    reading = source.fingerprint(entries)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/dev/fd")) == before


def test_one_thread_begins_in_the_order_given(tmp_path: Path) -> None:
    names = [f"{number:03}.jpg" for number in range(60)]
    for name in names:
        put(tmp_path / name)
    entries = {entry.key: entry for entry in FolderSource(tmp_path).list_media(None).files}
    wanted = names[::-1]
    found = read_all(os.fsencode(tmp_path), [entries[name] for name in wanted], workers=1)
    assert [answer.key for answer in found][:16] == wanted[:16]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 130, 700])
def test_each_of_any_number_is_answered_once(tmp_path: Path, count: int, workers: int) -> None:
    for number in range(count):
        put(tmp_path / f"{number}.jpg", b"%d" % number)
    entries = FolderSource(tmp_path).list_media(None).files
    found = [answer.key for answer in read_all(os.fsencode(tmp_path), entries, workers)]
    assert sorted(found) == sorted(entry.key for entry in entries)
