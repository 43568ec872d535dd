"""How events move a post: along every path that the table allows, and by example where people feel it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.accounts import Account, Mode, Unanswered
from storyline_core.agenda import Standing, Task, next_task
from storyline_core.errors import NotAllowed
from storyline_core.moves import Details, advance, answerable, holder_of, retry_after
from storyline_core.posts import (
    DECISIONS,
    RESERVATION,
    TRANSITIONS,
    UNDO_WITHIN,
    UNDOABLE,
    Handle,
    Message,
    Origin,
    Post,
    PostEvent,
    PostState,
)

S, E = PostState, PostEvent
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def fresh(*, tries: int = 0, last_error: str = "") -> Post:
    return Post(
        id="abc",
        account="main",
        origin=Origin.SCHEDULE,
        slot_key="main/2026-05-01/0",
        slot_at=NOW,
        due_at=NOW,
        created_at=NOW - 24 * HOUR,
        item_id=7,
        digest="d7",
        category="memes",
        tries=tries,
        last_error=last_error,
    )


def details(event: PostEvent, now: datetime, *, by: str = "ann", person: bool | None = None) -> Details:
    """Whatever the event needs, as a step or a person would bring it."""
    return Details(
        by=by,
        person=event in DECISIONS if person is None else person,
        until=now + HOUR if event is E.SNOOZE else None,
        item_id=8 if event is E.SWAP else None,
        digest="d8" if event is E.SWAP else None,
        category="merch" if event is E.SWAP else "",
        handle=Handle("outbox", now.isoformat()) if event is E.PREPARED else None,
        message=Message("team", now.isoformat()) if event is E.OFFERED else None,
        error="it broke" if event in (E.TRY_FAILED, E.FAIL, E.HAND_OVER, E.UNSURE, E.OFFER_FAILED) else "",
    )


def moved(post: Post, *events: PostEvent, start: datetime = NOW, step: timedelta = MINUTE) -> Post:
    """The post after these events, a minute apart; persons' decisions by ann."""
    now = start
    for event in events:
        post = advance(post, event, now, details(event, now))
        now += step
    return post


PATHS = {
    S.SCHEDULED: (),
    S.OFFERING: (E.OFFER,),
    S.OFFERED: (E.OFFER, E.OFFERED),
    S.SNOOZED: (E.OFFER, E.OFFERED, E.SNOOZE),
    S.APPROVED: (E.OFFER, E.OFFERED, E.APPROVE),
    S.PREPARED: (E.OFFER, E.OFFERED, E.APPROVE, E.PREPARED),
    S.PUBLISHING: (E.OFFER, E.OFFERED, E.APPROVE, E.PREPARED, E.PUBLISH),
    S.UNCERTAIN: (E.OFFER, E.OFFERED, E.APPROVE, E.PREPARED, E.PUBLISH, E.UNSURE),
    S.POSTED: (E.OFFER, E.OFFERED, E.POSTED),
    S.SKIPPED: (E.OFFER, E.OFFERED, E.SKIP),
    S.REJECTED: (E.OFFER, E.OFFERED, E.REJECT),
    S.MISSED: (E.MISS,),
    S.FAILED: (E.OFFER, E.OFFERED, E.FAIL),
}
AFTER = NOW + 8 * MINUTE


@pytest.mark.parametrize("event", E)
@pytest.mark.parametrize("state", S)
def test_the_table_is_followed_and_nothing_else(state: PostState, event: PostEvent) -> None:
    post = moved(fresh(), *PATHS[state])
    assert post.state is state
    if event not in TRANSITIONS[state]:
        with pytest.raises(NotAllowed, match=f"{post.id} is {state}; {event} is not possible"):
            advance(post, event, AFTER, details(event, AFTER))
    elif event is E.UNDO and post.undo is None:
        with pytest.raises(NotAllowed, match="undone"):
            advance(post, event, AFTER, details(event, AFTER))
    else:
        after = advance(post, event, AFTER, details(event, AFTER))
        assert after.revision == post.revision + 1
        assert after.state is (post.undo.state if event is E.UNDO and post.undo else TRANSITIONS[state][event])


# --- along every path ------------------------------------------------------------------------------------------------

Life = list[tuple[PostEvent, Post, datetime]]
steps = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40), st.sampled_from(["ann", "bob"])), max_size=25)
beginnings = st.sampled_from(S).map(PATHS.__getitem__)


def walk(beginning: tuple[PostEvent, ...], choices: list[tuple[int, int, str]]) -> Life:
    """A life in which each move is drawn from what the table allows; what is refused did not happen."""
    post, now = fresh(), NOW - HOUR
    life: Life = []
    for event in beginning:
        post, now = advance(post, event, now, details(event, now)), now + MINUTE
        life.append((event, post, now))
    for number, minutes, by in choices:
        allowed = sorted(TRANSITIONS[post.state])
        if not allowed:
            break
        event = allowed[number % len(allowed)]
        now += minutes * MINUTE
        person = event in DECISIONS and (event is not E.APPROVE or minutes % 2 == 0)
        try:
            post = advance(post, event, now, details(event, now, by=by, person=person))
        except NotAllowed:
            continue
        life.append((event, post, now))
    return life


lives = st.builds(walk, beginnings, steps)


@settings(max_examples=400)
@given(lives)
def test_what_is_true_of_every_post_at_every_moment(life: Life) -> None:
    before = fresh()
    for _, post, _ in life:
        assert post.revision == before.revision + 1
        assert before.answerable_from <= post.answerable_from <= post.revision
        assert (post.settled_at is not None) == post.settled
        assert (post.posted_at is not None) == (post.state is S.POSTED)
        assert (post.slot_at, post.slot_key, post.id) == (before.slot_at, before.slot_key, before.id)
        assert len(post.excluded) == post.round
        assert post.handle is not None or post.state not in (S.PREPARED, S.PUBLISHING, S.UNCERTAIN)
        assert post.handle is None or post.state in (S.PREPARED, S.PUBLISHING, S.UNCERTAIN, S.POSTED, S.FAILED)
        if post.undo is not None:
            assert post.state not in (S.PUBLISHING, S.UNCERTAIN, S.MISSED, S.FAILED)
            assert post.decided_by is not None
            assert not post.undo.state.settled or post.undo.state is S.MISSED
        assert not (post.settled and post.next_try_at)
        before = post


@settings(max_examples=400)
@given(lives)
def test_no_handle_is_published_twice_unless_somebody_saw_that_it_was_not(life: Life) -> None:
    published: Handle | None = None
    for event, post, _ in life:
        if event is E.PUBLISH:
            assert post.handle != published
            published = post.handle
        elif event is E.READY:
            published = None


@settings(max_examples=300)
@given(lives)
def test_what_went_out_through_a_publisher_cannot_be_undone(life: Life) -> None:
    for event, post, now in life:
        if event in (E.PUBLISHED, E.RESOLVE_LIVE):
            with pytest.raises(NotAllowed, match="undone"):
                advance(post, E.UNDO, now, details(E.UNDO, now))


EVENTS_OF = {
    Task.WAIT: set(),
    Task.SWAP: {E.SWAP},
    Task.REHEARSE: {E.REHEARSE},
    Task.DRY_RUN: {E.DRY_RUN},
    Task.OFFER: {E.OFFER},
    Task.REMIND: {E.REMIND},
    Task.ESCALATE: {E.ESCALATE},
    Task.APPROVE: {E.APPROVE},
    Task.HAND_OVER: {E.HAND_OVER},
    Task.PREPARE: {E.PREPARED, E.TRY_FAILED, E.HAND_OVER, E.FAIL},
    Task.PREPARE_AGAIN: {E.GONE},
    Task.PUBLISH: {E.PUBLISH},
    Task.FIND: {E.PUBLISHED, E.UNSURE, E.READY, E.GONE, E.TRY_FAILED, E.HAND_OVER, E.FAIL},
    Task.MISS: {E.MISS},
}


@settings(max_examples=400)
@given(
    lives,
    st.integers(-60, 60 * 60),
    st.builds(
        Standing,
        needs_person=st.booleans(),
        sendable=st.booleans(),
        unfit=st.sampled_from(["", "it is held"]),
        has_notifier=st.booleans(),
        has_publisher=st.booleans(),
        unrehearsed=st.booleans(),
    ),
    st.builds(
        Account,
        name=st.just("main"),
        sources=st.just(()),
        mode=st.sampled_from(Mode),
        unanswered=st.sampled_from(Unanswered),
        dry_run=st.booleans(),
    ),
)
def test_whatever_a_post_needs_next_the_table_allows(
    life: Life, minutes: int, standing: Standing, account: Account
) -> None:
    post, now = (life[-1][1], life[-1][2]) if life else (fresh(), NOW)
    task = next_task(post, account, standing, now + minutes * MINUTE).task
    assert EVENTS_OF[task] <= set(TRANSITIONS[post.state])


# --- undo ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", sorted(UNDOABLE))
@pytest.mark.parametrize("state", [S.SCHEDULED, S.OFFERED, S.SNOOZED, S.APPROVED])
def test_undo_restores_what_a_decision_changed(state: PostState, event: PostEvent) -> None:
    if event not in TRANSITIONS[state]:
        return
    before = attrs.evolve(
        moved(fresh(), *PATHS[state]), undo=None, decided_by=None, decided_at=None, message=Message("team", "1")
    )
    decided = advance(before, event, AFTER, details(event, AFTER))
    assert (decided.decided_by, decided.decided_at) == ("ann", AFTER)
    later = AFTER + UNDO_WITHIN
    back = advance(decided, E.UNDO, later, details(E.UNDO, later, by="bob"))
    assert back == attrs.evolve(before, revision=before.revision + 2, answerable_from=before.revision + 2)


@pytest.mark.parametrize(("state", "returns"), [(S.OFFERING, S.OFFERED), (S.PREPARED, S.APPROVED)])
def test_undo_of_a_decision_in_passing_returns_to_where_it_can_go_on(state: PostState, returns: PostState) -> None:
    skipped = moved(moved(fresh(), *PATHS[state]), E.SKIP)
    assert skipped.handle is None
    assert moved(skipped, E.UNDO).state is returns


def test_undo_is_refused_after_ten_minutes() -> None:
    skipped = moved(fresh(), E.OFFER, E.OFFERED, E.SKIP)
    late = NOW + 2 * MINUTE + UNDO_WITHIN + timedelta(seconds=1)
    with pytest.raises(NotAllowed, match="within the last ten minutes"):
        advance(skipped, E.UNDO, late, details(E.UNDO, late))


def test_an_approval_can_be_undone_until_publishing_begins() -> None:
    prepared = moved(fresh(), *PATHS[S.PREPARED])
    back = moved(prepared, E.UNDO, start=AFTER)
    assert (back.state, back.handle) == (S.OFFERED, None)
    again = moved(prepared, E.GONE, E.TRY_FAILED, E.PREPARED, E.UNDO, start=AFTER - 4 * MINUTE)
    assert again.state is S.OFFERED
    for ending in (E.READY, E.GONE):
        started = moved(prepared, E.PUBLISH, ending)
        with pytest.raises(NotAllowed, match="undone"):
            moved(started, E.UNDO)


def test_undo_works_once() -> None:
    back = moved(fresh(), E.OFFER, E.OFFERED, E.SNOOZE, E.UNDO)
    assert (back.state, back.undo) == (S.OFFERED, None)
    assert E.UNDO not in TRANSITIONS[back.state]


# --- who decided -----------------------------------------------------------------------------------------------------


def test_a_decision_to_wait_is_nobodys_decision_about_what_comes_after() -> None:
    snoozed = moved(fresh(), E.OFFER, E.OFFERED, E.SNOOZE)
    assert snoozed.decided_by == "ann"
    woken = moved(snoozed, E.OFFER)
    assert (woken.decided_by, woken.decided_at) == (None, None)
    assert moved(snoozed, E.MISS).decided_by is None
    by_rule = advance(snoozed, E.APPROVE, AFTER, Details(why="nobody answered"))
    assert (by_rule.decided_by, by_rule.undo) == (None, None)


def test_who_approved_is_remembered_to_the_end() -> None:
    done = moved(fresh(), *PATHS[S.PUBLISHING], E.PUBLISHED)
    assert (done.decided_by, done.decided_at) == ("ann", NOW + 2 * MINUTE)


def test_the_reason_is_kept_when_a_post_settles() -> None:
    skipped = advance(fresh(), E.SKIP, NOW, Details(by="ann", why="too dark", person=True))
    assert (skipped.reason, skipped.settled_at) == ("too dark", NOW)
    assert moved(skipped, E.UNDO).reason == ""


# --- snooze, swap, reserve -------------------------------------------------------------------------------------------


def test_snooze_moves_the_time_and_leaves_the_slot() -> None:
    snoozed = moved(fresh(), E.OFFER, E.OFFERED, E.SNOOZE)
    assert (snoozed.due_at, snoozed.slot_at) == (NOW + 2 * MINUTE + HOUR, NOW)
    for until in (None, NOW, NOW - HOUR):
        with pytest.raises(NotAllowed, match="lies ahead"):
            advance(fresh(), E.SNOOZE, NOW, Details(by="ann", until=until, person=True))


def test_swap_takes_another_item_excludes_the_first_and_starts_afresh() -> None:
    reserved = moved(fresh(tries=2, last_error="it broke"), E.OFFER, E.OFFERED, E.RESERVE)
    swapped = moved(reserved, E.SWAP)
    assert (swapped.state, swapped.item_id, swapped.digest, swapped.category) == (S.SCHEDULED, 8, "d8", "merch")
    assert (swapped.round, swapped.excluded, swapped.tries, swapped.last_error) == (1, (7,), 0, "")
    assert (swapped.reserved_by, swapped.undo) == (None, None)


def test_swap_without_anything_to_swap_for_is_refused() -> None:
    with pytest.raises(NotAllowed, match="no other item"):
        advance(fresh(), E.SWAP, NOW, Details(by="ann", person=True))


def test_a_swap_long_after_its_time_is_due_at_once_and_not_missed() -> None:
    offered = moved(fresh(), E.OFFER, E.OFFERED)
    late = NOW + 3 * HOUR
    swapped = advance(offered, E.SWAP, late, details(E.SWAP, late))
    assert swapped.due_at == late
    account = Account(name="main", sources=(), grace=HOUR)
    assert next_task(swapped, account, Standing(), late).task is Task.OFFER
    early = advance(fresh(), E.SWAP, NOW - HOUR, details(E.SWAP, NOW - HOUR))
    assert early.due_at == NOW
    by_itself = advance(fresh(), E.SWAP, NOW + MINUTE, details(E.SWAP, NOW, person=False))
    assert by_itself.due_at == NOW


def test_a_card_is_kept_for_whoever_said_that_they_post_it() -> None:
    reserved = moved(fresh(), E.OFFER, E.OFFERED, E.RESERVE)
    at = NOW + 2 * MINUTE
    assert holder_of(reserved, at) == "ann"
    assert holder_of(reserved, at + RESERVATION) is None
    for event in (E.POSTED, E.SKIP, E.RESERVE, E.SWAP):
        with pytest.raises(NotAllowed, match="ann is posting abc and has it until 09:17 UTC"):
            advance(reserved, event, at, details(event, at, by="bob"))
    assert moved(reserved, E.POSTED).state is S.POSTED
    assert holder_of(moved(reserved, E.SNOOZE, start=at), at) is None
    assert advance(reserved, E.POSTED, at + RESERVATION, details(E.POSTED, at, by="bob")).decided_by == "bob"
    assert advance(reserved, E.MISS, at, Details(why="nobody answered")).state is S.MISSED


# --- buttons ---------------------------------------------------------------------------------------------------------


def test_buttons_stay_good_while_the_card_says_the_same() -> None:
    offering = moved(fresh(), E.OFFER)
    card = offering.revision
    shown = moved(offering, E.OFFERED, E.REMIND, E.RESERVE, E.ESCALATE)
    assert answerable(shown, card)
    assert answerable(shown, shown.revision)
    assert not answerable(shown, shown.revision + 1)
    assert not answerable(shown, card - 1)
    for event in (E.SNOOZE, E.SWAP, E.POSTED, E.APPROVE):
        assert not answerable(moved(shown, event), shown.revision)


# --- failures --------------------------------------------------------------------------------------------------------


def test_an_item_gets_three_more_tries_after_five_ten_and_twenty_minutes() -> None:
    for failures, minutes in ((1, 5), (2, 10), (3, 20)):
        waits = [retry_after(f"post{number}", failures) for number in range(50)]
        assert all(wait is not None and minutes * MINUTE <= wait <= minutes * MINUTE * 1.2 for wait in waits)
        assert len(set(waits)) > 40
        assert waits == [retry_after(f"post{number}", failures) for number in range(50)]
    assert retry_after("post", 4) is None


def test_only_failures_of_the_item_use_up_tries() -> None:
    prepared = moved(fresh(), *PATHS[S.PREPARED])
    assert moved(prepared, E.TRY_FAILED).tries == 1
    for quiet in (E.GONE, E.PUBLISH):
        assert moved(prepared, quiet).tries == 0
    assert moved(prepared, E.PUBLISH, E.UNSURE, E.READY).tries == 0
    assert moved(fresh(), E.OFFER, E.OFFER_FAILED).tries == 0


def test_ready_keeps_the_very_handle_and_gone_drops_it() -> None:
    publishing = moved(fresh(), *PATHS[S.PUBLISHING])
    assert moved(publishing, E.READY).handle == publishing.handle
    assert moved(publishing, E.GONE).handle is None
    assert moved(publishing, E.UNSURE, E.RESOLVE_NOT_LIVE).handle is None
    assert moved(publishing, E.TRY_FAILED).handle is None
    assert moved(publishing, E.UNSURE).handle == publishing.handle


@pytest.mark.parametrize("event", [E.SKIP, E.REJECT, E.POSTED, E.MISS])
def test_what_was_prepared_for_nothing_is_let_go(event: PostEvent) -> None:
    assert moved(moved(fresh(), *PATHS[S.PREPARED]), event).handle is None


def test_a_final_failure_goes_to_the_team_as_a_new_card_with_the_whole_time_for_an_answer() -> None:
    reminded = moved(fresh(), E.OFFER, E.OFFERED, E.REMIND, E.ESCALATE, E.APPROVE)
    later = NOW + 30 * HOUR
    handed = advance(reminded, E.HAND_OVER, later, details(E.HAND_OVER, later))
    assert (handed.state, handed.by_hand, handed.due_at, handed.last_error) == (S.SCHEDULED, True, later, "it broke")
    shown = moved(handed, E.OFFER, E.OFFERED, start=later)
    account = Account(name="main", sources=())
    assert next_task(shown, account, Standing(), later + HOUR).task is Task.WAIT
    assert next_task(shown, account, Standing(), later + 2 * HOUR).task is Task.REMIND
    assert next_task(shown, account, Standing(), later + 24 * HOUR).task is Task.MISS


def test_retry_takes_a_failed_post_back_as_if_new() -> None:
    failed = moved(fresh(tries=4), E.OFFER, E.OFFERED, E.REMIND, E.FAIL)
    days_later = NOW + 72 * HOUR
    again = advance(failed, E.RETRY, days_later, details(E.RETRY, days_later))
    assert (again.state, again.due_at, again.tries, again.last_error) == (S.SCHEDULED, days_later, 0, "")
    assert (again.settled_at, again.reason) == (None, "")
    shown = moved(again, E.OFFER, E.OFFERED, start=days_later)
    assert next_task(shown, Account(name="main", sources=()), Standing(), days_later + HOUR).task is Task.WAIT


def test_a_snoozed_post_that_nobody_answered_is_escalated_once_and_shown_again() -> None:
    account = Account(name="main", sources=(), unanswered=Unanswered.ESCALATE)
    offered = moved(fresh(), E.OFFER, E.OFFERED)
    end = NOW + 24 * HOUR
    snoozed = advance(offered, E.SNOOZE, NOW + HOUR, Details(by="ann", until=end, person=True))
    assert next_task(snoozed, account, Standing(), end).task is Task.ESCALATE
    told = advance(snoozed, E.ESCALATE, end, Details(why="nobody answered"))
    assert next_task(told, account, Standing(), end).task is Task.OFFER
    assert next_task(told, account, Standing(), end + 24 * HOUR).task is Task.MISS


def test_an_offer_that_failed_before_anything_was_shown_leaves_no_trace_of_showing() -> None:
    failed = moved(fresh(), E.OFFER, E.OFFER_FAILED)
    assert (failed.state, failed.offered_at, failed.last_error) == (S.SCHEDULED, None, "it broke")
    shown = moved(fresh(), E.OFFER, E.OFFERED, E.SNOOZE, E.OFFER, E.OFFER_FAILED)
    assert shown.offered_at == NOW
