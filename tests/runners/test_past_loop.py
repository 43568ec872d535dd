"""The daemon's loop of what accounts posted before: it saves when that is due, and says what it saved."""

from __future__ import annotations

import logging

import pytest

from storyline_core.testing.memory import MemoryPlugin
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.pasts import PastLoop
from storyline_runner.daemon.stopping import Stop
from tests.end_to_end.pasts import NOW, files_of, opened_past, past_of
from tests.end_to_end.world import SetClock
from tests.telegram.teams import eventually


def test_what_is_due_is_saved_and_told(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    plugin, stop = MemoryPlugin(), Stop()
    past_of(plugin, 7)
    with opened_past(sqlite_url, plugin, SetClock(NOW)) as storyline, caplog.at_level(logging.INFO, "storyline"):
        assert storyline.next_backfill() is not None
        loop = Loop("the past", PastLoop(storyline, stop), stop)
        loop.start()
        eventually(lambda: "7 saved into archive" in caplog.text)
        stop.say()
        assert loop.ends_within(stop.left())
    assert len(files_of(plugin)) == 7


def test_a_rehearsing_account_contacts_nobody(sqlite_url: str) -> None:
    plugin = MemoryPlugin()
    past_of(plugin, 7)
    with opened_past(sqlite_url, plugin, SetClock(NOW), dry_run=True) as storyline:
        assert storyline.next_backfill() is None
        assert storyline.tick().backfills == ()
    assert "past_media" not in plugin.faults.calls
