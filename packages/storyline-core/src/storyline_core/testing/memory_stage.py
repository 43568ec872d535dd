"""A stage in memory, and the publisher that brings stories onto it."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import BinaryIO

import attrs

from storyline_core.errors import Refused, Unavailable
from storyline_core.interfaces import Draft, Found, Gone, Published, Ready, Runtime
from storyline_core.past import PastKind, PastMedia, PastPage
from storyline_core.pictures import look_file
from storyline_core.posts import Handle, Publication
from storyline_core.testing.faults import Faults
from storyline_core.testing.memory_past import MemoryPast


@attrs.frozen
class Story:
    """One story that is really out."""

    post_id: str
    token: str
    publication: Publication


@attrs.define
class MemoryStage:
    """What is prepared and what is out. `answers` are what `find` is to say of a token, instead of the truth."""

    prepared: dict[str, str] = attrs.field(factory=dict)
    stories: list[Story] = attrs.field(factory=list)
    answers: dict[str, Found] = attrs.field(factory=dict)
    past: MemoryPast = attrs.field(factory=MemoryPast)
    broken: bool = False
    made: int = 0
    lock: threading.RLock = attrs.field(factory=threading.RLock)

    def published(self) -> int:
        """How many stories are out."""
        return len(self.stories)

    def break_down(self) -> None:
        """Nothing gets through any more."""
        self.broken = True

    def mend(self) -> None:
        """It does again."""
        self.broken = False

    def post_before(self, content: bytes, posted_at: datetime, caption: str) -> str:
        """Something was posted, without Storyline; its id."""
        return self.past.post(f"post-{len(self.past.media) + 1}", content, posted_at, caption=caption).remote_id

    def take_back(self, remote_id: str) -> None:
        """And removed again."""
        self.past.lost.add(remote_id)

    def story(self, token: str) -> Story | None:
        """The story of a handle, if it is out."""
        return next((story for story in self.stories if story.token == token), None)


class MemoryPublisher:
    """A publisher onto a `MemoryStage`, at most once for each handle."""

    def __init__(self, runtime: Runtime, stage: MemoryStage, faults: Faults) -> None:
        self._runtime = runtime
        self._stage = stage
        self._faults = faults

    def prepare(self, draft: Draft) -> Handle:
        """A new handle each time. Refuses what is not media."""
        with self._faults.around("prepare"):
            self._needed()
            _refuse_what_is_no_media(draft)
            with self._stage.lock:
                self._stage.made += 1
                token = f"{draft.post.id}-{self._stage.made}"
                self._stage.prepared[token] = draft.post.id
            return Handle(self._runtime.name, token)

    def publish(self, handle: Handle) -> Publication:
        """The story is out; a second time it is the same story."""
        with self._faults.around("publish"):
            self._needed()
            with self._stage.lock:
                before = self._stage.story(handle.token)
                if before is not None:
                    return before.publication
                if handle.token not in self._stage.prepared:
                    raise Refused("There is no such handle in memory.")
                number = len(self._stage.stories) + 1
                publication = Publication(f"story-{number}", f"memory://story-{number}", self._runtime.now())
                self._stage.stories.append(Story(self._stage.prepared[handle.token], handle.token, publication))
            return publication

    def find(self, handle: Handle) -> Found:
        """The truth, or the answer on order."""
        with self._faults.around("find"):
            self._needed()
            ordered = self._stage.answers.get(handle.token)
            if ordered is not None:
                return ordered
            story = self._stage.story(handle.token)
            if story is not None:
                return Published(story.publication)
            return Ready() if handle.token in self._stage.prepared else Gone("It was discarded, or never prepared.")

    def discard(self, handle: Handle) -> None:
        """Forgets what was prepared; what is out stays out."""
        with self._faults.around("discard"):
            self._needed()
            self._stage.prepared.pop(handle.token, None)

    def rehearse(self, draft: Draft) -> None:
        """Refuses what `prepare` would refuse. Prepares nothing."""
        with self._faults.around("rehearse"):
            self._needed()
            _refuse_what_is_no_media(draft)

    def check(self) -> str:
        """How many stories are out."""
        with self._faults.around("check"):
            self._needed()
            return f"{len(self._stage.stories)} stories out"

    def _needed(self) -> None:
        if self._stage.broken:
            raise Unavailable("The stage in memory cannot be reached.")


class MemoryRememberer(MemoryPublisher):
    """The same publisher, for an account that has posted before."""

    def past_media(self, kind: PastKind, since: datetime | None, cursor: str | None) -> PastPage:
        """One page of the stage's past."""
        with self._faults.around("past_media"):
            self._needed()
            return self._stage.past.page(kind, cursor)

    def open_past(self, media: PastMedia) -> BinaryIO:
        """The bytes of one, unless they are withheld."""
        with self._faults.around("open_past"):
            self._needed()
            return self._stage.past.open(media.remote_id)


def _refuse_what_is_no_media(draft: Draft) -> None:
    with draft.open_media() as file:
        problem = look_file(file).problem
    if problem:
        raise Refused(problem)
