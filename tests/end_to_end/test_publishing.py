"""What becomes of a post when publishing, looking, or telling goes wrong: never twice, and never silently not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from storyline_core import (
    Decision,
    Entry,
    InProgress,
    Mode,
    NeedsPerson,
    NotAllowed,
    Post,
    PostEvent,
    PostState,
    Refused,
    Storyline,
    Unavailable,
    Uncertain,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, settings_of
from tests.end_to_end.world import START, SetClock

FIRST_SLOT = START + timedelta(hours=3)
ANNA = "cli:anna"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def plugin() -> MemoryPlugin:
    plugin = MemoryPlugin()
    fill_folder(plugin, 8)
    return plugin


@pytest.fixture
def storyline(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> Iterator[Storyline]:
    """Filled, and standing at the first slot."""
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        yield storyline


def first(storyline: Storyline) -> Post:
    with storyline.read() as unit:
        waiting = [*unit.queue.unsettled("main"), *unit.queue.history("main", limit=20)]
    return next(post for post in waiting if post.slot_key == "main/2026-05-01/0")


def later(storyline: Storyline, clock: SetClock, minutes: float) -> Post:
    clock.forward(timedelta(minutes=minutes))
    storyline.tick()
    return first(storyline)


def test_a_post_is_published_once_with_proof(storyline: Storyline, plugin: MemoryPlugin) -> None:
    storyline.tick()
    post = first(storyline)
    assert post.state is PostState.POSTED
    with storyline.read() as unit:
        proof = unit.queue.publication(post.id)
        steps = [entry.to for entry in unit.queue.journal(post.id)]
    assert proof is not None
    assert proof.remote_id == "story-1"
    assert proof.metadata["name"]
    assert steps == ["scheduled", "approved", "prepared", "publishing", "posted"]
    assert plugin.stage().published() == 1


@pytest.mark.parametrize("after", [True, False], ids=["it-happened", "it-did-not"])
@pytest.mark.parametrize("error", [Uncertain("timed out"), RuntimeError("a plugin's mistake")], ids=["timeout", "bug"])
def test_after_a_timeout_it_looks_and_never_publishes_blindly(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock, error: Exception, after: bool
) -> None:
    plugin.faults.order("publish", error, after=after)
    storyline.tick()
    assert first(storyline).state is PostState.UNCERTAIN
    assert plugin.faults.calls.count("publish") == 1
    assert any("may or may not be live" in alert.text for alert in plugin.team().alerts)
    post = later(storyline, clock, 6)
    assert post.state is PostState.POSTED
    assert plugin.stage().published() == 1
    assert plugin.faults.calls.count("publish") == (1 if after else 2)
    with storyline.read() as unit:
        assert not [alert for alert in unit.alerts.open() if alert.key.startswith("uncertain/")]


def test_while_it_is_in_progress_there_it_waits(storyline: Storyline, plugin: MemoryPlugin, clock: SetClock) -> None:
    plugin.faults.order("publish", Uncertain("timed out"), after=True)
    storyline.tick()
    handle = first(storyline).handle
    assert handle is not None
    plugin.stage().answers[handle.token] = InProgress(timedelta(minutes=10))
    assert later(storyline, clock, 6).state is PostState.UNCERTAIN
    looked = plugin.faults.calls.count("find")
    assert later(storyline, clock, 5).state is PostState.UNCERTAIN
    assert plugin.faults.calls.count("find") == looked
    plugin.stage().answers.clear()
    assert later(storyline, clock, 6).state is PostState.POSTED
    assert plugin.stage().published() == 1


@pytest.mark.parametrize(
    ("event", "state"), [(PostEvent.RESOLVE_LIVE, "posted"), (PostEvent.RESOLVE_NOT_LIVE, "approved")]
)
def test_a_person_can_say_how_it_stands(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock, event: PostEvent, state: str
) -> None:
    plugin.faults.order("publish", Uncertain("timed out"))
    plugin.faults.order("find", Uncertain("nobody knows"), times=5)
    storyline.tick()
    later(storyline, clock, 6)
    resolved = storyline.decide(Decision(first(storyline).id, event, ANNA))
    assert resolved.state == state


def test_an_unavailable_stage_stops_the_line_and_uses_no_try(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("publish", Unavailable("down", retry_after=timedelta(minutes=20)))
    storyline.tick()
    assert (first(storyline).state, first(storyline).tries) == (PostState.PREPARED, 0)
    assert later(storyline, clock, 19).state is PostState.PREPARED
    assert plugin.faults.calls.count("publish") == 1
    assert later(storyline, clock, 2).state is PostState.POSTED
    assert plugin.faults.calls.count("prepare") == 1


def test_a_stage_that_stays_down_burns_nothing_and_the_slot_is_missed_with_the_reason(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("prepare", Unavailable("the service is down"), times=1000)
    storyline.tick()
    for _ in range(8):
        later(storyline, clock, 10)
    post = first(storyline)
    assert (post.state, post.tries) == (PostState.MISSED, 0)
    assert "down" in post.reason
    assert post.item_id is not None
    with storyline.read() as unit:
        assert unit.holds.active(clock.at, item=post.item_id) == []


def test_what_only_a_person_can_mend_stops_the_line_and_tells_once(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("prepare", NeedsPerson("The token has expired.", remedy="Log in again."), times=2)
    storyline.tick()
    later(storyline, clock, 5)
    later(storyline, clock, 16)
    told = [alert for alert in plugin.team().alerts if "expired" in alert.text]
    assert [alert.remedy for alert in told] == ["Log in again."]
    assert later(storyline, clock, 16).state is PostState.POSTED
    assert any(alert.cleared for alert in plugin.team().alerts)


def test_a_refused_item_goes_to_the_team_at_once_and_the_card_still_works(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("prepare", Refused("It is not a picture."))
    storyline.tick()
    post = first(storyline)
    assert (post.state, post.by_hand, post.last_error) == (PostState.OFFERED, True, "It is not a picture.")
    card = plugin.team().card(post.id)
    plugin.team().tap(card.message, card.draft, PostEvent.POSTED)
    assert later(storyline, clock, 1).state is PostState.POSTED


def test_an_item_that_keeps_failing_is_tried_four_times_with_growing_waits(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("prepare", ValueError("a plugin's mistake"), times=10)
    storyline.tick()
    tried = [clock.at]
    calls = 1
    while not first(storyline).by_hand:
        later(storyline, clock, 1)
        if plugin.faults.calls.count("prepare") > calls:
            calls += 1
            tried.append(clock.at)
    waits = [(b - a).total_seconds() / 60 for a, b in pairwise(tried)]
    assert len(tried) == 4
    for wait, round_figure in zip(waits, (5, 10, 20), strict=True):
        assert round_figure <= wait <= round_figure * 1.2 + 1


def test_without_a_team_a_refused_item_fails_with_an_alert_and_can_be_taken_back(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, notifier=None) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        plugin.faults.order("prepare", Refused("no"))
        storyline.tick()
        post = first(storyline)
        assert (post.state, post.reason) == (PostState.FAILED, "no")
        with storyline.read() as unit:
            assert [alert.key for alert in unit.alerts.open()] == [f"failed/main/{post.id}"]
        storyline.decide(Decision(post.id, PostEvent.RETRY, ANNA))
        storyline.tick()
        assert first(storyline).state is PostState.POSTED


def test_what_nobody_saw_arrive_is_followed_by_one_reminder_and_both_cards_work(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        plugin.faults.order("offer", Uncertain("timed out"), after=True)
        storyline.tick()
        assert first(storyline).state is PostState.OFFERING
        for _ in range(20):
            later(storyline, clock, 10)
        cards = [card for card in plugin.team().shown if card.draft.post.id == first(storyline).id]
        assert [card.draft.reminder for card in cards] == [False, True]
        plugin.team().tap(cards[0].message, cards[0].draft, PostEvent.POSTED)
        plugin.team().tap(cards[1].message, cards[1].draft, PostEvent.SKIP, person="memory:2")
        storyline.tick()
        assert first(storyline).state is PostState.POSTED
        assert first(storyline).message == cards[0].message
        assert "decided first" in plugin.team().replies[-1]


def test_a_card_of_before_the_swap_changes_nothing(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        old = plugin.team().card(first(storyline).id)
        storyline.decide(Decision(first(storyline).id, PostEvent.SWAP, ANNA))
        storyline.tick()
        plugin.team().tap(old.message, old.draft, PostEvent.POSTED)
        storyline.tick()
        assert first(storyline).state is PostState.OFFERED
        assert plugin.team().replies


def test_approval_publishes_and_undo_is_impossible_afterwards(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.APPROVE) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        assert plugin.team().card(first(storyline).id).draft.publishable
        storyline.decide(Decision(first(storyline).id, PostEvent.APPROVE, ANNA))
        storyline.tick()
        assert first(storyline).state is PostState.POSTED
        with pytest.raises(NotAllowed):
            storyline.decide(Decision(first(storyline).id, PostEvent.UNDO, ANNA))


def test_a_notifier_decides_only_about_accounts_it_serves(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        card = plugin.team().card(first(storyline).id)
    with opened_in_memory(database_url, plugin, clock, notifier=None) as storyline:
        plugin.team().tap(card.message, card.draft, PostEvent.POSTED)
        storyline.tick()
        assert plugin.team().replies[-1] == f"There is no post {card.draft.post.id}."
        assert first(storyline).state is PostState.OFFERED


def test_a_renamed_publisher_publishes_what_it_prepared_under_its_old_name(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        plugin.faults.order("publish", Unavailable("down"))
        storyline.tick()
        assert first(storyline).state is PostState.PREPARED
    settings = settings_of(database_url, publisher="brand")
    renamed = attrs.evolve(settings, publishers=[Entry("brand", "memory", Place(), renamed_from="stage")])
    clock.forward(timedelta(minutes=5))
    with open_storyline(renamed, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        storyline.tick()
        assert first(storyline).state is PostState.POSTED
    assert plugin.faults.calls.count("prepare") == 1
