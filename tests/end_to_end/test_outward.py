"""Alerts on their way out: to every channel once, whatever becomes of the other channels or of this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from storyline_core import AlertLevel, Entry, Mode, Storyline, load_plugins, open_storyline
from storyline_core.settings import AlertSettings
from storyline_core.steps.health_alerts import Changing
from storyline_core.steps.outward import LONGEST_REST, channels_of, wants
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, settings_of
from tests.end_to_end.world import SetClock

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@contextmanager
def opened(
    url: str, plugin: MemoryPlugin, clock: SetClock, alerts: AlertSettings | None = None, **account: object
) -> Iterator[Storyline]:
    """The world in memory with two more channels, `ops` and `mail`."""
    settings = settings_of(url, **account)
    channels = [Entry(name, "memory", Place(name)) for name in ("ops", "mail")]
    settings = attrs.evolve(
        settings,
        notifiers=[*settings.notifiers.values(), *channels],
        alerts=alerts or AlertSettings(("ops", "mail")),
    )
    with open_storyline(settings, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline


def raise_(storyline: Storyline, key: str, level: AlertLevel = AlertLevel.WARNING) -> None:
    with storyline.store.begin() as unit:
        unit.alerts.raise_(key, level=level, text=f"{key} is bad.", remedy="Mend it.", at=storyline.clock())


def clear(storyline: Storyline, key: str) -> None:
    with storyline.store.begin() as unit:
        unit.alerts.clear(key, at=storyline.clock())


def heard(plugin: MemoryPlugin, channel: str) -> list[tuple[str, bool]]:
    return [(alert.key, alert.cleared) for alert in plugin.team(channel).alerts]


def test_every_channel_hears_once_is_reminded_sparsely_and_hears_that_it_is_over(database_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(database_url, plugin, clock) as storyline:
        raise_(storyline, "source/photos/held")
        told_at = []
        for _ in range(24 * 20):
            before = len(heard(plugin, "ops"))
            storyline.tell_channels()
            if len(heard(plugin, "ops")) > before:
                told_at.append(clock())
            clock.forward(timedelta(hours=1))
        assert [later - earlier for earlier, later in pairwise(told_at)] == [
            DAY,
            2 * DAY,
            4 * DAY,
            8 * DAY,
        ]
        clear(storyline, "source/photos/held")
        for _ in range(3):
            storyline.tell_channels()
        assert heard(plugin, "ops") == [("source/photos/held", False)] * 5 + [("source/photos/held", True)]
        assert heard(plugin, "mail") == heard(plugin, "ops")


def test_a_dead_channel_keeps_nothing_from_the_others_and_hears_later_what_is_still_open(database_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(database_url, plugin, clock) as storyline:
        plugin.team("ops").break_down()
        for key in ("a/main", "b/main", "c/main"):
            raise_(storyline, key)
        for _ in range(60):
            storyline.tell_channels()
            clock.forward(MINUTE)
        assert [key for key, _ in heard(plugin, "mail")] == ["a/main", "b/main", "c/main"]
        rows = {row.name: row.message for row in storyline.check().checks if row.name.startswith("alerts to")}
        # A minute of rest, then two, four and so on: a dead channel is not knocked at every minute.
        assert rows == {"alerts to ops": "not told 6 times in a row: The team in memory cannot be reached."}
        clear(storyline, "b/main")
        plugin.team("ops").mend()
        clock.forward(LONGEST_REST)
        storyline.tell_channels()
        assert heard(plugin, "ops") == [("a/main", False), ("c/main", False)]
        assert heard(plugin, "mail")[3:] == [("b/main", True)]
        assert not any(row.name == "alerts to ops" for row in storyline.check().checks)


def test_a_channel_hears_from_its_own_level_on(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    alerts = AlertSettings(("ops", "mail"), AlertLevel.INFO, {"mail": AlertLevel.ERROR})
    with opened(sqlite_url, plugin, clock, alerts) as storyline:
        for level in AlertLevel:
            raise_(storyline, f"{level}/main", level)
        storyline.tell_channels()
        assert [key for key, _ in heard(plugin, "ops")] == ["info/main", "warning/main", "error/main", "critical/main"]
        assert [key for key, _ in heard(plugin, "mail")] == ["error/main", "critical/main"]
        raise_(storyline, "warning/main", AlertLevel.CRITICAL)
        storyline.tell_channels()
        assert heard(plugin, "mail")[2:] == [("warning/main", False)]


def test_alerts_go_out_although_no_account_has_a_notifier(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(sqlite_url, plugin, clock, notifier=None, mode=Mode.AUTO) as storyline:
        storyline.tick()
        storyline.tell_channels()
        told = [alert.text for alert in plugin.team("ops").alerts]
        assert any("nothing can be posted" in text for text in told)
        assert plugin.team("main").alerts == []


def test_what_the_line_tells_its_team_is_not_told_there_twice(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(sqlite_url, plugin, clock, AlertSettings(("ops", "team"))) as storyline:
        storyline.tick()
        for _ in range(3):
            storyline.tell_channels()
            storyline.tick()
        assert [key for key, _ in heard(plugin, "main")].count("nothing-eligible/main") == 1
        assert [key for key, _ in heard(plugin, "ops")].count("nothing-eligible/main") == 1


def test_what_check_finds_reaches_the_accounts_team_once_and_is_taken_back(database_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 4)
    with opened(database_url, plugin, clock, cooldown_posted=timedelta(days=90)) as storyline:
        storyline.sync("photos")
        changing = Changing()
        for _ in range(20):
            changing = storyline.raise_health_alerts(storyline.check(()), changing)
            storyline.tell_channels()
            clock.forward(timedelta(minutes=5))
        pool = [alert for alert in plugin.team("main").alerts if alert.key == "health/pool/main"]
        assert [(alert.level, alert.text) for alert in pool] == [
            ("warning", "pool of main: 4 items can be posted, enough for 1 day.")
        ]
        assert pool[0].remedy.startswith("Add pictures")
        fill_folder(plugin, 60)
        storyline.sync("photos")
        for _ in range(20):
            changing = storyline.raise_health_alerts(storyline.check(()), changing)
            storyline.tell_channels()
            clock.forward(timedelta(minutes=5))
        for channel in ("main", "ops", "mail"):
            news = [cleared for key, cleared in heard(plugin, channel) if key == "health/pool/main"]
            assert news == [False, True], channel


def test_nothing_posted_for_a_day_is_told_unless_that_was_meant(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    fill_folder(plugin, 60)
    with opened(sqlite_url, plugin, clock) as storyline:
        storyline.sync("photos")
        storyline.tick()
        row = next(row for row in storyline.check().checks if row.name == "account main")
        assert (row.status, row.message) == ("healthy", "has posted nothing yet")
        clock.forward(timedelta(hours=27))
        row = next(row for row in storyline.check().checks if row.name == "account main")
        assert (row.status, row.alert) == ("degraded", "health/quiet/main")
        assert row.message == "nothing was posted for a day; has posted nothing yet"
        storyline.set_paused("main", True)
        row = next(row for row in storyline.check().checks if row.name == "account main")
        assert (row.message, row.alert) == ("its line stands still: the account is paused", "")


def test_an_account_that_rehearses_tells_nobody(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(sqlite_url, plugin, clock, dry_run=True) as storyline:
        raise_(storyline, "missed/main")
        storyline.tell_channels()
        assert heard(plugin, "ops") == heard(plugin, "main") == []


def test_two_processes_tell_each_channel_once(database_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(database_url, plugin, clock) as one, opened(database_url, plugin, clock) as other:
        other.holder = "elsewhere:1"
        raise_(one, "a/main")
        for storyline in (one, other, one, other):
            storyline.tell_channels()
        assert heard(plugin, "ops") == [("a/main", False)]
        # While one is at it, the other leaves the channel alone.
        raise_(one, "b/main")
        with one.store.begin() as unit:
            unit.leases.take("alerts/ops", "one:1", until=clock() + MINUTE, now=clock())
        other.tell_channels()
        assert len(heard(plugin, "ops")) == 1
        assert len(heard(plugin, "mail")) == 2


def test_nothing_is_told_while_it_is_to_stop(sqlite_url: str) -> None:
    clock, plugin = SetClock(), MemoryPlugin()
    with opened(sqlite_url, plugin, clock) as storyline:
        raise_(storyline, "a/main")
        assert storyline.tell_channels(lambda: True).told == {}
        assert heard(plugin, "ops") == []


@pytest.mark.parametrize(
    ("channel", "key", "told"),
    [
        ("team", "health/disk/database", True),
        ("team", "health/pool/main", True),
        ("team", "health/pool/other", False),
        ("team", "health/source/photos", True),
        ("team", "health/source/elsewhere", False),
        ("team", "missed/main", False),
        ("ops", "missed/main", True),
        ("ops", "health/pool/other", True),
        ("other", "health/disk/database", False),
    ],
)
def test_who_hears_of_what(sqlite_url: str, channel: str, key: str, told: bool) -> None:
    settings = attrs.evolve(settings_of(sqlite_url), alerts=AlertSettings(("ops",)))
    assert wants(settings, channel, key, AlertLevel.WARNING) is told
    assert channels_of(settings) == ("ops", "team")
