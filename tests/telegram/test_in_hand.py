"""What is in hand when a process ends: Telegram may forget only what is done or written down."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from storyline_core import Decision, NeedsPerson, PostEvent, PostState, StoreError
from storyline_core.testing import PlainState, runtime_named
from storyline_core.testing.notifiers import RecordingControls
from storyline_telegram.inhand import InHand
from storyline_telegram.opened import opened
from storyline_telegram.remembered import MOST_BEGUN, Handled, Memory
from storyline_telegram.taps import Action, CardTap, encoded
from tests.telegram.bot_api.limits import Way
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team, eventually

UPDATE = {"update_id": 7, "message": {"text": "/next"}}


class Keyless(PlainState):
    """Private state without a key."""

    def set(self, name: str, value: str) -> None:
        raise NeedsPerson("There is no key for stored secrets.")


def settled(hand: InHand, number: int | None = None) -> bool:
    return asyncio.run(hand.settled(number))


def test_what_is_quickly_done_is_never_written() -> None:
    state = PlainState()
    hand = InHand(Memory(state))
    assert hand.take(7, UPDATE)
    assert not hand.take(7, UPDATE), "it is in hand already"
    assert hand.unsafe() == 7
    hand.done(7)
    assert settled(hand)
    assert hand.take(7, UPDATE), "told again later, it is new; whether it was done is somebody else's to know"
    assert state.values == {}


def test_what_takes_its_time_is_written_down_and_taken_up_by_the_next_process() -> None:
    state = PlainState()
    hand = InHand(Memory(state))
    for number in (9, 7):
        hand.take(number, UPDATE | {"update_id": number})
    assert settled(hand)
    assert hand.unsafe() is None
    hand.take(8, UPDATE | {"update_id": 8})
    assert (hand.unsafe(), settled(hand, 9)) == (8, True)
    hand.done(9)
    left = InHand(Memory(state)).left()
    assert [each["update_id"] for each in left] == [7]
    hand.done(7)
    assert InHand(Memory(state)).left() == ()


def test_without_a_key_only_what_is_done_is_safe() -> None:
    hand = InHand(Memory(Keyless()))
    hand.take(7, UPDATE)
    assert not settled(hand)
    assert hand.unsafe() == 7
    hand.done(7)
    assert settled(hand)


def test_too_much_without_a_key_is_let_go_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    hand = InHand(Memory(Keyless()))
    hand.let_go()
    hand.take(7, UPDATE)
    hand.let_go()
    assert hand.unsafe() == 7, "nobody knows yet that there is no key"
    assert not settled(hand)
    hand.let_go()
    assert hand.unsafe() is None
    assert "no key under [secrets]" in caplog.text


def test_what_was_taken_up_again_stays_written_until_it_is_done() -> None:
    state = PlainState()
    state.set("in hand", json.dumps({"7": json.dumps(UPDATE), "x": "{}", "8": "["}))
    hand = InHand(Memory(state))
    assert [each["update_id"] for each in hand.left()] == [7]
    assert hand.take(7, UPDATE)
    hand.give_back(7)
    assert len(InHand(Memory(state)).left()) == 1, "there was no room for it just now"
    hand.take(7, UPDATE)
    hand.done(7)
    assert InHand(Memory(state)).left() == ()


class Locked(PlainState):
    """Private state in a database that is busy at first."""

    busy = True

    def set(self, name: str, value: str) -> None:
        if self.busy:
            raise StoreError("The database is busy.")
        super().set(name, value)


def test_a_busy_database_is_tried_again() -> None:
    state = Locked()
    hand = InHand(Memory(state))
    hand.take(7, UPDATE)
    assert not settled(hand)
    state.busy = False
    assert settled(hand)
    assert len(InHand(Memory(state)).left()) == 1


def test_who_only_looks_does_not_wait_for_the_store() -> None:
    gate, inside = threading.Event(), threading.Event()

    class Slow(PlainState):
        def set(self, name: str, value: str) -> None:
            inside.set()
            gate.wait(10)

    memory = Memory(Slow())
    writer = threading.Thread(target=memory.put, args=("chats", "1", "one", 5))
    writer.start()
    assert inside.wait(5)
    try:
        assert memory.get("chats", "1") == "one"
    finally:
        gate.set()
        writer.join()


def test_what_is_broken_off_is_begun_again_but_not_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    state = PlainState()
    assert [Handled(Memory(state)).begin(7) for _ in range(MOST_BEGUN + 1)] == [True] * MOST_BEGUN + [False]
    assert "was broken off 3 times and is passed over" in caplog.text
    handled = Handled(Memory(state))
    assert handled.begin(8)
    handled.done(8)
    assert not Handled(Memory(state)).begin(8)
    assert handled.begin(0), "without a number nothing is known of it"


# With Telegram


def test_telegram_is_asked_again_for_what_is_not_done_and_others_are_heard_meanwhile(
    sqlite_url: str, squad: Team
) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        fault = squad.server.fault(Way.SLOW, method="sendMessage", chat=squad.chat, seconds=1.5)
        with house.listening():
            squad.ann.says(squad.chat, "/whoami")
            eventually(lambda: fault.hits)
            squad.ben.taps(squad.cards()[0], "Posted")
            house.settled(post, PostState.POSTED)
            assert [each["update_id"] for each in squad.bot.queue][:1] == [1000], "the command is not confirmed"
            eventually(lambda: not squad.bot.queue)
        assert [each.text for each in squad.chat.messages if "telegram:" in each.text and "Role" in each.text]


def test_a_push_is_acknowledged_when_it_is_done(sqlite_url: str, squad: Team) -> None:
    from tests.telegram.test_webhook import door, free_port

    with opened_house(sqlite_url, squad, telegram={"webhook": door(free_port())}) as house:
        house.first_card()
        fault = squad.server.fault(Way.SLOW, method="sendMessage", chat=squad.chat, seconds=1.0)
        with house.listening():
            squad.ann.says(squad.chat, "/whoami")
            eventually(lambda: fault.hits)
            assert len(squad.bot.queue) == 1, "Telegram keeps it"
            eventually(lambda: not squad.bot.queue)
    assert len([each for each in squad.chat.messages if "Role" in each.text]) == 1


@pytest.mark.parametrize("listens", [True, False])
def test_an_earlier_process_hands_over_what_it_had_written_down(squad: Team, listens: bool) -> None:
    said = squad.ann.says(squad.chat, "/whoami").told(squad.bot.account.id)
    runtime = runtime_named("team")
    runtime.state.set("in hand", json.dumps({"5": json.dumps({"update_id": 5, "message": said})}))
    squad.bot.queue.clear()
    with opened(squad.settings(), runtime) as made:
        controls = RecordingControls()
        if listens:
            stop: Callable[[], bool] = lambda: bool([m for m in squad.chat.messages if "not available" in m.text])  # noqa: E731
            made.listen(controls, stop)
        else:
            made.poll_once(controls)
        made.poll_once(controls)
    assert len([each for each in squad.chat.messages if "commands are not available here" in each.text]) == 1
    assert json.loads(runtime.state.get("in hand") or "") == {}


def test_numbers_that_begin_anew_are_heard(squad: Team) -> None:
    with heard_alone(squad) as heard:
        squad.ann.says(squad.chat, "/whoami")
        eventually(lambda: heard() == 1)
        eventually(lambda: not squad.bot.queue)
        # After a week of silence, Telegram counts on from anywhere.
        squad.bot.next_update = 10
        squad.ben.says(squad.chat, "/whoami")
        eventually(lambda: heard() == 2)


@contextmanager
def heard_alone(team: Team) -> Iterator[Callable[[], int]]:
    """A notifier that listens without core; how many commands it has answered."""
    stop = threading.Event()
    with opened(team.settings(), runtime_named("team")) as made:
        thread = threading.Thread(target=made.listen, args=(RecordingControls(), stop.is_set))
        thread.start()
        try:
            yield lambda: len([each for each in team.chat.messages if "not available here" in each.text])
        finally:
            stop.set()
            thread.join(10)


def test_a_picture_that_was_to_be_held_is_held_by_the_same_tap_heard_again(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        [card] = squad.cards()
        # The decision was made, and then the process was killed.
        desk = house.storyline.desk("team")
        desk.decide(Decision(post.id, PostEvent.SKIP, f"telegram:{squad.cem.id}", revision=post.revision, name="Cem"))
        for person in (squad.ben, squad.cem):
            person.forges(card, encoded(CardTap(Action.HOLD_FOR, post.id, post.revision, argument="3m")))
        house.storyline.tick()
        with house.storyline.read() as unit:
            held = unit.holds.active(house.clock.at, item=post.item_id, account="main")
        assert [(each.reason.value, each.by) for each in held if each.reason.value == "manual"] == [
            ("manual", f"telegram:{squad.cem.id}")
        ]


def test_one_wish_is_one_post(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        house.storyline.tick()
        desk = house.storyline.desk("team")
        person = f"telegram:{squad.ben.id}"
        first, again = (desk.post_now(person, "main", wish="telegram/1/2") for _ in range(2))
        other = desk.post_now(person, "main", wish="telegram/1/3")
        assert first.id == again.id != other.id
        assert desk.post_now(f"telegram:{squad.cem.id}", "main", wish="telegram/1/2").id not in (first.id, other.id)
        assert len(squad.cards()) == 3


def test_a_taken_up_thing_is_said_in_the_log(squad: Team, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    runtime = runtime_named("team")
    runtime.state.set("in hand", json.dumps({"5": json.dumps({"update_id": 5})}))
    with opened(squad.settings(), runtime) as made:
        made.poll_once(RecordingControls())
    assert "What people asked for before is taken up again: 1." in caplog.text
