"""An hour before its time a post is rehearsed: what never will work is swapped, what keeps all from working is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core import (
    Decision,
    Entry,
    Gone,
    InProgress,
    Mode,
    NeedsPerson,
    Post,
    PostEvent,
    PostState,
    Published,
    Ready,
    Refused,
    Storyline,
    Unavailable,
    Uncertain,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, settings_of
from tests.end_to_end.world import START, SetClock

SLOT = START + timedelta(hours=3)
AHEAD = SLOT - timedelta(minutes=59)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def plugin() -> MemoryPlugin:
    plugin = MemoryPlugin()
    fill_folder(plugin, 8)
    return plugin


@contextmanager
def careful(database_url: str, plugin: MemoryPlugin, clock: SetClock, **account: object) -> Iterator[Storyline]:
    """Everything in memory, with a publisher that rehearses and is asked first how things stand."""
    given = settings_of(database_url, **account)
    given = attrs.evolve(
        given,
        sources=list(given.sources.values()),
        notifiers=list(given.notifiers.values()),
        publishers=[Entry("stage", "memory-careful", Place())],
        accounts=list(given.accounts.values()),
    )
    with open_storyline(given, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline


@pytest.fixture
def storyline(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> Iterator[Storyline]:
    """Filled long before the first slot."""
    with careful(database_url, plugin, clock) as storyline:
        storyline.tick()
        yield storyline


def first(storyline: Storyline) -> Post:
    with storyline.read() as unit:
        waiting = [*unit.queue.unsettled("main"), *unit.queue.history("main", limit=20)]
    return next(post for post in waiting if post.slot_key == "main/2026-05-01/0")


def events(storyline: Storyline) -> list[str]:
    post = first(storyline)
    with storyline.read() as unit:
        return [entry.event for entry in unit.queue.journal(post.id)]


def tick_at(storyline: Storyline, clock: SetClock, **of_slot: float) -> Post:
    clock.at = SLOT + timedelta(**of_slot)
    storyline.tick()
    return first(storyline)


def test_it_is_rehearsed_once_within_the_hour_and_goes_out_in_time(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    assert "rehearse" not in plugin.faults.calls
    tick_at(storyline, clock, minutes=-61)
    assert "rehearse" not in plugin.faults.calls
    for minute in (-60, -59, -30, -1):
        post = tick_at(storyline, clock, minutes=minute)
        assert post.state is PostState.SCHEDULED
    assert plugin.faults.calls.count("rehearse") == 1
    assert plugin.stage().made == 0
    assert tick_at(storyline, clock, minutes=0).state is PostState.POSTED
    assert plugin.stage().published() == 1
    assert events(storyline) == ["added", "rehearse", "approve", "prepared", "publish", "published"]


def test_what_never_will_work_is_swapped_and_the_team_is_told(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    before = first(storyline)
    plugin.faults.order("rehearse", Refused("It is 75.0 seconds long."))
    after = tick_at(storyline, clock, minutes=-59)
    assert after.item_id != before.item_id
    assert after.excluded == (before.item_id,)
    assert after.state is PostState.SCHEDULED
    assert plugin.faults.calls.count("rehearse") == 2, "the other item is rehearsed as well"
    (told,) = plugin.team().alerts
    assert "It is 75.0 seconds long." in told.text
    assert "has another one now" in told.text
    assert f"storyline media hold {before.item_id}" in told.remedy
    assert tick_at(storyline, clock, minutes=0).state is PostState.POSTED
    assert plugin.stage().published() == 1
    with storyline.read() as unit:
        assert not unit.alerts.open()
        assert not [hold for hold in unit.holds.active(clock.at, item=before.item_id) if hold.item_id == before.item_id]


def test_what_somebody_chose_is_not_swapped(storyline: Storyline, plugin: MemoryPlugin, clock: SetClock) -> None:
    with storyline.read() as unit:
        taken = {post.item_id for post in unit.queue.unsettled("main")}
        free = next(item for item in unit.library.items() if item.id not in taken)
    chosen = storyline.post_beside("main", by="cli:anna", item_id=free.id, at=clock.at + timedelta(minutes=50))
    plugin.faults.order("rehearse", Refused("It is 75.0 seconds long."))
    storyline.tick()
    post = storyline.post(chosen.id)
    assert (post.item_id, post.state) == (free.id, PostState.SCHEDULED)
    assert any("there is no other for post" in alert.text for alert in plugin.team().alerts)
    storyline.tick()
    assert plugin.faults.calls.count("rehearse") == 1


def test_without_another_item_it_stays_and_is_told_once(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    lonely = MemoryPlugin()
    fill_folder(lonely, 1)
    with careful(database_url, lonely, clock) as storyline:
        storyline.tick()
        before = first(storyline)
        lonely.faults.order("rehearse", Refused("It is 75.0 seconds long."))
        for minute in (-59, -58, -30):
            assert tick_at(storyline, clock, minutes=minute).item_id == before.item_id
        assert lonely.faults.calls.count("rehearse") == 1
        assert sum("It is 75.0 seconds long." in alert.text for alert in lonely.team().alerts) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("Meta does not answer."),
        NeedsPerson("The token has expired.", remedy="Connect it again."),
        Uncertain("who knows"),
        RuntimeError("a plugin's mistake"),
    ],
    ids=["unavailable", "needs-person", "uncertain", "bug"],
)
def test_trouble_is_told_and_burns_nothing(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock, fault: Exception
) -> None:
    before = first(storyline)
    plugin.faults.order("rehearse", fault)
    after = tick_at(storyline, clock, minutes=-59)
    assert (after.state, after.item_id, after.tries) == (PostState.SCHEDULED, before.item_id, 0)
    (told,) = plugin.team().alerts
    assert told.text
    assert tick_at(storyline, clock, minutes=-30).state is PostState.SCHEDULED
    assert plugin.faults.calls.count("rehearse") == 1
    assert tick_at(storyline, clock, minutes=0).state is PostState.POSTED
    with storyline.read() as unit:
        assert not unit.alerts.open()


def test_trouble_that_is_over_by_then_is_nobodys_business(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("rehearse", Unavailable("This waits 10 minutes.", retry_after=timedelta(minutes=10)))
    tick_at(storyline, clock, minutes=-59)
    assert plugin.team().alerts == []
    assert "rehearse" in events(storyline)


@pytest.mark.parametrize(
    "account",
    [{"mode": Mode.MANUAL}, {"dry_run": True}, {"publisher": None, "mode": Mode.MANUAL}],
    ids=["by-hand", "dry-run", "no-publisher"],
)
def test_what_no_publisher_will_send_is_not_rehearsed(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, account: dict[str, object]
) -> None:
    with careful(database_url, plugin, clock, **account) as storyline:
        storyline.tick()
        tick_at(storyline, clock, minutes=-30)
        assert "rehearse" not in plugin.faults.calls


def test_a_pause_is_no_time_for_rehearsals(storyline: Storyline, plugin: MemoryPlugin, clock: SetClock) -> None:
    storyline.set_paused("main", True)
    tick_at(storyline, clock, minutes=-30)
    assert "rehearse" not in plugin.faults.calls


def test_a_dry_run_says_that_it_would_rehearse(storyline: Storyline, plugin: MemoryPlugin, clock: SetClock) -> None:
    clock.at = AHEAD
    assert [str(each.task) for each in storyline.would_do("main")] == ["rehearse"]
    assert "rehearse" not in plugin.faults.calls


def test_buttons_stay_good_and_a_decision_made_meanwhile_stands(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with careful(database_url, plugin, clock) as storyline:
        storyline.tick()
        seen = first(storyline)
        tick_at(storyline, clock, minutes=-59)
        storyline.decide(Decision(seen.id, PostEvent.SKIP, "cli:anna", revision=seen.revision))
        assert storyline.post(seen.id).state is PostState.SKIPPED


outcome = st.sampled_from([None, Refused("never"), Unavailable("not now"), NeedsPerson("mend it"), RuntimeError("bug")])


@settings(max_examples=10, deadline=None)
@given(outcomes=st.lists(outcome, max_size=4), minutes=st.lists(st.integers(-90, -1), min_size=1, max_size=5))
def test_whatever_rehearsals_say_every_post_goes_out_once(outcomes: list[Exception | None], minutes: list[int]) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 8)
    with careful("sqlite://", plugin, clock) as storyline:
        storyline.tick()
        for said in outcomes:
            if said is not None:
                plugin.faults.order("rehearse", said)
        for minute in sorted(minutes):
            assert tick_at(storyline, clock, minutes=minute).state is PostState.SCHEDULED
        plugin.faults.mend()
        post = tick_at(storyline, clock, minutes=0)
        assert post.state is PostState.POSTED
        assert plugin.stage().published() == 1
        swaps = events(storyline).count("swap")
        assert plugin.faults.calls.count("rehearse") <= swaps + 1
        assert swaps <= sum(isinstance(said, Refused) for said in outcomes)


def test_what_is_not_ready_yet_is_asked_again_and_stops_nobody(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("publish", Uncertain("must not be called"), times=9)
    handle = _prepared(storyline, plugin, clock)
    plugin.stage().answers[handle] = InProgress(timedelta(minutes=1))
    post = tick_at(storyline, clock, minutes=1)
    assert post.state is PostState.PREPARED
    assert post.next_try_at == clock.at + timedelta(minutes=1)
    looked = plugin.faults.calls.count("find")
    tick_at(storyline, clock, minutes=1.5)
    assert plugin.faults.calls.count("find") == looked
    with storyline.read() as unit:
        assert unit.accounts.state("main").stopped_until is None
    plugin.faults.mend()
    plugin.stage().answers[handle] = Ready()
    assert tick_at(storyline, clock, minutes=2).state is PostState.POSTED
    assert plugin.stage().published() == 1


@pytest.mark.parametrize("why", ["it has expired", ""])
def test_what_is_gone_before_it_is_published_is_prepared_anew_later(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock, why: str
) -> None:
    plugin.stage().answers[_prepared(storyline, plugin, clock)] = Gone(why)
    post = tick_at(storyline, clock, minutes=1)
    assert (post.state, post.tries) == (PostState.APPROVED, 1)
    assert "publish" not in plugin.faults.calls
    assert tick_at(storyline, clock, minutes=8).state is PostState.POSTED
    assert plugin.stage().published() == 1


def test_what_somebody_else_published_is_found_before_it_is_published_again(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    handle = _prepared(storyline, plugin, clock)
    stored = first(storyline).handle
    assert stored is not None
    publication = storyline.opened_publisher("stage").publish(stored)
    plugin.stage().answers[handle] = Published(publication)
    calls = plugin.faults.calls.count("publish")
    assert tick_at(storyline, clock, minutes=1).state is PostState.POSTED
    assert plugin.faults.calls.count("publish") == calls
    post = first(storyline)
    with storyline.read() as unit:
        proof = unit.queue.publication(post.id)
    assert proof is not None
    assert proof.remote_id == publication.remote_id


@pytest.mark.parametrize("where", ["before", "after"], ids=["before-the-intent", "after-it"])
def test_what_can_never_be_used_is_not_tried_again(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock, where: str
) -> None:
    if where == "before":
        _prepared(storyline, plugin, clock)
        plugin.faults.order("find", Refused("Instagram does not take this video format."))
        post = tick_at(storyline, clock, minutes=1)
    else:
        plugin.faults.order("publish", Uncertain("timed out"))
        tick_at(storyline, clock, minutes=0)
        plugin.faults.order("find", Refused("Instagram does not take this video format."))
        post = tick_at(storyline, clock, minutes=6)
    assert post.by_hand
    assert plugin.stage().published() == 0
    assert any("video format" in alert.text for alert in plugin.team().alerts)


def _prepared(storyline: Storyline, plugin: MemoryPlugin, clock: SetClock) -> str:
    """The first post, prepared, while the publisher did not answer to how it stands; its handle's token."""
    plugin.faults.order("find", Unavailable("not now", retry_after=timedelta(seconds=30)))
    post = tick_at(storyline, clock, minutes=0)
    assert post.state is PostState.PREPARED
    assert post.handle is not None
    return post.handle.token


def test_two_accounts_never_publish_at_once_through_one_publisher(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    _prepared(storyline, plugin, clock)
    with storyline.store.begin() as unit:
        lease = unit.leases.take("publish/stage", "elsewhere:1", until=SLOT + timedelta(minutes=6), now=clock.at)
    assert tick_at(storyline, clock, minutes=1).state is PostState.PREPARED
    assert plugin.stage().published() == 0
    with storyline.store.begin() as unit:
        unit.leases.release(lease)
    assert tick_at(storyline, clock, minutes=2).state is PostState.POSTED
    with storyline.read() as unit:
        assert not [lease for lease in unit.leases.held(clock.at) if lease.subject.startswith("publish/")]
