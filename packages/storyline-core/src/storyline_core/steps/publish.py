"""Publish: prepare and commit the handle, commit the intent, make the one unrepeatable call, record its outcome.

Only the outcome of the publish call itself decides; when nobody saw it, `settle` looks before anything is repeated.
"""

from __future__ import annotations

from datetime import datetime

from storyline_core.agenda import CLAIM_FOR
from storyline_core.errors import Busy, PluginFault, Refused, Stale, Uncertain
from storyline_core.interfaces import AlertLevel
from storyline_core.moves import Details, retry_after
from storyline_core.posts import Post, PostEvent, Publication
from storyline_core.redaction import scrub
from storyline_core.steps.line import (
    ItemFailed,
    Line,
    bring_level,
    clear_alert,
    close_alerts,
    discard,
    draft_of,
    guarded,
    line_runs,
    raise_alert,
    stop_line,
)
from storyline_core.steps.moving import move, released
from storyline_core.steps.recording import record_posted

FAILURES_IN_A_ROW = 3
"""How many failed posts in a row raise an alert about the whole account."""


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
        handle = guarded(lambda: line.outlet().prepare(draft), "The publisher's preparation", otherwise=ItemFailed)
    except (Refused, ItemFailed) as error:
        return failed(line, mine, error, line.clock())
    except PluginFault as error:
        return _waits(line, mine, error)
    line_runs(line, now)
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
    """Publish a prepared post: the intent is committed first, the call is made once and never after the claim's end."""
    handle = post.handle
    if handle is None:
        return prepare_again(line, post, now, "nothing was prepared")
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            going = move(unit, mine, PostEvent.PUBLISH, now)
    except (Busy, Stale):
        return post
    line.tell_changed(going)
    if line.clock() >= now + CLAIM_FOR:
        return going
    try:
        publication = guarded(lambda: line.outlet().publish(handle), "The publisher", otherwise=Uncertain)
    except Refused as error:
        return failed(line, going, error, line.clock())
    except Uncertain as error:
        return unsure(line, going, str(error), line.clock())
    except PluginFault as error:
        return _back_to_ready(line, going, error)
    return published(line, going, publication, line.clock())


def published(line: Line, post: Post, publication: Publication, now: datetime) -> Post:
    """Record the proof, the counters and the cooldown in one transaction, and bring the card level."""
    try:
        with line.store.begin() as unit:
            after = record_posted(line, unit, post, PostEvent.PUBLISHED, publication, now, Details())
    except Stale:
        with line.store.read() as unit:
            return unit.queue.get(post.id)
    line_runs(line, now)
    clear_alert(line, f"uncertain/{post.id}", now)
    went_well(line, post.account, now)
    if post.handle is not None:
        discard(line, post.handle)
    bring_level(line, after.message, after)
    line.tell_changed(after)
    return after


def went_well(line: Line, account: str, now: datetime) -> None:
    """A story went out: what was told of failures and gaps before it is over."""
    clear_alert(line, f"failures/{account}", now)
    for told in ("failed", "missed"):
        close_alerts(line, f"{told}/{account}", now)


def unsure(line: Line, post: Post, why: str, now: datetime) -> Post:
    """Note that nobody knows whether the story is live, and ask a person; it is not published again meanwhile."""
    text = scrub(why)
    next_try = now + CLAIM_FOR if line.publisher_traits.publishes_at_most_once else None
    with line.store.begin() as unit:
        after = released(unit, post, PostEvent.UNSURE, now, Details(error=text, next_try_at=next_try))
    raise_alert(
        line,
        f"uncertain/{post.id}",
        AlertLevel.ERROR,
        f"{post.account}: post {post.id} may or may not be live: {text}",
        f"Look at the account, then say: storyline queue resolve {post.id} --live (or --not-live).",
        now,
    )
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
    stop_line(line, error, line.clock())
    with line.store.begin() as unit:
        return unit.queue.release(mine)


def _back_to_ready(line: Line, going: Post, error: PluginFault) -> Post:
    text = scrub(str(error))
    with line.store.begin() as unit:
        after = released(unit, going, PostEvent.READY, line.clock(), Details(error=text))
    stop_line(line, error, line.clock())
    line.tell_changed(after)
    return after


def _tell_failed(line: Line, post: Post, text: str, in_a_row: int, now: datetime) -> None:
    handed = post.by_hand and not post.settled
    raise_alert(
        line,
        f"failed/{post.account}/{post.id}",
        AlertLevel.WARNING if handed else AlertLevel.ERROR,
        f"{post.account}: post {post.id} could not be published: {text}",
        "It goes to the team instead." if handed else f"Mend it, then: storyline queue retry {post.id}",
        now,
    )
    if in_a_row >= FAILURES_IN_A_ROW:
        raise_alert(
            line,
            f"failures/{post.account}",
            AlertLevel.ERROR,
            f"{post.account}: {in_a_row} posts in a row have failed.",
            "Look at: storyline check",
            now,
        )
