"""Nothing hangs: whatever the other side does, every call ends. Each fault here lasts far beyond that end."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import httpx
import pytest

from storyline_core import Refused, Unavailable, Unread
from storyline_core.testing import picture
from storyline_gdrive.cache import Cache
from storyline_gdrive.deadlines import ALLOWED, Bounded
from storyline_gdrive.opened import opened
from storyline_gdrive.source import DriveSource
from storyline_gdrive.waiting import door
from tests.gdrive.drive_api.clock import wall_clock
from tests.gdrive.drive_api.limits import Fault, Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive

BIG = picture(1) + bytes(2 << 20)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.shared(server, tmp_path)


@contextmanager
def hasty(team: TeamDrive) -> Iterator[DriveSource]:
    """The source as it is opened for real, which gives an answer half a second."""
    settings = attrs.evolve(team.settings(), answer_within=timedelta(seconds=0.5), patience=timedelta(0))
    with opened(settings, team.runtime()) as source:
        yield source


def stuck(team: TeamDrive, way: str, operation: str) -> Fault:
    if way == "silent":
        return team.server.fault(Way.SILENT, operation=operation, times=1_000)
    if way == "slow":
        return team.server.fault(Way.SLOW, operation=operation, times=1_000, seconds=30)
    return team.server.fault(Way.SLOW, operation=operation, times=1_000, bytes_per_second=40)


@pytest.mark.parametrize("way", ["silent", "slow", "dripping"])
@pytest.mark.parametrize("operation", ["files.list", "changes.getStartPageToken", "files.get", "oauth.token"])
def test_a_listing_ends(team: TeamDrive, way: str, operation: str) -> None:
    team.write("a/b.jpg", b"x")
    stuck(team, way, operation)
    with hasty(team) as source, pytest.raises(Unavailable, match="cannot be reached"):
        source.list_media(None)


@pytest.mark.parametrize("way", ["silent", "slow", "dripping"])
def test_changes_downloads_previews_and_absences_end(team: TeamDrive, way: str) -> None:
    team.write("a.jpg", b"x" * 4_000)
    with hasty(team) as source:
        listing = source.list_media(None)
        [entry] = listing.files
        team.write("b.jpg", b"x")
        for operation in ("changes.list", "files.download", "thumbnail", "files.get"):
            stuck(team, way, operation)
        with pytest.raises(Unavailable):
            source.list_media(listing.cursor)
        with pytest.raises(Unavailable):
            source.open_media(entry.key)
        with pytest.raises(Unavailable):
            source.open_preview(entry.key)
        with pytest.raises(Unavailable):
            source.confirm_absent([entry.key])
        [answer] = source.fingerprint([entry])
        assert isinstance(answer, Unread)
        assert not answer.gone


@pytest.mark.parametrize("way", ["silent", "slow"])
@pytest.mark.parametrize("operation", ["files.generateIds", "files.list", "upload.create", "upload.send"])
def test_an_upload_ends(team: TeamDrive, way: str, operation: str) -> None:
    with hasty(team) as source:
        stuck(team, way, operation)
        if (way, operation) == ("silent", "upload.send"):
            # It arrived, only nobody said so: that is looked up.
            source.store_media("", "a.jpg", io.BytesIO(b"x" * 1_000))
        else:
            with pytest.raises(Unavailable):
                source.store_media("", "a.jpg", io.BytesIO(b"x" * 1_000))
        team.server.mend()
        assert len(source.list_media(None).files) == (1 if (way, operation) == ("silent", "upload.send") else 0)


def test_a_slow_line_is_no_stuck_one(team: TeamDrive) -> None:
    """What is large may take longer than an answer; it only has to come."""
    team.write("big.jpg", BIG)
    team.server.fault(Way.SLOW, operation="files.download", times=10, bytes_per_second=2 << 20)
    with hasty(team) as source:
        [entry] = source.list_media(None).files
        with source.open_media(entry.key) as file:
            assert file.read() == BIG


def test_a_line_that_breaks_again_and_again_brings_a_file_in_the_end(team: TeamDrive) -> None:
    """Patience is for a line on which nothing comes; as long as something does, it begins anew."""
    team.write("big.jpg", BIG)
    team.server.fault(Way.CUT_BODY, operation="files.download", times=30, after_bytes=70_000)
    pauses: list[float] = []
    with team.open(pauses) as source:
        [entry] = source.list_media(None).files
        with source.open_media(entry.key) as file:
            assert file.read() == BIG
    assert len(pauses) > 20
    assert set(pauses) == {1.0}


def test_but_not_for_ever(team: TeamDrive) -> None:
    team.write("big.jpg", BIG)
    team.server.fault(Way.CUT_BODY, operation="files.download", times=100_000, after_bytes=1)
    pauses: list[float] = []
    with team.open(pauses) as source:
        [entry] = source.list_media(None).files
        with pytest.raises(Unavailable):
            source.open_media(entry.key)
    assert sum(pauses) < 600


@contextmanager
def dripping(pause_s: float, *, reads: bool = True) -> Iterator[str]:
    """A server that sends its answer letter by letter, or does not even take what is sent to it."""
    stop = threading.Event()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()

    def serve() -> None:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            if reads:
                connection.recv(1 << 16)
            for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: " + b"x" * 200 + b"\r\n\r\nok":
                if stop.wait(pause_s):
                    return
                try:
                    connection.send(bytes((letter,)))
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_head_that_drips_ends_too() -> None:
    with dripping(0.05) as address, httpx.Client(
        transport=Bounded(httpx.create_ssl_context()), timeout=5.0
    ) as http, pytest.raises(httpx.TransportError):  # fmt: skip
        http.get(address, extensions={ALLOWED: 0.5})


def test_what_is_sent_to_somebody_who_does_not_take_it_ends() -> None:
    with dripping(10.0, reads=False) as address, httpx.Client(
        transport=Bounded(httpx.create_ssl_context()), timeout=5.0
    ) as http, pytest.raises(httpx.TransportError):  # fmt: skip
        http.put(address, content=bytes(64 << 20), extensions={ALLOWED: 0.5})


def test_without_a_deadline_the_timeouts_of_the_reads_hold() -> None:
    with dripping(0.001) as address, httpx.Client(transport=Bounded(httpx.create_ssl_context()), timeout=5.0) as http:
        assert http.get(address).text == "ok"


def test_one_does_not_wait_for_ever_for_another_who_fetches(tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def forever(into: object) -> None:
        begun.set()
        ended.wait(60)

    cache = Cache(tmp_path, 1 << 20, wall_clock, 0.2)
    stuck_one = threading.Thread(target=lambda: cache.fetched(forever, "key").close())
    stuck_one.start()
    begun.wait(60)
    try:
        with pytest.raises(Unavailable, match="too long"):
            cache.fetched(lambda into: into.write(b"x"), "key")
    finally:
        ended.set()
        stuck_one.join()


def test_a_file_that_is_read_after_its_source_was_closed_fails_as_files_do(team: TeamDrive) -> None:
    team.write("big.jpg", BIG)
    with team.open() as source:
        [entry] = source.list_media(None).files
        file = source.open_media(entry.key)
    with file, pytest.raises(OSError, match="closed"):
        file.read()


def test_a_browser_that_knocks_and_says_nothing_holds_nobody_up() -> None:
    from storyline_gdrive.consent import ask_consent

    with door() as opened_door:
        asked = ask_consent("http://x", "c", "s", opened_door.redirect, "state", "v")
        silent = [socket.create_connection(("127.0.0.1", opened_door.server_port)) for _ in range(3)]
        answer = threading.Thread(target=lambda: httpx.get(f"{opened_door.redirect}/?state=state&code=4/0A"))
        opened_door.asked = asked
        answer.start()
        # Three silent visitors one after the other would take the whole time.
        assert opened_door.code(asked, 10.0) == "4/0A"
        answer.join()
        for each in silent:
            each.close()


def test_what_is_no_answer_of_drives_is_no_empty_folder(team: TeamDrive) -> None:
    """A portal in between that says 200 to everything."""
    with hasty(team) as source:
        source.list_media(None)
        team.server.refuse(200, operation="files.list", times=1_000, html=True)
        with pytest.raises((Unavailable, Refused)):
            source.list_media(None)
