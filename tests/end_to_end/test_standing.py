"""How sources stand, as `check` and `storyline sources` tell it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core import (
    Check,
    NotInSettings,
    Status,
    Storyline,
    SyncRequest,
    Unavailable,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, settings_of
from tests.end_to_end.world import SetClock

BACKGROUND = SyncRequest(triggered_by="scheduler")


def row(storyline: Storyline) -> Check:
    """The first row about the source."""
    return next(each for each in storyline.check().checks if each.name == "source photos")


def test_a_source_stands_as_it_was_last_seen(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 12)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        assert (row(storyline).status, row(storyline).message) == (Status.UNHEALTHY, "has never been synced")
        storyline.sync("photos")
        assert (row(storyline).status, row(storyline).message) == (Status.HEALTHY, "12 items; synced 0 s ago")
        clock.forward(timedelta(minutes=16))
        assert row(storyline).status is Status.DEGRADED
        with storyline.watching("photos"):
            assert row(storyline).message.endswith("followed as it changes")
        clock.forward(timedelta(hours=3))
        with storyline.watching("photos"):
            assert row(storyline).status is Status.DEGRADED
        storyline.sync("photos")
        storyline.set_source_paused("photos", True)
        assert (row(storyline).status, row(storyline).message) == (Status.HEALTHY, "is switched off")


def test_removals_that_are_held_back_make_its_row_unhealthy(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 12)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        for path in list(plugin.folder().files):
            plugin.folder().delete(path)
        assert storyline.sync("photos").held
        found = row(storyline)
        assert found.status is Status.UNHEALTHY
        assert "its removals are held back" in found.message
        assert "--accept-removals" in found.remedy
        storyline.sync("photos", SyncRequest(accept_removals=True))
        assert row(storyline).status is Status.HEALTHY


def test_a_failure_over_and_over_is_one_record_until_something_else_happens(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 3)

    def fail(storyline: Storyline, request: SyncRequest) -> None:
        clock.forward(timedelta(minutes=5))
        with pytest.raises(Unavailable):
            storyline.sync("photos", request)

    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        plugin.folder().break_down()
        for _ in range(20):
            fail(storyline, BACKGROUND)
        with storyline.read() as unit:
            [failed, _] = unit.runs.list(step="sync")
        assert (failed.status, failed.times) == ("failed", 20)
        assert failed.duration == timedelta(minutes=95)
        assert "the last sync failed" in row(storyline).message or "cannot be looked at" in row(storyline).message
        fail(storyline, SyncRequest())
        plugin.folder().mend()
        clock.forward(timedelta(minutes=5))
        storyline.sync("photos", BACKGROUND)
        plugin.folder().break_down()
        fail(storyline, BACKGROUND)
        with storyline.read() as unit:
            assert [run.times for run in unit.runs.list(step="sync", failed=True)] == [1, 1, 20]


def test_a_source_without_an_account_that_fails_is_no_secret(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    settings = attrs.evolve(settings_of(sqlite_url), accounts={})
    plugins = load_plugins(extra=[plugin])
    with open_storyline(settings, plugins=plugins, clock=clock) as storyline:
        plugin.folder().break_down()
        with pytest.raises(Unavailable):
            storyline.sync("photos")
        assert (row(storyline).status, "unplugged" in row(storyline).message) == (Status.UNHEALTHY, True)


def test_what_nobody_could_see_for_a_week_is_a_warning(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 6)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        plugin.folder().make_unreadable("cats")
        storyline.sync("photos")
        rows = {each.message for each in storyline.check().checks}
        clock.forward(timedelta(days=8))
        storyline.sync("photos")
        [told] = [each for each in storyline.check().checks if each.message not in rows and "3 items" in each.message]
        assert told.status is Status.DEGRADED
        with storyline.read() as unit:
            assert len(unit.library.items(state="alive")) == 6


def test_a_source_that_is_only_remembered_is_listed(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 4)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
    settings = attrs.evolve(settings_of(sqlite_url), sources={}, accounts={})
    with open_storyline(settings, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        [found] = storyline.sources()
        assert (found.name, found.entry, found.running, found.counts.alive) == ("photos", None, False, 4)
        with pytest.raises(NotInSettings, match="There is no source photos"):
            storyline.source_entry("photos")


def test_siblings_share_the_library_and_nothing_that_is_opened(tmp_path: Path, sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 4)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline, storyline.sibling() as other:
        assert other.opened_source("photos") is not storyline.opened_source("photos")
        other.sync("photos")
        assert {look.at <= clock() for look in [storyline.next_look("photos")] if look} == {False}
        assert storyline.due_sources(clock()) == ()


def test_what_is_held_back_in_every_round_is_one_record(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 30)
    with opened_in_memory(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        for path in list(plugin.folder().files):
            plugin.folder().delete(path)
        rounds = SyncRequest(triggered_by="scheduler")
        for _ in range(5):
            clock.forward(timedelta(minutes=5))
            assert storyline.sync("photos", rounds).held
        with storyline.read() as unit:
            assert len(unit.runs.list(step="sync")) == 2
        assert storyline.sync("photos").held
        with storyline.read() as unit:
            assert len(unit.runs.list(step="sync")) == 3, "a person's own sync has its record"
