"""Whether a file will make a good story: the thorough check of `storyline media validate`, and what to advise."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import attrs

from storyline_core.errors import Refused
from storyline_core.media import Look, Role, media_type_of, role_of
from storyline_core.pictures.looks import HEAD_BYTES, look_at
from storyline_core.pictures.movies import Movie, read_movie
from storyline_core.pictures.spans import Damaged, Span, span_of

MAX_VIDEO_BYTES = 100_000_000
SHORTEST_VIDEO_S = 3.0
LONGEST_VIDEO_S = 60.0

_MOST_COLUMNS = 1920
_CODECS = frozenset({"avc1", "avc3", "hvc1", "hev1"})
_SLOWEST_FPS, _FASTEST_FPS = 23.0, 60.0
_MOST_MBPS = 25.0
_SOUND = "mp4a"
_MOST_HZ = 48_000
_MOST_CHANNELS = 2
_ROUNDING = 0.5
_NEARLY = 0.01
_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WebP",
    "image/heic": "HEIC",
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/jxl": "JPEG XL",
    "image/jp2": "JPEG 2000",
    "image/svg+xml": "SVG",
    "image/vnd.adobe.photoshop": "PSD",
    "video/mp4": "MP4",
    "video/quicktime": "MOV",
    "video/3gpp": "3GP",
    "video/x-matroska": "Matroska",
    "application/pdf": "PDF",
    "application/zip": "ZIP",
    "text/html": "HTML",
    "text/plain": "text",
}


@attrs.frozen
class Validation:
    """The outcome of the thorough check of one file.

    `errors` make it unfit for a story, `warnings` do not. `aspect_ratio` is width by height, to four places (9:16 is
    0.5625); `size_mb` is in millions of bytes; `format` is None for what is not recognised.
    """

    valid: bool
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    aspect_ratio: float | None = None
    size_mb: float | None = None
    format: str | None = None


def advise(look: Look) -> tuple[str, ...]:
    """What would make a usable picture or video better, as sentences; empty if nothing would."""
    if look.width is None or look.height is None or look.problem:
        return ()
    advice: list[str] = []
    if look.width < 720 or look.height < 1280:
        size = f"{look.width} x {look.height}"
        advice.append(f"It is {size} pixels, under 720 x 1280, and may look soft. 1080 x 1920 is recommended.")
    if abs(look.width * 16 / (look.height * 9) - 1) > _NEARLY:
        what = "Instagram will show it with borders" if _is_video(look) else "it will be fitted to 9:16"
        advice.append(f"It is not 9:16, so {what}.")
    return tuple(advice)


def validate(source: Path | BinaryIO) -> Validation:
    """Check a file thoroughly: every pixel of a picture is decoded, a video's structure is read.

    Given a path, what its name promises is compared too, and a file that cannot be read is part of the answer. Given
    an open, seekable file, OSError is raised if it cannot be read.
    """
    if not isinstance(source, Path):
        return _validate(source, "")
    try:
        with source.open("rb") as file:
            return _validate(file, source.name)
    except OSError as error:
        return Validation(valid=False, errors=(f"It cannot be read: {error.strerror or error}.",))


def _validate(file: BinaryIO, name: str) -> Validation:
    span = span_of(file, HEAD_BYTES)
    look = look_at(span)
    errors: list[str] = []
    warnings = [*_of_name(name, look), *advise(look)]
    if look.problem:
        errors.append(look.problem)
    elif _is_video(look):
        more_errors, more_warnings = _of_movie(span)
        errors += more_errors
        warnings += more_warnings
    else:
        errors += _of_pixels(file, look.media_type)
    return Validation(
        valid=not errors,
        errors=tuple(errors),
        warnings=tuple(warnings),
        width=look.width,
        height=look.height,
        aspect_ratio=round(look.width / look.height, 4) if look.width and look.height else None,
        size_mb=round(span.size / 1_000_000, 3),
        format=_FORMATS.get(look.media_type),
    )


def _is_video(look: Look) -> bool:
    return look.media_type.startswith("video/")


def _of_name(name: str, look: Look) -> list[str]:
    if not name:
        return []
    if role_of(name) is not Role.MEDIA:
        return ["Its name is not that of a picture or video, so a sync passes it over."]
    if look.problem or media_type_of(name) == look.media_type:
        return []
    return [f"Its name promises something else: it is really {_FORMATS.get(look.media_type, look.media_type)}."]


def _of_pixels(file: BinaryIO, media_type: str) -> list[str]:
    from storyline_core.pictures import pixels

    try:
        pixels.decode(file, media_type)
    except Refused as error:
        return [str(error)]
    return []


def _of_movie(span: Span) -> tuple[list[str], list[str]]:
    try:
        movie = read_movie(span)
    except Damaged as error:
        return [str(error)], []
    warnings = []
    if movie.seconds is None:
        warnings.append("It does not say how long it is. Instagram takes 3 to 60 seconds.")
    if not movie.index_first:
        warnings.append(
            "Its index (moov) stands at the end. Export it for the web (fast start); Instagram may refuse it."
        )
    if movie.cuts:
        warnings.append("It is cut by an edit list. Export it anew; Instagram may refuse it, or show what was cut out.")
    return [*_movie_errors(movie, span.size), *_stream_errors(movie, span.size)], warnings


def _movie_errors(movie: Movie, size: int) -> list[str]:
    errors = []
    if size > MAX_VIDEO_BYTES:
        errors.append(f"It has {size / 1_000_000:.1f} MB. Instagram takes up to 100 MB.")
    if movie.seconds is not None and not SHORTEST_VIDEO_S <= round(movie.seconds, 1) <= LONGEST_VIDEO_S:
        errors.append(f"It is {movie.seconds:.1f} seconds long. Instagram takes 3 to 60 seconds.")
    if movie.codec not in _CODECS:
        errors.append(f"It is encoded as {movie.codec or 'something unknown'}. Instagram takes H.264 and HEVC.")
    if movie.width and movie.height:
        if movie.width > _MOST_COLUMNS:
            errors.append(f"It is {movie.width} pixels wide. Instagram takes up to {_MOST_COLUMNS}.")
        if not 0.1 <= movie.width / movie.height <= 10:
            errors.append("It is narrower or wider than 1:10 to 10:1, which is all Instagram takes.")
    return errors


def _stream_errors(movie: Movie, size: int) -> list[str]:
    """What is wrong with the frames' pace, the stream's width and the sound, as far as the index tells."""
    errors = []
    pace, sound = movie.frames_per_second, movie.sound
    if pace is not None and not _SLOWEST_FPS - _ROUNDING <= pace <= _FASTEST_FPS + _ROUNDING:
        errors.append(f"It has {pace:.3g} frames a second. Instagram takes 23 to 60.")
    mbps = size * 8 / 1_000_000 / movie.seconds if movie.seconds else 0.0
    if mbps > _MOST_MBPS + _ROUNDING and size <= MAX_VIDEO_BYTES:
        errors.append(f"It needs {mbps:.0f} megabits a second. Instagram takes up to 25.")
    if sound is None:
        return errors
    if sound.codec and sound.codec != _SOUND:
        errors.append(f"Its sound is encoded as {sound.codec}. Instagram takes AAC.")
    if sound.rate_hz > _MOST_HZ:
        errors.append(f"Its sound has {sound.rate_hz / 1000:g} kHz. Instagram takes up to 48 kHz.")
    if sound.channels > _MOST_CHANNELS:
        errors.append(f"Its sound has {sound.channels} channels. Instagram takes one or two.")
    return errors
