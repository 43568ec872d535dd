"""Settle: find out how a publishing ended that nobody saw, and close what has waited too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from storyline_core.agenda import CLAIM_FOR
from storyline_core.errors import Busy, NeedsPerson, PluginFault, Refused, Stale, Unavailable, Uncertain
from storyline_core.interfaces import Gone, InProgress, Published, Ready
from storyline_core.moves import Details
from storyline_core.posts import Post, PostEvent
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import Side, close_alerts_of, line_runs, record_alert, stop_line
from storyline_core.steps.beside import choose_again
from storyline_core.steps.fill import alert_of_missed
from storyline_core.steps.line import ANSWERS, ItemFailed, Line, bring_level, can_look, discard, guarded
from storyline_core.steps.moving import released
from storyline_core.steps.publish import failed, published, unsure

SHORTEST_WAIT = timedelta(seconds=30)
"""How soon a publisher that is still working on a story is asked again at the earliest."""


def find(line: Line, post: Post, now: datetime) -> Post:
    """Ask the publisher how it stands with a handle; where it cannot tell, ask a person instead."""
    handle = post.handle
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
    except (Busy, Stale):
        return post
    if handle is None or not can_look(line, mine):
        return unsure(line, mine, "the publishing was broken off and nobody saw how it ended", line.clock())
    try:
        found = guarded(lambda: line.outlet().find(handle), "Looking for the story", otherwise=Uncertain, gives=ANSWERS)
    except Refused as error:
        return failed(line, mine, error, line.clock())
    except PluginFault as error:
        if isinstance(error, Unavailable | NeedsPerson):
            stop_line(line, Side.OUTLET, error, line.clock())
        return unsure(line, mine, str(error), line.clock())
    line_runs(line, Side.OUTLET, now)
    match found:
        case Published(publication):
            return published(line, mine, publication, line.clock())
        case Ready():
            return _moved(line, mine, PostEvent.READY, Details(why="it had not been published"))
        case InProgress(wait):
            return _in_progress(line, mine, wait)
        case Gone(why):
            return failed(line, mine, ItemFailed(why or "what was prepared is gone"), line.clock())


def miss(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Record that a post's time passed, with the reason; its item stays free for another slot."""
    try:
        with line.store.begin() as unit:
            after = released(unit, post, PostEvent.MISS, now, Details(why=scrub(why)))
            if after.message is None:
                record_alert(line, unit, alert_of_missed(line.account, [after]), now)
    except Stale:
        return post
    if post.handle is not None:
        discard(line, post.handle)
    close_alerts_of(line, after, now)
    bring_level(line, after.message, after)
    line.tell_changed(after)
    return after


def swap_unfit(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Give a post whose item can no longer be posted another one; while there is none, it waits."""
    try:
        with line.store.begin() as unit:
            unit.accounts.lock(post.account)
            pick = choose_again(line, unit, post, now)
            if pick.candidate is None:
                return post
            details = Details(
                why=why,
                item_id=pick.candidate.item_id,
                digest=pick.candidate.digest,
                category=pick.candidate.category,
                picked_because=pick.why,
            )
            after = released(unit, post, PostEvent.SWAP, now, details)
    except Stale:
        return post
    if post.handle is not None:
        discard(line, post.handle)
    bring_level(line, after.message, after)
    line.tell_changed(after)
    return after


def dry_run(line: Line, post: Post, now: datetime) -> Post:
    """Settle a post of an account that only rehearses: nobody is contacted, nothing is held or counted."""
    try:
        with line.store.begin() as unit:
            after = released(unit, post, PostEvent.DRY_RUN, now, Details(why="dry run"))
    except Stale:
        return post
    if post.handle is not None:
        discard(line, post.handle)
    line.tell_changed(after)
    return after


def hand_over(line: Line, post: Post, now: datetime, why: str) -> Post:
    """Give a post that was on its way to a publisher to the team, since that is how its account posts by now."""
    try:
        with line.store.begin() as unit:
            after = released(unit, post, PostEvent.HAND_OVER, now, Details(why=why, error=post.last_error))
    except Stale:
        return post
    if post.handle is not None:
        discard(line, post.handle)
    line.tell_changed(after)
    return after


def _in_progress(line: Line, post: Post, wait: timedelta) -> Post:
    """Ask again later; and ask a person as well when it takes longer than a story can."""
    now, why = line.clock(), "still in progress there"
    if now > max(post.due_at, post.decided_at or post.due_at) + line.account.grace:
        return unsure(line, post, why, now)
    later = now + max(wait, SHORTEST_WAIT)
    return _moved(line, post, PostEvent.UNSURE, Details(error=why, next_try_at=later))


def _moved(line: Line, post: Post, event: PostEvent, details: Details) -> Post:
    with line.store.begin() as unit:
        after = released(unit, post, event, line.clock(), details)
    line.tell_changed(after)
    return after
