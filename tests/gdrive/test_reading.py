"""The bytes: resumed, verified, kept, fetched no more than needed."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import Fingerprint, NeedsPerson, Refused, Unavailable
from storyline_core.testing import picture
from storyline_gdrive.cache import Cache
from storyline_gdrive.plugin import Access
from tests.gdrive.drive_api.clock import wall_clock
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
    cache = Cache(team.cache / "x", 1 << 20, team.server.clock.now)
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
    cache = Cache(tmp_path, 100, wall_clock)
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


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("way", [Way.CUT_AFTER, Way.CUT_BEFORE, Way.CUT_UPLOAD])
@pytest.mark.parametrize("operation", ["upload.create", "upload.send", "files.generateIds", "files.create"])
def test_whatever_answer_is_lost_there_is_one_file(tmp_path: Path, operation: str, way: Way, skip: int) -> None:
    content = picture(4) + bytes(9 << 20)
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        server.fault(way, operation=operation, times=2, skip=skip, after_bytes=300_000)
        with team.open() as source:
            key = source.store_media("new/deep", "a.jpg", io.BytesIO(content))
            [entry] = source.list_media(None).files
            assert (entry.key, entry.folder, entry.size) == (key, "new/deep", len(content))
        assert [node.name for node in server.world.record.below(team.root)] == ["new", "deep", "a.jpg"]


def test_an_upload_whose_every_answer_is_lost_is_looked_up(tmp_path: Path) -> None:
    """It arrived, but nobody ever says so, and then the upload itself is forgotten."""
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        server.fault(Way.CUT_AFTER, operation="upload.send", times=100_000)
        with team.open() as source:
            key = source.store_media("", "a.jpg", io.BytesIO(picture(4)))
            [entry] = source.list_media(None).files
            assert entry.key == key


def test_an_upload_that_google_forgot_begins_anew(tmp_path: Path) -> None:
    content = picture(4) + bytes(9 << 20)
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        server.refuse(410, operation="upload.send", times=1, skip=1)
        with team.open() as source:
            key = source.store_media("", "a.jpg", io.BytesIO(content))
            assert len(source.list_media(None).files) == 1
            with source.open_media(key) as file:
                assert file.read() == content
        assert server.count("upload.create") == 2


def test_an_upload_that_never_arrives_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        server.fault(Way.CUT_BEFORE, operation="upload.send", times=100_000)
        with team.open() as source, pytest.raises(Unavailable):
            source.store_media("", "a.jpg", io.BytesIO(picture(4)))
        server.mend()
        with team.open() as source:
            assert source.list_media(None).files == ()


def test_who_may_not_write_is_told_whom_to_ask(tmp_path: Path) -> None:
    with DriveApi() as server:
        robot = server.world.robot("robot")
        drive = server.world.shared_drive("Team", {robot: "reader"})
        team = TeamDrive(server, robot, server.world.folder("Stories", drive.root), tmp_path)
        with team.open() as source:
            for folder in ("", "new"):
                with pytest.raises(NeedsPerson, match=f"Share it with {robot.email} as an editor"):
                    source.store_media(folder, "a.jpg", io.BytesIO(picture(4)))
        mine = TeamDrive.mine(server, tmp_path / "mine")
        server.world.share(mine.root, mine.robot, "writer")
        with mine.open() as source, pytest.raises(NeedsPerson, match="let it write into a shared drive"):
            source.store_media("", "a.jpg", io.BytesIO(picture(4)))
        with team.open(settings=team.settings(Access.READ)) as source, pytest.raises(NeedsPerson, match='"write"'):
            source.store_media("", "a.jpg", io.BytesIO(picture(4)))


def test_a_download_that_broke_off_goes_on_in_the_next_process(team: TeamDrive) -> None:
    team.write("big.jpg", BIG)
    with team.open() as source:
        [entry] = source.list_media(None).files
        team.server.fault(Way.CUT_BODY, operation="files.download", times=1, skip=1, after_bytes=2 << 20)
        team.server.refuse(503, operation="files.download", times=1_000, skip=1)
        with source.open_media(entry.key) as file, pytest.raises(OSError, match="does not answer"):
            file.read()
    team.server.mend()
    team.server.forget_calls()
    with team.open() as source, source.open_media(entry.key) as file:
        assert file.read() == BIG
    assert sum(call.bytes_sent for call in team.server.calls("files.download")) < len(BIG) - (1 << 20)
    assert not list(team.cache.rglob("*.draft"))


@pytest.mark.parametrize("kept", [b"wrong" * 1_000, bytes(5 << 20)])
@pytest.mark.parametrize("known", [True, False])
def test_bytes_that_are_not_the_files_are_never_given(tmp_path: Path, kept: bytes, known: bool) -> None:
    """What was left of an earlier download is not what Drive has: by SHA-256, or by MD5 where Drive knows no other."""
    with DriveApi() as server:
        team = TeamDrive.mine(server, tmp_path)
        server.world.file("a.jpg", team.root, BIG, sha256_known=known)
        with team.open() as source:
            [entry] = source.list_media(None).files
            with source.open_media(entry.key) as file:
                file.read()
            [path] = team.cache.rglob("*.kept")
            path.unlink()
            path.with_suffix(".draft").write_bytes(kept)
            with source.open_media(entry.key) as file:
                assert file.read() == BIG


def test_drafts_that_nobody_finished_count_and_go(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100, wall_clock)
    old, new = tmp_path / f"{'0' * 64}.draft", tmp_path / f"{'1' * 64}.draft"
    old.write_bytes(bytes(90))
    os.utime(old, (1, 1))
    new.write_bytes(bytes(90))
    cache.fetched(lambda into: into.write(bytes(5)), "a").close()
    assert not old.exists()
    assert new.exists()


def test_a_disk_that_is_full_is_a_persons_business(tmp_path: Path) -> None:
    def full(into: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NeedsPerson, match="Make room"):
        Cache(tmp_path, 100, wall_clock).fetched(full, "a")
    assert not list(tmp_path.glob("*.draft"))


def test_what_is_given_has_no_name_in_the_cache(team: TeamDrive) -> None:
    team.write("a.jpg", picture(1))
    with team.open() as source:
        [entry] = source.list_media(None).files
        with source.open_media(entry.key) as file:
            assert not isinstance(file.name, str)
