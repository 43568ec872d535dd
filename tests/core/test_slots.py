"""Slots: against a clock that is watched minute by minute, and by example around every kind of odd day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storyline_core.accounts import Account, Schedule, Slot, slots_between, slots_of
from storyline_core.errors import SettingsError

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ODD_DAYS = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # jumps from midnight to one
    ("America/Sao_Paulo", date(2018, 2, 18)),  # midnight comes twice, from the date before
    ("Australia/Lord_Howe", date(2026, 10, 4)),  # half an hour
    ("Antarctica/Troll", date(2026, 3, 29)),  # two hours
    ("Pacific/Apia", date(2011, 12, 29)),  # the next date never was
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2026, 5, 1)),
    ("UTC", date(2026, 5, 1)),
)


def account(name: str = "main", *, jitter: timedelta = timedelta(), **schedule: object) -> Account:
    return Account(name=name, sources=("photos",), schedule=Schedule(jitter=jitter, **schedule))  # type: ignore[arg-type]


def local_times(slots: tuple[Slot, ...], zone: ZoneInfo = BERLIN) -> list[str]:
    return [f"{slot.at.astimezone(zone):%d %H:%M %Z}" for slot in slots]


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first minute in UTC at which a watched clock shows this time or a later one."""
    moment = wall.replace(tzinfo=UTC) - 2 * DAY
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += MINUTE
    return moment


times_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@st.composite
def accounts_and_days(draw: st.DrawFn, *, jitters: st.SearchStrategy[timedelta]) -> tuple[Account, date]:
    zone, odd_day = draw(st.sampled_from(ODD_DAYS))
    opens, closes = draw(times_of_day), draw(times_of_day)
    assume(opens != closes)
    made = account(
        draw(st.sampled_from(["main", "brand"])),
        posts_per_day=draw(st.integers(1, 50)),
        opens=opens,
        closes=closes,
        zone=ZoneInfo(zone),
        jitter=draw(jitters),
    )
    return made, odd_day + draw(st.integers(-2, 2)) * DAY


@given(accounts_and_days(jitters=st.just(timedelta())))
def test_parts_are_parts_of_elapsed_time_between_the_ends_of_the_window(case: tuple[Account, date]) -> None:
    made, day = case
    schedule = made.schedule
    slots = slots_of(made, day)
    if schedule.zone.key == "Pacific/Apia" and day == date(2011, 12, 30):
        assert slots == ()
        return
    opens = datetime.combine(day, schedule.opens)
    closes = datetime.combine(day + (DAY if schedule.closes < schedule.opens else 0 * DAY), schedule.closes)
    start, end = first_shown(opens, schedule.zone), first_shown(closes, schedule.zone)
    if start == end:
        end = start + (closes - opens)
    n = schedule.posts_per_day
    assert [slot.ordinal for slot in slots] == list(range(n))
    assert {(slot.account, slot.day) for slot in slots} == {(made.name, day)}
    for slot in slots:
        exact = start + slot.ordinal * ((end - start) / n)
        assert abs(slot.at - exact) <= timedelta(seconds=1)
        assert slot.at.tzinfo is UTC


@given(accounts_and_days(jitters=st.timedeltas(timedelta(), timedelta(hours=30))))
def test_jitter_keeps_order_distance_and_window_and_stays_within_what_was_asked(case: tuple[Account, date]) -> None:
    made, day = case
    plain = Account(name=made.name, sources=(), schedule=_without_jitter(made.schedule))
    slots, unmoved = slots_of(made, day), slots_of(plain, day)
    assert len(slots) == len(unmoved)
    for moved, still in zip(slots, unmoved, strict=True):
        assert abs(moved.at - still.at) <= made.schedule.jitter + timedelta(seconds=1)
    assert all(earlier.at < later.at for earlier, later in pairwise(slots))
    if len(slots) > 1:
        part = unmoved[1].at - unmoved[0].at
        assert all(later.at - earlier.at >= part / 3 - timedelta(seconds=2) for earlier, later in pairwise(slots))
        assert slots[-1].at < unmoved[-1].at + part
    assert all(slot.at >= unmoved[0].at for slot in slots)


def _without_jitter(schedule: Schedule) -> Schedule:
    return Schedule(schedule.posts_per_day, schedule.opens, schedule.closes, schedule.zone, timedelta())


@given(accounts_and_days(jitters=st.just(timedelta(minutes=30))), st.lists(st.integers(0, 6 * 1440), max_size=4))
def test_a_stretch_of_time_gives_the_same_slots_however_it_is_cut(case: tuple[Account, date], cuts: list[int]) -> None:
    made, day = case
    start = datetime.combine(day - 3 * DAY, time(), UTC)
    ends = [start, *(start + cut * MINUTE for cut in sorted(cuts)), start + 6 * DAY]
    pieces = [slot for begin, end in pairwise(ends) for slot in slots_between(made, begin, end)]
    every_window = [slot for offset in range(-5, 9) for slot in slots_of(made, day + offset * DAY)]
    assert pieces == [slot for slot in every_window if start <= slot.at < ends[-1]]
    assert pieces == sorted(pieces)
    assert len({slot.key for slot in pieces}) == len(pieces)


def test_a_usual_day() -> None:
    assert local_times(slots_of(account(zone=BERLIN), date(2026, 5, 1))) == [
        "01 09:00 CEST",
        "01 13:00 CEST",
        "01 17:00 CEST",
    ]


def test_slots_are_named_by_account_local_date_and_ordinal() -> None:
    slots = slots_of(account(opens=time(22), closes=time(4), zone=BERLIN), date(2026, 5, 1))
    assert [slot.key for slot in slots] == ["main/2026-05-01/0", "main/2026-05-01/1", "main/2026-05-01/2"]
    assert local_times(slots) == ["01 22:00 CEST", "02 00:00 CEST", "02 02:00 CEST"]


@pytest.mark.parametrize(
    ("day", "opens", "closes", "expected"),
    [
        # Six hours by the clock: five when it jumps ahead, seven when it goes back.
        (date(2026, 3, 28), time(22), time(4), ["28 22:00 CET", "28 23:40 CET", "29 01:20 CET"]),
        (date(2026, 10, 24), time(22), time(4), ["24 22:00 CEST", "25 00:20 CEST", "25 02:40 CEST"]),
        # An opening that does not exist is the jump; a closing likewise.
        (date(2026, 3, 29), time(2, 30), time(6), ["29 03:00 CEST", "29 04:00 CEST", "29 05:00 CEST"]),
        (date(2026, 3, 29), time(0, 30), time(2, 30), ["29 00:30 CET", "29 01:00 CET", "29 01:30 CET"]),
        # The whole window jumped over: its usual length from the jump.
        (date(2026, 3, 29), time(2), time(3), ["29 03:00 CEST", "29 03:20 CEST", "29 03:40 CEST"]),
        # A time that comes twice is the first of the two.
        (date(2026, 10, 25), time(2, 30), time(4, 30), ["25 02:30 CEST", "25 02:30 CET", "25 03:30 CET"]),
        (date(2026, 10, 25), time(1), time(2, 30), ["25 01:00 CEST", "25 01:30 CEST", "25 02:00 CEST"]),
    ],
)
def test_days_on_which_the_clocks_change(day: date, opens: time, closes: time, expected: list[str]) -> None:
    assert local_times(slots_of(account(opens=opens, closes=closes, zone=BERLIN), day)) == expected


def test_nine_in_the_morning_stays_nine_in_the_morning_through_the_year() -> None:
    slots = slots_between(account(posts_per_day=1, zone=BERLIN), _utc(2026, 1, 1), _utc(2027, 1, 1))
    assert {f"{slot.at.astimezone(BERLIN):%H:%M}" for slot in slots} == {"09:00"}


def test_a_year_of_fifty_a_day_over_midnight_has_every_slot_once() -> None:
    made = account(posts_per_day=50, opens=time(20), closes=time(19, 59), zone=BERLIN, jitter=timedelta(minutes=30))
    slots = list(slots_between(made, _utc(2026, 1, 1), _utc(2027, 1, 1)))
    assert abs(len(slots) - 365 * 50) <= 1
    assert len({slot.key for slot in slots}) == len(slots)


def test_a_date_that_the_calendar_left_out_has_no_slots_and_those_around_it_have_theirs() -> None:
    apia = ZoneInfo("Pacific/Apia")
    made = account(posts_per_day=1, opens=time(22), closes=time(2), zone=apia)
    slots = list(slots_between(made, _utc(2011, 12, 29), _utc(2012, 1, 2)))
    assert [slot.day.day for slot in slots] == [28, 29, 31, 1]


def test_jitter_is_always_the_same() -> None:
    """These very instants are in people's previews: another version must not move them."""
    made = account(zone=BERLIN, jitter=timedelta(minutes=30))
    assert [f"{slot.at:%H:%M:%S}" for slot in slots_of(made, date(2026, 5, 1))] == ["07:11:37", "10:42:16", "14:53:49"]


def test_jitter_differs_by_account_date_and_ordinal() -> None:
    jitter = timedelta(minutes=30)
    days = [date(2026, 5, 1) + offset * DAY for offset in range(20)]
    offsets = {
        (slot.at - datetime.combine(day, time(9), UTC)) % timedelta(hours=4)
        for name in ("main", "brand")
        for day in days
        for slot in slots_of(account(name, jitter=jitter), day)
    }
    assert len(offsets) > 110


def test_a_stretch_has_its_beginning_and_not_its_end() -> None:
    nine, one = _utc(2026, 5, 1) + timedelta(hours=9), _utc(2026, 5, 1) + timedelta(hours=13)
    assert [slot.at for slot in slots_between(account(), nine, one)] == [nine]
    assert list(slots_between(account(), nine, nine)) == []


def test_times_without_a_zone_are_refused() -> None:
    naive = datetime(2026, 5, 1)  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ValueError, match="zone"):
        list(slots_between(account(), naive, _utc(2026, 5, 2)))


def test_a_schedule_reports_everything_that_makes_it_impossible() -> None:
    with pytest.raises(SettingsError) as caught:
        Schedule(posts_per_day=51, opens=time(9), closes=time(9), jitter=timedelta(seconds=-1))
    assert [problem.path for problem in caught.value.problems] == ["posts_per_day", "window", "jitter"]
    assert "between 1 and 50" in str(caught.value)


def _utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
