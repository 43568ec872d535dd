"""What of the past is fetched, where a walk begins and ends, and when the next one is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import PastKind, PastMedia, PastPage
from storyline_core.past import (
    MOST_TRIES,
    Facts,
    Known,
    Leg,
    Verdict,
    Walk,
    is_last,
    judge,
    legs_of,
    name_of,
    next_backfill,
)

NOW = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POST = PastMedia("1", PastKind.FEED, "1.jpg", NOW - DAY)
STORY = attrs.evolve(POST, kind=PastKind.STORIES)


@pytest.mark.parametrize(
    ("media", "facts", "verdict"),
    [
        (POST, Facts(), Verdict.FETCH),
        (POST, Facts(met={"1": Known.TRIED}), Verdict.FETCH),
        (POST, Facts(met={"1": Known.HERE}), Verdict.HERE),
        (POST, Facts(met={"1": Known.UNREADABLE}), Verdict.UNREADABLE),
        (POST, Facts(published=["1"]), Verdict.PUBLISHED),
        (POST, Facts(in_doubt=["1"]), Verdict.WAITS),
        (POST, Facts(since=NOW), Verdict.TOO_OLD),
        (POST, Facts(since=NOW - DAY), Verdict.FETCH),
        (POST, Facts(since=NOW, met={"1": Known.HERE}), Verdict.HERE),
        (STORY, Facts(unsure_since=NOW - DAY), Verdict.WAITS),
        (STORY, Facts(unsure_since=NOW - DAY + timedelta(minutes=5)), Verdict.WAITS),
        (STORY, Facts(unsure_since=NOW - DAY + timedelta(minutes=6)), Verdict.FETCH),
        (STORY, Facts(unsure_since=NOW - DAY, published=["1"]), Verdict.PUBLISHED),
        (POST, Facts(unsure_since=NOW - 2 * DAY), Verdict.FETCH),
    ],
)
def test_what_is_done_with_one(media: PastMedia, facts: Facts, verdict: Verdict) -> None:
    assert judge(media, facts) is verdict


@pytest.mark.parametrize(
    ("before", "since", "legs"),
    [
        (Walk(), None, (Leg(),)),
        (Walk(whole=True), None, (Leg(None, True),)),
        (Walk(cursor="c"), None, (Leg("c"), Leg(None, True))),
        (Walk(cursor="c", to_known=True, whole=True), None, (Leg("c", True), Leg(None, True))),
        (Walk(whole=True, since=NOW), None, (Leg(),)),
        (Walk(whole=True, since=NOW), NOW - DAY, (Leg(),)),
        (Walk(whole=True, since=NOW), NOW + DAY, (Leg(None, True),)),
        (Walk(whole=True), NOW, (Leg(None, True),)),
    ],
)
def test_where_a_walk_begins(before: Walk, since: datetime | None, legs: tuple[Leg, ...]) -> None:
    assert legs_of(PastKind.FEED, before, since) == legs
    assert legs_of(PastKind.STORIES, before, since) == (Leg(),)


HERE, FETCH, OLD = Verdict.HERE, Verdict.FETCH, Verdict.TOO_OLD


@pytest.mark.parametrize(
    ("verdicts", "leg", "first", "last"),
    [
        ([HERE], Leg(None, True), True, True),
        ([HERE, Verdict.UNREADABLE, Verdict.PUBLISHED], Leg(None, True), True, True),
        ([HERE, FETCH], Leg(None, True), True, False),
        ([HERE, Verdict.WAITS], Leg(None, True), True, False),
        ([HERE], Leg(None, False), True, False),
        ([HERE], Leg("c", True), True, False),
        ([HERE], Leg("c", True), False, True),
        ([OLD, OLD], Leg(None, False), True, True),
        ([OLD, FETCH], Leg(None, False), True, False),
        ([], Leg(None, True), False, False),
    ],
)
def test_where_a_walk_ends(verdicts: list[Verdict], leg: Leg, first: bool, last: bool) -> None:
    assert is_last(PastPage((), "more"), verdicts, leg, first=first) is last
    assert is_last(PastPage((), None), verdicts, leg, first=first)


@pytest.mark.parametrize(
    ("name", "media_type", "given"),
    [
        ("a.jpg", "image/jpeg", "a.jpg"),
        ("a.jpeg", "image/jpeg", "a.jpeg"),
        ("a.jpg", "video/mp4", "a.mp4"),
        ("a", "image/png", "a.png"),
        ("../../etc/a b:c.jpg", "image/webp", "etc_a_b_c.webp"),
        ("🦊.jpg", "image/jpeg", "1.jpg"),
        (".hidden.jpg", "image/gif", "hidden.gif"),
    ],
)
def test_names_that_every_disk_takes(name: str, media_type: str, given: str) -> None:
    assert name_of(attrs.evolve(POST, name=name), media_type) == given


@given(st.text(max_size=300))
def test_whatever_a_name_is_it_can_be_stored(name: str) -> None:
    made = name_of(attrs.evolve(POST, name=name), "image/jpeg")
    assert made.endswith((".jpg", ".jpeg"))
    assert len(made.encode()) <= 110
    assert not set(made) & set('/\\\0:*?"<>| ')
    assert not made.startswith((".", "~"))


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("tried", "good", "again", "due"),
    [
        (None, None, None, NOW),
        (NOW - HOUR, NOW - HOUR, None, NOW + 23 * HOUR),
        (NOW - HOUR, NOW - DAY, NOW + HOUR, NOW + HOUR),
        (NOW - HOUR, NOW - DAY, NOW + 2 * DAY, NOW + 23 * HOUR),
        (NOW - HOUR / 2, NOW - DAY, None, NOW + HOUR / 2),
        (NOW - HOUR / 2, None, None, NOW + HOUR / 2),
        (NOW - 2 * DAY, NOW - 2 * DAY, None, NOW - DAY),
        (NOW + 3 * DAY, None, None, NOW),
    ],
)
def test_when_the_next_one_is_due(
    tried: datetime | None, good: datetime | None, again: datetime | None, due: datetime
) -> None:
    assert next_backfill(DAY, tried, good, again, NOW) == due


def test_a_picture_is_asked_for_more_than_once() -> None:
    assert MOST_TRIES > 1
