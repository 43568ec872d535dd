"""Videos made of nothing but their atoms: enough for whoever looks at the structure, as Storyline and the tests do."""

from __future__ import annotations

import struct

UPRIGHT = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
SCALE = 600


def atom(kind: bytes, *content: bytes) -> bytes:
    """One atom."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def film(
    seconds: float = 10.0,
    *,
    size: tuple[int, int] = (1080, 1920),
    codec: bytes = b"avc1",
    fps: float = 30.0,
    sound: bytes | None = b"mp4a",
    rate_hz: int = 48_000,
    channels: int = 2,
    edits: int = 0,
    index_first: bool = True,
    filling: int = 2_000,
) -> bytes:
    """A video as its index describes it; its frames are filling."""
    tracks = [_pictures(seconds, size, codec, fps, edits)]
    if sound is not None:
        tracks.append(_sound(sound, rate_hz, channels))
    header = atom(b"mvhd", b"\0" * 12, struct.pack(">II", SCALE, round(seconds * SCALE)), b"\0" * 80)
    index = atom(b"moov", header, *tracks)
    start, frames = atom(b"ftyp", b"isom\0\0\2\0isomavc1mp41"), atom(b"mdat", b"\x55" * filling)
    return start + (index + frames if index_first else frames + index)


def _pictures(seconds: float, size: tuple[int, int], codec: bytes, fps: float, edits: int) -> bytes:
    shown = atom(b"tkhd", b"\0\0\0\7", b"\0" * 36, UPRIGHT, struct.pack(">2I", size[0] << 16, size[1] << 16))
    frames = max(round(seconds * fps), 1)
    times = atom(b"stts", struct.pack(">IIII", 0, 1, frames, round(SCALE * 100 / fps)))
    table = atom(b"stbl", atom(b"stsd", struct.pack(">II", 0, 1), atom(codec, b"\0" * 78)), times)
    media = atom(b"mdia", _media_header(SCALE * 100), _handler(b"vide"), atom(b"minf", table))
    part = struct.pack(">IIHH", round(seconds * SCALE / max(edits, 1)), 0, 1, 0)
    cuts = atom(b"edts", atom(b"elst", struct.pack(">II", 0, edits), part * edits)) if edits else b""
    return atom(b"trak", shown, cuts, media)


def _sound(codec: bytes, rate_hz: int, channels: int) -> bytes:
    entry = b"\0" * 16 + struct.pack(">HHHHI", channels, 16, 0, 0, min(rate_hz, 65_535) << 16)
    table = atom(b"stbl", atom(b"stsd", struct.pack(">II", 0, 1), atom(codec, entry)))
    return atom(b"trak", atom(b"mdia", _media_header(rate_hz), _handler(b"soun"), atom(b"minf", table)))


def _media_header(scale: int) -> bytes:
    return atom(b"mdhd", b"\0" * 12, struct.pack(">II", scale, 0), b"\0" * 4)


def _handler(kind: bytes) -> bytes:
    return atom(b"hdlr", b"\0" * 8, kind, b"\0" * 13)
