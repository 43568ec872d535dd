"""Alerts of accounts: told once however many processes there are, told that it is over, never lost with a process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import attrs

from storyline_core import Entry, Mode, load_plugins, open_storyline
from storyline_core.interfaces import Alert
from storyline_core.testing import Crash, MemoryPlugin
from storyline_core.testing.memory import Place
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, settings_of
from tests.end_to_end.world import START, SetClock

MISSED = "missed/main"
UNREACHABLE = "source/photos/unreachable"


def _world(pictures: int = 12) -> tuple[MemoryPlugin, SetClock]:
    plugin = MemoryPlugin()
    fill_folder(plugin, pictures)
    return plugin, SetClock(START)


def _told(plugin: MemoryPlugin, key: str) -> list[bool]:
    """Each time the team was told of an alert: whether it was that it is over."""
    return [alert.cleared for alert in plugin.team().alerts if alert.key == key]


class Interrupted(list[Alert]):
    """A team's alerts; while the first of a key arrives, somebody else does something."""

    def __init__(self, key: str, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._key, self._meanwhile = key, [meanwhile]

    def append(self, alert: Alert) -> None:
        if alert.key == self._key and self._meanwhile:
            self._meanwhile.pop()()
        super().append(alert)


def test_what_one_process_is_telling_another_does_not_tell_as_well(database_url: str) -> None:
    plugin, clock = _world()
    other = MemoryPlugin()
    other._folders, other._teams, other._stages = plugin._folders, plugin._teams, plugin._stages
    with (
        opened_in_memory(database_url, plugin, clock) as first,
        opened_in_memory(database_url, other, clock) as second,
    ):
        first.tick()
        second.holder = second._opened._holder = "another process"
        plugin.folder().break_down()
        clock.forward(timedelta(minutes=10))

        def turn_of_another() -> None:
            clock.forward(timedelta(seconds=2))
            second.turn_accounts()

        plugin.team().alerts = Interrupted(UNREACHABLE, turn_of_another)
        first.tick()
        clock.forward(timedelta(minutes=1))
        second.turn_accounts()
        first.turn_accounts()
    assert _told(plugin, UNREACHABLE) == [False]


def test_that_it_is_over_is_told_later_if_it_could_not_be_told_at_once(database_url: str) -> None:
    plugin, clock = _world()
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        plugin.folder().break_down()
        clock.forward(timedelta(minutes=10))
        storyline.tick()
        assert _told(plugin, UNREACHABLE) == [False]
        plugin.folder().mend()
        plugin.team().break_down()
        clock.forward(timedelta(minutes=10))
        storyline.tick()
        storyline.tell_channels()
        plugin.team().mend()
        clock.forward(timedelta(hours=2))
        for _ in range(2):
            storyline.tick()
            storyline.tell_channels()
    assert _told(plugin, UNREACHABLE) == [False, True]


def test_that_something_is_over_is_told_once(database_url: str) -> None:
    plugin, clock = _world()
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        for step in (plugin.folder().break_down, plugin.folder().mend):
            step()
            clock.forward(timedelta(minutes=10))
            storyline.tick()
            storyline.tell_channels()
    assert _told(plugin, UNREACHABLE) == [False, True]


def test_every_team_that_a_source_feeds_hears_of_it_as_soon_as_it_can_be_told(database_url: str) -> None:
    plugin, clock = _world()
    settings = settings_of(database_url)
    [main] = settings.accounts.values()
    second = attrs.evolve(main, name="second", notifier="others", publisher=None, mode=Mode.MANUAL)
    teams = [*settings.notifiers.values(), Entry("others", "memory", Place("others"))]
    settings = attrs.evolve(settings, notifiers=teams, accounts=[main, second])

    def told(place: str) -> list[bool]:
        return [alert.cleared for alert in plugin.team(place).alerts if alert.key == UNREACHABLE]

    def later(span: timedelta) -> None:
        clock.forward(span)
        storyline.tick()
        storyline.tell_channels()

    with open_storyline(settings, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        storyline.tick()
        plugin.team().break_down()
        plugin.folder().break_down()
        for _ in range(3):
            later(timedelta(minutes=10))
        assert (told("main"), told("others")) == ([], [False])
        plugin.team().mend()
        for _ in range(12):
            later(timedelta(minutes=10))
        assert (told("main"), told("others")) == ([False], [False])
        later(timedelta(hours=25))
        later(timedelta(minutes=10))
        assert (told("main"), told("others")) == ([False, False], [False, False])
        plugin.folder().mend()
        for _ in range(12):
            later(timedelta(minutes=10))
    assert (told("main"), told("others")) == ([False, False, True], [False, False, True])


def test_what_is_closed_in_silence_is_not_said_to_be_over(database_url: str) -> None:
    plugin, clock = _world()
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        clock.at = START + timedelta(hours=5)
        storyline.tick()
        assert _told(plugin, MISSED) == [False]
        clock.at = START + timedelta(hours=7, minutes=5)
        storyline.tick()
        assert plugin.stage().published() == 1
        storyline.tell_channels()
        with storyline.read() as unit:
            assert not unit.alerts.open()
    assert _told(plugin, MISSED) == [False]


def test_a_process_that_dies_after_it_noted_a_missed_slot_leaves_the_telling_to_the_next(database_url: str) -> None:
    plugin, clock = _world()
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL, publisher=None) as storyline:
        storyline.tick()
        # The first slot is missed, and the second one is being shown when the process dies.
        clock.at = START + timedelta(hours=7, minutes=5)
        plugin.faults.order("offer", Crash())
        with suppress(Crash):
            storyline.tick()
        assert _told(plugin, MISSED) == []
    clock.forward(timedelta(minutes=10))
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL, publisher=None) as storyline:
        storyline.tick()
        storyline.tick()
    assert _told(plugin, MISSED) == [False]
