"""Nothing that is told twice, made up or said by strangers does anything; nobody keeps the others waiting."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from storyline_core import Post, PostState
from storyline_telegram.taps import Action, CardTap, ListName, PageTap, encoded, place_of
from tests.telegram.bot_api.chats import ChatMessage
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.people import Person
from tests.telegram.houses import House, opened_house
from tests.telegram.teams import Team, eventually


def card(house: House, post: Post) -> ChatMessage:
    """The card of a post, as the team sees it."""
    message = house.now(post).message
    assert message is not None
    return house.team.card_of(message)


def hear(squad: Team, who: Person, text: str, **more: object) -> None:
    """A message in the team's chat as Telegram tells it, whoever has written it."""
    chat: Mapping[str, object] = {"id": squad.chat.id, "type": "supergroup", "title": "Team"}
    sender = {"id": who.id, "is_bot": False, "first_name": "Somebody"}
    squad.bot.hear("message", {"message_id": 900, "date": 1, "chat": chat, "from": sender, "text": text} | more)


def test_a_list_that_is_not_on_the_message_does_not_replace_a_card(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        before = (shown.text, shown.labels)
        for listed in (ListName.SETTINGS, ListName.QUEUE):
            squad.ben.forges(shown, encoded(PageTap(listed, place_of("main"), 0)))
            house.storyline.tick()
        eventually(lambda: len(squad.server.answers()) == 2)
        assert (shown.text, shown.labels) == before


def test_a_command_that_is_told_again_is_carried_out_once(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        house.first_card()
        slow = squad.server.fault(Way.SLOW, method="getUpdates", seconds=0.5)
        squad.ann.says(squad.chat, "/next")

        def lose_the_confirmation() -> None:
            eventually(lambda: slow.hits)
            squad.server.refuse(502, method="getUpdates")

        breaker = threading.Thread(target=lose_the_confirmation)
        breaker.start()
        house.storyline.tick()
        breaker.join()
    with opened_house(sqlite_url, squad) as house:
        house.storyline.tick()
        house.storyline.tick()
        assert len(squad.cards()) == 2, "the first card, and the one that was asked for"


def test_who_is_not_in_the_chat_commands_nothing_even_where_they_may_write(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        house.first_card()
        before = len(squad.chat.messages)
        stranger = squad.server.user("Eve")
        for text in ("/queue", "/next", "/whoami"):
            hear(squad, stranger, text)
        house.storyline.tick()
        assert len(squad.chat.messages) == before


def test_what_was_passed_on_or_said_by_a_channel_is_no_command(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        house.first_card()
        before = len(squad.chat.messages)
        hear(squad, squad.ann, "/next", forward_origin={"type": "user", "date": 1})
        hear(squad, squad.ann, "/next", sender_chat={"id": -1009, "type": "channel", "title": "News"})
        hear(squad, squad.ann, "/next", is_automatic_forward=True)
        house.storyline.tick()
        assert len(squad.chat.messages) == before
        hear(squad, squad.ann, "/next")
        house.storyline.tick()
        assert len(squad.cards()) == 2


def test_one_person_keeps_nobody_else_waiting(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        squad.server.fault(Way.SLOW, method="sendMessage", times=600, seconds=2.0)
        for _ in range(540):
            hear(squad, squad.ben, "/queue")
        with house.listening():
            squad.ann.taps(card(house, post), "Posted")
            eventually(lambda: house.now(post).state is PostState.POSTED)


def test_a_stranger_who_waits_is_told_nothing(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        stranger = squad.server.user("Eve")
        squad.server.fault(Way.SLOW, method="getChatMember", seconds=1.0)
        with house.listening():
            revision = house.storyline.draft(post.id).revision
            stranger.forges(shown, encoded(CardTap(Action.SKIP, post.id, revision)))
            eventually(squad.server.answers)
        assert [answer.text or "" for answer in squad.server.answers()] == [""]
        assert house.now(post).state is PostState.OFFERED


def test_the_move_of_a_strange_group_is_nothing_to_tell(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        group = squad.server.chat("group", "Elsewhere", members=[squad.server.user("Eve")], bots=[squad.bot])
        squad.server.migrate(group)
        house.storyline.tick()
        assert "is now" not in house.storyline.opened_notifier("team").check()
        assert str(group.id) not in house.storyline.opened_notifier("team").check()


def test_a_tap_on_no_message_is_no_decision(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        house.first_card()
        squad.bot.hear("callback_query", {"id": "x", "from": {"id": 5, "first_name": "E"}, "data": "zz"})
        assert house.storyline.tick().decisions == 0
