"""Offer: show a post to the team. That it is being shown is committed before anything is sent."""

from __future__ import annotations

import logging
from datetime import datetime

import attrs

from storyline_core.agenda import CLAIM_FOR
from storyline_core.errors import Busy, NeedsPerson, PluginFault, Refused, Stale, Unavailable, Uncertain
from storyline_core.interfaces import AlertLevel, Draft
from storyline_core.moves import Details
from storyline_core.posts import Message, Post, PostEvent, PostState
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import Side, alert_of, line_runs, raise_alert, stop_line
from storyline_core.steps.line import Line, bring_level, draft_of, guarded
from storyline_core.steps.moving import move, released

log = logging.getLogger("storyline")


def offer(line: Line, post: Post, now: datetime) -> Post:
    """Show a scheduled or woken post to the team, once.

    When nobody can tell whether it arrived it stays *offering*: a tap adopts the card, and a reminder follows. When it
    certainly did not, it goes back to *scheduled* and the line waits. Returns the post as it is then.
    """
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            showing = move(unit, mine, PostEvent.OFFER, now)
            draft = draft_of(line, unit, showing)
    except (Busy, Stale):
        return post
    line.tell_changed(showing)
    try:
        message = _show(line, draft)
    except Uncertain as error:
        log.warning("Post %s may or may not have been shown: %s", showing.id, scrub(str(error)))
        return _settle(line, showing, None)
    except PluginFault as error:
        return _not_shown(line, showing, error)
    line_runs(line, Side.TEAM, now)
    return _settle(line, showing, message)


def remind(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Show one card more that says it is a reminder. That it was sent is committed first: it is never sent twice.

    What was certainly not sent uses the one reminder not up.
    """
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            reminded = move(unit, mine, PostEvent.REMIND, now, Details(why=why))
            draft = draft_of(line, unit, reminded, reminder=True)
    except (Busy, Stale):
        return post
    try:
        message = _show(line, draft)
    except (Unavailable, NeedsPerson) as error:
        return _not_reminded(line, post, reminded, error)
    except PluginFault as error:
        log.warning("Post %s may not have been reminded of: %s", reminded.id, scrub(str(error)))
        return _settle(line, reminded, None)
    return _settle(line, reminded, message)


def escalate(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Tell those who look after Storyline that nobody answered, once; the card stays good."""
    try:
        with line.store.begin() as unit:
            after = move(unit, post, PostEvent.ESCALATE, now, Details(why=why))
    except Stale:
        return post
    raise_alert(
        line,
        alert_of("unanswered", after),
        AlertLevel.WARNING,
        f"{post.account}: nobody has answered post {post.id}.",
        f"Decide with the buttons on its card, or with: storyline queue posted {post.id} (or skip, swap, reject).",
        now,
    )
    line.tell_changed(after)
    return after


def _not_reminded(line: Line, before: Post, reminded: Post, error: PluginFault) -> Post:
    now, text = line.clock(), scrub(str(error))
    alone = _waits_alone(error, now)
    if alone is None:
        stop_line(line, Side.TEAM, error, now)
    after = attrs.evolve(
        reminded,
        state=before.state,
        revision=reminded.revision + 1,
        reminded_at=None,
        next_try_at=alone,
        claimed_by=None,
        claimed_until=None,
    )
    try:
        with line.store.begin() as unit:
            unit.queue.move(reminded, after, event="remind-failed", by="storyline", why=text, at=now)
    except Stale:
        with line.store.read() as unit:
            return unit.queue.get(reminded.id)
    line.tell_changed(after)
    return after


def _show(line: Line, draft: Draft) -> Message:
    message = guarded(lambda: line.team().offer(draft), "The notifier", otherwise=Uncertain, gives=Message)
    return attrs.evolve(message, notifier=line.account.notifier or message.notifier)


def _settle(line: Line, showing: Post, message: Message | None) -> Post:
    """End the claim; with a message, note that the card was seen to arrive. A decision made meanwhile stands."""
    now = line.clock()
    try:
        with line.store.begin() as unit:
            if message is not None and showing.state is PostState.OFFERING:
                after = released(unit, showing, PostEvent.OFFERED, now, Details(message=message))
            else:
                after = unit.queue.release(showing, message=message)
    except Stale:
        with line.store.read() as unit:
            after = unit.queue.get(showing.id)
        bring_level(line, message, after)
        return after
    line.tell_changed(after)
    return after


def _not_shown(line: Line, showing: Post, error: PluginFault) -> Post:
    now = line.clock()
    text = scrub(str(error))
    refused, alone = isinstance(error, Refused), _waits_alone(error, now)
    event = PostEvent.FAIL if refused else PostEvent.OFFER_FAILED
    try:
        with line.store.begin() as unit:
            after = released(unit, showing, event, now, Details(error=text, why=text, next_try_at=alone))
    except Stale:
        with line.store.read() as unit:
            return unit.queue.get(showing.id)
    if refused:
        raise_alert(
            line,
            alert_of("failed", after),
            AlertLevel.ERROR,
            f"{after.account}: post {after.id} failed: {text}",
            f"Take it back with: storyline queue retry {after.id}",
            now,
        )
    elif alone is None:
        stop_line(line, Side.TEAM, error, now)
    line.tell_changed(after)
    return after


def _waits_alone(error: PluginFault, now: datetime) -> datetime | None:
    """Until when this post waits while the others of its line go on; None where the line waits with it."""
    if isinstance(error, Unavailable) and error.only_here and error.retry_after is not None:
        return now + error.retry_after
    return None
