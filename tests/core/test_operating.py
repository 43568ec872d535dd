"""What years of running do to it: clocks that were wrong, several machines, damage, and what lies in one folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core.backups import find_backup, make_backup
from storyline_core.errors import BackupError
from storyline_core.health import Check, Health, Status
from storyline_core.interfaces import AlertLevel
from storyline_core.media import MediaItem
from storyline_core.settings import Settings
from storyline_core.settings.masking import masked
from storyline_core.steps.alarms import told_again_at
from storyline_core.steps.health_alerts import BAD_FOR, Changing, raise_for
from storyline_core.steps.house import House
from storyline_core.steps.machine import look_at_backups, look_at_disks
from storyline_core.steps.maintain import Kept, keep_up
from storyline_core.store import Store, Telling
from storyline_core.vitals import Worker, check_workers
from tests.core.backup_samples import settings_for
from tests.core.store_samples import NOW, fill, opened

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def unread(item: MediaItem) -> object:
    raise AssertionError(item)


def kept_up(store: Store, settings: Settings, now: datetime) -> dict[str, Kept]:
    house = House(store, settings, lambda: now, "pi:1", unread)  # type: ignore[arg-type]
    return {each.chore: each for each in keep_up(house)}


# Backups and clocks.


def test_a_backup_made_by_a_clock_that_ran_ahead_stands_for_no_other(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path / "backups")
    with opened(database_url) as store:
        fill(store, ["a.jpg"])
        ahead = make_backup(store, settings, NOW + 300 * DAY)
        for day in range(3):
            assert "backup" in kept_up(store, settings, NOW + day * DAY), day
        newest = find_backup(settings.backups.directory, None, now=NOW + 3 * DAY)
        assert (newest.made_at, newest.path == ahead.path) == (NOW + 2 * DAY, False)
        with store.read() as unit:
            assert unit.chores.get("backup").done_at == NOW + 2 * DAY
        # Five days later somebody has to be told that none were made.
        assert look_at_backups(store, settings, NOW + 7 * DAY).status is Status.DEGRADED


def test_a_backup_that_is_only_a_little_ahead_is_one(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path / "backups")
    with opened(sqlite_url) as store:
        fill(store, ["a.jpg"])
        make_backup(store, settings, NOW + MINUTE)
        assert "backup" not in kept_up(store, settings, NOW)
        assert look_at_backups(store, settings, NOW).status is Status.HEALTHY


def test_the_newest_of_another_database_is_not_restored_unasked(
    sqlite_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    with opened(sqlite_url) as one, opened(postgresql_url) as other:
        made = [
            make_backup(store, settings_for("", folder), NOW + number * DAY)
            for number, store in enumerate([one, other])
        ]
        assert find_backup(folder, None, place=one.place).path == made[0].path
        assert find_backup(folder, None, place=other.place).path == made[1].path
        # Whoever is new here has to say which.
        with pytest.raises(BackupError, match="of several databases, and none of the database elsewhere"):
            find_backup(folder, None, place="database elsewhere")
        assert find_backup(folder, made[1].path.name, place=one.place).path == made[1].path
        made[1].path.unlink()
        assert find_backup(folder, None, place="database elsewhere").path == made[0].path


# A database that is damaged.


def test_a_database_too_damaged_to_be_saved_is_told(tmp_path: Path) -> None:
    file = tmp_path / "storyline.db"
    settings = settings_for(f"sqlite:///{file}", tmp_path / "backups")
    with opened(f"sqlite:///{file}") as store:
        fill(store, ["a.jpg"])
    raw = bytearray(file.read_bytes())
    raw[36:40] = b"\0\0\0\x07"
    file.write_bytes(raw)
    with opened(f"sqlite:///{file}") as store:
        assert "is damaged" in kept_up(store, settings, NOW)["backup"].error
        with store.read() as unit:
            assert "is damaged" in {alert.key: alert.text for alert in unit.alerts.open()}["upkeep/backup"]
            assert unit.chores.get("backup").failures == 1
        # It reads the whole database, so it is not tried every minute.
        assert "backup" not in kept_up(store, settings, NOW + MINUTE)
        assert "backup" in kept_up(store, settings, NOW + HOUR)


# Several machines.


def row(key: str, status: Status) -> Check:
    return Check("disk of backups", status, "so much free", "Make room.", key)


class Machine:
    """One of several that look at the same database."""

    def __init__(self, name: str, store: Store, rows: Callable[[datetime], list[Check]]) -> None:
        self._name, self._store, self._rows = name, store, rows
        self._changing = Changing()

    def look(self, now: datetime) -> None:
        with self._store.begin() as unit:
            unit.workers.note(Worker(f"{self._name}:7", NOW, now))
        found = Health(tuple(self._rows(now)))
        self._changing = raise_for(self._store, found, self._changing, now, here=self._name)


def test_what_is_wrong_with_one_machine_is_not_mended_by_another(database_url: str) -> None:
    with opened(database_url) as store:
        full = Machine("a", store, lambda now: [row("health/disk/backups@a", Status.DEGRADED)])
        empty = Machine("b", store, lambda now: [row("health/disk/backups@b", Status.HEALTHY)])
        now = NOW
        for _ in range(288):
            full.look(now)
            empty.look(now)
            now += 5 * MINUTE
        with store.read() as unit:
            [alert] = unit.alerts.open()
        assert (alert.key, alert.raised_at) == ("health/disk/backups@a", NOW + BAD_FOR)
        # A machine that is there no more has nothing that could be mended.
        with store.begin() as unit:
            unit.workers.forget("a:7")
        for _ in range(8):
            empty.look(now)
            now += 5 * MINUTE
        with store.read() as unit:
            assert unit.alerts.open() == []


def test_what_is_of_this_machine_alone_says_so(database_url: str, tmp_path: Path) -> None:
    with opened(database_url) as store:
        rows = list(look_at_disks(store, settings_for(database_url, tmp_path), "pi"))
        assert rows
        assert all(each.alert.endswith("@pi") for each in rows)


def test_the_backup_that_another_machine_has_made_counts(postgresql_url: str, tmp_path: Path) -> None:
    here, there = (settings_for(postgresql_url, tmp_path / name) for name in ("here", "there"))
    with opened(postgresql_url) as store:
        with store.begin() as unit:
            unit.runs.start("sync", triggered_by="cli", at=NOW)
        later = NOW + 9 * DAY
        assert look_at_backups(store, here, later).status is Status.DEGRADED
        assert "backup" in kept_up(store, there, later)
        assert look_at_backups(store, here, later + HOUR).status is Status.HEALTHY
        assert look_at_backups(store, here, later + 3 * DAY).status is Status.DEGRADED


def test_what_gets_worse_is_told_again_once(database_url: str) -> None:
    with opened(database_url) as store:
        now, changing = NOW, Changing()

        def looked(status: Status) -> Telling:
            nonlocal now, changing
            now += BAD_FOR
            changing = raise_for(store, Health((row("health/workers", status),)), changing, now)
            with store.read() as unit:
                [telling] = unit.tellings.pending("ops")
            return telling

        def is_due(telling: Telling) -> bool:
            return telling.told_at is not None and now >= told_again_at(telling.told_at, telling.times_told)

        def told(telling: Telling) -> None:
            with store.begin() as unit:
                unit.tellings.mark("ops", telling.alert, now)

        raise_for(store, Health((row("health/workers", Status.DEGRADED),)), changing, now)
        changing = Changing({"health/workers": NOW - HOUR})
        told(looked(Status.DEGRADED))
        assert not is_due(looked(Status.DEGRADED))
        worse = looked(Status.UNHEALTHY)
        assert (is_due(worse), worse.times_told, worse.alert.level) == (True, 1, AlertLevel.ERROR)
        told(worse)
        for status in (Status.DEGRADED, Status.UNHEALTHY) * 3:
            assert not is_due(looked(status)), "to and fro is no news"


def test_a_worker_of_a_clock_that_was_wrong_is_not_at_work() -> None:
    ghost = Worker("pi:7", NOW + 300 * DAY, NOW + 300 * DAY, {"line": (MINUTE, NOW + 300 * DAY)})
    assert [each.message for each in check_workers([ghost], NOW)] == ["no `storyline run` is at work"]
    # One whose clock is known to be ahead is there, and told of as that.
    ahead = attrs.evolve(ghost, noted_at=NOW + HOUR, skew=HOUR)
    assert [each.name for each in check_workers([ahead], NOW)] == ["worker pi:7"]


# Secrets in what is saved.


@pytest.mark.parametrize(
    "line",
    [
        '# token = "123456789:an-old-one"',
        '  #bot_token="an-old-one"',
        "#  password = 'an-old-one'  # before May",
        'password = "quo\\"an-old-one"',
        'password = """an-old-one"""',
        "password = '''an-old-one'''",
        'options = { host = "a", token = "an-old-one" }',
    ],
)
def test_what_was_a_secret_once_is_not_saved(line: str) -> None:
    text = f'{line}\nkind = "local" # stays\n'
    found = masked(text, Settings("sqlite:///a.db"))
    assert "an-old-one" not in found
    assert 'kind = "local" # stays' in found
