"""Publish: prepare and commit the handle, commit the intent, make the one unrepeatable call, record its outcome.

Only the outcome of the publish call itself decides; when nobody saw it, `settle` looks before anything is repeated.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import attrs

from storyline_core.agenda import CLAIM_FOR
from storyline_core.errors import Busy, PluginFault, Refused, Stale, StoreError, Unavailable, Uncertain
from storyline_core.interfaces import AlertLevel, Draft, Gone, InProgress, Published
from storyline_core.moves import Details, retry_after
from storyline_core.posts import TRANSITIONS, Handle, Post, PostEvent, PostState, Publication
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import (
    Side,
    alert_of,
    clear_alert,
    close_alerts,
    close_alerts_of,
    line_runs,
    raise_alert,
    stop_line,
)
from storyline_core.steps.check import in_short
from storyline_core.steps.line import (
    ANSWERS,
    ItemFailed,
    Line,
    bring_level,
    can_look,
    discard,
    draft_of,
    guarded,
)
from storyline_core.steps.moving import move, released
from storyline_core.steps.recording import record_posted

FAILURES_IN_A_ROW = 3
"""How many failed posts in a row raise an alert about the whole account."""

LONGEST_LOOK = timedelta(hours=6)
"""How often a publisher is asked at least how a publishing ended that nobody saw."""


def approve_by_rule(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Let a post go to the publisher without a person, since the account's mode says so."""
    with line.store.begin() as unit:
        after = move(unit, post, PostEvent.APPROVE, now, Details(why=why or f"mode {line.account.mode}"))
    line.tell_changed(after)
    return after


def prepare(line: Line, post: Post, now: datetime) -> Post:
    """Prepare an approved post and commit its handle. Failures of the item are retried, of the service waited out."""
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            draft = draft_of(line, unit, mine)
    except (Busy, Stale):
        return post
    try:
        handle = _make_ready(line, draft)
    except (Refused, ItemFailed) as error:
        return failed(line, mine, error, line.clock())
    except PluginFault as error:
        return _waits(line, mine, error)
    line_runs(line, Side.OUTLET, now)
    try:
        with line.store.begin() as unit:
            after = released(unit, mine, PostEvent.PREPARED, line.clock(), Details(handle=handle))
    except Stale:
        discard(line, handle)
        with line.store.read() as unit:
            return unit.queue.get(post.id)
    line.tell_changed(after)
    return after


def publish(line: Line, post: Post, now: datetime) -> Post:
    """Publish a prepared post: the intent is committed first, the call is made once and never after the claim's end.

    One at a time for each publisher, whichever accounts and processes use it.
    """
    if post.handle is None:
        return prepare_again(line, post, now, "nothing was prepared")
    try:
        with line.store.begin() as unit:
            lease = unit.leases.take(f"publish/{line.account.publisher}", line.holder, until=now + CLAIM_FOR, now=now)
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            going = mine if line.publisher_traits.ripens else move(unit, mine, PostEvent.PUBLISH, now)
    except (Busy, Stale):
        return post
    try:
        if going is not mine:
            return _called(line, going, post.handle, now)
        return _when_ripe(line, mine, post.handle, now)
    finally:
        with suppress(StoreError), line.store.begin() as unit:
            unit.leases.release(lease)


def _when_ripe(line: Line, mine: Post, handle: Handle, now: datetime) -> Post:
    """Ask how what was prepared stands before anything is committed to; nothing can have happened yet."""
    try:
        found = guarded(lambda: line.outlet().find(handle), "The publisher", otherwise=Unavailable, gives=ANSWERS)
    except Refused as error:
        return failed(line, mine, error, line.clock())
    except Uncertain as error:
        # Nobody has published it; another will do as well, and need not be guessed about.
        return failed(line, mine, ItemFailed(str(error)), line.clock())
    except PluginFault as error:
        return _waits(line, mine, error)
    line_runs(line, Side.OUTLET, now)
    later = line.clock()
    if isinstance(found, Gone):
        return failed(line, mine, ItemFailed(found.why or "what was prepared is gone"), later)
    try:
        with line.store.begin() as unit:
            if isinstance(found, InProgress):
                again = Details(why="still in progress there", handle=handle, next_try_at=later + found.retry_after)
                return released(unit, mine, PostEvent.PREPARED, later, again)
            going = move(unit, mine, PostEvent.PUBLISH, later)
    except Stale:
        return mine
    if isinstance(found, Published):
        return published(line, going, found.publication, later)
    return _called(line, going, handle, now)


def _called(line: Line, going: Post, handle: Handle, claimed_at: datetime) -> Post:
    """Make the one unrepeatable call, and record what came of it."""
    line.tell_changed(going)
    if line.clock() >= claimed_at + CLAIM_FOR:
        return _ready_again(line, going, "the claim had lapsed before the call was made")
    try:
        publication = guarded(
            lambda: line.outlet().publish(handle), "The publisher", otherwise=Uncertain, gives=Publication
        )
    except Refused as error:
        return failed(line, going, error, line.clock())
    except Uncertain as error:
        return unsure(line, going, str(error), line.clock())
    except PluginFault as error:
        return _back_to_ready(line, going, error)
    return published(line, going, publication, line.clock())


def published(line: Line, post: Post, publication: Publication, now: datetime) -> Post:
    """Record the proof, the counters and the cooldown in one transaction, and bring the card level.

    Somebody who found nothing out meanwhile does not take the proof away.
    """
    if publication.at.tzinfo is None:
        publication = attrs.evolve(publication, at=now)
    try:
        with line.store.begin() as unit:
            after = record_posted(line, unit, post, PostEvent.PUBLISHED, publication, now, Details())
    except Stale:
        with line.store.read() as unit:
            current = unit.queue.get(post.id)
        overtaken = (current.revision, current.fence) != (post.revision, post.fence) and current.handle == post.handle
        if overtaken and PostEvent.PUBLISHED in TRANSITIONS[current.state]:
            return published(line, current, publication, now)
        return current
    line_runs(line, Side.OUTLET, now)
    clear_alert(line, alert_of("uncertain", post), now)
    went_well(line, post.account, now)
    if post.handle is not None:
        discard(line, post.handle)
    bring_level(line, after.message, after)
    line.tell_changed(after)
    return after


def went_well(line: Line, account: str, now: datetime) -> None:
    """A story went out: what was told of failures and gaps before it is over."""
    clear_alert(line, f"failures/{account}", now)
    over = (f"failed/{account}/", f"rehearsal/{account}/")
    close_alerts(line, now, lambda key: key == f"missed/{account}" or key.startswith(over))


def unsure(line: Line, post: Post, why: str, now: datetime) -> Post:
    """Note that nobody knows whether the story is live, and ask a person; it is not published again meanwhile.

    Where it can be looked for, that is done ever more rarely.
    """
    text = scrub(why)
    since = max(post.due_at, post.decided_at or post.due_at)
    wait = min(max(CLAIM_FOR, (now - since) / 6), LONGEST_LOOK)
    next_try = now + wait if can_look(line, post) else None
    with line.store.begin() as unit:
        after = released(unit, post, PostEvent.UNSURE, now, Details(error=text, next_try_at=next_try))
    raise_alert(
        line,
        alert_of("uncertain", post),
        AlertLevel.ERROR,
        f"{post.account}: post {post.id} may or may not be live: {text}",
        f"Look at the account, then say: storyline queue resolve {post.id} --live (or --not-live).",
        now,
    )
    if post.state is not PostState.UNCERTAIN:
        bring_level(line, after.message, after)
        line.tell_changed(after)
    return after


def failed(line: Line, post: Post, error: PluginFault, now: datetime) -> Post:
    """A failure of the item: tried again later, and in the end handed to the team or recorded as failed."""
    text = scrub(str(error))
    tries = post.tries + 1
    wait = None if isinstance(error, Refused) else retry_after(post.id, tries)
    details = Details(error=text, why=text, next_try_at=now + wait if wait else None)
    if wait is not None:
        event = PostEvent.TRY_FAILED
    else:
        event = PostEvent.HAND_OVER if line.account.notifier else PostEvent.FAIL
    try:
        with line.store.begin() as unit:
            after = released(unit, post, event, now, details)
            in_a_row = unit.queue.failures_in_a_row(post.account)
    except Stale:
        with line.store.read() as unit:
            return unit.queue.get(post.id)
    if post.handle is not None:
        discard(line, post.handle)
    if post.state is PostState.UNCERTAIN:
        close_alerts_of(line, after, now)
    if event is not PostEvent.TRY_FAILED:
        _tell_failed(line, after, text, in_a_row, now)
    line.tell_changed(after)
    return after


def prepare_again(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Drop a handle that can no longer be published, so that a new one is made."""
    try:
        with line.store.begin() as unit:
            after = released(unit, post, PostEvent.GONE, now, Details(why=why))
    except Stale:
        return post
    if post.handle is not None:
        discard(line, post.handle)
    return after


def _waits(line: Line, mine: Post, error: PluginFault) -> Post:
    stop_line(line, Side.OUTLET, error, line.clock())
    with line.store.begin() as unit:
        return unit.queue.release(mine)


def _make_ready(line: Line, draft: Draft) -> Handle:
    what = "The publisher's preparation"
    handle = guarded(lambda: line.outlet().prepare(draft), what, otherwise=ItemFailed, gives=Handle)
    if handle.expires_at is not None and handle.expires_at.tzinfo is None:
        raise ItemFailed(f"{what} gave an expiry without a time zone.")
    return attrs.evolve(handle, publisher=line.account.publisher or handle.publisher)


def _back_to_ready(line: Line, going: Post, error: PluginFault) -> Post:
    after = _ready_again(line, going, scrub(str(error)))
    stop_line(line, Side.OUTLET, error, line.clock())
    return after


def _ready_again(line: Line, going: Post, why: str) -> Post:
    """Back to *prepared*, since the call was certainly not made or had no effect."""
    with line.store.begin() as unit:
        after = released(unit, going, PostEvent.READY, line.clock(), Details(error=why))
    line.tell_changed(after)
    return after


def _tell_failed(line: Line, post: Post, text: str, in_a_row: int, now: datetime) -> None:
    handed = post.by_hand and not post.settled
    raise_alert(
        line,
        alert_of("failed", post),
        AlertLevel.WARNING if handed else AlertLevel.ERROR,
        f"{post.account}: post {post.id} could not be published: {text}",
        "It goes to the team instead." if handed else f"Mend it, then: storyline queue retry {post.id}",
        now,
    )
    # What the team took over did not fail, but its alert stays open until a story goes out.
    with line.store.read() as unit:
        told = sum(alert.key.startswith(f"failed/{post.account}/") for alert in unit.alerts.open())
    count = max(in_a_row, told)
    if count >= FAILURES_IN_A_ROW:
        health = in_short(line.store, line.account, line.resting_sources, now)
        raise_alert(
            line,
            f"failures/{post.account}",
            AlertLevel.ERROR,
            f"{post.account}: {count} posts in a row have failed, the last one because: {text} ({health}.)",
            "Look at: storyline check",
            now,
        )
