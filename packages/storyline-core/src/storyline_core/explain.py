"""Why something was chosen, or why nothing was, in sentences for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storyline_core.mix import Turn


def about_order(last_posted_at: datetime | None, times_posted: int, at: datetime) -> str:
    """Where an item stood in the order: *never posted before*, or when it last was and how often."""
    if last_posted_at is None:
        return "never posted before"
    times = {1: "once", 2: "twice"}.get(times_posted, f"{times_posted} times")
    return f"last posted {_ago(last_posted_at, at)} ({times})"


def _ago(then: datetime, now: datetime) -> str:
    hours = (now - then).total_seconds() / 3600
    if hours < 1:
        return "less than an hour ago"
    if hours < 48:
        return "1 hour ago" if hours < 2 else f"{int(hours)} hours ago"
    return f"{int(hours / 24)} days ago"


def about_turn(turn: Turn, lost: Sequence[Turn]) -> str:
    """Why this category: because it is owed a post, or because those before it had nothing."""
    name = category_name(turn.category)
    if lost:
        names = _listed([category_name(each.category) for each in lost])
        whose = "its turn" if len(lost) == 1 else "their turn"
        return f"{names} had nothing to post, so {whose} went to {name}"
    if not turn.of:
        return f"{name} comes first in the mix: share {turn.share} %"
    return f"{name} is owed a post: {turn.had} of {turn.of} so far, share {turn.share} %"


def category_name(category: str) -> str:
    """What to call a category; files at a source's root have the empty one."""
    return category or "(no category)"


def about_neighbour(other: str) -> str:
    """Why an item went before the one that stood first."""
    return f"goes before {other}, which shares a tag with the post before"


def nothing_to_post(*, held: int, until: datetime | None, waiting: int, swapped: int, outside: int) -> str:
    """What keeps back each of the items that there are. `until` is when the first hold ends, None being never."""
    parts = []
    if held:
        first = "for ever" if until is None else f"the first until {until:%Y-%m-%d %H:%M %Z}"
        parts.append(f"{_items(held)} on hold ({first})")
    if waiting:
        parts.append(f"{_items(waiting)} already waiting to be posted")
    if swapped:
        parts.append(f"{_items(swapped)} swapped away")
    if outside:
        parts.append(f"{_items(outside)} outside the categories that are posted")
    return _listed(parts) if parts else "there is no item for this account"


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
