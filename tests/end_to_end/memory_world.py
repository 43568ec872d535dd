"""A world in memory around the real store and the real steps: what is outside is scripted, and watched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta

from PIL import Image

from storyline_core import (
    Account,
    Entry,
    Mode,
    Schedule,
    Settings,
    SourceEntry,
    Storyline,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.world import SetClock


def picture(number: int) -> bytes:
    """A small JPEG of its own colour."""
    file = io.BytesIO()
    Image.new("RGB", (54, 96), (number * 37 % 256, number * 91 % 256, number * 13 % 256)).save(file, "JPEG")
    return file.getvalue()


def fill_folder(plugin: MemoryPlugin, pictures: int, categories: tuple[str, ...] = ("cats", "dogs")) -> None:
    """So many pictures, spread over the categories."""
    for number in range(pictures):
        plugin.folder().write(f"{categories[number % len(categories)]}/{number:03}.jpg", picture(number))


def settings_of(database_url: str, **account: object) -> Settings:
    """One automatic account with a source, a team and a stage in memory."""
    given: dict[str, object] = {
        "name": "main",
        "sources": ("photos",),
        "notifier": "team",
        "publisher": "stage",
        "mode": Mode.AUTO,
        "schedule": Schedule(posts_per_day=3, opens=time(9), closes=time(21), jitter=timedelta(0)),
    }
    return Settings(
        database_url=database_url,
        sources=[SourceEntry("photos", "memory", Place())],
        notifiers=[Entry("team", "memory", Place())],
        publishers=[Entry("stage", "memory", Place())],
        accounts=[Account(**(given | account))],  # type: ignore[arg-type]
    )


@contextmanager
def opened_in_memory(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, **account: object
) -> Iterator[Storyline]:
    """The Storyline of that world; every call outside asserts that no transaction is open."""
    plugins = load_plugins(extra=[plugin])
    with open_storyline(settings_of(database_url, **account), plugins=plugins, clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline
