"""Noting: what a `storyline run` writes down of itself, so that `check` can tell a dead loop from a quiet one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from storyline_core.steps.machine import skew_of
from storyline_core.store import Store
from storyline_core.vitals import MISSED_SOON, Worker

FORGOTTEN_AFTER = 2 * MISSED_SOON
"""A worker that has noted nothing for so long is forgotten, so that there is never a row for each that ever was."""


def note_worker(
    store: Store,
    clock: Callable[[], datetime],
    name: str,
    started_at: datetime,
    loops: Mapping[str, tuple[timedelta, datetime]],
) -> None:
    """Write over what this worker noted last, how its clock stands included."""
    skew = skew_of(store, clock)
    now = clock()
    with store.begin() as unit:
        unit.workers.note(Worker(name, started_at, now, dict(loops), skew))
        unit.workers.forget_before(now - FORGOTTEN_AFTER)
