"""How a folder is recognised: by a marker file in it, or by its disk and its own number there."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from storyline_core import Unavailable
from storyline_local.obstacles import ABSENT, reason

MARKER = ".storyline-source"

_ID = re.compile(r"^[0-9a-f]{32}$", re.MULTILINE)
_TEXT = """\
# Storyline recognises this folder by the line below. Leave this file where it is: without it,
# Storyline takes the folder for another one and changes nothing in the library.
{id}
"""


def recognise(root: Path, *, marker: bool, establish: bool) -> str | None:
    """What makes this very folder recognisable. Raises `Unavailable` when it cannot be looked at.

    `marker` says whether a marker file counts, `establish` whether one may be written where there is none.
    """
    if marker:
        known = _read(root / MARKER)
        if known is None and establish:
            known = _write(root)
        if known is not None:
            return f"marker:{known}"
    return _place(root)


def _read(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise Unavailable(f"{path} cannot be read: {reason(error)}.") from error
    found = _ID.search(text)
    return found[0] if found else None


def _write(root: Path) -> str | None:
    fresh = secrets.token_hex(16)
    draft = root / f"{MARKER}.{fresh}.tmp"
    try:
        with open(draft, "x", encoding="utf-8") as file:
            file.write(_TEXT.format(id=fresh))
            file.flush()
            os.fsync(file.fileno())
        return _settle(draft, root / MARKER)
    except OSError:
        # A read-only or full disk has no marker; it is recognised by its place instead.
        return None
    finally:
        with suppress(OSError):
            draft.unlink()


def _settle(draft: Path, path: Path) -> str | None:
    """Give the draft its name; another process that was faster wins."""
    try:
        os.link(draft, path)
    except FileExistsError:
        known = _read(path)
        if known is not None:
            return known
        os.replace(draft, path)
    except OSError:
        # No hard links here (FAT). Two first syncs at once are kept apart by their lease.
        os.replace(draft, path)
    return _read(path)


def _place(root: Path) -> str | None:
    try:
        disk = os.statvfs(root).f_fsid
        number = os.stat(root).st_ino
    except OSError as error:
        raise Unavailable(f"The folder {root} cannot be used: {reason(error)}.") from error
    return f"place:{disk:x}:{number}"
