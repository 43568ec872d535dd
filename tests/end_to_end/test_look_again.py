"""A better Storyline looks again at files whose bytes are the same: nothing is hashed, nothing counts as an edit."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import attrs
import pytest
from sqlalchemy import text

from storyline_core import (
    Listing,
    MediaSourceProvider,
    Refused,
    SourceDefaults,
    Storyline,
    SyncReport,
    SyncRequest,
    Unavailable,
)
from storyline_core.steps import look_again as looking
from storyline_core.steps.report import Progress
from storyline_core.testing.memory import MemoryPlugin
from tests.end_to_end.memory_world import fill_folder, opened_in_memory
from tests.end_to_end.world import SetClock

COUNTS = ("added", "edited", "moved", "restored", "removed", "described", "touched", "hashed")


def age(storyline: Storyline, where: str = "1 = 1") -> None:
    """As if an earlier Storyline had looked, and had seen less."""
    with storyline.store.begin() as unit:
        unit.connection.execute(text(f"UPDATE items SET look_version = 0, width = NULL, problem = 'odd' WHERE {where}"))


def widths(storyline: Storyline) -> dict[str, int | None]:
    with storyline.read() as unit:
        return {item.name: item.width for item in unit.library.items(source="photos")}


def nothing_happened(report: SyncReport) -> bool:
    return not [name for name in COUNTS if getattr(report, name)]


def events(storyline: Storyline) -> int:
    with storyline.read() as unit:
        return sum(len(unit.library.events(item.id)) for item in unit.library.items())


def test_old_looks_are_renewed_by_the_next_sync_and_nothing_counts_as_a_change(database_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 5)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        before = events(storyline)
        age(storyline)
        plugin.faults.calls.clear()
        told: list[Progress] = []
        report = storyline.sync("photos", SyncRequest(tell=told.append))
        assert nothing_happened(report)
        assert not report.found_something
        assert set(widths(storyline).values()) == {54}
        assert plugin.faults.calls.count("open_media") == 5
        assert [(each.done, each.of) for each in told if each.doing == "looking again"][-1] == (5, 5)
        with storyline.read() as unit:
            assert all(item.problem is None for item in unit.library.items())
        assert events(storyline) == before
        plugin.faults.calls.clear()
        storyline.sync("photos")
        assert "open_media" not in plugin.faults.calls


def test_a_rehearsal_looks_at_nothing_again(database_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 3)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        age(storyline)
        storyline.sync("photos", SyncRequest(dry_run=True))
        assert set(widths(storyline).values()) == {None}


def test_one_that_fails_keeps_no_other_one_waiting(database_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 4)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        age(storyline)
        plugin.faults.order("open_media", Refused("locked"))
        storyline.sync("photos")
        assert widths(storyline) == {"000.jpg": None, "001.jpg": 54, "002.jpg": 54, "003.jpg": 54}
        storyline.sync("photos")
        assert set(widths(storyline).values()) == {54}


def test_a_source_that_goes_away_meanwhile_is_left_alone(database_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 30)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        age(storyline)
        plugin.faults.calls.clear()

        def unplug(progress: Progress) -> None:
            if progress.doing == "looking again" and progress.done == 3:
                plugin.folder().break_down()

        report = storyline.sync("photos", SyncRequest(tell=unplug))
        assert nothing_happened(report)
        assert plugin.faults.calls.count("open_media") < 15
        assert sum(width is not None for width in widths(storyline).values()) == 3
        plugin.folder().mend()
        storyline.sync("photos")
        assert set(widths(storyline).values()) == {54}


def test_what_was_edited_meanwhile_belongs_to_the_sync(database_url: str) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 2)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        age(storyline)

        def open_and_edit(key: str) -> BinaryIO:
            old = plugin.folder().files[key].content
            if key.endswith("000.jpg"):
                with storyline.store.begin() as unit:
                    unit.connection.execute(text("UPDATE items SET digest = 'newer' WHERE name = '000.jpg'"))
                return io.BytesIO(old)
            return io.BytesIO(old + b"longer now")

        done = looking.look_again(storyline.store, "photos", open_and_edit, lambda: None)
        assert done == looking.LookedAgain(0, 2)
        assert set(widths(storyline).values()) == {None}


@pytest.mark.parametrize("error", [Unavailable("down"), KeyboardInterrupt()])
def test_what_was_seen_before_an_interruption_is_kept(database_url: str, error: BaseException) -> None:
    plugin = MemoryPlugin()
    fill_folder(plugin, 40)
    with opened_in_memory(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        age(storyline)

        def open_some(key: str) -> BinaryIO:
            if key.endswith("12.jpg"):
                plugin.folder().break_down()
                raise error
            return storyline.opened_source("photos").open_media(key)

        def still_there() -> object:
            return storyline.opened_source("photos").identity(False)

        with suppress(KeyboardInterrupt):
            looking.look_again(storyline.store, "photos", open_some, still_there)
        seen = sum(width is not None for width in widths(storyline).values())
        assert 0 < seen < 40


def test_looking_ends_when_it_has_taken_long_enough_and_goes_on_next_time(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 10)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        age(storyline)
        line = storyline.source_line("photos")

        def slow(key: str) -> BinaryIO:
            clock.forward(looking.LONGEST / 4)
            return storyline.opened_source("photos").open_media(key)

        slowly = attrs.evolve(line, provider=_Slow(line.provider, slow))
        assert looking.look_again_after(slowly, SyncRequest()) == looking.LookedAgain(4, 10)
        assert looking.look_again_after(slowly, SyncRequest()) == looking.LookedAgain(4, 6)
        assert sum(width is not None for width in widths(storyline).values()) == 8


class _Slow(SourceDefaults):
    """A source over a thin wire."""

    def __init__(self, source: MediaSourceProvider, opening: Callable[[str], BinaryIO]) -> None:
        self._source = source
        self._opening = opening

    def list_media(self, cursor: str | None) -> Listing:
        """As the source itself."""
        return self._source.list_media(cursor)

    def open_media(self, key: str) -> BinaryIO:
        """After a while."""
        return self._opening(key)
