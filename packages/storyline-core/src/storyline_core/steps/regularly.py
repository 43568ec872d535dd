"""Regularly: which publishers' pasts are saved by themselves, when the next time is, and as what request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from storyline_core.errors import Busy, NotAllowed, StorylineError
from storyline_core.past import PastKind, next_backfill
from storyline_core.redaction import scrub
from storyline_core.settings import BackfillMedia, BackfillSettings, Entry
from storyline_core.steps.backfilled import BackfillProgress, BackfillReport, BackfillRequest
from storyline_core.store import Store

KINDS = {
    BackfillMedia.BOTH: (PastKind.STORIES, PastKind.FEED),
    BackfillMedia.FEED: (PastKind.FEED,),
    BackfillMedia.STORIES: (PastKind.STORIES,),
}
"""What each word of the settings stands for; stories first, since they go."""


def next_backfills(store: Store, publishers: Iterable[Entry], now: datetime) -> Iterator[tuple[str, datetime]]:
    """Each publisher whose past is saved by itself, with when that is due next."""
    for entry in publishers:
        if entry.backfill is not None:
            with store.read() as unit:
                state = unit.past.state(entry.name)
            yield entry.name, next_backfill(entry.backfill.every, state.tried_at, state.good_at, state.again_at, now)


def backfill_due(
    store: Store,
    publishers: Iterable[Entry],
    backfill: Callable[[str, BackfillRequest], BackfillReport],
    clock: Callable[[], datetime],
    stop: Callable[[], bool],
) -> tuple[tuple[BackfillReport, ...], tuple[str, ...]]:
    """Do what is due; what was done, and what went wrong. That another process is at it is nothing wrong."""
    done, errors = [], []
    now = clock()
    entries = {entry.name: entry for entry in publishers}
    for name, at in next_backfills(store, entries.values(), now):
        if at > now or stop():
            continue
        try:
            done.append(backfill(name, regular_request(entries[name], stop=stop)))
        except Busy:
            continue
        except StorylineError as error:
            errors.append(f"{name}: {scrub(str(error))}")
    return tuple(done), tuple(errors)


def regular_request(
    entry: Entry,
    *,
    triggered_by: str = "scheduler",
    user: str | None = None,
    tell: Callable[[BackfillProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> BackfillRequest:
    """What the settings ask for. Raises `NotAllowed` where they do not say into which source."""
    plan: BackfillSettings | None = entry.backfill
    if plan is None:
        raise NotAllowed(
            f"The settings do not say into which source the past of {entry.name} is saved. "
            f'Under [publishers.{entry.name}]: backfill = {{ into = "SOURCE" }}'
        )
    kinds = KINDS[plan.media]
    return BackfillRequest(into=plan.into, kinds=kinds, triggered_by=triggered_by, user=user, tell=tell, stop=stop)
