"""What a post needs next: one pure question with one answer, asked of every unsettled post in every turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core.accounts import Account, Mode, Unanswered
from storyline_core.posts import Origin, Post, PostState

CLAIM_FOR = timedelta(minutes=5)
"""How long a worker may act on a post before its claim lapses."""

LAPSE_MARGIN = timedelta(minutes=1)
"""How long settling waits beyond a lapsed claim, so that a slow but living worker is not overtaken."""

RETRY_SPAN = timedelta(hours=1)
"""How much longer than its grace a post whose item failed may take: room for all its retries."""


REHEARSED_BEFORE = timedelta(hours=1)
"""How long before its time a post is looked at, so that what cannot work can still be swapped or mended."""


class Task(StrEnum):
    """What is to be done about a post now."""

    WAIT = "wait"
    SWAP = "swap"
    REHEARSE = "rehearse"
    DRY_RUN = "dry-run"
    OFFER = "offer"
    REMIND = "remind"
    ESCALATE = "escalate"
    APPROVE = "approve"
    HAND_OVER = "hand-over"
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
    been seen to work since. `sendable` says whether the publisher can send the item's media type at all. `foreign`:
    what was prepared belongs to another publisher than the account's present one. `can_look` says whether the present
    one can tell how a publishing ended that nobody saw. `reminders` False: people switched them off. `unrehearsed`: the
    publisher can say beforehand whether a post will work, and has not been asked about this one's item.
    """

    needs_person: bool = False
    sendable: bool = True
    unfit: str = ""
    stopped: str = ""
    trouble: str = ""
    has_notifier: bool = True
    has_publisher: bool = False
    foreign: bool = False
    can_look: bool = True
    reminders: bool = True
    unrehearsed: bool = False


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
        # Whoever chose this very item wants no other one.
        return NextTask(Task.WAIT if post.origin is Origin.CHOSEN else Task.SWAP, standing.unfit)
    if now < post.due_at:
        return _ahead(post, account, standing, now)
    if _too_early(post, now):
        return _WAIT
    if standing.stopped:
        return NextTask(Task.WAIT, standing.stopped)
    return _sent_off(post, account, standing)


def _ahead(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    """What a post may need before its time: to be rehearsed, once, if a publisher is likely to send it."""
    if standing.unfit or standing.stopped or post.state is PostState.PREPARED:
        return NextTask(Task.WAIT, standing.unfit or standing.stopped)
    if _shown_ahead(post, account, now) and goes_to_team(post, account, standing):
        return NextTask(Task.OFFER, "shown ahead of its time")
    likely = standing.has_publisher and standing.sendable and not (standing.needs_person or post.by_hand)
    due = likely and standing.unrehearsed and account.mode is not Mode.MANUAL and not account.dry_run
    return NextTask(Task.REHEARSE) if due and post.due_at - REHEARSED_BEFORE <= now < post.due_at else _WAIT


def _shown_ahead(post: Post, account: Account, now: datetime) -> bool:
    early = post.state is PostState.SCHEDULED and post.due_at - account.offer_ahead <= now
    return early and not _too_early(post, now) and not account.dry_run


def _sent_off(post: Post, account: Account, standing: Standing, why: str = "") -> NextTask:
    if account.dry_run:
        return NextTask(Task.DRY_RUN, "dry run")
    return NextTask(Task.OFFER if goes_to_team(post, account, standing) else Task.APPROVE, why)


def _shown(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    if post.reserved_until is not None and now < post.reserved_until:
        return _WAIT
    shown_at = post.offered_at or post.due_at
    # Nobody is late with an answer to what was shown ahead of its time.
    if now >= (post.escalated_at or max(shown_at, post.slot_at)) + account.answer_within:
        return _unanswered(post, account, standing)
    if post.state is PostState.SNOOZED:
        return _woken(post, account, standing, now)
    if standing.stopped or _too_early(post, now):
        return NextTask(Task.WAIT, standing.stopped)
    can_remind = standing.has_notifier and not account.dry_run and post.reminded_at is None
    unseen = post.state is PostState.OFFERING
    # A card that may never have arrived is no reminder that anybody could do without.
    if can_remind and (standing.reminders or unseen) and now >= max(shown_at, post.due_at) + account.remind_after:
        return NextTask(Task.REMIND, "nobody saw whether the first card arrived" if unseen else "nobody has answered")
    return _WAIT


def _woken(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    if now < post.due_at:
        return _WAIT
    if standing.unfit and post.origin is not Origin.CHOSEN:
        return NextTask(Task.SWAP, standing.unfit)
    if standing.unfit or standing.stopped or _too_early(post, now):
        return NextTask(Task.WAIT, standing.unfit or standing.stopped)
    return _sent_off(post, account, standing, "its snooze is over")


def _unanswered(post: Post, account: Account, standing: Standing) -> NextTask:
    why = "nobody answered"
    if post.state is PostState.OFFERING:
        why = "nobody answered, and nobody saw whether its card arrived"
    if account.dry_run:
        return NextTask(Task.MISS, why)
    if account.unanswered is Unanswered.PUBLISH and standing.has_publisher and not post.by_hand:
        if standing.unfit:
            return NextTask(Task.MISS, standing.unfit)
        if standing.sendable and not standing.needs_person:
            return NextTask(Task.APPROVE, "nobody answered, and the account publishes then")
    if account.unanswered is Unanswered.ESCALATE and post.escalated_at is None:
        return NextTask(Task.ESCALATE, "nobody answered")
    return NextTask(Task.MISS, why)


def _on_its_way(post: Post, account: Account, standing: Standing, now: datetime) -> NextTask:
    if now > _latest(post, account):
        why = standing.unfit or standing.stopped or standing.trouble or post.last_error
        return NextTask(Task.MISS, why or "the publisher did not answer in time")
    if standing.unfit and post.origin is not Origin.CHOSEN:
        return NextTask(Task.SWAP, standing.unfit)
    # Approved ahead of its time; what was shown at its time is published as soon as somebody says so.
    ahead = now < post.due_at and (post.offered_at is None or now < post.slot_at)
    if standing.unfit or ahead:
        return _ahead(post, account, standing, now)
    if account.dry_run:
        return NextTask(Task.DRY_RUN, "dry run")
    if why := _to_team_after_all(post, account, standing):
        return NextTask(Task.HAND_OVER, why)
    if standing.stopped or _too_early(post, now):
        return NextTask(Task.WAIT, standing.stopped)
    if post.state is PostState.APPROVED:
        return NextTask(Task.PREPARE)
    expires = post.handle.expires_at if post.handle else now
    if standing.foreign:
        return NextTask(Task.PREPARE_AGAIN, "it was prepared for another publisher")
    if expires is not None and expires <= now:
        return NextTask(Task.PREPARE_AGAIN, "what was prepared has expired")
    return NextTask(Task.PUBLISH)


def _latest(post: Post, account: Account) -> datetime:
    """Until when an approved post may still go out."""
    latest = post.due_at + account.grace
    if post.decided_by is not None and post.decided_at is not None:
        latest = max(latest, post.decided_at + account.answer_within)
    return latest + (RETRY_SPAN if post.tries else timedelta())


def _to_team_after_all(post: Post, account: Account, standing: Standing) -> str:
    """Why a post on its way to the publisher goes to the team instead, since settings or its item changed; or ""."""
    if not standing.has_notifier:
        return ""
    if not standing.has_publisher:
        return "the account has no publisher any more"
    by_rule = post.decided_by is None and post.offered_at is None
    return "it is the team's by now" if by_rule and goes_to_team(post, account, standing) else ""


def _unseen_end(post: Post, standing: Standing, now: datetime) -> NextTask:
    if _too_early(post, now):
        return _WAIT
    if post.claimed_until is not None and now < post.claimed_until + LAPSE_MARGIN:
        return _WAIT
    can_tell = standing.has_publisher and standing.can_look
    # Where nobody can look, *publishing* still has to become a question, once.
    return NextTask(Task.FIND) if can_tell or post.state is PostState.PUBLISHING else _WAIT


def _too_early(post: Post, now: datetime) -> bool:
    return post.next_try_at is not None and now < post.next_try_at
