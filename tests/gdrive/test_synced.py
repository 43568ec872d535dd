"""The whole of it: a library kept level with Drive, and what is said when Drive fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from storyline_core import (
    MediaItem,
    NeedsPerson,
    Settings,
    SourceEntry,
    Storyline,
    SyncRequest,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import picture
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive
from tests.gdrive.test_following import STEPS, act


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamDrive]:
    with DriveApi() as server:
        yield TeamDrive.mine(server, tmp_path / "cache")


@contextmanager
def library(team: TeamDrive) -> Iterator[Storyline]:
    url = f"sqlite:///{team.cache.parent}/storyline.db"
    wanted = Settings(database_url=url, sources=[SourceEntry("team", "gdrive", team.settings())])
    with open_storyline(wanted, plugins=load_plugins(), clock=team.server.clock.now) as storyline:
        yield storyline


def living(storyline: Storyline) -> dict[str, str]:
    return {item.name: item.folder for item in items(storyline)}


def items(storyline: Storyline) -> list[MediaItem]:
    with storyline.read() as unit:
        return [item for item in unit.library.items(source="team") if item.removed_at is None]


@settings(max_examples=6)
@given(steps=STEPS)
def test_the_library_converges_to_that_of_a_full_listing(steps: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as place, DriveApi() as server:
        team = TeamDrive.shared(server, Path(place) / "cache")
        outside = server.world.folder("outside", server.world.record.nodes[team.root.parent or ""])
        with library(team) as storyline:
            request = SyncRequest(accept_removals=True)
            for deed, one, two in steps:
                if deed in ("share", "unshare"):
                    continue
                if deed == "lose":
                    server.lose_change_tokens()
                elif deed in ("sync", "stale", "restart"):
                    storyline.sync("team", request)
                else:
                    act(team, deed, one, two, outside)
            storyline.sync("team", request)
            with TeamDrive(server, team.robot, team.root, Path(place) / "fresh").open() as fresh:
                whole = {(each.key, each.name, each.folder, each.digest) for each in fresh.list_media(None).files}
            assert {(item.key, item.name, item.folder, item.digest) for item in items(storyline)} == whole


def filled(team: TeamDrive) -> None:
    for number in range(12):
        team.write(f"food/{number}.jpg", picture(number))


def test_what_drive_has_seen_of_a_picture_spares_its_download(team: TeamDrive) -> None:
    seen = {"width": 1080, "height": 1920}
    for number, image in enumerate((seen, {**seen, "rotation": 0}, {**seen, "rotation": 1}, None)):
        team.server.world.file(f"{number}.jpg", team.root, picture(number, size=(54, 96)), image=image)
    team.server.world.file("film.mp4", team.root, b"no film", video={"width": 720, "height": 1280, "durationMillis": 9})
    with library(team) as storyline:
        storyline.sync("team")
        sizes = {item.name: (item.width, item.height) for item in items(storyline)}
    assert sizes == {
        "0.jpg": (1080, 1920), "1.jpg": (1080, 1920), "2.jpg": (54, 96), "3.jpg": (54, 96), "film.mp4": (720, 1280),
    }  # fmt: skip
    assert len({call.path for call in team.server.calls("files.get") if "alt=media" in str(call)}) <= 2


def test_a_library_follows_drive_and_an_unchanged_sync_asks_once(team: TeamDrive) -> None:
    filled(team)
    with library(team) as storyline:
        storyline.sync("team")
        assert len(living(storyline)) == 12
        assert {(item.width is None, item.media_type) for item in items(storyline)} == {(False, "image/jpeg")}
        team.rename("food", "meals")
        storyline.sync("team")
        assert set(living(storyline).values()) == {"meals"}
        # Other bytes under the same id: what was seen in the old ones does not stand for the new ones.
        team.write("meals/1.jpg", picture(99, size=(40, 60)))
        storyline.sync("team")
        [edited] = [item for item in items(storyline) if item.name == "1.jpg"]
        assert (edited.width, edited.height) == (40, 60)
    team.server.forget_calls()
    with library(team) as storyline:
        storyline.sync("team")
        assert team.server.count() - team.server.count("oauth.token") == 1


@pytest.mark.parametrize("happened", ["revoked", "unshared"])
def test_without_access_nothing_is_removed(team: TeamDrive, happened: str) -> None:
    filled(team)
    with library(team) as storyline:
        storyline.sync("team")
        if happened == "revoked":
            team.server.revoke(team.robot)
            team.server.oauth.drop_key(team.robot)
        else:
            team.server.world.unshare(team.root, team.robot)
        for _ in range(2):
            with pytest.raises(NeedsPerson) as told:
                storyline.sync("team")
            assert "BEGIN" not in str(told.value)
        assert len(living(storyline)) == 12


def test_an_emptied_folder_removes_nothing(team: TeamDrive) -> None:
    filled(team)
    with library(team) as storyline:
        storyline.sync("team")
        for number in range(12):
            team.delete(f"food/{number}.jpg")
        team.server.advance(timedelta(hours=1))
        report = storyline.sync("team")
        assert report.held
        assert len(living(storyline)) == 12
