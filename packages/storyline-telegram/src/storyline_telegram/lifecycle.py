"""What the bot says and shows unasked: that it runs or stops, the daily digest, and which commands each person sees."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import attrs

from storyline_core import PluginFault, Uncertain, scrub
from storyline_telegram.commands import Command, commands_for
from storyline_telegram.reports import digest, started_text, stopped_text
from storyline_telegram.routes import QuietHours, Urgency, delivery
from storyline_telegram.seeing import day_view, names_of, number_of_person
from storyline_telegram.speech import HTML

if TYPE_CHECKING:
    from storyline_core import AccountStanding, Desk, Person

log = logging.getLogger("storyline.telegram")

LATE = timedelta(hours=12)
"""How late a digest may still be told; later than that, the next one is near."""


class Reach(StrEnum):
    """For whom a menu of commands is, from the widest to the narrowest: Telegram shows the narrowest that fits."""

    DEFAULT = "default"
    CHAT = "chat"
    CHAT_MEMBER = "chat_member"


@attrs.frozen
class Scope:
    """Where a menu is shown: everywhere, in a chat, or to one person in a chat."""

    reach: Reach
    chat: int | None = None
    user: int | None = None

    def __str__(self) -> str:
        return f"{self.reach}/{self.chat or ''}/{self.user or ''}"


def scope_in(words: str) -> Scope | None:
    """The scope that these words stand for, if any."""
    found = _SCOPE.fullmatch(words)
    if found is None:
        return None
    return Scope(Reach(found[1]), int(found[2]) if found[2] else None, int(found[3]) if found[3] else None)


_SCOPE = re.compile(rf"({'|'.join(Reach)})/(-?\d{{1,19}}|)/(\d{{1,19}}|)")


Menus = Mapping[Scope, tuple[Command, ...]]


def command_menus(chats: Iterable[int], people: Iterable[Person], *, backfill: bool = False) -> Menus:
    """What typing `/` shows: nothing to strangers, and in the configured chats to each person what they may do.

    A private chat has the number of its person; only groups have members.
    """
    known = {number: each for each in people if (number := number_of_person(each.person)) is not None}
    menus: dict[Scope, tuple[Command, ...]] = {Scope(Reach.DEFAULT): ()}
    for chat in chats:
        alone = known.get(chat)
        menus[Scope(Reach.CHAT, chat)] = commands_for(_role(alone) if alone else "member", backfill=backfill)
        if chat > 0:
            continue
        for number, person in known.items():
            if _role(person) != "member":
                menus[Scope(Reach.CHAT_MEMBER, chat, number)] = commands_for(_role(person), backfill=backfill)
    return menus


def menus_thought_of(chats: Iterable[int], people: Iterable[Person]) -> Menus:
    """Every menu of a single person that somebody may have been shown, where nobody remembers which were."""
    numbers = [number for each in people if (number := number_of_person(each.person)) is not None]
    return {Scope(Reach.CHAT_MEMBER, chat, number): () for chat in chats if chat < 0 for number in numbers}


def menu_changes(before: Menus, after: Menus) -> tuple[Menus, tuple[Scope, ...]]:
    """What has to be told Telegram: the menus that are new or different, and the scopes whose menus go."""
    changed = {scope: commands for scope, commands in after.items() if before.get(scope) != commands}
    return changed, tuple(scope for scope in before if scope not in after)


def _role(person: Person) -> str | None:
    return str(person.role) if person.active else None


def last_due(at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The latest moment until now at which the zone's clocks showed that time, in UTC."""
    today = now.astimezone(zone).date()
    moments = (datetime.combine(today - timedelta(days=back), at, zone).astimezone(UTC) for back in (0, 1))
    return next(moment for moment in moments if moment <= now)


@attrs.frozen
class Habits:
    """What the settings say about news: when the digest comes (None: never), and when it is quiet."""

    digest_at: time | None = None
    quiet: QuietHours | None = None
    version: str = ""


class Lifecycle:
    """Tells the admin chat how it goes. `tell` sends one text there, `silent` without a sound.

    To be used by one thread at a time; `turn` wants to be called about twice a minute.
    """

    def __init__(self, desk: Desk, habits: Habits, tell: Callable[[HTML, bool], None]) -> None:
        self._desk = desk
        self._habits = habits
        self._tell = tell
        self._held: list[tuple[datetime, HTML]] = []
        self._done: dict[str, datetime] = {}

    def started(self) -> None:
        """It has come up; in quiet hours that is told when they end, unless it has ended itself by then."""
        names = [each.account.name for each in self._desk.accounts()]
        how = delivery(Urgency.NEWS, self._habits.quiet, self._desk.now())
        text = started_text(names, self._habits.version)
        if how.held_until is not None:
            self._held.append((how.held_until, text))
        else:
            self._attempt(text, how.silent)

    def stopped(self, why: str = "") -> None:
        """It goes down in an orderly way; told at once, since nobody could later, in quiet hours without a sound."""
        how = delivery(Urgency.NEWS, self._habits.quiet, self._desk.now())
        if self._held:
            # Nobody was told that it had come up.
            self._held.clear()
            return
        self._attempt(stopped_text(why), how.silent or how.held_until is not None)

    def turn(self) -> None:
        """Tell what was held back, and the digests that are due."""
        now = self._desk.now()
        due, self._held = [text for at, text in self._held if at <= now], [each for each in self._held if each[0] > now]
        for text in due:
            self._attempt(text, False)
        for each in self._desk.accounts():
            self._digest(each, now)

    def _digest(self, standing: AccountStanding, now: datetime) -> None:
        account, at = standing.account, self._habits.digest_at
        if at is None or account.dry_run:
            return
        due = last_due(at, account.schedule.zone, now)
        if self._done.get(account.name) == due or now - due > LATE:
            return
        how = delivery(Urgency.NEWS, self._habits.quiet if standing.quiet_hours else None, now)
        if how.held_until is not None:
            return
        if self._desk.claim_digest(account.name, due):
            try:
                before = last_due(at, account.schedule.zone, due - timedelta(hours=12))
                self._tell(self._digest_text(account.name, before, due), how.silent)
            except Uncertain as error:
                log.warning("Whether the digest of %s arrived is not known: %s", account.name, scrub(str(error)))
            except PluginFault as error:
                self._desk.return_digest(account.name, due)
                log.warning("The digest of %s could not be told: %s", account.name, scrub(str(error)))
                return
        self._done[account.name] = due

    def _digest_text(self, account: str, begins: datetime, ends: datetime) -> HTML:
        told = self._desk.day(account, begins, ends)
        return digest(day_view(told), self._desk.now(), names_of(self._desk.people()))

    def _attempt(self, text: HTML, silent: bool) -> None:
        try:
            self._tell(text, silent)
        except PluginFault as error:
            log.warning("The admin chat could not be told: %s", scrub(str(error)))
