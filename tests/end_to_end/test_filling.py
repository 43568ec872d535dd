"""What is chosen while a library is still being looked at for the first time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from storyline_core import PostState, SourceEntry, Storyline, Unavailable, load_plugins, open_storyline
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, settings_of
from tests.end_to_end.world import SetClock

NIGHT = datetime(2026, 5, 1, 3, tzinfo=UTC)
FIRST_SLOT = NIGHT.replace(hour=9)


@pytest.fixture
def plugin() -> MemoryPlugin:
    plugin = MemoryPlugin()
    fill_folder(plugin, 12)
    return plugin


def states(storyline: Storyline) -> list[PostState]:
    with storyline.read() as unit:
        return [post.state for post in (*unit.queue.unsettled("main"), *unit.queue.history("main"))]


def alerts(storyline: Storyline) -> list[str]:
    with storyline.read() as unit:
        return [alert.key for alert in unit.alerts.open()]


def test_what_has_time_is_chosen_when_everything_has_been_seen_once(database_url: str, plugin: MemoryPlugin) -> None:
    wanted = settings_of(database_url)
    clock = SetClock(NIGHT)
    with open_storyline(wanted, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        storyline.turn_accounts()
        assert (states(storyline), alerts(storyline)) == ([], [])
        storyline.sync("photos")
        storyline.turn_accounts()
        assert states(storyline) == [PostState.SCHEDULED] * 3


def test_what_is_due_is_chosen_from_what_is_there(database_url: str, plugin: MemoryPlugin) -> None:
    wanted = settings_of(database_url, sources=("photos", "more"))
    wanted = attrs.evolve(wanted, sources=[*wanted.sources.values(), SourceEntry("more", "memory", Place("more"))])
    clock = SetClock(NIGHT)
    with open_storyline(wanted, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        storyline.sync("photos")
        storyline.turn_accounts()
        assert states(storyline) == []
        clock.at = FIRST_SLOT + timedelta(minutes=1)
        storyline.turn_accounts()
        assert states(storyline) == [PostState.POSTED]
        plugin.folder("more").break_down()
        with pytest.raises(Unavailable):
            storyline.sync("more")
        storyline.turn_accounts()
        assert len(states(storyline)) == 4, "a source that does not answer keeps nobody waiting"
