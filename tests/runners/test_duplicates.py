"""`media duplicates`, as people read it, word for word, and as scripts do."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from benchmarks import scenes
from tests.runners.conftest import SETTINGS, Project, environment

GOLDEN = Path(__file__).parent / "golden"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
A_TIME = re.compile(r"[A-Z][a-z]{2}\s+\d\d\s+[A-Z][a-z]{2}\s+\d\d:\d\d")
TWO_SOURCES = SETTINGS.replace(
    "[notifiers.team]", '[sources.archive]\nkind = "local"\npath = "old"\n\n[notifiers.team]'
)


@pytest.fixture
def shelves(command: Project) -> Project:
    """Two sources: a picture with two copies, one with one, a smaller version, a plain one, and a torn one."""
    command.settings(TWO_SOURCES.format(database="sqlite:///storyline.db", mode="manual"))
    photos, old = command.folder / "pictures", command.folder / "old"
    for folder in (photos / "cats", photos / "dogs", old / "2019"):
        folder.mkdir(parents=True)
    for number, name in ((1, "cats/window.jpg"), (2, "dogs/beach in the evening.jpg"), (5, "cats/alone.jpg")):
        (photos / name).write_bytes(scenes.saved(scenes.scene(number), "JPEG", 90))
    shutil.copy(photos / "cats/window.jpg", old / "2019/IMG_0001.jpg")
    shutil.copy(photos / "cats/window.jpg", photos / "cats/window (1).jpg")
    shutil.copy(photos / "dogs/beach in the evening.jpg", old / "2019/IMG_0002.jpg")
    small = scenes.scene(1)
    (old / "2019/small.png").write_bytes(scenes.saved(small.resize((small.width // 2, small.height // 2)), "PNG"))
    for name in ("plain.jpg", "plain too.png"):
        (photos / "cats" / name).write_bytes(scenes.saved(scenes.plain(1), "PNG" if "too" in name else "JPEG"))
    whole = scenes.saved(scenes.scene(9), "JPEG", 90)
    (photos / "cats/torn.jpg").write_bytes(whole[: len(whole) // 3] + b"\xff\xd8" * 2000 + b"\xff\xd9")
    for source in ("photos", "archive"):
        command.done("sync", source)
    return command


def blurred(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in A_TIME.sub("<time>", text).splitlines())


def held_to(name: str, text: str, tmp_path: Path) -> None:
    made = tmp_path / name
    made.write_text(text)
    golden = GOLDEN / name
    assert golden.exists(), f"If this is wanted: cp {made} {golden}"
    assert text == golden.read_text(), f"If the change is wanted: cp {made} {golden}"


def test_the_table_word_for_word(shelves: Project, tmp_path: Path) -> None:
    parts = []
    for words in (("media", "duplicates"), ("media", "duplicates", "--near")):
        said = shelves.done(*words)
        parts.append(f"$ storyline {' '.join(words)}\n{said.out}{said.err}")
    held_to("duplicates.txt", blurred("\n".join(parts)), tmp_path)


@pytest.mark.parametrize("columns", [40, 80])
def test_the_table_in_a_terminal(shelves: Project, tmp_path: Path, columns: int) -> None:
    said = in_a_terminal(shelves, columns, "media", "duplicates", "--near")
    assert [line for line in said.splitlines() if len(line) > columns] == []
    held_to(f"duplicates-{columns}.txt", blurred(said), tmp_path)


def in_a_terminal(project: Project, columns: int, *words: str) -> str:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "storyline_runner", *words],
        cwd=project.folder,
        env=environment() | {"TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=subprocess.DEVNULL,
    )
    os.close(follower)
    said = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(leader)
    assert process.wait() == 0, said
    return COLOURS.sub("", said.decode().replace("\r\n", "\n"))


def test_json_has_every_item_with_where_it_is_and_what_became_of_it(shelves: Project) -> None:
    groups = shelves.done("media", "duplicates", "--json").rows("groups")
    assert [(group["kind"], group["distance"], len(group["items"])) for group in groups] == [  # type: ignore[arg-type]
        ("same", 0, 3),
        ("same", 0, 2),
    ]
    assert groups[0]["waste"] > groups[1]["waste"]  # type: ignore[operator]
    for group in groups:
        for item in group["items"]:  # type: ignore[attr-defined]
            assert {"id", "source", "folder", "name", "size", "added_at", "times_posted", "last_posted_at"} <= set(item)
            assert item["digest"] == group["digest"]
    said = shelves.done("media", "duplicates", "--near", "--json")
    near = [group for group in said.rows("groups") if group["kind"] == "alike"]
    assert [len(group["items"]) for group in near] == [4]  # type: ignore[arg-type]
    assert 0 < near[0]["distance"] <= 8  # type: ignore[operator]
    assert shelves.done("media", "duplicates", "--json", "--limit", "1").rows("groups") == groups[:1]


def test_a_library_without_copies(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    command.picture("cats/1.jpg")
    (command.folder / "pictures/cats/a.jpg").touch()
    (command.folder / "pictures/cats/b.jpg").touch()
    command.done("sync")
    assert command.done("media", "duplicates").out == "Every file is there once.\n"
    assert command.done("media", "duplicates", "--near").out.startswith("Every file is there once, and no two")
