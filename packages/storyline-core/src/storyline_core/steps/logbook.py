"""Logbook: a run record for each step of a turn that did something; a turn that found nothing leaves none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import attrs

from storyline_core.agenda import Task
from storyline_core.posts import Post, PostState
from storyline_core.steps.fill import Filled
from storyline_core.steps.line import Line
from storyline_core.store import RunStatus


@attrs.frozen
class Done:
    """One task that a turn carried out: on which post, and how the post stands now."""

    task: Task
    post: Post
    why: str = ""


@attrs.frozen
class Entry:
    """One step's line in the logbook: what came of it, and what went wrong."""

    step: str
    result: Mapping[str, object]
    errors: tuple[str, ...] = ()


def entries(done: Sequence[Done], filled: Filled, *, known: str = "", stopped: str = "") -> tuple[Entry, ...]:
    """What a turn leaves in the logbook.

    `known` is what had stopped the account's line before the turn, `stopped` what has by its end: a trouble that lasts
    is recorded once, not in every turn.
    """
    found = []
    if filled.posts or filled.missed:
        found.append(Entry("fill", {"filled": len(filled.posts), "missed": len(filled.missed)}))
    for step in ("rehearse", "offer", "publish", "settle"):
        entry = _entry_of(step, [each for each in done if STEPS[each.task] == step], known)
        if entry is not None:
            found.append(entry)
    if stopped and stopped != known and not any(stopped in error for entry in found for error in entry.errors):
        published = next((entry for entry in found if entry.step == "publish"), Entry("publish", {}))
        found = [entry for entry in found if entry is not published]
        found.append(attrs.evolve(published, errors=(*published.errors, stopped)))
    return tuple(found)


def write_down(line: Line, found: Sequence[Entry], began: datetime, triggered_by: str) -> None:
    """Keep these entries as run records, in one transaction."""
    if not found:
        return
    with line.store.begin() as unit:
        for entry in found:
            run = unit.runs.start(entry.step, line.account.name, triggered_by=triggered_by, at=began)
            unit.runs.finish(
                run,
                RunStatus.FAILED if entry.errors else RunStatus.COMPLETED,
                result=entry.result,
                error="; ".join(dict.fromkeys(entry.errors)) or None,
                at=line.clock(),
            )


def _entry_of(step: str, done: Sequence[Done], known: str) -> Entry | None:
    failures = [each for each in done if each.post.last_error and each.post.state not in _WENT_WELL[each.task]]
    lasting = [each for each in failures if known and each.post.last_error == known]
    told = [each for each in done if each not in lasting]
    if not told:
        return None
    ended = {each.post.id: str(each.post.state) for each in told}
    errors = (f"Post {each.post.id}: {each.post.last_error}" for each in failures if each not in lasting)
    return Entry(step, dict(Counter(ended.values())), tuple(errors))


STEPS = MappingProxyType(
    {
        Task.REHEARSE: "rehearse",
        Task.OFFER: "offer",
        Task.REMIND: "offer",
        Task.ESCALATE: "offer",
        Task.APPROVE: "publish",
        Task.PREPARE: "publish",
        Task.PREPARE_AGAIN: "publish",
        Task.PUBLISH: "publish",
        Task.FIND: "settle",
        Task.SWAP: "settle",
        Task.HAND_OVER: "settle",
        Task.DRY_RUN: "settle",
        Task.MISS: "settle",
    }
)
"""Which step each task belongs to."""

_ANY = frozenset(PostState)
_WENT_WELL: Mapping[Task, frozenset[PostState]] = MappingProxyType(
    dict.fromkeys(Task, _ANY)
    | {
        Task.OFFER: frozenset({PostState.OFFERED, PostState.OFFERING}),
        Task.PREPARE: frozenset({PostState.PREPARED}),
        Task.PUBLISH: frozenset({PostState.POSTED}),
        Task.FIND: _ANY - {PostState.UNCERTAIN, PostState.SCHEDULED, PostState.FAILED},
    }
)
"""The states in which a post stands after a task that did what it was for."""
