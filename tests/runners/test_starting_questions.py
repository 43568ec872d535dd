"""`storyline init --interactive` at a real terminal: wrong answers are told and asked for again, none is lost."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from storyline_runner.commands.asking import MODES, written_out, zone_of_city
from tests.runners.conftest import Project, environment

PATIENCE_S = 60.0


@attrs.define
class Terminal:
    """A terminal with `storyline init` at work in it, and somebody who types."""

    process: subprocess.Popen[bytes]
    ours: int
    shown: str = ""

    def asked(self, words: str) -> str:
        """What has been shown since the last answer, once these words are on the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if not self._read(1.0) and self.process.poll() is not None and not self._read(0.1):
                break
        assert words in self.shown, self.shown
        told, self.shown = self.shown, ""
        return told

    def says(self, words: str) -> None:
        """Type something, and press Enter."""
        os.write(self.ours, f"{words}\n".encode())

    def _read(self, wait: float) -> bool:
        if not select.select([self.ours], [], [], wait)[0]:
            return False
        try:
            part = os.read(self.ours, 65536)
        except OSError:
            return False
        self.shown += part.decode()
        return bool(part)

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def terminal(command: Project, tmp_path: Path) -> Iterator[Terminal]:
    """`storyline init stories --interactive`, by somebody in Berlin whose home holds an album."""
    (tmp_path / "home/album").mkdir(parents=True)
    ours, theirs = pty.openpty()
    where = environment() | {"HOME": str(tmp_path / "home"), "TZ": "Europe/Berlin", "TERM": "dumb", "COLUMNS": "200"}
    words = [sys.executable, "-m", "storyline_runner", "init", "stories", "--interactive"]
    with subprocess.Popen(
        words, cwd=command.folder, stdin=theirs, stdout=theirs, stderr=theirs, env=where, start_new_session=True
    ) as process:
        os.close(theirs)
        yield Terminal(process, ours)
        process.kill()
    os.close(ours)


def test_wrong_answers_are_asked_for_again_and_none_is_lost(terminal: Terminal, command: Project) -> None:
    told = terminal.asked("Pictures [stories/pictures]: ")
    assert "nothing is written" in told
    terminal.says("~/albumm")
    assert "There is no folder ~/albumm. Name one that you have, or press Enter" in terminal.asked("Pictures [")
    terminal.says("~/album")
    terminal.asked("How many stories a day [3]: ")
    terminal.says("lots")
    assert "  A whole number from 1 to 50, please." in terminal.asked("How many stories a day [3]: ")
    terminal.says("5")
    terminal.asked("Between which hours (24-hour clock) [09:00-21:00]: ")
    terminal.says("in the morning")
    assert "  'in the morning' is not a window." in terminal.asked("Between which hours")
    terminal.says("8 to 22")
    terminal.asked("Time zone, or a city of it [Europe/Berlin]: ")
    terminal.says("Atlantis")
    assert "There is no time zone 'Atlantis'." in terminal.asked("Time zone, or a city of it [Europe/Berlin]: ")
    terminal.says("paris")
    asked = terminal.asked("Name or number [hybrid]: ")
    assert all(f"{number}  {name}" in asked for number, (name, _) in enumerate(MODES, 1))
    terminal.says("by hand")
    terminal.asked("Name or number [hybrid]: ")
    assert not (command.folder / "stories").exists(), "nothing is written before the last answer"
    terminal.says("1")
    said = terminal.asked("explains how.")
    assert "put pictures into" not in said, "they are there already"
    assert terminal.ended() == 0
    text = (command.folder / "stories/storyline.toml").read_text()
    for line in (
        f'path = "{command.folder.parent / "home/album"}"', 'mode = "manual"', "posts_per_day = 5",
        'window = "08:00-22:00"', 'timezone = "Europe/Paris"',
    ):  # fmt: skip
        assert line in text
    assert [each.name for each in (command.folder / "stories").iterdir()] == ["storyline.toml"]
    command.done("--config", "stories/storyline.toml", "check", "--settings")


def test_enter_alone_makes_a_working_file(terminal: Terminal, command: Project) -> None:
    for _ in range(5):
        terminal.asked("]: ")
        terminal.says("")
    said = terminal.asked("explains how.")
    assert "1. cd stories" in said
    assert "2. put pictures into pictures " in said
    assert terminal.ended() == 0
    assert (command.folder / "stories/pictures").is_dir()
    command.done("--config", "stories/storyline.toml", "sync")


def test_whoever_leaves_in_the_middle_leaves_nothing(terminal: Terminal, command: Project) -> None:
    terminal.asked("]: ")
    terminal.says("")
    terminal.asked("How many")
    os.write(terminal.ours, b"\x04")
    terminal.asked("Stopped by Ctrl-C.")
    assert terminal.ended() == 130
    assert list(command.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "window"),
    [
        ("9-21", "09:00-21:00"),
        (" 9 to 21 ", "09:00-21:00"),
        ("9:30 – 21", "09:30-21:00"),
        ("9am-9pm", "09:00-21:00"),
        ("12 am until 12 PM", "00:00-12:00"),
        ("08:00-22:00", "08:00-22:00"),
        ("always", "always"),
    ],
)
def test_hours_as_people_type_them(typed: str, window: str) -> None:
    assert written_out(typed) == window


@pytest.mark.parametrize(
    ("typed", "zone"),
    [("Berlin", "Europe/Berlin"), ("new york", "America/New_York"), ("Nowhere", None), ("Europe/Berlin", None)],
)
def test_cities_stand_for_their_zone(typed: str, zone: str | None) -> None:
    assert zone_of_city(typed) == zone
