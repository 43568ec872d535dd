"""The source passes the contract's own tests, through the door that strangers use, in both sorts of Drive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import Runtime
from storyline_core.testing import MediaSourceProviderTests
from storyline_gdrive.plugin import GoogleDrive
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive


class TestSharedDrive(MediaSourceProviderTests):
    kind_name = "gdrive"
    cannot = {"make_unreadable": "Drive does not show a folder at all to those who may not look inside"}

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[TeamDrive]:
        with DriveApi() as server:
            yield TeamDrive.shared(server, tmp_path)

    @pytest.fixture
    def options(self, world: TeamDrive) -> GoogleDrive:
        return world.settings()

    @pytest.fixture
    def runtime(self, world: TeamDrive) -> Runtime:
        return world.runtime()


class TestMyDrive(TestSharedDrive):
    """A folder in somebody's My Drive. The robot has no room of its own there, so it can only read."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[TeamDrive]:
        with DriveApi() as server:
            yield TeamDrive.mine(server, tmp_path)

    @pytest.fixture
    def writable(self) -> None:
        pytest.skip("a service account has no room in a My Drive")
