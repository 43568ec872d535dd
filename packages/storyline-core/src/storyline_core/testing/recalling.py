"""The part of a publisher's contract that is about what was posted before. A kind without `backfills` skips it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

import pytest

from storyline_core.abilities import BackfillingPublisher
from storyline_core.errors import PluginFault, Refused
from storyline_core.interfaces import Kind, Publisher
from storyline_core.past import PastKind, PastMedia
from storyline_core.testing.conformance import Conformance, only_core_errors
from storyline_core.testing.samples import picture

_LONG_AGO = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_MOST_PAGES = 200


@runtime_checkable
class RecallingWorld(Protocol):
    """Where something was posted before. Part of the world of a publisher whose kind has the trait `backfills`."""

    def post_before(self, content: bytes, posted_at: datetime, caption: str) -> str:
        """Let the account have posted a picture; its id there."""

    def take_back(self, remote_id: str) -> None:
        """Remove what was posted."""

    def break_down(self) -> None:
        """Let nothing get through any more."""


class RecallingTests(Conformance):
    """What holds for every publisher that can fetch what its account posted before."""

    @pytest.fixture
    def recalling(self, opened: Publisher, kind: Kind[object]) -> BackfillingPublisher:
        """The publisher, if its kind says that it has a past."""
        if not kind.traits.backfills:
            pytest.skip("its kind has no past")
        assert isinstance(opened, BackfillingPublisher), "the trait `backfills` without `past_media` and `open_past`"
        return opened

    @pytest.fixture
    def past(self, recalling: BackfillingPublisher, world: object) -> RecallingWorld:
        """The world, in which something can have been posted."""
        assert isinstance(world, RecallingWorld), "the trait `backfills`, but the world has no `post_before`"
        return world

    def test_without_a_past_there_is_nothing(self, recalling: BackfillingPublisher) -> None:
        for kind in PastKind:
            assert _all(recalling, kind) == []

    def test_everything_is_told_once_newest_first(self, recalling: BackfillingPublisher, past: RecallingWorld) -> None:
        moments = [_LONG_AGO + timedelta(hours=number) for number in range(30)]
        posted = [past.post_before(picture(number), at, f"Post {number}") for number, at in enumerate(moments)]
        found = _all(recalling, PastKind.FEED)
        assert [each.remote_id for each in found] == posted[::-1]
        assert [each.posted_at for each in found] == moments[::-1]
        assert all(each.posted_at.utcoffset() == timedelta(0) for each in found), "times are in UTC"
        assert all(each.name.endswith(".jpg") and "/" not in each.name for each in found)

    def test_the_bytes_are_those_that_were_posted(self, recalling: BackfillingPublisher, past: RecallingWorld) -> None:
        for number in range(3):
            past.post_before(picture(number), _LONG_AGO - timedelta(days=number), "")
        for number, media in enumerate(_all(recalling, PastKind.FEED)):
            for _ in range(2):
                with recalling.open_past(media) as file:
                    assert file.read() == picture(number)

    def test_what_is_gone_is_refused_with_why(self, recalling: BackfillingPublisher, past: RecallingWorld) -> None:
        remote_id = past.post_before(picture(1), _LONG_AGO, "")
        [media] = _all(recalling, PastKind.FEED)
        assert media.remote_id == remote_id
        past.take_back(remote_id)
        answer = only_core_errors(lambda: recalling.open_past(media).read())
        assert isinstance(answer, Refused)

    def test_only_core_errors_when_nothing_is_answered(
        self, recalling: BackfillingPublisher, past: RecallingWorld
    ) -> None:
        past.post_before(picture(1), _LONG_AGO, "")
        [media] = _all(recalling, PastKind.FEED)
        past.break_down()
        assert isinstance(only_core_errors(lambda: recalling.past_media(PastKind.FEED, None, None)), PluginFault)
        only_core_errors(lambda: recalling.open_past(media).read())


def _all(publisher: BackfillingPublisher, kind: PastKind) -> list[PastMedia]:
    found: list[PastMedia] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = publisher.past_media(kind, None, cursor)
        found += page.media
        if page.cursor is None:
            return found
        assert page.cursor != cursor, "the same page again and again"
        cursor = page.cursor
    pytest.fail("there is no last page")
