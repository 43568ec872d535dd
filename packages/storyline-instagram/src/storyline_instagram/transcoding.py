"""Making a video anew with ffmpeg, where that is allowed and it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storyline_core import Refused, Unavailable

AT_MOST_S = 240.0
"""How long a conversion may take: a worker's right to the post lasts five minutes."""

_MOST_WORDS = 200
_FITTED = "scale='trunc(min(1080,iw)/2)*2':-2:flags=lanczos,format=yuv420p"
_HOW = (
    *("-map", "0:v:0", "-map", "0:a:0?", "-vf", _FITTED, "-r", "30"),
    *("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "21", "-maxrate", "12M"),
    *("-bufsize", "12M", "-flags", "+cgop", "-g", "60", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"),
    *("-use_editlist", "0", "-movflags", "+faststart", "-map_metadata", "-1", "-f", "mp4"),
)


@contextmanager
def transcoded(original: BinaryIO, wrong: str) -> Iterator[BinaryIO]:
    """The video as H.264 and AAC in MP4, whole; thrown away in the end.

    `wrong` is why it has to be. Raises `Refused` without ffmpeg and when it cannot make anything of the video.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise Refused(f"{wrong} It could be converted, but ffmpeg is not installed on this machine.")
    with tempfile.TemporaryDirectory(prefix="storyline-") as folder:
        source, made = Path(folder, "original"), Path(folder, "story.mp4")
        try:
            original.seek(0)
            with source.open("wb") as file:
                shutil.copyfileobj(original, file)
            _convert(program, source, made)
            video = made.open("rb")
        except OSError as error:
            raise Unavailable(f"The video cannot be converted: {error.strerror or type(error).__name__}.") from error
        with video:
            yield video


def _convert(program: str, source: Path, made: Path) -> None:
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-i", str(source), *_HOW, str(made)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=AT_MOST_S, check=False)
    except subprocess.TimeoutExpired:
        minutes = f"{AT_MOST_S / 60:.0f}"
        raise Refused(f"Converting it takes longer than {minutes} minutes here. Export it smaller.") from None
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").replace(str(source.parent), "").strip().splitlines()
        raise Refused(f"ffmpeg cannot convert it: {(words or ['no reason given'])[-1][:_MOST_WORDS]}")
