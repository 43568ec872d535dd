"""Posts from scheduled to settled: every move compares and sets the revision, every move is in the journal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import attrs
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError

from storyline_core.errors import Busy, NotAllowed, NotFound, Stale
from storyline_core.posts import UNSETTLED, Message, Post, PostEvent, PostState, Publication
from storyline_core.store.columns import storable
from storyline_core.store.convert import converter, post_of, row_of
from storyline_core.store.history import History, proof_row
from storyline_core.store.tables import journal, posts, publications
from storyline_core.store.upsert import upsert

_AT_ONCE = 200


class Queue(History):
    """The unsettled posts, and every way in which a post changes, within one unit."""

    def add(self, post: Post, *, by: str = "storyline", why: str = "") -> bool:
        """Put a post into the queue. False when its slot is already taken: then nothing is written.

        Raises `NotAllowed` when the item, or a twin of it, is already waiting in this account.
        """
        added = self.connection.execute(upsert(self.connection, posts).values(_row(post)).on_conflict_do_nothing())
        if not added.rowcount:
            if self._taken(post):
                return False
            raise NotAllowed(f"Item {post.item_id}, or a twin of it, is already waiting in account {post.account}.")
        self._write_journal(None, post, "added", by=by, why=why or "; ".join(post.why), at=post.created_at)
        return True

    def add_missed(self, missed: Sequence[Post]) -> int:
        """Record slots that passed without a post, in bulk; those that are known are passed over. Returns how many."""
        added: set[str] = set()
        for start in range(0, len(missed), _AT_ONCE):
            rows = [_row(post) for post in missed[start : start + _AT_ONCE]]
            statement = upsert(self.connection, posts).values(rows).on_conflict_do_nothing()
            added.update(self.connection.execute(statement.returning(posts.c.id)).scalars())
        entries = [_entry(None, post, "miss", "storyline", post.reason, post.created_at) for post in missed]
        fresh = [entry for entry in entries if entry["post_id"] in added]
        if fresh:
            self.connection.execute(journal.insert(), fresh)
        return len(added)

    def get(self, post_id: str) -> Post:
        """One post, by its id or the start of it. Raises `NotFound` when there is none, or more than one."""
        exact = self.connection.execute(select(posts).where(posts.c.id == post_id)).mappings().one_or_none()
        if exact is not None:
            return post_of(exact)
        meant = posts.c.id.startswith(post_id, autoescape=True)
        found = self.connection.execute(select(posts).where(meant).limit(2)).mappings().all() if post_id else []
        if len(found) == 1:
            return post_of(found[0])
        if found:
            raise NotFound(f"Several posts begin with “{post_id}”. Write more of the id.")
        raise NotFound(f"There is no post “{post_id}”. `storyline queue list` and `storyline history` show them.")

    def unsettled(self, account: str | None = None, states: Collection[PostState] | None = None) -> list[Post]:
        """The queue, by the time at which each post is due: of one account or all, in some states or all."""
        wanted = sorted(UNSETTLED if states is None else UNSETTLED & set(states))
        statement = select(posts).where(posts.c.state.in_(wanted)).order_by(posts.c.due_at, posts.c.id)
        if account is not None:
            statement = statement.where(posts.c.account == account)
        return [post_of(row) for row in self.connection.execute(statement).mappings()]

    def count_waiting(self, account: str | None = None) -> int:
        """How many posts are in the queue."""
        statement = select(func.count()).select_from(posts).where(posts.c.state.in_(sorted(UNSETTLED)))
        if account is not None:
            statement = statement.where(posts.c.account == account)
        return self.connection.execute(statement).scalar_one()

    def move(self, before: Post, after: Post, *, event: PostEvent | str, by: str, why: str = "", at: datetime) -> None:
        """Write a move, and its line in the journal.

        Raises `Stale` when the post has moved since `before`, or another worker has claimed it; `NotAllowed` when its
        item is already waiting in another post of the account.
        """
        statement = (
            update(posts)
            .where(posts.c.id == before.id, posts.c.revision == before.revision, posts.c.fence == before.fence)
            .values(_row(after))
        )
        try:
            # Only inside a savepoint can PostgreSQL go on after a refused row.
            with self.connection.begin_nested():
                moved = self.connection.execute(statement).rowcount
        except IntegrityError:
            what = f"Item {after.item_id}, or a twin of it, is already waiting in account {after.account}."
            raise NotAllowed(what) from None
        if not moved:
            raise self._stale(before)
        self._write_journal(before, after, str(event), by=by, why=why, at=at)

    def record(
        self,
        before: Post,
        after: Post,
        publication: Publication,
        *,
        event: PostEvent | str,
        by: str,
        why: str = "",
        at: datetime,
    ) -> None:
        """Write the move to *posted* together with its proof, which counters and recency follow. Raises as `move`."""
        self.move(before, after, event=event, by=by, why=why, at=at)
        self.connection.execute(publications.insert().values(proof_row(after, publication, by)))

    def claim(self, post: Post, holder: str, until: datetime, now: datetime) -> Post:
        """Take the short right to work on a post, with a fencing number higher than every earlier one.

        Only when nobody has it, it has lapsed, or `holder` has it already. Raises `Busy` naming the holder, or
        `Stale` when the post has moved.
        """
        free = or_(posts.c.claimed_until.is_(None), posts.c.claimed_until <= now, posts.c.claimed_by == holder)
        fence = self.connection.execute(
            update(posts)
            .where(posts.c.id == post.id, posts.c.revision == post.revision, free)
            .values(claimed_by=holder, claimed_until=until, fence=posts.c.fence + 1)
            .returning(posts.c.fence)
        ).scalar_one_or_none()
        if fence is not None:
            return attrs.evolve(post, claimed_by=holder, claimed_until=until, fence=fence)
        current = self.get(post.id)
        if current.revision == post.revision and current.claimed_by is not None:
            raise Busy(f"Post {post.id}", current.claimed_by)
        raise self._stale(post)

    def release(self, post: Post, *, message: Message | None = None) -> Post:
        """Give the claim back, if it is still this one; the post as it is now.

        With `message`, that card becomes the post's. Raises `Stale` when the post has moved since it was claimed: then
        nothing is written, and the caller brings the card level with the post as it is.
        """
        freed = update(posts).where(posts.c.id == post.id, posts.c.fence == post.fence)
        freed = freed.values(claimed_by=None, claimed_until=None)
        if message is not None:
            freed = freed.values(message=converter.unstructure(message)).where(posts.c.revision == post.revision)
        if not self.connection.execute(freed).rowcount and message is not None:
            raise self._stale(post)
        return self.get(post.id)

    def slot_keys(self, account: str, start: datetime, end: datetime) -> set[str]:
        """The slots of an account that are taken, by their instants: from `start`, before `end`."""
        rows = self.connection.execute(
            select(posts.c.slot_key).where(
                posts.c.account == account,
                posts.c.slot_key.is_not(None),
                posts.c.slot_at >= start,
                posts.c.slot_at < end,
            )
        )
        return set(rows.scalars())

    def _taken(self, post: Post) -> bool:
        same = posts.c.id == post.id
        if post.slot_key is not None:
            same = or_(same, posts.c.slot_key == post.slot_key)
        return self.connection.execute(select(posts.c.id).where(same)).first() is not None

    def _stale(self, seen: Post) -> Stale:
        """What happened since, in words for the person whose tap came late."""
        now = self.get(seen.id)
        if now.revision == seen.revision:
            holder = now.claimed_by or "another process"
            return Stale(f"Post {seen.id} has been taken over by {holder}.")
        last = self.journal(now.id)[-1]
        return Stale(f"Post {seen.id} is {now.state} since {last.at:%Y-%m-%d %H:%M} UTC ({last.event} by {last.by}).")

    def _write_journal(self, before: Post | None, after: Post, event: str, *, by: str, why: str, at: datetime) -> None:
        self.connection.execute(journal.insert().values(_entry(before, after, event, by, why, at)))


def _entry(before: Post | None, after: Post, event: str, by: str, why: str, at: datetime) -> dict[str, object]:
    return {
        "post_id": after.id,
        "at": at,
        "from_state": before.state if before else None,
        "to_state": after.state,
        "event": event,
        "revision": after.revision,
        "by": by,
        "why": storable(why),
    }


def _row(post: Post) -> dict[str, object]:
    return row_of(post) | {"last_error": storable(post.last_error), "reason": storable(post.reason)}
