"""Ready-made values for tests: pictures, items, posts, drafts, and what a runner lends to a plugin."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from PIL import Image

from storyline_core.interfaces import Draft, Runtime
from storyline_core.media import Description, MediaItem, media_type_of
from storyline_core.posts import Origin, Post, post_id

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
"""The time at which samples live."""


def picture(number: int = 0, *, size: tuple[int, int] = (90, 160), form: str = "JPEG") -> bytes:
    """A small picture, another one for every number."""
    colour = (number * 37 % 256, number * 91 % 256, (number >> 3) * 53 % 256)
    file = io.BytesIO()
    # The number also goes into the corner, so that far more pictures differ than colours are told apart.
    image = Image.new("RGB", size, colour)
    for bit in range(min(24, size[0])):
        image.putpixel((bit, 0), (255, 255, 255) if number >> bit & 1 else (0, 0, 0))
    image.save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    return file.getvalue()


def item_of(content: bytes, *, id: int = 1, name: str = "picture.jpg", folder: str = "") -> MediaItem:  # noqa: A002
    """An item with this content, as the library would know it."""
    return MediaItem(
        id=id,
        source="photos",
        key=f"{folder}/{name}" if folder else name,
        name=name,
        folder=folder,
        size=len(content),
        media_type=media_type_of(name),
        digest=hashlib.sha256(content).hexdigest(),
        description=Description(title="A picture", caption="With a caption", tags=("sample",)),
        added_at=NOON - timedelta(days=1),
        width=90,
        height=160,
    )


def post_of(item: MediaItem, *, account: str = "main", ordinal: int = 0) -> Post:
    """A post of an item in that slot of the day, just scheduled."""
    key = f"{account}/{NOON.date().isoformat()}/{ordinal}"
    at = NOON + timedelta(hours=ordinal)
    return Post(
        id=post_id(key),
        account=account,
        origin=Origin.SCHEDULE,
        slot_key=key,
        slot_at=at,
        due_at=at,
        created_at=NOON - timedelta(hours=1),
        item_id=item.id,
        digest=item.digest,
        category=item.category,
    )


def draft_of(content: bytes, *, name: str = "picture.jpg", ordinal: int = 0, publishable: bool = False) -> Draft:
    """A draft of a post of this content, in that slot of the day."""
    item = item_of(content, id=ordinal + 1, name=name)
    return Draft(
        post=post_of(item, ordinal=ordinal),
        item=item,
        zone=ZoneInfo("Europe/Berlin"),
        open_media=lambda: io.BytesIO(content),
        publishable=publishable,
    )


class PlainState:
    """A plugin's private state in memory, not encrypted: for tests only."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """The stored text, or None."""
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        """Store a text."""
        self.values[name] = value

    def delete(self, name: str) -> None:
        """Forget it."""
        self.values.pop(name, None)


def runtime_named(name: str, now: Callable[[], datetime] = lambda: NOON) -> Runtime:
    """What a runner lends to an opened thing."""
    return Runtime(name=name, now=now, state=PlainState())
