"""Drive's small pictures: shown to people where the file itself is too much, and never taken for the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import (
    Account,
    Entry,
    NeedsPerson,
    Refused,
    Settings,
    SourceEntry,
    Unavailable,
    load_plugins,
    look_file,
    open_storyline,
)
from storyline_core.testing import MemoryPlugin, picture
from storyline_core.testing.memory import Place
from storyline_gdrive.opened import connected
from storyline_gdrive.pace import Pace
from storyline_gdrive.previews import PREVIEW_HOSTS, sized
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive

FILM = {"width": 1080, "height": 1920, "durationMillis": "12000"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.mine(server, tmp_path / "cache")


@pytest.mark.parametrize("needs_token", [False, True])
def test_a_film_is_shown_by_a_picture_without_being_fetched(team: TeamDrive, needs_token: bool) -> None:
    team.server.knobs.thumbnails_need_token = needs_token
    team.server.world.file("film.mp4", team.root, bytes(5 << 20), video=FILM)
    with team.open() as source:
        [entry] = source.list_media(None).files
        for _ in range(2):
            with source.open_preview(entry.key) as file:
                look = look_file(file)
            assert (look.problem, look.width, look.height) == (None, 720, 1280)
    assert team.server.count("files.download") == 0
    assert team.server.count("thumbnail") == 1
    assert team.server.calls("thumbnail")[0].path.endswith("=s1280")


def test_the_small_picture_is_that_of_the_newest_bytes(team: TeamDrive) -> None:
    node = team.server.world.file("a.jpg", team.root, picture(1), thumbnail=picture(7))
    with team.open() as source:
        [entry] = source.list_media(None).files
        with source.open_preview(entry.key) as file:
            assert file.read() == picture(7)
        team.server.world.replace(node, picture(2))
        node.thumbnail = picture(8)
        source.list_media(None)
        with source.open_preview(entry.key) as file:
            assert file.read() == picture(8)
        with source.open_media(entry.key) as file:
            assert file.read() == picture(2)


def test_what_has_none_or_what_is_none_is_refused(team: TeamDrive) -> None:
    team.write("metadata.json", b"{}")
    team.server.world.file("a.jpg", team.root, picture(1), thumbnail=b"<html>Sign in")
    team.server.world.file("b.jpg", team.root, picture(1), thumbnail=bytes(9 << 20))
    with team.open() as source:
        listing = source.list_media(None)
        for entry in (*listing.files, *listing.documents):
            with pytest.raises(Refused, match="small version"):
                source.open_preview(entry.key)
        with pytest.raises(Refused):
            source.open_preview("1nobodyknowsthisone")


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [(403, "forbidden", Refused), (404, None, Refused), (503, None, Unavailable), (429, None, Unavailable),
     (401, None, NeedsPerson)],
)  # fmt: skip
def test_refusals_come_out_by_their_remedy(team: TeamDrive, code: int, reason: str | None, expected: type) -> None:
    team.write("a.jpg", picture(1))
    with team.open() as source:
        [entry] = source.list_media(None).files
        team.server.refuse(code, reason, operation="thumbnail", times=1_000, html=True)
        with pytest.raises(expected):
            source.open_preview(entry.key)


GOOGLE = "https://lh3.googleusercontent.com/drive-storage/AB_c-d"


@pytest.mark.parametrize(
    ("given_address", "asked"),
    [(f"{GOOGLE}=s220", f"{GOOGLE}=s1280"), (f"{GOOGLE}=w200-h150-p", f"{GOOGLE}=s1280"), (GOOGLE, GOOGLE),
     ("https://docs.google.com/feeds/vt?id=1&sz=s220", "https://docs.google.com/feeds/vt?id=1&sz=s1280"),
     ("", "")],
)  # fmt: skip
def test_the_size_is_asked_for_where_the_address_has_one(given_address: str, asked: str) -> None:
    assert sized(given_address) == asked


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/x=s220", "https://evilgoogle.com/", "http://lh3.googleusercontent.com/x",
     "https://lh3.googleusercontent.com.evil.example/", "https://lh3.googleusercontent.com:8443/x",
     "https://lh3.googleusercontent.com@evil.example/", "//evil.example", "", "file:///etc/passwd"],
)  # fmt: skip
def test_a_token_goes_to_nobody_else(team: TeamDrive, address: str) -> None:
    with connected(team.settings(), team.runtime(), Pace()) as drive:
        assert not drive.trusts(address, PREVIEW_HOSTS)
        assert drive.trusts(f"{GOOGLE}=s220", PREVIEW_HOSTS)
        assert drive.trusts(f"{team.server.address}/thumbnails/x", PREVIEW_HOSTS)


def test_a_draft_has_the_small_picture_in_every_hand(team: TeamDrive, tmp_path: Path) -> None:
    team.server.world.file("film.jpg", team.root, picture(1), thumbnail=picture(7))
    plugin = MemoryPlugin()
    wanted = Settings(
        database_url=f"sqlite:///{tmp_path}/storyline.db",
        sources=[SourceEntry("team", "gdrive", team.settings()), SourceEntry("photos", "memory", Place())],
        notifiers=[Entry("chat", "memory", Place())],
        accounts=[Account("main", sources=("team",), notifier="chat"),
                  Account("other", sources=("photos",), notifier="chat")],
    )  # fmt: skip
    plugin.folder().write("a.jpg", picture(3))
    with open_storyline(wanted, plugins=load_plugins(extra=[plugin]), clock=team.server.clock.now) as storyline:
        for name in ("team", "photos"):
            storyline.sync(name)
        post = storyline.post_beside("main", by="cli:test")
        none = storyline.post_beside("other", by="cli:test")
        drafts = (storyline.draft(post.id), storyline.desk("chat").draft(post.id))
        team.server.forget_calls()
        for draft in drafts:
            assert draft.open_preview is not None
            with draft.open_preview() as small:
                assert small.read() == picture(7)
        assert team.server.count("files.download") == 0
        for draft in drafts:
            with draft.open_media() as file:
                assert file.read() == picture(1)
        assert storyline.draft(none.id).open_preview is None
        assert storyline.desk("chat").draft(none.id).open_preview is None
