"""The three kinds pass the contract's own tests, through the door that strangers use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

import pytest

from storyline_core import Draft, Message, PostEvent
from storyline_core.testing import MediaSourceProviderTests, NotifierTests, PublisherTests
from storyline_local.plugin import LocalFolder, Outbox, Terminal
from tests.local.places import put


class Folder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, path: str, content: bytes) -> None:
        put(self.path / path, content)

    def rename(self, path: str, to: str) -> None:
        (self.path / to).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).rename(self.path / to)

    def delete(self, path: str) -> None:
        (self.path / path).unlink()

    def make_unreadable(self, folder: str) -> None:
        if os.geteuid():
            (self.path / folder).chmod(0)
            return
        # Permissions do not stop root, but a link to a disk that is not there does.
        (self.path / folder).rename(self.path.with_name("elsewhere"))
        (self.path / folder).symlink_to(self.path.with_name("not connected"))

    def break_down(self) -> None:
        shutil.move(self.path, self.path.with_name("unplugged"))


class TestLocalFolder(MediaSourceProviderTests):
    kind_name = "local"

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[Folder]:
        folder = Folder(tmp_path / "photos")
        yield folder
        for path in tmp_path.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)

    @pytest.fixture
    def options(self, world: Folder) -> LocalFolder:
        return LocalFolder(path=world.path)


class OutboxFolder:
    """The folder that receives the stories."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def published(self) -> int:
        return sum(len(list(self.path.parent.glob(f"*/*.{ending}"))) for ending in ("jpg", "mp4", "mov"))

    def break_down(self) -> None:
        shutil.move(self.path, self.path.with_name("unplugged"))
        self.path.write_bytes(b"something else")


class TestOutbox(PublisherTests):
    kind_name = "outbox"

    @pytest.fixture
    def world(self, tmp_path: Path) -> OutboxFolder:
        return OutboxFolder(tmp_path / "out")

    @pytest.fixture
    def options(self, world: OutboxFolder) -> Outbox:
        return Outbox(path=world.path)


class Screen:
    """What the team has in front of it."""

    def __init__(self, path: Path, stream: TextIO) -> None:
        self.path = path
        self.stream = stream

    def cards(self) -> int:
        return self.path.read_text(encoding="utf-8").count("\n  storyline queue posted ")

    def tap(self, message: Message, draft: Draft, event: PostEvent) -> None:
        raise NotImplementedError

    def break_down(self) -> None:
        reading, writing = os.pipe()
        os.dup2(writing, self.stream.fileno())
        os.close(reading)
        os.close(writing)


class TestTerminal(NotifierTests):
    kind_name = "terminal"
    cannot = {"tap": "people decide with `storyline queue`"}

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[Screen]:
        path = tmp_path / "screen.txt"
        stream = path.open("w", encoding="utf-8")
        with redirect_stdout(stream):
            yield Screen(path, stream)
        with suppress(OSError):
            stream.close()

    @pytest.fixture
    def options(self, world: Screen) -> Terminal:
        return Terminal()
