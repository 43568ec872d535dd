"""Read-only summaries for people: posts beside their item and their proof, each list in a constant number of reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs
from sqlalchemy import Connection, func, select

from storyline_core.media import MediaItem
from storyline_core.posts import UNSETTLED, Post, Publication
from storyline_core.store.catalogue import Catalogue
from storyline_core.store.queue import Queue
from storyline_core.store.tables import posts


@attrs.frozen
class PostView:
    """A post with the item it is about (if any) and the proof that it went out (if it did)."""

    post: Post
    item: MediaItem | None
    publication: Publication | None


@attrs.frozen
class QueueNumbers:
    """How many posts wait, by state, and when the longest overdue one was due."""

    by_state: Mapping[str, int]
    oldest_due_at: datetime | None

    @property
    def waiting(self) -> int:
        """All of them."""
        return sum(self.by_state.values())


@attrs.frozen
class Views:
    """What lists and health checks show, within one unit."""

    connection: Connection

    def posts(self, shown: Iterable[Post]) -> list[PostView]:
        """The posts with what belongs to them, in the given order."""
        wanted: Sequence[Post] = list(shown)
        items = Catalogue(self.connection).items_by_id([post.item_id for post in wanted if post.item_id is not None])
        proofs = Queue(self.connection).publications([post.id for post in wanted])
        return [
            PostView(post, items.get(post.item_id) if post.item_id is not None else None, proofs.get(post.id))
            for post in wanted
        ]

    def queue_numbers(self, account: str | None = None) -> QueueNumbers:
        """How the queue stands, of one account or all."""
        statement = (
            select(posts.c.state, func.count(), func.min(posts.c.due_at))
            .where(posts.c.state.in_(sorted(UNSETTLED)))
            .group_by(posts.c.state)
        )
        if account is not None:
            statement = statement.where(posts.c.account == account)
        rows = self.connection.execute(statement).all()
        return QueueNumbers({row[0]: row[1] for row in rows}, min((row[2] for row in rows), default=None))
