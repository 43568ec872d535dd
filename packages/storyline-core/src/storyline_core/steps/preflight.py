"""Pre-flight: look an hour before its time whether a post will work, while it can still be swapped or mended."""

from __future__ import annotations

from datetime import datetime

from storyline_core.abilities import RehearsingPublisher
from storyline_core.agenda import CLAIM_FOR
from storyline_core.errors import Busy, NeedsPerson, PluginFault, Refused, Stale, Unavailable
from storyline_core.interfaces import AlertLevel, Draft
from storyline_core.moves import Details
from storyline_core.posts import Origin, Post, PostEvent
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import Side, alert_of, ask_person, raise_alert
from storyline_core.steps.line import Line, draft_of, guarded
from storyline_core.steps.moving import released
from storyline_core.steps.settle import swap_unfit


def rehearse(line: Line, post: Post, now: datetime) -> Post:
    """Ask the publisher whether this post would work. An item that never will is swapped, and the team is told.

    What keeps every post from working is told as well; it burns nothing and stops nothing, since it may be mended by
    the time. Each item of a post is asked about once.
    """
    try:
        with line.store.begin() as unit:
            mine = unit.queue.claim(post, line.holder, until=now + CLAIM_FOR, now=now)
            draft = draft_of(line, unit, mine)
    except (Busy, Stale):
        return post
    fault = _fault(line, draft)
    if fault is None or _over_by_then(fault, mine, line.clock()):
        return _noted(line, mine, str(fault or "it would work"))
    if isinstance(fault, Refused):
        return _without_it(line, mine, draft, scrub(str(fault)))
    after = _noted(line, mine, scrub(str(fault)))
    _tell_trouble(line, mine, fault)
    return after


def _fault(line: Line, draft: Draft) -> PluginFault | None:
    """What would keep the post from working, or None."""

    def ask() -> None:
        outlet = line.outlet()
        if isinstance(outlet, RehearsingPublisher):
            outlet.rehearse(draft)

    try:
        guarded(ask, "The publisher's rehearsal", otherwise=Unavailable)
    except PluginFault as fault:
        return fault
    return None


def _over_by_then(fault: PluginFault, post: Post, now: datetime) -> bool:
    """Whether a service says itself that its trouble ends before the post is due."""
    after = fault.retry_after if isinstance(fault, Unavailable) else None
    return after is not None and now + after <= post.due_at


def _noted(line: Line, mine: Post, why: str) -> Post:
    """Remember what the rehearsal said, so that it is not asked for again. A decision made meanwhile stands."""
    try:
        with line.store.begin() as unit:
            return released(unit, mine, PostEvent.REHEARSE, line.clock(), Details(why=scrub(why)))
    except Stale:
        with line.store.read() as unit:
            return unit.queue.get(mine.id)


def _without_it(line: Line, mine: Post, draft: Draft, why: str) -> Post:
    """Another item for the post, if there is one and nobody chose this very item."""
    now, name = line.clock(), draft.item.name
    after = mine
    if mine.origin is not Origin.CHOSEN:
        after = swap_unfit(line, mine, now, f"{name} would be refused: {why}")
    swapped = (after.item_id, after.round) != (mine.item_id, mine.round)
    if not swapped:
        after = _noted(line, mine, why)
    outcome = f"post {mine.id} has another one now" if swapped else f"there is no other for post {mine.id}"
    raise_alert(
        line,
        alert_of("rehearsal", mine),
        AlertLevel.WARNING,
        f"{mine.account}: {name} could not be published at {_clock_time(mine, draft)}, so {outcome}: {why}",
        f"Mend the file, or keep it out: storyline media hold {draft.item.id}",
        now,
    )
    return after


def _tell_trouble(line: Line, mine: Post, fault: PluginFault) -> None:
    now = line.clock()
    if isinstance(fault, NeedsPerson):
        ask_person(line, Side.OUTLET, fault, now)
        return
    raise_alert(
        line,
        alert_of("rehearsal", mine),
        AlertLevel.WARNING,
        f"{mine.account}: as things stand post {mine.id} could not be published: {scrub(str(fault))}",
        "Nothing is lost: it is tried at its time. Look at: storyline check",
        now,
    )


def _clock_time(post: Post, draft: Draft) -> str:
    return f"{post.due_at.astimezone(draft.zone):%H:%M %Z}"
