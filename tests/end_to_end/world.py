"""A small world for end-to-end tests: a folder of pictures, an outbox, a database, a clock that tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import attrs
from PIL import Image

from storyline_core import Account, Mode, Schedule, Storyline, load_plugins, open_storyline
from storyline_core.settings import Entry, Settings, SourceEntry
from storyline_core.testing import files
from storyline_core.testing.files import FileTeam
from storyline_local import LocalFolder, Outbox, Terminal

START = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
"""Before the day's first slot."""


@attrs.frozen
class World:
    """Where everything lies."""

    folder: Path
    outbox: Path
    database_url: str

    def settings(self, **account: object) -> Settings:
        """One account that publishes by itself into the outbox, unless the test says otherwise."""
        given: dict[str, object] = {
            "name": "main",
            "sources": ("photos",),
            "publisher": "out",
            "mode": Mode.AUTO,
            "schedule": Schedule(posts_per_day=3, opens=time(9), closes=time(21), jitter=timedelta(0)),
        }
        return Settings(
            database_url=self.database_url,
            sources=[SourceEntry("photos", "local", LocalFolder(path=self.folder))],
            publishers=[Entry("out", "outbox", Outbox(path=self.outbox))],
            accounts=[Account(**(given | account))],  # type: ignore[arg-type]
        )

    def team_settings(self, **account: object) -> Settings:
        """The same account, posted by hand by a team at the terminal."""
        settings = self.settings(**({"notifier": "team", "publisher": None, "mode": Mode.MANUAL} | account))
        return attrs.evolve(settings, notifiers=[Entry("team", "terminal", Terminal())])

    def carded_settings(self) -> Settings:
        """The same account, posted by hand by a team whose cards are lines in a file."""
        settings = self.team_settings()
        return attrs.evolve(settings, notifiers=[Entry("team", "file-team", FileTeam(self.outbox.parent / "team"))])

    def cards(self, post_id: str) -> int:
        """How many cards of a post the team was really shown."""
        return files.calls(self.outbox.parent / "team").count(("offer", post_id))

    def published(self) -> list[Path]:
        """The stories that lie in the outbox."""
        return sorted(path for path in self.outbox.glob("*.jpg") if not path.name.startswith("."))


def make_world(root: Path, database_url: str, pictures: int = 12) -> World:
    """A folder with so many small pictures in two categories."""
    folder, outbox = root / "pictures", root / "outbox"
    for number in range(pictures):
        category = folder / ("cats" if number % 2 else "dogs")
        category.mkdir(parents=True, exist_ok=True)
        colour = (number * 20 % 256, number * 57 % 256, 120)
        Image.new("RGB", (108, 192), colour).save(category / f"{number:03}.jpg")
    outbox.mkdir(parents=True, exist_ok=True)
    return World(folder, outbox, database_url)


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> datetime:
        """Let time pass."""
        self.at += by
        return self.at


@contextmanager
def opened_for_team(world: World, clock: Callable[[], datetime], **account: object) -> Iterator[Storyline]:
    """The world's Storyline with a team that decides on the command line."""
    with open_storyline(world.team_settings(**account), plugins=load_plugins(), clock=clock) as storyline:
        yield storyline


@contextmanager
def opened(world: World, clock: Callable[[], datetime], **account: object) -> Iterator[Storyline]:
    """The world's Storyline, opened for real."""
    with open_storyline(world.settings(**account), plugins=load_plugins(), clock=clock) as storyline:
        yield storyline
