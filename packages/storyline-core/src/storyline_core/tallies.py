"""Tallies: what people did and when, counted from the journal. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from statistics import median

import attrs

from storyline_core.posts import DECISIONS, ITSELF, PostEvent


@attrs.frozen
class Deed:
    """One line of the journal: what happened to which post, when and by whom."""

    post_id: str
    at: datetime
    event: str
    by: str


@attrs.frozen
class Tally:
    """What one person did. `hours` counts their decisions by the hour of the day, 0 to 23.

    `answered_in` is the median time from a card to their decision, where theirs was the first; None without any.
    """

    decisions: Mapping[str, int]
    hours: Mapping[int, int]
    last_at: datetime | None = None
    answered_in: timedelta | None = None


NOTHING_DONE = Tally({}, {})


def tally(deeds: Iterable[Deed], zone: tzinfo) -> dict[str, Tally]:
    """What each person did, from the journal in its order; without what an account's own rules decided."""
    events: dict[str, Counter[str]] = {}
    hours: dict[str, Counter[int]] = {}
    last: dict[str, datetime] = {}
    waits: dict[str, list[timedelta]] = {}
    shown: dict[str, datetime] = {}
    for deed in deeds:
        if deed.event == PostEvent.OFFERED:
            shown[deed.post_id] = deed.at
        if deed.event not in DECISIONS or deed.by == ITSELF:
            continue
        events.setdefault(deed.by, Counter())[deed.event] += 1
        hours.setdefault(deed.by, Counter())[deed.at.astimezone(zone).hour] += 1
        last[deed.by] = max(deed.at, last.get(deed.by, deed.at))
        # Only the first decision on a card is an answer to it.
        since = shown.pop(deed.post_id, None)
        if since is not None:
            waits.setdefault(deed.by, []).append(max(deed.at - since, timedelta()))
    return {by: Tally(dict(events[by]), dict(hours[by]), last[by], _middle(waits.get(by, ()))) for by in events}


def busiest(hours: Mapping[int, int], most: int = 3) -> tuple[int, ...]:
    """The hours of the day with the most decisions, most first; the earlier one where there are as many."""
    return tuple(sorted(hours, key=lambda hour: (-hours[hour], hour))[:most])


def top(tags: Mapping[str, int], most: int = 5) -> tuple[str, ...]:
    """The tags that were used most, most first; by letters where they were used as often."""
    return tuple(sorted(tags, key=lambda tag: (-tags[tag], tag))[:most])


def _middle(lengths: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(each.total_seconds() for each in lengths)) if lengths else None
