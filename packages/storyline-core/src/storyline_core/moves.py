"""How an event moves a post: `advance`, pure and total over `TRANSITIONS`.

An event that the table does not allow raises `NotAllowed` and changes nothing. Every move adds one to the post's
revision; whoever writes a move compares and sets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import attrs

from storyline_core.errors import NotAllowed
from storyline_core.posts import (
    DECISIONS,
    FIRST_RETRY,
    MAX_RETRIES,
    RESERVATION,
    TRANSITIONS,
    UNDO_WITHIN,
    UNDOABLE,
    Handle,
    Message,
    Post,
    PostEvent,
    PostState,
    UndoPoint,
)


@attrs.frozen
class Details:
    """What comes with an event: who and why, and whatever the event needs.

    `until` is a snooze's end; `item_id`, `digest` and `picked_because` are a swap's new choice; `handle` belongs to
    *prepared*, `message` to *offered* and to a tap that adopts its card; `error` and `next_try_at` to failures.
    """

    by: str = "storyline"
    why: str = ""
    until: datetime | None = None
    item_id: int | None = None
    digest: str | None = None
    category: str = ""
    picked_because: tuple[str, ...] = ()
    handle: Handle | None = None
    message: Message | None = None
    error: str = ""
    next_try_at: datetime | None = None
    person: bool = False


def advance(post: Post, event: PostEvent, now: datetime, details: Details | None = None) -> Post:
    """The post as it is after the event, one revision later.

    Raises `NotAllowed` when the table has no such move, when somebody else holds the card, when a snooze does not lie
    ahead, or when there is nothing to undo (any more).
    """
    details = details or Details()
    if event not in TRANSITIONS[post.state]:
        raise NotAllowed(f"Post {post.id} is {post.state}; {event} is not possible from there.")
    _refuse_if_reserved(post, event, now, details)
    after = attrs.evolve(
        post,
        state=TRANSITIONS[post.state][event],
        revision=post.revision + 1,
        answerable_from=post.answerable_from if event in _QUIET else post.revision + 1,
        message=details.message or post.message,
    )
    after = _EFFECTS.get(event, _as_it_is)(after, now, details)
    if event in DECISIONS and details.person:
        after = _decided(post, after, event, now, details)
    elif event not in _QUIET:
        after = _not_decided(post, after)
    if after.settled:
        handle = None if post.state is PostState.PREPARED else after.handle
        after = attrs.evolve(after, settled_at=now, next_try_at=None, reason=details.why or post.reason, handle=handle)
    return after


_QUIET = frozenset({PostEvent.OFFERED, PostEvent.REMIND, PostEvent.ESCALATE, PostEvent.RESERVE, PostEvent.REHEARSE})
"""Moves that leave what the card says as it was, so that its buttons stay good."""


def holder_of(post: Post, now: datetime) -> str | None:
    """Who has reserved the card just now, if anybody."""
    if post.reserved_by is None or post.reserved_until is None or post.reserved_until <= now:
        return None
    return post.reserved_by


def retry_after(post_id: str, failures: int) -> timedelta | None:
    """How long to wait after this many failures of the item: 5, 10, 20 minutes, up to a fifth more; then None.

    The part above the round figure is chance drawn from the post's id, so that posts do not all return at once.
    """
    if failures > MAX_RETRIES:
        return None
    chance = int.from_bytes(hashlib.sha256(f"{post_id}/{failures}".encode()).digest()[:2]) / 0xFFFF
    rounds: int = 1 << (failures - 1)
    return FIRST_RETRY * (rounds * (1 + chance / 5))


def answerable(post: Post, revision: int) -> bool:
    """Whether a button or command that carries this revision still means the post as it is."""
    return post.answerable_from <= revision <= post.revision


def _refuse_if_reserved(post: Post, event: PostEvent, now: datetime, details: Details) -> None:
    holder = holder_of(post, now)
    if details.person and event in DECISIONS and holder not in (None, details.by):
        until = f"{post.reserved_until:%H:%M} UTC"
        raise NotAllowed(f"{holder} is posting {post.id} and has it until {until}.")


def _as_it_is(post: Post, now: datetime, details: Details) -> Post:
    return post


def _posted(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, posted_at=now)


def _snoozed(post: Post, now: datetime, details: Details) -> Post:
    if details.until is None or details.until <= now:
        raise NotAllowed(f"Post {post.id} can only be snoozed to a time that lies ahead.")
    return attrs.evolve(post, due_at=details.until)


def _approved(post: Post, now: datetime, details: Details) -> Post:
    # A card that nobody answered is due when the rule says so, not at the time that went by meanwhile.
    return attrs.evolve(post, due_at=now) if post.offered_at is not None and not details.person else post


def _swapped(post: Post, now: datetime, details: Details) -> Post:
    if details.item_id is None:
        raise NotAllowed(f"There is no other item that post {post.id} could be swapped for.")
    was = () if post.item_id is None else (post.item_id,)
    return attrs.evolve(
        post,
        item_id=details.item_id,
        digest=details.digest,
        category=details.category,
        why=details.picked_because,
        round=post.round + 1,
        excluded=post.excluded + was,
        due_at=max(post.due_at, now) if details.person or post.decided_by else post.due_at,
        handle=None,
        tries=0,
        next_try_at=None,
        last_error="",
        reserved_by=None,
        reserved_until=None,
    )


def _reserved(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, reserved_by=details.by, reserved_until=now + RESERVATION)


def _undone(post: Post, now: datetime, details: Details) -> Post:
    point = post.undo
    if point is None or now > point.until:
        raise NotAllowed(f"Nothing was decided about post {post.id} within the last ten minutes that could be undone.")
    return attrs.evolve(
        post,
        state=point.state,
        due_at=point.due_at,
        undo=None,
        handle=None,
        next_try_at=None,
        posted_at=None,
        settled_at=None,
        reason="",
        decided_by=None,
        decided_at=None,
    )


def _retried(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(
        _shown_anew(post, now), tries=0, next_try_at=None, last_error="", settled_at=None, reason="", handle=None
    )


def _shown_anew(post: Post, now: datetime) -> Post:
    """Due now, with the whole time for an answer before it."""
    return attrs.evolve(post, due_at=now, offered_at=None, reminded_at=None, escalated_at=None)


def _offer_begun(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, offered_at=post.offered_at or now, next_try_at=None)


def _offered(post: Post, now: datetime, details: Details) -> Post:
    # What was handed over keeps the reason why it came to the team.
    return attrs.evolve(post, last_error=post.last_error if post.by_hand else "", next_try_at=None)


def _offer_failed(post: Post, now: datetime, details: Details) -> Post:
    shown_before = post.offered_at if post.message is not None else None
    return attrs.evolve(post, offered_at=shown_before, last_error=details.error, next_try_at=details.next_try_at)


def _reminded(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, reminded_at=now)


def _escalated(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, escalated_at=now)


def _prepared(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, handle=details.handle, last_error=details.error, next_try_at=details.next_try_at)


def _ready(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, last_error=details.error, next_try_at=details.next_try_at)


def _handle_dropped(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, handle=None)


def _not_live(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, handle=None, next_try_at=None)


def _unsure(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, last_error=details.error, next_try_at=details.next_try_at)


def _try_failed(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(
        post, tries=post.tries + 1, last_error=details.error, next_try_at=details.next_try_at, handle=None
    )


def _handed_over(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(_shown_anew(post, now), by_hand=True, handle=None, last_error=details.error, next_try_at=None)


def _failed(post: Post, now: datetime, details: Details) -> Post:
    return attrs.evolve(post, last_error=details.error or post.last_error)


_EFFECTS: Mapping[PostEvent, Callable[[Post, datetime, Details], Post]] = MappingProxyType(
    {
        PostEvent.POSTED: _posted,
        PostEvent.PUBLISHED: _posted,
        PostEvent.RESOLVE_LIVE: _posted,
        PostEvent.SNOOZE: _snoozed,
        PostEvent.APPROVE: _approved,
        PostEvent.SWAP: _swapped,
        PostEvent.RESERVE: _reserved,
        PostEvent.UNDO: _undone,
        PostEvent.RETRY: _retried,
        PostEvent.OFFER: _offer_begun,
        PostEvent.OFFERED: _offered,
        PostEvent.ESCALATE: _escalated,
        PostEvent.OFFER_FAILED: _offer_failed,
        PostEvent.REMIND: _reminded,
        PostEvent.PREPARED: _prepared,
        PostEvent.READY: _ready,
        PostEvent.GONE: _handle_dropped,
        PostEvent.RESOLVE_NOT_LIVE: _not_live,
        PostEvent.UNSURE: _unsure,
        PostEvent.TRY_FAILED: _try_failed,
        PostEvent.HAND_OVER: _handed_over,
        PostEvent.FAIL: _failed,
    }
)


def _decided(before: Post, after: Post, event: PostEvent, now: datetime, details: Details) -> Post:
    """Who decided and when; and, where the decision can be taken back, the way back."""
    if event in (PostEvent.RESERVE, PostEvent.UNDO):
        return after
    undo = None
    if event in UNDOABLE:
        state = _RETURNS_TO.get(before.state, before.state)
        undo = UndoPoint(state=state, due_at=before.due_at, until=now + UNDO_WITHIN)
    return attrs.evolve(after, decided_by=details.by, decided_at=now, undo=undo, reserved_by=None, reserved_until=None)


def _not_decided(before: Post, after: Post) -> Post:
    """What a step's move leaves of a decision.

    It can be taken back until publishing begins. A decision only to wait is no decision any more once a step moves on.
    """
    if before.state in _OPEN:
        return attrs.evolve(after, undo=None, decided_by=None, decided_at=None)
    return after if {before.state, after.state} <= _ON_ITS_WAY else attrs.evolve(after, undo=None)


_OPEN = frozenset({PostState.SCHEDULED, PostState.OFFERING, PostState.OFFERED, PostState.SNOOZED})
"""States in which nobody has decided yet what becomes of the post."""

_ON_ITS_WAY = frozenset({PostState.APPROVED, PostState.PREPARED})

_RETURNS_TO = MappingProxyType({PostState.OFFERING: PostState.OFFERED, PostState.PREPARED: PostState.APPROVED})
"""Where undo leads when the state that was left cannot simply be resumed."""
