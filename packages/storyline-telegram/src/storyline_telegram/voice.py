"""Answering people: the small text over a tap, messages below what they wrote, and messages that change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import attrs

from storyline_core import PluginFault
from storyline_telegram.buttons import Keyboard
from storyline_telegram.connection import Connection
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.lanes import Edit
from storyline_telegram.places import Card
from storyline_telegram.replies import tap_working
from storyline_telegram.routes import Place
from storyline_telegram.sending import Letter, Sending, log
from storyline_telegram.speech import HTML, Spoken
from storyline_telegram.texts import shown

ANSWER_WITHIN = 0.25
"""Seconds after which a tap is answered whether or not its work is done."""

EDIT_EVERY = 2.0
"""Seconds that lie between two changes of one message."""


class TapAnswer:
    """The answer to one tap: what is known first, or after `ANSWER_WITHIN` that it was heard. Safe from any thread."""

    def __init__(self, connection: Connection, query: str, chat: int | None) -> None:
        self._connection = connection
        self._query = query
        self._chat = chat
        self._guard = threading.Lock()
        self._given = False

    def hurry(self, known: Callable[[], bool]) -> None:
        """To be called in the loop: let the answer go out in time whatever the work does.

        Who is not `known` by then to belong to the chat is told nothing by it.
        """
        if self._chat is not None:
            self._connection.lanes.answering(self._chat, True)
        asyncio.get_running_loop().call_later(ANSWER_WITHIN, lambda: self.give(tap_working() if known() else ""))

    def give(self, text: str, alert: bool = False) -> bool:
        """Answer, unless that has been done. Whether this was the answer."""
        with self._guard:
            if self._given:
                return False
            self._given = True
        self._connection.soon(self._sent(text, alert))
        return True

    async def _sent(self, text: str, alert: bool) -> None:
        try:
            await self._connection.client.answer(self._query, text, alert)
        except Trouble as trouble:
            if trouble.why is not Why.OLD:
                log.info("A tap could not be answered: %s", trouble)
        finally:
            if self._chat is not None:
                self._connection.lanes.answering(self._chat, False)


class SpokenMessage:
    """A message that was said and can be changed."""

    def __init__(self, connection: Connection, card: Card, *, lately: bool = True) -> None:
        self._connection = connection
        self._card = card
        self._next = time.monotonic() + EDIT_EVERY if lately else 0.0

    def edit(self, html: HTML, keyboard: Keyboard = ()) -> None:
        """Change what it says, soon; of changes that follow closely the last one is shown."""
        now = time.monotonic()
        due = max(now, self._next)
        if due <= now:
            self._next = now + EDIT_EVERY
        self._connection.edit(Edit(self._card, html, keyboard, after=due))


@attrs.frozen
class TelegramVoice:
    """How to answer in one place. `reply_to` is what was written there; `answer` belongs to a tap."""

    sending: Sending
    place: Place
    reply_to: int | None = None
    answer: TapAnswer | None = None

    def say(self, html: HTML, keyboard: Keyboard = (), *, silent: bool = False) -> Spoken:
        """Say something below what they wrote. Raises the errors under `PluginFault`."""
        sent = self.sending.say(self.place, Letter(html, keyboard, silent, self.reply_to))
        return SpokenMessage(self.sending.connection, sent.card)

    def tapped(self) -> Spoken | None:
        """The message whose button was tapped; it is a text."""
        if self.answer is None or self.reply_to is None:
            return None
        card = Card(self.place.chat, self.reply_to, self.place.topic, captioned=False)
        return SpokenMessage(self.sending.connection, card, lately=False)

    def toast(self, text: str, alert: bool = False) -> None:
        """Answer a tap with a small text over the chat."""
        if self.answer is not None:
            self.answer.give(text, alert)

    def explain(self, text: str) -> None:
        """Answer a tap with why nothing came of it; in a message where the tap had to be answered before."""
        if self.answer is None or self.answer.give(text):
            return
        try:
            self.say(shown(text), silent=True)
        except PluginFault as error:
            log.info("Nobody could be told %r: %s", text, error)
