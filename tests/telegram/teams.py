"""A team with its chat, on a Bot API server of this machine, and the notifier opened on it."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from storyline_core import Draft, Message, PostEvent, Secret
from storyline_telegram.plugin import Telegram
from storyline_telegram.taps import Action, CardTap, encoded
from tests.telegram.bot_api.chats import ChatMessage, Conversation
from tests.telegram.bot_api.people import Person
from tests.telegram.bot_api.server import BotApi
from tests.telegram.bot_api.updates import BotState

TOKEN = "123456789:AAExampleExampleExampleExampleExample"
ACTIONS = {PostEvent.POSTED: Action.POSTED, PostEvent.SKIP: Action.SKIP}


@attrs.define
class Team:
    """A supergroup with its bot, an owner and two members, and a chat for admins. The server begins as it does."""

    server: BotApi
    bot: BotState
    ann: Person
    ben: Person
    cem: Person
    chat: Conversation
    admins: Conversation

    @classmethod
    def on(
        cls, server: BotApi, token: str = TOKEN, kind: str = "supergroup", topics: dict[int, str] | None = None
    ) -> Team:
        """The team on a server."""
        bot = server.bot(token, "story_bot")
        people = ann, ben, cem = server.user("Ann"), server.user("Ben", username="ben"), server.user("Cem")
        chat = server.chat(kind, "Team", members=people, bots=[bot], topics=topics)
        return cls(server, bot, ann, ben, cem, chat, server.chat("supergroup", "Admins", members=[ann], bots=[bot]))

    def settings(self, **changes: object) -> Telegram:
        """The notifier's settings that lead here, at a pace that keeps no test waiting."""
        usual: dict[str, object] = {
            "token": Secret(self.bot.token), "chat": self.chat.id, "admin_chat": self.admins.id,
            "api_url": self.server.address, "messages_per_second": 1000, "messages_per_minute": 10_000,
            "all_messages_per_second": 1000,
        }  # fmt: skip
        return Telegram(**usual | changes)  # type: ignore[arg-type]

    def cards(self, chat: Conversation | None = None) -> list[ChatMessage]:
        """The messages of the bot that had the buttons of a card when they came."""
        found = (chat or self.chat).messages
        return [each for each in found if each.sender is self.bot.account and first_keyboard(each)]

    def card_of(self, message: Message) -> ChatMessage:
        """The newest card of a message."""
        chat, _, number = message.token.split(",")[0].split("/")
        return self.server.state.chats[int(chat)].everything[int(number[:-1])]

    def tap(self, message: Message, draft: Draft, event: PostEvent, person: Person | None = None) -> None:
        """Somebody taps a card of this draft."""
        data = encoded(CardTap(ACTIONS[event], draft.post.id, draft.revision))
        (person or self.ann).forges(self.card_of(message), data)


def first_keyboard(message: ChatMessage) -> bool:
    """Whether a message had buttons when it came."""
    first = message.edits[0] if message.edits else message.content
    return first.keyboard is not None


def eventually(true: Callable[[], object], within: float = 10.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "It did not come about."
        time.sleep(0.01)
