"""A notifier made of its settings: the places, the manner of its cards, and the bot's connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time
from importlib.metadata import version

import attrs

from storyline_core import Runtime, parse_window
from storyline_telegram.asking import Room
from storyline_telegram.carding import Manner
from storyline_telegram.cards import USUAL
from storyline_telegram.connection import Line, connected
from storyline_telegram.lifecycle import Habits
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.pacing import Limits
from storyline_telegram.pictures import MOST_UPLOAD, MOST_UPLOAD_LOCALLY
from storyline_telegram.places import Places
from storyline_telegram.plugin import Telegram
from storyline_telegram.routes import Place, QuietHours, Route
from storyline_telegram.templates import read_template
from storyline_telegram.webhook import Door


@contextmanager
def opened(settings: Telegram, runtime: Runtime) -> Iterator[TelegramNotifier]:
    """The notifier; its connection is closed in the end, unless others use it still."""
    with connected(line_of(settings)) as connection:
        yield TelegramNotifier(
            runtime,
            connection,
            places_of(settings),
            manner_of(settings),
            patience=settings.patience.total_seconds(),
            door=_door(settings),
            upload_into=settings.upload_into,
            local=settings.local_server,
            room=Room(quiet_hours=settings.quiet_hours),
            habits=habits_of(settings),
        )


def line_of(settings: Telegram) -> Line:
    """How the bot is reached."""
    return Line(
        token=settings.token.reveal(),
        api_url=settings.api_url,
        limits=Limits(settings.messages_per_second, settings.messages_per_minute, settings.all_messages_per_second),
        answer_within=settings.answer_within.total_seconds(),
        upload_within=settings.upload_within.total_seconds(),
    )


def places_of(settings: Telegram) -> Places:
    """The chats that are answered."""
    return Places(
        main=Place(settings.chat, settings.topic),
        admin=None if settings.admin_chat is None else Place(settings.admin_chat),
        upload=None if settings.upload_chat is None else Place(settings.upload_chat),
        routes=tuple(
            Route(each.chat, each.topic, each.tags, each.categories, each.accounts) for each in settings.routes
        ),
    )


def manner_of(settings: Telegram) -> Manner:
    """How cards are written."""
    return Manner(
        template=read_template(settings.template) if settings.template else USUAL,
        quiet=quiet_of(settings),
        most_upload=MOST_UPLOAD_LOCALLY if settings.local_server else MOST_UPLOAD,
    )


def quiet_of(settings: Telegram) -> QuietHours | None:
    """The quiet hours, if there are any. What is not urgent comes without a sound then; nothing is held back."""
    if not settings.quiet_hours:
        return None
    window = parse_window(settings.quiet_hours)
    return QuietHours(window.opens, window.closes, settings.zone, hold=False)


def habits_of(settings: Telegram) -> Habits:
    """When news come: those wait for the end of the quiet hours."""
    quiet = quiet_of(settings)
    return Habits(
        digest_at=None if settings.digest == "off" else time.fromisoformat(settings.digest),
        quiet=None if quiet is None else attrs.evolve(quiet, hold=True),
        version=version("storyline-telegram"),
    )


def _door(settings: Telegram) -> Door | None:
    hook = settings.webhook
    return None if hook is None else Door(hook.url, hook.secret, hook.bind, hook.port)
