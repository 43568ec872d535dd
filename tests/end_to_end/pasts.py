"""An account in memory that has posted before, and a source in memory into which that can be saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from storyline_core import (
    Account,
    BackfillReport,
    BackfillRequest,
    BackfillSettings,
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
from storyline_core.testing.memory_past import MemoryPast
from storyline_core.testing.samples import picture
from tests.end_to_end.world import SetClock

NOW = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


def past_of(plugin: MemoryPlugin, count: int = 0, *, every: timedelta = timedelta(days=1)) -> MemoryPast:
    """The past of the account, with so many posts: the newest a day ago, each by its own picture."""
    past = plugin.stage().past
    for number in range(count):
        at = NOW - every * (number + 1)
        past.post(f"m{number:05}", picture(number, size=(24, 40)), at, caption=f"Post {number} #tee", tags=("tee",))
    return past


def settings_of(database_url: str, source_kind: str = "memory", **account: object) -> Settings:
    """An automatic account on a stage that has a past, an archive to save it into, and a source it posts from."""
    given: dict[str, object] = {
        "name": "main",
        "sources": ("archive",),
        "publisher": "brand",
        "mode": Mode.AUTO,
        "schedule": Schedule(posts_per_day=3, opens=time(9), closes=time(21), jitter=timedelta(0)),
    }
    return Settings(
        database_url=database_url,
        sources=[SourceEntry("archive", source_kind, Place("archive")), SourceEntry("photos", "memory", Place())],
        publishers=[
            Entry("brand", "memory-past", Place(), backfill=BackfillSettings("archive", timedelta(days=1))),
            Entry("plain", "memory", Place("other")),
        ],
        accounts=[Account(**(given | account))],  # type: ignore[arg-type]
    )


@contextmanager
def opened_past(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, source_kind: str = "memory", **account: object
) -> Iterator[Storyline]:
    """The Storyline of that world; every call outside asserts that no transaction is open."""
    settings = settings_of(database_url, source_kind, **account)
    with open_storyline(settings, plugins=load_plugins(extra=[plugin], entry_points=False), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline


def save_past(storyline: Storyline, **asked: object) -> BackfillReport:
    """One backfill of the account into the archive, as somebody at the machine asks for it."""
    return storyline.backfill("brand", BackfillRequest(into="archive", **asked))  # type: ignore[arg-type]


def files_of(plugin: MemoryPlugin) -> list[bytes]:
    """What lies in the archive."""
    return [file.content for file in plugin.folder("archive").files.values()]
