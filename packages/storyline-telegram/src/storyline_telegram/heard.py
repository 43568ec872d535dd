"""What Telegram tells the bot, as our own values, read from its JSON as far as we need it. Pure; never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from storyline_telegram.places import Card
from storyline_telegram.routes import Place

WANTED = ("message", "channel_post", "callback_query", "my_chat_member")
"""The kinds of update that the bot asks for."""

Json = Mapping[str, object]
_PRESENT = frozenset({"creator", "administrator", "member"})


@attrs.frozen
class Who:
    """Somebody who wrote or tapped."""

    id: int
    name: str
    username: str | None = None
    is_bot: bool = False

    @property
    def key(self) -> str:
        """The person as core knows them."""
        return f"telegram:{self.id}"


@attrs.frozen
class Chat:
    """A chat as Telegram names it: `kind` is `private`, `group`, `supergroup` or `channel`."""

    id: int
    kind: str
    title: str = ""


@attrs.frozen
class Tapped:
    """A tap. `card` is None where Telegram shows its message no more; `author` sent the message (None in channels).

    `carried` is everything that the message's buttons carry.
    """

    query: str
    who: Who
    text: str
    chat: Chat | None = None
    card: Card | None = None
    author: int | None = None
    forwarded: bool = False
    carried: frozenset[str] = frozenset()


@attrs.frozen
class SentFile:
    """A file in a message; `as_picture` where Telegram compressed it."""

    id: str
    name: str
    size: int
    media_type: str
    as_picture: bool = False


@attrs.frozen
class Wrote:
    """A message of somebody (`who` None: of a channel itself)."""

    chat: Chat
    place: Place
    message: int
    who: Who | None
    text: str
    reply_to: int | None = None
    file: SentFile | None = None


@attrs.frozen
class Grown:
    """A group has become a supergroup with another number."""

    old: int
    new: int


@attrs.frozen
class Membership:
    """The bot was added to a chat, removed from it, or given other rights, by somebody."""

    chat: Chat
    by: Who
    inside: bool
    was_inside: bool
    status: str


Heard = Tapped | Wrote | Grown | Membership


def read_update(update: Json) -> Heard | None:
    """What an update says, or None for what is of no interest."""
    if query := _table(update, "callback_query"):
        return _tapped(query)
    if message := _table(update, "message") or _table(update, "channel_post"):
        return _wrote(message)
    if moved := _table(update, "my_chat_member"):
        return _membership(moved)
    return None


def _tapped(query: Json) -> Tapped | None:
    who, number = _who(_table(query, "from")), _text(query, "id")
    if who is None or not number:
        return None
    message = _table(query, "message")
    chat = _chat(_table(message, "chat"))
    bare = Tapped(number, who, _text(query, "data"), chat)
    at = _number(message, "message_id")
    # A date of 0 is Telegram's sign for a message that the bot can see no more.
    if chat is None or at is None or not _number(message, "date"):
        return bare
    author = _who(_table(message, "from"))
    keyboard = _table(message, "reply_markup").get("inline_keyboard")
    captioned = "text" not in message
    return attrs.evolve(
        bare,
        card=Card(chat.id, at, _topic(message), captioned),
        author=author.id if author else None,
        forwarded="forward_origin" in message or "forward_date" in message,
        carried=frozenset(_carried(keyboard)),
    )


def _wrote(message: Json) -> Heard | None:
    chat, number = _chat(_table(message, "chat")), _number(message, "message_id")
    if chat is None or number is None:
        return None
    if new := _number(message, "migrate_to_chat_id"):
        return Grown(chat.id, new)
    if old := _number(message, "migrate_from_chat_id"):
        return Grown(old, chat.id)
    return Wrote(
        chat=chat,
        place=Place(chat.id, _topic(message)),
        message=number,
        who=None if _speaks_for_another(message) else _who(_table(message, "from")),
        text="" if _is_forwarded(message) else _text(message, "text") or _text(message, "caption"),
        reply_to=_number(_table(message, "reply_to_message"), "message_id"),
        file=_file(message),
    )


def _speaks_for_another(message: Json) -> bool:
    """Whether no person has sent this: a channel's post, a group's or another bot's word."""
    return any(message.get(sign) for sign in ("sender_chat", "is_automatic_forward", "via_bot"))


def _is_forwarded(message: Json) -> bool:
    """Whether somebody passed on another's words, which are no command of theirs."""
    return bool(message.get("forward_origin") or message.get("forward_date"))


def _membership(moved: Json) -> Membership | None:
    chat, by = _chat(_table(moved, "chat")), _who(_table(moved, "from"))
    if chat is None or by is None:
        return None
    before, after = _table(moved, "old_chat_member"), _table(moved, "new_chat_member")
    return Membership(chat, by, is_inside(after), is_inside(before), _text(after, "status"))


def is_inside(member: Json) -> bool:
    """Whether a ChatMember is in the chat."""
    status = _text(member, "status")
    return status in _PRESENT or (status == "restricted" and bool(member.get("is_member")))


def _file(message: Json) -> SentFile | None:
    sizes = message.get("photo")
    if isinstance(sizes, Sequence) and sizes and isinstance(sizes[-1], Mapping):
        best = sizes[-1]
        name = f"photo-{_number(message, 'message_id')}.jpg"
        return SentFile(_text(best, "file_id"), name, _number(best, "file_size") or 0, "image/jpeg", as_picture=True)
    for kind in ("document", "animation", "video"):
        if found := _table(message, kind):
            name = _text(found, "file_name") or f"{kind}-{_number(message, 'message_id')}"
            media_type = _text(found, "mime_type")
            return SentFile(
                _text(found, "file_id"), name, _number(found, "file_size") or 0, media_type, as_picture=kind == "video"
            )
    return None


def _carried(keyboard: object) -> list[str]:
    rows = keyboard if isinstance(keyboard, list) else []
    buttons = [button for row in rows if isinstance(row, list) for button in row if isinstance(button, Mapping)]
    return [text for button in buttons if (text := _text(button, "callback_data"))]


def _topic(message: Json) -> int | None:
    # Replies in groups without topics carry a thread as well, which nothing can be sent to.
    return _number(message, "message_thread_id") if message.get("is_topic_message") else None


def _chat(told: Json) -> Chat | None:
    number = _number(told, "id")
    if number is None:
        return None
    title = _text(told, "title") or " ".join(filter(None, (_text(told, "first_name"), _text(told, "last_name"))))
    return Chat(number, _text(told, "type"), title)


def _who(told: Json) -> Who | None:
    number = _number(told, "id")
    if number is None:
        return None
    name = " ".join(filter(None, (_text(told, "first_name"), _text(told, "last_name"))))
    return Who(number, name, _text(told, "username") or None, bool(told.get("is_bot")))


def _table(told: Json, name: str) -> Json:
    value = told.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(told: Json, name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _number(told: Json, name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
