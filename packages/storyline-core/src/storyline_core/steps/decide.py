"""Decide: carry out what a person wants to happen to a post. The first decision wins; nothing stale is obeyed."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.errors import NotAllowed, Stale
from storyline_core.interfaces import Decision
from storyline_core.moves import Details, advance, answerable
from storyline_core.posts import DECISIONS, ITSELF, Post, PostEvent, PostState, Publication
from storyline_core.steps.alarms import close_alerts_of
from storyline_core.steps.beside import choose_again
from storyline_core.steps.line import Line, bring_level, can_look, discard
from storyline_core.steps.publish import went_well
from storyline_core.steps.recording import hold_item, record_posted
from storyline_core.store import Reason, Unit


def decide(line: Line, decision: Decision, now: datetime) -> Post:
    """Carry out one decision in one transaction, then bring the card level.

    Raises `Stale` when the post has changed since the person looked (the text says what happened), `NotAllowed` when
    it cannot be done from here or by this person, and `NotFound` when there is no such post.
    """
    with line.store.begin() as unit:
        unit.accounts.lock(line.account.name)
        before = unit.queue.get(decision.post_id)
        _refuse_strangers(unit, decision)
        if decision.revision is not None and not answerable(before, decision.revision):
            raise Stale(what_happened(before))
        _refuse_impossible(line, before, decision, now)
        after = _carried_out(line, unit, before, decision, now)
        unit.people.seen(decision.person, decision.name, decision.username, now)
    if before.handle is not None and (after.handle is None or after.settled):
        discard(line, before.handle)
    close_alerts_of(line, after, now)
    if after.state is PostState.POSTED:
        went_well(line, after.account, now)
    bring_level(line, after.message, after)
    line.tell_changed(after)
    return after


def what_happened(post: Post) -> str:
    """One sentence for somebody who came too late: what became of the post, by whom and when."""
    if post.decided_by and post.decided_at:
        by, when = post.decided_by, f"{post.decided_at:%d %b %H:%M} UTC"
        return f"{by} decided first: post {post.id} is {post.state} since {when}."
    return f"Post {post.id} has changed meanwhile: it is {post.state}. Look again."


def _refuse_strangers(unit: Unit, decision: Decision) -> None:
    if decision.event not in DECISIONS:
        raise NotAllowed(f"{decision.event} is not something a person decides.")
    person = unit.people.find(decision.person)
    if person is not None and not person.active:
        raise NotAllowed(f"{person.name or decision.person} has been deactivated and cannot decide.")


def _refuse_impossible(line: Line, post: Post, decision: Decision, now: datetime) -> None:
    account = line.account
    if decision.event is PostEvent.POSTED and post.item_id is None:
        raise NotAllowed(f"Nothing was chosen for post {post.id}, so there is nothing that could have been posted.")
    if decision.event is PostEvent.APPROVE and account.publisher is None:
        raise NotAllowed(f"The account {account.name} has no publisher; post it by hand and press Posted.")
    if decision.event is PostEvent.SNOOZE and decision.until is not None:
        latest = (post.escalated_at or max(post.offered_at or now, post.slot_at)) + account.answer_within
        if decision.until > latest:
            zoned = latest.astimezone(account.schedule.zone)
            raise NotAllowed(f"Post {post.id} can be snoozed until {zoned:%d %b %H:%M %Z} at the latest.")


def _carried_out(line: Line, unit: Unit, before: Post, decision: Decision, now: datetime) -> Post:
    details = Details(by=decision.person, why=decision.why, until=decision.until, message=decision.message, person=True)
    match decision.event:
        case PostEvent.POSTED | PostEvent.RESOLVE_LIVE:
            proof = Publication(remote_id=None, url=None, at=now, metadata={"confirmed_by": decision.person})
            return record_posted(line, unit, before, decision.event, proof, now, details)
        case PostEvent.SWAP:
            return _written(unit, before, decision, _with_new_choice(line, unit, before, details, now), now)
        case PostEvent.UNDO:
            return _undone(unit, before, decision, details, now)
        case PostEvent.SKIP:
            after = _written(unit, before, decision, details, now)
            until = before.slot_at + line.account.cooldown_skipped
            hold_item(unit, before, Reason.SKIPPED, until=until, by=decision.person, now=now)
            return after
        case PostEvent.REJECT:
            after = _written(unit, before, decision, details, now)
            hold_item(unit, before, Reason.REJECTED, until=None, by=decision.person, now=now)
            return after
        case PostEvent.RESOLVE_NOT_LIVE if line.publisher_traits.ripens and can_look(line, before):
            return _asked_once_more(unit, before, _written(unit, before, decision, details, now), now)
        case _:
            return _written(unit, before, decision, details, now)


def _asked_once_more(unit: Unit, before: Post, after: Post, now: datetime) -> Post:
    """Keep what was prepared: before it is published again it is asked how it stands.

    Whoever looked may have looked too early, and somebody who sleeps may still be about to publish this very one.
    """
    why = "what was prepared is asked how it stands, before anything new is made"
    kept = advance(after, PostEvent.PREPARED, now, Details(handle=before.handle, why=why))
    unit.queue.move(after, kept, event=PostEvent.PREPARED, by=ITSELF, why=why, at=now)
    return kept


def _written(unit: Unit, before: Post, decision: Decision, details: Details, now: datetime) -> Post:
    after = advance(before, decision.event, now, details)
    if decision.event not in (PostEvent.RESERVE, PostEvent.SNOOZE):
        after = attrs.evolve(after, claimed_by=None, claimed_until=None)
    unit.queue.move(before, after, event=decision.event, by=details.by, why=details.why, at=now)
    return after


def _with_new_choice(line: Line, unit: Unit, before: Post, details: Details, now: datetime) -> Details:
    pick = choose_again(line, unit, before, now)
    if pick.candidate is None:
        raise NotAllowed(f"There is nothing else that post {before.id} could show: {' '.join(pick.why)}")
    return attrs.evolve(
        details,
        item_id=pick.candidate.item_id,
        digest=pick.candidate.digest,
        category=pick.candidate.category,
        picked_because=pick.why,
    )


def _undone(unit: Unit, before: Post, decision: Decision, details: Details, now: datetime) -> Post:
    after = _written(unit, before, decision, details, now)
    if before.state is PostState.POSTED:
        unit.queue.unrecord(after, by=decision.person, at=now)
    unit.holds.withdraw(before.id, by=decision.person, at=now)
    return after
