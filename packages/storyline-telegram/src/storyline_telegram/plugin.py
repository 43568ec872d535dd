"""What storyline-telegram offers: the notifier `telegram`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs

from storyline_core import Kind, Notifier, NotifierKind, Runtime, Secret, duration_text, hookimpl, parse_window

LONGEST_UPLOAD = timedelta(minutes=4)
"""A card must be sent before core gives its post to somebody else."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ONE_BOT_EACH = (
    "Two would take each other's taps away. Give each a bot of its own, or let one serve several chats: "
    'routes = [{ chat = -100…, accounts = ["…"] }].'
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _help(text: str) -> dict[str, str]:
    return {"help": text}


def _template(instance: object, field: attrs.Attribute[str], value: str) -> None:
    from storyline_telegram.templates import read_template

    if value:
        read_template(value)


def _quiet(instance: object, field: attrs.Attribute[str], value: str) -> None:
    try:
        parse_window(value or "00:00-23:59")
    except ValueError as error:
        raise ValueError(f"{field.name}: {error}") from None


def _moment(instance: object, field: attrs.Attribute[str], value: str) -> None:
    if value != "off" and not _CLOCK.fullmatch(value):
        raise ValueError(f'{field.name}: {value!r} is no time of day. Write it as "20:00", or "off".')


def _source_too(instance: Telegram, field: attrs.Attribute[str], value: str) -> None:
    if instance.upload_chat is not None and not value:
        raise ValueError("an upload chat needs the source that its files go into. Name it, or leave out upload_chat.")


def _between(least: timedelta, most: timedelta) -> Callable[[object, attrs.Attribute[timedelta], timedelta], None]:
    """A length of time within these two, both included."""

    def check(instance: object, field: attrs.Attribute[timedelta], value: timedelta) -> None:
        if not least <= value <= most:
            ends = f"{duration_text(least)} and {duration_text(most)}"
            raise ValueError(f"{field.name}: this must lie between {ends}.")

    return check


def _port(instance: object, field: attrs.Attribute[int], value: int) -> None:
    if not 1 <= value <= 65535:
        raise ValueError("port: this must lie between 1 and 65535.")


def _server(instance: object, field: attrs.Attribute[str], value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f'{field.name}: {value!r} is no web address. Write it as "https://api.telegram.org".')


def _pushed_to(instance: object, field: attrs.Attribute[str], value: str) -> None:
    near = urlsplit(value).hostname in ("127.0.0.1", "localhost")
    if urlsplit(value).scheme != "https" and not near:
        raise ValueError("url: Telegram pushes to https addresses only.")


def _secret_token(instance: object, field: attrs.Attribute[Secret], value: Secret) -> None:
    if not _SECRET.fullmatch(value.reveal()):
        raise ValueError("secret: what Telegram shows may have letters, digits, _ and -, and 256 of them at most.")


@attrs.frozen
class RouteTo:
    """Cards of these accounts, tags or categories go to this chat, and there to this topic."""

    chat: int = attrs.field(metadata=_help("the chat's number"))
    topic: int | None = attrs.field(default=None, metadata=_help("the topic's number there"))
    tags: tuple[str, ...] = attrs.field(default=(), metadata=_help("items with one of these tags"))
    categories: tuple[str, ...] = attrs.field(default=(), metadata=_help("items of one of these categories"))
    accounts: tuple[str, ...] = attrs.field(default=(), metadata=_help("cards of one of these accounts"))


@attrs.frozen
class Webhook:
    """Updates are pushed by Telegram to a server behind a proxy."""

    url: str = attrs.field(validator=_pushed_to, metadata=_help("the public https address that the proxy answers"))
    secret: Secret = attrs.field(
        validator=_secret_token, metadata=_help("what Telegram shows with every push: letters, digits, _ and -")
    )
    bind: str = attrs.field(default="127.0.0.1", metadata=_help("the address on this machine that is listened on"))
    port: int = attrs.field(
        default=8443,
        validator=_port,
        metadata=_help("the port on this machine that is listened on"),
    )


@attrs.frozen
class Telegram:
    """A team's chat in Telegram."""

    token: Secret = attrs.field(metadata=_help("the bot's token from @BotFather") | {"alone": _ONE_BOT_EACH})
    chat: int = attrs.field(
        metadata=_help("the team's chat; `storyline telegram chats` shows the numbers of those the bot has seen")
    )
    topic: int | None = attrs.field(default=None, metadata=_help("the topic in it, where the group has topics"))
    admin_chat: int | None = attrs.field(
        default=None, metadata=_help("where alerts and news go; left out, to the team's chat")
    )
    upload_chat: int | None = attrs.field(
        default=None, metadata=_help("where admins send pictures as files to add them to the library")
    )
    upload_into: str = attrs.field(
        default="",
        validator=_source_too,
        metadata=_help('the source that files of the upload chat go into, perhaps with a folder: "photos/incoming"'),
    )
    routes: tuple[RouteTo, ...] = attrs.field(
        default=(),
        metadata=_help("cards that go elsewhere: { chat, topic, accounts, tags, categories }; the first match wins"),
    )
    quiet_hours: str = attrs.field(
        default="", validator=_quiet, metadata=_help('when cards come without a sound, such as "22:00-08:00"')
    )
    zone: ZoneInfo = attrs.field(default=ZoneInfo("UTC"), metadata=_help("the zone of quiet_hours"))
    template: str = attrs.field(
        default="", validator=_template, metadata=_help("the card's text with fields such as {title}; see the guide")
    )
    digest: str = attrs.field(
        default="off",
        validator=_moment,
        metadata=_help('when the day is summed up, in the account\'s zone, such as "20:00"; or "off"'),
    )
    webhook: Webhook | None = attrs.field(
        default=None, metadata=_help("how Telegram pushes updates; left out, they are fetched")
    )
    api_url: str = attrs.field(
        default="https://api.telegram.org", validator=_server, metadata=_help("the Bot API server")
    )
    local_server: bool = attrs.field(
        default=False, metadata=_help("whether api_url is a server of your own, which takes files up to 2000 MB")
    )
    patience: timedelta = attrs.field(
        default=timedelta(seconds=5),
        validator=_between(timedelta(), timedelta(minutes=1)),
        metadata=_help("how long a card waits for its turn in a busy chat before other accounts go on"),
    )
    answer_within: timedelta = attrs.field(
        default=timedelta(seconds=20),
        validator=_between(timedelta(seconds=1), timedelta(minutes=1)),
        metadata=_help("how long Telegram may take to answer"),
    )
    upload_within: timedelta = attrs.field(
        default=timedelta(minutes=2),
        validator=_between(timedelta(seconds=1), LONGEST_UPLOAD),
        metadata=_help("how long the upload of a file may take"),
    )
    messages_per_second: int = attrs.field(
        default=1, validator=attrs.validators.ge(1), metadata=_help("messages in one chat per second")
    )
    messages_per_minute: int = attrs.field(
        default=20, validator=attrs.validators.ge(1), metadata=_help("messages in one group per minute")
    )
    all_messages_per_second: int = attrs.field(
        default=30, validator=attrs.validators.ge(1), metadata=_help("messages in all chats together per second")
    )


@contextmanager
def open_telegram(settings: Telegram, runtime: Runtime) -> Iterator[Notifier]:
    """Open a team's chat. Nothing is contacted before it is used."""
    from storyline_telegram.opened import opened

    with opened(settings, runtime) as notifier:
        yield notifier


@hookimpl
def storyline_notifiers() -> Sequence[NotifierKind]:
    """The notifier `telegram`."""
    summary = "a team's chat in Telegram: cards with buttons, commands and alerts"
    return [Kind(name="telegram", settings=Telegram, open=open_telegram, summary=summary)]
