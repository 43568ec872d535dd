"""The bytes of one file from Meta, read bit by bit; where the connection breaks, it goes on from there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

import httpx

from storyline_core import Refused, Unavailable
from storyline_instagram.graph import Graph, GraphFault

MOST_BREAKS = 3
"""How often one download goes on after its connection broke."""

_BLOCK = 1 << 16
_GONE = frozenset({401, 403, 404, 410})


class Expired(Refused):
    """The address gives nothing any more; a fresh one may."""


class Download(io.RawIOBase):
    """One file, as a stream. A reading that cannot go on raises `Unavailable`, and so does every later one."""

    def __init__(self, graph: Graph, address: str, name: str) -> None:
        super().__init__()
        self._graph = graph
        self._address = address
        self._called = name
        self._stack = ExitStack()
        self._blocks: Iterator[bytes] = iter(())
        self._rest = b""
        self._read = 0
        self._size: int | None = None
        self._breaks = 0
        self._broken = ""

    def begin(self) -> BinaryIO:
        """Ask for it. Raises `Expired` for an address that gives nothing any more, `Unavailable` when not now."""
        self._ask()
        return cast(BinaryIO, io.BufferedReader(self, _BLOCK))

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Some of it."""
        block = self._next()
        taken, self._rest = block[: len(buffer)], block[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """End the connection."""
        self._stack.close()
        super().close()

    def _next(self) -> bytes:
        if self._broken:
            raise Unavailable(self._broken)
        while not self._rest:
            try:
                block = next(self._blocks, b"")
            except (httpx.HTTPError, GraphFault) as error:
                self._go_on(type(error).__name__)
                continue
            if not block and self._size is not None and self._read < self._size:
                self._go_on("it ended too early")
                continue
            self._read += len(block)
            return block
        return self._rest

    def _go_on(self, why: str) -> None:
        self._breaks += 1
        if self._breaks > MOST_BREAKS:
            self._broken = f"{self._called} could not be fetched whole: the connection broke off ({why})."
            raise Unavailable(self._broken)
        try:
            self._ask()
        except Expired as error:
            self._broken = f"{self._called} could not be fetched whole: its address expired meanwhile."
            raise Unavailable(self._broken) from error

    def _ask(self) -> None:
        self._stack.close()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={self._read}-"} if self._read else {})
        try:
            answer = self._stack.enter_context(self._graph.download(self._address, headers))
        except GraphFault as fault:
            if fault.fault.status in _GONE:
                raise Expired("Instagram does not give its file any more.") from None
            raise fault.as_core("fetching a picture") from None
        skipped = self._read if self._read and answer.status_code != 206 else 0
        length = answer.headers.get("Content-Length", "")
        if length.isdigit():
            self._size = int(length) + (0 if skipped else self._read)
        self._blocks = _from(answer.iter_bytes(_BLOCK), skipped)


def _from(blocks: Iterator[bytes], skipped: int) -> Iterator[bytes]:
    """The blocks without the first so many bytes: what was read already, where the server began anew."""
    for block in blocks:
        if skipped >= len(block):
            skipped -= len(block)
            continue
        yield block[skipped:]
        skipped = 0
