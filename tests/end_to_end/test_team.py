"""A team posts by hand: cards, decisions, reminders, and what becomes of a card that nobody answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from storyline_core import Decision, NotAllowed, Post, PostEvent, PostState, Stale, Storyline, Unanswered
from tests.end_to_end.world import START, SetClock, World, make_world, opened_for_team

ANNA, BEN = "cli:anna", "cli:ben"
FIRST_SLOT = START + timedelta(hours=3)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


class Printed(io.StringIO):
    """What the team's terminal shows."""

    def fresh(self) -> str:
        """What it has shown since it was last asked."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@pytest.fixture
def printed() -> Printed:
    return Printed()


@pytest.fixture
def team(world: World, clock: SetClock, printed: Printed) -> Iterator[Storyline]:
    """Synced and filled, and the first card is out."""
    with opened_for_team(world, clock) as storyline:
        with redirect_stdout(printed):
            storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        yield storyline


def first(storyline: Storyline, *states: PostState) -> Post:
    with storyline.read() as unit:
        return unit.queue.unsettled("main", states or None)[0]


def decided(storyline: Storyline, post: Post, event: PostEvent, by: str = ANNA, **more: object) -> Post:
    return storyline.decide(Decision(post.id, event, by, **more))  # type: ignore[arg-type]


def test_a_card_is_shown_once_and_the_first_decision_wins(team: Storyline, clock: SetClock, printed: Printed) -> None:
    shown = first(team, PostState.OFFERED)
    assert printed.fresh().count(shown.id) >= 1
    team.tick()
    assert shown.id not in printed.fresh()
    posted = decided(team, shown, PostEvent.POSTED, revision=shown.revision)
    assert (posted.state, posted.decided_by, posted.posted_at) == (PostState.POSTED, ANNA, clock.at)
    with pytest.raises(Stale, match=f"{ANNA} decided first"):
        decided(team, shown, PostEvent.SKIP, by=BEN, revision=shown.revision)


def test_posting_by_hand_counts_and_holds_and_undo_takes_all_of_it_back(team: Storyline, clock: SetClock) -> None:
    shown = first(team, PostState.OFFERED)
    assert shown.item_id is not None
    decided(team, shown, PostEvent.POSTED)
    with team.read() as unit:
        assert unit.library.item(shown.item_id).times_posted == 1
        hold = unit.holds.active(clock.at, item=shown.item_id)[0]
        assert (hold.reason, hold.until) == ("cooldown", shown.slot_at + timedelta(days=30))
    clock.forward(timedelta(minutes=9))
    back = decided(team, shown, PostEvent.UNDO)
    assert (back.state, back.posted_at) == (PostState.OFFERED, None)
    with team.read() as unit:
        assert unit.library.item(shown.item_id).times_posted == 0
        assert unit.holds.active(clock.at, item=shown.item_id) == []


def test_undo_is_refused_after_ten_minutes(team: Storyline, clock: SetClock) -> None:
    shown = first(team, PostState.OFFERED)
    decided(team, shown, PostEvent.SKIP)
    clock.forward(timedelta(minutes=11))
    with pytest.raises(NotAllowed, match="ten minutes"):
        decided(team, shown, PostEvent.UNDO)


@pytest.mark.parametrize(("event", "days"), [(PostEvent.SKIP, 45), (PostEvent.REJECT, None)])
def test_what_is_skipped_or_rejected_is_held(
    team: Storyline, clock: SetClock, event: PostEvent, days: int | None
) -> None:
    shown = first(team, PostState.OFFERED)
    decided(team, shown, event)
    with team.read() as unit:
        hold = unit.holds.active(clock.at, item=shown.item_id)[0]
    assert hold.until == (None if days is None else shown.slot_at + timedelta(days=days))


def test_a_reserved_card_is_kept_for_one_name_for_a_quarter_of_an_hour(team: Storyline, clock: SetClock) -> None:
    shown = first(team, PostState.OFFERED)
    decided(team, shown, PostEvent.RESERVE)
    with pytest.raises(NotAllowed, match=ANNA):
        decided(team, shown, PostEvent.POSTED, by=BEN)
    clock.forward(timedelta(minutes=15))
    assert decided(team, shown, PostEvent.POSTED, by=BEN).state is PostState.POSTED


def test_a_snoozed_card_comes_back_at_its_time_and_not_later_than_it_waits_for_an_answer(
    team: Storyline, clock: SetClock, printed: Printed
) -> None:
    shown = first(team, PostState.OFFERED)
    with pytest.raises(NotAllowed, match="at the latest"):
        decided(team, shown, PostEvent.SNOOZE, until=clock.at + timedelta(hours=25))
    decided(team, shown, PostEvent.SNOOZE, until=clock.at + timedelta(hours=1))
    clock.forward(timedelta(minutes=59))
    team.tick()
    assert team.post(shown.id).state is PostState.SNOOZED
    printed.fresh()
    clock.forward(timedelta(minutes=1))
    team.tick()
    assert team.post(shown.id).state is PostState.OFFERED
    assert shown.id in printed.fresh()


def test_a_swapped_post_gets_another_item_which_is_not_held(team: Storyline, clock: SetClock) -> None:
    shown = first(team, PostState.OFFERED)
    other = decided(team, shown, PostEvent.SWAP)
    assert other.item_id not in (None, shown.item_id)
    assert (other.slot_key, other.state, other.excluded) == (shown.slot_key, PostState.SCHEDULED, (shown.item_id,))
    with team.read() as unit:
        assert unit.holds.active(clock.at, item=shown.item_id) == []
    team.tick()
    assert team.post(shown.id).state is PostState.OFFERED


def test_one_reminder_follows_and_then_the_post_is_missed(team: Storyline, clock: SetClock, printed: Printed) -> None:
    shown = first(team, PostState.OFFERED)
    printed.fresh()
    clock.forward(timedelta(hours=2))
    team.tick()
    assert "eminder" in printed.fresh()
    clock.forward(timedelta(minutes=30))
    team.tick()
    assert shown.id not in printed.fresh()
    assert team.post(shown.id).reminded_at == FIRST_SLOT + timedelta(hours=2)
    clock.at = FIRST_SLOT + timedelta(hours=24)
    team.tick()
    missed = team.post(shown.id)
    assert (missed.state, missed.reason) == (PostState.MISSED, "nobody answered")


def test_what_was_posted_after_its_time_can_still_be_recorded_and_taken_back(team: Storyline, clock: SetClock) -> None:
    shown = first(team, PostState.OFFERED)
    clock.at = FIRST_SLOT + timedelta(hours=24)
    team.tick()
    missed = team.post(shown.id)
    with pytest.raises(Stale):
        decided(team, shown, PostEvent.POSTED, by=ANNA, revision=shown.revision)
    late = decided(team, missed, PostEvent.POSTED, by=ANNA)
    assert (late.state, late.posted_at, late.decided_by) == (PostState.POSTED, clock.at, ANNA)
    with team.read() as unit:
        assert shown.item_id is not None
        assert unit.library.item(shown.item_id).times_posted == 1
        assert [hold.post_id for hold in unit.holds.list(clock.at)] == [shown.id]
    back = decided(team, late, PostEvent.UNDO, by=ANNA)
    assert (back.state, back.reason, back.posted_at) == (PostState.MISSED, "nobody answered", None)
    assert back.settled_at is not None
    with team.read() as unit:
        assert not unit.holds.list(clock.at)


def test_a_missed_slot_for_which_nothing_was_chosen_cannot_have_been_posted(world: World, clock: SetClock) -> None:
    with opened_for_team(world, clock) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT + timedelta(days=2)
        storyline.tick()
        with storyline.read() as unit:
            empty = next(post for post in unit.queue.history("main") if post.item_id is None)
        with pytest.raises(NotAllowed, match="Nothing was chosen"):
            decided(storyline, empty, PostEvent.POSTED, by=ANNA)


def test_an_unanswered_card_is_escalated_once_when_the_account_says_so(
    world: World, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened_for_team(world, clock, unanswered=Unanswered.ESCALATE) as storyline:
        storyline.tick()
        clock.at = FIRST_SLOT
        storyline.tick()
        shown = first(storyline, PostState.OFFERED)
        clock.at = FIRST_SLOT + timedelta(hours=24)
        capsys.readouterr()
        storyline.tick()
        assert "nobody has answered" in capsys.readouterr().out
        assert storyline.post(shown.id).state is PostState.OFFERED
        clock.at = FIRST_SLOT + timedelta(hours=48)
        storyline.tick()
        assert storyline.post(shown.id).state is PostState.MISSED


def test_the_deactivated_cannot_decide(team: Storyline) -> None:
    shown = first(team, PostState.OFFERED)
    decided(team, shown, PostEvent.RESERVE, by=BEN)
    with team.store.begin() as unit:
        unit.people.set_active(BEN, False)
    with pytest.raises(NotAllowed, match="deactivated"):
        decided(team, shown, PostEvent.POSTED, by=BEN)


def test_a_filled_item_that_is_held_or_removed_before_its_time_is_swapped(
    world: World, team: Storyline, clock: SetClock
) -> None:
    held, removed = (post for post in _queue(team, PostState.SCHEDULED) if post.due_at > clock.at)
    assert held.item_id is not None
    assert removed.item_id is not None
    team.hold_item(held.item_id, by=ANNA)
    with team.read() as unit:
        (world.folder / unit.library.item(removed.item_id).key).unlink()
    clock.forward(timedelta(minutes=5))
    team.tick()
    for post, why in ((held, "held"), (removed, "removed")):
        assert team.post(post.id).item_id != post.item_id
        with team.read() as unit:
            assert why in unit.queue.journal(post.id)[-1].why


def _queue(storyline: Storyline, *states: PostState) -> list[Post]:
    with storyline.read() as unit:
        return unit.queue.unsettled("main", states)
