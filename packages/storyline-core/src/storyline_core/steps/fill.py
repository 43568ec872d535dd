"""Fill: give every slot that lies ahead an item, and record as missed the slots that passed without one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from storyline_core.accounts import Account, Slot, slots_between
from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.posts import Origin, Post, PostState, post_id
from storyline_core.selection import Opening, Pick, plan
from storyline_core.steps.alarms import clear_alert, raise_alert, record_alert
from storyline_core.steps.line import Line
from storyline_core.store import AccountState, Unit

A_DAY = timedelta(days=1)
"""How far the instant of a slot may lie from where changed settings would put it now."""


@attrs.frozen
class Filled:
    """What one filling did: the posts that now stand, the slots recorded as missed, the slots left without an item."""

    posts: tuple[Post, ...] = ()
    missed: tuple[Post, ...] = ()
    empty: tuple[Slot, ...] = ()


def fill(line: Line, now: datetime) -> Filled:
    """Choose for all slots up to `fill_ahead`, in slot order, alone on this account, in one transaction."""
    account = line.account
    with line.store.begin() as unit:
        unit.accounts.lock(account.name)
        state = begun(account, unit.accounts.state(account.name), now)
        slots = open_slots(unit, account, state, now, now + account.fill_ahead)
        missed = _missed(account, [slot for slot in slots if slot.at + account.grace < now], state, now)
        ahead = [] if state.paused else [slot for slot in slots if slot.at + account.grace >= now]
        later = [slot for slot in ahead if slot.at > now] if _awaits_first_look(line, unit) else []
        ahead = ahead[: len(ahead) - len(later)]
        picks = pick_for(line, unit, state, ahead, now)
        posts = tuple(
            post_of(account, slot, pick, now) for slot, pick in zip(ahead, picks, strict=True) if pick.candidate
        )
        unit.queue.add_missed(missed)
        if missed:
            # With the slots themselves: whoever dies before it is told leaves it for the next turn.
            record_alert(line, unit, alert_of_missed(account, missed), now)
        added = tuple(post for post in posts if unit.queue.add(post))
        empty = tuple(slot for slot, pick in zip(ahead, picks, strict=True) if pick.candidate is None)
        left = [slot.at for slot in (slots[len(missed) :] if state.paused else (*empty, *later))]
        until = min(left, default=now + account.fill_ahead)
        unit.accounts.save(
            account.name,
            slots_from=state.slots_from,
            mix_fingerprint=state.mix_fingerprint,
            mix_since=state.mix_since,
            filled_until=until,
            filled_at=now,
        )
    if not state.paused:
        _tell_empty(line, empty, now)
    for post in (*added, *missed):
        line.tell_changed(post)
    return Filled(posts=added, missed=missed, empty=empty)


def _awaits_first_look(line: Line, unit: Unit) -> bool:
    """Whether a source is still being looked at for the first time: what has time is better chosen from all of it."""
    return any(unit.sources.get(name).last_tried_at is None for name in line.in_use().sources)


def begun(account: Account, state: AccountState, now: datetime) -> AccountState:
    """The account's run-time state, with its first filling and the beginning of its present mix set if they are new."""
    mix = mix_fingerprint(account)
    return attrs.evolve(
        state,
        slots_from=state.slots_from or now,
        mix_fingerprint=mix,
        mix_since=state.mix_since if state.mix_fingerprint == mix and state.mix_since else now,
    )


def mix_fingerprint(account: Account) -> str:
    """What tells one mix from another."""
    return ",".join(f"{category}={weight}" for category, weight in sorted(account.mix.weights.items()))


def open_slots(unit: Unit, account: Account, state: AccountState, now: datetime, until: datetime) -> list[Slot]:
    """The slots from where filling stopped up to `until` for which there is no post yet."""
    beginning = state.slots_from or now
    start = max(beginning, state.filled_until or beginning)
    slots = list(slots_between(account, start, until))
    taken = unit.queue.slot_keys(account.name, start - A_DAY, until + A_DAY)
    return [slot for slot in slots if slot.key not in taken]


def pick_for(
    line: Line, unit: Unit, state: AccountState, slots: Sequence[Slot], now: datetime, *, ahead: bool = False
) -> tuple[Pick, ...]:
    """The planner's choice for these slots, as the library and the queue stand now.

    `ahead` looks beyond what is filled now: what waits is taken for posted.
    """
    if not slots:
        return ()
    account = line.account
    candidates = unit.library.candidates(line.in_use(), now, need_no_interaction=line.needs_no_person())
    placed = unit.queue.placed(account.name, since=state.mix_since or now, before=slots[0].at)
    openings = [Opening(post_id=post_id(slot.key), at=slot.at) for slot in slots]
    return plan(candidates, account, openings, placed, ahead=ahead)


def post_of(account: Account, slot: Slot, pick: Pick, now: datetime) -> Post:
    """The scheduled post that a pick makes of a slot."""
    candidate = pick.candidate
    return Post(
        id=pick.post_id,
        account=account.name,
        origin=Origin.SCHEDULE,
        slot_key=slot.key,
        slot_at=slot.at,
        due_at=slot.at,
        created_at=now,
        item_id=candidate.item_id if candidate else None,
        digest=candidate.digest if candidate else None,
        category=candidate.category if candidate else "",
        why=pick.why,
    )


def _missed(account: Account, slots: Sequence[Slot], state: AccountState, now: datetime) -> tuple[Post, ...]:
    return tuple(
        Post(
            id=post_id(slot.key),
            account=account.name,
            origin=Origin.SCHEDULE,
            slot_key=slot.key,
            slot_at=slot.at,
            due_at=slot.at,
            created_at=now,
            item_id=None,
            digest=None,
            state=PostState.MISSED,
            settled_at=now,
            reason=_why_missed(slot, state),
        )
        for slot in slots
    )


def _why_missed(slot: Slot, state: AccountState) -> str:
    if state.paused:
        return "the account was paused"
    if state.filled_at is not None and state.filled_at >= slot.at:
        return "nothing was eligible"
    return "Storyline was not running"


def tell_missed(line: Line, missed: Sequence[Post], now: datetime) -> None:
    """Tell of all that passed without being shown or published, in one message however much it is."""
    if missed:
        said = alert_of_missed(line.account, missed)
        raise_alert(line, said.key, said.level, said.text, said.remedy, now)


def alert_of_missed(account: Account, missed: Sequence[Post]) -> Alert:
    """What is told of posts that passed without being shown or published."""
    zone = account.schedule.zone
    times = sorted(post.due_at.astimezone(zone) for post in missed)
    reasons = "; ".join(dict.fromkeys(post.reason for post in missed))
    when = f"the slot of {times[0]:%d %b %H:%M %Z}"
    if len(missed) > 1:
        when = f"{len(missed)} slots between {times[0]:%d %b %H:%M} and {times[-1]:%d %b %H:%M %Z}"
    return Alert(
        f"missed/{account.name}",
        AlertLevel.WARNING,
        f"{account.name}: {when} passed without a post ({reasons}).",
        "Nothing is posted late; the next slots go on as planned.",
    )


def _tell_empty(line: Line, empty: Sequence[Slot], now: datetime) -> None:
    name, zone = line.account.name, line.account.schedule.zone
    if empty:
        at = empty[0].at.astimezone(zone)
        raise_alert(
            line,
            f"nothing-eligible/{name}",
            AlertLevel.WARNING,
            f"{name}: nothing can be posted on {at:%a %d %b %H:%M %Z}: every item is held, waiting or missing.",
            "Add pictures, release holds (storyline media holds) or shorten the cooldown.",
            now,
        )
    else:
        clear_alert(line, f"nothing-eligible/{name}", now)
