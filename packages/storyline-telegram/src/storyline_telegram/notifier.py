"""The notifier `telegram`: a team's chat behind core's contract."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack

import attrs

from storyline_core import (
    Alert,
    AlertLevel,
    Controls,
    Desk,
    Draft,
    Message,
    NeedsPerson,
    NotFound,
    PluginFault,
    Post,
    Runtime,
    Unavailable,
    Uncertain,
)
from storyline_telegram.admission import Admission
from storyline_telegram.asking import Room
from storyline_telegram.buttons import Keyboard
from storyline_telegram.carding import Cards, Manner
from storyline_telegram.connection import Connection
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.heard import Membership, Wrote, read_update
from storyline_telegram.hearing import Hearing, reading_fault
from storyline_telegram.intake import Intake
from storyline_telegram.lifecycle import Habits
from storyline_telegram.messages import Messages
from storyline_telegram.places import Places
from storyline_telegram.presence import Presence
from storyline_telegram.remembered import SeenChat, ShownMenus
from storyline_telegram.reports import alert_text
from storyline_telegram.routes import Place, Urgency, delivery
from storyline_telegram.seeing import admin_numbers, people_of
from storyline_telegram.sending import Letter, Sending
from storyline_telegram.speech import HTML, Spoken
from storyline_telegram.tapping import Taps
from storyline_telegram.texts import cut, line, shown
from storyline_telegram.voice import SpokenMessage
from storyline_telegram.webhook import Door, Pushed

log = logging.getLogger("storyline.telegram")

_URGENCY = {
    AlertLevel.INFO: Urgency.NEWS, AlertLevel.WARNING: Urgency.WARNING,
    AlertLevel.ERROR: Urgency.ERROR, AlertLevel.CRITICAL: Urgency.ERROR,
}  # fmt: skip


class TelegramNotifier:
    """Cards, taps, commands and alerts of one team. Made by `plugin.open_telegram`."""

    def __init__(
        self,
        runtime: Runtime,
        connection: Connection,
        places: Places,
        manner: Manner,
        *,
        patience: float,
        door: Door | None = None,
        upload_into: str = "",
        local: bool = False,
        room: Room | None = None,
        habits: Habits | None = None,
    ) -> None:
        self._runtime = runtime
        self._connection = connection
        self._manner = manner
        self._sending = Sending(
            runtime.name, connection, connection.memory(runtime.name, runtime.state), places, patience
        )
        self._cards = Cards(self._sending, manner, runtime.now)
        admission = Admission(self._sending)
        messages = Messages(self._sending, admission, upload_into=upload_into, local=local, room=room)
        taps = Taps(self._sending, self._cards, admission, runtime.now, messages.switch)
        intake = Intake(self._sending, taps, messages, admission, self.alert)
        self._hearing = Hearing(self._sending, intake, self.alert)
        self._pushed = Pushed(self._sending, intake, door) if door is not None else None
        self._drafts: dict[str, Draft] = {}
        self._habits = habits or Habits()

    # What core asks of every notifier

    def offer(self, draft: Draft) -> Message:
        """Show the post to the team, or remind them of it. Raises `Uncertain` when it may have been shown."""
        message = self._cards.offer(draft, self._runtime.controls)
        if self._runtime.controls is None:
            self._drafts = dict([*self._drafts.items(), (draft.post.id, draft)][-_MOST_DRAFTS:])
        return message

    def update(self, message: Message, post: Post) -> None:
        """Let the post's cards say how it stands, soon; changes that follow closely are merged."""
        draft = self._draft(post)
        if draft is None:
            self._cards.level_roughly(message, post)
        else:
            self._cards.level(message, draft, self._runtime.controls)

    def alert(self, alert: Alert) -> None:
        """Tell those who look after Storyline; without a sound in quiet hours, unless it is an error."""
        quiet = self._manner.quiet
        urgency = Urgency.NEWS if alert.cleared else _URGENCY[alert.level]
        silent = delivery(urgency, quiet, self._runtime.now()).silent
        try:
            self.tell(self._sending.places.for_alerts(), alert_text(alert), silent=silent)
        except Uncertain as error:
            # It is told again tomorrow while it stays open; telling it twice at once helps nobody.
            log.info("An alert may not have arrived: %s", error)
        except NeedsPerson as error:
            # Where that very chat is gone, admins hear of it in their own chats, if they ever wrote to the bot.
            log.warning("The chat for alerts cannot be reached: %s", error)
            if not self._told_in_person(alert_text(alert), silent):
                raise

    def _told_in_person(self, html: HTML, silent: bool) -> bool:
        told = 0
        for number in admin_numbers(people_of(self._runtime.controls)):
            try:
                self.tell(Place(number), html, silent=silent)
                told += 1
            except PluginFault as error:
                log.info("An admin could not be told: %s", error)
        return told > 0

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Deal with taps and messages until `stop()` is True. Raises what only a person can mend."""
        if not self._connection.listening.acquire(blocking=False):
            raise Unavailable("This process hears this bot already, for another notifier with the same token.")
        try:
            with ExitStack() as stack:
                if isinstance(controls, Desk):
                    stack.enter_context(Presence(self, controls, self._habits).kept())
                (self._pushed or self._hearing).listen(controls, stop)
        finally:
            self._connection.listening.release()

    def poll_once(self, controls: Controls) -> int:
        """Deal with the taps and messages that wait; how many decisions there were. None come in by webhook."""
        if self._connection.listening.locked():
            return 0
        if isinstance(controls, Desk):
            Presence(self, controls, self._habits).lifecycle.turn()
        if self._pushed is not None:
            return 0
        return self._hearing.poll_once(controls)

    def check(self) -> str:
        """Whether token, chats and rights are right; one line for a person. Raises what is wrong."""
        try:
            me = self._connection.call(lambda client: client.me())
            seen = [self._connection.call(lambda client, chat=chat: client.chat(chat, me.id))  # type: ignore[misc]
                    for chat in self._reachable()]  # fmt: skip
        except Trouble as trouble:
            raise reading_fault(trouble, self._runtime.name) from None
        for chat in seen:
            if chat.missing:
                raise NeedsPerson(
                    f"@{me.username} needs {chat.missing} in {line(chat.title) or chat.id}.",
                    remedy="Change its rights there, or make it an administrator.",
                )
        named = ", ".join(cut(line(chat.title), 40) or str(chat.id) for chat in seen)
        moved = "".join(f"; chat {old} is {new} now, change it in the settings"
                        for old, new in self._sending.chats.moved().items())  # fmt: skip
        reads = "; privacy mode is off: the bot reads everything" if me.reads_all else ""
        return f"@{me.username} reaches {named}{moved}{reads}"

    # What the plugin's own commands and tellings need

    def tell(self, place: Place, html: HTML, *, silent: bool = False, keyboard: Keyboard = ()) -> Spoken:
        """Say something in a configured place. Raises the errors under `PluginFault`."""
        sent = self._sending.say(place, Letter(html, keyboard, silent))
        return SpokenMessage(self._connection, sent.card)

    @property
    def places(self) -> Places:
        """The configured places, by the numbers that their groups have now."""
        return self._sending.places

    @property
    def menus(self) -> ShownMenus:
        """Where Telegram was told which commands to show."""
        return ShownMenus(self._sending.memory)

    def chats_seen(self) -> tuple[SeenChat, ...]:
        """Every chat from which the bot has heard anything, to find the numbers for the settings."""
        return self._sending.chats.all()

    def look_for_chats(self) -> tuple[SeenChat, ...]:
        """The chats that were seen, and those from which something waits; it goes on waiting."""
        try:
            updates = self._connection.call(lambda client: client.updates(0, 0))
        except Trouble as trouble:
            # Where a webhook or another program takes what comes, what it has seen must do.
            if trouble.why not in (Why.RIVAL, Why.HOOKED):
                raise reading_fault(trouble, self._runtime.name) from None
            updates = ()
        for update in updates:
            match read_update(update):
                case Wrote(chat=chat, place=place):
                    self._sending.chats.seen(chat, place.topic)
                case Membership(chat=chat, inside=inside):
                    self._sending.chats.seen(chat, inside=inside)
        return self.chats_seen()

    def check_uploads(self) -> str:
        """Whether the bot hears of the files in its upload chat; "" where there is none. Raises `NeedsPerson`."""
        place = self._sending.places.upload
        if place is None:
            return ""
        try:
            me = self._connection.call(lambda client: client.me())
            chat = self._connection.call(lambda client: client.chat(self._sending.places.number(place.chat), me.id))
            _, admin = (
                (True, True)
                if chat.kind in ("private", "channel") or me.reads_all
                else self._connection.call(lambda client: client.standing(chat.id, me.id))
            )
        except Trouble as trouble:
            raise reading_fault(trouble, self._runtime.name) from None
        if not admin:
            raise NeedsPerson(
                f"@{me.username} does not hear of files in {line(chat.title) or chat.id}.",
                remedy="Make it an administrator there, or send files in its private chat.",
            )
        return f"Files sent in {line(chat.title) or chat.id} are heard of."

    def test_card(self) -> str:
        """Send a silent message to every configured place and delete it again; one line on what worked."""
        tried = 0
        for place in self._sending.places.everywhere():
            html = shown("This is a test by Storyline. It is deleted at once.")
            sent = self._sending.say(place, Letter(html, silent=True))
            try:
                self._connection.call(lambda client, card=sent.card: client.delete(card))  # type: ignore[misc]
            except Trouble as trouble:
                if trouble.why is not Why.GONE:
                    raise self._sending.fault(trouble, place) from None
            tried += 1
        return f"A test card was sent to {tried} {'place' if tried == 1 else 'places'} and deleted again."

    def show_commands(
        self,
        commands: Iterable[tuple[str, str]],
        *,
        chat: int | None = None,
        person: int | None = None,
        admins: bool = False,
    ) -> None:
        """What people see when they type `/`: everywhere, in a chat, for its administrators, or for one person there.

        No commands at all take the list of that scope away. Raises the errors under `PluginFault`.
        """
        wanted = tuple(commands)
        try:
            self._connection.call(lambda client: client.show_commands(wanted, chat, person, admins=admins))
        except Trouble as trouble:
            raise reading_fault(trouble, self._runtime.name) from None

    def _reachable(self) -> tuple[int, ...]:
        return self._sending.places.chats()

    def _draft(self, post: Post) -> Draft | None:
        """What a card of the post shows, with the post as it is now."""
        controls = self._runtime.controls
        if controls is None:
            known = self._drafts.get(post.id)
            same = known is not None and known.post.item_id == post.item_id
            return attrs.evolve(known, post=post) if known is not None and same else None
        try:
            return attrs.evolve(controls.draft(post.id), post=post)
        except NotFound:
            return None


_MOST_DRAFTS = 200
