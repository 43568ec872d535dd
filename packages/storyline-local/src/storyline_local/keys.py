"""Keys of files: the exact bytes of a path, spelled so that every database can hold it and it can be read back.

Almost every path is its own key. Bytes that are not UTF-8, control characters and the percent sign become `%XX`.
The rule never depends on a table of Unicode, so a newer Python spells every name as the older one did.
"""

from __future__ import annotations

import os
import re

_SPELLED = re.compile("[%\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ODD_PART = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


class BadKey(ValueError):
    """A key that names nothing inside a folder: absolute, climbing out of it, or misspelt."""


def spell(path: bytes) -> str:
    """The key of a relative path. Different paths have different keys."""
    return _SPELLED.sub(_escape, path.decode("utf-8", "surrogateescape"))


def readable(path: bytes) -> str:
    """The path as people should see it: a percent sign stays, only what no terminal or database can take is spelled."""
    return _SHOWN.sub(_escape, path.decode("utf-8", "surrogateescape"))


def plain(name: str) -> bool:
    """Whether a name is its own key, which saves most files the longer way."""
    return name.isascii() and name.isprintable() and "%" not in name


def unspell(key: str) -> bytes:
    """The relative path behind a key. Raises `BadKey` for one that could lead out of the folder."""
    if plain(key) and not _ODD_PART.search(key):
        return key.encode()
    try:
        path = _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), key.encode())
    except UnicodeEncodeError:
        raise BadKey(f"{key!r} is not a key.") from None
    if spell(path) != key:
        raise BadKey(f"{key!r} is not spelled as keys are.")
    if b"\0" in path or any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise BadKey(f"{key!r} does not name a file inside the folder.")
    return path


def name_key(name: str) -> str:
    """The key of one name as the file system gave it."""
    return name if plain(name) else spell(os.fsencode(name))


def name_shown(name: str) -> str:
    """One name as people should see it."""
    return name if plain(name) else readable(os.fsencode(name))


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))
