"""When something is due next, told from the rows: a daemon looks every few seconds, a simulated quarter just then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import attrs

from storyline_core import Account

A_TURN = timedelta(minutes=1)
"""How long it takes at most until a worker looks at what is due."""

AFTER_A_CLAIM = timedelta(minutes=1)
"""How long the end of a publishing that nobody saw is left alone after its worker's claim has lapsed."""

BY_A_PERSON = frozenset({"offering", "offered"})
UNSEEN = frozenset({"publishing", "uncertain"})


@attrs.frozen
class Waiting:
    """An unsettled post as its row tells it."""

    id: str
    account: str
    state: str
    due_at: datetime
    next_try_at: datetime | None
    offered_at: datetime | None
    reminded_at: datetime | None
    escalated_at: datetime | None
    claimed_until: datetime | None


def until_due(posts: Iterable[Waiting], accounts: Mapping[str, Account], now: datetime) -> timedelta | None:
    """How long until the next of these posts is due; None when there is none.

    What is overdue (its service is down, its account is switched off) is looked at soon, then ever more sparsely.
    """
    moments = [moment for post in posts for moment in moments_of(post, accounts[post.account])]
    return min((max(abs(moment - now), A_TURN) for moment in moments), default=None)


def moments_of(post: Waiting, account: Account) -> Iterator[datetime]:
    """When something has to be done about a post, as it stands now."""
    held_until = [each for each in (post.next_try_at, post.claimed_until) if each is not None]
    if post.state in BY_A_PERSON:
        shown_at = max(post.offered_at or post.due_at, post.due_at)
        if post.reminded_at is None:
            yield max(shown_at + account.remind_after, *held_until, shown_at)
        yield max((post.escalated_at or shown_at) + account.answer_within, *held_until, shown_at)
    elif post.state not in UNSEEN:
        yield max(post.due_at, *held_until, post.due_at)
    elif held_until:
        yield max(held_until) + AFTER_A_CLAIM
