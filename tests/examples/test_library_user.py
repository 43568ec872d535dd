"""The library user's example runs as its docstring says: nothing configured, nothing posted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from storyline_core.testing import picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "library_user.py"
LONG_AGO = 1_700_000_000


def run(folder: Path, home: Path) -> list[str]:
    command = [sys.executable, "-I", str(EXAMPLE), str(folder)]
    return subprocess.run(command, cwd=home, check=True, capture_output=True, text=True).stdout.splitlines()


def test_it_says_what_would_be_posted_and_posts_nothing(tmp_path: Path) -> None:
    folder, home = tmp_path / "pictures", tmp_path / "home"
    (folder / "memes").mkdir(parents=True)
    home.mkdir()
    for number, name in enumerate(("memes/cat.jpg", "memes/dog.jpg", "front.jpg")):
        (folder / name).write_bytes(picture(number))
        os.utime(folder / name, (LONG_AGO, LONG_AGO))

    first, *plan = run(folder, home)
    assert first == "3 added, 0 moved, 0 removed, 0 unchanged"
    assert len(plan) in (8, 9, 10), "three days of three slots; jitter may move one over either end"
    chosen = [re.fullmatch(r"\w{3} \d\d \w{3} \d\d:\d\d  (.+?): .+", line) for line in plan]
    named = [found[1] for found in chosen if found]
    assert len(named) == len(plan)
    assert set(named[:3]) == {"cat.jpg", "dog.jpg", "front.jpg"}
    assert set(named[3:]) == {"nothing"}, "the cooldown outlasts three days"

    (folder / "memes" / "dog.jpg").rename(folder / "hound.jpg")
    assert run(folder, home)[0] == "0 added, 1 moved, 0 removed, 2 unchanged"
    kept = {path.name for path in folder.rglob("*") if path.is_file()}
    assert kept == {"cat.jpg", "front.jpg", "hound.jpg", ".storyline-source"}
    assert [path.name for path in home.iterdir() if not path.name.startswith("library.db")] == []
