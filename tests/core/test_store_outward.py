"""What the store keeps for health and alerts: workers, numbers, and who was told of what."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import pytest

from storyline_core.interfaces import AlertLevel
from storyline_core.posts import PostState
from storyline_core.store import ChannelRecord, Store, Unit
from storyline_core.vitals import LineNumbers, Worker
from tests.core.store_samples import HOUR, NOW, fill, opened, post_for

DAY = timedelta(days=1)


def raised(unit: Unit, key: str, at: datetime = NOW) -> None:
    unit.alerts.raise_(key, level=AlertLevel.WARNING, text=f"{key} is bad.", remedy="Mend it.", at=at)


def test_a_worker_writes_over_its_own_note_and_says_goodbye(database_url: str) -> None:
    with opened(database_url) as store:
        note = Worker("pi:7", NOW - DAY, NOW, {"line": (timedelta(seconds=30), NOW)}, timedelta(seconds=-2.5))
        later = attrs.evolve(note, noted_at=NOW + HOUR, skew=None)
        other = Worker("server:1", NOW, NOW)
        with store.begin() as unit:
            for each in (note, other, later):
                unit.workers.note(each)
        with store.read() as unit:
            assert unit.workers.all() == [later, other]
        with store.begin() as unit:
            unit.workers.forget("pi:7")
            assert unit.workers.forget_before(NOW) == 0
            assert unit.workers.forget_before(NOW + HOUR) == 1
        with store.read() as unit:
            assert unit.workers.all() == []


def test_only_a_server_has_a_clock_of_its_own(sqlite_url: str, postgresql_url: str) -> None:
    with opened(sqlite_url) as store, store.read() as unit:
        assert unit.workers.server_time() is None
    with opened(postgresql_url) as store, store.read() as unit:
        there = unit.workers.server_time()
        assert there is not None
        assert there.utcoffset() == timedelta()
        assert there > NOW


def test_how_posts_stand_is_counted(database_url: str) -> None:
    cases = [
        (PostState.OFFERED, NOW - 3 * HOUR, None),
        (PostState.SCHEDULED, NOW - timedelta(minutes=50), None),
        (PostState.SNOOZED, NOW - 5 * HOUR, None),
        (PostState.UNCERTAIN, NOW - 9 * HOUR, None),
        (PostState.POSTED, NOW, NOW - DAY),
        (PostState.POSTED, NOW, NOW - 8 * DAY),
        (PostState.FAILED, NOW, NOW - 6 * DAY),
        (PostState.SKIPPED, NOW, NOW - HOUR),
    ]
    with opened(database_url) as store:
        fill(store, [f"{number}.jpg" for number in range(12)])
        with store.begin() as unit:
            for number, (state, due, settled) in enumerate(cases, start=1):
                post = attrs.evolve(post_for(number, number), state=state, due_at=due, settled_at=settled)
                posted = settled if state is PostState.POSTED else None
                unit.queue.add(attrs.evolve(post, posted_at=posted))
            for number, (reason, at) in enumerate(
                [("the account was paused", HOUR), ("nothing was eligible", HOUR), ("x", 2 * DAY)], start=20
            ):
                missed = attrs.evolve(
                    post_for(1, number), state=PostState.MISSED, item_id=None, digest=None, settled_at=NOW - at
                )
                unit.queue.add(attrs.evolve(missed, reason=reason))
        with store.read() as unit:
            assert unit.numbers.of_account("main", NOW) == LineNumbers(
                waiting=4,
                late=1,
                uncertain=1,
                oldest_due_at=NOW - 3 * HOUR,
                posted=1,
                missed=3,
                missed_lately=1,
                failed=1,
                last_posted_at=NOW - DAY,
            )
            assert unit.numbers.of_account("nobody", NOW) == LineNumbers()


def pending(store: Store, channel: str) -> list[tuple[str, int, bool]]:
    with store.read() as unit:
        return [
            (each.alert.key, each.times_told, each.alert.cleared_at is not None)
            for each in unit.tellings.pending(channel)
        ]


def test_each_channel_is_told_by_itself(database_url: str) -> None:
    with opened(database_url) as store:
        with store.begin() as unit:
            raised(unit, "a")
            raised(unit, "b")
        with store.begin() as unit:
            first = unit.tellings.pending("ops")[0].alert
            unit.tellings.mark("ops", first, NOW)
            unit.tellings.mark("ops", first, NOW + DAY)
        assert pending(store, "ops") == [("a", 2, False), ("b", 0, False)]
        assert pending(store, "mail") == [("a", 0, False), ("b", 0, False)]
        with store.begin() as unit:
            unit.alerts.clear("a", at=NOW + DAY)
            unit.alerts.clear("b", at=NOW + DAY)
        assert pending(store, "ops") == [("a", 2, True)]
        assert pending(store, "mail") == []
        with store.begin() as unit:
            unit.tellings.mark("ops", unit.tellings.pending("ops")[0].alert, NOW + DAY)
        assert pending(store, "ops") == []


def test_an_alert_that_comes_back_is_another_one(database_url: str) -> None:
    with opened(database_url) as store:
        with store.begin() as unit:
            raised(unit, "a")
            unit.tellings.mark("ops", unit.tellings.pending("ops")[0].alert, NOW)
            unit.alerts.clear("a", at=NOW + HOUR)
            raised(unit, "a", NOW + 2 * HOUR)
        assert pending(store, "ops") == [("a", 1, True), ("a", 0, False)]
        with store.begin() as unit:
            for each in unit.tellings.pending("ops"):
                unit.tellings.mark("ops", each.alert, NOW + 2 * HOUR)
        assert pending(store, "ops") == [("a", 1, False)]
        with store.begin() as unit:
            assert unit.tellings.forget_before(NOW + 2 * HOUR) == 1
        assert pending(store, "ops") == [("a", 1, False)]


def test_a_channel_that_rests(database_url: str) -> None:
    with opened(database_url) as store:
        record = ChannelRecord("ops", 3, NOW + HOUR, "no\0body answers")
        with store.begin() as unit:
            unit.tellings.save_channel(record)
        with store.read() as unit:
            assert unit.tellings.channel("ops") == attrs.evolve(record, trouble="nobody answers")
            assert unit.tellings.channel("mail") == ChannelRecord("mail")


@pytest.mark.parametrize("level", list(AlertLevel))
def test_open_alerts_are_counted_by_level(database_url: str, level: AlertLevel) -> None:
    with opened(database_url) as store, store.begin() as unit:
        unit.alerts.raise_("a", level=level, text="t", remedy="", at=NOW)
        assert unit.numbers.open_alerts() == {level.value: 1}
        assert unit.numbers.known_since() is None
        unit.runs.start("sync", triggered_by="cli", at=NOW)
        assert unit.numbers.known_since() == NOW
