"""Receiving: put a file that somebody sent into a source, unless the library has its bytes already."""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO

from storyline_core.errors import NotAllowed, Refused, Unavailable
from storyline_core.interfaces import WritableSource
from storyline_core.media import MediaItem, Provenance, Role, role_of
from storyline_core.pictures import look_file
from storyline_core.steps.line import guarded
from storyline_core.steps.source_line import SourceLine
from storyline_core.store import Store

MOST_BYTES_OF_NAME = 120
"""How long a file's name may be, so that it fits on every disk with a number behind it."""

_BLOCK = 1 << 20
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|]+')


def file_name(sent: str) -> str:
    """The name under which a file can be stored that somebody sent under this one: no path, no sign that disks refuse.

    Raises `Refused` for what is no picture's or video's name.
    """
    name = _UNFIT.sub("_", sent.replace("\\", "/").rpartition("/")[2]).strip()
    stem, dot, ending = name.rpartition(".")
    room = MOST_BYTES_OF_NAME - len(f"{dot}{ending}".encode())
    name = f"{stem.encode()[: max(room, 1)].decode(errors='ignore').rstrip()}{dot}{ending}"
    if role_of(name) is not Role.MEDIA:
        raise Refused("It is no picture or video that Storyline can post. It takes JPEG, PNG, GIF, WebP, MP4 and MOV.")
    return name


def known_as(store: Store, content: BinaryIO) -> MediaItem | None:
    """The living item that has these bytes already, if there is one: the content is read to its end."""
    digest = hashlib.sha256()
    content.seek(0)
    while block := content.read(_BLOCK):
        digest.update(block)
    with store.read() as unit:
        found = unit.library.living_by_digest([digest.hexdigest()])
    return next((item for items in found.values() for item in items), None)


def store_new(
    line: SourceLine, name: str, content: BinaryIO, folder: str = "", *, provenance: Provenance | None = None
) -> str:  # fmt: skip
    """Store a new file in the source, with where it comes from if the source keeps that, and return its key.

    Raises `NotAllowed` for a source that cannot be written to, `Refused` for a content that could not be posted, and
    whatever the source raises.
    """
    source = line.provider
    if not line.traits.writes or not isinstance(source, WritableSource):
        raise NotAllowed(f"Nothing can be stored in {line.name}: its kind cannot be written to.")
    name = file_name(name)
    content.seek(0)
    if problem := look_file(content).problem:
        raise Refused(f"It cannot be opened: {problem}")
    content.seek(0)
    return guarded(
        lambda: source.store_media(folder, name, content, provenance=provenance),
        "Storing a file",
        otherwise=Unavailable,
        gives=str,
    )
