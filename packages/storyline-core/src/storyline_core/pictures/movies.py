"""MP4 and QuickTime: what a movie's atoms say of it, without decoding a frame."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from storyline_core.pictures.spans import BROKEN_OFF, Damaged, Span

_MAX_ATOMS = 10_000
_NO_INDEX = "It has no index (no moov atom): the recording or the copy was broken off. Export or fetch it again."


@attrs.frozen
class Movie:
    """What a movie says of itself. `width` and `height` are those shown, after rotation.

    `seconds` is None where only the fragments know; `codec` is the four letters of its pictures' encoding;
    `index_first` is False where a player must fetch all of it before it can start.
    """

    width: int | None
    height: int | None
    seconds: float | None
    codec: str
    index_first: bool


@attrs.frozen
class _Atom:
    kind: bytes
    start: int
    end: int


def read_movie(span: Span) -> Movie:
    """Read the index of a movie. Raises Damaged if it is cut short or has none, OutOfSight if it lies elsewhere."""
    index: _Atom | None = None
    frames_at: int | None = None
    for atom in _atoms(span, 0, span.size):
        if atom.end > span.size:
            raise Damaged(BROKEN_OFF)
        if atom.kind == b"moov" and index is None:
            index = atom
        elif atom.kind == b"mdat" and frames_at is None:
            frames_at = atom.start
    if index is None:
        raise Damaged(_NO_INDEX)
    if frames_at is None:
        raise Damaged(BROKEN_OFF)
    return _read_index(span, index, index_first=index.start < frames_at)


def _atoms(span: Span, start: int, end: int) -> Iterator[_Atom]:
    """The atoms side by side between two offsets; `start` of each is that of its content."""
    for _ in range(_MAX_ATOMS):
        header = span.at(start, 16)
        if start >= end or len(header) < 8 or header[4:8] == b"\0\0\0\0":
            return
        length, content = int.from_bytes(header[:4], "big"), 8
        if length == 1:
            length, content = int.from_bytes(header[8:16], "big"), 16
        elif length == 0:
            length = end - start
        if length < content:
            raise Damaged("Its structure is damaged (an atom of impossible length). Export or fetch it again.")
        yield _Atom(header[4:8], start + content, start + length)
        start += length
    raise Damaged("Its structure is damaged (more atoms than a video has). Export or fetch it again.")


def _read_index(span: Span, index: _Atom, *, index_first: bool) -> Movie:
    seconds: float | None = None
    for atom in _atoms(span, index.start, index.end):
        if atom.kind == b"mvhd":
            seconds = _seconds(span, atom)
        elif atom.kind == b"trak" and _is_video(span, atom):
            width, height = _shown_size(span, atom)
            return Movie(width, height, seconds, _codec(span, atom), index_first)
    raise Damaged("It holds no moving pictures (sound alone, perhaps).")


def _below(span: Span, atom: _Atom, *path: bytes) -> _Atom | None:
    """The first atom at the end of a path of kinds, or None."""
    for kind in path:
        found = next((each for each in _atoms(span, atom.start, atom.end) if each.kind == kind), None)
        if found is None:
            return None
        atom = found
    return atom


def _is_video(span: Span, track: _Atom) -> bool:
    handler = _below(span, track, b"mdia", b"hdlr")
    return handler is not None and span.at(handler.start + 8, 4) == b"vide"


def _seconds(span: Span, header: _Atom) -> float | None:
    wide = span.need(header.start, 1) == b"\x01"
    fields = span.need(header.start + (20 if wide else 12), 12 if wide else 8)
    scale, length = int.from_bytes(fields[:4], "big"), int.from_bytes(fields[4:], "big")
    unknown = length in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return None if unknown or not scale else length / scale


def _shown_size(span: Span, track: _Atom) -> tuple[int | None, int | None]:
    header = _below(span, track, b"tkhd")
    if header is None:
        return None, None
    wide = span.need(header.start, 1) == b"\x01"
    fields = span.need(header.start + (52 if wide else 40), 44)
    matrix = [int.from_bytes(fields[at : at + 4], "big") for at in range(0, 20, 4)]
    width, height = int.from_bytes(fields[36:38], "big"), int.from_bytes(fields[40:42], "big")
    on_its_side = matrix[0] == 0 and matrix[4] == 0 and matrix[1] != 0
    if on_its_side:
        width, height = height, width
    return width or None, height or None


def _codec(span: Span, track: _Atom) -> str:
    table = _below(span, track, b"mdia", b"minf", b"stbl", b"stsd")
    letters = span.at(table.start + 12, 4) if table else b""
    return letters.decode("ascii", "replace").strip()
