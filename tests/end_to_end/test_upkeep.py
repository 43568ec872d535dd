"""Upkeep by the real steps on both databases: each task once, whoever does it, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest

from storyline_core import (
    Alert,
    AlertLevel,
    BackupSettings,
    Draft,
    Entry,
    Found,
    Handle,
    Kept,
    Kind,
    Mode,
    NeedsPerson,
    Publication,
    PublisherDefaults,
    PublisherKind,
    Runtime,
    Settings,
    Storyline,
    Traits,
    Unavailable,
    hookimpl,
    load_plugins,
    open_store,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.core.store_samples import in_processes
from tests.end_to_end.memory_world import fill_folder, settings_of
from tests.end_to_end.world import START, SetClock

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Careful(PublisherDefaults):
    """A publisher that says of itself what a test tells it to."""

    def __init__(self, plugin: CarefulPlugin) -> None:
        self._plugin = plugin

    def prepare(self, draft: Draft) -> Handle:
        raise NotImplementedError

    def publish(self, handle: Handle) -> Publication:
        raise NotImplementedError

    def find(self, handle: Handle) -> Found:
        raise NotImplementedError

    def maintain(self) -> Sequence[Alert]:
        self._plugin.asked += 1
        if isinstance(self._plugin.says, Exception):
            raise self._plugin.says
        return self._plugin.says


class CarefulPlugin:
    """Offers the publisher `careful`, which looks after itself."""

    def __init__(self) -> None:
        self.asked = 0
        self.says: Sequence[Alert] | Exception = ()

    @hookimpl
    def storyline_publishers(self) -> Sequence[PublisherKind]:
        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[Careful]:
            yield Careful(self)

        return [Kind("careful", Place, opened, Traits(maintains=True))]


@attrs.define
class House:
    """A Storyline with a careful publisher and a folder for backups, its clock, and its team."""

    url: str
    backups: Path
    careful: CarefulPlugin = attrs.field(factory=CarefulPlugin)
    memory: MemoryPlugin = attrs.field(factory=MemoryPlugin)
    clock: SetClock = attrs.field(factory=lambda: SetClock(START))

    def settings(self, **account: object) -> Settings:
        settings = settings_of(self.url, mode=Mode.MANUAL, **account)
        publishers = [*settings.publishers.values(), Entry("brand", "careful", Place())]
        return attrs.evolve(settings, publishers=publishers, backups=BackupSettings(self.backups))

    @contextmanager
    def opened(self, settings: Settings | None = None) -> Iterator[Storyline]:
        plugins = load_plugins(extra=[self.memory, self.careful])
        with open_storyline(settings or self.settings(), plugins=plugins, clock=self.clock) as storyline:
            yield storyline

    def keep_up(self, *, at_start: bool = False, settings: Settings | None = None) -> dict[str, Kept]:
        """One turn of upkeep by a process of its own."""
        with self.opened(settings) as storyline:
            return {kept.chore: kept for kept in storyline.keep_up(at_start=at_start)}

    def alerts(self) -> dict[str, str]:
        with closing(open_store(self.url)) as store, store.read() as unit:
            return {alert.key: alert.text for alert in unit.alerts.open()}

    def runs(self, step: str) -> list[tuple[str, str]]:
        with closing(open_store(self.url)) as store, store.read() as unit:
            return [(run.subject, str(run.status)) for run in unit.runs.list(step=step)]

    def made(self) -> list[str]:
        return sorted(path.name for path in self.backups.glob("*.zip"))


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    return House(database_url, tmp_path / "backups")


def test_one_backup_a_day_however_often_it_starts(house: House) -> None:
    for _ in range(3):
        house.keep_up(at_start=True)
    assert house.made() == ["storyline-20260501T060000Z.zip"]
    assert house.runs("backup") == [("", "completed")]
    house.clock.at = START + 20 * HOUR
    assert "backup" not in house.keep_up()
    house.clock.at = START + 22 * HOUR
    house.keep_up()
    assert len(house.made()) == 2
    # A week with the machine off.
    house.clock.at = START + 9 * DAY
    house.keep_up(at_start=True)
    assert len(house.made()) == 3
    house.clock.at = START + 40 * DAY
    told = house.keep_up()["backup"].told
    assert told.endswith(", 3 old ones removed")
    assert len(house.made()) == 1


def test_one_that_was_made_but_not_noted_is_enough_for_the_day(house: House) -> None:
    with house.opened() as storyline:
        storyline.back_up(user="cli:ann")
    assert "backup" not in house.keep_up()
    assert len(house.made()) == 1
    house.clock.at = START + DAY
    assert "backup" in house.keep_up()


def test_a_backup_that_cannot_be_made_is_told_once_tried_again_and_taken_back(house: House) -> None:
    house.backups.write_text("in the way")
    assert "No backup could be written" in house.keep_up()["backup"].error
    assert "The daily backup could not be made. No backup could be written" in house.alerts()["upkeep/backup"]
    assert "backup" not in house.keep_up(), "it rests for a while"
    for _ in range(3):
        house.clock.at += 7 * HOUR
        assert "backup" in house.keep_up(at_start=True)
    assert house.runs("backup") == [("", "failed")], "the same failure over and over is one record"
    with house.opened() as storyline, storyline.read() as unit:
        assert unit.runs.list(step="backup")[0].times == 4
    house.backups.unlink()
    house.clock.at += 7 * HOUR
    assert house.keep_up()["backup"].error == ""
    assert "upkeep/backup" not in house.alerts()


def test_nothing_is_saved_where_no_folder_is_named(house: House) -> None:
    house.keep_up(settings=attrs.evolve(house.settings(), backups=BackupSettings()))
    assert not house.backups.exists()


# What opened things say of themselves.


def test_what_a_plugin_says_becomes_alerts_and_what_it_no_longer_says_is_over(house: House) -> None:
    week = Alert("token/expires-in-7", AlertLevel.WARNING, "The token expires in 7 days.", "Sign in anew.")
    house.careful.says = [week]
    assert house.keep_up()["maintain/publishers/brand"].told == "publishers/brand: The token expires in 7 days."
    assert house.alerts() == {"publishers/brand/token/expires-in-7": "The token expires in 7 days."}
    assert house.runs("maintain") == [("publishers/brand", "completed")]
    assert house.keep_up() == {}, "not before an hour is over"
    house.clock.at += HOUR
    assert house.keep_up() == {}, "what it said before is no news"
    assert house.careful.asked == 2
    assert len(house.runs("maintain")) == 1, "a turn that found nothing leaves no record"
    house.careful.says = ()
    house.clock.at += HOUR
    house.keep_up()
    assert house.alerts() == {}
    assert len(house.runs("maintain")) == 2


def test_it_is_asked_when_a_process_starts(house: House) -> None:
    house.keep_up(at_start=True)
    house.clock.at += timedelta(minutes=1)
    house.keep_up(at_start=True)
    assert house.careful.asked == 1, "not twice within minutes"
    house.clock.at += timedelta(minutes=10)
    house.keep_up()
    assert house.careful.asked == 1
    house.keep_up(at_start=True)
    assert house.careful.asked == 2


@pytest.mark.parametrize("mended", [False, True])
def test_a_worse_alert_in_place_of_another_is_no_good_news(house: House, mended: bool) -> None:
    settings = house.settings(publisher="brand")
    plain = Alert("token/expires-in-7", AlertLevel.WARNING, "7 days.", "Sign in.")
    house.careful.says = [plain]
    house.keep_up(settings=settings)
    with house.opened(settings) as storyline:
        storyline.tell_channels()
    house.careful.says = [] if mended else [attrs.evolve(plain, key="token/expires-in-3", text="3 days.")]
    house.clock.at += HOUR
    house.keep_up(settings=settings)
    with house.opened(settings) as storyline:
        storyline.tell_channels()
    told = [(alert.text, alert.cleared) for alert in house.memory.team().alerts]
    assert told == [("7 days.", False), ("7 days.", True) if mended else ("3 days.", False)]


def test_only_what_a_person_must_mend_is_told_at_once(house: House) -> None:
    house.careful.says = Unavailable("The service does not answer.")
    assert house.keep_up()["maintain/publishers/brand"].error == "The service does not answer."
    assert house.alerts() == {}
    house.clock.at += 2 * DAY
    house.keep_up()
    assert "publishers/brand/maintain" in house.alerts(), "for more than a day it does not answer"
    house.careful.says = NeedsPerson("Access was taken away.", remedy="Sign in anew.")
    house.clock.at += 7 * HOUR
    house.keep_up()
    assert house.alerts()["publishers/brand/maintain"] == (
        "publishers/brand could not look after itself. Access was taken away."
    )
    house.careful.says = ()
    house.clock.at += 7 * HOUR
    house.keep_up()
    assert house.alerts() == {}


@pytest.mark.parametrize("wrong", [RuntimeError("boom"), "nonsense", [1]])
def test_a_mistake_in_a_plugin_keeps_nothing_else_from_being_done(house: House, wrong: object) -> None:
    house.careful.says = wrong  # type: ignore[assignment]
    kept = house.keep_up()
    assert "Looking after publishers/brand failed" in kept["maintain/publishers/brand"].error
    assert kept["backup"].error == ""


def test_a_mistake_of_ours_keeps_nothing_else_from_being_done(house: House) -> None:
    house.careful.says = [Alert("x", AlertLevel.WARNING, "Said.", "")]
    with house.opened() as storyline, storyline.store.begin() as unit:
        unit.alerts.raise_("failed/former/post", AlertLevel.ERROR, "t", "r", START)
    kept = house.keep_up(settings=attrs.evolve(house.settings(), backups=BackupSettings(Path("no\0folder"))))
    assert kept["backup"].error == "This is a mistake in Storyline (ValueError: embedded null byte)."
    assert set(house.alerts()) == {"publishers/brand/x", "upkeep/backup"}


def test_who_only_rehearses_contacts_nobody(house: House) -> None:
    house.keep_up(settings=house.settings(publisher="brand", dry_run=True))
    assert house.careful.asked == 0


# What is over.


def test_alerts_of_what_is_configured_no_more_are_closed_quietly(house: House) -> None:
    keys = {
        "needs-person/main/publisher": False,
        "needs-person/former/publisher": True,
        "source/photos/held": False,
        "source/former/unreachable": True,
        "failed/former/post": True,
        "publishers/stage/token/x": False,
        "publishers/former/token/x": True,
        "notifiers/former/x": True,
        "health/pool/former": False,
        "of-another-kind/former": False,
    }
    with house.opened() as storyline, storyline.store.begin() as unit:
        for key in keys:
            unit.alerts.raise_(key, AlertLevel.ERROR, "t", "r", START)
    house.keep_up()
    assert set(house.alerts()) == {key for key, over in keys.items() if not over}
    assert house.runs("maintain") == [("", "completed")]


def test_old_records_go_and_the_last_of_each_step_stays(house: House) -> None:
    with house.opened() as storyline, storyline.store.begin() as unit:
        for age in (200, 120, 95, 80):
            for subject in ("a", "b") if age > 100 else ("a",):
                unit.runs.start("sync", subject, triggered_by="cli", at=START - age * DAY)
        for number, age in enumerate((200, 10)):
            unit.alerts.raise_(f"missed/{number}", AlertLevel.ERROR, "t", "r", START - 201 * DAY)
            unit.alerts.clear(f"missed/{number}", START - age * DAY)
        unit.alerts.raise_("missed/main", AlertLevel.ERROR, "t", "r", START - 201 * DAY)
    house.keep_up()
    with house.opened() as storyline, storyline.read() as unit:
        assert [(run.subject, (START - run.started_at).days) for run in unit.runs.list(step="sync")] == [
            ("a", 80),
            ("b", 120),
        ]
        assert unit.alerts.last("missed/0") is None
        assert unit.alerts.last("missed/1") is not None
        assert unit.alerts.last("missed/main") is not None
        [run] = unit.runs.list(step="maintain")
        assert run.result == {"runs": 4, "alerts": 1}


def test_a_tick_does_what_is_due_too(house: House) -> None:
    fill_folder(house.memory, 3)
    with house.opened() as storyline:
        ticked = storyline.tick()
        assert [kept.chore for kept in ticked.kept] == ["backup"]
        assert storyline.tick().kept == ()
    assert len(house.made()) == 1


def keep_up_beside(folder: str, url: str, number: int) -> str:
    house = House(url, Path(folder))
    kept = house.keep_up(at_start=True)
    return ",".join(sorted(kept))


def test_of_many_processes_one_does_each(house: House) -> None:
    answers: Callable[[str, int], str] = partial(keep_up_beside, str(house.backups))
    assert sorted(in_processes(3, answers, house.url)) == ["", "", "backup"]
    assert len(house.made()) == 1
    assert house.runs("backup") == [("", "completed")]
