"""Posts with their items, ready to be shown or published."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import BinaryIO
from zoneinfo import ZoneInfo

import attrs
from PIL import Image

from storyline_core import Description, Draft, MediaItem, Origin, Post, Unavailable

AT = datetime(2026, 5, 1, 7, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
WORDS = Description(
    title="Summer tee",
    caption="New in: the summer tee.",
    link_url="https://shop.example/tee",
    tags=("summer", "merch"),
    requires_interaction=True,
    custom_metadata={"poll": {"question": "Which one?", "options": ["red", "blue"]}},
)


def atom(kind: bytes, *content: bytes) -> bytes:
    """One box of a film."""
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def film(filling: int = 2000) -> bytes:
    """The least that is an MP4 with a moving picture of 1080 x 1920."""
    times = bytes(12) + (1000).to_bytes(4, "big") + (5000).to_bytes(4, "big")
    sides = (1080 << 16).to_bytes(4, "big") + (1920 << 16).to_bytes(4, "big")
    unity = b"".join(number.to_bytes(4, "big") for number in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    track_header = atom(b"tkhd", bytes(40), unity, sides)
    handler = atom(b"hdlr", bytes(8), b"vide", bytes(12))
    entry = atom(b"avc1", bytes(24), (1080).to_bytes(2, "big"), (1920).to_bytes(2, "big"), bytes(50))
    samples = atom(b"stbl", atom(b"stsd", bytes(4), (1).to_bytes(4, "big"), entry))
    track = atom(b"trak", track_header, atom(b"mdia", handler, atom(b"minf", samples)))
    moov = atom(b"moov", atom(b"mvhd", times, bytes(80)), track)
    return atom(b"ftyp", b"isom\0\0\2\0isomavc1mp41") + moov + atom(b"mdat", b"\x55" * filling)


def picture(size: tuple[int, int] = (108, 192), colour: tuple[int, int, int] = (200, 30, 90)) -> bytes:
    """A JPEG."""
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def draft_of(
    content: bytes | None, *, post: str = "k3f9a2", words: Description = WORDS, name: str = "tee.jpg"
) -> Draft:
    """A post for the account `main` whose original has these bytes; None: the original cannot be opened."""
    bytes_ = b"" if content is None else content

    def open_media() -> BinaryIO:
        if content is None:
            raise Unavailable("The disk does not answer.")
        return BytesIO(content)

    digest = hashlib.sha256(bytes_).hexdigest()
    item = MediaItem(
        id=7,
        source="photos",
        key=f"merch/{name}",
        name=name,
        folder="merch",
        size=len(bytes_),
        media_type="image/jpeg",
        digest=digest,
        description=words,
        added_at=AT - timedelta(days=9),
        width=108,
        height=192,
    )
    return Draft(
        post=Post(
            id=post,
            account="main",
            origin=Origin.SCHEDULE,
            slot_key="main/2026-05-01/0",
            slot_at=AT,
            due_at=AT + timedelta(minutes=12),
            created_at=AT - timedelta(days=1),
            item_id=7,
            digest=digest,
            why=("never posted before", "merch is due in the mix"),
        ),
        item=item,
        zone=BERLIN,
        open_media=open_media,
    )


def again(draft: Draft, **changes: object) -> Draft:
    """The same draft with another post."""
    return attrs.evolve(draft, post=attrs.evolve(draft.post, **changes))  # type: ignore[arg-type]
