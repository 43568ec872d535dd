"""What an uploaded file is, by its bytes."""

from __future__ import annotations

from io import BytesIO

import attrs
from PIL import Image, UnidentifiedImageError


@attrs.frozen
class Seen:
    """What a file is."""

    resource_type: str
    format: str
    width: int | None = None
    height: int | None = None


def look(content: bytes) -> Seen:
    """What a file is: an image, a video, or raw."""
    if content[4:8] == b"ftyp":
        return Seen("video", "mov" if content[8:12] == b"qt  " else "mp4")
    try:
        with Image.open(BytesIO(content)) as picture:
            form = (picture.format or "").lower()
            return Seen("image", "jpg" if form in {"jpeg", "mpo"} else form, *picture.size)
    except (UnidentifiedImageError, OSError, ValueError):
        return Seen("raw", "bin")
