"""What is done beside hearing: people see their commands, the admin chat hears that the bot runs, digests come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from storyline_core import Desk, PluginFault, StorylineError, Unavailable, scrub, trace_of
from storyline_telegram.lifecycle import Habits, Lifecycle, Menus, command_menus, menu_changes
from storyline_telegram.places import Places
from storyline_telegram.routes import Place
from storyline_telegram.speech import HTML, Spoken

log = logging.getLogger("storyline.telegram")

TURN_EVERY = 20.0
"""Seconds between two looks at what is due, and at who may do what by now."""

LAST_WORDS = 1.5
"""Seconds that saying goodbye may take."""


class Bot(Protocol):
    """What is needed of the notifier."""

    @property
    def places(self) -> Places:
        """The configured places."""

    def tell(self, place: Place, html: HTML, *, silent: bool = False) -> Spoken:
        """Say something in a configured place."""

    def show_commands(
        self, commands: list[tuple[str, str]], *, chat: int | None = None, person: int | None = None
    ) -> None:
        """What people see when they type `/`."""


class Presence:
    """The bot's life beside hearing, over one desk. `turn` and `show_menus` are for one thread at a time."""

    def __init__(self, bot: Bot, desk: Desk, habits: Habits) -> None:
        self._bot = bot
        self._desk = desk
        self._shown: Menus = {}
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
        wanted = command_menus(self._bot.places.chats(), self._desk.people(), backfill=backfill)
        changed, gone = menu_changes(self._shown, wanted)
        shown = dict(self._shown)
        for scope in gone:
            self._attempt(lambda scope=scope: self._bot.show_commands([], chat=scope.chat, person=scope.user))  # type: ignore[misc]
            shown.pop(scope)
        for scope, commands in changed.items():
            rows = [(each.name, each.summary) for each in commands]
            if self._attempt(lambda scope=scope, rows=rows: self._bot.show_commands(  # type: ignore[misc]
                rows, chat=scope.chat, person=scope.user
            )):  # fmt: skip
                shown[scope] = commands
        self._shown = shown

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
