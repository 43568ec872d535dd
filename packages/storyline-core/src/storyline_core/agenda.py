"""What a post needs next: one pure question with one answer, asked of every unsettled post in every turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core.accounts import Account, Mode, Unanswered
from storyline_core.posts import Post, PostState

CLAIM_FOR = timedelta(minutes=5)
"""How long a worker may act on a post before its claim lapses."""

LAPSE_MARGIN = timedelta(minutes=1)
"""How long settling waits beyond a lapsed claim, so that a slow but living worker is not overtaken."""

RETRY_SPAN = timedelta(hours=1)
"""How much longer than its grace a post whose item failed may take: room for all its retries."""


class Task(StrEnum):
    """What is to be done about a post now."""

    WAIT = "wait"
    SWAP = "swap"
    DRY_RUN = "dry-run"
    OFFER = "offer"
    REMIND = "remind"
    ESCALATE = "escalate"
    APPROVE = "approve"
    PREPARE = "prepare"
    PREPARE_AGAIN = "prepare-again"
    PUBLISH = "publish"
    FIND = "find"
    MISS = "miss"


@attrs.frozen
class Standing:
    """What is true around a post just now.

    `unfit` says why its item can no longer be posted (removed, held, broken), "" when it can. `stopped` says why the
    account's line stands still (paused, a service is down), "" when it runs; `trouble` what last stopped it and has not
    been seen to work since. `sendable` says whether the publisher
    can send the item's media type at all; `can_look`
    whether it can tell how a publishing ended that nobody saw.
    """

    needs_person: bool = False
    sendable: bool = True
    unfit: str = ""
    stopped: str = ""
    trouble: str = ""
    has_notifier: bool = True
    has_publisher: bool = False
    can_look: bool = True


@attrs.frozen
class NextTask:
    """The task, and why, in words for the journal."""

    task: Task
    why: str = ""


_WAIT = NextTask(Task.WAIT)


def goes_to_team(post: Post, account: Account, standing: Standing) -> bool:
    """Whether a person posts it (True) or the publisher does (False)."""
    if not standing.has_publisher:
        return True
    if not standing.has_notifier:
        return False
    if post.by_hand or account.mode in (Mode.MANUAL, Mode.APPROVE):
        return True
    return standing.needs_person or not standing.sendable


def next_task(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    """What this post needs at this moment. Total: every state at every time has an answer."""
    if post.settled:
        return _WAIT
    lapsed = post.claimed_until is None or post.claimed_until <= now
    if not lapsed:
        return _WAIT
    match post.state:
        case PostState.SCHEDULED:
            return _scheduled(post, account, standing, now)
        case PostState.OFFERING | PostState.OFFERED | PostState.SNOOZED:
            return _shown(post, account, standing, now)
        case PostState.APPROVED | PostState.PREPARED:
            return _on_its_way(post, account, standing, now)
        case _:
            return _unseen_end(post, standing, now)


def _scheduled(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    if now > post.due_at + account.grace:
        why = standing.unfit or standing.stopped or standing.trouble or post.last_error
        return NextTask(Task.MISS, why or "Storyline was not running at its time")
    if standing.unfit:
        return NextTask(Task.SWAP, standing.unfit)
    if now < post.due_at or _too_early(post, now):
        return _WAIT
    if standing.stopped:
        return NextTask(Task.WAIT, standing.stopped)
    if account.dry_run:
        return NextTask(Task.DRY_RUN, "dry run")
    return NextTask(Task.OFFER if goes_to_team(post, account, standing) else Task.APPROVE)


def _shown(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    shown_at = post.offered_at or post.due_at
    deadline = shown_at + account.answer_within
    if post.escalated_at is not None:
        deadline = post.escalated_at + account.answer_within
    if now >= deadline:
        return _unanswered(post, account, standing)
    if standing.stopped or _too_early(post, now):
        return NextTask(Task.WAIT, standing.stopped)
    if post.state is PostState.SNOOZED:
        return NextTask(Task.OFFER, "its snooze is over") if now >= post.due_at else _WAIT
    if post.reminded_at is None and now >= max(shown_at, post.due_at) + account.remind_after:
        unseen = post.state is PostState.OFFERING
        return NextTask(Task.REMIND, "nobody saw whether the first card arrived" if unseen else "nobody has answered")
    return _WAIT


def _unanswered(post: Post, account: Account, standing: Standing) -> NextTask:
    if account.unanswered is Unanswered.PUBLISH and standing.has_publisher and not standing.needs_person:
        return NextTask(Task.APPROVE, "nobody answered, and the account publishes then")
    if account.unanswered is Unanswered.ESCALATE and post.escalated_at is None:
        return NextTask(Task.ESCALATE, "nobody answered")
    return NextTask(Task.MISS, "nobody answered")


def _on_its_way(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    asked_for = post.decided_at if post.decided_by is not None else None
    deadline = asked_for + account.answer_within if asked_for else post.due_at + account.grace
    if now > deadline + (RETRY_SPAN if post.tries else timedelta()):
        return NextTask(
            Task.MISS, standing.stopped or standing.trouble or post.last_error or "the publisher did not answer in time"
        )
    if standing.stopped or _too_early(post, now):
        return NextTask(Task.WAIT, standing.stopped)
    if post.state is PostState.APPROVED:
        return NextTask(Task.PREPARE)
    expires = post.handle.expires_at if post.handle else now
    if expires is not None and expires <= now:
        return NextTask(Task.PREPARE_AGAIN, "what was prepared has expired")
    return NextTask(Task.PUBLISH)


def _unseen_end(post: Post, standing: Standing, now: datetime) -> NextTask:
    if _too_early(post, now):
        return _WAIT
    if post.claimed_until is not None and now < post.claimed_until + LAPSE_MARGIN:
        return _WAIT
    asked = post.state is PostState.UNCERTAIN and not standing.can_look
    return NextTask(Task.FIND) if standing.has_publisher and not asked else _WAIT


def _too_early(post: Post, now: datetime) -> bool:
    return post.next_try_at is not None and now < post.next_try_at
