"""What an account could post, gathered in a constant number of statements however large the library is."""

from __future__ import annotations

import json
from collections.abc import Hashable
from datetime import datetime

from sqlalchemy import Connection, Text, false, func, or_, select, true, type_coerce

from storyline_core.accounts import Account
from storyline_core.posts import UNSETTLED
from storyline_core.selection import FOR_EVER, Candidate
from storyline_core.store.tables import holds, items, posts, publications, sources

History = dict[Hashable, tuple[int, datetime]]


def candidates(
    connection: Connection, account: Account, now: datetime, *, need_no_interaction: bool = False
) -> list[Candidate]:
    """Every living, openable item in the account's sources and categories that no listing misses, by id.

    Held and waiting ones are among them, marked, so that a choice can say why it passed them over. Recency is that of
    the slots' instants. `need_no_interaction` leaves out what only a person can post.
    """
    history = _history(connection, account.name)
    held = _held(connection, account.name, now)
    waiting = _waiting(connection, account.name)
    found: list[Candidate] = []
    for item_id, digest, category, tags, name in _eligible(connection, account, need_no_interaction):
        times, last = history.get(_group(item_id, digest), (0, None))
        ends = [end for end in (held.get(item_id), held.get(digest)) if end is not None] if held else []
        found.append(
            Candidate(
                item_id=item_id,
                digest=digest,
                category=category,
                tags=() if tags == "[]" else tuple(json.loads(tags)),
                last_posted_at=last,
                times_posted=times,
                held_until=max(ends, default=None),
                waiting=item_id in waiting or digest in waiting,
                waiting_at=waiting.get(item_id) or waiting.get(digest),
                name=name,
            )
        )
    return found


def _group(item_id: int, digest: str | None) -> Hashable:
    """Twins are one; what has no digest stands alone."""
    return item_id if digest is None else digest


def _eligible(
    connection: Connection, account: Account, need_no_interaction: bool
) -> list[tuple[int, str | None, str, str, str]]:
    paused = select(sources.c.name).where(sources.c.paused == true())
    statement = select(
        items.c.id, items.c.digest, items.c.category, type_coerce(items.c.tags, Text), items.c.name
    ).where(
        items.c.source.in_(account.sources),
        items.c.source.not_in(paused),
        items.c.removed_at.is_(None),
        items.c.problem.is_(None),
        items.c.missing_since.is_(None),
    )
    if account.categories:
        statement = statement.where(items.c.category.in_(account.categories))
    if need_no_interaction:
        statement = statement.where(items.c.requires_interaction == false())
    return [tuple(row) for row in connection.execute(statement.order_by(items.c.id))]


def _history(connection: Connection, account: str) -> History:
    """How often and how lately each group was posted, under the digest of then and of now, each post counted once."""
    rows = connection.execute(
        select(
            publications.c.item_id,
            publications.c.digest,
            items.c.digest,
            func.count(),
            func.max(publications.c.slot_at),
        )
        .join(items, items.c.id == publications.c.item_id)
        .where(publications.c.account == account, publications.c.undone_at.is_(None))
        .group_by(publications.c.item_id, publications.c.digest, items.c.digest)
    )
    history: History = {}
    for item_id, then, now, count, last in rows:
        for group in {_group(item_id, then), _group(item_id, now)}:
            times, latest = history.get(group, (0, last))
            history[group] = (times + count, max(latest, last))
    return history


def _held(connection: Connection, account: str, now: datetime) -> dict[Hashable, datetime]:
    """The end of the longest hold, by item id and by digest."""
    rows = connection.execute(
        select(holds.c.item_id, holds.c.digest, holds.c.until).where(
            holds.c.released_at.is_(None),
            or_(holds.c.account.is_(None), holds.c.account == account),
            or_(holds.c.until.is_(None), holds.c.until > now),
        )
    )
    ends: dict[Hashable, datetime] = {}
    for item_id, digest, until in rows:
        end = FOR_EVER if until is None else until
        for match in (item_id, digest):
            if match is not None:
                ends[match] = max(end, ends.get(match, end))
    return ends


def _waiting(connection: Connection, account: str) -> dict[Hashable, datetime]:
    """The items and digests in the account's queue, and for which slot; a digest counts as chosen and as it is now."""
    rows = connection.execute(
        select(posts.c.slot_at, posts.c.item_id, posts.c.digest, items.c.digest)
        .join(items, items.c.id == posts.c.item_id)
        .where(posts.c.account == account, posts.c.state.in_(sorted(UNSETTLED)))
    )
    return {match: at for at, *matches in rows for match in matches if match is not None}
