"""Fetching: the bytes of one picture or video from its service onto the disk, hashed and looked at on the way."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import attrs

from storyline_core.abilities import BackfillingPublisher
from storyline_core.errors import NeedsPerson, Unavailable
from storyline_core.media import Look
from storyline_core.past import PastMedia
from storyline_core.pictures import look_file
from storyline_core.steps.line import guarded

ON_DISK = "/var/tmp"
"""Where it is kept: `/tmp` may lie in memory, as on a Pi."""

_BLOCK = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@attrs.frozen
class Fetched:
    """The bytes of one medium, on the disk until the end of the block that fetched it."""

    file: BinaryIO
    digest: str
    size: int
    look: Look


@contextmanager
def fetched(publisher: BackfillingPublisher, media: PastMedia, keep: Callable[[], None]) -> Iterator[Fetched]:
    """Fetch one medium. Whatever its size, a megabyte of it is in memory at a time; `keep` is called for each.

    Raises what the publisher raises, `Unavailable` for a reading that breaks off, `NeedsPerson` without room.
    """
    with _draft() as draft:
        with guarded(lambda: publisher.open_past(media), f"Opening {media.name}", otherwise=Unavailable) as content:
            digest, size = _copied(content, draft, media.name, keep)
        draft.seek(0)
        look = look_file(draft)
        draft.seek(0)
        yield Fetched(draft, digest, size, look)


def _draft() -> BinaryIO:
    folder = ON_DISK if os.path.isdir(ON_DISK) and os.access(ON_DISK, os.W_OK) else None
    return tempfile.TemporaryFile(dir=folder)


def _copied(content: BinaryIO, draft: BinaryIO, name: str, keep: Callable[[], None]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := guarded(lambda: content.read(_BLOCK), f"Fetching {name}", otherwise=Unavailable, gives=bytes):
        digest.update(block)
        keep()
        try:
            size += draft.write(block)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise NeedsPerson(f"There is no room to fetch {name}.", remedy=f"Make room in {ON_DISK}.") from error
            raise Unavailable(f"{name} cannot be kept while it is fetched: {error.strerror}.") from error
    return digest.hexdigest(), size
