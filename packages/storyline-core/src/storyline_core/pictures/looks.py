"""What a file's first and last bytes say about it: its real type, its size in pixels, and why it would not open.

No pixel is decoded: this runs once for every file in the same reading that hashes it. Whether every pixel decodes is
found out by `validate` and by `fit`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO, Literal

import attrs

from storyline_core.media import Look
from storyline_core.pictures.kinds import real_type
from storyline_core.pictures.movies import read_movie
from storyline_core.pictures.spans import BROKEN_OFF, Damaged, OutOfSight, Span, span_of

LOOK_VERSION = 1
"""Raised when looking gets better, so that files are looked at again although their bytes are the same."""

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 4 * 1024
"""So much of a file's beginning and end is enough for all but odd files."""

MAX_PIXELS = 89_000_000
"""Larger pictures are not opened: they fill a small machine's memory. It is just below where Pillow begins to warn."""

_DAMAGED = "Its header is damaged, so that no program can open it. Fetch or export it again."
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
_NO_LENGTH = {0x00: 1, 0xFF: 1, 0x01: 2, **dict.fromkeys(range(0xD0, 0xD9), 2)}
_FRAME_STARTS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_STEPS = 100_000
_MAX_EXIF_BYTES = 64 * 1024


@attrs.frozen
class Frame:
    """A picture's size as it is stored, and its EXIF orientation (1 to 8)."""

    width: int
    height: int
    orientation: int = 1

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height after the rotation that the orientation asks for."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def look(head: bytes, tail: bytes, size: int) -> Look | None:
    """Look at a file of `size` bytes by its beginning and its end, as they pass by while it is hashed.

    None if that is not enough (an index in the middle of a video, an odd end): then `look_file` tells. Of a file no
    longer than the head, `tail` may be empty.
    """
    try:
        return look_at(Span(head, tail, size))
    except OutOfSight:
        return None


def look_file(file: BinaryIO) -> Look:
    """Look at an open, seekable file, reading only what is needed. Raises OSError if it cannot be read."""
    return look_at(span_of(file, HEAD_BYTES))


def look_at(span: Span) -> Look:
    """Look at what is in sight of a file. Raises OutOfSight."""
    media_type, name = real_type(span.at(0, 64), span.size)
    if name:
        return _broken(media_type, name)
    try:
        if media_type.startswith("video/"):
            movie = read_movie(span)
            return Look(media_type, movie.width, movie.height, version=LOOK_VERSION)
        frame = frame_of(span, media_type)
    except Damaged as error:
        return _broken(media_type, str(error))
    width, height = frame.shown
    problem = _size_problem(width, height)
    return Look(media_type, width, height, problem, LOOK_VERSION)


def frame_of(span: Span, media_type: str) -> Frame:
    """A picture's stored size and orientation. Raises Damaged, OutOfSight."""
    return _FRAMES[media_type](span)


def _broken(media_type: str, problem: str) -> Look:
    return Look(media_type, problem=problem, version=LOOK_VERSION)


def _size_problem(width: int, height: int) -> str | None:
    if not width or not height:
        return _DAMAGED
    if width * height > MAX_PIXELS:
        millions = MAX_PIXELS // 1_000_000
        return f"It has {width} x {height} pixels, more than the {millions} million that are opened. Save it smaller."
    return None


def _jpeg(span: Span) -> Frame:
    offset, orientation, width, height = 2, 0, 0, 0
    # Nearly every header lies in the head, where a step must not cost a call: this is done for every picture.
    head = span.head
    within = len(head) - 4
    for _ in range(_MAX_STEPS):
        marker = head[offset : offset + 4] if offset <= within else span.need(offset, 4)
        kind = marker[1]
        if marker[0] != 0xFF:
            offset = span.find(b"\xff", offset)
            if offset < 0:
                raise Damaged(BROKEN_OFF)
            continue
        if kind in _NO_LENGTH:
            offset += _NO_LENGTH[kind]
            continue
        length = (marker[2] << 8) + marker[3]
        if kind in _FRAME_STARTS:
            size = span.need(offset + 5, 4)
            height, width = (size[0] << 8) + size[1], (size[2] << 8) + size[3]
        elif kind == 0xE1 and not orientation:
            orientation = _jpeg_orientation(span.at(offset + 4, length - 2))
        elif kind == 0xD9:
            break
        offset += 2 + length
        if kind == 0xDA and width:
            _find_jpeg_end(span, offset)
            return Frame(width, height, orientation or 1)
    raise Damaged(_DAMAGED)


def _find_jpeg_end(span: Span, start: int) -> None:
    if start + 2 <= span.size and span.at(span.size - 2, 2) == b"\xff\xd9":
        return
    # Where the very end is no end marker, a phone may have appended something (a film, a depth map).
    tail_start = max(start, span.size - TAIL_BYTES)
    if b"\xff\xd9" not in span.at(tail_start, TAIL_BYTES) and span.find(b"\xff\xd9", start) < 0:
        raise Damaged(BROKEN_OFF)


def _jpeg_orientation(segment: bytes) -> int:
    if segment.startswith(b"Exif\0\0"):
        return exif_orientation(segment[6:])
    if segment.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        found = _XMP_ORIENTATION.search(segment)
        return int(found[1]) if found else 0
    return 0


def exif_orientation(tiff: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block, or 0 where it says none that can be read."""
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(at: int, length: int) -> int:
        return int.from_bytes(tiff[at : at + length], order)

    if tiff[:2] not in (b"II", b"MM") or number(2, 2) != 42:
        return 0
    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if entry + 12 > len(tiff):
            return 0
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 0
    return 0


def _png(span: Span) -> Frame:
    header = span.need(8, 16)
    if header[4:8] != b"IHDR":
        raise Damaged(_DAMAGED)
    width, height = int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:16], "big")
    ends = b"IEND\xaeB`\x82" in span.at(max(0, span.size - TAIL_BYTES), TAIL_BYTES)
    offset, orientation = 8, 0
    for _ in range(_MAX_STEPS):
        chunk = span.need(offset, 8)
        length, kind = int.from_bytes(chunk[:4], "big"), chunk[4:]
        if kind == b"eXIf":
            orientation = exif_orientation(span.at(offset + 8, min(length, _MAX_EXIF_BYTES)))
        elif kind == b"IEND" or (ends and kind == b"IDAT"):
            return Frame(width, height, orientation or 1)
        offset += 12 + length
    raise Damaged(_DAMAGED)


def _gif(span: Span) -> Frame:
    header = span.need(6, 7)
    frame = Frame(int.from_bytes(header[:2], "little"), int.from_bytes(header[2:4], "little"))
    if span.at(max(0, span.size - 2), 2) == b"\0;":
        return frame
    # Only the first picture is ever shown, so that an unfinished film behind it does no harm.
    offset = 13 + _gif_colours(header[4])
    for _ in range(_MAX_STEPS):
        kind = span.need(offset, 1)
        if kind == b",":
            _gif_blocks(span, offset + 11 + _gif_colours(span.need(offset + 9, 1)[0]))
            return frame
        if kind != b"!":
            break
        offset = _gif_blocks(span, offset + 2)
    raise Damaged(_DAMAGED)


def _gif_colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(span: Span, offset: int) -> int:
    for _ in range(10 * _MAX_STEPS):
        length = span.need(offset, 1)[0]
        offset += 1 + length
        if not length:
            return offset
    raise Damaged(_DAMAGED)


def _webp(span: Span) -> Frame:
    header = span.need(4, 26)
    if int.from_bytes(header[:4], "little") + 8 > span.size:
        raise Damaged(BROKEN_OFF)
    kind = header[8:12]
    if kind == b"VP8X":
        width, height = int.from_bytes(header[20:23], "little") + 1, int.from_bytes(header[23:26], "little") + 1
        return Frame(width, height, _webp_orientation(span) if header[16] & 0x08 else 1)
    if kind == b"VP8L" and header[16] == 0x2F:
        bits = int.from_bytes(header[17:21], "little")
        return Frame((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and header[19:22] == b"\x9d\x01\x2a":
        sides = int.from_bytes(header[22:24], "little"), int.from_bytes(header[24:26], "little")
        return Frame(sides[0] & 0x3FFF, sides[1] & 0x3FFF)
    raise Damaged(_DAMAGED)


def _webp_orientation(span: Span) -> int:
    offset = 12
    for _ in range(_MAX_STEPS):
        chunk = span.at(offset, 8)
        if len(chunk) < 8:
            break
        length = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"EXIF":
            return exif_orientation(span.at(offset + 8, min(length, _MAX_EXIF_BYTES)).removeprefix(b"Exif\0\0")) or 1
        offset += 8 + length + length % 2
    return 1


_FRAMES: dict[str, Callable[[Span], Frame]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
}
