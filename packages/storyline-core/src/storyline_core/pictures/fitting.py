"""Fitting a picture to a story: a JPEG of 1080 x 1920 pixels in sRGB that Instagram takes as it is."""

from __future__ import annotations

from enum import StrEnum
from typing import BinaryIO

from storyline_core.errors import Refused
from storyline_core.pictures.looks import HEAD_BYTES, frame_of, look_at
from storyline_core.pictures.spans import span_of

STORY_SIZE = (1080, 1920)
"""Width and height of a story in pixels."""

MAX_PICTURE_BYTES = 8_000_000
"""The largest picture that Instagram takes."""

WHITE = (255, 255, 255)


class FitStyle(StrEnum):
    """What fills the story where the picture does not: itself, blurred; nothing, it is cropped; or one colour."""

    BLUR = "blur"
    CROP = "crop"
    PLAIN = "plain"


def fit(
    file: BinaryIO,
    *,
    style: FitStyle = FitStyle.BLUR,
    colour: tuple[int, int, int] = WHITE,
    limit: int = MAX_PICTURE_BYTES,
) -> bytes:
    """The picture in an open, seekable file as a story: JPEG, 1080 x 1920, sRGB, no metadata, at most `limit` bytes.

    `colour` (red, green, blue) shows through transparent pictures, and around plain ones. A file that is already
    exactly so is given back byte for byte. Raises Refused, with why, for what cannot be shown; OSError if the disk
    fails.
    """
    span = span_of(file, HEAD_BYTES)
    seen = look_at(span)
    if seen.problem:
        raise Refused(seen.problem)
    if seen.media_type.startswith("video/"):
        raise Refused("It is a video, which goes out as it is: only pictures are fitted.")
    # Pillow takes long to load, and only those who fit pictures need it.
    from storyline_core.pictures import pixels

    frame = frame_of(span, seen.media_type)
    if seen.media_type == "image/jpeg" and frame.shown == STORY_SIZE and span.size <= limit:
        image = pixels.decode(file, seen.media_type)
        file.seek(0)
        encoded = file.read()
        if pixels.is_ready(image, encoded):
            return encoded
    needed = pixels.size_needed(frame, STORY_SIZE)
    image = pixels.upright_srgb(pixels.decode(file, seen.media_type, needed), frame, needed)
    lay = {FitStyle.BLUR: pixels.on_blur, FitStyle.CROP: pixels.cropped, FitStyle.PLAIN: pixels.on_colour}[style]
    return pixels.encode(lay(image, STORY_SIZE, colour), limit)
