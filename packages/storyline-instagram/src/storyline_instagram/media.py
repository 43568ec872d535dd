"""What is sent to Instagram for one post: a fitted picture, or a video that has been looked at closely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

import attrs

from storyline_core import Draft, FitStyle, Refused, Unavailable, fit, look_file, validate
from storyline_instagram.transcoding import transcoded


@attrs.frozen
class StoryFile:
    """The bytes of a story, seekable, and what they are."""

    content: BinaryIO = attrs.field(repr=False)
    media_type: str

    @property
    def video(self) -> bool:
        """Whether it moves."""
        return self.media_type.startswith("video/")


@contextmanager
def story_file(draft: Draft, *, style: FitStyle, transcode: bool) -> Iterator[StoryFile]:
    """The post's picture as Instagram takes it, or its video. Types come from the content, never from the name.

    Raises `Refused` with exactly what is wrong, `Unavailable` when the original cannot be read.
    """
    with draft.open_media() as original:
        media_type, picture = _looked_at(original, draft.item.name, style)
        if picture is not None:
            yield StoryFile(BytesIO(picture), "image/jpeg")
            return
        with _video(original, draft.item.name, transcode=transcode) as video:
            video.seek(0)
            yield StoryFile(video, media_type if video is original else "video/mp4")


def _looked_at(original: BinaryIO, name: str, style: FitStyle) -> tuple[str, bytes | None]:
    """What it really is, and the fitted picture unless it is a video."""
    try:
        seen = look_file(original)
        if seen.problem:
            raise Refused(seen.problem)
        original.seek(0)
        return seen.media_type, None if seen.media_type.startswith("video/") else fit(original, style=style)
    except OSError as error:
        raise Unavailable(f"{name} cannot be read: {error.strerror or type(error).__name__}.") from error


@contextmanager
def _video(original: BinaryIO, name: str, *, transcode: bool) -> Iterator[BinaryIO]:
    """The video as it is if Instagram takes it; otherwise made anew, where that is wanted."""
    try:
        found = validate(original)
    except OSError as error:
        raise Unavailable(f"{name} cannot be read: {error.strerror or type(error).__name__}.") from error
    doubtful = transcode and any("Instagram may refuse" in each for each in found.warnings)
    if found.valid and not doubtful:
        yield original
    elif transcode and not any("seconds long" in each for each in found.errors):
        with transcoded(original, " ".join((*found.errors, *found.warnings))) as made:
            _must_do(made)
            yield made
    else:
        raise Refused(" ".join(found.errors))


def _must_do(made: BinaryIO) -> None:
    found = validate(made)
    if not found.valid:
        raise Refused(f"Converted, it still does not do: {' '.join(found.errors)}")
