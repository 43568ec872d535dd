"""People with phones: what they write, send and tap."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import PurePath

import attrs

from tests.telegram.bot_api.bodies import Upload
from tests.telegram.bot_api.chats import ADMINS, PRESENT, Account, ChatMessage, Content, Conversation
from tests.telegram.bot_api.files import Kept
from tests.telegram.bot_api.formatting import understood
from tests.telegram.bot_api.refusals import Json
from tests.telegram.bot_api.state import Query, Scope, State
from tests.telegram.bot_api.updates import BotState

MIME_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".heic": "image/heic"}


@attrs.frozen(eq=False)
class Person:
    """Somebody who uses Telegram."""

    state: State
    account: Account

    @property
    def id(self) -> int:
        """Their user id."""
        return self.account.id

    def says(
        self, chat: Conversation, text: str, thread: int | None = None, reply_to: ChatMessage | None = None
    ) -> ChatMessage:
        """They write; commands, links and mentions in it are marked as Telegram marks them."""
        return self._sends(chat, Content(understood(text, None, None)), thread, reply_to)

    def sends_document(
        self, chat: Conversation, name: str, content: bytes, caption: str = "", mime_type: str | None = None,
        thread: int | None = None,
    ) -> ChatMessage:  # fmt: skip
        """They send a file as it is; the client tells its kind from its name unless the test does."""
        kind = mime_type or MIME_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
        file = self._kept("document", name, kind, content)
        return self._sends(chat, Content(understood(caption, None, None), file), thread, None)

    def sends_photo(
        self, chat: Conversation, content: bytes, caption: str = "", thread: int | None = None
    ) -> ChatMessage:
        """They send a picture the quick way: bots get compressed sizes of it."""
        file = self._kept("photo", "photo.jpg", "image/jpeg", content)
        return self._sends(chat, Content(understood(caption, None, None), file), thread, None)

    def sends_video(self, chat: Conversation, name: str, content: bytes, sides: tuple[int, int, int]) -> ChatMessage:
        """They send a video of a width, height and length in seconds."""
        file = self._kept("video", name, "video/mp4", content, sides)
        return self._sends(chat, Content(file=file), None, None)

    def edits(self, message: ChatMessage, text: str) -> None:
        """They change what they wrote."""
        with self.state.lock:
            message.edits.append(message.content)
            message.content = attrs.evolve(message.content, said=understood(text, None, None))
            message.edited_at = self.state.clock.now()
            self.state.tell(message, edited=True)

    def forwards(self, message: ChatMessage, chat: Conversation) -> ChatMessage:
        """They forward a message; the copy keeps its buttons."""
        with self.state.lock:
            copied = self.state.put(chat, self.account, message.content, None)
            copied.forwarded_from = message
            self.state.tell(copied)
            return copied

    def taps(self, message: ChatMessage, data_or_label: str, inaccessible: bool = False) -> Query:
        """They tap a button, named by its label or its data; the bot gets a callback query.

        Nothing stops somebody who has left the chat, an old or a forwarded copy, or a message that is
        ``inaccessible`` (the bot then gets its place only).
        """
        return self._taps(message, message.data_of(data_or_label), inaccessible)

    def forges(self, message: ChatMessage, callback_data: str) -> Query:
        """A changed client sends callback data that is on no button of the message."""
        return self._taps(message, callback_data, False)

    def blocks(self, bot: BotState) -> None:
        """They block the bot in their private chat with it."""
        self._private(bot, "kicked")

    def starts(self, bot: BotState, payload: str = "") -> ChatMessage:
        """They open (or unblock) the private chat with the bot and press its start button."""
        self._private(bot, "member")
        return self.says(self.chat, f"/start {payload}".strip())

    @property
    def chat(self) -> Conversation:
        """Their private chat."""
        return self.state.chats[self.account.id]

    def sees_commands(self, bot: BotState, chat: Conversation) -> list[str]:
        """What the list of commands shows them when they type ``/`` in a chat: the narrowest scope that is set."""
        admin = chat.standing(self.account).status in ADMINS
        scopes: list[Scope] = [("chat_member", chat.id, self.id)]
        scopes += [("chat_administrators", chat.id, None)] if admin else []
        scopes += [("chat", chat.id, None)]
        scopes += [("all_chat_administrators", None, None)] if admin else []
        scopes += [("all_group_chats", None, None), ("default", None, None)]
        if chat.kind == "private":
            scopes = [("chat", chat.id, None), ("all_private_chats", None, None), ("default", None, None)]
        kept = self.state.commands.get(bot.account.id, {})
        for scope in scopes:
            for language in dict.fromkeys([self.account.language or "", ""]):
                if kept.get((scope, language)):
                    return [str(one["command"]) for one in kept[scope, language]]
        return []

    def _kept(self, kind: str, name: str, mime_type: str, content: bytes, sides: Sequence[int] = (0, 0, 0)) -> Kept:
        with self.state.lock:
            path = self.state.shelf.new_path()
            path.write_bytes(content)
            return self.state.shelf.keep(kind, Upload(name, mime_type, path, len(content)), *sides)

    def _sends(
        self, chat: Conversation, content: Content, thread: int | None, reply_to: ChatMessage | None
    ) -> ChatMessage:
        with self.state.lock:
            message = self.state.put(chat, self.account, content, thread)
            message.reply_to = reply_to
            self.state.tell(message)
            return message

    def _taps(self, message: ChatMessage, data: str, inaccessible: bool) -> Query:
        with self.state.lock:
            sender = (message.forwarded_from or message).sender
            bot = next(one for one in self.state.bots.values() if one.account is sender)
            number = str(secrets.randbits(62))
            query = Query(number, bot, self.account, data, message, self.state.clock.seconds())
            self.state.queries[number] = query
            gone: Json = {"chat": message.chat.told(), "message_id": message.id, "date": 0}
            told: Json = {
                "id": number,
                "from": self.account.told(),
                "chat_instance": str(message.chat.id * 31),
                "data": data,
                "message": gone if inaccessible or message.deleted else message.told(bot.account.id),
            }
            bot.hear("callback_query", told)
            return query

    def _private(self, bot: BotState, status: str) -> None:
        with self.state.lock:
            standing = self.chat.standing(bot.account)
            if standing.status != status:
                before, was = standing.told(), standing.status
                standing.status = status
                self.chat.members[bot.account.id] = standing
                if was in PRESENT or status == "kicked" or was == "kicked":
                    bot.hear("my_chat_member", self._moved(before, standing.told()))

    def _moved(self, before: Json, after: Json) -> Json:
        date = int(self.state.clock.now().timestamp())
        moved: Json = {"chat": self.chat.told(), "from": self.account.told(), "date": date}
        return moved | {"old_chat_member": before, "new_chat_member": after}
