"""The table of a post's life: complete, and without a way around its promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.posts import (
    DECISIONS,
    SETTLED,
    TRANSITIONS,
    UNDOABLE,
    UNSETTLED,
    PostEvent,
    PostState,
    post_id,
)

S, E = PostState, PostEvent


def edges() -> list[tuple[PostState, PostEvent, PostState]]:
    return [(state, event, after) for state, moves in TRANSITIONS.items() for event, after in moves.items()]


def test_the_states_are_those_that_the_rules_name() -> None:
    assert [state.value for state in S if state in UNSETTLED] == [
        "scheduled",
        "offering",
        "offered",
        "snoozed",
        "approved",
        "prepared",
        "publishing",
        "uncertain",
    ]
    assert [state.value for state in S if state in SETTLED] == ["posted", "skipped", "rejected", "missed", "failed"]
    assert [state for state in S if state.settled] == [state for state in S if state in SETTLED]


def test_every_state_has_its_moves_and_every_event_a_place() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {event for _, event, _ in edges()} == set(E)


def test_every_state_can_be_reached_and_every_unsettled_one_can_be_settled() -> None:
    assert closure(S.SCHEDULED) == set(S)
    for state in UNSETTLED:
        assert closure(state) & SETTLED


def closure(start: PostState) -> set[PostState]:
    found, todo = {start}, [start]
    while todo:
        for after in TRANSITIONS[todo.pop()].values():
            if after not in found:
                found.add(after)
                todo.append(after)
    return found


def test_a_settled_post_moves_only_because_a_person_says_so() -> None:
    assert {(state, event) for state, event, _ in edges() if state.settled and event not in (E.UNDO, E.RETRY)} == {
        (S.MISSED, E.POSTED)
    }
    assert TRANSITIONS[S.MISSED] == {E.POSTED: S.POSTED}, "somebody may have posted it late, by hand"


def test_publishing_begins_only_with_something_prepared_and_is_left_only_by_knowing_how_it_ended() -> None:
    assert [(state, event) for state, event, after in edges() if after is S.PUBLISHING] == [(S.PREPARED, E.PUBLISH)]
    known = {E.PUBLISHED, E.READY, E.GONE, E.TRY_FAILED, E.HAND_OVER, E.FAIL, E.UNSURE}
    assert set(TRANSITIONS[S.PUBLISHING]) == known
    assert set(TRANSITIONS[S.UNCERTAIN]) == known | {E.RESOLVE_LIVE, E.RESOLVE_NOT_LIVE}


def test_posted_means_proof_or_that_a_person_said_so() -> None:
    assert {event for _, event, after in edges() if after is S.POSTED} == {E.POSTED, E.PUBLISHED, E.RESOLVE_LIVE}


def test_nobody_decides_while_a_publishing_is_under_way() -> None:
    assert not DECISIONS & set(TRANSITIONS[S.PUBLISHING])
    assert DECISIONS & set(TRANSITIONS[S.UNCERTAIN]) == {E.RESOLVE_LIVE, E.RESOLVE_NOT_LIVE}


def test_what_leads_to_a_state_in_which_it_may_be_undone() -> None:
    for _, event, after in edges():
        if event in UNDOABLE:
            assert E.UNDO in TRANSITIONS[after]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[S.MISSED][E.RETRY] = S.SCHEDULED  # type: ignore[index]
    with pytest.raises(TypeError):
        TRANSITIONS[S.MISSED] = {}  # type: ignore[index]


def test_a_post_of_a_slot_has_the_same_id_in_every_preview() -> None:
    """These very ids are in databases and chats."""
    assert post_id("main/2026-05-01/0") == "mm6za4pq6o"
    assert post_id("main", "now", "2026-05-01T09:00:00+00:00") == "xrc5nx64kp"


@given(st.lists(st.text("abc/", min_size=1), min_size=1, max_size=4), st.lists(st.text("abc/", min_size=1), min_size=1))
def test_ids_are_short_readable_and_differ_when_their_parts_do(one: list[str], other: list[str]) -> None:
    assert len(post_id(*one)) == 10
    assert set(post_id(*one)) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert (post_id(*one) == post_id(*other)) == (one == other)
