"""What the outbox writes down about a story, and how its files are called. No files are touched here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from storyline_core import Draft, Handle, Publication

ENDINGS: Mapping[str, str] = {"image/jpeg": "jpg", "video/mp4": "mp4", "video/quicktime": "mov"}
"""What the outbox can hold: fitted pictures, and videos as they are."""

_LONGEST_ACCOUNT = 60


class NotOurs(ValueError):
    """A text that is no record, or a handle that is none of the outbox's."""


@attrs.frozen
class Token:
    """What a handle carries: the id under which the story waits, the name it will have, and its bytes' digest."""

    id: str
    picture: str
    digest: str

    def text(self) -> str:
        """As it stands in `Handle.token`."""
        return json.dumps({"id": self.id, "picture": self.picture, "digest": self.digest})

    @classmethod
    def of(cls, handle: Handle) -> Token:
        """Read it back. Raises `NotOurs`."""
        found = _strings(handle.token, ("id", "picture", "digest"))
        if any("/" in part or part.startswith(".") for part in (found["id"], found["picture"])):
            raise NotOurs("The handle leads out of the outbox.")
        return cls(**found)


@attrs.frozen
class Story:
    """Everything about one story in the outbox, as it stands in the JSON beside it.

    `published_at` is set just before the picture gets its name; while the picture still waits, it means nothing.
    """

    id: str
    picture: str
    digest: str
    size: int
    media_type: str
    account: str
    post: str
    slot: str
    title: str
    caption: str
    link: str
    tags: tuple[str, ...]
    custom_metadata: Mapping[str, object]
    original: str
    original_digest: str | None
    published_at: str | None = None

    def text(self) -> str:
        """As JSON, for people and programs."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False, indent=2, default=str) + "\n"

    @classmethod
    def of(cls, text: str) -> Story:
        """Read it back. Raises `NotOurs`."""
        try:
            found = json.loads(text)
            known = {field.name: found[field.name] for field in attrs.fields(cls)}
            known["tags"] = tuple(known["tags"])
            if known["published_at"] is not None:
                datetime.fromisoformat(known["published_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotOurs("The text is not the record of a story.") from error
        return cls(**known)

    @property
    def note(self) -> str:
        """The name of the JSON beside the picture."""
        return f"{self.picture.rpartition('.')[0]}.json"

    def publication(self, url: str, at: datetime | None = None) -> Publication:
        """The proof, once the picture has its name."""
        when = datetime.fromisoformat(self.published_at) if self.published_at else at
        if when is None:
            raise NotOurs(f"{self.picture} has not been published.")
        metadata = {
            "title": self.title,
            "caption": self.caption,
            "link_url": self.link,
            "tags": list(self.tags),
            "custom_metadata": dict(self.custom_metadata),
        }
        return Publication(remote_id=self.picture, url=url, at=when, metadata=metadata)


def story_of(draft: Draft, id: str, media_type: str, digest: str, size: int) -> Story:  # noqa: A002
    """The record of a draft whose bytes to send have this type, digest and size."""
    post, item, words = draft.post, draft.item, draft.item.description
    return Story(
        id=id,
        picture=f"{name_of(draft)}.{ENDINGS[media_type]}",
        digest=digest,
        size=size,
        media_type=media_type,
        account=post.account,
        post=post.id,
        slot=stamp(post.slot_at),
        title=words.title,
        caption=words.caption,
        link=words.link_url,
        tags=words.tags,
        custom_metadata=dict(words.custom_metadata),
        original=f"{item.source}/{item.key}",
        original_digest=item.digest,
    )


def name_of(draft: Draft) -> str:
    """`2026-05-01_0900_main_k3f9…`, in the account's own time, so that names sort as the stories should go out."""
    local = draft.post.slot_at.astimezone(draft.zone)
    return f"{local:%Y-%m-%d_%H%M}_{safe(draft.post.account)}_{safe(draft.post.id)}"


def safe(text: str) -> str:
    """A text as part of a file name on any disk."""
    kept = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-.") else "-" for sign in text)
    return kept[:_LONGEST_ACCOUNT].strip(".-") or "story"


def stamp(at: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _strings(text: str, names: tuple[str, ...]) -> dict[str, str]:
    try:
        found = json.loads(text)
        known = {name: found[name] for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise NotOurs("The handle is not one of the outbox.") from error
    if not all(isinstance(value, str) and value for value in known.values()):
        raise NotOurs("The handle is not one of the outbox.")
    return known
