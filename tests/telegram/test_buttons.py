"""Every button that is shown can be pressed, and every one that helps is shown."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import (
    DECISIONS,
    TRANSITIONS,
    Details,
    Draft,
    NotAllowed,
    PostEvent,
    PostState,
    advance,
)
from storyline_telegram.buttons import (
    EVENT_OF,
    MOST_COPIED,
    PAGE_OF,
    Button,
    Keyboard,
    Page,
    can_undo,
    card_keyboard,
    copies_by_itself,
    link_keyboard,
    pages_keyboard,
    settings_keyboard,
)
from storyline_telegram.moments import Snooze, snooze_end
from storyline_telegram.taps import Action, CardTap, ListName, PageTap, SwitchTap, decoded, place_of
from storyline_telegram.views import AccountView, Terms
from tests.local.drafts import AT, BERLIN, WORDS, again, draft_of
from tests.telegram.hostile import drafts
from tests.telegram.markup import length

READY = again(draft_of(b"0", post="k3f9a2bcde"), state=PostState.OFFERED, offered_at=AT)


def taps(keyboard: Keyboard) -> list[CardTap]:
    read = [decoded(button.send) for row in keyboard for button in row if button.send is not None]
    assert all(isinstance(each, CardTap) for each in read)
    return [each for each in read if isinstance(each, CardTap)]


def actions(draft: Draft, page: Page = Page.FRONT, **late: float) -> set[Action]:
    return {tap.action for tap in taps(card_keyboard(draft, AT + timedelta(**late), page=page))}


@given(drafts(), st.sampled_from(Page), st.integers(-5, 3_000))
def test_every_button_fits_and_moves_the_post(draft: Draft, page: Page, minutes: int) -> None:
    now = draft.post.due_at + timedelta(minutes=minutes)
    keyboard = card_keyboard(draft, now, page=page)
    for button in (button for row in keyboard for button in row):
        assert 0 < length(button.label) <= 64
        assert button.copy_text is None or 0 < length(button.copy_text) <= MOST_COPIED
    assert all(0 < len(row) <= 8 for row in keyboard)
    for tap in taps(keyboard):
        assert (tap.post_id, tap.revision) == (draft.post.id, draft.revision)
        event = EVENT_OF.get(tap.action)
        if event is None:
            assert tap.action in PAGE_OF or tap.action in (Action.LINK, Action.CAPTION, Action.ORIGINAL)
            continue
        until = (
            snooze_end(Snooze(tap.argument), now, draft.zone, Terms().opens) if tap.argument in set(Snooze) else None
        )
        holder = "telegram:9" if draft.post.reserved_by is None else draft.post.reserved_by
        advance(draft.post, event, now, Details(by=holder, person=True, until=until, item_id=8))


def test_every_decision_has_a_button_somewhere() -> None:
    assert set(EVENT_OF.values()) == DECISIONS
    assert all(event in {e for moves in TRANSITIONS.values() for e in moves} for event in EVENT_OF.values())


def test_a_waiting_card_can_be_posted_skipped_and_put_off() -> None:
    assert actions(READY) == {Action.ORIGINAL, Action.RESERVE, Action.POSTED, Action.SKIP, Action.MORE}
    assert actions(READY, Page.MORE) == {Action.SNOOZE, Action.SWAP, Action.HOLD, Action.REJECT, Action.BACK}
    assert actions(READY, Page.REJECT) == {Action.REJECT_SURE, Action.MORE}
    assert actions(READY, Page.HOLD) == {Action.HOLD_FOR, Action.MORE}


def test_only_what_needs_no_sticker_can_be_published() -> None:
    bare = attrs.evolve(WORDS, requires_interaction=False)
    draft = attrs.evolve(READY, item=attrs.evolve(READY.item, description=bare))
    assert Action.PUBLISH in actions(attrs.evolve(draft, publishable=True))
    assert Action.PUBLISH not in actions(draft)
    assert Action.PUBLISH not in actions(attrs.evolve(READY, publishable=True))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (PostState.APPROVED, {Action.ORIGINAL, Action.SKIP, Action.POSTED}),
        (PostState.PUBLISHING, set()),
        (PostState.UNCERTAIN, {Action.ORIGINAL, Action.LIVE, Action.NOT_LIVE}),
        (PostState.MISSED, {Action.ORIGINAL, Action.POSTED}),
        (PostState.FAILED, {Action.ORIGINAL, Action.RETRY}),
        (PostState.POSTED, set()),
        (PostState.REJECTED, set()),
    ],
)
def test_each_state_has_its_buttons(state: PostState, expected: set[Action]) -> None:
    assert actions(again(READY, state=state)) == expected


def test_undo_is_there_for_ten_minutes() -> None:
    done = attrs.evolve(READY, post=advance(READY.post, PostEvent.SKIP, AT, Details(by="telegram:1", person=True)))
    assert actions(done, minutes=9.9) == {Action.UNDO}
    assert actions(done, minutes=10.1) == set()
    assert can_undo(done.post, AT)
    snoozed = advance(READY.post, PostEvent.SNOOZE, AT, Details(by="x", person=True, until=AT + timedelta(hours=1)))
    assert {Action.UNDO, Action.POSTED} <= actions(attrs.evolve(READY, post=snoozed))


def test_a_reserved_card_says_for_whom_and_until_when() -> None:
    taken = advance(READY.post, PostEvent.RESERVE, AT, Details(by="telegram:1", person=True))
    draft = attrs.evolve(READY, post=taken)
    labels = [b.label for row in card_keyboard(draft, AT, names={"telegram:1": "Ada " * 99}) for b in row]
    assert labels[3] == "Ada Ada Ada Ada Ada… has it until 09:15"
    free = [b.label for row in card_keyboard(draft, AT + timedelta(minutes=15)) for b in row]
    assert free[3] == "I'll post it"
    with pytest.raises(NotAllowed):
        advance(taken, PostEvent.RESERVE, AT, Details(by="telegram:2", person=True))


def test_what_is_too_long_to_be_copied_by_a_button_is_sent_instead() -> None:
    smile = "\N{GRINNING FACE}"
    for caption, by_itself in ((smile * 128, True), (smile * 128 + "x", False), ("x" * 256, True), ("x" * 257, False)):
        assert copies_by_itself(caption) is by_itself
        draft = attrs.evolve(READY, item=attrs.evolve(READY.item, description=attrs.evolve(WORDS, caption=caption)))
        copy = next(b for row in card_keyboard(draft, AT) for b in row if b.label == "Copy caption")
        assert copy.copy_text == (caption if by_itself else None)
        assert (copy.send is None) is by_itself


def test_no_snooze_leads_beyond_the_time_for_an_answer() -> None:
    late = card_keyboard(READY, AT + timedelta(hours=22), page=Page.MORE)
    assert [tap.argument for tap in taps(late) if tap.action is Action.SNOOZE] == ["1h"]
    none = card_keyboard(READY, AT + timedelta(hours=23, minutes=30), page=Page.MORE)
    assert Action.SNOOZE not in {tap.action for tap in taps(none)}
    long = card_keyboard(READY, AT, page=Page.MORE, terms=Terms(answer_within=timedelta(days=3)))
    assert [tap.argument for tap in taps(long) if tap.action is Action.SNOOZE] == ["1h", "3h", "am"]


def test_switches_say_what_a_tap_does() -> None:
    view = AccountView("main", BERLIN, paused=True, quiet_hours="22:00-07:00")
    buttons = [row[0] for row in settings_keyboard(view)]
    assert [b.label for b in buttons] == [
        "Resume posting",
        "Switch syncing off",
        "Switch reminders off",
        "Switch quiet hours on",
    ]
    read = [decoded(b.send) for b in buttons]
    assert [(each.place, each.on) for each in read if isinstance(each, SwitchTap)] == [
        (place_of("main"), False),
        (place_of("main"), False),
        (place_of("main"), False),
        (place_of("main"), True),
    ]


def test_pages_turn_both_ways() -> None:
    place = place_of("main")
    assert pages_keyboard(ListName.QUEUE, place, 0, 1) == ()
    (row,) = pages_keyboard(ListName.QUEUE, place, 1, 3)
    assert [decoded(b.send) for b in row] == [PageTap(ListName.QUEUE, place, 0), PageTap(ListName.QUEUE, place, 2)]


def test_a_button_does_exactly_one_thing() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Button("x")
    with pytest.raises(ValueError, match="exactly one"):
        Button("x", send="1", url="https://x.example")
    assert link_keyboard("See it", "javascript:alert(1)") == ()
    assert link_keyboard("See it", "https://x.example")[0][0].url == "https://x.example"
