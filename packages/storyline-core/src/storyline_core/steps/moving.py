"""Moving a post within a unit: decide by `advance`, write by compare-and-set, leave a journal row."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.moves import Details, advance
from storyline_core.posts import Post, PostEvent
from storyline_core.store import Unit


def move(unit: Unit, post: Post, event: PostEvent, now: datetime, details: Details | None = None) -> Post:
    """Advance and write. Raises `NotAllowed` from the table, `Stale` when somebody was faster."""
    details = details or Details()
    after = advance(post, event, now, details)
    unit.queue.move(post, after, event=event, by=details.by, why=details.why or details.error, at=now)
    return after


def released(unit: Unit, post: Post, event: PostEvent, now: datetime, details: Details | None = None) -> Post:
    """The same, and end the worker's claim with it."""
    details = details or Details()
    after = attrs.evolve(advance(post, event, now, details), claimed_by=None, claimed_until=None)
    unit.queue.move(post, after, event=event, by=details.by, why=details.why or details.error, at=now)
    return after
