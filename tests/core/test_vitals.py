"""The thresholds of `check`: from bare numbers to rows, by rule and by example."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.health import FIGURES, Check, Health, Status, worst
from storyline_core.vitals import (
    POOL_FORESEEN,
    LineNumbers,
    Worker,
    check_backup,
    check_clocks,
    check_disk,
    check_outcomes,
    check_pool,
    check_queue,
    check_uncertain,
    check_workers,
    is_quiet,
    pool_days,
)

NOW = datetime(2026, 5, 8, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE = timedelta(minutes=1)


def queue(**numbers: object) -> Check:
    return check_queue("main", LineNumbers(**numbers), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ({"waiting": 50}, Status.HEALTHY),
        ({"waiting": 51}, Status.DEGRADED),
        ({"waiting": 5, "late": 5}, Status.HEALTHY),
        ({"waiting": 6, "late": 6}, Status.DEGRADED),
        ({"waiting": 1, "late": 1, "oldest_due_at": NOW - 24 * HOUR}, Status.HEALTHY),
        ({"waiting": 1, "late": 1, "oldest_due_at": NOW - 24 * HOUR - MINUTE}, Status.DEGRADED),
        ({"waiting": 1, "uncertain": 1}, Status.HEALTHY),
    ],
)
def test_a_queue_is_worth_a_warning_above_its_thresholds(numbers: dict[str, object], status: Status) -> None:
    row = queue(**numbers)
    assert row.status is status
    assert bool(row.remedy) is (status is not Status.HEALTHY)


def test_a_queue_says_how_late_it_is() -> None:
    row = queue(waiting=9, late=7, oldest_due_at=NOW - 3 * HOUR)
    assert row.message == "9 waiting; the oldest is 3 h late; 7 are over an hour late"


def test_what_may_be_live_is_a_row_of_its_own() -> None:
    assert check_uncertain("main", LineNumbers()) == []
    [row] = check_uncertain("main", LineNumbers(uncertain=1))
    assert (row.status, row.message) == (Status.DEGRADED, "nobody knows whether 1 post went out")


@pytest.mark.parametrize(
    ("failed", "missed", "status"),
    [(0, 0, "healthy"), (1, 0, "degraded"), (10, 0, "degraded"), (11, 0, "unhealthy"), (0, 1, "degraded")],
)
def test_failed_and_missed_posts(failed: int, missed: int, status: str) -> None:
    row = check_outcomes("main", LineNumbers(posted=20, failed=failed, missed=missed, missed_lately=missed))
    assert (row.status, row.message) == (status, f"20 posted, {missed} missed, {failed} failed in 7 days")


def test_an_old_miss_is_told_but_no_trouble() -> None:
    assert check_outcomes("main", LineNumbers(missed=4)).status is Status.HEALTHY


ages = st.timedeltas(timedelta(), timedelta(days=4))


@given(st.none() | ages, st.lists(ages, max_size=8), st.timedeltas(timedelta(), 3 * HOUR))
def test_silence_needs_a_slot_of_the_last_day_whose_grace_is_over(
    posted: timedelta | None, slots: list[timedelta], grace: timedelta
) -> None:
    quiet = is_quiet(None if posted is None else NOW - posted, [NOW - age for age in slots], NOW, grace)
    silent = posted is None or posted >= DAY
    assert quiet is (silent and any(grace <= age <= DAY for age in slots))


@given(st.integers(-30, 30))
def test_one_story_a_day_that_comes_is_never_silence(jitter: int) -> None:
    """A slot a day, now early, now late: whoever looks whenever before the next one finds nothing to say."""
    yesterday, today = NOW - DAY - timedelta(minutes=jitter), NOW + timedelta(minutes=jitter)
    for minutes in range(0, 24 * 60, 7):
        now = yesterday + timedelta(minutes=minutes)
        if now < today:
            assert not is_quiet(yesterday, [yesterday, today], now, HOUR)


@given(st.integers(0, 400), st.integers(1, 50))
def test_a_pool_that_never_comes_back_lasts_for_its_items(free: int, per_day: int) -> None:
    days = pool_days(free, [], per_day, timedelta(days=1_000), NOW)
    assert days == pytest.approx(min(free / per_day, POOL_FORESEEN))


@given(
    st.integers(0, 200),
    st.lists(st.timedeltas(timedelta(), timedelta(days=90)), max_size=30),
    st.integers(1, 10),
    st.timedeltas(timedelta(), timedelta(days=90)),
)
def test_more_items_and_shorter_rests_never_make_a_pool_last_less(
    free: int, returns: list[timedelta], per_day: int, cooldown: timedelta
) -> None:
    back = [NOW + wait for wait in returns]
    days = pool_days(free, back, per_day, cooldown, NOW)
    assert 0 <= days <= POOL_FORESEEN
    assert pool_days(free + 1, back, per_day, cooldown, NOW) >= days
    assert pool_days(free, [*back, NOW + DAY], per_day, cooldown, NOW) >= days
    assert pool_days(free, back, per_day, cooldown / 2, NOW) >= days


@given(st.integers(1, 10), st.integers(1, 30))
def test_a_pool_that_turns_over_within_its_rest_lasts_for_ever(per_day: int, rest: int) -> None:
    assert pool_days(per_day * rest, [], per_day, timedelta(days=rest), NOW) == POOL_FORESEEN
    if per_day * rest < per_day * POOL_FORESEEN:
        assert pool_days(per_day * rest - 1, [], per_day, timedelta(days=rest), NOW) < POOL_FORESEEN


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (0.0, "degraded", "0 days"),
        (0.4, "degraded", "less than a day"),
        (6.9, "degraded", "6 days"),
        (7.0, "healthy", "7 days"),
        (60.0, "healthy", "60 days or more"),
    ],
)
def test_a_pool_under_a_week_is_low(days: float, status: str, words: str) -> None:
    row = check_pool("main", 3, days)
    assert (row.status, row.message) == (status, f"3 items can be posted, enough for {words}")


@pytest.mark.parametrize(
    ("free", "status"),
    [(10**9, "healthy"), (10**9 - 1, "degraded"), (2 * 10**8, "degraded"), (2 * 10**8 - 1, "unhealthy")],
)
def test_a_disk_that_fills_up(free: int, status: str) -> None:
    assert check_disk("database", "the database lies", free, "health/disk").status == status


@pytest.mark.parametrize(
    ("newest", "since", "status"),
    [
        (None, None, "healthy"),
        (None, timedelta(days=2), "healthy"),
        (None, timedelta(days=2, seconds=1), "degraded"),
        (timedelta(days=2), timedelta(days=9), "healthy"),
        (timedelta(days=2, seconds=1), timedelta(days=9), "degraded"),
        (timedelta(days=-1), timedelta(days=9), "healthy"),
    ],
)
def test_a_daily_backup_that_was_left_out(newest: timedelta | None, since: timedelta | None, status: str) -> None:
    row = check_backup(None if newest is None else NOW - newest, None if since is None else NOW - since, NOW)
    assert row.status == status


seconds = st.floats(-200, 200).map(lambda each: timedelta(seconds=each))


@given(st.dictionaries(st.sampled_from("abcd"), seconds, max_size=4))
def test_clocks_are_held_against_the_server_and_each_other(skews: dict[str, timedelta]) -> None:
    row = check_clocks(skews)
    apart = max(abs(one - other) for one in [*skews.values(), timedelta()] for other in [*skews.values(), timedelta()])
    expected = "unhealthy" if apart >= MINUTE else "degraded" if apart >= timedelta(seconds=5) else "healthy"
    assert row.status == expected


def worker(name: str, noted: timedelta, **loops: timedelta) -> Worker:
    turns = {loop: (timedelta(seconds=30), NOW - age) for loop, age in loops.items()}
    return Worker(name, NOW - DAY, NOW - noted, turns)


def test_a_dead_loop_makes_its_worker_unhealthy_and_says_which() -> None:
    [row] = check_workers([worker("pi:7", MINUTE, line=MINUTE, photos=11 * MINUTE)], NOW)
    assert (row.name, row.status, row.message) == ("worker pi:7", "unhealthy", "photos has not turned for 11 min")


@pytest.mark.parametrize(("age", "dead"), [(10, False), (11, True)])
def test_a_loop_may_have_a_step_in_hand(age: int, dead: bool) -> None:
    [row] = check_workers([worker("pi:7", MINUTE, line=age * MINUTE)], NOW)
    assert (row.status is Status.UNHEALTHY) is dead


def test_a_slow_loop_is_measured_by_its_own_interval() -> None:
    slow = attrs.evolve(worker("pi:7", MINUTE), loops={"upkeep": (HOUR, NOW - 2 * HOUR)})
    assert check_workers([slow], NOW)[0].status is Status.HEALTHY
    slow = attrs.evolve(slow, loops={"upkeep": (HOUR, NOW - 3 * HOUR - MINUTE)})
    assert check_workers([slow], NOW)[0].status is Status.UNHEALTHY


def test_a_worker_that_was_killed_is_asked_after_for_a_day_unless_its_host_runs_another() -> None:
    lost = worker("pi:7", HOUR)
    assert check_workers([lost], NOW)[0].status is Status.UNHEALTHY
    both = check_workers([lost, worker("server:9", MINUTE, line=MINUTE)], NOW)
    assert {row.name: row.status for row in both} == {"worker server:9": "healthy", "worker pi:7": "degraded"}
    again = check_workers([lost, worker("pi:9", MINUTE, line=MINUTE)], NOW)
    assert [row.name for row in again] == ["worker pi:9"]
    assert check_workers([worker("pi:7", DAY + MINUTE)], NOW)[0].status is Status.HEALTHY
    assert check_workers([], NOW)[0].message == "no `storyline run` is at work"


@given(st.lists(st.sampled_from(list(Status))))
def test_the_worst_row_counts(statuses: list[Status]) -> None:
    health = Health(tuple(Check(str(number), status, "") for number, status in enumerate(statuses)))
    order = list(Status)
    assert health.status is max(statuses, key=order.index, default=Status.HEALTHY)
    assert worst(*statuses) is health.status


def test_every_figure_is_a_known_one() -> None:
    rows = [
        queue(waiting=1),
        check_outcomes("main", LineNumbers()),
        check_pool("main", 1, 1.0),
        check_disk("database", "x", 1, "k"),
        check_backup(NOW, NOW, NOW),
        check_clocks({"a": MINUTE}),
        *check_workers([worker("pi:7", MINUTE, line=MINUTE)], NOW),
    ]
    names = {figure.name for row in rows for figure in row.figures}
    assert names <= set(FIGURES)
    assert names
