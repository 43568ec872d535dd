"""A post's states, the events that move it, and the one table that says which may follow which.

`TRANSITIONS` is the whole truth: `moves.advance` follows it, the diagram in the documentation is drawn from it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import attrs

RESERVATION = timedelta(minutes=15)
"""How long *I'll post it* keeps a card for one name."""

UNDO_WITHIN = timedelta(minutes=10)
"""How long a person's decision can be taken back."""

FIRST_RETRY = timedelta(minutes=5)
"""The wait before the first retry; each further one waits twice as long."""

MAX_RETRIES = 3
"""Tries after the first, for failures of the item itself."""


class Origin(StrEnum):
    """Why a post exists: a slot of the schedule, *post one now*, or an item somebody chose for a time."""

    SCHEDULE = "schedule"
    NOW = "now"
    CHOSEN = "chosen"


class PostState(StrEnum):
    """Where a post stands. The first eight are unsettled (the queue), the last five settled (the history)."""

    SCHEDULED = "scheduled"
    OFFERING = "offering"
    OFFERED = "offered"
    SNOOZED = "snoozed"
    APPROVED = "approved"
    PREPARED = "prepared"
    PUBLISHING = "publishing"
    UNCERTAIN = "uncertain"
    POSTED = "posted"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    MISSED = "missed"
    FAILED = "failed"

    @property
    def settled(self) -> bool:
        """True when nothing more happens by itself."""
        return self in SETTLED


SETTLED = frozenset({PostState.POSTED, PostState.SKIPPED, PostState.REJECTED, PostState.MISSED, PostState.FAILED})
UNSETTLED = frozenset(PostState) - SETTLED


class PostEvent(StrEnum):
    """What may happen to a post. Persons' decisions first, then what the steps saw."""

    POSTED = "posted"
    SKIP = "skip"
    REJECT = "reject"
    SNOOZE = "snooze"
    SWAP = "swap"
    RESERVE = "reserve"
    APPROVE = "approve"
    UNDO = "undo"
    RETRY = "retry"
    RESOLVE_LIVE = "resolve-live"
    RESOLVE_NOT_LIVE = "resolve-not-live"
    OFFER = "offer"
    OFFERED = "offered"
    OFFER_FAILED = "offer-failed"
    REMIND = "remind"
    ESCALATE = "escalate"
    REHEARSE = "rehearse"
    PREPARED = "prepared"
    PUBLISH = "publish"
    PUBLISHED = "published"
    UNSURE = "unsure"
    READY = "ready"
    GONE = "gone"
    TRY_FAILED = "try-failed"
    HAND_OVER = "hand-over"
    MISS = "miss"
    FAIL = "fail"
    DRY_RUN = "dry-run"


DECISIONS = frozenset(
    {
        PostEvent.POSTED,
        PostEvent.SKIP,
        PostEvent.REJECT,
        PostEvent.SNOOZE,
        PostEvent.SWAP,
        PostEvent.RESERVE,
        PostEvent.APPROVE,
        PostEvent.UNDO,
        PostEvent.RETRY,
        PostEvent.RESOLVE_LIVE,
        PostEvent.RESOLVE_NOT_LIVE,
    }
)
"""The events that a person may cause."""

ITSELF = "storyline"
"""Who is named where no person acted, but a rule of the account."""

UNDOABLE = frozenset({PostEvent.POSTED, PostEvent.SKIP, PostEvent.REJECT, PostEvent.SNOOZE, PostEvent.APPROVE})
"""The decisions that *undo* takes back."""


Moves = Mapping[PostEvent, PostState]


def _by_hand() -> dict[PostEvent, PostState]:
    """What people may do while a card is theirs, and how their time ends."""
    s, e = PostState, PostEvent
    return {
        e.POSTED: s.POSTED,
        e.SKIP: s.SKIPPED,
        e.REJECT: s.REJECTED,
        e.SNOOZE: s.SNOOZED,
        e.SWAP: s.SCHEDULED,
        e.APPROVE: s.APPROVED,
        e.MISS: s.MISSED,
        e.FAIL: s.FAILED,
    }


def _before_publishing() -> dict[PostEvent, PostState]:
    """What may happen between the approval and the one unrepeatable call."""
    s, e = PostState, PostEvent
    return {
        e.SKIP: s.SKIPPED,
        e.REJECT: s.REJECTED,
        e.DRY_RUN: s.SKIPPED,
        e.SWAP: s.SCHEDULED,
        e.PREPARED: s.PREPARED,
        e.TRY_FAILED: s.APPROVED,
        e.HAND_OVER: s.SCHEDULED,
        e.MISS: s.MISSED,
        e.FAIL: s.FAILED,
        e.UNDO: s.OFFERED,
        e.POSTED: s.POSTED,
    }


def _how_it_ended() -> dict[PostEvent, PostState]:
    """What publishing, or looking for its end, may find."""
    s, e = PostState, PostEvent
    return {
        e.PUBLISHED: s.POSTED,
        e.UNSURE: s.UNCERTAIN,
        e.READY: s.PREPARED,
        e.GONE: s.APPROVED,
        e.TRY_FAILED: s.APPROVED,
        e.HAND_OVER: s.SCHEDULED,
        e.FAIL: s.FAILED,
    }


def _table() -> Mapping[PostState, Moves]:
    s, e = PostState, PostEvent
    by_hand, before_publishing, found = _by_hand(), _before_publishing(), _how_it_ended()
    table: dict[PostState, Moves] = {
        s.SCHEDULED: by_hand | {e.OFFER: s.OFFERING, e.DRY_RUN: s.SKIPPED, e.REHEARSE: s.SCHEDULED},
        s.OFFERING: by_hand
        | {
            e.OFFERED: s.OFFERED,
            e.OFFER_FAILED: s.SCHEDULED,
            e.RESERVE: s.OFFERED,
            e.REMIND: s.OFFERED,
            e.ESCALATE: s.OFFERING,
        },
        s.OFFERED: by_hand | {e.RESERVE: s.OFFERED, e.REMIND: s.OFFERED, e.ESCALATE: s.OFFERED},
        s.SNOOZED: by_hand | {e.OFFER: s.OFFERING, e.ESCALATE: s.SNOOZED, e.UNDO: s.OFFERED, e.DRY_RUN: s.SKIPPED},
        s.APPROVED: before_publishing | {e.REHEARSE: s.APPROVED},
        s.PREPARED: before_publishing | {e.PUBLISH: s.PUBLISHING, e.GONE: s.APPROVED},
        s.PUBLISHING: found,
        s.UNCERTAIN: found | {e.RESOLVE_LIVE: s.POSTED, e.RESOLVE_NOT_LIVE: s.APPROVED},
        s.POSTED: {e.UNDO: s.OFFERED},
        s.SKIPPED: {e.UNDO: s.OFFERED},
        s.REJECTED: {e.UNDO: s.OFFERED},
        s.MISSED: {e.POSTED: s.POSTED},
        s.FAILED: {e.RETRY: s.SCHEDULED},
    }
    return MappingProxyType({state: MappingProxyType(moves) for state, moves in table.items()})


TRANSITIONS = _table()
"""State → event → next state. `undo` really returns to where the decision was made; the table names the usual one."""


@attrs.frozen
class Handle:
    """Whatever a publisher needs to publish one prepared post exactly once. `token` is opaque text of its own."""

    publisher: str
    token: str
    expires_at: datetime | None = None


@attrs.frozen
class Message:
    """Where a post was shown to the team. `token` is opaque text of the notifier's own."""

    notifier: str
    token: str


@attrs.frozen
class Publication:
    """Proof that a story went out: its id and address where it was published, and when.

    Posted by hand there is no `remote_id`: a person said so. `metadata` is a snapshot of what it went out with.
    """

    remote_id: str | None
    url: str | None
    at: datetime
    metadata: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen
class UndoPoint:
    """What a person's last decision left, and until when it may be taken back."""

    state: PostState
    due_at: datetime
    until: datetime


@attrs.frozen
class Post:
    """One post for life, from scheduled to settled.

    `slot_at` is the slot's frozen instant, from which recency and cooldown count; `due_at` is when it is next to be
    acted on; `offered_at` is when it was first shown, or was about to be. `answerable_from` is the oldest revision
    whose buttons still count: moves that leave the card's meaning alone (sent, reminded, reserved) keep it. `round`
    counts swaps; `excluded` are the items swapped away. `by_hand` means that it goes to the team whatever the mode
    says. A missed slot for which nothing was chosen has no item. `category` is the item's when it was chosen.
    """

    id: str
    account: str
    origin: Origin
    slot_key: str | None
    slot_at: datetime
    due_at: datetime
    created_at: datetime
    item_id: int | None
    digest: str | None
    state: PostState = PostState.SCHEDULED
    revision: int = 1
    answerable_from: int = 1
    why: tuple[str, ...] = ()
    round: int = 0
    excluded: tuple[int, ...] = ()
    by_hand: bool = False
    tries: int = 0
    next_try_at: datetime | None = None
    last_error: str = ""
    reason: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    offered_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    reserved_by: str | None = None
    reserved_until: datetime | None = None
    posted_at: datetime | None = None
    settled_at: datetime | None = None
    handle: Handle | None = None
    message: Message | None = None
    undo: UndoPoint | None = None
    category: str = ""
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    fence: int = 0

    @property
    def settled(self) -> bool:
        """True when nothing more happens by itself."""
        return self.state.settled


def post_id(*parts: str) -> str:
    """The short id that follows from a slot's key (or, beside the slots, from account, origin, instant and item).

    Ten lower-case letters and digits: short enough to read out, the same in every preview.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return base64.b32encode(digest[:7]).decode().lower().rstrip("=")[:10]
