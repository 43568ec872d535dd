"""Foresee: what will be posted when, and why; and what a turn would do now. Writes nothing, contacts nobody."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.agenda import Task, next_task
from storyline_core.media import MediaItem
from storyline_core.posts import Post
from storyline_core.steps.fill import begun, open_slots, pick_for, post_of
from storyline_core.steps.line import Line, standing_of
from storyline_core.store import Unit


@attrs.frozen
class Foreseen:
    """A slot or waiting post that lies ahead: what goes out, and why. `filled` posts stand; the rest may change."""

    post: Post
    slot_key: str | None
    at: datetime
    item: MediaItem | None
    why: tuple[str, ...]
    filled: bool


@attrs.frozen
class WouldDo:
    """One thing that a turn would do now, had it not been a dry run."""

    task: Task
    post: Post
    item: MediaItem | None
    why: str = ""


def foresee(line: Line, now: datetime, until: datetime) -> tuple[Foreseen, ...]:
    """What the account would post until then: what is filled stands, the rest is chosen by the same planner."""
    with line.store.read() as unit:
        waiting = [
            Foreseen(post, post.slot_key, post.due_at, _item(unit, post), post.why, filled=True)
            for post in unit.queue.unsettled(line.account.name)
            if post.due_at < until
        ]
        planned = _planned(line, unit, now, until)
    return tuple(sorted((*waiting, *planned), key=lambda each: (each.at, each.post.id)))


def _planned(line: Line, unit: Unit, now: datetime, until: datetime) -> list[Foreseen]:
    state = begun(line.account, unit.accounts.state(line.account.name), now)
    slots = [slot for slot in open_slots(unit, line.account, state, now, until) if slot.at + line.account.grace >= now]
    picks = pick_for(line, unit, state, slots, now, ahead=True)
    posts = [post_of(line.account, slot, pick, now) for slot, pick in zip(slots, picks, strict=True)]
    return [Foreseen(post, post.slot_key, post.slot_at, _item(unit, post), post.why, filled=False) for post in posts]


def would_do(line: Line, now: datetime) -> tuple[WouldDo, ...]:
    """The first task of every post that a turn would act on now, filled first as a turn would fill."""
    foreseen = foresee(line, now, now + line.account.fill_ahead)
    with line.store.read() as unit:
        state = unit.accounts.state(line.account.name)
        result = []
        for each in foreseen:
            if each.item is None:
                continue
            task = next_task(each.post, line.account, standing_of(line, unit, each.post, state, now), now)
            if task.task is not Task.WAIT:
                result.append(WouldDo(task.task, each.post, each.item, task.why))
    return tuple(result)


def _item(unit: Unit, post: Post) -> MediaItem | None:
    return unit.library.item(post.item_id) if post.item_id is not None else None
