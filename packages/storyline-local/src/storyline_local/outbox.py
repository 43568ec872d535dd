"""A folder as a publisher: each story becomes a picture or video with a small JSON of the same name beside it.

A prepared story waits in the hidden folder `.staging`, complete and forced to the disk. Publishing is one step, moving
the waiting file to its name without replacing anything: as the waiting file is used up by it, no story can be written
twice, by however many processes, and whatever is killed in between. The JSON gets its name before the picture, so that
a picture never lies there without its caption; it is the picture that counts. The record of the story stays in
`.staging`, so that a picture that somebody has taken out of the outbox is still known to have been published.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import attrs

from storyline_core import (
    Draft,
    FitStyle,
    Found,
    Gone,
    Handle,
    NeedsPerson,
    Publication,
    Published,
    Ready,
    Refused,
    Unavailable,
    Uncertain,
    fit,
    look_file,
)
from storyline_local.durable import move_new, settle_folder, write_over
from storyline_local.obstacles import FORBIDDEN, FULL, reason
from storyline_local.staging import Stage, Staging, read_story
from storyline_local.stories import ENDINGS, NotOurs, Story, Token, stamp


class OutboxPublisher:
    """Publishes into a folder.

    `name` is the publisher's name in the settings, `now` the clock, `style` how pictures are fitted, `colour` what
    shows around plain and through transparent ones (red, green, blue).
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        now: Callable[[], datetime],
        style: FitStyle = FitStyle.BLUR,
        colour: tuple[int, int, int] = (255, 255, 255),
    ) -> None:
        self._path = path.expanduser().absolute()
        self._staging = Staging(self._path)
        self._name = name
        self._now = now
        self._style = style
        self._colour = colour

    def prepare(self, draft: Draft) -> Handle:
        """Fit the picture (a video stays as it is) and let it wait, complete, beside its record.

        Raises `Refused` for what cannot be shown, `NeedsPerson` when the disk is full or read-only.
        """
        with draft.open_media() as media:
            media_type, content = self._content(media)
            with self._writing():
                self._staging.path.mkdir(parents=True, exist_ok=True)
            with self._writing(), self._staging.lock():
                self._staging.drop_abandoned(draft.post.id)
                story = self._staging.add(draft, media_type, content)
        token = Token(id=story.id, picture=story.picture, digest=story.digest)
        return Handle(publisher=self._name, token=token.text())

    def publish(self, handle: Handle) -> Publication:
        """Give the waiting story its name in the outbox; once, however often this is called.

        Raises `Uncertain` when the handle's story is not known here any more: `find` tells.
        """
        self._must_stand()
        with self._writing(), self._staging.lock():
            story = self._story(handle)
            if story is None:
                raise Uncertain(f"The story of this handle is not waiting in {self._staging.path}.")
            stage, story = self._staging.where(story)
            if stage is Stage.LOST:
                raise Uncertain(f"{story.picture} is not waiting in {self._staging.path} any more.")
            if stage is Stage.WAITING:
                story = self._show(story)
            return self._proof(story)

    def find(self, handle: Handle) -> Found:
        """How it stands with a handle. Raises `Uncertain` when its record is gone and nothing of it is to be seen."""
        self._must_stand()
        with self._writing(), self._staging.lock():
            story = self._story(handle)
            if story is None:
                return self._find_shown(handle)
            stage, story = self._staging.where(story)
            if stage is Stage.WAITING:
                return Ready()
            if stage is Stage.SHOWN:
                return Published(self._proof(story))
            return Gone(f"{story.picture} was thrown away before it was published.")

    def discard(self, handle: Handle) -> None:
        """Throw away a story that waits. A published one stays, and so does the record of it."""
        if not self._staging.path.is_dir():
            return
        with self._writing(), self._staging.lock():
            story = self._story(handle)
            if story is not None and self._staging.where(story)[0] is Stage.WAITING:
                self._staging.drop(story)

    def check(self) -> str:
        """Whether the folder can be written, and how much room there is. Writes nothing."""
        standing = next(folder for folder in (self._path, *self._path.parents) if folder.exists())
        if not standing.is_dir():
            raise NeedsPerson(f"The outbox {self._path} cannot be made: {standing} is a file.", remedy="Move it away.")
        if not _may_write(standing):
            raise self._fault(PermissionError(errno.EACCES, ""))
        with self._writing():
            disk = os.statvfs(standing)
        if disk.f_flag & os.ST_RDONLY:
            raise self._fault(OSError(errno.EROFS, ""))
        room = f"{disk.f_bavail * disk.f_frsize / 1e9:.1f} GB free"
        return f"{self._path}, {room}" if standing == self._path else f"{self._path} will be made, {room}"

    def _content(self, media: BinaryIO) -> tuple[str, BinaryIO]:
        try:
            seen = look_file(media)
            if seen.problem:
                raise Refused(seen.problem)
            media.seek(0)
            if seen.media_type in ENDINGS and seen.media_type.startswith("video/"):
                return seen.media_type, media
            return "image/jpeg", BytesIO(fit(media, style=self._style, colour=self._colour))
        except OSError as error:
            raise Unavailable(f"The original cannot be read: {reason(error)}.") from error

    def _show(self, story: Story) -> Story:
        target = self._path / story.picture
        note = self._path / story.note
        if os.path.lexists(target):
            return self._told_by_another(story, target)
        if os.path.lexists(note) and ((shown := read_story(note)) is None or shown.id != story.id):
            raise Refused(f"There is already a file named {note}, and it was not written for this story.")
        story = attrs.evolve(story, published_at=stamp(self._now()))
        self._staging.record(story)
        write_over(note, story.text().encode(), room=self._staging.path)
        settle_folder(self._path)
        try:
            move_new(self._staging.waiting(story), target)
        except (FileExistsError, FileNotFoundError):
            return self._told_by_another(story, target)
        self._confirm(target)
        return story

    def _told_by_another(self, story: Story, target: Path) -> Story:
        """Without working locks another process may have been faster with this very story."""
        stage, recorded = self._staging.where(story)
        if stage is not Stage.SHOWN:
            raise Refused(f"There is already a file named {target}, and it is not this story.")
        return recorded

    def _confirm(self, target: Path) -> None:
        try:
            settle_folder(self._path)
            settle_folder(self._staging.path)
        except OSError as error:
            raise Uncertain(f"{target} is there, but the disk does not confirm it: {reason(error)}.") from error

    def _find_shown(self, handle: Handle) -> Found:
        """Look at the outbox itself, as when somebody has emptied `.staging`."""
        try:
            token = Token.of(handle)
            with open(self._path / token.picture, "rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == token.digest
                at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        except FileNotFoundError:
            raise Uncertain(
                f"{self._staging.path} knows nothing of this story any more, and it is not shown."
            ) from None
        except NotOurs as error:
            raise Uncertain(str(error)) from None
        if not same:
            raise Uncertain(f"{self._path / token.picture} is another picture than the one that was prepared.")
        story = read_story(self._path / f"{token.picture.rpartition('.')[0]}.json")
        if story is not None and story.published_at:
            return Published(self._proof(story))
        url = (self._path / token.picture).as_uri()
        return Published(Publication(remote_id=token.picture, url=url, at=at))

    def _story(self, handle: Handle) -> Story | None:
        try:
            return self._staging.get(Token.of(handle).id)
        except NotOurs as error:
            raise Uncertain(str(error)) from None

    def _proof(self, story: Story) -> Publication:
        return story.publication((self._path / story.picture).as_uri())

    def _must_stand(self) -> None:
        if not self._path.is_dir():
            raise Unavailable(f"The outbox {self._path} is not there. Is its disk connected?")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> NeedsPerson | Unavailable:
        if error.errno in FULL:
            return NeedsPerson(f"The outbox {self._path} is full: {reason(error)}.", remedy="Free some space there.")
        if error.errno in FORBIDDEN:
            why = "the disk is read-only" if error.errno == errno.EROFS else "permission denied"
            remedy = "Make the folder writable for the user that runs Storyline."
            return NeedsPerson(f"The outbox {self._path} cannot be written: {why}.", remedy=remedy)
        return Unavailable(f"The outbox {self._path} cannot be used: {reason(error)}.")


def _may_write(folder: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)
