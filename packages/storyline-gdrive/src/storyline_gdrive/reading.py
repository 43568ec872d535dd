"""The bytes of a file: by ranges as long as little is wanted, else whole, resumed where it broke, and verified."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import BinaryIO

import httpx

from storyline_core import PluginFault, Refused, Unavailable
from storyline_gdrive.client import FILES, Drive, Params, Refuses
from storyline_gdrive.files import DriveFile
from storyline_gdrive.pace import Carried
from storyline_gdrive.troubles import fault_of

HEAD = 256 * 1024
"""So much of a larger file is asked for at first: enough to tell what it is."""

TAIL = 64 * 1024
"""And so much of its end."""

SMALL = 1 << 20
"""A file of no more bytes than this is fetched whole at once."""

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_MEDIA: Params = {"alt": "media", "supportsAllDrives": True}


class Changed(Unavailable):
    """The file is not the one that was listed; it is looked at again."""


def download(drive: Drive, file: DriveFile, into: BinaryIO) -> None:
    """Write the whole file and verify it; what is there already is taken for its beginning.

    Raises `Refused`, `Unavailable`, `NeedsPerson` or `Changed`.
    """
    size = file.size or 0

    def go_on() -> None:
        at = into.seek(0, io.SEEK_END)
        if at > size:
            at = into.seek(0)
            into.truncate()
        if at < size:
            _pour(drive, file, into, at, size - 1)

    while True:
        before = into.seek(0, io.SEEK_END)
        if size:
            _asking(drive, go_on, file, Carried(size, into.tell))
        if into.seek(0, io.SEEK_END) == size and _is_whole(file, into):
            return
        into.truncate(0)
        # It may be what was there before that was wrong.
        if not before:
            raise Changed(f"{file.name} changed in Drive while it was read. It is looked at again.")


def _is_whole(file: DriveFile, content: BinaryIO) -> bool:
    """Whether the bytes are those that Drive has, by the best checksum that it tells."""
    if file.digest is not None:
        return hash_of(content) == file.digest
    return not file.md5 or hash_of(content, hashlib.md5(usedforsecurity=False)) == file.md5


def hash_of(content: BinaryIO, found: hashlib._Hash | None = None) -> str:
    """The SHA-256 of all that a file holds, or what another algorithm makes of it."""
    content.seek(0)
    found = found or hashlib.sha256()
    while block := content.read(1 << 20):
        found.update(block)
    return found.hexdigest()


def fetch_range(drive: Drive, file: DriveFile, first: int, last: int) -> bytes:
    """Some of the bytes, both ends included. Raises as `download`."""
    into = io.BytesIO()

    def go_on() -> None:
        at = into.seek(0, io.SEEK_END)
        if first + at <= last:
            _pour(drive, file, into, first + at, last)

    _asking(drive, go_on, file, Carried(last - first + 1, into.tell))
    return into.getvalue()


def _asking(drive: Drive, call: Callable[[], None], file: DriveFile, carried: Carried) -> None:
    try:
        drive.trying(call, file.name, carried)
    except Refuses as refused:
        if refused.refusal.status == 416:
            raise Changed(f"{file.name} changed in Drive while it was read. It is looked at again.") from None
        raise fault_of(refused.refusal, file.name, "") from None


def _pour(drive: Drive, file: DriveFile, into: BinaryIO, first: int, last: int) -> None:
    room = last - first + 1
    address = drive.address(f"{FILES}/{file.id}")
    with drive.stream(address, _MEDIA, {"Range": f"bytes={first}-{last}"}, room) as answer:
        _check_place(file, answer, first)
        # As it comes: what is gathered into larger blocks is lost with the line.
        for block in answer.iter_bytes():
            into.write(block[:room])
            room -= len(block)
            if room < 0:
                raise Changed(f"{file.name} grew in Drive while it was read. It is looked at again.")
        if room > 0:
            raise httpx.ReadError("The answer ended early.")


def _check_place(file: DriveFile, answer: httpx.Response, first: int) -> None:
    if answer.status_code == 200:
        if first or int(answer.headers.get("Content-Length", file.size or 0)) != file.size:
            raise Changed(f"{file.name} is not sent from where it broke off. It is looked at again.")
        return
    place = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if place is None or int(place[1]) != first or int(place[3]) != file.size:
        raise Changed(f"{file.name} changed in Drive while it was read. It is looked at again.")


class Lazy(io.RawIOBase):
    """A file in Drive that is fetched by its ends while only those are read, and whole when more is."""

    def __init__(self, size: int, part: Callable[[int, int], bytes], whole: Callable[[], BinaryIO]) -> None:
        self._size = size
        self._part = part
        self._whole = whole
        self._parts: dict[int, bytes] = {}
        self._file: BinaryIO | None = None
        self._at = 0

    def begin(self) -> None:
        """Fetch the beginning: whether the file is there shows now. Raises as `download`."""
        first, last = self._window() or (0, 0)
        self._parts[first] = self._part(first, last)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought."""
        return True

    def tell(self) -> int:
        """Where the next bytes come from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is fetched for it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        """Some bytes. Raises OSError for what the network did, so that readers of files understand it."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        content = self._content(min(len(view), max(0, self._size - self._at)))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def _content(self, count: int) -> bytes:
        if not count:
            return b""
        try:
            window = self._window()
            if self._file is None and window is None:
                self._file = self._whole()
            if self._file is not None:
                self._file.seek(self._at)
                return self._file.read(count)
            first, last = window or (0, 0)
            if first not in self._parts:
                self._parts[first] = self._part(first, last)
            return self._parts[first][self._at - first : self._at - first + count]
        except PluginFault as fault:
            raise OSError(str(fault)) from fault

    def _window(self) -> tuple[int, int] | None:
        """The first and last byte of the end of the file that this place is in; None between the ends."""
        if self._at < HEAD:
            return 0, min(HEAD, self._size) - 1
        tail = self._size - TAIL
        return (tail, self._size - 1) if self._at >= tail else None

    def close(self) -> None:
        """Let go of the kept file."""
        if self._file is not None:
            self._file.close()
        super().close()


def refuse_unknown(key: str) -> Refused:
    """There is no such file."""
    return Refused(f"{key or 'A file without an id'} is no file in Drive.")
