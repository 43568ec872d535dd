"""A turn: everything that is due now on one account, each post's next task until there is none left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from storyline_core.agenda import NextTask, Task, next_task
from storyline_core.errors import NotAllowed, NotFound, Stale, StorylineError
from storyline_core.posts import Post
from storyline_core.redaction import scrub, trace_of
from storyline_core.steps.alarms import repeat_alerts
from storyline_core.steps.fill import Filled, fill, tell_missed
from storyline_core.steps.line import Line, standing_of, stopped_because
from storyline_core.steps.logbook import Done, entries, write_down
from storyline_core.steps.offer import escalate, offer, remind
from storyline_core.steps.preflight import rehearse
from storyline_core.steps.publish import approve_by_rule, prepare, prepare_again, publish
from storyline_core.steps.settle import dry_run, find, hand_over, miss, swap_unfit
from storyline_core.store import AccountState

log = logging.getLogger("storyline")

MOST_TASKS = 12
"""How many tasks one post may take in one turn; a post that wants more waits for the next turn."""


@attrs.frozen
class Turned:
    """What one turn of one account did."""

    account: str
    filled: Filled
    done: tuple[Done, ...] = ()
    errors: tuple[str, ...] = ()
    stopped: str = ""


def turn(line: Line, now: datetime, stop: Callable[[], bool] = lambda: False) -> Turned:
    """Do what each unsettled post of the account needs, then fill its slots, and post what is due of these at once.

    Posts go first, so that what they free can fill the slots. What was done is told and written down at the end.
    `stop` is asked before every task of every post; the task in hand is finished, the rest is left to the next turn.
    """
    with line.store.read() as unit:
        waiting = unit.queue.unsettled(line.account.name)
        known = unit.accounts.state(line.account.name).stopped_why
    errors: list[str] = []
    done = _worked_off(line, waiting, errors, stop)
    filled = Filled() if stop() else fill(line, now)
    done += _worked_off(line, filled.posts, errors, stop)
    unseen = [each.post for each in done if each.task is Task.MISS and each.post.message is None]
    tell_missed(line, (*filled.missed, *unseen), now)
    if not stop():
        repeat_alerts(line, now)
    state = _state(line)
    found = entries(done, filled, known=known, stopped=state.stopped_why)
    write_down(line, found, now, triggered_by="scheduler")
    return Turned(
        account=line.account.name,
        filled=filled,
        done=tuple(done),
        errors=tuple(errors),
        stopped=stopped_because(state, now),
    )


def advance_post(line: Line, post: Post, now: datetime, triggered_by: str = "cli") -> list[Done]:
    """Do at once what one post needs, since a person asked for it, until it has to wait."""
    known = _state(line).stopped_why
    done = _advanced(line, post, now)
    found = entries(done, Filled(), known=known, stopped=_state(line).stopped_why)
    write_down(line, found, now, triggered_by=triggered_by)
    return done


def _state(line: Line) -> AccountState:
    with line.store.read() as unit:
        return unit.accounts.state(line.account.name)


def _worked_off(line: Line, posts: Iterable[Post], errors: list[str], stop: Callable[[], bool]) -> list[Done]:
    """Give each post what it needs, oldest first; what goes wrong with one is noted and the rest goes on."""
    done: list[Done] = []
    for post in sorted(posts, key=lambda post: (post.due_at, post.id)):
        try:
            done.extend(_advanced(line, post, line.clock(), stop))
        except StorylineError as error:
            log.warning("Post %s: %s", post.id, scrub(str(error)))
            errors.append(f"Post {post.id}: {scrub(str(error))}")
        except Exception as error:  # noqa: BLE001 - a mistake of ours over one post must not keep the others waiting
            log.error("Post %s: %s", post.id, trace_of(error))
            errors.append(f"Post {post.id}: {type(error).__name__}: {scrub(str(error))}")
    return done


def _advanced(line: Line, post: Post, now: datetime, stop: Callable[[], bool] = lambda: False) -> list[Done]:
    """Do one task after the other on one post until it has to wait.

    The clock is read for each: a claim that begins when the one before took long must not have half lapsed already.
    """
    done: list[Done] = []
    for _ in range(MOST_TASKS):
        task = task_of(line, post, now)
        if task.task is Task.WAIT or stop():
            break
        before = post
        try:
            post = carry_out(line, post, task, now)
        except (Stale, NotAllowed, NotFound) as error:
            log.info("Post %s was changed by somebody else: %s", before.id, error)
            break
        if (post.revision, post.state) == (before.revision, before.state):
            break
        done.append(Done(task=task.task, post=post, why=task.why))
        now = line.clock()
    return done


def task_of(line: Line, post: Post, now: datetime) -> NextTask:
    """What a post needs now, from what the store says about it."""
    with line.store.read() as unit:
        state = unit.accounts.state(line.account.name)
        return next_task(post, line.account, standing_of(line, unit, post, state, now), now)


def carry_out(line: Line, post: Post, task: NextTask, now: datetime) -> Post:
    """Do one task and return the post as it is then."""
    step = _STEPS.get(task.task)
    if step is not None:
        return step(line, post, now)
    reasoned = _REASONED.get(task.task)
    return post if reasoned is None else reasoned(line, post, now, task.why)


_STEPS: Mapping[Task, Callable[[Line, Post, datetime], Post]] = MappingProxyType(
    {
        Task.REHEARSE: rehearse,
        Task.OFFER: offer,
        Task.PREPARE: prepare,
        Task.PUBLISH: publish,
        Task.FIND: find,
        Task.DRY_RUN: dry_run,
    }
)
_REASONED: Mapping[Task, Callable[[Line, Post, datetime, str], Post]] = MappingProxyType(
    {
        Task.REMIND: remind,
        Task.ESCALATE: escalate,
        Task.APPROVE: approve_by_rule,
        Task.HAND_OVER: hand_over,
        Task.PREPARE_AGAIN: prepare_again,
        Task.SWAP: swap_unfit,
        Task.MISS: miss,
    }
)
