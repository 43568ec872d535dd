"""What was posted before: made for tests, the same in every run."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta

import attrs

from tests.instagram.graph_api import cdn
from tests.instagram.graph_api.containers import digest
from tests.instagram.graph_api.state import Media, Owner, State


@attrs.define(eq=False)
class Seeding:
    """Controls that fill an account's past."""

    state: State

    def post(
        self, account: str, kind: str, product: str, caption: str | None, at: str | None, missing: bool,
        content: str | None, children: list[str],
    ) -> str:  # fmt: skip
        """One post; its id."""
        when = self.state.clock.now() if at is None else datetime.fromisoformat(at)
        owner = self.state.owners[account]
        given = None if content is None else base64.b64decode(content)
        made = self._add(owner, kind, product, when, caption, missing, given)
        for child in children:
            part, _, lost = child.partition(":")
            made.children.append(self._child(made, part, lost == "missing"))
        return made.id

    def fill(
        self, account: str, count: int, carousels: float, videos: float, missing: float, step: float, seed: int
    ) -> list[str]:
        """Many posts, one every ``step`` seconds back from now; their ids, newest first."""
        chance, owner, now = random.Random(seed), self.state.owners[account], self.state.clock.now()
        made: list[str] = []
        for number in range(count):
            at = now - timedelta(seconds=step * (number + 1))
            roll, lost = chance.random(), chance.random() < missing
            kind = "CAROUSEL_ALBUM" if roll < carousels else "VIDEO" if roll < carousels + videos else "IMAGE"
            product = "REELS" if kind == "VIDEO" else "FEED"
            album = kind == "CAROUSEL_ALBUM"
            one = self._add(owner, kind, product, at, f"Post {number} of {owner.username} #shop", lost and not album)
            for place in range(chance.randint(2, 5) if album else 0):
                part = "VIDEO" if chance.random() < 0.2 else "IMAGE"
                one.children.append(self._child(one, part, lost and place == 0))
            made.append(one.id)
        return made

    def remove(self, media: str) -> None:
        """A post is deleted by its owner, with its children."""
        gone = self.state.media.pop(media)
        for child in gone.children:
            del self.state.media[child.id]

    def past_digests(self, account: str) -> dict[str, str]:
        """What a full backup has: the digest of every file of a post by the id of its media, without missing ones."""
        return {
            one.id: digest(cdn.content_of(one))
            for one in self.state.media.values()
            if one.owner.id == account and one.product != "STORY" and not one.missing and one.kind != "CAROUSEL_ALBUM"
        }

    def _child(self, parent: Media, kind: str, missing: bool) -> Media:
        child = self._add(parent.owner, kind, parent.product, parent.at, None, missing)
        child.parent = parent
        return child

    def _add(
        self, owner: Owner, kind: str, product: str, at: datetime, caption: str | None = None, missing: bool = False,
        content: bytes | None = None,
    ) -> Media:  # fmt: skip
        one = Media(self.state.new_id("180"), owner, kind, product, at, caption, missing, content)
        self.state.media[one.id] = one
        return one
