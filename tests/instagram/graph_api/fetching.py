"""What Instagram does with an address it is given: it fetches the file, and looks whether it can be a story."""

from __future__ import annotations

import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from tests.instagram.graph_api.errors import GraphRefused

AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
PICTURE_MOST = 8 * 1024 * 1024
VIDEO_MOST = 100 * 1024 * 1024
CLIENT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url: str, seconds: float, most: int) -> bytes:
    """The file at an address, at most a little more than ``most`` bytes.

    Raises ``GraphRefused``: 9004/2207052 for what cannot be reached, -2/2207003 for what takes too long.
    """
    if not url.isascii() or not url.startswith(("http://", "https://")):
        raise GraphRefused(9004, 2207052)
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, "Connection": "close"})  # noqa: S310
    try:
        with CLIENT.open(request, timeout=seconds) as answer:
            wanted = answer.headers.get("Content-Length")
            content: bytes = answer.read(most + 1)
            if wanted is not None and len(content) < min(int(wanted), most + 1):
                raise GraphRefused(9004, 2207052)
            return content
    except TimeoutError:
        raise GraphRefused(-2, 2207003) from None
    except urllib.error.HTTPError as error:
        error.close()
        raise GraphRefused(9004, 2207052) from None
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        raise GraphRefused(-2, 2207003) if late else GraphRefused(9004, 2207052) from None
    except (OSError, ValueError):
        raise GraphRefused(9004, 2207052) from None


def check_picture(content: bytes) -> None:
    """Raises ``GraphRefused`` for what is no whole JPEG of at most 8 MiB."""
    if len(content) > PICTURE_MOST:
        raise GraphRefused(36000, 2207004)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(content)) as picture:
                kind = picture.format
                picture.load()
    except (OSError, ValueError, SyntaxError):
        raise GraphRefused(9004, 2207052) from None
    if kind != "JPEG":
        raise GraphRefused(36001, 2207005)


def check_video(content: bytes) -> None:
    """Raises ``GraphRefused`` (352/2207026) for what is no MOV or MP4 of 3 to 60 seconds and at most 100 MB."""
    atoms = dict(_atoms(content))
    index = atoms.get(b"moov")
    if len(content) > VIDEO_MOST or b"ftyp" not in atoms or index is None:
        raise GraphRefused(352, 2207026)
    header = dict(_atoms(index)).get(b"mvhd", b"")
    wide = header[:1] == b"\x01"
    scale = int.from_bytes(header[20:24] if wide else header[12:16], "big")
    length = int.from_bytes(header[24:32] if wide else header[16:20], "big")
    if scale and not 3 <= length / scale <= 60:
        raise GraphRefused(352, 2207026)


def _atoms(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(content):
        size, head = int.from_bytes(content[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        if size == 0:
            size = len(content) - at
        if size < head or at + size > len(content):
            return
        yield content[at + 4 : at + 8], content[at + head : at + size]
        at += size
