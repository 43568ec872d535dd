"""MP4 and QuickTime: what a movie's atoms say of it, without decoding a frame."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import attrs

from storyline_core.pictures.spans import BROKEN_OFF, Damaged, Span

_MAX_ATOMS = 10_000
_NO_INDEX = "It has no index (no moov atom): the recording or the copy was broken off. Export or fetch it again."


@attrs.frozen
class Sound:
    """What a movie says of its sound: the four letters of its encoding, samples a second, channels; 0 for unsaid."""

    codec: str
    rate_hz: int
    channels: int


@attrs.frozen
class Movie:
    """What a movie says of itself. `width` and `height` are those shown, after rotation.

    `seconds` is None where only the fragments know; `codec` is the four letters of its pictures' encoding;
    `index_first` is False where a player must fetch all of it before it can start. `frames_per_second` is the mean,
    None where it is not said. `cuts` is True where an edit list leaves out or rearranges parts. `sound` is None where
    there is none.
    """

    width: int | None
    height: int | None
    seconds: float | None
    codec: str
    index_first: bool
    frames_per_second: float | None = None
    cuts: bool = False
    sound: Sound | None = None


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
    pictures: _Atom | None = None
    sound: Sound | None = None
    for atom in _atoms(span, index.start, index.end):
        if atom.kind == b"mvhd":
            seconds = _seconds(span, atom)
        elif atom.kind == b"trak":
            holds = _holds(span, atom)
            if holds == b"vide" and pictures is None:
                pictures = atom
            elif holds == b"soun" and sound is None:
                sound = _sound(span, atom)
    if pictures is None:
        raise Damaged("It holds no moving pictures (sound alone, perhaps).")
    width, height = _shown_size(span, pictures)
    return Movie(
        width,
        height,
        seconds,
        _codec(span, pictures),
        index_first,
        frames_per_second=_frames_per_second(span, pictures),
        cuts=_cuts(span, pictures),
        sound=sound,
    )


def _below(span: Span, atom: _Atom, *path: bytes) -> _Atom | None:
    """The first atom at the end of a path of kinds, or None."""
    for kind in path:
        found = next((each for each in _atoms(span, atom.start, atom.end) if each.kind == kind), None)
        if found is None:
            return None
        atom = found
    return atom


def _holds(span: Span, track: _Atom) -> bytes:
    """What a track holds: `vide`, `soun` or something else."""
    handler = _below(span, track, b"mdia", b"hdlr")
    return span.at(handler.start + 8, 4) if handler is not None else b""


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


def _sound(span: Span, track: _Atom) -> Sound:
    table = _below(span, track, b"mdia", b"minf", b"stbl", b"stsd")
    if table is None:
        return Sound("", 0, 0)
    entry = span.at(table.start + 8, 60)
    codec = entry[4:8].decode("ascii", "replace").strip()
    if entry[16:18] == b"\0\2":
        # QuickTime's second way of writing it, for rates that do not fit into sixteen bits.
        rate = struct.unpack(">d", entry[40:48])[0] if len(entry) >= 52 else 0.0
        return Sound(codec, int(rate) if 0 < rate < 1e7 else 0, int.from_bytes(entry[48:52], "big"))
    return Sound(codec, int.from_bytes(entry[32:34], "big"), int.from_bytes(entry[24:26], "big"))


def _frames_per_second(span: Span, track: _Atom) -> float | None:
    """The mean over the whole track: how many frames, by how long they are shown together."""
    header = _below(span, track, b"mdia", b"mdhd")
    times = _below(span, track, b"mdia", b"minf", b"stbl", b"stts")
    if header is None or times is None:
        return None
    wide = span.need(header.start, 1) == b"\x01"
    scale = int.from_bytes(span.at(header.start + (20 if wide else 12), 4), "big")
    count = min(int.from_bytes(span.at(times.start + 4, 4), "big"), (times.end - times.start - 8) // 8)
    runs = span.at(times.start + 8, 8 * max(count, 0))
    pairs = [struct.unpack_from(">II", runs, at) for at in range(0, len(runs) - 7, 8)]
    frames, shown = sum(frames for frames, _ in pairs), sum(frames * length for frames, length in pairs)
    return frames * scale / shown if scale and shown else None


def _cuts(span: Span, track: _Atom) -> bool:
    """Whether an edit list does more than shift the beginning, as nearly every encoder lets it do."""
    edits = _below(span, track, b"edts", b"elst")
    if edits is None:
        return False
    wide = span.at(edits.start, 1) == b"\x01"
    size, at = (20, 8) if wide else (12, 4)
    count = min(int.from_bytes(span.at(edits.start + 4, 4), "big"), (edits.end - edits.start - 8) // size)
    entries = span.at(edits.start + 8, size * max(count, 0))
    begins = (entries[start + at : start + size - 4] for start in range(0, len(entries) - size + 1, size))
    # An empty edit, one that begins nowhere, only lets the pictures begin later.
    return sum(begin != b"\xff" * len(begin) for begin in begins) > 1
