"""Usage headers and limits become waits: slower before Meta throttles, and always with why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_instagram.usage import (
    CONTAINERS_A_DAY,
    DAY,
    Quota,
    Usage,
    Wait,
    containers_pause,
    longest,
    pause_of,
    quota_in,
    quota_pause,
    recent,
    usage_in,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def headers(app: int | None = None, account: int | None = None, minutes: float = 0) -> dict[str, str]:
    told = {}
    if app is not None:
        told["X-App-Usage"] = json.dumps({"call_count": app, "total_time": 3, "total_cputime": 1})
    if account is not None:
        entry = {"type": "instagram", "call_count": 1, "total_cputime": 2, "total_time": account}
        entry["estimated_time_to_regain_access"] = minutes
        told["X-Business-Use-Case-Usage"] = json.dumps({"17841400000000001": [entry]})
    return told


def test_the_fullest_limit_counts_and_is_named() -> None:
    assert usage_in(headers(app=20, account=85), NOW) == Usage(NOW, 85.0, "for instagram")
    assert usage_in(headers(app=90, account=85), NOW) == Usage(NOW, 90.0, "of the app")
    assert usage_in({}, NOW) is None


def test_minutes_to_regain_access_are_minutes() -> None:
    usage = usage_in(headers(account=100, minutes=12), NOW)
    assert usage is not None
    assert usage.regain_at == NOW + 12 * MINUTE
    wait = pause_of(usage, NOW)
    assert wait is not None
    assert wait.until == NOW + 12 * MINUTE
    assert "throttles" in wait.why
    assert pause_of(usage, NOW + 61 * MINUTE) is None


@pytest.mark.parametrize("value", ["", "x", "[]", '{"a": 1}', '{"a": [1, null]}', '{"a": [{"call_count": "NaN"}]}'])
def test_strange_headers_tell_nothing_and_break_nothing(value: str) -> None:
    usage = usage_in({"X-App-Usage": value, "X-Business-Use-Case-Usage": value}, NOW)
    assert usage is None or usage.percent == 0


def test_it_slows_before_it_is_throttled_and_ever_more() -> None:
    pauses = [pause_of(Usage(NOW, percent, "of the app"), NOW) for percent in (0, 50, 75, 80, 90, 100, 150)]
    assert pauses[:3] == [None, None, None]
    untils = [wait.until - NOW for wait in pauses if wait is not None]
    assert untils == [12 * MINUTE, 36 * MINUTE, 60 * MINUTE, 60 * MINUTE]
    assert "80 % of Meta's limit of the app" in (pauses[3] or Wait(NOW, "")).why


def test_what_is_less_urgent_gives_way_earlier() -> None:
    usage = Usage(NOW, 60, "of the app")
    assert pause_of(usage, NOW) is None
    assert pause_of(usage, NOW, slow_from=50) == Wait(NOW + 12 * MINUTE, "60 % of Meta's limit of the app is used up")


@given(st.floats(0, 200), st.floats(0, 180), st.floats(0, 99))
def test_no_pause_is_longer_than_an_hour_and_each_ends(percent: float, minutes: float, slow_from: float) -> None:
    usage = Usage(NOW, percent, "of the app")
    wait = pause_of(usage, NOW + minutes * MINUTE, slow_from)
    assert wait is None or NOW + minutes * MINUTE < wait.until <= NOW + timedelta(hours=1)
    assert pause_of(usage, NOW + timedelta(hours=1), slow_from) is None


def test_the_quota_is_what_meta_says_now() -> None:
    told = {"data": [{"quota_usage": 50, "config": {"quota_total": 50, "quota_duration": 86400}}]}
    quota = quota_in(told)
    assert quota == Quota(50, 50, DAY)
    wait = quota_pause(quota, NOW)
    assert wait is not None
    assert wait.until > NOW
    assert "50 of 50" in wait.why
    assert quota_pause(Quota(49, 50), NOW) is None


@pytest.mark.parametrize(
    "told",
    [{}, {"data": []}, {"data": [{"quota_usage": 3}]}, {"data": [{"quota_usage": 3, "config": {"quota_total": 0}}]}],
)
def test_a_quota_that_is_not_told_hinders_nothing(told: dict[str, object]) -> None:
    assert quota_in(told) is None
    assert quota_pause(None, NOW) is None


def test_containers_are_counted_against_their_own_limit() -> None:
    made = [NOW - DAY + MINUTE * (each + 1) for each in range(CONTAINERS_A_DAY)]
    wait = containers_pause(made, NOW)
    assert wait is not None
    assert wait.until == made[0] + DAY, "then the first one no longer counts"
    assert "400 of 400" in wait.why
    assert containers_pause(made, wait.until) != wait


def test_containers_are_spread_out_near_the_limit() -> None:
    made = [NOW - timedelta(hours=2)] * 365 + [NOW - MINUTE]
    wait = containers_pause(made, NOW)
    assert wait is not None
    assert wait.until == NOW + 9 * MINUTE
    assert containers_pause(made, NOW + 10 * MINUTE) is None
    assert containers_pause(made[10:], NOW) is None


@given(st.lists(st.integers(0, 48 * 60), max_size=60), st.integers(1, 40))
def test_never_more_than_the_most_in_any_24_hours(minutes: list[int], most: int) -> None:
    """Whoever waits as he is told never prepares more than `most` in 24 hours."""
    made: list[datetime] = []
    for minute in sorted(minutes):
        at = NOW + minute * MINUTE
        if containers_pause(made, at, most) is None:
            made.append(at)
    for at in made:
        assert len([each for each in made if at - DAY < each <= at]) <= most


def test_what_is_older_than_a_day_no_longer_counts() -> None:
    assert recent([NOW, NOW - DAY, NOW - DAY + MINUTE], NOW) == (NOW - DAY + MINUTE, NOW)


def test_the_longest_wait_counts() -> None:
    short, long = Wait(NOW + MINUTE, "a"), Wait(NOW + 2 * MINUTE, "b")
    assert longest([None, short, long]) == long
    assert longest([None]) is None
