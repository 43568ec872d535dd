"""What becomes of posts when Telegram does not do as it should: nothing is burned, doubled or kept quiet about."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from storyline_core import (
    Alert,
    AlertLevel,
    NeedsPerson,
    Post,
    PostState,
    Refused,
    Secret,
    TeamRole,
    Unavailable,
    Uncertain,
)
from storyline_core.testing import draft_of, picture, runtime_named
from storyline_telegram.faults import Trouble, Why, fault_of, sorted_out
from storyline_telegram.opened import opened
from storyline_telegram.pacing import Limits, Turns
from storyline_telegram.plugin import RouteTo
from tests.telegram.bot_api.chats import ChatMessage
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.server import BotApi
from tests.telegram.houses import House, opened_house
from tests.telegram.teams import TOKEN, Team, eventually

IMPATIENT: dict[str, object] = {"answer_within": timedelta(seconds=1), "upload_within": timedelta(seconds=1)}


def post_of(house: House) -> Post:
    house.storyline.tick()
    house.clock.forward(hours=1)
    house.storyline.tick()
    return house.post(PostState.OFFERING, PostState.OFFERED, PostState.SCHEDULED)


def texts(messages: list[ChatMessage]) -> list[str]:
    return [message.text for message in messages]


@pytest.mark.parametrize("way", [Way.CUT_AFTER, Way.SILENT_AFTER])
def test_a_card_that_may_have_come_is_never_sent_blindly_again(database_url: str, squad: Team, way: Way) -> None:
    with opened_house(database_url, squad, telegram=IMPATIENT) as house:
        squad.server.fault(way, method="sendPhoto")
        post = post_of(house)
        assert post.state is PostState.OFFERING
        for _ in range(5):
            house.clock.forward(minutes=20)
            house.storyline.tick()
        assert len(squad.cards()) == 1
        house.clock.forward(minutes=21)
        house.storyline.tick()
        house.storyline.tick()
        first, reminder = squad.cards()
        assert reminder.text.startswith("Reminder")
        squad.ben.taps(first, "Posted")
        house.storyline.tick()
        assert house.now(post).state is PostState.POSTED
    assert [card.text.count("Posted by Ben") for card in (first, reminder)] == [1, 1]


def test_the_first_tap_adopts_a_card_that_nobody_saw_arrive(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        squad.server.fault(Way.CUT_AFTER, method="sendPhoto")
        post = post_of(house)
        [card] = squad.cards()
        squad.ann.taps(card, "I'll post it")
        house.storyline.tick()
        message = house.now(post).message
        assert message is not None
        assert message.token == f"{squad.chat.id}/-/{card.id}c"
    assert "Ann is posting it" in card.text


def test_a_reminder_that_nobody_saw_arrive_is_the_last_one_and_good(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = post_of(house)
        squad.server.fault(Way.CUT_AFTER, method="sendPhoto")
        for _ in range(3):
            house.clock.forward(hours=1)
            house.storyline.tick()
        assert len([card for card in squad.cards() if post.id in card.text]) == 2
        reminder = squad.cards()[1]
        squad.cem.taps(reminder, "Skip")
        house.storyline.tick()
        assert house.now(post).decided_by == f"telegram:{squad.cem.id}"
    assert "Skipped by Cem" in reminder.text


UNKNOWN = "Bad Request: SOMETHING_NEW"


def test_what_is_refused_for_no_known_reason_is_tried_in_other_forms(squad: Team) -> None:
    squad.server.refuse(400, UNKNOWN, method="sendPhoto", times=2)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft_of(picture(1)))
    [card] = squad.cards()
    assert card.kind == "document"
    assert [call.method for call in squad.server.calls() if "send" in call.method] == [
        "sendPhoto", "sendPhoto", "sendDocument",
    ]  # fmt: skip


def test_the_fitted_version_is_enough_where_only_the_original_is_refused(squad: Team) -> None:
    squad.server.refuse(400, UNKNOWN, method="sendPhoto")
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft_of(picture(1)))
    assert [card.kind for card in squad.cards()] == ["photo"]


def test_what_is_refused_in_every_form_fails_with_telegrams_reason(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        for method in ("sendPhoto", "sendDocument"):
            squad.server.refuse(400, UNKNOWN, method=method, times=100)
        post = post_of(house)
        with house.storyline.read() as unit:
            [failed] = [each for each in unit.queue.history("main") if each.state is PostState.FAILED]
        assert failed.last_error == "Telegram refused it: Something_new."
        assert squad.cards() == []
        assert any("Something_new" in text for text in texts(squad.admins.messages))
        assert post.id != failed.id


@pytest.mark.parametrize("code", [500, 502, 503])
def test_while_telegram_is_out_of_order_the_line_waits(sqlite_url: str, squad: Team, code: int) -> None:
    with opened_house(sqlite_url, squad) as house:
        fault = squad.server.refuse(code, times=10_000)
        post = post_of(house)
        assert (post.state, post.tries, len(squad.cards())) == (PostState.SCHEDULED, 0, 0)
        fault.left = 0
        house.clock.forward(minutes=2)
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED


def test_without_a_network_the_line_waits_and_nothing_is_burned(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, telegram={"api_url": "http://127.0.0.1:9"}) as house:
        post = post_of(house)
        assert (post.state, post.tries) == (PostState.SCHEDULED, 0)
        assert "Telegram cannot be reached: ConnectError" in post.last_error


def test_a_flooded_chat_makes_its_line_wait_as_long_as_telegram_says(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        squad.server.refuse(429, method="sendPhoto", retry_after=90)
        post = post_of(house)
        with house.storyline.read() as unit:
            assert unit.accounts.state("main").stopped_until == house.clock.at + timedelta(seconds=90)
        assert (post.state, post.tries) == (PostState.SCHEDULED, 0)


def test_a_short_pause_is_waited_for(squad: Team) -> None:
    squad.server.refuse(429, method="sendPhoto", retry_after=1)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft_of(picture(1)))
    assert [call.code for call in squad.server.calls("sendPhoto")] == [429, 200]


def test_a_full_chat_of_one_account_keeps_no_other_waiting(sqlite_url: str, squad: Team) -> None:
    cats = squad.server.chat("supergroup", "Cats", members=[squad.ann], bots=[squad.bot])
    routed = {"routes": (RouteTo(chat=cats.id, categories=("cats",)),), "messages_per_minute": 20}
    with opened_house(sqlite_url, squad, telegram=routed) as house:
        squad.server.refuse(429, method="sendPhoto", chat=cats, retry_after=90)
        house.storyline.sync("photos")
        wanted = [house.storyline.post_beside("main", by="cli:ann") for _ in range(8)]
        ours = sorted((post for post in wanted if post.category == "cats"), key=lambda post: (post.due_at, post.id))
        others = [post for post in wanted if post.category != "cats"]
        assert (len(ours), len(others)) == (4, 4)
        house.storyline.tick()
        with house.storyline.read() as unit:
            assert unit.accounts.state("main").stopped_until is None
        assert {house.now(post).state for post in others} == {PostState.OFFERED}
        assert squad.cards(cats) == []
        waits = [house.now(post).next_try_at for post in ours]
        assert all(waits)
        assert "takes no more messages in chat" in house.now(ours[0]).last_error
        assert waits == sorted(waits)  # type: ignore[type-var]
        assert waits[0] == house.clock.at + timedelta(seconds=90)
        assert len(squad.server.calls("sendPhoto", chat=cats)) == 1


def test_the_first_to_find_a_chat_full_is_the_first_to_come_again() -> None:
    turns = Turns(Limits(chat_second=1, group_minute=20))
    there = {"a", "b"}
    assert turns.later(-1, "a", 0.0, 30.0) == 30.0
    assert turns.wait(-1, "b", 10.0, there.__contains__) == 23.0
    assert turns.later(-1, "b", 10.0, 20.0) == 23.0
    assert turns.wait(-2, "b", 10.0, there.__contains__) == 0.0
    assert turns.wait(-1, "a", 30.0, there.__contains__) == 0.0, "it is their turn"
    assert turns.wait(-1, "b", 50.0, there.__contains__) == 3.0, "the first is late, and first all the same"
    turns.over(-1, "a")
    assert turns.wait(-1, "b", 33.0, there.__contains__) == 0.0
    assert turns.wait(-1, "c", 33.0, there.__contains__) == 3.0
    there.remove("b")
    assert turns.wait(-1, "c", 33.0, there.__contains__) == 0.0, "nobody waits for who was skipped meanwhile"


def test_a_pause_in_one_chat_is_none_for_another(api: BotApi) -> None:
    squad = Team.on(api)
    other = api.chat("supergroup", "Other", members=[squad.ann], bots=[squad.bot])
    squad.server.refuse(429, method="sendPhoto", retry_after=60)
    with (
        opened(squad.settings(), runtime_named("team")) as here,
        opened(squad.settings(chat=other.id), runtime_named("others")) as there,
    ):
        with pytest.raises(Unavailable) as caught:
            here.offer(draft_of(picture(1)))
        assert caught.value.retry_after is not None
        assert timedelta(seconds=50) < caught.value.retry_after <= timedelta(seconds=60)
        there.offer(draft_of(picture(1)))
        with pytest.raises(Unavailable, match="takes no more messages"):
            here.offer(draft_of(picture(2)))
    assert len(api.calls("sendPhoto")) == 2


@pytest.mark.parametrize("token", ["123456789:wrong", "no token at all", ""])
def test_a_wrong_token_needs_a_person_and_is_never_shown(
    squad: Team, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with opened(squad.settings(token=Secret(token)), runtime_named("team")) as made:
        for act in (lambda: made.offer(draft_of(picture(1))), made.check, lambda: made.poll_once(object())):  # type: ignore[arg-type]
            with pytest.raises(NeedsPerson, match=r"does not accept the token of \[notifiers.team\].*@BotFather"):
                act()
    assert not token or token not in caplog.text


def test_the_token_is_in_no_line_of_the_log(sqlite_url: str, squad: Team, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with opened_house(sqlite_url, squad) as house:
        house.first_card()
        squad.server.fault(Way.CUT_AFTER, times=3)
        house.clock.forward(hours=4)
        house.storyline.tick()
    assert len(caplog.records) > 10
    assert TOKEN not in caplog.text
    assert TOKEN.partition(":")[2] not in caplog.text


@pytest.mark.parametrize(
    ("trouble", "said", "remedy"),
    [
        ("kicked", "The bot was removed from chat", "Add it to the chat again."),
        ("deleted", "Telegram knows no chat", "Add the bot to the chat"),
        ("rights", "The bot may not post in chat", "Make the bot an administrator"),
        ("topic", "Topic 9 of chat", "Correct `topic` under [notifiers.team]"),
        ("closed", "is closed.", "Open it again, or correct"),
    ],
)
def test_a_card_that_cannot_ever_be_sent_is_missed_and_an_admin_knows_why(
    sqlite_url: str, api: BotApi, trouble: str, said: str, remedy: str
) -> None:
    team = Team.on(api, topics={4: "Stories", 5: "Closed"})
    topic = {"topic": 9, "closed": 5}.get(trouble)
    with opened_house(sqlite_url, team, telegram={"topic": topic}) as house:
        match trouble:
            case "kicked":
                api.kick(team.bot, team.chat)
            case "deleted":
                team.chat.deleted = True
            case "rights":
                api.place(team.bot, team.chat, "restricted", without=["can_send_photos"])
            case "closed":
                team.chat.closed_topics.add(5)
        post = post_of(house)
        assert post.state is PostState.SCHEDULED
        alerts = [text for text in texts(team.admins.messages) if "Error" in text]
        assert any(said in text and remedy in text for text in alerts)
        for _ in range(5):
            house.clock.forward(minutes=20)
            house.storyline.tick()
        after = house.now(post)
        assert (after.state, after.tries) == (PostState.MISSED, 0)
        assert said in after.reason
        assert len([text for text in texts(team.admins.messages) if said in text]) <= 2


def test_where_the_chat_for_alerts_is_the_one_that_is_gone_admins_hear_it_in_their_own(
    sqlite_url: str, squad: Team
) -> None:
    squad.ann.starts(squad.bot)
    with opened_house(sqlite_url, squad, telegram={"admin_chat": None}) as house:
        house.storyline.set_role(f"telegram:{squad.ben.id}", TeamRole.ADMIN)
        squad.server.kick(squad.bot, squad.chat)
        post = post_of(house)
        assert post.state is PostState.SCHEDULED
        told = [text for text in texts(squad.ann.chat.messages) if text.startswith("Error: main: ")]
        assert len(told) == 1
        assert "The bot was removed from chat" in told[0]
        assert "Add it to the chat again." in told[0]
        house.clock.forward(minutes=20)
        house.storyline.tick()
        assert [text for text in texts(squad.ann.chat.messages) if text.startswith("Error: main: ")] == told


def test_a_reminder_that_could_not_be_sent_is_sent_when_telegram_is_back(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = post_of(house)
        fault = squad.server.refuse(502, method="sendPhoto", times=1_000)
        house.clock.forward(hours=2, minutes=1)
        for _ in range(3):
            house.storyline.tick()
            house.clock.forward(minutes=2)
        waiting = house.now(post)
        assert (waiting.state, waiting.reminded_at) == (PostState.OFFERED, None)
        fault.left = 0
        house.storyline.tick()
        reminder = squad.cards()[1]
        assert reminder.text.startswith("Reminder")
        house.clock.forward(minutes=10)
        house.storyline.tick()
        assert len([card for card in squad.cards() if card.text.startswith("Reminder")]) == 1
        squad.ben.taps(squad.cards()[0], "Posted")
        house.storyline.tick()
        assert house.now(post).state is PostState.POSTED, "the first card is good, whatever came of reminding"


def test_a_reminder_of_a_card_that_nobody_saw_waits_for_telegram_too(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        squad.server.fault(Way.CUT_AFTER, method="sendPhoto")
        post = post_of(house)
        fault = squad.server.refuse(502, method="sendPhoto", times=1_000)
        house.clock.forward(hours=2, minutes=1)
        house.storyline.tick()
        assert (house.now(post).state, house.now(post).reminded_at) == (PostState.OFFERING, None)
        fault.left = 0
        house.clock.forward(minutes=2)
        house.storyline.tick()
        assert (house.now(post).state, len(squad.cards())) == (PostState.OFFERED, 2)


def test_once_the_bot_is_back_the_line_goes_on_and_the_admins_hear_it(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        squad.server.kick(squad.bot, squad.chat)
        post = post_of(house)
        squad.server.add(squad.bot, squad.chat)
        house.clock.forward(minutes=16)
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED
        assert sum(text.startswith("Mended") for text in texts(squad.admins.messages)) == 2


def test_a_group_that_became_a_supergroup_is_followed_for_ever(sqlite_url: str, api: BotApi) -> None:
    team = Team.on(api, kind="group")
    with opened_house(sqlite_url, team) as house:
        house.storyline.tick()
        new = api.migrate(team.chat)
        house.clock.forward(hours=1)
        house.storyline.tick()
        [card] = team.cards(new)
        assert card.kind == "photo"
        team.ann.taps(card, "Posted")
        house.storyline.tick()
        assert house.storyline.opened_notifier("team").check() == (
            f"@story_bot reaches Team, Admins; chat {team.chat.id} is {new.id} now, change it in the settings"
        )
    assert "Posted by Ann" in card.text


def test_a_group_that_moved_unheard_is_found_where_it_is_and_remembered(api: BotApi) -> None:
    team = Team.on(api, kind="group")
    runtime = runtime_named("team")
    new = api.migrate(team.chat)
    for number in range(2):
        with opened(team.settings(), runtime) as made:
            made.offer(draft_of(picture(number), ordinal=number))
    assert len(team.cards(new)) == 2
    assert [call.code for call in api.calls("sendPhoto")] == [400, 200, 200]


def test_a_group_that_moves_between_card_and_tap_keeps_its_cards(sqlite_url: str, api: BotApi) -> None:
    team = Team.on(api, kind="group")
    with opened_house(sqlite_url, team) as house:
        post = house.first_card()
        api.migrate(team.chat)
        with house.listening():
            eventually(lambda: team.bot.queue == [])
        house.clock.forward(hours=2)
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED


def test_an_alert_that_may_have_arrived_is_not_told_again_at_once(squad: Team) -> None:
    squad.server.fault(Way.CUT_AFTER, method="sendMessage")
    with opened(squad.settings(), runtime_named("team")) as made:
        made.alert(Alert("a", AlertLevel.ERROR, "The disk is gone."))
    assert len(squad.admins.messages) == 1


@pytest.mark.parametrize(
    ("code", "text", "why"),
    [
        (400, "Message is not modified: specified new message content", Why.SAME),
        (400, "Chat not found", Why.PLACE),
        (403, "Forbidden: bot was blocked by the user", Why.PLACE),
        (401, "Unauthorized", Why.TOKEN),
        (404, "Not Found", Why.TOKEN),
        (409, "Conflict: terminated by other getUpdates request", Why.RIVAL),
        (409, "Conflict: can't use getUpdates method while webhook is active", Why.HOOKED),
        (413, "Request Entity Too Large", Why.FILE),
        (502, "Bad Gateway", Why.DOWN),
        (504, "Gateway Timeout", Why.UNSEEN),
        (400, "Can't parse entities: unsupported start tag", Why.OTHER),
    ],
)
def test_refusals_are_sorted_by_what_is_to_be_done(code: int, text: str, why: Why) -> None:
    assert sorted_out(code, text) is why


def test_each_trouble_is_one_of_cores_errors() -> None:
    kinds = {why: type(fault_of(Trouble(why, "so"), notifier="team", chat=1)) for why in Why}
    assert kinds[Why.UNSEEN] is Uncertain
    assert {kinds[each] for each in (Why.UNSENT, Why.DOWN, Why.FLOOD, Why.RIVAL)} == {Unavailable}
    assert {kinds[Why.TOKEN], kinds[Why.PLACE]} == {NeedsPerson}
    assert kinds[Why.OTHER] is Refused
