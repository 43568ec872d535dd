"""What an account in memory has posted before, with the faults that real services have."""

from __future__ import annotations

import io
from datetime import datetime
from typing import BinaryIO

import attrs

from storyline_core.errors import Refused, Unavailable
from storyline_core.past import PastKind, PastMedia, PastPage


@attrs.define
class MemoryPast:
    """Media newest first, in pages. Albums are told part by part.

    `withheld` are listed without their bytes, with why; `lost` have none when they are opened; `torn` break off in the
    middle, once.
    """

    page_size: int = 25
    media: list[PastMedia] = attrs.field(factory=list)
    contents: dict[str, bytes] = attrs.field(factory=dict)
    withheld: dict[str, str] = attrs.field(factory=dict)
    lost: set[str] = attrs.field(factory=set)
    torn: set[str] = attrs.field(factory=set)
    era: int = 0
    largest_read: int = 0

    def post(
        self,
        remote_id: str,
        content: bytes,
        posted_at: datetime,
        *,
        kind: PastKind = PastKind.FEED,
        caption: str = "",
        tags: tuple[str, ...] = (),
        name: str = "",
    ) -> PastMedia:
        """Something was posted."""
        media = PastMedia(
            remote_id, kind, name or f"{remote_id}.jpg", posted_at, caption, f"memory://{remote_id}", tags
        )  # fmt: skip
        self.media.append(media)
        self.contents[remote_id] = content
        return media

    def forget_cursors(self) -> None:
        """No cursor that was given out until now is known any more."""
        self.era += 1

    def page(self, kind: PastKind, cursor: str | None) -> PastPage:
        """One page; a cursor stands before a medium, so that newer ones shift nothing."""
        here = [media for media in self.media if media.kind is kind]
        here.sort(key=lambda media: (media.posted_at, media.remote_id), reverse=True)
        names = [media.remote_id for media in here]
        start = 0
        if cursor is not None:
            era, _, remote_id = cursor.partition("/")
            if era != str(self.era) or remote_id not in names:
                raise Refused("The cursor is not known any more.")
            start = names.index(remote_id)
        part = here[start : start + self.page_size]
        rest = names[start + self.page_size :]
        return PastPage(
            media=tuple(media for media in part if media.remote_id not in self.withheld),
            cursor=f"{self.era}/{rest[0]}" if rest else None,
            unreadable=tuple((each.remote_id, self.withheld[each.remote_id]) for each in part
                             if each.remote_id in self.withheld),
        )  # fmt: skip

    def open(self, remote_id: str) -> BinaryIO:
        """The bytes of one."""
        if remote_id in self.lost or remote_id not in self.contents:
            raise Refused("It was deleted there.")
        if remote_id in self.torn:
            self.torn.discard(remote_id)
            return _Torn(self.contents[remote_id])
        return _Measured(self, self.contents[remote_id])


class _Measured(io.BytesIO):
    """Notes how much of it was asked for at once."""

    def __init__(self, past: MemoryPast, content: bytes) -> None:
        super().__init__(content)
        self._past = past

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._past.largest_read = max(self._past.largest_read, len(content))
        return content


class _Torn(io.BytesIO):
    """Breaks off half-way."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= len(self.getbuffer()) // 2:
            raise Unavailable("The connection broke off.")
        return super().read(len(self.getbuffer()) // 2 - self.tell())
