"""The plugins in memory and in files pass the conformance kit themselves."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from storyline_core.interfaces import Draft
from storyline_core.posts import Message, PostEvent
from storyline_core.testing import MediaSourceProviderTests, MemoryPlugin, NotifierTests, Place, PublisherTests, files
from storyline_core.testing.memory_folder import MemoryFolder
from storyline_core.testing.memory_stage import MemoryStage
from storyline_core.testing.memory_team import MemoryTeam

MEMORY = MemoryPlugin()


@pytest.fixture
def options(request: pytest.FixtureRequest) -> Place:
    """A place of this test's own."""
    return Place(request.node.nodeid)


class TestPaths(MediaSourceProviderTests):
    kind_name = "memory"
    plugin = MEMORY

    @pytest.fixture
    def options(self, request: pytest.FixtureRequest) -> Place:
        return Place(request.node.nodeid)

    @pytest.fixture
    def world(self, options: Place) -> MemoryFolder:
        return MEMORY.folder(options.place)


class TestIds(TestPaths):
    kind_name = "memory-ids"


class TestTeam(NotifierTests):
    kind_name = "memory"
    plugin = MEMORY

    @pytest.fixture
    def options(self, request: pytest.FixtureRequest) -> Place:
        return Place(request.node.nodeid)

    @pytest.fixture
    def world(self, options: Place) -> MemoryTeam:
        return MEMORY.team(options.place)


class TestStage(PublisherTests):
    kind_name = "memory"
    plugin = MEMORY

    @pytest.fixture
    def options(self, request: pytest.FixtureRequest) -> Place:
        return Place(request.node.nodeid)

    @pytest.fixture
    def world(self, options: Place) -> MemoryStage:
        return MEMORY.stage(options.place)


class TestStageWithAPast(TestStage):
    kind_name = "memory-past"


class FileWorld:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def published(self) -> int:
        return len(files.published(self.folder))

    def cards(self) -> int:
        return [call for call, _ in files.calls(self.folder)].count("offer")

    def tap(self, message: Message, draft: Draft, event: PostEvent) -> None:
        raise NotImplementedError

    def break_down(self) -> None:
        raise NotImplementedError


class TestFileStage(PublisherTests):
    kind_name = "file-stage"
    plugin: ClassVar[object] = files
    cannot = {"break_down": "a test's own folder is always there", "refuse": "it looks at nothing"}

    @pytest.fixture
    def options(self, tmp_path: Path) -> files.FileStage:
        return files.FileStage(tmp_path / "stage")

    @pytest.fixture
    def world(self, options: files.FileStage) -> FileWorld:
        return FileWorld(options.folder)


class TestFileTeam(NotifierTests):
    kind_name = "file-team"
    plugin: ClassVar[object] = files
    cannot = {"break_down": "a test's own folder is always there", "tap": "nobody reads it"}

    @pytest.fixture
    def options(self, tmp_path: Path) -> files.FileTeam:
        return files.FileTeam(tmp_path / "team")

    @pytest.fixture
    def world(self, options: files.FileTeam) -> FileWorld:
        return FileWorld(options.folder)
