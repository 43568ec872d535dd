"""What files hold: bytes, made only when somebody asks for them."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable

import attrs


@attrs.define(eq=False)
class Content:
    """Bytes of a known size; those that are made on demand are made anew every time, and are always the same."""

    size: int
    make: Callable[[], bytes]
    _digests: dict[str, str] | None = None

    @classmethod
    def of(cls, given: bytes | str | Content) -> Content:
        """Bytes as they are, or a text in UTF-8."""
        if isinstance(given, Content):
            return given
        raw = given.encode() if isinstance(given, str) else bytes(given)
        return cls(len(raw), lambda: raw)

    @classmethod
    def made(cls, seed: str, size: int = 64) -> Content:
        """Bytes that follow from a seed: nothing is kept but the seed."""

        def make() -> bytes:
            block = hashlib.sha512(seed.encode("utf-8", "surrogatepass")).digest()
            return (block * (size // len(block) + 1))[:size]

        return cls(size, make)

    def read(self) -> bytes:
        """All the bytes."""
        return self.make()

    def digest(self, algorithm: str) -> str:
        """A checksum in lower-case hexadecimal: ``md5``, ``sha1`` or ``sha256``."""
        if self._digests is None:
            raw = self.make()
            self._digests = {name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")}
        return self._digests[algorithm]


def flat_png(width: int, height: int, shade: int) -> bytes:
    """A grey picture, as a thumbnail that is really of the size that was asked for."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + bytes([shade]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
