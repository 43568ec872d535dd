"""What a picture looks like, in 64 bits: those of two pictures that look alike differ in few places.

The brightness of 32 x 32 fields is taken apart into waves (a discrete cosine transform). The 64 longest of them are
what a viewer sees first, and they survive another size, another format and a worse quality. Each gives one bit:
whether it is stronger than half of the others. `docs/duplicates.md` has what this was measured to find and to mistake.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from typing import BinaryIO

from storyline_core.errors import Refused
from storyline_core.pictures.looks import HEAD_BYTES, frame_of, look_at
from storyline_core.pictures.spans import span_of

LIKENESS_VERSION = 1
"""Raised when likenesses are computed in another way, since only those of one way can be compared."""

ALIKE_WITHIN = 8
"""Pictures whose likenesses differ in so many of the 64 bits, or fewer, are alike."""

LIKENED_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What is compared by its looks. Of a video or an animation one frame says too little."""

_SIDE = 32
_WAVES = 8
_DECODED = (4 * _SIDE, 4 * _SIDE)
_WHITE = (255, 255, 255)
_FEWEST = 16
_FAINTEST = 0.5 * _SIDE * _SIDE / 4
_COSINES = [[math.cos(math.pi * wave * (2 * at + 1) / (2 * _SIDE)) for at in range(_SIDE)] for wave in range(_WAVES)]


def likeness(file: BinaryIO) -> int | None:
    """The 64 bits of the picture in an open, seekable file.

    None for what has no looks to speak of: next to one colour, or nothing but one colour passing into another. Raises
    Refused, with why, for what is no picture that is compared or cannot be decoded; OSError if the disk fails.
    """
    span = span_of(file, HEAD_BYTES)
    seen = look_at(span)
    if seen.problem:
        raise Refused(seen.problem)
    if seen.media_type not in LIKENED_TYPES:
        raise Refused("Only JPEG, PNG and WebP pictures are compared by their looks.")
    # Pillow takes long to load, and only those who compare pictures need it.
    from storyline_core.pictures import pixels

    image = pixels.decode(file, seen.media_type, _DECODED)
    image = pixels.upright_srgb(image, frame_of(span, seen.media_type), _DECODED)
    return _bits(_waves(pixels.brightness(image, (_SIDE, _SIDE), _WHITE)))


def _waves(fields: bytes) -> list[float]:
    """How strong each of the longest waves is, from the even brightness (first) to the shortest of them."""
    rows = [fields[start : start + _SIDE] for start in range(0, _SIDE * _SIDE, _SIDE)]
    columns = [[sum(map(mul, row, wave)) for row in rows] for wave in _COSINES]
    return [sum(map(mul, column, wave)) for wave in _COSINES for column in columns]


def _bits(waves: Sequence[float]) -> int | None:
    changing = waves[1:]
    # Where almost nothing stands out, the bits would say how the file was compressed.
    if sum(abs(strength) >= _FAINTEST for strength in changing) < _FEWEST:
        return None
    middle = sorted(changing)[len(changing) // 2]
    return sum(1 << place for place, strength in enumerate(waves) if strength > middle)
