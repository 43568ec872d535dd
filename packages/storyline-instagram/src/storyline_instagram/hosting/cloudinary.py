"""Cloudinary as the host, through its own SDK: every call with its own credentials and an explicit timeout."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Protocol, TypeVar, cast

import cloudinary.api
import cloudinary.uploader
from cloudinary import exceptions

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable
from storyline_instagram.answers import Json, as_object, objects, text
from storyline_instagram.discretion import discreet, keep_logs_discreet
from storyline_instagram.hosting import Hosted
from storyline_instagram.options import Cloudinary

TAG = "storyline-temporary"
"""The tag of every copy that Storyline makes: what it sweeps up, and nothing else."""

LIMITED_PAUSE = timedelta(minutes=30)
"""How long it waits when Cloudinary's limit of calls is reached; that is counted by the hour."""

_NAME = re.compile(r"storyline-(\d{8}T\d{6})Z-[0-9a-f]{32}")
_PAGE = 500
_CHUNK = 20_000_000
_KINDS = ("image", "video")
_REMEDY = "Correct cloud_name, api_key and api_secret: they stand in Cloudinary's dashboard."

Answer = TypeVar("Answer")


class _Uploads(Protocol):
    """The part of the SDK that makes and removes copies."""

    def upload(self, file: BinaryIO, **options: object) -> object: ...

    def upload_large(self, file: BinaryIO, **options: object) -> object: ...

    def destroy(self, public_id: str, **options: object) -> object: ...


class _Admin(Protocol):
    """The part of the SDK that lists them."""

    def resources_by_tag(self, tag: str, **options: object) -> object: ...

    def ping(self, **options: object) -> object: ...


_UPLOADS = cast(_Uploads, cloudinary.uploader)
_ADMIN = cast(_Admin, cloudinary.api)


class CloudinaryHost:
    """Copies at Cloudinary. The id of one is `image/<name>` or `video/<name>`; the name says when it was made."""

    def __init__(self, settings: Cloudinary, now: Callable[[], datetime]) -> None:
        keep_logs_discreet()
        self._settings = settings
        self._now = now

    def __repr__(self) -> str:
        return f"<Cloudinary {self._settings.cloud_name}>"

    def put(self, content: BinaryIO, media_type: str) -> Hosted:
        """Make a copy. When nobody saw how that ended, what may be there is removed."""
        kind = "video" if media_type.startswith("video/") else "image"
        name = f"storyline-{self._now().astimezone(UTC):%Y%m%dT%H%M%S}Z-{uuid.uuid4().hex}"
        options = {"public_id": name, "resource_type": kind, "tags": [TAG], "overwrite": False}
        try:
            told = self._asked(lambda: self._upload(content, kind, options), "keep a copy")
            url = text(told.get("secure_url"))
            if not url.isascii() or not url.startswith("http"):
                raise Unavailable("Cloudinary kept a copy and gave no address of it.")
        except PluginFault:
            with suppress(PluginFault):
                self.remove(f"{kind}/{name}")
            raise
        return Hosted(url, f"{kind}/{name}")

    def remove(self, copy: str) -> None:
        """Remove a copy, and what is left of it in Cloudinary's caches."""
        kind, _, name = copy.partition("/")
        if kind not in _KINDS or not name:
            return
        told = self._asked(
            lambda: _UPLOADS.destroy(name, resource_type=kind, invalidate=True, **self._access()), "remove a copy"
        )
        if text(told.get("result")) not in ("ok", "not found"):
            raise Unavailable(f"Cloudinary did not remove a copy: {discreet(text(told.get('result')))}.")

    def sweep(self, before: datetime) -> int:
        """Remove what dead runs left. Everything is listed first, so that removing does not move the pages.

        One that is refused keeps no other there; it is told in the end.
        """
        left = [f"{kind}/{name}" for kind in _KINDS for name in self._made_before(kind, before)]
        refused: Refused | None = None
        for copy in left:
            try:
                self.remove(copy)
            except Refused as error:
                refused = error
        if refused is not None:
            raise refused
        return len(left)

    def check(self) -> str:
        """Whether Cloudinary answers and knows the key."""
        self._asked(lambda: _ADMIN.ping(**self._access()), "answer")
        return f"Cloudinary {self._settings.cloud_name}"

    def _upload(self, content: BinaryIO, kind: str, options: Mapping[str, object]) -> object:
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        named = {**options, "filename": "story.mp4" if kind == "video" else "story.jpg"}
        if size > _CHUNK:
            return _UPLOADS.upload_large(content, chunk_size=_CHUNK, **named, **self._access())
        return _UPLOADS.upload(content, **named, **self._access())

    def _made_before(self, kind: str, before: datetime) -> Iterator[str]:
        cursor = ""
        while True:
            page = {"next_cursor": cursor} if cursor else {}
            told = self._asked(
                lambda page=page: _ADMIN.resources_by_tag(  # type: ignore[misc]
                    TAG, resource_type=kind, max_results=_PAGE, **page, **self._access()
                ),
                "list the copies",
            )
            for each in objects(told.get("resources")):
                name = text(each.get("public_id"))
                made = _made_at(name, text(each.get("created_at")))
                if name and made is not None and made < before:
                    yield name
            cursor = text(told.get("next_cursor"))
            if not cursor:
                return

    def _access(self) -> dict[str, object]:
        return {
            "cloud_name": self._settings.cloud_name,
            "api_key": self._settings.api_key.reveal(),
            "api_secret": self._settings.api_secret.reveal(),
            "upload_prefix": self._settings.api_url.rstrip("/"),
            "timeout": self._settings.answer_within.total_seconds(),
            "oauth_token": None,
        }

    def _asked(self, call: Callable[[], object], what: str) -> Json:
        """One call of the SDK, whose many errors become core's. No more than the kind of a broken call is told."""
        try:
            return as_object(call())
        except (exceptions.AuthorizationRequired, exceptions.NotAllowed, exceptions.NotFound) as error:
            raise NeedsPerson(f"Cloudinary does not {what}: {_said(error)}", remedy=_REMEDY) from None
        except exceptions.RateLimited as error:
            said = f"Cloudinary does not {what} just now: {_said(error)}"
            raise Unavailable(said, retry_after=LIMITED_PAUSE) from None
        except exceptions.BadRequest as error:
            if "stale request" in str(error).lower():
                said = f"Cloudinary does not {what}: this machine's clock is wrong by more than an hour."
                raise NeedsPerson(
                    said, remedy="Set the clock, or let the machine fetch the time by itself (NTP)."
                ) from None
            raise Refused(f"Cloudinary does not {what}: {_said(error)}") from None
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever it meets, with addresses in the text
            raise Unavailable(f"Cloudinary did not {what} ({type(error).__name__}). It is tried again.") from None


def _said(error: Exception) -> str:
    said = discreet(str(error)).rstrip(".")
    return f"{said}." if said else "no reason given."


def _made_at(name: str, created_at: str) -> datetime | None:
    """When a copy was made: by its name, written by our own clock; otherwise as Cloudinary says."""
    if found := _NAME.fullmatch(name):
        return datetime.strptime(found.group(1), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    try:
        made = datetime.fromisoformat(created_at)
    except ValueError:
        return None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
