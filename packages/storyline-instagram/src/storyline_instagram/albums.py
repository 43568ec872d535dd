"""Posts as Meta tells of them, as media: one for a picture or video, one for each part of an album. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import attrs

from storyline_core import PastKind, PastMedia
from storyline_instagram.answers import Json, as_object, objects, text

_TAG = re.compile(r"(?<![\w&/])#(\w{1,100})")
_MOST_TAGS = 30
_WITHHELD = "Instagram gives no file of it; it does so where it sees a copyright of others, or has flagged it."


@attrs.frozen
class Part:
    """One picture or video, where it lies for a while, and why it cannot be had if so."""

    media: PastMedia
    address: str = attrs.field(repr=False)
    problem: str = ""


def parts_of(post: Json, kind: PastKind) -> Iterator[Part]:
    """The media of one post; an album's parts have its caption, its permalink and its time."""
    post_id, at = text(post.get("id")), moment_of(text(post.get("timestamp")))
    if not post_id:
        return
    children = objects(as_object(post.get("children")).get("data"))
    album = text(post.get("media_type")) == "CAROUSEL_ALBUM"
    pieces = [(child, f"{post_id}_{number}") for number, child in enumerate(children, 1)] if album else []
    for piece, stem in pieces or [(post, post_id)]:
        remote_id, address = text(piece.get("id")), text(piece.get("media_url"))
        if not remote_id:
            continue
        video = text(piece.get("media_type")) == "VIDEO"
        media = PastMedia(
            remote_id=remote_id,
            kind=kind,
            name=f"{at:%Y-%m-%d_%H-%M-%S}_{stem}.{'mp4' if video else 'jpg'}",
            posted_at=at,
            caption=text(post.get("caption")),
            permalink=text(post.get("permalink")) or None,
            tags=tags_in(text(post.get("caption"))),
        )
        yield Part(media, address, "" if address else _WITHHELD)


def tags_in(caption: str) -> tuple[str, ...]:
    """The hashtags of a caption, each once, without the sign."""
    return tuple(dict.fromkeys(tag.lower() for tag in _TAG.findall(caption)))[:_MOST_TAGS]


def moment_of(spelled: str) -> datetime:
    """Meta's spelling of a time. One that cannot be read counts as very old: nothing rests because of it."""
    try:
        found = datetime.fromisoformat(spelled)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
