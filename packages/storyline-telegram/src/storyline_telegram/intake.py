"""What was heard, given to those who deal with it: taps, messages, chats that moved or that the bot was put out of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from functools import partial

from storyline_core import Alert, AlertLevel, Controls, PluginFault
from storyline_telegram.admission import Admission
from storyline_telegram.buttons import EVENT_OF, PAGE_OF
from storyline_telegram.heard import Grown, Heard, Json, Membership, Tapped, Wrote, read_update
from storyline_telegram.inhand import InHand
from storyline_telegram.messages import Messages
from storyline_telegram.sending import Sending
from storyline_telegram.tapping import Later, Taps, in_next_turn
from storyline_telegram.taps import CardTap, decoded
from storyline_telegram.voice import TapAnswer
from storyline_telegram.workers import Job, Workers

log = logging.getLogger("storyline.telegram")

MOST_WAITING = 500
"""How many taps, and how many messages, wait for a free thread before no more are taken from Telegram."""


MOST_OF_ONE = 10
"""How many messages of one person wait; what they write beyond that is passed over, and keeps nobody else waiting."""


class Intake:
    """Deals with updates, one by one (`take`) or in threads (`dispatch`)."""

    def __init__(
        self, sending: Sending, taps: Taps, messages: Messages, admission: Admission, tell: Callable[[Alert], None]
    ) -> None:
        self._sending = sending
        self._taps = taps
        self._messages = messages
        self._admission = admission
        self._tell = tell
        self.in_hand = InHand(sending.memory)

    def left(self) -> tuple[Json, ...]:
        """What was heard before and is not done, since a process was killed. To be called before anything is heard."""
        self._sending.handled.reread()
        left = self.in_hand.left()
        if left:
            log.info("What people asked for before is taken up again: %d.", len(left))
        return left

    def take(self, update: Json, controls: Controls, bot: str) -> bool:
        """Deal with one update at once. Whether it asked core for a decision."""
        heard, number = read_update(update), number_of(update)
        decided = False
        if isinstance(heard, Tapped):
            answer = TapAnswer(self._sending.connection, heard.query, None)
            decided = self._tapped(heard, number, controls, answer)
        else:
            self._deal(heard, number, controls, bot)
        self.in_hand.done(number)
        return decided

    def dispatch(self, update: Json, controls: Controls, bot: str, crew: Crew) -> bool:
        """Begin to deal with one update in a thread; to be called in the loop. Whether there was room for it."""
        heard, number = read_update(update), number_of(update)
        if heard is None:
            self.in_hand.done(number)
            return True
        if not self.in_hand.take(number, update):
            return True
        over = partial(self.in_hand.done, number)
        if isinstance(heard, Tapped):
            taken = self._begun(heard, number, controls, crew, over)
        else:
            job = _then(partial(self._deal, heard, number, controls, bot), over)
            taken = crew.others.put(_key(heard), job, over)
        if not taken:
            self.in_hand.give_back(number)
        return taken

    def _begun(self, tapped: Tapped, number: int, controls: Controls, crew: Crew, over: Job) -> bool:
        answer = TapAnswer(self._sending.connection, tapped.query, tapped.chat.id if tapped.chat else None)

        def job() -> None:
            self._tapped(tapped, number, controls, answer, lambda follows: _put_later(crew, follows))
            # Whatever came of it, no button is left spinning.
            answer.give("")

        # What sends files takes its time, and keeps no decision waiting.
        hands = crew.others if _gives(tapped) else crew.taps
        if not hands.put(_key(tapped), _then(job, over), over):
            return False
        answer.hurry(lambda: self._admission.knows(tapped))
        return True

    def _tapped(
        self, tapped: Tapped, number: int, controls: Controls, answer: TapAnswer, later: Later = in_next_turn
    ) -> bool:
        self._note(tapped)
        if not _gives(tapped):
            # A decision counts once by itself: it carries the revision that it was made on.
            return self._taps.carry_out(tapped, controls, answer, later)
        if self._sending.handled.begin(number):
            self._taps.carry_out(tapped, controls, answer)
            self._sending.handled.done(number)
        return False

    def _deal(self, heard: Heard | None, number: int, controls: Controls, bot: str) -> None:
        match heard:
            case Wrote():
                self._wrote(heard, number, controls, bot)
            case Grown():
                if self._sending.places.known(heard.old):
                    self._sending.moved(heard.old, heard.new)
            case Membership():
                self._membership(heard)
            case _:
                return

    def _wrote(self, wrote: Wrote, number: int, controls: Controls, bot: str) -> None:
        self._sending.chats.seen(wrote.chat, wrote.place.topic)
        if not self._messages.concerns(wrote):
            return
        if not self._sending.places.known(wrote.chat.id):
            who = wrote.who.id if wrote.who is not None else 0
            self._admission.turned_away(who, wrote.chat, "the chat is not in the settings")
            return
        # In some groups people may write who are not in them.
        if wrote.who is None or not self._admission.admits(wrote.who, wrote.chat, controls):
            return
        if not self._sending.handled.begin(number):
            log.info("Message %d was dealt with before.", number)
            return
        self._messages.answer(wrote, controls, bot)
        self._sending.handled.done(number)

    def _note(self, tapped: Tapped) -> None:
        if tapped.chat is not None and tapped.chat.kind:
            self._sending.chats.seen(tapped.chat, tapped.card.topic if tapped.card else None)

    def _membership(self, moved: Membership) -> None:
        chat = moved.chat
        self._sending.chats.seen(chat, inside=moved.inside)
        log.info("telegram:%d made the bot %s in %s %d.", moved.by.id, moved.status, chat.kind, chat.id)
        if not self._sending.places.known(chat.id) or moved.inside == moved.was_inside:
            return
        alert = Alert(
            key=f"telegram/{self._sending.name}/{chat.id}",
            level=AlertLevel.ERROR,
            text=f"The bot was removed from the chat {chat.title or chat.id}. No cards reach it.",
            remedy="Add the bot to the chat again.",
            cleared=moved.inside,
        )
        try:
            self._tell(alert)
        except PluginFault as error:
            log.warning("Nobody could be told that the bot was removed from chat %d: %s", chat.id, error)


class Crew:
    """The threads for taps and those for everything else, so that neither waits behind the other."""

    def __init__(self) -> None:
        self.taps = Workers("telegram tap", threads=6, most=MOST_WAITING)
        self.others = Workers("telegram answer", threads=6, most=MOST_WAITING, each=MOST_OF_ONE)

    def close(self) -> bool:
        """Wait a moment for what was begun. Whether all of it is done."""
        done = self.taps.close(1.0)
        return self.others.close(0.5) and done


def _then(job: Job, over: Job) -> Job:
    """The job, and whatever comes of it, that it is over."""

    def both() -> None:
        try:
            job()
        finally:
            over()

    return both


def _put_later(crew: Crew, follows: Job) -> None:
    crew.others.put(follows, follows)


def number_of(update: object) -> int:
    """An update's number."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) else 0


def _gives(tapped: Tapped) -> bool:
    """Whether a tap wants something sent, and nothing decided."""
    tap = decoded(tapped.text)
    return isinstance(tap, CardTap) and tap.action not in EVENT_OF and tap.action not in PAGE_OF


def _key(heard: Heard) -> Hashable:
    """Updates of one key are dealt with in their order."""
    match heard:
        case Tapped():
            tap = decoded(heard.text)
            if isinstance(tap, CardTap):
                return (tap.post_id, heard.who.id) if _gives(heard) else tap.post_id
            return heard.chat.id if heard.chat else 0, heard.who.id
        case Wrote():
            return heard.chat.id, heard.who.id if heard.who else 0, heard.file is not None
        case _:
            return "chats"
