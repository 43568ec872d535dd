"""What became of posts: publications with their proof, the journal, and what the next choice learns from both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

import attrs
from sqlalchemy import Connection, Row, func, select, update

from storyline_core.errors import NotAllowed
from storyline_core.posts import SETTLED, Origin, Post, PostState, Publication
from storyline_core.selection import Placed
from storyline_core.store.convert import post_of
from storyline_core.store.tables import items, journal, posts, publications

_NOT_PLACED = sorted({PostState.SKIPPED, PostState.MISSED, PostState.REJECTED, PostState.FAILED})
_STANDS = publications.c.undone_at.is_(None)
_PROOF = [publications.c[name] for name in ("post_id", "remote_id", "url", "at", "metadata")]
_AT_ONCE = 5_000


@attrs.frozen
class JournalEntry:
    """One move of a post: when, from which state to which, by what, by whom and why. The first has no `from_`."""

    at: datetime
    from_: PostState | None
    to: PostState
    event: str
    by: str
    why: str


@attrs.frozen
class History:
    """The settled posts, their publications and the journal, within one unit."""

    connection: Connection

    def journal(self, post_id: str) -> list[JournalEntry]:
        """Everything that happened to a post, oldest first."""
        return self.journals([post_id]).get(post_id, [])

    def journals(self, post_ids: Collection[str]) -> dict[str, list[JournalEntry]]:
        """Everything that happened to these posts, by id, each oldest first."""
        found: dict[str, list[JournalEntry]] = {}
        wanted = sorted(set(post_ids))
        for start in range(0, len(wanted), _AT_ONCE):
            these = select(journal).where(journal.c.post_id.in_(wanted[start : start + _AT_ONCE]))
            for row in self.connection.execute(these.order_by(journal.c.id)):
                found.setdefault(row.post_id, []).append(_entry(row))
        return found

    def history(
        self, account: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[Post]:
        """The settled posts, latest first: of one account or all, settled since an instant, at most `limit`."""
        statement = select(posts).where(posts.c.state.in_(sorted(SETTLED)))
        if account is not None:
            statement = statement.where(posts.c.account == account)
        if since is not None:
            statement = statement.where(posts.c.settled_at >= since)
        statement = statement.order_by(posts.c.settled_at.desc(), posts.c.slot_at.desc(), posts.c.id).limit(limit)
        return [post_of(row) for row in self.connection.execute(statement).mappings()]

    def publication(self, post_id: str) -> Publication | None:
        """The proof that a post went out, if it did and that stands."""
        return self.publications([post_id]).get(post_id)

    def publications(self, post_ids: Collection[str]) -> dict[str, Publication]:
        """The proofs of these posts, by id; posts without one are left out."""
        wanted = sorted(set(post_ids))
        found: dict[str, Publication] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            these = publications.c.post_id.in_(wanted[start : start + _AT_ONCE])
            rows = self.connection.execute(select(*_PROOF).where(these, _STANDS))
            found.update({row.post_id: _publication(row) for row in rows})
        return found

    def unrecord(self, post: Post, *, by: str = "storyline", at: datetime) -> None:
        """Mark a posting by hand as undone, so that counters and recency forget it; the row stays.

        Raises `NotAllowed` when it went out through a publisher: that cannot be taken back.
        """
        proof = self.publication(post.id)
        if proof is None:
            return
        if proof.remote_id is not None:
            raise NotAllowed(f"Post {post.id} has been published as {proof.remote_id}; that cannot be undone here.")
        this = (publications.c.post_id == post.id, _STANDS)
        self.connection.execute(update(publications).where(*this).values(undone_at=at, undone_by=by))

    def last_posted_at(self, item_id: int, account: str | None = None) -> datetime | None:
        """When an item last went out, anywhere or in one account."""
        statement = select(func.max(publications.c.at)).where(publications.c.item_id == item_id, _STANDS)
        if account is not None:
            statement = statement.where(publications.c.account == account)
        last: datetime | None = self.connection.execute(statement).scalar_one()
        return last

    def placed(
        self, account: str, since: datetime | None, before: datetime | None = None, *, without: str | None = None
    ) -> Placed:
        """What the next choice must know of the posts placed so far.

        The categories of the scheduled posts since an instant, in the order of their slots, without what was skipped,
        missed, rejected or failed; and the tags of the last post before `before` (None: the last of all). The post
        `without` counts for neither.
        """
        placed = [posts.c.account == account, posts.c.state.not_in(_NOT_PLACED)]
        if without is not None:
            placed.append(posts.c.id != without)
        counted = select(posts.c.category).where(*placed, posts.c.origin == Origin.SCHEDULE)
        if since is not None:
            counted = counted.where(posts.c.slot_at >= since)
        sequence = self.connection.execute(counted.order_by(posts.c.slot_at, posts.c.id)).scalars().all()
        latest = select(items.c.tags).join(posts, posts.c.item_id == items.c.id).where(*placed)
        if before is not None:
            latest = latest.where(posts.c.slot_at < before)
        last = latest.order_by(posts.c.slot_at.desc(), posts.c.id).limit(1)
        tags = self.connection.execute(last).scalar_one_or_none()
        return Placed(
            by_category=Counter(sequence),
            last_tags=tuple(tags) if isinstance(tags, list) else (),
            sequence=tuple(sequence),
        )

    def failures_in_a_row(self, account: str) -> int:
        """How many posts of the account failed since the last one that went out."""
        of_account = posts.c.account == account
        posted = select(func.max(posts.c.settled_at)).where(of_account, posts.c.state == PostState.POSTED)
        last = self.connection.execute(posted).scalar_one()
        failed = select(func.count()).select_from(posts).where(of_account, posts.c.state == PostState.FAILED)
        if last is not None:
            failed = failed.where(posts.c.settled_at > last)
        return self.connection.execute(failed).scalar_one()


def _entry(row: Row[tuple[object, ...]]) -> JournalEntry:
    return JournalEntry(
        at=row.at,
        from_=PostState(row.from_state) if row.from_state else None,
        to=PostState(row.to_state),
        event=row.event,
        by=row.by,
        why=row.why,
    )


def _publication(row: Row[tuple[object, ...]]) -> Publication:
    return Publication(remote_id=row.remote_id, url=row.url, at=row.at, metadata=row.metadata)


def proof_row(post: Post, publication: Publication, by: str) -> dict[str, object]:
    """The row that keeps a publication."""
    return {
        "post_id": post.id,
        "account": post.account,
        "item_id": post.item_id,
        "digest": post.digest,
        "slot_at": post.slot_at,
        "at": publication.at,
        "by": by,
        "remote_id": publication.remote_id,
        "url": publication.url,
        "metadata": dict(publication.metadata),
    }
