"""Hearing people: each tap once, whoever listens; only the configured chats; and one who listens at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storyline_core import NeedsPerson, PostState, Unavailable
from storyline_core.testing import draft_of, picture, runtime_named
from storyline_core.testing.notifiers import RecordingControls
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.opened import opened
from storyline_telegram.remembered import SeenChat
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.server import BotApi
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team, eventually


@contextmanager
def listening(made: TelegramNotifier, controls: RecordingControls) -> Iterator[threading.Event]:
    """A notifier that listens meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=made.listen, args=(controls, stop.is_set))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_listening_ends_soon_and_leaves_nothing_to_be_heard_twice(squad: Team) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft)
        with listening(made, controls):
            squad.ann.taps(squad.cards()[0], "Posted")
            eventually(lambda: controls.decisions)
            eventually(squad.server.answers)
            began = time.monotonic()
        assert time.monotonic() - began < 4
        assert squad.bot.queue == []
        assert made.poll_once(controls) == 0
    assert len(controls.decisions) == 1


def test_a_process_that_listens_again_hears_what_came_meanwhile(squad: Team) -> None:
    drafts = [draft_of(picture(number), ordinal=number) for number in range(3)]
    controls = RecordingControls(*drafts)
    with opened(squad.settings(), runtime_named("team")) as made:
        for draft in drafts:
            made.offer(draft)
        for card in squad.cards():
            squad.ben.taps(card, "Posted")
        with listening(made, controls):
            eventually(lambda: len(controls.decisions) == 3)
    assert sorted(each.post_id for each in controls.decisions) == sorted(draft.post.id for draft in drafts)


def test_a_lost_network_is_waited_for(squad: Team, caplog: pytest.LogCaptureFixture) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft)
        squad.server.fault(Way.CUT_BEFORE, method="getUpdates", times=2)
        squad.server.refuse(502, method="getUpdates")
        with listening(made, controls):
            squad.ann.taps(squad.cards()[0], "Skip")
            eventually(lambda: controls.decisions)
    assert sum("cannot be heard" in text for text in warnings(caplog)) == 1


def test_a_wrong_token_ends_the_listening(squad: Team) -> None:
    squad.server.refuse(401, method="getUpdates")
    with opened(squad.settings(), runtime_named("team")) as made, pytest.raises(NeedsPerson, match="@BotFather"):
        made.listen(RecordingControls(), lambda: False)


def test_a_second_listener_says_so_waits_and_takes_over(squad: Team, caplog: pytest.LogCaptureFixture) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft)
        fault = squad.server.refuse(409, "Conflict: terminated by other getUpdates request", method="getUpdates")
        with listening(made, controls):
            eventually(lambda: fault.hits)
            squad.ann.taps(squad.cards()[0], "Posted")
            eventually(lambda: controls.decisions, within=15)
    assert sum("Another program asks" in text for text in warnings(caplog)) == 1


def test_polling_once_leaves_the_taps_to_whoever_hears_them(squad: Team) -> None:
    draft = draft_of(picture(1))
    with opened(squad.settings(), runtime_named("team")) as made:
        squad.server.refuse(409, "Conflict: terminated by other getUpdates request", method="getUpdates")
        assert made.poll_once(RecordingControls(draft)) == 0
        with listening(made, RecordingControls()), opened(squad.settings(), runtime_named("other")) as other:
            assert other.poll_once(RecordingControls(draft)) == 0
            with pytest.raises(Unavailable, match="already"):
                other.listen(RecordingControls(), lambda: False)


def test_a_webhook_that_nobody_wants_is_taken_away(squad: Team, caplog: pytest.LogCaptureFixture) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft)
        squad.bot.set_webhook("http://127.0.0.1:9/", None, 1)
        with pytest.raises(Unavailable, match="A webhook is set for this bot"):
            made.poll_once(controls)
        squad.ann.taps(squad.cards()[0], "Posted")
        with listening(made, controls):
            eventually(lambda: controls.decisions)
    assert any("is taken away" in text for text in warnings(caplog))


def test_an_update_that_makes_no_sense_holds_back_no_other(squad: Team) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with opened(squad.settings(), runtime_named("team")) as made:
        made.offer(draft)
        for told in ({"id": "7"}, {"message": 3, "from": []}, {"id": 7, "from": {"id": "x"}, "data": {}}, 9):
            squad.bot.hear("callback_query", told)  # type: ignore[arg-type]
            squad.bot.hear("message", told)  # type: ignore[arg-type]
        squad.ann.taps(squad.cards()[0], "Posted")
        assert made.poll_once(controls) == 1
        squad.bot.hear("message", {"chat": {}})
        with listening(made, controls):
            eventually(lambda: squad.bot.queue == [])


def test_chats_that_are_not_in_the_settings_get_no_answer_but_are_remembered(
    sqlite_url: str, squad: Team, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = squad.server.chat("supergroup", "Elsewhere", members=[squad.ben], bots=[squad.bot], topics={3: "One"})
    with opened_house(sqlite_url, squad) as house:
        squad.ben.says(elsewhere, "/whoami")
        squad.ben.says(elsewhere, "/queue@story_bot", thread=3)
        squad.cem.starts(squad.bot)
        house.storyline.tick()
        made = house.storyline.opened_notifier("team")
        assert isinstance(made, TelegramNotifier)
        assert made.chats_seen() == (
            SeenChat(elsewhere.id, "supergroup", "Elsewhere", (3,)),
            SeenChat(squad.cem.id, "private", "Cem"),
        )
    assert not [
        each for chat in (elsewhere, squad.cem.chat) for each in chat.messages if each.sender is squad.bot.account
    ]
    assert len([text for text in warnings(caplog) if "is not in the settings" in text]) == 2


def test_admins_hear_that_the_bot_was_put_out_of_the_teams_chat(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house, house.listening():
        squad.server.kick(squad.bot, squad.chat)
        eventually(lambda: any("was removed" in each.text for each in squad.admins.messages))
        squad.server.add(squad.bot, squad.chat)
        eventually(lambda: any("Mended" in each.text for each in squad.admins.messages))
    said = [each.text for each in squad.admins.messages]
    assert sum(text.startswith("Error: The bot was removed from the chat Team.") for text in said) == 1
    assert sum(text.startswith("Mended: ") for text in said) == 1


@pytest.mark.parametrize(
    ("text", "answered"),
    [("/queue", True), ("/queue@story_bot", True), ("/queue@other_bot", False), ("hello @story_bot", False)],
)
def test_commands_are_for_this_bot_or_nobody_answers(squad: Team, text: str, answered: bool) -> None:
    with opened(squad.settings(), runtime_named("team")) as made:
        squad.ann.says(squad.chat, text)
        made.poll_once(RecordingControls())
    own = [each for each in squad.chat.messages if each.sender is squad.bot.account]
    assert bool(own) is answered


def test_a_tap_is_answered_while_others_keep_all_hands_busy(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        [card] = squad.cards()
        original = next(label for label in card.labels if label.startswith("Original"))
        squad.server.fault(Way.SLOW, method="sendDocument", seconds=1.0)
        with house.listening():
            squad.ben.taps(card, original)
            squad.ann.taps(card, "Posted")
            house.settled(post, PostState.POSTED)
            assert not squad.server.calls("sendDocument")
            eventually(lambda: len(squad.server.answers()) == 2)
            eventually(lambda: squad.server.calls("sendDocument"))


def test_two_accounts_in_one_bot_do_not_hear_each_others_chats(api: BotApi) -> None:
    squad = Team.on(api)
    other = api.chat("supergroup", "Other", members=[squad.ben], bots=[squad.bot])
    draft = draft_of(picture(1))
    with (
        opened(squad.settings(), runtime_named("team")) as here,
        opened(squad.settings(chat=other.id), runtime_named("others")) as there,
    ):
        there.offer(draft)
        squad.ben.taps(squad.cards(other)[0], "Posted")
        controls = RecordingControls(draft)
        assert here.poll_once(controls) == 0
        assert controls.decisions == []
