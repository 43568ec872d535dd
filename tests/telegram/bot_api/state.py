"""Everything the server knows, and the questions its methods ask of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

from tests.telegram.bot_api.chats import PRESENT, Account, ChatMessage, Content, Conversation, Member
from tests.telegram.bot_api.files import Shelf
from tests.telegram.bot_api.limits import Faults, FloodControl
from tests.telegram.bot_api.refusals import Json, bad_request, forbidden, migrated
from tests.telegram.bot_api.updates import BotState

START = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


@attrs.define
class Clock:
    """The server's time: a test's own, or its own that starts on a fixed day; tests can move it forward."""

    given: Callable[[], datetime] | None = None
    ahead: float = 0.0
    began: float = attrs.field(factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds that pass, for windows and ages."""
        return time.monotonic() + self.ahead

    def now(self) -> datetime:
        """The date that messages carry."""
        if self.given is not None:
            return self.given()
        return START + timedelta(seconds=self.seconds() - self.began)


@attrs.define(eq=False)
class Query:
    """A tap, and what the bot answered."""

    id: str
    bot: BotState
    person: Account
    data: str
    message: ChatMessage
    tapped: float
    answered: float | None = None
    text: str | None = None
    alert: bool = False

    @property
    def waited(self) -> float | None:
        """Seconds from the tap to its answer; None while the button still spins."""
        return None if self.answered is None else self.answered - self.tapped


@attrs.frozen
class Call:
    """A call that arrived: which bot, what it asked, when, and the code it was answered with."""

    bot: str
    method: str
    parameters: Json
    at: float
    code: int

    @property
    def chat_id(self) -> int | None:
        """The chat it was about, if it was about one by number."""
        value = str(self.parameters.get("chat_id", ""))
        return int(value) if value.lstrip("-").isdigit() else None


Scope = tuple[str, int | None, int | None]
"""A command scope: its type, and for the narrow ones the chat and the person."""


@attrs.define(eq=False)
class State:
    """All of it, under one lock."""

    shelf: Shelf
    clock: Clock
    lock: threading.RLock = attrs.field(factory=threading.RLock)
    bots: dict[str, BotState] = attrs.field(factory=dict)
    chats: dict[int, Conversation] = attrs.field(factory=dict)
    people: dict[int, Account] = attrs.field(factory=dict)
    queries: dict[str, Query] = attrs.field(factory=dict)
    commands: dict[int, dict[tuple[Scope, str], list[Json]]] = attrs.field(factory=dict)
    calls: list[Call] = attrs.field(factory=list)
    floods: FloodControl = attrs.field(factory=FloodControl)
    faults: Faults = attrs.field(factory=Faults)
    query_window: float = 15.0

    def chat_for(self, bot: BotState, given: str | None) -> Conversation:
        """The chat a bot means by its id or @name, if it may know of it at all."""
        if not given:
            raise bad_request("chat_id is empty")
        chat = self._named(given)
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise migrated(chat.migrated_to)
        if chat.deleted:
            raise forbidden(f"the {chat.kind} chat was deleted")
        status = chat.standing(bot.account).status
        if status == "kicked":
            raise forbidden(
                "bot was blocked by the user" if chat.kind == "private" else f"bot was kicked from the {chat.kind} chat"
            )
        if status not in PRESENT:
            raise forbidden(
                "bot can't initiate conversation with a user"
                if chat.kind == "private"
                else f"bot is not a member of the {chat.kind} chat"
            )
        return chat

    def _named(self, given: str) -> Conversation | None:
        if given.startswith("@"):
            named = given[1:].lower()
            return next((chat for chat in self.chats.values() if (chat.username or "").lower() == named), None)
        return self.chats.get(int(given)) if given.lstrip("-").isdigit() else None

    def message_for(self, chat: Conversation, number: int | None, purpose: str) -> ChatMessage:
        """A message that is still there, or the refusal that Telegram has for the purpose."""
        message = chat.everything.get(number) if number is not None else None
        if message is None or message.deleted:
            raise bad_request(f"message to {purpose} not found")
        return message

    def put(self, chat: Conversation, sender: Account | None, content: Content, thread: int | None) -> ChatMessage:
        """A new message in a chat."""
        message = ChatMessage(chat, chat.next_id, self.clock.now(), sender, content, thread)
        chat.next_id += 1
        chat.everything[message.id] = message
        return message

    def announce(self, chat: Conversation, special: Json, by: Account | None = None) -> ChatMessage:
        """A message of Telegram's own: somebody came, something was pinned, the group moved."""
        message = self.put(chat, by, Content(), None)
        message.special = special
        self.tell(message)
        return message

    def tell(self, message: ChatMessage, edited: bool = False) -> None:
        """Tells every bot in the chat that may hear it; a bot's own messages are not told to it."""
        kind = "channel_post" if message.chat.kind == "channel" else "message"
        for bot in self.bots.values():
            standing = message.chat.standing(bot.account)
            own = message.sender is bot.account and not message.special
            if standing.status in PRESENT and not own and self._heard(bot, standing, message):
                bot.hear(f"edited_{kind}" if edited else kind, message.told(bot.account.id))

    def _heard(self, bot: BotState, standing: Member, message: ChatMessage) -> bool:
        """With privacy mode, a group's bot hears commands, mentions, replies to it, and Telegram's own messages."""
        grouped = message.chat.kind in {"group", "supergroup"}
        if not grouped or not bot.privacy or standing.status == "administrator" or message.special:
            return True
        if message.reply_to is not None and message.reply_to.sender is bot.account:
            return True
        name = f"@{bot.account.username}".lower()
        found = [one for one in message.content.said.entities if one["type"] == "bot_command"]
        others = "@" in message.text.split(" ")[0] and name not in message.text.lower()
        return name in message.text.lower() or (bool(found) and not others)
