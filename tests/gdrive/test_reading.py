"""The bytes: resumed, verified, kept, fetched no more than needed."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import Fingerprint, NeedsPerson, Refused, Unavailable
from storyline_core.testing import picture
from storyline_gdrive.cache import Cache
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive

BIG = picture(1) + bytes(3 << 20)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.mine(server, tmp_path)


def test_a_download_goes_on_where_it_broke_and_is_kept(team: TeamDrive) -> None:
    team.write("big.jpg", BIG)
    team.server.fault(Way.CUT_BODY, operation="files.download", times=1, skip=1, after_bytes=1 << 20)
    with team.open() as source:
        [entry] = source.list_media(None).files
        for _ in range(2):
            with source.open_media(entry.key) as file:
                assert file.read() == BIG
    sent = sum(call.bytes_sent for call in team.server.calls("files.download"))
    assert sent < len(BIG) + (2 << 20)
    with team.open() as later, later.open_media(entry.key) as file:
        team.server.forget_calls()
        assert file.read() == BIG
        assert team.server.count("files.download") == 0


def test_of_a_large_file_only_the_ends_are_fetched_while_no_more_is_read(team: TeamDrive) -> None:
    team.write("big.jpg", BIG)
    with team.open() as source:
        [entry] = source.list_media(None).files
        with source.open_media(entry.key) as file:
            assert file.read(4096) == BIG[:4096]
            file.seek(-4096, io.SEEK_END)
            assert file.read() == BIG[-4096:]
    assert sum(call.bytes_sent for call in team.server.calls("files.download")) <= 3 * (256 << 10)


def test_many_readers_download_once(team: TeamDrive) -> None:
    team.write("small.jpg", picture(2))
    cache = Cache(team.cache / "x", 1 << 20)
    fetched: list[int] = []
    start = threading.Barrier(4)

    def read() -> None:
        start.wait()
        with cache.fetched(lambda into: fetched.append(into.write(b"once")), "key", "version") as file:
            assert file.read() == b"once"

    threads = [threading.Thread(target=read) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert fetched == [4]


def test_the_cache_stays_within_its_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    for number in range(9):
        with cache.fetched(lambda into: into.write(bytes(30)), str(number)) as file:
            assert len(file.read()) == 30
    assert sum(path.stat().st_size for path in tmp_path.glob("*.kept")) <= 100
    with cache.fetched(lambda into: into.write(bytes(300)), "huge") as file:
        assert len(file.read()) == 300
    assert cache.get("huge") is None


def test_where_drive_knows_no_digest_the_bytes_are_read(team: TeamDrive) -> None:
    content = picture(3)
    team.server.world.file("a.jpg", team.root, content, sha256_known=False)
    with team.open() as source:
        [entry] = source.list_media(None).files
        assert entry.digest is None
        [answer] = source.fingerprint([entry])
    assert isinstance(answer, Fingerprint)
    assert answer.look is not None


def test_what_is_replaced_after_the_listing_is_read_as_it_is_now(team: TeamDrive) -> None:
    team.write("a.jpg", b"old")
    with team.open() as source:
        [entry] = source.list_media(None).files
        team.write("a.jpg", b"brand new")
        with source.open_media(entry.key) as file:
            assert file.read() == b"brand new"


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [(403, "cannotDownloadAbusiveFile", Refused), (403, "dailyLimitExceeded", Unavailable),
     (403, "domainPolicy", NeedsPerson), (401, None, NeedsPerson), (503, None, Unavailable), (404, None, Refused)],
)  # fmt: skip
def test_refusals_come_out_by_their_remedy(team: TeamDrive, code: int, reason: str | None, expected: type) -> None:
    team.write("a.jpg", b"x")
    with team.open() as source:
        [entry] = source.list_media(None).files
        team.server.refuse(code, reason, operation="files.*", times=1_000)
        with pytest.raises(expected):
            source.open_media(entry.key)


def test_an_upload_goes_on_where_it_broke_and_makes_one_file(tmp_path: Path) -> None:
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        content = picture(4) + bytes(9 << 20)
        server.fault(Way.CUT_UPLOAD, operation="upload.send", times=1, after_bytes=1 << 20)
        server.fault(Way.CUT_AFTER, operation="upload.send", times=1)
        with team.open() as source:
            key = source.store_media("new", "a.jpg", io.BytesIO(content))
            [entry] = source.list_media(None).files
            assert (entry.key, entry.size) == (key, len(content))
            with source.open_media(key) as file:
                assert file.read() == content
