"""The server's HTTP side: method calls and downloads, with the faults that happen on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast
from urllib.parse import unquote

import attrs

from tests.loopback import wire
from tests.telegram.bot_api import asking, sending
from tests.telegram.bot_api.bodies import Body, Parameters, parameters_of
from tests.telegram.bot_api.files import UPLOAD_LIMIT
from tests.telegram.bot_api.limits import Fault
from tests.telegram.bot_api.refusals import Json, Refused
from tests.telegram.bot_api.state import Call, State
from tests.telegram.bot_api.updates import BotState

Method = Callable[[State, BotState, Parameters], object]
SENT_KINDS = ("photo", "video", "animation", "document")


@attrs.define(eq=False)
class Exchange:
    """What one server answers: its methods and its files."""

    state: State
    closing: threading.Event = attrs.field(factory=threading.Event)
    links: dict[tuple[str, str], asking.Link] = attrs.field(factory=dict)

    def methods(self) -> dict[str, Method]:
        """Every method by its name in lower case, as Telegram finds them."""
        named: dict[str, Method] = {
            "getMe": asking.get_me, "getChat": asking.get_chat, "getChatMember": asking.get_member,
            "getChatAdministrators": asking.get_administrators, "sendChatAction": asking.send_action,
            "answerCallbackQuery": asking.answer_query, "getFile": partial(asking.get_file, links=self.links),
            "setMyCommands": asking.set_commands, "getMyCommands": asking.get_commands,
            "deleteMyCommands": asking.delete_commands, "getUpdates": asking.get_updates,
            "setWebhook": asking.set_webhook, "deleteWebhook": asking.delete_webhook,
            "getWebhookInfo": asking.get_webhook, "sendMessage": sending.send_message,
            "editMessageText": sending.edit_text, "editMessageCaption": sending.edit_caption,
            "editMessageReplyMarkup": sending.edit_keyboard, "editMessageMedia": sending.edit_media,
            "deleteMessage": sending.delete_message, "pinChatMessage": sending.pin_message,
            "unpinChatMessage": sending.unpin_message,
        }  # fmt: skip
        named |= {f"send{kind.capitalize()}": partial(sending.send_file, kind) for kind in SENT_KINDS}
        return {name.lower(): method for name, method in named.items()}

    def bot_for(self, token: str) -> BotState:
        """The bot of a token: 404 for what cannot be one, 401 for one that is nobody's."""
        number, _, rest = token.partition(":")
        if not number.isdigit() or not rest:
            raise Refused(404, "Not Found")
        bot = self.state.bots.get(token)
        if bot is None:
            raise Refused(401, "Unauthorized")
        return bot

    def call(self, bot: BotState, method: str, given: Parameters, fault: Fault | None) -> object:
        """The result of one call."""
        found = self.methods().get(method.lower())
        if found is None:
            raise Refused(404, "Not Found")
        if given.too_large:
            raise Refused(413, "Request Entity Too Large")
        if fault is not None and fault.refusal is not None:
            raise fault.refusal
        if method.lower() == "getupdates":
            return found(self.state, bot, given)
        with self.state.lock:
            return found(self.state, bot, given)


class Connection(wire.Connection):
    """One client's connection, for as long as it stays."""

    server: Listener

    def answer_one(self) -> None:
        """A method call, or a file."""
        path, _, query = self.path.partition("?")
        parts = unquote(path).split("/", 3)
        if len(parts) == 4 and parts[1] == "file" and parts[2].startswith("bot"):
            self._download(parts[2].removeprefix("bot"), parts[3])
        elif len(parts) == 3 and parts[1].startswith("bot"):
            self._method(parts[1].removeprefix("bot"), parts[2], query)
        else:
            self._answer(404, Refused(404, "Not Found").answer(), None)

    def _method(self, token: str, method: str, query: str) -> None:
        exchange, arrived = self.server.exchange, self.server.exchange.state.clock.seconds()
        body = Body(cast(BinaryIO, self.rfile), self.headers)
        given, fault = Parameters(), None
        bot = exchange.state.bots.get(token)
        try:
            shelf = exchange.state.shelf
            given = parameters_of(self.headers, query, body, shelf.new_path, UPLOAD_LIMIT)
            with exchange.state.lock:
                fault = exchange.state.faults.take(method, given.text("chat_id")) if bot else None
            self.before(fault)
            result = exchange.call(exchange.bot_for(token), method, given, fault)
            code, answer = 200, {"ok": True, "result": result}
        except Refused as refused:
            code, answer = refused.code, refused.answer()
        name = str(bot.account.username) if bot else "?"
        exchange.state.calls.append(Call(name, method, given.told(), arrived, code))
        self.after(fault)
        self._answer(code, answer, fault)

    def _answer(self, code: int, answer: Json, fault: Fault | None) -> None:
        raw = json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._give(code, "application/json", raw, fault)

    def _give(self, code: int, kind: str, raw: bytes, fault: Fault | None) -> None:
        self.give(code, {"Content-Type": kind}, raw, fault)

    def _download(self, token: str, path: str) -> None:
        exchange = self.server.exchange
        try:
            exchange.bot_for(token)
            link = exchange.links.get((token, path))
            if link is None or link.until < exchange.state.clock.seconds():
                raise Refused(404, "Not Found")
        except Refused as refused:
            self._answer(refused.code, refused.answer(), None)
            return
        with exchange.state.lock:
            fault = exchange.state.faults.take("download", None)
        self.before(fault)
        if fault is not None and fault.refusal is not None:
            self._answer(fault.refusal.code, fault.refusal.answer(), fault)
            return
        self._give(200, "application/octet-stream", link.file.download(link.side), fault)


class Listener(wire.Listener):
    """The listening socket of one Telegram."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        super().__init__(Connection, exchange.closing)
