"""The command line under test: in this process for speed, in one of its own where signals and streams matter."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_runner.__main__ import main

SETTINGS = """\
[database]
url = "{database}"

[sources.photos]
kind = "local"
path = "pictures"

[notifiers.team]
kind = "terminal"

[publishers.outbox]
kind = "outbox"
path = "outbox"

[accounts.main]
sources = ["photos"]
notifier = "team"
publisher = "outbox"
mode = "{mode}"
posts_per_day = 2
window = "00:00-23:59"
jitter = "0m"
timezone = "Europe/Berlin"
"""


@attrs.frozen
class Said:
    """What one command line came to."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, object]:
        """The one document on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def rows(self, name: str) -> list[dict[str, object]]:
        """The rows of a list in it."""
        found = self.json()[name]
        assert isinstance(found, list)
        return found


@attrs.frozen
class Project:
    """A folder with settings and pictures, and the command line in it."""

    folder: Path
    call: Callable[..., Said]
    started: list[subprocess.Popen[str]] = attrs.field(factory=list)

    def __call__(self, *words: str) -> Said:
        """Run a command in this process."""
        return self.call(*words)

    def done(self, *words: str) -> Said:
        """Run a command that must end well."""
        said = self.call(*words)
        assert said.code == 0, f"{words}: {said}"
        return said

    def start(self, *words: str, preexec_fn: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "storyline_runner", *words],
            cwd=self.folder,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=preexec_fn,  # noqa: PLW1509 - one thread
        )
        self.started.append(process)
        return process

    def settings(self, text: str) -> None:
        """Write the settings file."""
        (self.folder / "storyline.toml").write_text(text)

    def picture(self, path: str, colour: tuple[int, int, int] = (200, 90, 40)) -> Path:
        """Put a picture into the source."""
        file = self.folder / "pictures" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (108, 192), colour).save(file)
        long_ago = file.stat().st_mtime - 3600
        os.utime(file, (long_ago, long_ago))
        return file

    def post_now(self, *words: str) -> str:
        """Add a post beside the schedule, and return its id."""
        [post] = self.done("queue", "now", "--json", *words).rows("posts")
        return str(post["id"])


def environment() -> dict[str, str]:
    """The test's own environment without what configures Storyline or colours terminals."""
    ours = ("STORYLINE_", "DATABASE_URL", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "COVERAGE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # noqa: TID251


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Project]:
    """The command line in an empty folder, with a home of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("STORYLINE_") or name == "DATABASE_URL"]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "Europe/Berlin")

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    handlers = {name: logging.getLogger(name).handlers[:] for name in ("", "storyline")}
    levels = {name: logging.getLogger(name).level for name in handlers}
    project = Project(folder, call)
    yield project
    for process in project.started:
        process.kill()
        with process:
            pass
    for name, before in handlers.items():
        logging.getLogger(name).handlers[:] = before
        logging.getLogger(name).setLevel(levels[name])


@pytest.fixture
def project(command: Project) -> Project:
    """A project with six pictures in two categories, synced into an embedded database; everything by hand."""
    return furnish(command, "sqlite:///storyline.db", "manual")


@pytest.fixture
def automatic(command: Project) -> Project:
    """The same, but what needs nobody is published by itself."""
    return furnish(command, "sqlite:///storyline.db", "hybrid")


def furnish(command: Project, database: str, mode: str) -> Project:
    """Write settings and pictures, and sync."""
    command.settings(SETTINGS.format(database=database, mode=mode))
    for number in range(6):
        command.picture(f"{'cats' if number % 2 else 'dogs'}/{number}.jpg", (number * 40, 90, 140))
    command.done("sync")
    return command
