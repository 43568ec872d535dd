"""Where prepared stories wait: for each a record and, until it is published, its picture or video.

A story is published when its record bears a time and its file does not wait any more. Whoever calls here holds the
lock, if locks can be had; nothing goes wrong without it but the time in a record.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

import attrs

from storyline_core import Draft, Unavailable
from storyline_local.durable import alone, same_file, settle_folder, write_new, write_over
from storyline_local.obstacles import reason
from storyline_local.stories import ENDINGS, NotOurs, Story, safe, story_of

STAGING = ".staging"

_BLOCK = 1 << 20


class Stage(Enum):
    """Where a story is: waiting, shown in the outbox (or taken from there since), or thrown away."""

    WAITING = auto()
    SHOWN = auto()
    LOST = auto()


class Staging:
    """The hidden folder inside the outbox `root`. Every method raises OSError as the disk has it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / STAGING

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes out for a moment."""
        return alone(self.path / ".lock")

    def add(self, draft: Draft, media_type: str, content: BinaryIO) -> Story:
        """Let a new story wait: its bytes and its record, both forced to the disk, or nothing at all."""
        id = f"{safe(draft.post.id)}-{secrets.token_hex(8)}"  # noqa: A001
        waiting = self.path / f"{id}.{ENDINGS[media_type]}"
        hasher = hashlib.sha256()
        try:
            size = write_new(waiting, _blocks(content, hasher))
            story = story_of(draft, id, media_type, hasher.hexdigest(), size)
            self.record(story)
            settle_folder(self.path)
        except BaseException:
            with suppress(OSError):
                waiting.unlink()
            raise
        return story

    def get(self, id: str) -> Story | None:  # noqa: A002
        """The record of that id, if there is one."""
        return read_story(self.path / f"{id}.json")

    def record(self, story: Story) -> None:
        """Write the record anew, in one step."""
        write_over(self.path / f"{story.id}.json", story.text().encode(), room=self.path)

    def waiting(self, story: Story) -> Path:
        """Where the story's bytes wait."""
        return self.path / f"{story.id}.{ENDINGS[story.media_type]}"

    def where(self, story: Story) -> tuple[Stage, Story]:
        """Where the story is, and its record as it is by now."""
        waiting = self.waiting(story)
        if story.published_at and same_file(waiting, self.root / story.picture):
            # A publishing by hard link was cut off between its two steps.
            with suppress(OSError):
                waiting.unlink()
            return Stage.SHOWN, story
        try:
            complete = os.lstat(waiting).st_size == story.size
        except FileNotFoundError:
            # Without working locks somebody may have published it since the record was read.
            story = self.get(story.id) or story
            return (Stage.SHOWN if story.published_at else Stage.LOST), story
        return (Stage.WAITING if complete else Stage.LOST), story

    def drop(self, story: Story) -> None:
        """Throw away a story that waits. The record stays and says so."""
        # The mark goes first: a story that is marked and not waiting counts as published.
        if story.published_at:
            self.record(attrs.evolve(story, published_at=None))
        note = self.root / story.note
        shown = read_story(note)
        if shown is not None and shown.id == story.id:
            note.unlink()
        self.waiting(story).unlink(missing_ok=True)
        settle_folder(self.path)

    def drop_abandoned(self, post: str) -> None:
        """Throw away what earlier preparations of this post left behind when their process died."""
        for path in self.path.glob(f"{safe(post)}-*"):
            story = self.get(path.stem)
            if story is None:
                path.unlink()
            elif story.post == post and self.where(story)[0] is Stage.WAITING:
                self.drop(story)


def read_story(path: Path) -> Story | None:
    """The record in a file, or None if there is none."""
    try:
        return Story.of(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError, NotOurs):
        return None


def _blocks(content: BinaryIO, hasher: hashlib._Hash) -> Iterator[bytes]:
    while True:
        try:
            block = content.read(_BLOCK)
        except OSError as error:
            raise Unavailable(f"The original cannot be read: {reason(error)}.") from error
        if not block:
            return
        hasher.update(block)
        yield block
