"""The lists that have pages, from what the desk tells, and how a tap finds its list again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from storyline_telegram import answers
from storyline_telegram.buttons import Keyboard, pages_keyboard
from storyline_telegram.seeing import account_view, names_of, source_view
from storyline_telegram.speech import HTML
from storyline_telegram.standing import status_pages
from storyline_telegram.taps import ListName, PageTap, place_of

if TYPE_CHECKING:
    from storyline_core import Desk, Person, PersonStats

DAYS = 7
"""How many days a plan shows unless somebody asks for more ..."""

MOST_DAYS = 60
"""... and at most."""


@attrs.frozen
class Told:
    """A list in pages. `place` is what its buttons carry."""

    listed: ListName
    place: str
    pages: tuple[HTML, ...]

    def keyboard(self, page: int) -> Keyboard:
        """The buttons of a page, counted from 0."""
        return pages_keyboard(self.listed, self.place, page, len(self.pages))


@attrs.frozen
class Place:
    """Which list a button belongs to: of which account ("" for all), over how many days."""

    account: str = ""
    days: int = DAYS

    @property
    def name(self) -> str:
        """What stands for it in a button."""
        if not self.account or self.days == DAYS:
            return place_of(self.account)
        return place_of(f"{self.account} {self.days}")


def pages_of(listed: ListName, desk: Desk, account: str = "", *, days: int = DAYS) -> Told:
    """A list as it is now. Raises `NotInSettings` for an account that is not of this desk."""
    now = desk.now()
    place = Place(account, days).name
    match listed:
        case ListName.STATUS:
            sources = desk.sources()
            views = [account_view(each, sources) for each in desk.accounts()]
            pages = status_pages(desk.health(), views, [source_view(each) for each in sources], now)
        case ListName.STATS:
            pages = (answers.team_stats(desk.stats(), names_of(desk.people()), now),)
        case _:
            pages = _pages_of_account(listed, desk, account, days, now)
    return Told(listed, place, pages)


def _pages_of_account(listed: ListName, desk: Desk, account: str, days: int, now: datetime) -> tuple[HTML, ...]:
    zones = {each.account.name: each.account.schedule.zone for each in desk.accounts()}
    if listed is ListName.PLAN:
        foreseen = desk.plan(account, days)
        return answers.plan_pages(account, zones[account], foreseen, now)
    names = names_of(desk.people())
    if listed is ListName.QUEUE:
        return answers.queue_pages(account, zones[account], desk.queue(account), now, names)
    return answers.history_pages(account, zones[account], desk.history(account), now, names)


def my_stats(stats: PersonStats, person: Person, now: datetime) -> HTML:
    """What one person did."""
    return answers.personal_stats(stats, person, now)


def find_place(tap: PageTap, desk: Desk) -> Place | None:
    """Which list a button means; None for none that is here (any more)."""
    names = [each.account.name for each in desk.accounts()]
    if tap.listed in (ListName.STATUS, ListName.STATS):
        names.append("")
    for name in names:
        spans = range(1, MOST_DAYS + 1) if tap.listed is ListName.PLAN else (DAYS,)
        for place in (Place(name, days) for days in spans):
            if place.name == tap.place:
                return place
    return None
