"""Telegram's own library behind our values: the only module that knows it. Every failure is a `Trouble`."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode

import attrs
import httpx
import telegram
from telegram.constants import ParseMode
from telegram.error import ChatMigrated, InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from storyline_core import keep_logs_discreet
from storyline_telegram.buttons import Button, Keyboard
from storyline_telegram.faults import Trouble, Why, sorted_out
from storyline_telegram.heard import WANTED, Json, is_inside
from storyline_telegram.places import Card
from storyline_telegram.routes import Place
from storyline_telegram.trust import trusting

Result = TypeVar("Result")

_LOUD = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "telegram.Bot")
_POOL = 32
_CONNECT = 10.0
_NO_PREVIEW = telegram.LinkPreviewOptions(is_disabled=True)
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteError, httpx.WriteTimeout,
           httpx.UnsupportedProtocol, httpx.ProxyError, httpx.InvalidURL)  # fmt: skip
"""Failures after which Telegram cannot have got the whole request, so that nothing came of it."""


@attrs.frozen
class Me:
    """The bot itself. `reads_all` is True where privacy mode is off."""

    id: int
    username: str
    name: str
    reads_all: bool


@attrs.frozen
class Outgoing:
    """What is sent: a text, or a file of a `kind` (`photo`, `video`, `animation`, `document`) with the text below it.

    `file` is an open file, or the id of one that Telegram has.
    """

    html: str
    keyboard: Keyboard = ()
    kind: str = "text"
    file: BinaryIO | str | None = None
    name: str = ""
    sides: tuple[int, int] | None = None


@attrs.frozen
class Sent:
    """A message that was sent. `file_id` is what Telegram calls its file, "" for a text."""

    card: Card
    file_id: str = ""


@attrs.frozen
class ChatSeen:
    """A chat as the bot sees it: what it is, and what the bot may not do there ("" if nothing is missing)."""

    id: int
    kind: str
    title: str
    missing: str = ""


class _Wire(HTTPXRequest):
    """Flood control, read before the library makes a warning of it."""

    async def do_request(self, *args: object, **named: object) -> tuple[int, bytes]:
        """One request; a refusal for flooding is raised with the seconds to wait."""
        code, payload = await super().do_request(*args, **named)  # type: ignore[arg-type]
        if code == 429:
            raise _Flooded(_seconds_in(payload))
        return code, payload


class _Flooded(TelegramError):
    """Telegram asks for a pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many requests, wait {seconds:g} s")
        self.seconds = seconds


def _seconds_in(payload: bytes) -> float:
    with suppress(ValueError, KeyError, TypeError):
        return float(json.loads(payload)["parameters"]["retry_after"])
    return 5.0


class Client:
    """The bot, spoken to in the loop that first uses it. `read` is how many seconds an answer may take."""

    def __init__(self, token: str, api_url: str, *, read: float, upload: float) -> None:
        keep_logs_discreet(_LOUD)
        self._upload = upload
        self._usual = _Wire(connection_pool_size=_POOL, read_timeout=read, write_timeout=read, connect_timeout=_CONNECT,
                      pool_timeout=read, media_write_timeout=upload, httpx_kwargs=trusting())  # fmt: skip
        self._polling = _Wire(2, read_timeout=read, connect_timeout=_CONNECT, pool_timeout=5, httpx_kwargs=trusting())
        base = api_url.rstrip("/")
        try:
            self._bot = telegram.Bot(
                token, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot", request=self._usual,
                get_updates_request=self._polling,
            )  # fmt: skip
        except InvalidToken:
            raise Trouble(Why.TOKEN, "it has not the form of a token") from None
        self._requests = (self._usual, self._polling)

    async def close(self) -> None:
        """End its connections."""
        for request in self._requests:
            await request.shutdown()

    async def me(self) -> Me:
        """Who the bot is."""
        user = await _asked(self._bot.get_me())
        return Me(user.id, user.username or "", user.full_name, bool(user.can_read_all_group_messages))

    # Messages

    async def send(self, place: Place, out: Outgoing, *, silent: bool = False, reply_to: int | None = None) -> Sent:
        """One new message. What it replies to may be gone by then."""
        where: dict[str, object] = {
            "chat_id": place.chat, "message_thread_id": place.topic, "disable_notification": silent,
            "parse_mode": ParseMode.HTML, "reply_markup": _markup(out.keyboard),
        }  # fmt: skip
        if reply_to is not None:
            where["reply_parameters"] = telegram.ReplyParameters(reply_to, allow_sending_without_reply=True)
        message = await _asked(self._sending(out, where))
        card = Card(message.chat.id, message.message_id, place.topic, captioned=out.kind != "text")
        return Sent(card, _file_id(message))

    def _sending(self, out: Outgoing, where: dict[str, object]) -> Awaitable[telegram.Message]:
        if out.kind == "text":
            where["link_preview_options"] = _NO_PREVIEW
            return self._bot.send_message(text=out.html, **where)  # type: ignore[arg-type]
        where |= {"caption": out.html or None, "write_timeout": self._upload, "read_timeout": self._upload}
        file = _input(out)
        width, height = out.sides or (None, None)
        match out.kind:
            case "photo":
                return self._bot.send_photo(photo=file, **where)  # type: ignore[arg-type]
            case "video":
                return self._bot.send_video(
                    video=file, width=width, height=height, supports_streaming=True, **where  # type: ignore[arg-type]
                )  # fmt: skip
            case "animation":
                return self._bot.send_animation(animation=file, width=width, height=height, **where)  # type: ignore[arg-type]
            case _:
                return self._bot.send_document(document=file, disable_content_type_detection=True, **where)  # type: ignore[arg-type]

    async def edit(self, card: Card, html: str | None, keyboard: Keyboard) -> None:
        """Change a message: its text (None leaves it) and its buttons."""
        where: dict[str, object] = {
            "chat_id": card.chat, "message_id": card.message, "reply_markup": _markup(keyboard)
        }  # fmt: skip
        if html is None:
            await _asked(self._bot.edit_message_reply_markup(**where))  # type: ignore[arg-type]
            return
        where["parse_mode"] = ParseMode.HTML
        if card.captioned:
            await _asked(self._bot.edit_message_caption(caption=html, **where))  # type: ignore[arg-type]
        else:
            await _asked(
                self._bot.edit_message_text(text=html, link_preview_options=_NO_PREVIEW, **where)  # type: ignore[arg-type]
            )

    async def delete(self, card: Card) -> None:
        """Take a message away."""
        await _asked(self._bot.delete_message(card.chat, card.message))

    async def answer(self, query: str, text: str, alert: bool = False) -> None:
        """Answer a tap."""
        await _asked(self._bot.answer_callback_query(query, text=text or None, show_alert=alert or None))

    # Chats and people

    async def chat(self, number: int, me: int) -> ChatSeen:
        """A chat, and whether the bot may post there. Raises `Trouble` where it is not in it."""
        found = await _asked(self._bot.get_chat(number))
        title = found.title or found.full_name or ""
        if found.type == "private":
            return ChatSeen(found.id, found.type, title)
        member = await self._member(number, me)
        return ChatSeen(found.id, found.type, title, _missing(member, found.type))

    async def standing(self, chat: int, person: int) -> tuple[bool, bool]:
        """Whether somebody is in a chat, and whether they look after it."""
        member = await self._member(chat, person)
        return is_inside(member), member.get("status") in ("creator", "administrator")

    async def _member(self, chat: int, person: int) -> Json:
        """Somebody's standing, as it came: servers differ in which rights they name."""
        found = await self._read(self._usual, "getChatMember", {"chat_id": chat, "user_id": person}, None)
        return found if isinstance(found, dict) else {}

    async def _read(self, by: _Wire, method: str, asked: Mapping[str, object], within: float | None) -> object:
        """Ask for something without letting the library read the answer."""
        url = f"{self._bot.base_url}/{method}?{urlencode(asked)}"
        return await _asked(by.post(url, read_timeout=by.read_timeout if within is None else within))

    async def show_commands(
        self, commands: Iterable[tuple[str, str]], chat: int | None, person: int | None, *, admins: bool = False
    ) -> None:
        """What people see when they type `/`: everywhere, in a chat, for its administrators, or for one person."""
        scope: telegram.BotCommandScope = telegram.BotCommandScopeDefault()
        if chat is not None:
            scope = telegram.BotCommandScopeChatMember(chat, person) if person else telegram.BotCommandScopeChat(chat)
            scope = telegram.BotCommandScopeChatAdministrators(chat) if admins else scope
        shown = [telegram.BotCommand(name, summary) for name, summary in commands]
        if shown:
            await _asked(self._bot.set_my_commands(shown, scope=scope))
        else:
            await _asked(self._bot.delete_my_commands(scope=scope))

    # Updates

    async def updates(self, offset: int, wait: int, most: int = 100) -> Sequence[Json]:
        """What has been heard since `offset`, which confirms everything before it; waits up to so many seconds."""
        asked = {"offset": offset, "timeout": wait, "limit": most, "allowed_updates": json.dumps(WANTED)}
        # As they came: one update that the library cannot understand must not keep back all the others.
        found = await self._read(self._polling, "getUpdates", asked, wait + _CONNECT)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    async def set_webhook(self, url: str, secret: str) -> None:
        """Let Telegram push updates to an address."""
        await _asked(self._bot.set_webhook(url, secret_token=secret, allowed_updates=list(WANTED)))

    async def webhook(self) -> str:
        """Where Telegram pushes updates, "" for nowhere."""
        return (await _asked(self._bot.get_webhook_info())).url

    async def delete_webhook(self) -> None:
        """Let Telegram push no more; what waits is kept."""
        await _asked(self._bot.delete_webhook())

    async def download(self, file_id: str, out: BinaryIO) -> None:
        """The bytes of a file that somebody sent."""
        found = await _asked(self._bot.get_file(file_id))
        await _asked(found.download_to_memory(out, read_timeout=self._upload))


async def _asked(call: Awaitable[Result]) -> Result:
    try:
        return await call
    except _Flooded as error:
        raise Trouble(Why.FLOOD, str(error), after=timedelta(seconds=error.seconds)) from None
    except ChatMigrated as error:
        raise Trouble(Why.MOVED, str(error), moved_to=error.new_chat_id) from None
    except TelegramError as error:
        # Without its cause, whose request would carry the token along.
        raise _trouble_of(error) from None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        # The library could not read the answer; what was asked for may well have been done.
        raise Trouble(Why.UNSEEN, f"its answer cannot be read: {type(error).__name__}") from None


def _trouble_of(error: TelegramError) -> Trouble:
    cause, text = error.__cause__, str(error)
    if isinstance(cause, httpx.HTTPError | httpx.InvalidURL):
        said = f"{type(cause).__name__}" + (f", {cause}" if str(cause) else "")
        return Trouble(Why.UNSENT if isinstance(cause, _UNSENT) else Why.UNSEEN, said)
    if cause is not None and type(error).__name__ == "NetworkError" and "HTTP implementation" in text:
        # Reading the file failed on the way: what was begun was never finished.
        return Trouble(Why.UNSENT, f"the request could not be put together ({type(cause).__name__})")
    code = _CODES.get(type(error).__name__)
    if code is None:
        found = re.search(r"\((\d{3})\)|\b(5\d\d)\b", text)
        named = {"Bad Gateway": 502, "Gateway Time-out": 504, "Gateway Timeout": 504, "Internal Server Error": 500,
                 "Service Unavailable": 503, "Request Entity Too Large": 413}  # fmt: skip
        code = next((number for words, number in named.items() if words in text), None)
        code = code or (int(found[1] or found[2]) if found else 0)
    return Trouble(sorted_out(code, text) if code else Why.UNSEEN, text)


_CODES = {"InvalidToken": 401, "Forbidden": 403, "BadRequest": 400, "Conflict": 409}


def _markup(keyboard: Keyboard) -> telegram.InlineKeyboardMarkup | None:
    return telegram.InlineKeyboardMarkup([[_button(each) for each in row] for row in keyboard]) if keyboard else None


def _button(button: Button) -> telegram.InlineKeyboardButton:
    copied = telegram.CopyTextButton(button.copy_text) if button.copy_text is not None else None
    return telegram.InlineKeyboardButton(
        button.label, callback_data=button.send, copy_text=copied, url=button.url
    )  # fmt: skip


def _input(out: Outgoing) -> telegram.InputFile | str:
    if out.file is None:
        raise ValueError(f"A message of kind {out.kind} needs a file.")
    # Handed on as it is, a file is read piece by piece while it is sent.
    return out.file if isinstance(out.file, str) else telegram.InputFile(out.file, out.name, read_file_handle=False)


def _file_id(message: telegram.Message) -> str:
    if message.photo:
        return message.photo[-1].file_id
    found = message.video or message.animation or message.document
    return found.file_id if found is not None else ""


def _missing(member: Json, kind: str) -> str:
    """What the bot would need to post cards in a chat of this kind."""
    if not is_inside(member):
        return "to be in the chat"
    status = member.get("status")
    if kind == "channel":
        return "" if member.get("can_post_messages") else "to be an administrator who may post messages"
    rights = {"can_send_messages": "messages", "can_send_photos": "photos", "can_send_videos": "videos",
              "can_send_documents": "files"}  # fmt: skip
    lacking = [word for right, word in rights.items() if status == "restricted" and not member.get(right)]
    return f"to be allowed to send {', '.join(lacking)}" if lacking else ""
