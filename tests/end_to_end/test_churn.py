"""A day of churn with random kills: in the end the library is what a first look at the folder gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import attrs
import pytest
from hypothesis import settings

from storyline_core import Partial, RememberedFile, Storyline, SyncReport, SyncRequest
from tests.end_to_end.churning import Crowd, Orders, key_of, open_library, start_toiler
from tests.end_to_end.ground import SOURCE, found, told
from tests.end_to_end.world import SetClock

DAWN = datetime(2026, 5, 1, tzinfo=UTC)
LAPSE = timedelta(minutes=6)
"""Longer than the lease of a process that was killed lasts."""

LOOKED_AT = 8
"""After so many kills there is a moment of quiet, in which everything is looked at."""

MOMENTS = 1_000_000
"""How far to count at most before a kill: about as long as a sync takes."""

QUICK = 48
PROFILE = settings().max_examples / settings.get_profile("quick").max_examples
KILLS = max(8, int(QUICK * min(PROFILE, 10)))
DAYS = max(1, int(PROFILE / 10))


@attrs.define
class Day:
    """A folder, its library, the crowd, and what was seen of them last."""

    crowd: Crowd
    storyline: Storyline
    clock: SetClock
    random: Random
    known: dict[int, int] = attrs.field(factory=dict)
    held: set[int] = attrs.field(factory=set)
    edits: dict[int, str] = attrs.field(factory=dict)

    def remembered(self) -> list[RememberedFile]:
        """Every item there ever was."""
        with self.storyline.read() as unit:
            return unit.library.remembered(SOURCE)

    def living(self) -> dict[str, RememberedFile]:
        """By key; two living items with one key are a mistake."""
        alive = [file for file in self.remembered() if file.removed_at is None]
        by_key = {file.key: file for file in alive}
        assert len(by_key) == len(alive), "two living items have one key"
        return by_key

    def after_a_kill(self) -> None:
        """Whatever was cut off, nobody is lost who was only renamed or moved."""
        alive = {file.id for file in self.living().values()}
        for birth, path in self.crowd.faithful().items():
            if birth in self.known:
                assert self.known[birth] in alive, f"{path} was only renamed, and its item was removed"

    def quiet(self) -> SyncReport:
        """Nobody works, and one sync goes through to its end."""
        self.clock.forward(LAPSE)
        report = self.storyline.sync(SOURCE, SyncRequest(accept_removals=True))
        assert (report.deferred, report.held) == (0, ())
        return report

    def look(self, *, looked_at: bool) -> None:
        """The library is level with the folder, and everybody is who they were.

        `looked_at` says whether the crowd will work while syncs are under way from now on.
        """
        self.quiet()
        living = self.living()
        there = {key_of(path): file for path, file in self.crowd.files.items()}
        assert living.keys() == there.keys()
        for key, file in there.items():
            assert (living[key].digest, living[key].size) == (file.digest, len(file.written)), key
            assert living[key].missing_since is None
            assert living[key].unknown_since is None
        again = {birth: living[key_of(path)].id for birth, path in self.crowd.faithful().items()}
        others = {
            self.crowd_path(birth): (self.known[birth], number)
            for birth, number in again.items()
            if self.known.get(birth, number) != number
        }
        assert not others, f"only renamed or moved, and now other items: {others}"
        self.crowd.watch(looked_at=looked_at)
        self._tombs_are_of_what_is_gone()
        self.known = {file.birth: living[key_of(path)].id for path, file in self.crowd.files.items()}

    def crowd_path(self, birth: int) -> str:
        """Where a file lies."""
        return next(path for path, file in self.crowd.files.items() if file.birth == birth)

    def _tombs_are_of_what_is_gone(self) -> None:
        tombs = {file.digest for file in self.remembered() if file.removed_at is not None and file.size}
        alone = {file.digest for file in self.crowd.files.values()} - self.crowd.shared - self.crowd.exposed
        assert not tombs & alone, "a file lies there, and the item it was is a tombstone"

    def curate(self) -> None:
        """Somebody keeps some items back and says something about others."""
        there = sorted(file.id for file in self.living().values())
        kept = self.random.choice(there)
        self.storyline.hold_item(kept, by="cli:anna")
        self.held.add(kept)
        number = self.random.choice(there)
        self.edits[number] = f"by hand {len(self.edits)}"
        self.storyline.edit_item(number, Partial(title=self.edits[number]), by="cli:anna")

    def what_people_did_is_there(self) -> None:
        """Holds and words of a person outlive everything."""
        with self.storyline.read() as unit:
            held = {hold.item_id for hold in unit.holds.list(self.clock())}
            said = unit.library.edits_of(self.edits)
        assert held == self.held
        assert {number: words["title"] for number, words in said.items()} == self.edits


@contextmanager
def _day(root: Path, url: str, seed: int) -> Iterator[Day]:
    root.mkdir(parents=True)
    clock, random = SetClock(DAWN), Random(seed)
    crowd = Crowd(root, random, clock)
    for _ in range(150):
        crowd.add()
    with open_library(root, url, clock) as storyline:
        yield Day(crowd, storyline, clock, random)


@pytest.mark.parametrize("seed", range(DAYS))
def test_a_day_of_churn_with_kills_leaves_the_library_of_a_first_look(
    seed: int, tmp_path: Path, fresh_database: Callable[[], str]
) -> None:
    root, url = tmp_path / "pictures", fresh_database()
    with _day(root, url, seed) as day:
        for kill in range(KILLS):
            looked_at = kill // LOOKED_AT % 2 == 1
            if kill % LOOKED_AT == 0:
                day.look(looked_at=looked_at)
                day.curate()
            day.clock.forward(LAPSE)
            _churn_and_kill(day, Orders(root, url, day.clock(), kill, _death(day.random), looked_at))
            day.after_a_kill()
        day.look(looked_at=False)
        report = day.quiet()
        assert (found(report), report.hashed) == ({}, 0), "a second sync found something"
        day.what_people_did_is_there()
        by_hand = {file.key for file in day.living().values() if file.id in day.edits}
        with open_library(root, fresh_database(), day.clock) as another:
            another.sync(SOURCE)
            assert _without_words(told(day.storyline), by_hand) == _without_words(told(another), by_hand)


def _death(random: Random) -> int | None:
    """At some statement of its own, or (None) whenever it is hit."""
    return random.choice((None, random.randrange(120)))


def _churn_and_kill(day: Day, orders: Orders) -> None:
    """The crowd works before each sync or during it, and in the last one the worker dies."""
    toiler = start_toiler(orders)
    for _ in range(day.random.randint(1, 4)):
        if not toiler.is_ready():
            break
        if not orders.patient:
            day.crowd.work(day.random.choice((0, 3, 10, 40)))
        toiler.sync()
        if orders.patient:
            day.crowd.work(day.random.choice((0, 3, 10, 40, 120)))
    for _ in range(day.random.randrange(MOMENTS)):
        pass
    toiler.kill()


def _without_words(library: dict[str, tuple[object, ...]], by_hand: set[str]) -> dict[str, tuple[object, ...]]:
    """What people said by hand is in one of the two libraries only."""
    return {key: facts[:8] + facts[9:] if key in by_hand else facts for key, facts in library.items()}
