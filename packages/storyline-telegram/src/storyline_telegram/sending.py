"""Sending: a message to its place, in the best form that Telegram takes, with every failure as core expects it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from storyline_core import Draft, PluginFault, Refused
from storyline_telegram.buttons import Keyboard
from storyline_telegram.connection import Connection
from storyline_telegram.faults import Trouble, Why, fault_of
from storyline_telegram.pictures import Parcel
from storyline_telegram.places import Places
from storyline_telegram.remembered import Chats, FileIds, Handled, Memory
from storyline_telegram.routes import Place

if TYPE_CHECKING:
    from storyline_telegram.client import Sent

log = logging.getLogger("storyline.telegram")

ANSWER_PATIENCE = 70.0
"""Seconds that an answer to a person waits for its turn: as long as a group that was full takes to have room again."""

_ABOUT_THE_FORM = frozenset({Why.FILE, Why.FILE_ID, Why.OTHER})
"""Refusals after which the same thing may be taken in another form."""


@attrs.frozen
class Letter:
    """What surrounds a file or stands alone: the text for the place it gets, its buttons, and how it is sent."""

    html: str
    keyboard: Keyboard = ()
    silent: bool = False
    reply_to: int | None = None


class Sending:
    """Sends as the notifier `name`. `patience` is how many seconds a card waits for its turn in a chat."""

    def __init__(self, name: str, connection: Connection, memory: Memory, places: Places, patience: float) -> None:
        self.name = name
        self.connection = connection
        self.memory = memory
        self.files = FileIds(memory)
        self.chats = Chats(memory)
        self.handled = Handled(memory)
        self._places = places
        self._patience = patience

    @property
    def places(self) -> Places:
        """The configured places, by the numbers that their groups have now."""
        return attrs.evolve(self._places, moved=self.chats.moved())

    def say(self, place: Place, letter: Letter, *, patience: float = ANSWER_PATIENCE) -> Sent:
        """Send a text. Raises the errors under `PluginFault`."""
        try:
            return self._sent(place, Parcel("text"), letter, None, patience, in_turn=False)
        except Trouble as trouble:
            raise self.fault(trouble, place) from None

    def show(
        self, place: Place, draft: Draft, forms: Iterable[Parcel], letter: Callable[[Parcel], Letter], *, card: bool
    ) -> Sent:
        """Send a file in the first of these forms that Telegram takes, with the letter for that form.

        A `card` keeps its chat's order and waits no longer than its patience. Raises the errors under `PluginFault`.
        """
        last: PluginFault | None = None
        refused: Refused | None = None
        unknown = False
        for form in forms:
            if form.open is None and refused is not None and last is None:
                raise refused
            if form.open is None and last is not None and unknown:
                # Nobody knows whether it is the file that is refused: a card without it would hide that.
                raise last
            try:
                return self._in_form(place, draft, form, letter(form), card)
            except Refused as error:
                log.info("%s is not shown as %s: %s", draft.item.name, form.kind, error)
                refused = refused if form.spare else error
            except Trouble as trouble:
                if trouble.why not in _ABOUT_THE_FORM:
                    raise self.fault(trouble, place) from None
                last = self.fault(trouble, place)
                unknown = trouble.why is Why.OTHER
                log.info("%s is not taken as %s: %s", draft.item.name, form.kind, trouble.text)
        raise last or refused or Refused(f"{draft.item.name} cannot be shown in Telegram.")

    def fault(self, trouble: Trouble, place: Place) -> PluginFault:
        """The trouble as core expects it."""
        several = bool(self._places.routes)
        return fault_of(trouble, notifier=self.name, chat=place.chat, topic=place.topic, one_of_several=several)

    def moved(self, old: int, new: int) -> None:
        """A group has another number now: remembered from then on, and said once."""
        if self.chats.move(old, new):
            log.warning("Chat %d is chat %d now. Change the number under [notifiers.%s].", old, new, self.name)

    def _in_form(self, place: Place, draft: Draft, form: Parcel, letter: Letter, card: bool) -> Sent:
        digest = draft.item.digest if form.reusable else None
        patience = self._patience if card else ANSWER_PATIENCE
        known = self.files.of(digest, form.kind)
        if known is not None:
            try:
                return self._sent(place, form, letter, known, patience, in_turn=card)
            except Trouble as trouble:
                if trouble.why not in _ABOUT_THE_FORM:
                    raise
                self.files.forget(digest, form.kind)
        sent = self._sent(place, form, letter, None, patience, in_turn=card)
        self.files.keep(digest, form.kind, sent.file_id)
        return sent

    def _sent(
        self, place: Place, form: Parcel, letter: Letter, file_id: str | None, patience: float, *, in_turn: bool
    ) -> Sent:
        place = self.places.now(place)
        try:
            return self._once(place, form, letter, file_id, patience, in_turn)
        except Trouble as trouble:
            if trouble.why is not Why.MOVED or trouble.moved_to is None:
                raise
            self.moved(place.chat, trouble.moved_to)
            return self._once(attrs.evolve(place, chat=trouble.moved_to), form, letter, file_id, patience, in_turn)

    def _once(
        self, place: Place, form: Parcel, letter: Letter, file_id: str | None, patience: float, in_turn: bool
    ) -> Sent:
        from storyline_telegram.client import Outgoing

        connection, line = self.connection, self.connection.line
        with ExitStack() as stack:
            opened = stack.enter_context(form.open()) if form.open is not None and file_id is None else None
            out = Outgoing(letter.html, letter.keyboard, form.kind, file_id or opened, form.name, form.sides)

            async def send() -> Sent:
                if opened is not None:
                    opened.seek(0)
                return await connection.client.send(place, out, silent=letter.silent, reply_to=letter.reply_to)

            within = patience + (line.answer_within if opened is None else line.upload_within) + 10.0
            sent = connection.call(lambda _: connection.lanes.send(place.chat, send, patience, in_turn=in_turn), within)
        connection.do(lambda: connection.lanes.showing(sent.card, letter.html, letter.keyboard))
        return sent
