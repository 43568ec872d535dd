"""The files that Telegram keeps, and the ids by which each bot knows them."""

from __future__ import annotations

import base64
import io
import itertools
from pathlib import Path

import attrs
from PIL import Image, UnidentifiedImageError

from tests.telegram.bot_api.bodies import Upload
from tests.telegram.bot_api.refusals import Json, bad_request

MEGABYTE = 1024 * 1024
UPLOAD_LIMIT = 50 * MEGABYTE
PHOTO_LIMIT = 10 * MEGABYTE
DOWNLOAD_LIMIT = 20 * MEGABYTE
PHOTO_SIDES = 10_000
PHOTO_RATIO = 20
SIDES = (320, 800, 1280)
KINDS = {"photo": "AgAC", "document": "BQAC", "video": "BAAC", "animation": "CgAC"}
WRONG = "wrong file identifier/HTTP URL specified"


@attrs.define(eq=False)
class Kept:
    """One file: its bytes on disk, what it is, and (a photo's) sides."""

    number: int
    kind: str
    name: str
    mime_type: str
    path: Path
    size: int
    width: int = 0
    height: int = 0
    duration: int = 0

    def content(self) -> bytes:
        """The file as it was sent."""
        return self.path.read_bytes()

    def unique_id(self, side: int = 0) -> str:
        """The same for every bot."""
        return base64.urlsafe_b64encode(f"{self.kind[0]}{self.number:07}{side:04}".encode()).decode().rstrip("=")

    def file_id(self, bot_id: int, side: int = 0) -> str:
        """What one bot calls it."""
        return KINDS[self.kind] + base64.urlsafe_b64encode(f"{bot_id}:{self.number}:{side}".encode()).decode().rstrip(
            "="
        )

    def told(self, bot_id: int) -> object:
        """The file in a message: a list of sizes for a photo, an object for anything else."""
        if self.kind == "photo":
            return [self._size(bot_id, side) for side in self._sides()]
        told: Json = {
            "file_id": self.file_id(bot_id),
            "file_unique_id": self.unique_id(),
            "file_size": self.size,
            "file_name": self.name,
            "mime_type": self.mime_type,
        }
        if self.kind != "document":
            told |= {"width": self.width, "height": self.height, "duration": self.duration}
        return told

    def _sides(self) -> list[int]:
        longest = max(self.width, self.height)
        return [side for side in SIDES if side < longest] + [min(longest, SIDES[-1])] * (longest <= SIDES[-1])

    def _size(self, bot_id: int, side: int) -> Json:
        scale = side / max(self.width, self.height)
        return {
            "file_id": self.file_id(bot_id, side),
            "file_unique_id": self.unique_id(side),
            "width": max(1, round(self.width * scale)),
            "height": max(1, round(self.height * scale)),
            "file_size": max(1, round(self.size * scale * scale)),
        }

    def download(self, side: int) -> bytes:
        """What a bot gets that downloads it: a photo is never more than its compressed preview."""
        if self.kind != "photo":
            return self.content()
        with Image.open(self.path) as picture:
            smaller = picture.convert("RGB")
        smaller.thumbnail((side, side))
        out = io.BytesIO()
        smaller.save(out, "JPEG", quality=80)
        return out.getvalue()


class Shelf:
    """All files, in a folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[int, Kept] = {}
        self._numbers = itertools.count(1)
        self._paths = itertools.count(1)

    def new_path(self) -> Path:
        """Where the next upload goes."""
        return self.folder / f"upload-{next(self._paths)}"

    def keep(self, kind: str, upload: Upload, width: int = 0, height: int = 0, duration: int = 0) -> Kept:
        """Takes an upload in as a file of a kind, or refuses it as Telegram does."""
        if upload.size == 0:
            raise bad_request("file must be non-empty")
        if kind == "photo":
            width, height = _photo_sides(upload)
        name, mime = upload.name, upload.mime_type
        kept = Kept(next(self._numbers), kind, name, mime, upload.path, upload.size, width, height, duration)
        self.files[kept.number] = kept
        return kept

    def find(self, file_id: str, bot_id: int) -> tuple[Kept, int]:
        """The file a bot means, and (of a photo) which side; refused for any id that is not this bot's."""
        try:
            raw = file_id[4:]
            _, number, side = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode().split(":")
            kept = self.files[int(number)]
        except (ValueError, KeyError):
            raise bad_request(WRONG) from None
        if file_id != kept.file_id(bot_id, int(side)):
            raise bad_request(WRONG)
        return kept, int(side)


def _photo_sides(upload: Upload) -> tuple[int, int]:
    if upload.size > PHOTO_LIMIT:
        words = f"file of size {upload.size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes"
        raise bad_request(words)
    try:
        with Image.open(upload.path) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > PHOTO_SIDES or max(width, height) > PHOTO_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return width, height
