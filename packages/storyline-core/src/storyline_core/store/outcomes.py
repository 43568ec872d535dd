"""What became of posts, counted: per account and per category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
from sqlalchemy import Connection, func, select

from storyline_core.posts import SETTLED, Post
from storyline_core.store.convert import post_of
from storyline_core.store.history import History, JournalEntry
from storyline_core.store.tables import posts


@attrs.frozen
class Outcome:
    """How many posts of an account and a category became what. `states` counts them by the state they settled in."""

    account: str
    category: str
    states: Mapping[str, int]

    @property
    def settled(self) -> int:
        """All of them."""
        return sum(self.states.values())


@attrs.frozen
class Outcomes:
    """What became of posts, within one unit."""

    connection: Connection

    def by_category(self, account: str | None = None, since: datetime | None = None) -> Sequence[Outcome]:
        """Each account's categories, by name: of one account or all, settled since an instant or ever."""
        counted = (
            select(posts.c.account, posts.c.category, posts.c.state, func.count())
            .where(posts.c.state.in_(sorted(SETTLED)))
            .group_by(posts.c.account, posts.c.category, posts.c.state)
        )
        if account is not None:
            counted = counted.where(posts.c.account == account)
        if since is not None:
            counted = counted.where(posts.c.settled_at >= since)
        found: dict[tuple[str, str], dict[str, int]] = {}
        for name, category, state, count in self.connection.execute(counted):
            found.setdefault((name, category), {})[state] = count
        return [Outcome(*place, found[place]) for place in sorted(found)]

    def posts_of(self, item_id: int) -> list[tuple[Post, list[JournalEntry]]]:
        """The posts that an item stands in, each with its journal, oldest first."""
        rows = self.connection.execute(select(posts).where(posts.c.item_id == item_id).order_by(posts.c.created_at))
        found = [post_of(row) for row in rows.mappings()]
        journals = History(self.connection).journals([post.id for post in found])
        return [(post, journals.get(post.id, [])) for post in found]
