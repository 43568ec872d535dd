"""The small parts by themselves: pace, lanes, workers, tokens, memory, and what is read from Telegram's JSON."""

from __future__ import annotations

import asyncio
import threading
import time

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import NeedsPerson
from storyline_core.testing.samples import PlainState
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.heard import Chat, Grown, Tapped, Wrote, read_update
from storyline_telegram.lanes import Edit, Lanes
from storyline_telegram.loop import LoopThread
from storyline_telegram.messages import own_words
from storyline_telegram.pacing import Limits, Pace
from storyline_telegram.places import MOST_CARDS, Card, Places, cards_in, token_of, with_card
from storyline_telegram.remembered import MOST_FILES, Chats, FileIds, Memory
from storyline_telegram.routes import Place
from storyline_telegram.workers import Workers

cards = st.builds(
    Card,
    chat=st.integers(-(10**15), 10**15),
    message=st.integers(1, 10**9),
    topic=st.none() | st.integers(1, 10**9),
    captioned=st.booleans(),
)


@given(st.lists(st.tuples(st.sampled_from([-1, -2, 3]), st.floats(0, 5)), max_size=120))
def test_no_window_ever_holds_more_than_its_limit(steps: list[tuple[int, float]]) -> None:
    limits = Limits(chat_second=2, group_minute=9, overall_second=4)
    pace, now, sent = Pace(limits), 0.0, list[tuple[int, float]]()
    for chat, pause in steps:
        now += pause + pace.wait(chat, now + pause)
        assert pace.wait(chat, now) < 1e-6
        pace.sent(chat, now)
        sent.append((chat, now))
    for _, at in sent:
        near = [(chat, each) for chat, each in sent if at - 1 + 1e-6 < each <= at]
        assert len(near) <= 4
        assert all(sum(chat == one for chat, _ in near) <= 2 for one in (-1, -2, 3))
        minute = [chat for chat, each in sent if at - 60 + 1e-6 < each <= at]
        assert all(minute.count(group) <= 9 for group in (-1, -2))


def test_a_closed_chat_waits_alone_and_never_for_less() -> None:
    pace = Pace(Limits())
    pace.close(-1, 0.0, 30)
    pace.close(-1, 1.0, 2)
    assert (pace.wait(-1, 10.0), pace.wait(-2, 10.0), pace.wait(-1, 31.0)) == (20.0, 0.0, 0.0)


@given(st.lists(cards, max_size=8))
def test_a_token_is_read_as_it_was_written(several: list[Card]) -> None:
    assert cards_in(token_of(several)) == tuple(several[:MOST_CARDS])


@given(cards, st.lists(cards, max_size=3, unique_by=lambda card: card.key))
def test_a_tapped_card_comes_first_and_the_others_stay(tapped: Card, known: list[Card]) -> None:
    after = cards_in(with_card(tapped, token_of(known)))
    assert after[0].key == tapped.key
    assert {card.key for card in after} == {card.key for card in known} | {tapped.key}


@given(st.text())
def test_a_strange_token_has_no_cards_and_does_no_harm(token: str) -> None:
    assert all(isinstance(card, Card) for card in cards_in(token))


def test_places_follow_their_groups() -> None:
    places = Places(Place(-1, 5), Place(-2), moved={-1: -3, -3: -4})
    assert places.chats() == (-4, -2)
    assert places.now(places.main) == Place(-4, 5)
    assert places.known(-4)
    assert not places.known(-1)
    assert Places(Place(-1), moved={-1: -2, -2: -1}).number(-1) in (-1, -2)


# Lanes


@attrs.define
class Screen:
    """What the messages show, and what goes wrong on the way."""

    shown: list[tuple[int, str | None]] = attrs.field(factory=list)
    troubles: list[Exception] = attrs.field(factory=list)

    async def change(self, edit: Edit) -> None:
        await asyncio.sleep(0)
        if self.troubles:
            raise self.troubles.pop(0)
        self.shown.append((edit.card.message, edit.html))


FREE = Limits(1000, 1000, 1000)


def edit(message: int, html: str | None, after: float = 0.0) -> Edit:
    return Edit(Card(-1, message), html, (), after=after)


def test_what_is_shown_already_is_not_shown_again() -> None:
    async def act() -> None:
        screen = Screen()
        lanes = Lanes(FREE, screen.change)
        for html in ("a", "a", "b", "b"):
            lanes.edit(edit(1, html))
        await asyncio.sleep(0)
        lanes.edit(edit(1, "b"))
        await lanes.drained(2)
        lanes.edit(edit(1, "b"))
        await lanes.drained(2)
        assert screen.shown == [(1, "b")]

    asyncio.run(act())


@pytest.mark.parametrize("why", [Why.UNSENT, Why.UNSEEN, Why.DOWN])
def test_a_change_that_failed_is_made_again_and_a_newer_one_instead(why: Why) -> None:
    async def act() -> None:
        screen = Screen(troubles=[Trouble(why, "so")])
        lanes = Lanes(FREE, screen.change)
        lanes.edit(edit(1, "old"))
        await asyncio.sleep(0.05)
        lanes.edit(edit(1, "new"))
        await lanes.drained(3)
        assert screen.shown == [(1, "new")]

    asyncio.run(act())


@pytest.mark.parametrize("why", [Why.GONE, Why.PLACE, Why.OTHER, Why.SAME])
def test_a_change_that_never_works_is_given_up(why: Why) -> None:
    async def act() -> None:
        screen = Screen(troubles=[Trouble(why, "so")])
        lanes = Lanes(FREE, screen.change)
        lanes.edit(edit(1, "a"))
        await lanes.drained(2)
        assert (screen.shown, screen.troubles) == ([], [])

    asyncio.run(act())


def test_a_mistake_over_one_message_keeps_no_other_waiting() -> None:
    async def act() -> None:
        screen = Screen(troubles=[ValueError("a mistake")])
        lanes = Lanes(FREE, screen.change)
        lanes.edit(edit(1, "a"))
        lanes.edit(edit(2, "b"))
        await lanes.drained(2)
        assert screen.shown == [(2, "b")]

    asyncio.run(act())


def test_cards_keep_their_order_and_give_up_in_time() -> None:
    async def act() -> None:
        lanes, order = Lanes(FREE, Screen().change), list[int]()

        async def slow(number: int) -> int:
            await asyncio.sleep(0.05 if number == 0 else 0)
            order.append(number)
            return number

        numbers = range(5)
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(lanes.send(-1, lambda number=number: slow(number), 2, in_turn=True))  # type: ignore[misc]
        assert order == list(numbers)
        blocking = asyncio.create_task(lanes.send(-1, lambda: asyncio.sleep(0.5), 2, in_turn=True))
        await asyncio.sleep(0.01)
        with pytest.raises(Trouble, match="others are sent before it"):
            await lanes.send(-1, lambda: slow(9), 0.05, in_turn=True)
        await lanes.send(-1, lambda: slow(7), 0.05)
        await blocking
        assert order[-1] == 7

    asyncio.run(act())


# Threads


def test_jobs_of_one_key_keep_their_order_and_others_go_on() -> None:
    workers, done = Workers("test", threads=3, most=100), list[tuple[str, int]]()
    gate = threading.Event()

    def job(key: str, number: int) -> None:
        if (key, number) == ("a", 0):
            gate.wait(5)
        done.append((key, number))
        if number == 1:
            raise ValueError("a mistake")

    for number in range(4):
        for key in "ab":
            assert workers.put(key, lambda key=key, number=number: job(key, number))  # type: ignore[misc]
    while len(done) < 4:
        time.sleep(0.005)
    assert done == [("b", number) for number in range(4)]
    gate.set()
    workers.close(5)
    assert [number for key, number in done if key == "a"] == [0, 1, 2, 3]
    assert not workers.put("a", lambda: None)


def test_too_many_jobs_are_refused() -> None:
    workers, gate = Workers("test", threads=1, most=2), threading.Event()

    def hold() -> None:
        gate.wait(5)

    assert [workers.put(number, hold) for number in range(3)] == [True, True, False]
    gate.set()
    workers.close(5)


def test_a_call_into_the_loop_has_a_deadline_and_closing_breaks_off_the_rest() -> None:
    loop = LoopThread("test")
    with pytest.raises(TimeoutError):
        loop.call(lambda: asyncio.sleep(60), 0.05)
    assert loop.call(lambda: asyncio.sleep(0, "done"), 5) == "done"
    pending = loop.spawn(asyncio.sleep(60))
    began = time.monotonic()
    loop.close()
    assert time.monotonic() - began < 5
    assert pending.cancelled()
    with pytest.raises(TimeoutError, match="closed"):
        loop.call(lambda: asyncio.sleep(0), 1)


# Memory


class Keyless(PlainState):
    """Private state without a key."""

    def set(self, name: str, value: str) -> None:
        raise NeedsPerson("There is no key for stored secrets.")


def test_what_is_remembered_outlives_the_process_and_stays_small() -> None:
    state = PlainState()
    files = FileIds(Memory(state))
    for number in range(MOST_FILES + 5):
        files.keep(f"{number}", "photo", f"id-{number}")
    again = FileIds(Memory(state))
    assert (again.of("0", "photo"), again.of("9", "photo"), again.of("9", "video")) == (None, "id-9", None)
    again.forget("9", "photo")
    assert FileIds(Memory(state)).of("9", "photo") is None
    assert again.of(None, "photo") is None


@pytest.mark.parametrize("text", ["", "[", "[]", '{"-5": 3}', '{"-5": "[1,2]"}'])
def test_memory_without_a_key_or_with_nonsense_in_it_still_works(text: str) -> None:
    state = Keyless()
    state.values["chats"] = text
    chats = Chats(Memory(state))
    chats.seen(Chat(-7, "group", "Team"), 3)
    chats.seen(Chat(-7, "group", "Team"), 4)
    assert [(each.id, each.topics) for each in chats.all()] == [(-7, (3, 4))]
    assert (chats.move(-1, -2), chats.move(-1, -2), chats.move(-3, -3)) == (True, False, False)


# Reading

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["message", "chat", "from", "id", "message_id", "date", "photo", "document", "reply_markup",
                         "inline_keyboard", "callback_query", "my_chat_member", "text", "file_id"]),
        inner, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.sampled_from(["message", "callback_query", "my_chat_member", "channel_post", "poll"]), json)
def test_whatever_telegram_tells_is_read_without_a_mistake(kind: str, told: object) -> None:
    read_update({"update_id": 1, kind: told})


def test_a_group_that_grows_says_so_twice() -> None:
    chat = {"id": -1, "type": "group", "title": "Team"}
    for told in ({"migrate_to_chat_id": -2}, {"migrate_from_chat_id": -3}):
        heard = read_update({"message": {"message_id": 1, "date": 1, "chat": chat} | told})
        assert heard in (Grown(-1, -2), Grown(-3, -1))


def test_an_old_message_is_a_tap_without_a_card() -> None:
    who, chat = {"id": 7, "first_name": "Ann"}, {"id": -1, "type": "group"}
    told = {"id": "1", "from": who, "data": "x", "message": {"message_id": 3, "date": 0, "chat": chat}}
    heard = read_update({"callback_query": told})
    assert isinstance(heard, Tapped)
    assert (heard.card, heard.chat, heard.who.key) == (None, Chat(-1, "group"), "telegram:7")


def test_a_reply_in_a_group_without_topics_is_in_no_topic() -> None:
    message = {
        "message_id": 3,
        "date": 1,
        "chat": {"id": -1, "type": "supergroup"},
        "message_thread_id": 2,
        "text": "hi",
    }
    heard = read_update({"message": message})
    assert isinstance(heard, Wrote)
    assert heard.place == Place(-1)


@pytest.mark.parametrize(
    ("text", "own"),
    [("/queue main", "/queue main"), ("/queue@MyBot main", "/queue main"), ("/queue@mybot", "/queue"),
     ("/queue@Other", None), ("hello @MyBot", "hello @MyBot")],
)  # fmt: skip
def test_a_command_loses_this_bots_name_and_is_nothing_with_anothers(text: str, own: str | None) -> None:
    assert own_words(text, "MyBot") == own
