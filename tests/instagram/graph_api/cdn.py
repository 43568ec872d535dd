"""The files of past media, at signed addresses that end."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from io import BytesIO

from PIL import Image

from tests.instagram.graph_api.asking import Answered, Request
from tests.instagram.graph_api.state import Media, State

KEY = "cdn"


@lru_cache(maxsize=1)
def _plain_picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (216, 384), (30, 120, 200)).save(file, "JPEG")
    return file.getvalue()


@lru_cache(maxsize=1)
def _plain_film() -> bytes:
    from tests.local.drafts import film

    return film(500)


def content_of(one: Media) -> bytes:
    """The file of a picture or a video: what it was given, or one of its own that is made now."""
    if one.content is not None:
        return one.content
    mark = f"media {one.id}".encode()
    if one.kind == "VIDEO":
        return _plain_film() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark
    plain = _plain_picture()
    return plain[:2] + b"\xff\xfe" + (2 + len(mark)).to_bytes(2, "big") + mark + plain[2:]


def address_of(state: State, one: Media, thumbnail: bool = False) -> str:
    """Where the file can be fetched for a while."""
    until = int((state.clock.now() + state.knobs.url_life).timestamp())
    name = f"{one.id}_{'t' if thumbnail else 'n'}.{'mp4' if one.kind == 'VIDEO' and not thumbnail else 'jpg'}"
    return f"{state.address}/cdn/v/{name}?_nc_e={state.url_epoch}&oh={_sign(name, state.url_epoch, until)}&oe={until:X}"


def _sign(name: str, epoch: int, until: int) -> str:
    return hashlib.sha256(f"{KEY}{name}{epoch}{until}".encode()).hexdigest()[:32]


def get(state: State, request: Request) -> Answered:
    """A file: 403 for an address that is old or was changed, 404 for a file that is gone, 206 for a part."""
    name, query = request.target.parts[-1], request.target.query
    try:
        epoch, until = int(query["_nc_e"]), int(query["oe"], 16)
    except (KeyError, ValueError):
        return Answered(403, b"Bad URL timestamp", "text/plain")
    if query.get("oh") != _sign(name, epoch, until):
        return Answered(403, b"Bad URL hash", "text/plain")
    if epoch < state.url_epoch or state.clock.now().timestamp() >= until:
        return Answered(403, b"URL signature expired", "text/plain")
    one = state.media.get(name.partition("_")[0])
    if one is None:
        return Answered(404, b"Not found", "text/plain")
    thumbnail = name.endswith("_t.jpg")
    content = _plain_picture() if thumbnail else content_of(one)
    return part(request, content, "video/mp4" if name.endswith(".mp4") else "image/jpeg")


def part(request: Request, content: bytes, kind: str) -> Answered:
    """A file, or the part that ``Range: bytes=N-[M]`` asks for."""
    wanted = request.headers.get("range", "")
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    headers = {"Accept-Ranges": "bytes"}
    if not wanted.startswith("bytes=") or not first.isdigit():
        return Answered(200, content, kind, headers)
    start, end = int(first), min(int(last), len(content) - 1) if last.isdigit() else len(content) - 1
    if start >= len(content):
        return Answered(416, b"", kind, {"Content-Range": f"bytes */{len(content)}"})
    return Answered(
        206, content[start : end + 1], kind, headers | {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
    )
