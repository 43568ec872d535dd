"""What a container's status means, when it is looked at again, and what a handle holds: decisions without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Gone, Handle, InProgress, Ready, Refused, Uncertain
from storyline_core.testing.samples import NOON
from storyline_instagram.containers import (
    POLL,
    POLLED_FOR,
    RARELY,
    Container,
    LiveStory,
    Status,
    container_in,
    poll_after,
    since,
    stories_in,
    unpublished,
)
from storyline_instagram.handles import NotOurs, Prepared

MINUTE = timedelta(minutes=1)
PREPARED = Prepared("180001", "178410", NOON, video=True, copy="video/storyline-x", live=("17", "18"))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"status_code": "FINISHED", "status": "Finished: ready"}, Ready()),
        ({"status_code": "IN_PROGRESS"}, InProgress(POLL)),
        ({"status_code": "EXPIRED"}, Gone("What was prepared has expired: Instagram keeps it for 24 hours.")),
    ],
)
def test_each_status_has_one_meaning(told: dict[str, object], found: object) -> None:
    assert unpublished(container_in(told), MINUTE, video=True) == found


def test_an_error_that_another_container_may_not_meet_is_gone() -> None:
    told = {"status_code": "ERROR", "status": "Error: Media upload has failed with error code 2207053"}
    gone = unpublished(container_in(told), MINUTE, video=True)
    assert isinstance(gone, Gone)
    assert "2207053" in gone.why


def test_an_error_of_the_file_itself_is_refused_with_why() -> None:
    told = {"status_code": "ERROR", "status": "Error: Media upload has failed with error code 2207026"}
    with pytest.raises(Refused, match="does not take this video format"):
        unpublished(container_in(told), MINUTE, video=True)


def test_an_error_without_a_reason_is_not_the_files_fault() -> None:
    assert isinstance(unpublished(container_in({"status_code": "ERROR"}), MINUTE, video=False), Gone)


@pytest.mark.parametrize(
    "told", [{}, {"status_code": "ARCHIVED"}, {"status_code": None}, {"status_code": ["FINISHED"]}]
)
def test_what_nobody_knows_is_uncertain(told: dict[str, object]) -> None:
    assert container_in(told).status is Status.UNKNOWN
    with pytest.raises(Uncertain):
        unpublished(container_in(told), MINUTE, video=False)


@given(status=st.sampled_from(Status), detail=st.text(max_size=40), minutes=st.integers(0, 2000), video=st.booleans())
def test_ready_is_said_of_what_is_finished_and_gone_only_of_what_never_will_be(
    status: Status, detail: str, minutes: int, video: bool
) -> None:
    try:
        found = unpublished(Container(status, detail), MINUTE * minutes, video=video)
    except Uncertain:
        assert status in (Status.UNKNOWN, Status.PUBLISHED)
        return
    except Refused:
        assert status is Status.ERROR
        return
    assert isinstance(found, Ready) == (status is Status.FINISHED)
    assert isinstance(found, Gone) == (status in (Status.EXPIRED, Status.ERROR))
    assert isinstance(found, InProgress) == (status is Status.IN_PROGRESS)


@given(st.integers(0, 100_000))
def test_a_video_is_never_asked_after_more_than_once_a_minute(seconds: int) -> None:
    age = timedelta(seconds=seconds)
    assert poll_after(age, video=True) == (POLL if age < POLLED_FOR else RARELY)
    assert timedelta(0) < poll_after(age, video=False) <= poll_after(age, video=True)


def test_a_picture_is_asked_after_soon_and_then_like_everything() -> None:
    asked, age = [], timedelta()
    while age < timedelta(minutes=12):
        wait = poll_after(age, video=False)
        asked.append(int(wait.total_seconds()))
        age += wait
    assert asked[0] == 3
    assert asked == sorted(asked)
    assert sum(1 for wait in asked if wait < 60) <= 5


def test_stories_are_read_with_distrust() -> None:
    told = {
        "data": [
            {"id": "1", "permalink": "https://instagram.com/stories/1", "timestamp": "2026-05-01T12:00:05+0000"},
            {"id": "2", "timestamp": "soon"},
            {"permalink": "nobody's"},
            "nonsense",
        ]
    }
    assert stories_in(told) == [
        LiveStory("1", "https://instagram.com/stories/1", datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)),
        LiveStory("2", None, None),
    ]


def test_only_what_came_after_and_was_not_known_may_be_ours() -> None:
    before = LiveStory("1", None, NOON - timedelta(hours=1))
    known = LiveStory("2", None, NOON + MINUTE)
    ours = LiveStory("3", None, NOON + MINUTE)
    untimed = LiveStory("4", None, None)
    assert since([before, known, ours, untimed], NOON, known=["2"]) == [ours, untimed]


def test_a_handle_comes_back_as_it_was_and_expires_after_its_container() -> None:
    handle = PREPARED.handle("brand")
    assert Prepared.of(handle) == PREPARED
    assert handle.expires_at is not None
    assert handle.expires_at > NOON + timedelta(hours=24)


@given(st.text(max_size=60))
def test_whatever_else_is_no_handle(token: str) -> None:
    with pytest.raises(NotOurs):
        Prepared.of(Handle("brand", token))


@pytest.mark.parametrize(
    "token",
    [
        '{"form":1}',
        '{"form":2,"container":"1","account":"1","made_at":"2026-05-01T12:00:00+00:00"}',
        '{"form":1,"container":"../me","account":"1","made_at":"2026-05-01T12:00:00+00:00"}',
        '{"form":1,"container":"1","account":"1","made_at":"2026-05-01T12:00:00"}',
        '{"form":1,"container":"1","account":"1","made_at":"noon"}',
    ],
)
def test_a_damaged_handle_is_none(token: str) -> None:
    with pytest.raises(NotOurs):
        Prepared.of(Handle("brand", token))
