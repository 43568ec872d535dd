"""New files in a folder: there whole or not at all, and never over something else."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from storyline_core import NeedsPerson, PluginFault, Refused, Role, Unavailable, role_of
from storyline_local.durable import move_new, settle_folder, write_new
from storyline_local.keys import spell
from storyline_local.obstacles import FORBIDDEN, FULL, reason
from storyline_local.walk import PASSED_FOLDERS

_BLOCK = 1 << 20
_MOST_TRIES = 10_000


def store(root: Path, folder: str, name: str, content: BinaryIO) -> str:
    """Put a new file into a folder below the root, and return its key. Raises as `WritableSource.store_media`."""
    if role_of(name) is not Role.MEDIA or "/" in name or "\0" in name:
        raise Refused(f"{name or 'A file without a name'} is no picture or video that would be found again.")
    parts = folder.split("/") if folder else []
    if any(not part.strip(".") or part.startswith(".") or "\0" in part or part in PASSED_FOLDERS for part in parts):
        raise Refused(f"{folder} is no folder that would be looked into.")
    try:
        return _stored(root, parts, name, content)
    except PluginFault:
        raise
    except OSError as error:
        shown = root.joinpath(*parts)
        if error.errno in FORBIDDEN | FULL:
            raise NeedsPerson(
                f"Nothing can be written into {shown}: {reason(error)}.", remedy="Make room, or let Storyline write."
            ) from error
        raise Unavailable(f"Nothing can be written into {shown}: {reason(error)}.") from error


def _stored(root: Path, parts: list[str], name: str, content: BinaryIO) -> str:
    os.listdir(root)
    place = root.joinpath(*parts)
    place.mkdir(parents=True, exist_ok=True)
    # Hidden, so that no listing shows a file that is still being written.
    draft = place / f".{secrets.token_hex(8)}.tmp"
    try:
        write_new(draft, _blocks(content))
        path = _moved(draft, place, name)
    finally:
        with suppress(OSError):
            draft.unlink()
    settle_folder(place)
    return spell(os.fsencode("/".join((*parts, path.name))))


def _moved(draft: Path, place: Path, name: str) -> Path:
    for free in itertools.islice(_names(name), _MOST_TRIES):
        try:
            move_new(draft, place / free)
        except FileExistsError:
            continue
        return place / free
    raise Refused(f"There are too many files called {name} already.")


def _names(name: str) -> Iterator[str]:
    """The name itself, then `name (2).jpg` and so on."""
    yield name
    stem, dot, ending = name.rpartition(".")
    for number in itertools.count(2):
        yield f"{stem} ({number}){dot}{ending}"


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            block = content.read(_BLOCK)
        except OSError as error:
            raise Unavailable(f"The file cannot be fetched: {reason(error)}.") from error
        if not block:
            return
        yield block
