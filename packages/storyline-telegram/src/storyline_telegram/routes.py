"""Which chat a card goes to, and when a text stays silent or waits for the morning. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import attrs

from storyline_core import MediaItem


@attrs.frozen
class Route:
    """Cards of these accounts, tags or categories go to this chat, and there to this topic.

    A card needs one of each that is named; where none is, every card goes this way.
    """

    chat: int
    topic: int | None = None
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


@attrs.frozen
class Place:
    """A chat, and a topic in it."""

    chat: int
    topic: int | None = None


def place_for(item: MediaItem, routes: Sequence[Route], otherwise: Place, account: str = "") -> Place:
    """Where an item's card goes: the first route that matches, otherwise the usual place.

    The letter case of tags and categories is no matter; that of the account's name is.
    """
    tags = {_folded(tag) for tag in item.description.tags}
    category = _folded(item.category)
    for route in routes:
        if route.accounts and account not in route.accounts:
            continue
        by_tag = not route.tags or any(_folded(tag) in tags for tag in route.tags)
        if by_tag and (not route.categories or category in map(_folded, route.categories)):
            return Place(route.chat, route.topic)
    return otherwise


def moved(routes: Iterable[Route], old: int, new: int) -> tuple[Route, ...]:
    """The routes after a group became a supergroup with another number."""
    return tuple(attrs.evolve(each, chat=new) if each.chat == old else each for each in routes)


def _folded(text: str) -> str:
    return text.strip().lstrip("#").casefold()


class Urgency(StrEnum):
    """What kind of text it is, as far as quiet hours care."""

    CARD = "card"
    WARNING = "warning"
    ERROR = "error"
    NEWS = "news"


@attrs.frozen
class QuietHours:
    """From when until when it is quiet, on a wall clock of the zone; an end that is not later lies on the next day.

    `hold` makes news and warnings wait for the end; otherwise they come without a sound.
    """

    begins: time
    ends: time
    zone: ZoneInfo
    hold: bool = True


@attrs.frozen
class Delivery:
    """How to send a text: at once or held until an instant (in UTC), and without a sound or with."""

    silent: bool = False
    held_until: datetime | None = None


def delivery(urgency: Urgency, quiet: QuietHours | None, now: datetime) -> Delivery:
    """How to send a text now. Cards come at their time, only silently; errors are always heard."""
    ends = quiet_until(quiet, now) if quiet is not None else None
    if quiet is None or ends is None or urgency is Urgency.ERROR:
        return Delivery()
    if urgency is Urgency.CARD or not quiet.hold:
        return Delivery(silent=True)
    return Delivery(held_until=ends)


def quiet_until(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the quiet hours end that it is in just now, in UTC; None while it is not quiet.

    Where the clocks show a time twice, the first counts; where they jump over it, it counts by the clock from before.
    Equal ends mean that it is never quiet.
    """
    if quiet.begins == quiet.ends:
        return None
    today = now.astimezone(quiet.zone).date()
    for first in (today - timedelta(days=1), today):
        last = first if quiet.begins < quiet.ends else first + timedelta(days=1)
        begins = datetime.combine(first, quiet.begins, quiet.zone).astimezone(UTC)
        ends = datetime.combine(last, quiet.ends, quiet.zone).astimezone(UTC)
        if begins <= now < ends:
            return ends
    return None
