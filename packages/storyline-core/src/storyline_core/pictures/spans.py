"""The bytes of a file as far as they are in sight: its beginning, its end, and the rest if the file itself is open."""

from __future__ import annotations

import io
from typing import BinaryIO

_BLOCK = 1 << 18


class OutOfSight(Exception):
    """The bytes asked for are neither in the head nor in the tail, and there is no file to look at."""


class Damaged(Exception):
    """The content cannot be what it says it is. The text is a sentence for the person who owns the file."""


class Span:
    """A file of `size` bytes of which `head` and `tail` are at hand and the rest is read from `file`, if given."""

    def __init__(self, head: bytes, tail: bytes, size: int, file: BinaryIO | None = None) -> None:
        self.size = size
        self.head = head
        self._tail = tail
        self._tail_start = size - len(tail)
        self._file = file

    def at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer at the end of the file. Raises OutOfSight."""
        end = min(offset + length, self.size)
        if end <= len(self.head):
            return self.head[offset:end]
        if offset >= self.size:
            return b""
        if offset >= self._tail_start:
            return self._tail[offset - self._tail_start : end - self._tail_start]
        if self._file is None:
            raise OutOfSight
        self._file.seek(offset)
        return self._file.read(end - offset)

    def need(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises Damaged when the file ends before."""
        found = self.at(offset, length)
        if len(found) < length:
            raise Damaged(BROKEN_OFF)
        return found

    def find(self, wanted: bytes, start: int) -> int:
        """Where `wanted` first stands at or after `start`, or -1."""
        while start < self.size:
            block = self.at(start, _BLOCK)
            if (position := block.find(wanted)) >= 0:
                return start + position
            if len(block) < _BLOCK:
                return -1
            start += _BLOCK - len(wanted) + 1
        return -1


BROKEN_OFF = "It breaks off before its end, as after an unfinished copy or download. Fetch it again."


def span_of(file: BinaryIO, head_bytes: int) -> Span:
    """An open, seekable file, with its beginning read."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return Span(file.read(head_bytes), b"", size, file)
