"""The real store and the real steps around a team in Telegram: a folder in memory, a clock that tests set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from storyline_core import (
    Account,
    Entry,
    Mode,
    Post,
    PostState,
    Schedule,
    Secret,
    Settings,
    SourceEntry,
    Storyline,
    TeamRole,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import picture
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.telegram.teams import Team, eventually

SLOT = datetime(2026, 5, 1, 7, 0, tzinfo=UTC)
"""The first slot of the day: nine in the morning in Berlin."""


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = SLOT - timedelta(hours=1)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


@attrs.define
class House:
    """An opened Storyline whose team sits in Telegram."""

    storyline: Storyline
    team: Team
    clock: SetClock
    memory: MemoryPlugin

    def first_card(self) -> Post:
        """Sync, fill, and let the first slot come."""
        self.storyline.tick()
        self.clock.at = SLOT
        self.storyline.tick()
        return self.post(PostState.OFFERED)

    def post(self, *states: PostState) -> Post:
        """The first unsettled post in one of these states."""
        with self.storyline.read() as unit:
            return unit.queue.unsettled("main", states or None)[0]

    def now(self, post: Post) -> Post:
        """The post as it is now."""
        return self.storyline.post(post.id)

    def settled(self, post: Post, *states: PostState) -> Post:
        """Wait until a post is in one of these states."""
        eventually(lambda: self.now(post).state in states)
        return self.now(post)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the team meanwhile, as a daemon does."""
        stop = threading.Event()
        failed: list[BaseException] = []

        def listen() -> None:
            try:
                with self.storyline.sibling() as sibling:
                    sibling.listen("team", stop.is_set)
            except BaseException as error:  # noqa: BLE001 - carried over to the test's own thread
                failed.append(error)

        thread = threading.Thread(target=listen)
        asked = self.team.bot.poll
        thread.start()
        try:
            eventually(lambda: self.team.bot.poll > asked or self.team.bot.webhook or failed)
            yield
        finally:
            stop.set()
            thread.join(20)
        assert not thread.is_alive()
        assert not failed, failed


def settings_of(
    database_url: str, team: Team, telegram: dict[str, object], key: Secret | None = None, **account: object
) -> Settings:
    """One account that the team posts by hand."""
    given: dict[str, object] = {
        "name": "main",
        "sources": ("photos",),
        "notifier": "team",
        "mode": Mode.MANUAL,
        "schedule": Schedule(
            posts_per_day=3, opens=time(9), closes=time(21), jitter=timedelta(0), zone=ZoneInfo("Europe/Berlin")
        ),
    }
    return Settings(
        database_url=database_url,
        sources=[SourceEntry("photos", "memory", Place())],
        notifiers=[Entry("team", "telegram", team.settings(**telegram))],
        publishers=[Entry("stage", "memory", Place())],
        accounts=[Account(**(given | account))],  # type: ignore[arg-type]
        secret_key=key,
    )


@contextmanager
def opened_house(
    database_url: str,
    team: Team,
    *,
    pictures: int = 8,
    telegram: dict[str, object] | None = None,
    key: Secret | None = None,
    **account: object,
) -> Iterator[House]:
    """The team's Storyline, with so many pictures; `key` seals what plugins remember."""
    memory, clock = MemoryPlugin(), SetClock()
    for number in range(pictures):
        memory.folder().write(f"{('cats', 'dogs')[number % 2]}/{number:03}.jpg", picture(number))
    settings = settings_of(database_url, team, telegram or {}, key, **account)
    with open_storyline(settings, plugins=load_plugins(extra=[memory]), clock=clock) as storyline:
        storyline.set_role(f"telegram:{team.ann.id}", TeamRole.ADMIN)
        yield House(storyline, team, clock, memory)
