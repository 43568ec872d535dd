"""How people begin: init, the demo's folder, the systemd unit."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from storyline_runner.commands.starting import local_zone
from storyline_runner.demo.ground import fresh_folder, remember
from storyline_runner.demo.painting import paint
from storyline_runner.demo.stock import BROKEN, PAINTINGS
from tests.runners.conftest import Project


def test_init_then_everything_works(command: Project) -> None:
    said = command.done("init")
    assert said.out == (
        "Wrote storyline.toml. What comes next:\n"
        "  1. put pictures into pictures  (each folder in it is a category)\n"
        "  2. storyline sync  (look at the pictures)\n"
        "  3. storyline plan  (what would be posted when, and why)\n"
        "  4. storyline run  (go; or `storyline tick` from cron)\n"
        "Stories go into the folder outbox until you choose another publisher; the file explains how.\n"
    )
    assert 'timezone = "Europe/Berlin"' in (command.folder / "storyline.toml").read_text()
    command.done("check", "--settings")
    for number in range(5):
        command.picture(f"cats/{number}.jpg", (number, 0, 0))
    assert "5 added" in command.done("sync").out
    assert "cats/4.jpg" in command.done("plan", "--days", "2").out
    command.done("tick")
    assert re.search("^healthy +source photos ", command.done("check").out, re.MULTILINE)


def test_init_never_overwrites(command: Project) -> None:
    command.settings("# mine")
    said = command("init")
    assert said.code == 2
    assert "stays as it is" in said.err
    assert (command.folder / "storyline.toml").read_text() == "# mine"


def test_init_elsewhere_and_with_pictures_elsewhere(command: Project, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    said = command.done("init", "station", "--pictures", str(tmp_path / "album")).out
    assert "cd station" in said
    assert f'path = "{tmp_path / "album"}"' in (command.folder / "station/storyline.toml").read_text()
    assert command("--config", "station/storyline.toml", "check", "--settings").code == 0


def test_init_does_not_mix_settings_and_pictures(command: Project) -> None:
    Image.new("RGB", (9, 16)).save(command.folder / "holiday.jpg")
    said = command("init")
    assert said.code == 2
    assert "--pictures" in said.err
    inside = command("init", "settings", "--pictures", ".")
    assert inside.code == 2
    assert not (command.folder / "settings").exists()
    assert command("init", "x", "--pictures", "nowhere").code == 2


def test_init_asks_when_it_should(command: Project) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "storyline_runner", "init", "--interactive"],
        cwd=command.folder,
        input="pictures\n5\n08:00-22:00\nEurope/Paris\nmanual\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    text = (command.folder / "storyline.toml").read_text()
    for line in ("posts_per_day = 5", 'window = "08:00-22:00"', 'timezone = "Europe/Paris"', 'mode = "manual"'):
        assert line in text


@pytest.mark.parametrize(
    "answers", ["p\n99\n\n\n\n", "p\n3\n9 to 5\n\n\n", "p\n3\n\nAtlantis\n\n", "p\n3\n\n\nnever\n", ""]
)
def test_init_refuses_nonsense_and_writes_nothing(command: Project, answers: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "storyline_runner", "init", "--interactive"],
        cwd=command.folder, input=answers, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode in (1, 2)
    assert process.stderr.strip()
    assert "Traceback" not in process.stderr
    assert list(command.folder.iterdir()) == []


def test_the_zone_of_this_machine() -> None:
    assert local_zone("Asia/Tokyo") == "Asia/Tokyo"
    assert local_zone("Etc/UTC") == "UTC"
    assert local_zone("no such zone") in {local_zone(""), "UTC"}


class Links(HTMLParser):
    """Every address that a page leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_demo_plays_the_main_job(command: Project) -> None:
    said = command.done("demo")
    folder = command.folder / "storyline-demo"
    for part in (
        "24 pictures and one broken file", "25 added; 0 unchanged, 1 broken in all",
        "2 added, 2 moved, 1 copy of another",
        "> garden/lanterns.jpg  (was garden/evening/lamps.jpg)", "never posted before", "is owed a post",
        "storyline queue posted", "posted by cli:you", "storyline-demo/contact-sheet.html", "broken: words/",
    ):  # fmt: skip
        assert part in said.out, part
    assert "\x1b" not in said.out
    assert said.err == ""
    stories = sorted((folder / "outbox").glob("*.jpg"))
    assert len(stories) == 2
    for story in stories:
        with Image.open(story) as picture:
            assert (picture.size, picture.mode, picture.format) == ((1080, 1920), "RGB", "JPEG")
    links = Links()
    links.feed((folder / "contact-sheet.html").read_text("utf-8"))
    local = [link for link in links.found if not link.startswith("https://")]
    assert len(local) == 6
    assert all((folder / link).is_file() for link in local)
    at_home = ("--config", str(folder / "storyline.toml"))
    history = command.done(*at_home, "history", "--json").rows("posts")
    assert [post["state"] for post in history] == ["posted"] * 3
    assert command.done(*at_home, "plan", "--days", "2", "--json").rows("slots")
    assert "nothing new" in command.done(*at_home, "sync").out


def test_the_demo_clears_away_only_what_it_made(tmp_path: Path) -> None:
    wanted = tmp_path / "demo"
    first = fresh_folder(wanted)
    (first / "made.txt").write_text("made by the demo")
    remember(first)
    assert fresh_folder(wanted) == first
    assert list(first.iterdir()) == []

    (first / "made.txt").write_text("made by the demo")
    remember(first)
    (first / "holiday.jpg").write_text("mine")
    assert fresh_folder(wanted) == tmp_path / "demo-2"
    assert (first / "holiday.jpg").read_text() == "mine"
    (first / "holiday.jpg").unlink()
    (first / "made.txt").write_text("changed by me")
    assert fresh_folder(wanted) == tmp_path / "demo-2"
    assert (first / "made.txt").read_text() == "changed by me"


def test_the_demo_leaves_a_foreign_folder_and_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/precious.txt").write_text("mine")
    assert fresh_folder(tmp_path / "a") == tmp_path / "a-2"
    (tmp_path / "b").write_text("a file")
    assert fresh_folder(tmp_path / "b") == tmp_path / "b-2"
    assert (tmp_path / "b").read_text() == "a file"


def test_the_paintings_are_of_many_kinds(tmp_path: Path) -> None:
    kinds = set()
    file = tmp_path / "x"
    for painting in PAINTINGS:
        file.write_bytes(paint(painting))
        with Image.open(file) as picture:
            picture.load()
            kinds.add((picture.format, picture.mode, bool(picture.getexif().get(0x0112))))
    assert {
        ("JPEG", "RGB", False), ("JPEG", "RGB", True), ("JPEG", "CMYK", False), ("JPEG", "L", False),
        ("PNG", "RGBA", False), ("PNG", "P", False), ("GIF", "P", False), ("WEBP", "RGB", False),
    } <= kinds  # fmt: skip
    file.write_bytes(paint(BROKEN))
    with pytest.raises(OSError, match="truncated"), Image.open(file) as picture:
        picture.load()
    assert not re.search(r"[^a-z0-9/._()-]", "".join(painting.path for painting in PAINTINGS))
