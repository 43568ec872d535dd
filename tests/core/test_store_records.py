"""Holds, sources, accounts, people, runs, leases and alerts: what the store keeps beside items and posts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest

from storyline_core.errors import Busy, NotAllowed, NotFound
from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.posts import PostEvent, PostState, Publication
from storyline_core.reconcile import Waiting
from storyline_core.store import (
    AccountState,
    Hold,
    Reason,
    RunStatus,
    SourceRecord,
    Store,
    TeamRole,
)
from tests.core.store_samples import HOUR, NOW, added, apply, digest_of, fill, opened, post_for, remembered

PERSON = "telegram:17"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        yield store


def hold_on(item: int, content: str | None = None, **other: object) -> Hold:
    held = Hold(item, content and digest_of(content), None, Reason.MANUAL, None, PERSON, NOW)
    return attrs.evolve(held, **other)  # type: ignore[arg-type]


def test_holds_match_the_item_or_its_bytes_in_one_account_or_all_until_they_end(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("a", "same"), added("b", "same"), added("c", "other")])
        by_item = unit.holds.add(hold_on(1))
        by_bytes = unit.holds.add(hold_on(1, "same", account="main", until=NOW + HOUR, at=NOW - HOUR))

        def found(item: int, account: str | None = None, now: timedelta = timedelta(0)) -> list[int | None]:
            return [hold.id for hold in unit.holds.active(NOW + now, item=item, account=account)]

        assert found(1) == [by_item.id, by_bytes.id]
        assert found(2) == [by_bytes.id]
        assert found(3) == []
        assert found(2, "main") == [by_bytes.id]
        assert found(2, "shop") == []
        assert found(1, "shop") == [by_item.id]
        assert found(2, now=HOUR - timedelta(microseconds=1)) == [by_bytes.id]
        assert found(2, now=HOUR) == []
        assert [hold.id for hold in unit.holds.list(NOW)] == [by_item.id, by_bytes.id]
        assert unit.holds.list(NOW)[1] == by_bytes


def test_a_release_ends_every_hold_that_matches_and_keeps_the_rows(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("a", "same"), added("b", "same"), added("c")])
        held = [unit.holds.add(hold_on(1, "same")), unit.holds.add(hold_on(2)), unit.holds.add(hold_on(3))]
        assert list(unit.holds.release(2, PERSON, NOW)) == [held[1], held[0]]
        assert list(unit.holds.release(2, PERSON, NOW)) == []
        assert [hold.item_id for hold in unit.holds.list(NOW)] == [3]
        assert unit.connection.exec_driver_sql("SELECT count(*) FROM holds WHERE released_by IS NOT NULL").scalar() == 2


def test_a_posts_hold_is_moved_not_doubled_and_is_withdrawn_with_its_decision(store: Store) -> None:
    fill(store, ["a"])
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        first = unit.holds.add(hold_on(1, reason=Reason.COOLDOWN, until=NOW + HOUR, post_id=post.id))
        moved = unit.holds.add(hold_on(1, reason=Reason.COOLDOWN, until=NOW + 2 * HOUR, post_id=post.id))
        unit.holds.add(hold_on(1, reason=Reason.REJECTED, post_id=post.id))
        assert moved.id == first.id
        assert sorted(hold.until or NOW for hold in unit.holds.list(NOW)) == [NOW, NOW + 2 * HOUR]
        assert len(unit.holds.withdraw(post.id, PERSON, NOW)) == 2
        assert list(unit.holds.list(NOW)) == []
        assert unit.holds.add(hold_on(1, reason=Reason.COOLDOWN, post_id=post.id)).id != first.id


def test_a_sources_record_and_its_switch(store: Store) -> None:
    record = SourceRecord("photos", "c1", "marker", "rules", NOW, NOW, 7, waiting={"ü.jpg": Waiting("ü.jpg", NOW, 2)})
    with store.begin() as unit:
        assert unit.sources.get("photos") == SourceRecord("photos")
        unit.sources.save(record)
        assert unit.sources.get("photos") == record
        unit.sources.set_paused("photos", True)
        unit.sources.save(attrs.evolve(record, cursor="c2"))
        assert unit.sources.get("photos") == attrs.evolve(record, cursor="c2", paused=True)
        unit.sources.set_paused("new", True)
        assert unit.sources.get("new").paused
        assert unit.sources.names() == ["new", "photos"]


def test_a_renamed_source_takes_everything_along_once(store: Store) -> None:
    fill(store, ["a"], source="old")
    for _ in range(2):
        with store.begin() as unit:
            unit.sources.rename("old", "new")
    assert list(remembered(store, "new")) == ["a"]
    assert remembered(store, "old") == {}
    fill(store, ["b"], source="old")
    with pytest.raises(NotAllowed, match="Source new has items of its own"), store.begin() as unit:
        unit.sources.rename("old", "new")


def test_an_accounts_state(store: Store) -> None:
    with store.begin() as unit:
        assert unit.accounts.state("main") == AccountState("main")
        assert unit.accounts.lock("main") == AccountState("main")
        saved = unit.accounts.save("main", paused=True, filled_until=NOW)
        assert saved == AccountState("main", paused=True, filled_until=NOW)
        assert unit.accounts.save("main") == unit.accounts.state("main") == saved
        assert unit.accounts.names() == ["main"]


def test_a_renamed_account_takes_its_slots_along_once(store: Store) -> None:
    fill(store, ["a"])
    with store.begin() as unit:
        post = post_for(1, account="old")
        unit.queue.add(post)
        unit.accounts.save("old", filled_until=NOW)
        unit.holds.add(hold_on(1, account="old"))
        unit.accounts.rename("old", "new")
        unit.accounts.rename("old", "new")
        assert unit.queue.get(post.id).slot_key == "new/2026-05-01/0"
        assert unit.queue.slot_keys("new", NOW, NOW + HOUR) == {"new/2026-05-01/0"}
        assert unit.accounts.state("new").filled_until == NOW
        assert [hold.account for hold in unit.holds.list(NOW)] == ["new"]
        unit.accounts.save("other", paused=True)
        unit.queue.add(post_for(1, account="other"))
        with pytest.raises(NotAllowed, match="Account new has posts of its own"):
            unit.accounts.rename("other", "new")


def test_people_are_met_when_they_act(store: Store) -> None:
    with store.begin() as unit:
        assert unit.people.find(PERSON) is None
        promoted = unit.people.set_role(PERSON, TeamRole.ADMIN)
        assert (promoted.notifier, promoted.role, promoted.first_seen_at) == ("telegram", TeamRole.ADMIN, None)
        unit.people.seen(PERSON, "Ann", "ann", NOW)
        met = unit.people.seen(PERSON, "Ann B.", None, NOW + HOUR)
        assert (met.name, met.username, met.first_seen_at, met.last_seen_at) == ("Ann B.", None, NOW, NOW + HOUR)
        assert met.role is TeamRole.ADMIN
        assert unit.people.seen("cli:bob", "bob", None, NOW).first_seen_at == NOW
        unit.people.set_team("cli:bob", "shop")
        assert not unit.people.set_active("cli:bob", False).active
        assert [who.person for who in unit.people.list()] == ["cli:bob", PERSON]
        assert [who.person for who in unit.people.list(team="shop")] == ["cli:bob"]
        assert [who.person for who in unit.people.list(role=TeamRole.ADMIN)] == [PERSON]
        for change in (unit.people.get, lambda who: unit.people.set_active(who, True)):
            with pytest.raises(NotFound, match="Nobody is known as telegram:99"):
                change("telegram:99")


def test_what_people_did(store: Store) -> None:
    fill(store, ["a", "b"])
    with store.begin() as unit:
        unit.people.seen(PERSON, "Ann", None, NOW)
        for number, event in enumerate((PostEvent.POSTED, PostEvent.SKIP), 1):
            post = post_for(number, number)
            unit.queue.add(post)
            posted = event is PostEvent.POSTED
            state = PostState.POSTED if posted else PostState.SKIPPED
            after = attrs.evolve(post, state=state, revision=2, settled_at=NOW)
            at = NOW + number * HOUR
            if posted:
                unit.queue.record(post, after, Publication(None, None, NOW), event=event, by=PERSON, at=at)
            else:
                unit.queue.move(post, after, event=event, by=PERSON, at=at)
        [did] = unit.people.stats()
        assert (did.decisions, did.posts, did.last_at) == ({"posted": 1, "skip": 1}, 1, NOW + 2 * HOUR)
        assert unit.people.stats(PERSON) == [did]
        assert unit.people.stats("cli:nobody")[0].decisions == {}
        assert unit.people.get(PERSON).posts == 1


def test_run_records(store: Store) -> None:
    with store.begin() as unit:
        first = unit.runs.start("sync", "photos", triggered_by="cli", user="cli:ann", input={"force": True}, at=NOW)
        second = unit.runs.start("fill", triggered_by="scheduler", at=NOW)
        running = unit.runs.get(first)
        assert (running.status, running.input, running.duration) == (RunStatus.RUNNING, {"force": True}, None)
        unit.runs.finish(first, "completed", result={"added": 3}, at=NOW + HOUR)
        unit.runs.finish(
            second, RunStatus.FAILED, error="no\0pe", error_type="Refused", traceback="Trace", at=NOW + HOUR
        )
        done = unit.runs.get(first)
        assert (done.status, done.result, done.duration) == (RunStatus.COMPLETED, {"added": 3}, HOUR)
        assert [run.id for run in unit.runs.list()] == [second, first]
        assert [run.error for run in unit.runs.list(failed=True)] == ["nope"]
        assert [run.id for run in unit.runs.list(step="sync", subject="photos", limit=1)] == [first]
        assert unit.runs.last("sync", "drive") is None
        assert unit.runs.last("sync") == done
        assert not unit.runs.prunable(NOW + HOUR), "the last of each step and subject stays"
        assert unit.runs.prune(NOW + HOUR) == 0
        unit.runs.start("sync", "photos", triggered_by="cli", at=NOW + 2 * HOUR)
        assert unit.runs.prunable(NOW + HOUR)
        assert unit.runs.prune(NOW + HOUR) == 1
        with pytest.raises(NotFound, match=f"There is no run {first}"):
            unit.runs.get(first)
        assert unit.runs.get(second).error == "nope"


def test_a_lease_is_held_by_one_until_it_lapses_or_is_given_back(store: Store) -> None:
    with store.begin() as unit:
        mine = unit.leases.take("sync/photos", "a", NOW + HOUR, NOW)
        for holder in ("a", "b"):
            with pytest.raises(Busy, match="sync/photos is being worked on by a"):
                unit.leases.take("sync/photos", holder, NOW + HOUR, NOW)
        unit.leases.check(mine.subject, mine.fence)
        mine = unit.leases.renew(mine, NOW + 2 * HOUR)
        with pytest.raises(Busy):
            unit.leases.take("sync/photos", "b", NOW + 9 * HOUR, NOW + HOUR)
        assert unit.leases.held(NOW) == [mine]
        theirs = unit.leases.take("sync/photos", "b", NOW + 9 * HOUR, NOW + 2 * HOUR)
        assert theirs.fence > mine.fence
        for lost in (lambda: unit.leases.renew(mine, NOW + HOUR), lambda: unit.leases.check(mine.subject, mine.fence)):
            with pytest.raises(Busy, match="worked on by b"):
                lost()
        unit.leases.release(mine)
        unit.leases.check(theirs.subject, theirs.fence)
        unit.leases.release(theirs)
        assert unit.leases.held(NOW) == []
        with pytest.raises(Busy):
            unit.leases.check(theirs.subject, theirs.fence)
        assert unit.leases.take("sync/photos", "c", NOW + HOUR, NOW).fence > theirs.fence
        with pytest.raises(Busy):
            unit.leases.check("sync/never", 1)


def test_a_lease_that_a_wrong_clock_took_far_ahead_keeps_nobody_out(store: Store) -> None:
    with store.begin() as unit:
        before = unit.leases.take("sync/photos", "a", NOW + 24 * HOUR, NOW + 23 * HOUR)
        for length, free in ((2 * HOUR, False), (HOUR, True)):
            if free:
                assert unit.leases.take("sync/photos", "b", NOW + length, NOW).fence > before.fence
            else:
                with pytest.raises(Busy):
                    unit.leases.take("sync/photos", "b", NOW + length, NOW)


def test_an_alert_is_raised_once_told_and_cleared(store: Store) -> None:
    with store.begin() as unit:
        assert unit.alerts.raise_("disk", AlertLevel.WARNING, "10 % left", "Free some space.", NOW)
        assert not unit.alerts.raise_("disk", AlertLevel.ERROR, "1 % left", "Free some space.", NOW + HOUR)
        unit.alerts.mark_told("disk", NOW + HOUR)
        [standing] = unit.alerts.open()
        assert (standing.text, standing.raised_at, standing.told_at, standing.times_told) == (
            "1 % left",
            NOW,
            NOW + HOUR,
            1,
        )
        assert standing.alert == Alert("disk", AlertLevel.ERROR, "1 % left", "Free some space.")
        assert unit.alerts.clear("disk", NOW + 2 * HOUR)
        assert not unit.alerts.clear("disk", NOW + 2 * HOUR)
        assert list(unit.alerts.open()) == []
        last = unit.alerts.last("disk")
        assert last is not None
        assert last.alert.cleared
        assert unit.alerts.last("other") is None
        assert unit.alerts.raise_("disk", AlertLevel.ERROR, "again", "", NOW + 3 * HOUR)
        assert unit.alerts.open()[0].times_told == 0
