"""Posts must never be stuck, published behind somebody's back, or end unseen: what settings, people and services do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import attrs
import pytest

from storyline_core import (
    UNSETTLED,
    Account,
    Decision,
    Entry,
    InProgress,
    Mode,
    NeedsPerson,
    NotAllowed,
    Partial,
    Post,
    PostEvent,
    PostState,
    Reason,
    Refused,
    Settings,
    Storyline,
    Unanswered,
    Unavailable,
    Uncertain,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.faults import Crash
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, settings_of
from tests.end_to_end.world import START, SetClock

FIRST_SLOT = START + timedelta(hours=3)
ANNA = "cli:anna"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BY_HAND: dict[str, object] = {"mode": Mode.MANUAL, "publisher": None}
"""What an account is set to when its people no longer want the publisher."""


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def plugin() -> MemoryPlugin:
    plugin = MemoryPlugin()
    fill_folder(plugin, 8)
    return plugin


@contextmanager
def at_first_slot(database_url: str, plugin: MemoryPlugin, clock: SetClock, **account: object) -> Iterator[Storyline]:
    """Filled, and standing at the first slot."""
    with opened_in_memory(database_url, plugin, clock, **account) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        yield storyline


@contextmanager
def opened_with(settings: Settings, plugin: MemoryPlugin, clock: SetClock) -> Iterator[Storyline]:
    """These settings in the world in memory."""
    with open_storyline(settings, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline


def first(storyline: Storyline) -> Post:
    with storyline.read() as unit:
        known = [*unit.queue.unsettled("main"), *unit.queue.history("main")]
    return next(post for post in known if post.slot_key == "main/2026-05-01/0")


def later(storyline: Storyline, clock: SetClock, after: timedelta) -> Post:
    clock.forward(after)
    assert storyline.tick().errors == ()
    return first(storyline)


def decided(storyline: Storyline, event: PostEvent, **more: object) -> Post:
    return storyline.decide(Decision(first(storyline).id, event, ANNA, **more))  # type: ignore[arg-type]


def open_alerts(storyline: Storyline) -> set[str]:
    with storyline.read() as unit:
        return {alert.key.partition("/")[0] for alert in unit.alerts.open()}


def told(plugin: MemoryPlugin, text: str) -> int:
    return sum(text in alert.text for alert in plugin.team().alerts)


# --- nobody answers --------------------------------------------------------------------------------------------------


def test_what_nobody_answered_is_published_when_the_account_says_so(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    rules = {"mode": Mode.APPROVE, "unanswered": Unanswered.PUBLISH}
    with at_first_slot(database_url, plugin, clock, **rules) as storyline:
        storyline.tick()
        assert first(storyline).state is PostState.OFFERED
        assert later(storyline, clock, DAY).state is PostState.POSTED
        assert [story.post_id for story in plugin.stage().stories] == [first(storyline).id]


def test_an_item_that_cannot_be_published_does_not_go_round_for_ever(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    rules = {"mode": Mode.APPROVE, "unanswered": Unanswered.PUBLISH}
    plugin.faults.order("prepare", Refused("never"), times=99)
    with at_first_slot(database_url, plugin, clock, **rules) as storyline:
        for _ in range(52):
            later(storyline, clock, HOUR)
        assert (first(storyline).state, first(storyline).last_error) == (PostState.MISSED, "never")
        assert [card.draft.post.id for card in plugin.team().shown].count(first(storyline).id) == 4


def test_what_was_removed_while_it_waited_for_an_answer_is_not_published(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    rules = {"mode": Mode.APPROVE, "unanswered": Unanswered.PUBLISH}
    with at_first_slot(database_url, plugin, clock, **rules) as storyline:
        storyline.tick()
        item = first(storyline).item_id
        assert item is not None
        storyline.hold_item(item, by=ANNA)
        post = later(storyline, clock, DAY)
        assert (post.state, "held" in post.reason) == (PostState.MISSED, True)
        assert plugin.stage().published() == 0


def test_a_card_is_not_taken_out_of_the_hands_of_whoever_posts_it(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.forward(DAY - MINUTE)
        decided(storyline, PostEvent.RESERVE)
        assert later(storyline, clock, 2 * MINUTE).state is PostState.OFFERED
        assert decided(storyline, PostEvent.POSTED).state is PostState.POSTED


def test_the_alert_about_an_unanswered_card_ends_with_the_card(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    rules = {"mode": Mode.MANUAL, "unanswered": Unanswered.ESCALATE}
    with at_first_slot(database_url, plugin, clock, **rules) as storyline:
        storyline.tick()
        post = later(storyline, clock, DAY)
        assert (post.escalated_at, told(plugin, f"nobody has answered post {post.id}")) == (clock.at, 1)
        decided(storyline, PostEvent.SNOOZE, until=clock.at + 2 * HOUR)
        assert later(storyline, clock, 2 * HOUR).state is PostState.OFFERED
        assert later(storyline, clock, DAY - 2 * HOUR).state is PostState.MISSED
        with storyline.read() as unit:
            assert not [each for each in unit.alerts.open() if post.id in each.key]


def test_snoozing_again_and_again_does_not_outlast_the_time_for_an_answer(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        decided(storyline, PostEvent.SNOOZE, until=FIRST_SLOT + DAY)
        with pytest.raises(NotAllowed, match="at the latest"):
            decided(storyline, PostEvent.SNOOZE, until=FIRST_SLOT + DAY + MINUTE)


# --- settings change while posts wait --------------------------------------------------------------------------------


def test_a_publishing_cut_short_becomes_a_question_when_the_publisher_is_gone(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Crash(), after=True)
        with pytest.raises(Crash):
            storyline.tick()
    with opened_in_memory(database_url, plugin, clock, **BY_HAND) as storyline:
        post = later(storyline, clock, 7 * MINUTE)
        assert (post.state, open_alerts(storyline)) == (PostState.UNCERTAIN, {"uncertain"})
        assert decided(storyline, PostEvent.RESOLVE_LIVE).state is PostState.POSTED


@pytest.mark.parametrize("state", ["publishing", "uncertain"])
def test_another_publisher_is_never_asked_about_what_it_did_not_publish(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, state: str
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Crash() if state == "publishing" else Uncertain("timed out"), after=True)
        if state == "publishing":
            with pytest.raises(Crash):
                storyline.tick()
        else:
            storyline.tick()
        assert first(storyline).state == state
    other = attrs.evolve(
        settings_of(database_url, publisher="other"), publishers=[Entry("other", "memory", Place("elsewhere"))]
    )
    with opened_with(other, plugin, clock) as storyline:
        for _ in range(12):
            later(storyline, clock, 7 * MINUTE)
        assert first(storyline).state is PostState.UNCERTAIN
    assert (plugin.stage().published(), plugin.stage("elsewhere").published()) == (1, 0)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        assert later(storyline, clock, 6 * HOUR).state is PostState.POSTED
    assert plugin.stage().story(plugin.stage().stories[0].token) is not None


def test_what_one_publisher_prepared_another_prepares_anew(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Unavailable("down"))
        storyline.tick()
        assert first(storyline).state is PostState.PREPARED
    other = attrs.evolve(
        settings_of(database_url, publisher="other"), publishers=[Entry("other", "memory", Place("elsewhere"))]
    )
    with opened_with(other, plugin, clock) as storyline:
        post = later(storyline, clock, 2 * MINUTE)
        assert (post.state, post.tries, post.by_hand) == (PostState.POSTED, 0, False)
    assert (plugin.stage().published(), plugin.stage("elsewhere").published()) == (0, 1)


@pytest.mark.parametrize("call", ["prepare", "publish"])
def test_what_waits_for_a_publisher_goes_to_the_team_when_the_publisher_is_taken_away(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, call: str
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order(call, Unavailable("down"))
        storyline.tick()
    with opened_in_memory(database_url, plugin, clock, **BY_HAND) as storyline:
        assert later(storyline, clock, 2 * MINUTE).state is PostState.OFFERED
        with storyline.read() as unit:
            assert unit.accounts.state("main").stopped_until is None


def test_what_waits_for_a_publisher_goes_to_the_team_when_the_mode_says_so_by_now(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("prepare", Unavailable("down"))
        storyline.tick()
        assert first(storyline).state is PostState.APPROVED
    with opened_in_memory(database_url, plugin, clock, mode=Mode.APPROVE) as storyline:
        assert later(storyline, clock, 2 * MINUTE).state is PostState.OFFERED
        decided(storyline, PostEvent.APPROVE)
        assert later(storyline, clock, MINUTE).state is PostState.POSTED


def test_a_card_left_behind_by_a_team_that_is_gone_stops_no_line(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        decided(storyline, PostEvent.SNOOZE, until=clock.at + HOUR)
        clock.forward(4 * HOUR)
        storyline.tick()
    with opened_in_memory(database_url, plugin, clock, notifier=None) as storyline:
        for _ in range(30):
            later(storyline, clock, HOUR)
            with storyline.read() as unit:
                assert unit.accounts.state("main").stopped_why == ""
        with storyline.read() as unit:
            states = {post.slot_key: post.state for post in unit.queue.history("main")}
        assert states["main/2026-05-01/0"] is PostState.MISSED
        assert states["main/2026-05-01/2"] is PostState.POSTED


def test_an_account_that_is_taken_out_is_frozen_and_returns(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Uncertain("timed out"), after=True)
        storyline.tick()
        before = first(storyline)
    without = attrs.evolve(settings_of(database_url), accounts=[Account(name="other", sources=("photos",), **BY_HAND)])  # type: ignore[arg-type]
    with opened_with(without, plugin, clock) as storyline:
        for _ in range(3):
            later(storyline, clock, DAY)
        assert first(storyline) == before
    with opened_in_memory(database_url, plugin, clock) as storyline:
        assert later(storyline, clock, HOUR).state is PostState.POSTED
        with storyline.read() as unit:
            history = unit.queue.history("main")
        assert len(history) >= 10
        assert plugin.stage().published() == sum(post.state is PostState.POSTED for post in history)
        assert told(plugin, "passed without a post") == 1


# --- a dry account ---------------------------------------------------------------------------------------------------


def test_a_dry_account_contacts_nobody_and_publishes_nothing_whatever_waits_in_it(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock, mode=Mode.HYBRID) as storyline:
        plugin.faults.order("publish", Unavailable("down"))
        storyline.tick()
        assert first(storyline).state is PostState.PREPARED
        by_hand = storyline.post_beside("main", by=ANNA, at=clock.at + DAY)
        storyline.decide(Decision(by_hand.id, PostEvent.APPROVE, ANNA))
        asleep = storyline.post_beside("main", by=ANNA, at=clock.at + 2 * HOUR)
        storyline.decide(Decision(asleep.id, PostEvent.SNOOZE, ANNA, until=clock.at + 3 * HOUR))
    reached = (plugin.team().cards(), len(plugin.team().alerts))
    with opened_in_memory(database_url, plugin, clock, mode=Mode.HYBRID, dry_run=True) as storyline:
        for _ in range(40):
            later(storyline, clock, HOUR)
        for post_id in (first(storyline).id, by_hand.id, asleep.id):
            post = storyline.post(post_id)
            assert (post.state, post.reason) == (PostState.SKIPPED, "dry run")
        with storyline.read() as unit:
            assert unit.holds.list(clock.at) == []
    assert plugin.stage().published() == 0
    assert (plugin.team().cards(), len(plugin.team().alerts)) == reached


def test_an_account_that_has_become_dry_neither_reminds_nor_alarms(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    rules: dict[str, object] = {"mode": Mode.MANUAL, "unanswered": Unanswered.ESCALATE}
    with at_first_slot(database_url, plugin, clock, **rules) as storyline:
        storyline.tick()
    reached = (plugin.team().cards(), len(plugin.team().alerts))
    with opened_in_memory(database_url, plugin, clock, dry_run=True, **rules) as storyline:
        for _ in range(3):
            later(storyline, clock, 12 * HOUR)
        assert first(storyline).state is PostState.MISSED
    assert (plugin.team().cards(), len(plugin.team().alerts)) == reached


# --- what may be posted ----------------------------------------------------------------------------------------------


def test_of_several_holds_the_longest_counts(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        item = first(storyline).item_id
        assert item is not None
        storyline.hold_item(item, by=ANNA)
        clock.forward(MINUTE)
        storyline.hold_item(item, by=ANNA, until=clock.at + HOUR, reason=Reason.SEASONAL)
        assert later(storyline, clock, MINUTE).item_id != item


def test_what_needs_a_person_by_now_is_swapped_where_there_is_nobody(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, notifier=None) as storyline:
        storyline.tick()
        item = first(storyline).item_id
        assert item is not None
        storyline.edit_item(item, Partial(requires_interaction=True), by=ANNA)
        assert later(storyline, clock, MINUTE).item_id != item


def test_what_is_removed_while_the_publisher_is_down_is_swapped(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Unavailable("down"))
        storyline.tick()
        before = first(storyline)
        assert before.state is PostState.PREPARED
        assert before.item_id is not None
        storyline.hold_item(before.item_id, by=ANNA)
        after = later(storyline, clock, 2 * MINUTE)
        assert (after.state, after.item_id != before.item_id) == (PostState.POSTED, True)
        assert "discard" in plugin.faults.calls


def test_an_item_somebody_chose_is_not_replaced_by_another(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        with storyline.read() as unit:
            item = unit.library.items()[0]
        post = storyline.post_beside("main", by=ANNA, item_id=item.id, at=FIRST_SLOT)
        plugin.folder().delete(item.key)
        clock.at = FIRST_SLOT - 2 * HOUR
        storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        assert (storyline.post(post.id).state, storyline.post(post.id).item_id) == (PostState.SCHEDULED, item.id)
        clock.forward(61 * MINUTE)
        storyline.tick()
        assert storyline.post(post.id).state is PostState.MISSED
        assert "removed" in storyline.post(post.id).reason


def test_beside_the_slots_nothing_is_added_that_could_never_go_out(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        with storyline.read() as unit:
            item = unit.library.items()[0].id
        with pytest.raises(NotAllowed, match="past"):
            storyline.post_beside("main", by=ANNA, item_id=item, at=clock.at - MINUTE)
        storyline.set_source_paused("photos", True)
        with pytest.raises(NotAllowed, match="switched off"):
            storyline.post_beside("main", by=ANNA, item_id=item)


def test_two_posts_asked_for_at_the_same_moment_are_two(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        asked = [storyline.post_beside("main", by=ANNA) for _ in range(3)]
        storyline.tick()
        assert plugin.stage().published() == 3
        assert {storyline.post(post.id).item_id for post in asked} == {post.item_id for post in asked}


def test_what_is_approved_ahead_of_its_time_goes_out_at_its_time(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock, mode=Mode.APPROVE) as storyline:
        storyline.tick()
        decided(storyline, PostEvent.APPROVE)
        assert later(storyline, clock, HOUR).state is PostState.APPROVED
        clock.at = FIRST_SLOT
        assert later(storyline, clock, MINUTE).state is PostState.POSTED
        with storyline.read() as unit:
            item = next(each for each in unit.library.items() if not each.times_posted)
        far = storyline.post_beside("main", by=ANNA, item_id=item.id, at=clock.at + 5 * DAY)
        storyline.decide(Decision(far.id, PostEvent.APPROVE, ANNA))
        for _ in range(6):
            later(storyline, clock, DAY)
        assert storyline.post(far.id).state is PostState.POSTED


# --- looking ---------------------------------------------------------------------------------------------------------


def test_what_the_publisher_will_never_take_goes_to_the_team(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Crash())
        with pytest.raises(Crash):
            storyline.tick()
        plugin.faults.order("find", Refused("It is no video that can be shown."))
        for _ in range(20):
            later(storyline, clock, MINUTE)
        assert first(storyline).state is PostState.OFFERED
        assert first(storyline).by_hand
        assert "no video" in first(storyline).last_error


@pytest.mark.parametrize("error", [Unavailable("down"), NeedsPerson("The token has expired.", remedy="Log in.")])
def test_a_publisher_that_does_not_answer_is_not_asked_all_the_time_and_a_person_is(
    database_url: str, plugin: MemoryPlugin, clock: SetClock, error: Exception
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Crash(), after=True)
        with pytest.raises(Crash):
            storyline.tick()
        plugin.faults.order("find", error, times=1000)
        for _ in range(90):
            later(storyline, clock, MINUTE)
        assert first(storyline).state is PostState.UNCERTAIN
        assert told(plugin, "may or may not be live") == 1
        assert plugin.faults.calls.count("find") <= 17
        decided(storyline, PostEvent.RESOLVE_NOT_LIVE)
        plugin.faults.mend()
        for _ in range(20):
            later(storyline, clock, MINUTE)
        assert first(storyline).state is PostState.POSTED


def test_what_nobody_can_tell_for_days_does_not_fill_the_journal_or_stir_the_card(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock, mode=Mode.APPROVE) as storyline:
        storyline.tick()
        decided(storyline, PostEvent.APPROVE)
        plugin.faults.order("publish", Uncertain("timed out"))
        plugin.faults.order("find", Uncertain("nobody knows"), times=10_000)
        for _ in range(3 * 24 * 6):
            later(storyline, clock, 10 * MINUTE)
        post = first(storyline)
        assert post.state is PostState.UNCERTAIN
        with storyline.read() as unit:
            assert len(unit.queue.journal(post.id)) < 50
        assert plugin.faults.calls.count("update") < 20


def test_a_publishing_that_never_ends_is_asked_about(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Uncertain("timed out"), after=True)
        storyline.tick()
        handle = first(storyline).handle
        assert handle is not None
        plugin.stage().answers[handle.token] = InProgress(timedelta(0))
        for _ in range(20):
            later(storyline, clock, 10 * MINUTE)
        assert first(storyline).state is PostState.UNCERTAIN
        assert plugin.faults.calls.count("find") <= 21
        assert open_alerts(storyline) == {"uncertain"}


class MeddledClock(SetClock):
    """A clock whose `meanwhile` happens within the next call of a plugin that looks at it."""

    def __init__(self, plugin: MemoryPlugin) -> None:
        super().__init__()
        self.calls = plugin.faults.calls
        self.meanwhile: Callable[[], object] | None = None

    def __call__(self) -> datetime:
        if self.meanwhile is not None and self.calls[-1] == "publish":
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return super().__call__()


@pytest.mark.parametrize("answer", [Uncertain("nobody knows"), Unavailable("down")])
def test_a_proof_that_comes_late_is_believed(database_url: str, plugin: MemoryPlugin, answer: Exception) -> None:
    """The call takes longer than its claim, and another worker can find nothing out in the meantime."""
    clock = MeddledClock(plugin)
    with at_first_slot(database_url, plugin, clock) as storyline:
        seen: list[Post] = []

        def another_looks() -> None:
            plugin.faults.order("find", answer)
            with opened_in_memory(database_url, plugin, clock) as other:
                seen.append(later(other, clock, 7 * MINUTE))
            plugin.watch_transactions(storyline.store.in_transaction)

        clock.meanwhile = another_looks
        storyline.tick()
        assert [post.state for post in seen] == [PostState.UNCERTAIN]
        assert first(storyline).state is PostState.POSTED
        assert plugin.stage().published() == 1
        assert "uncertain" not in open_alerts(storyline)


# --- telling ---------------------------------------------------------------------------------------------------------


def test_what_could_not_be_told_is_told_later_and_repeated_sparsely(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("prepare", NeedsPerson("The token has expired.", remedy="Log in."), times=10_000)
        plugin.faults.order("alert", Unavailable("no network"))
        storyline.tick()
        assert told(plugin, "expired") == 0
        later(storyline, clock, MINUTE)
        assert told(plugin, "expired") == 1
        for _ in range(7 * 24):
            later(storyline, clock, HOUR)
        assert 2 <= told(plugin, "expired") <= 7


def test_a_team_that_can_be_reached_does_not_mend_a_publisher(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock, mode=Mode.HYBRID) as storyline:
        plugin.faults.order("prepare", NeedsPerson("The token has expired.", remedy="Log in."), times=1000)
        with storyline.read() as unit:
            waiting = {post.item_id for post in unit.queue.unsettled("main")}
            sticker = next(item.id for item in unit.library.items() if item.id not in waiting)
        storyline.edit_item(sticker, Partial(requires_interaction=True), by=ANNA)
        storyline.tick()
        assert later(storyline, clock, 80 * MINUTE).state is PostState.MISSED
        storyline.post_beside("main", by=ANNA, item_id=sticker)
        later(storyline, clock, 16 * MINUTE)
        assert plugin.team().cards() == 1
        clock.at = FIRST_SLOT + 4 * HOUR
        storyline.tick()
        assert [alert.key for alert in plugin.team().alerts].count("needs-person/main/publisher") == 1
        assert not [alert for alert in plugin.team().alerts if alert.cleared]
        plugin.faults.mend()
        later(storyline, clock, 16 * MINUTE)
        assert "needs-person" not in open_alerts(storyline)


def test_a_long_gap_is_told_once_with_everything_that_passed(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        clock.forward(10 * DAY)
        storyline.tick()
        said = [alert.text for alert in plugin.team().alerts if "passed without a post" in alert.text]
        with storyline.read() as unit:
            missed = [post for post in unit.queue.history("main") if post.state is PostState.MISSED]
        assert len(said) == 1
        assert f"{len(missed)} slots" in said[0]
        assert plugin.stage().published() == 0


def test_a_story_missed_because_a_stage_was_down_is_told(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("prepare", Unavailable("the service is down"), times=500)
        for _ in range(9):
            later(storyline, clock, 10 * MINUTE)
        assert first(storyline).state is PostState.MISSED
        assert told(plugin, "the service is down") == 1
        plugin.faults.mend()
        later(storyline, clock, 2.5 * HOUR)
        assert open_alerts(storyline) == set()


def test_a_pause_mends_no_empty_pool(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    for path in list(plugin.folder().files):
        plugin.folder().delete(path)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        assert told(plugin, "nothing can be posted") == 1
        storyline.set_paused("main", True)
        clock.forward(MINUTE)
        storyline.tick()
        assert open_alerts(storyline) == {"nothing-eligible"}


def test_one_account_does_not_close_the_alerts_of_another(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    settings = settings_of(database_url)
    main = settings.accounts["main"]
    settings = attrs.evolve(settings, accounts=[main, attrs.evolve(main, name="main2", mode=Mode.MANUAL)])
    with opened_with(settings, plugin, clock) as storyline:
        with storyline.store.begin() as unit:
            for key in ("failed/main2/x", "missed/main2"):
                unit.alerts.raise_(key, level="warning", text="x", remedy="y", at=clock.at)  # type: ignore[arg-type]
        storyline.tick()
        clock.at = FIRST_SLOT
        assert later(storyline, clock, MINUTE).state is PostState.POSTED
        assert open_alerts(storyline) == {"failed", "missed"}


def test_three_failures_in_a_row_are_told_although_the_team_takes_over(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    plugin.faults.order("prepare", Refused("no"), times=3)
    with at_first_slot(database_url, plugin, clock) as storyline:
        for _ in range(3):
            storyline.tick()
            clock.forward(4 * HOUR)
        assert told(plugin, "3 posts in a row") == 1


def test_what_lay_ready_is_cleared_away_when_a_person_says_that_it_is_live(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Uncertain("timed out"), after=True)
        storyline.tick()
        decided(storyline, PostEvent.RESOLVE_LIVE)
        assert not plugin.stage().prepared


# --- turns -----------------------------------------------------------------------------------------------------------


class SlowClock(SetClock):
    """Everything takes its time: each look at the clock is ninety seconds after the one before."""

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=90)
        return self.at


def test_in_a_slow_turn_no_claim_is_older_than_the_work_that_it_is_for(database_url: str, plugin: MemoryPlugin) -> None:
    clock = SlowClock(FIRST_SLOT - HOUR)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        asked = [storyline.post_beside("main", by=ANNA) for _ in range(4)]
        storyline.tick()
        assert {storyline.post(post.id).state for post in asked} == {PostState.POSTED}


def test_nonsense_from_a_plugin_is_its_mistake_and_ends_no_turn(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("publish", Uncertain("timed out"), after=True)
        storyline.tick()
        handle = first(storyline).handle
        assert handle is not None
        plugin.stage().answers[handle.token] = "yes, I think so"  # type: ignore[assignment]
        assert later(storyline, clock, 10 * MINUTE).state is PostState.UNCERTAIN


def test_a_turn_leaves_a_record_of_each_step_that_did_something(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        storyline.tick()
        with storyline.read() as unit:
            runs = {run.step: run for run in reversed(unit.runs.list())}
        assert set(runs) == {"sync", "fill", "publish"}
        assert (runs["fill"].subject, runs["fill"].triggered_by, runs["fill"].status) == (
            "main",
            "scheduler",
            "completed",
        )
        assert runs["publish"].result is not None
        assert runs["publish"].result["posted"] == 1
        later(storyline, clock, MINUTE)
        with storyline.read() as unit:
            count = len(unit.runs.list())
        for _ in range(3):
            later(storyline, clock, MINUTE)
        with storyline.read() as unit:
            assert len(unit.runs.list()) == count
        plugin.faults.order("prepare", Refused("no"))
        post = storyline.post_beside("main", by=ANNA)
        storyline.turn_post(post.id)
        with storyline.read() as unit:
            failed, offered = (unit.runs.last(step, "main") for step in ("publish", "offer"))
        assert failed is not None
        assert (failed.status, failed.error, failed.triggered_by) == ("failed", f"Post {post.id}: no", "cli")
        assert offered is not None
        assert offered.result == {"offered": 1}


def test_an_outage_is_one_record_not_one_a_minute(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    with at_first_slot(database_url, plugin, clock) as storyline:
        plugin.faults.order("prepare", Unavailable("the service is down"), times=500)
        for _ in range(20):
            later(storyline, clock, 2 * MINUTE)
        with storyline.read() as unit:
            failed = unit.runs.list(step="publish", failed=True)
        assert [run.error for run in failed] == ["the service is down"]


def test_nothing_is_left_unsettled_after_a_week_of_every_trouble(
    database_url: str, plugin: MemoryPlugin, clock: SetClock
) -> None:
    faults = (
        ("prepare", Uncertain("?")),
        ("find", NeedsPerson("token", remedy="log in")),
        ("publish", Uncertain("timed out")),
        ("offer", RuntimeError("bug")),
        ("update", RuntimeError("bug")),
        ("alert", Unavailable("down")),
        ("discard", RuntimeError("bug")),
    )
    with opened_in_memory(database_url, plugin, clock, mode=Mode.HYBRID, cooldown_posted=DAY) as storyline:
        storyline.tick()
        for hour in range(24 * 7):
            call, error = faults[hour % len(faults)]
            plugin.faults.order(call, error)
            clock.forward(HOUR)
            storyline.tick()
        plugin.faults.mend()
        for _ in range(30):
            clock.forward(HOUR)
            storyline.tick()
        with storyline.read() as unit:
            old = [post for post in unit.queue.unsettled("main") if post.slot_at < clock.at - 26 * HOUR]
            posted = [post for post in unit.queue.history("main") if post.state is PostState.POSTED]
        assert old == []
        assert plugin.stage().published() == len(posted)
        assert all(post.state in UNSETTLED or post.reason or post.posted_at for post in posted)
