"""When a bad row of `check` becomes an alert and when that is over: once each, and quiet on flapping."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storyline_core.health import Check, Health, Status
from storyline_core.steps.health_alerts import BAD_FOR, GOOD_FOR, Changing, judge, raise_for
from tests.core.store_samples import NOW, opened

MINUTE = timedelta(minutes=1)
KEY = "health/disk/database"


def found(status: Status, key: str = KEY) -> Health:
    return Health((Check("disk of database", status, "1 GB free", "Make room.", key),))


class House:
    """What is told, by the judgement alone, as minute follows minute."""

    def __init__(self) -> None:
        self.now, self.changing = NOW, Changing()
        self.told: set[str] = set()
        self.news: list[tuple[datetime, str]] = []

    def look(self, status: Status, after: timedelta = MINUTE) -> None:
        self.now += after
        verdict = judge(found(status), frozenset(self.told), self.changing, self.now)
        self.changing = verdict.changing
        for key in verdict.raised.keys() - self.told:
            self.news.append((self.now, "raised"))
            self.told.add(key)
        for key in verdict.cleared:
            self.news.append((self.now, "cleared"))
            self.told.remove(key)


def test_a_row_that_stays_bad_is_told_once_and_taken_back_when_it_stays_good() -> None:
    house = House()
    for _ in range(60):
        house.look(Status.DEGRADED)
    for _ in range(60):
        house.look(Status.HEALTHY)
    assert [what for _, what in house.news] == ["raised", "cleared"]
    assert house.news[0][0] == NOW + MINUTE + BAD_FOR
    assert house.news[1][0] == NOW + 61 * MINUTE + GOOD_FOR


def test_flapping_is_never_told() -> None:
    house = House()
    for number in range(600):
        house.look(Status.HEALTHY if number % 9 == 0 else Status.UNHEALTHY)
    assert house.news == []


def test_flapping_after_it_was_told_is_one_alert() -> None:
    house = House()
    for number in range(600):
        house.look(Status.HEALTHY if number > 20 and number % 25 else Status.DEGRADED)
    assert [what for _, what in house.news] == ["raised"]


@given(st.lists(st.tuples(st.sampled_from(list(Status)), st.integers(1, 20)), max_size=60))
def test_raised_and_cleared_take_turns_and_each_needs_its_time(looks: list[tuple[Status, int]]) -> None:
    house = House()
    seen: list[tuple[datetime, bool]] = []
    for status, minutes in looks:
        house.look(status, minutes * MINUTE)
        seen.append((house.now, status is not Status.HEALTHY))
        last = house.news[-1] if house.news else None
        if last is not None and last[0] == house.now:
            bad, length = (True, BAD_FOR) if last[1] == "raised" else (False, GOOD_FOR)
            assert all(was is bad for at, was in seen if at >= house.now - length + MINUTE and at > seen[0][0])
            begun = [at for at, was in seen if at <= house.now - length]
            assert begun
            assert all(was is bad for at, was in seen if at >= begun[-1])
    kinds = [what for _, what in house.news]
    assert kinds == ["raised", "cleared"] * (len(kinds) // 2) + ["raised"] * (len(kinds) % 2)


def test_a_clock_that_was_set_back_begins_anew() -> None:
    house = House()
    house.look(Status.DEGRADED)
    house.now -= timedelta(days=1)
    house.look(Status.DEGRADED)
    assert house.news == []
    house.look(Status.DEGRADED, BAD_FOR)
    assert len(house.news) == 1


def test_rows_that_share_a_key_are_told_together() -> None:
    rows = (
        Check("worker a:1", Status.DEGRADED, "lost", "Look.", "health/workers"),
        Check("worker b:2", Status.UNHEALTHY, "dead", "Look.", "health/workers"),
        Check("worker c:3", Status.HEALTHY, "fine", "", "health/workers"),
    )
    verdict = judge(Health(rows), frozenset({"health/workers"}), Changing(), NOW)
    told = verdict.raised["health/workers"]
    assert (told.message, told.status) == ("worker a:1: lost; worker b:2: dead", Status.UNHEALTHY)


def test_alerts_live_in_the_database_and_get_more_urgent_without_being_new(database_url: str) -> None:
    with opened(database_url) as store:
        changing, now = Changing(), NOW
        for status in [Status.DEGRADED] * 3 + [Status.UNHEALTHY] * 3:
            changing = raise_for(store, found(status), changing, now)
            now += BAD_FOR
        with store.read() as unit:
            [alert] = unit.alerts.open()
        assert (alert.key, alert.level, alert.raised_at) == (KEY, "error", NOW + BAD_FOR)
        assert (alert.text, alert.remedy) == ("disk of database: 1 GB free.", "Make room.")
        # A restart in the middle only begins to count anew.
        for _ in range(2):
            changing = raise_for(store, found(Status.HEALTHY), Changing(), now)
            now += BAD_FOR
        with store.read() as unit:
            assert len(unit.alerts.open()) == 1
        for _ in range(4):
            changing = raise_for(store, found(Status.HEALTHY), changing, now)
            now += BAD_FOR
        with store.read() as unit:
            assert unit.alerts.open() == []


def test_what_is_configured_no_more_is_mended(database_url: str) -> None:
    with opened(database_url) as store:
        with store.begin() as unit:
            unit.alerts.raise_("health/pool/gone", level="warning", text="t", remedy="", at=NOW)  # type: ignore[arg-type]
            unit.alerts.raise_("uncertain/main/x", level="error", text="t", remedy="", at=NOW)  # type: ignore[arg-type]
        changing = raise_for(store, Health(()), Changing(), NOW)
        raise_for(store, Health(()), changing, NOW + GOOD_FOR)
        with store.read() as unit:
            assert [alert.key for alert in unit.alerts.open()] == ["uncertain/main/x"]
