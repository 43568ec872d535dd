"""Real folders for the tests, also as somebody who is not root sees them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storyline_core import ListedFile, Listing

NOBODY = 65534
LATIN_1 = "caf\u00e9.jpg".encode("latin-1")


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A fresh folder that every user can reach and change (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="storyline-local-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def without_root() -> Iterator[None]:
    """Permissions count for nothing to root, so root becomes nobody for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def put(path: Path, content: bytes = b"x") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def keys(listing: Listing) -> set[str]:
    """The keys of the media in a listing; each must be there once."""
    found = [entry.key for entry in listing.files]
    assert len(found) == len(set(found))
    return set(found)


def entry_of(listing: Listing, key: str) -> ListedFile:
    """The one entry with that key."""
    (entry,) = (entry for entry in listing.files if entry.key == key)
    return entry
