"""What is done beside hearing: people see their commands, the admin chat hears that the bot runs, digests come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from storyline_core import Desk, PluginFault, StorylineError, Unavailable, scrub, trace_of
from storyline_telegram.commands import Command
from storyline_telegram.lifecycle import (
    Habits,
    Lifecycle,
    Menus,
    command_menus,
    menu_changes,
    menus_thought_of,
    scope_in,
)
from storyline_telegram.places import Places
from storyline_telegram.remembered import ShownMenus
from storyline_telegram.routes import Place
from storyline_telegram.speech import HTML, Spoken

if TYPE_CHECKING:
    from storyline_core import Person

log = logging.getLogger("storyline.telegram")

TURN_EVERY = 20.0
"""Seconds between two looks at what is due, and at who may do what by now."""

LAST_WORDS = 1.5
"""Seconds that saying goodbye may take."""


_UNKNOWN = (Command("unknown", "told by an earlier process"),)


class Bot(Protocol):
    """What is needed of the notifier."""

    @property
    def places(self) -> Places:
        """The configured places."""

    def tell(self, place: Place, html: HTML, *, silent: bool = False) -> Spoken:
        """Say something in a configured place."""

    @property
    def menus(self) -> ShownMenus:
        """What Telegram was told to show."""

    def show_commands(
        self, commands: list[tuple[str, str]], *, chat: int | None = None, person: int | None = None
    ) -> None:
        """What people see when they type `/`."""


class Presence:
    """The bot's life beside hearing, over one desk. `turn` and `show_menus` are for one thread at a time."""

    def __init__(self, bot: Bot, desk: Desk, habits: Habits) -> None:
        self._bot = bot
        self._desk = desk
        self._shown: Menus | None = None
        self.lifecycle = Lifecycle(desk, habits, self._tell)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Be present until the end of the block, in a thread of its own."""
        over = threading.Event()
        living = threading.Thread(target=self._live, args=(over,), name="telegram presence", daemon=True)
        living.start()
        try:
            yield
        finally:
            over.set()
            living.join(LAST_WORDS)

    def show_menus(self) -> None:
        """Let every person see the commands that they may use, as far as that has changed."""
        backfill = any(each.backfills for each in self._desk.accounts())
        chats, people = self._bot.places.chats(), self._desk.people()
        wanted = command_menus(chats, people, backfill=backfill)
        before = self._known(chats, people) if self._shown is None else self._shown
        changed, gone = menu_changes(before, wanted)
        # Noted before it is told: what Telegram shows is never forgotten.
        self._bot.menus.keep(map(str, {**before, **wanted}))
        shown = dict(before)
        for scope in gone:
            if self._attempt(lambda scope=scope: self._bot.show_commands([], chat=scope.chat, person=scope.user)):  # type: ignore[misc]
                shown.pop(scope)
        for scope, commands in changed.items():
            rows = [(each.name, each.summary) for each in commands]
            if self._attempt(lambda scope=scope, rows=rows: self._bot.show_commands(  # type: ignore[misc]
                rows, chat=scope.chat, person=scope.user
            )):  # fmt: skip
                shown[scope] = commands
        self._shown = shown
        self._bot.menus.keep(map(str, shown))

    def _known(self, chats: Sequence[int], people: Sequence[Person]) -> Menus:
        """What earlier processes may have told; all of it is told anew, or taken away."""
        kept = self._bot.menus.all()
        if kept is None:
            return menus_thought_of(chats, people)
        return {scope: _UNKNOWN for words in kept if (scope := scope_in(words)) is not None}

    def _live(self, over: threading.Event) -> None:
        self._guarded(self.lifecycle.started)
        while not over.is_set():
            self._guarded(self.show_menus)
            self._guarded(self.lifecycle.turn)
            over.wait(TURN_EVERY)
        self._guarded(self.lifecycle.stopped)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StorylineError as error:
            log.warning("%s", scrub(str(error)))
        except Exception as error:  # noqa: BLE001 - a mistake of ours here must not end the presence
            log.error("%s", trace_of(error))

    def _attempt(self, show: Callable[[], None]) -> bool:
        """Whether it need not be tried again: done, or something that trying again does not mend."""
        try:
            show()
        except Unavailable as error:
            log.info("The commands could not be shown: %s", scrub(str(error)))
            return False
        except PluginFault as error:
            log.info("Some commands cannot be shown: %s", scrub(str(error)))
        return True

    def _tell(self, html: HTML, silent: bool) -> None:
        self._bot.tell(self._bot.places.for_alerts(), html, silent=silent)
