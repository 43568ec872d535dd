"""The demo's own folder: made fresh, and cleared only when everything in it is what an earlier demo made."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from storyline_runner.complaints import Misused

MANIFEST = ".storyline-demo.json"
MOST_TRIES = 1_000


def fresh_folder(wanted: Path) -> Path:
    """An empty folder: the wanted one, or its neighbour `-2`, `-3`, … where something stands that is not the demo's.

    What an earlier demo made is cleared away, if nobody has changed it or added to it since.
    """
    for number in range(1, MOST_TRIES):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if folder.exists() and not folder.is_dir():
            continue
        if _untouched(folder):
            shutil.rmtree(folder)
        if not folder.exists() or not any(folder.iterdir()):
            folder.mkdir(parents=True, exist_ok=True)
            return folder.resolve()
    raise Misused(f"There is no free name beside {wanted}. Choose another folder with --dir.")


def remember(folder: Path) -> None:
    """Write down what the demo made, so that the next one can clear it away."""
    made = json.dumps(_contents(folder), indent=1)
    (folder / MANIFEST).write_text(made, "utf-8")


def _untouched(folder: Path) -> bool:
    try:
        made = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(made, dict) and bool(made) and made == _contents(folder)


def _contents(folder: Path) -> dict[str, str]:
    """Every file below the folder with its digest; a link is what it points to."""
    return {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.name != MANIFEST and (path.is_symlink() or not path.is_dir())
    }


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
