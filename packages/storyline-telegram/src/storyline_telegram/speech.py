"""What is said to the bot and what it says back, in our own values: nothing here knows the Telegram library."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

import attrs

from storyline_telegram.buttons import Keyboard
from storyline_telegram.routes import Place

HTML = str
"""A text as Telegram HTML, at most 4096 units long: what the pure modules make."""

MOST_DOWNLOADED = 20_000_000
"""Bytes of a file that a bot can read through Telegram's own server."""


@attrs.frozen
class Said:
    """One message (or tap) of a person in a configured chat.

    `chat_kind` is Telegram's: `private`, `group`, `supergroup` or `channel`. `person` is the key `telegram:123456789`.
    `text` is what was typed (without the bot's own name in `/queue@MyBot`), "" for a tap. `message_id` is the message
    that was written, or whose button was tapped; `reply_to` the message it answers.
    """

    place: Place
    chat_kind: str
    person: str
    name: str
    username: str | None
    text: str
    message_id: int
    reply_to: int | None = None


@attrs.frozen
class Upload:
    """A file that somebody sent to the bot; `said.text` is its caption.

    `size` is in bytes. `media_type` is what Telegram says, which may be wrong or "". `open` fetches the bytes and gives
    them seekable; the caller closes it. It raises `Refused` for a file over `MOST_DOWNLOADED`, `Unavailable` when
    Telegram does not answer. `as_picture` says that Telegram compressed it on its way: it is not the original.
    `into` is the source that the settings name for uploads, "" if none.
    """

    said: Said
    file_name: str
    size: int
    media_type: str
    open: Callable[[], BinaryIO]
    as_picture: bool = False
    into: str = ""


class Spoken(Protocol):
    """A message that the bot has said and can still change."""

    def edit(self, html: HTML, keyboard: Keyboard = ()) -> None:
        """Change what it says. Never raises and never waits long: edits that follow too closely are left out, except
        that the last one is always shown.
        """


class Voice(Protocol):
    """How to answer a person in the chat where they wrote. Safe from any thread."""

    def say(self, html: HTML, keyboard: Keyboard = (), *, silent: bool = False) -> Spoken:
        """Say something below what they wrote. Raises the errors under `PluginFault` when it cannot be sent."""

    def tapped(self) -> Spoken | None:
        """The message whose button was tapped, to be changed in place; None after a message."""

    def toast(self, text: str, alert: bool = False) -> None:
        """Answer a tap with a small text over the chat (`alert`: in a window that must be closed).

        The first one counts; after a message, or once the tap has been answered, nothing happens. Never raises.
        """
