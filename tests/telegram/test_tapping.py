"""Taps: the first decision wins, everybody learns what happened, and nothing old or forged does harm."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest

from storyline_core import Post, PostState
from storyline_telegram.taps import Action, CardTap, encoded
from tests.telegram.bot_api.chats import ChatMessage
from tests.telegram.bot_api.server import BotApi
from tests.telegram.houses import House, opened_house
from tests.telegram.teams import Team, eventually


def card(house: House, post: Post) -> ChatMessage:
    """The newest card of a post, from what core knows."""
    message = house.now(post).message
    assert message is not None
    return house.team.card_of(message)


def journal(house: House, post: Post) -> list[str]:
    """What people did to a post."""
    with house.storyline.read() as unit:
        return [entry.event for entry in unit.queue.journal(post.id) if entry.by.startswith("telegram:")]


def named(house: House, post: Post) -> str:
    """The name of a post's picture, as it is now."""
    return house.storyline.draft(post.id).item.name


def explanations(house: House) -> list[str]:
    """What told people that Ann was first: over the chat or, where that came too late, in it."""
    said = [*told(house), *(message.text for message in house.team.chat.messages)]
    return [text for text in said if text.startswith("Ann posted it")]


def shown_label(message: ChatMessage, label: str) -> bool:
    """Whether a message has a button of this label."""
    return label in message.labels


def told(house: House) -> list[str]:
    """What the tapping people read over their chat."""
    return [query.text or "" for query in house.team.server.answers()]


def test_three_people_tap_at_once_and_one_decides(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        with house.listening():
            squad.ann.taps(shown, "Posted")
            squad.ben.taps(shown, "Skip")
            squad.cem.taps(shown, "I'll post it")
            eventually(lambda: len(house.team.server.answers()) == 3)
            after = house.settled(post, PostState.POSTED)
            eventually(lambda: "Posted by Ann" in shown.text)
            eventually(lambda: len(explanations(house)) == 2)
        assert after.decided_by == f"telegram:{squad.ann.id}"
        assert journal(house, post) == ["posted"]
        assert len(squad.cards()) == 1
        assert [query.waited is not None and query.waited < 5 for query in squad.server.answers()] == [True] * 3


def test_a_cron_job_takes_the_taps_that_wait(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        squad.ann.taps(card(house, post), "Skip")
        squad.ben.taps(card(house, post), "Posted")
        assert house.storyline.tick().decisions == 2
        assert house.now(post).state is PostState.SKIPPED
        assert house.storyline.tick().decisions == 0
        assert journal(house, post) == ["skip"]
    assert "Skipped by Ann" in card_text_at_last(squad)


def card_text_at_last(team: Team) -> str:
    return team.cards()[0].text


def test_every_decision_of_a_card_reaches_core_and_its_card_says_so(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house, house.listening():
        post = house.first_card()
        shown = card(house, post)
        squad.ann.taps(shown, "I'll post it")
        eventually(lambda: "Ann is posting it" in shown.text)
        squad.ben.taps(shown, "Posted")
        eventually(lambda: "Ann is posting it" in (told(house) or [""])[-1])
        squad.ann.taps(shown, "More…")
        eventually(lambda: "Another picture" in shown.labels)
        squad.ann.taps(shown, "Snooze 1 h")
        assert house.settled(post, PostState.SNOOZED).due_at == house.clock.at + timedelta(hours=1)
        eventually(lambda: "Snoozed until" in shown.text)
        squad.ann.taps(shown, "Undo")
        house.settled(post, PostState.OFFERED)
        eventually(lambda: "Snoozed" not in shown.text)
        squad.ben.taps(shown, "More…")
        eventually(lambda: "Never post it…" in shown.labels)
        squad.ben.taps(shown, "Never post it…")
        eventually(lambda: "Yes, never post it again" in shown.labels)
        assert told(house)[-1] == "Never post this picture again?"
        squad.ben.taps(shown, "Yes, never post it again")
        house.settled(post, PostState.REJECTED)
        eventually(lambda: "Rejected by Ben" in shown.text)
        assert journal(house, post) == ["reserve", "snooze", "undo", "reject"]
        assert shown.text.startswith(named(house, post))


def test_a_picture_is_held_and_undo_frees_it(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house, house.listening():
        post = house.first_card()
        shown = card(house, post)
        for label in ("More…", "Hold until…", "3 months"):
            eventually(partial(shown_label, shown, label))
            squad.cem.taps(shown, label)
        house.settled(post, PostState.SKIPPED)
        eventually(lambda: told(house)[-1].startswith("Skipped, and held until"))
        assert len(holds(house, post)) == 2
        eventually(lambda: "Undo" in shown.labels)
        squad.cem.taps(shown, "Undo")
        house.settled(post, PostState.OFFERED)
        assert holds(house, post) == []


def holds(house: House, post: Post) -> list[object]:
    with house.storyline.read() as unit:
        return list(unit.holds.active(house.clock.at, item=post.item_id, account="main"))


def test_another_picture_comes_on_a_card_of_its_own(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        old, was = card(house, post), named(house, post)
        with house.listening():
            squad.ann.taps(old, "More…")
            eventually(lambda: "Another picture" in old.labels)
            squad.ann.taps(old, "Another picture")
            eventually(lambda: house.now(post).round == 1)
            eventually(lambda: not old.buttons)
            # Nobody waits for the next turn.
            house.settled(post, PostState.OFFERED)
        new = card(house, post)
        assert new is not old
        assert (old.text.split("\n")[0], new.text.split("\n")[0]) == (was, named(house, post))
        assert was != named(house, post)
        with house.listening():
            squad.ann.forges(old, encoded(CardTap(Action.POSTED, post.id, 3)))
            eventually(lambda: len(told(house)) == 3)
        assert house.now(post).state is PostState.OFFERED


def test_another_picture_that_cannot_come_at_once_comes_with_the_next_turn(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        old = card(house, post)
        squad.server.refuse(502, method="sendPhoto", times=100)
        with house.listening():
            squad.ann.taps(old, "More…")
            eventually(lambda: "Another picture" in old.labels)
            squad.ann.taps(old, "Another picture")
            eventually(lambda: house.now(post).last_error)
        squad.server.state.faults.waiting.clear()
        assert house.now(post).state is PostState.SCHEDULED
        house.clock.forward(minutes=2)
        house.storyline.tick()
        assert card(house, post) is not old


def test_links_captions_and_originals_are_given_away(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        said = {"title": "Tee", "caption": ("word " * 80).strip(), "link_url": "https://shop.example/tee"}
        for path in list(house.memory.folder().files):
            house.memory.folder().write(f"{path}.json", json.dumps(said).encode())
        post = house.first_card()
        shown = card(house, post)
        with house.listening():
            squad.ben.taps(shown, "Copy caption")
            eventually(lambda: len(squad.chat.messages) == 2)
            squad.ben.taps(shown, next(label for label in shown.labels if label.startswith("Original")))
            eventually(lambda: len(squad.chat.messages) == 3)
        caption, original = squad.chat.messages[1:]
        assert caption.text == ("word " * 80).strip()
        assert (caption.reply_to, original.reply_to) == (shown, shown)
        assert original.kind == "document"
        assert original.file_bytes == house.storyline.draft(post.id).open_media().read()
        assert dict(pair for row in shown.buttons for pair in row)["Copy link"] == "https://shop.example/tee"
        assert journal(house, post) == []


@pytest.mark.parametrize("forger", ["changed data", "another post", "forwarded", "of old", "not a card"])
def test_what_is_forged_forwarded_or_gone_does_nothing(sqlite_url: str, squad: Team, forger: str) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        real = encoded(CardTap(Action.POSTED, post.id, house.now(post).answerable_from))
        match forger:
            case "changed data":
                squad.ben.forges(shown, real.replace(":po:", ":re:")[:-1] + "zz")
            case "another post":
                squad.ben.forges(shown, encoded(CardTap(Action.POSTED, "a" * 10, 1)))
            case "forwarded":
                squad.ben.taps(squad.ben.forwards(shown, squad.chat), "Posted")
            case "of old":
                squad.ben.taps(shown, "Posted", inaccessible=True)
            case _:
                squad.ben.forges(shown, "1:c:po:x:!")
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED
        assert journal(house, post) == []
        assert len(squad.server.answers()) == 1


def test_a_tap_counts_although_somebody_has_just_turned_the_page(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        skip = shown.data_of("Skip")
        squad.ann.taps(shown, "More…")
        house.storyline.tick()
        eventually(lambda: "Skip" not in shown.labels)
        squad.ben.forges(shown, skip)
        house.storyline.tick()
        assert house.now(post).decided_by == f"telegram:{squad.ben.id}"


def test_a_button_of_one_post_on_the_card_of_another_does_nothing(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        first = house.first_card()
        house.clock.forward(hours=4)
        house.storyline.tick()
        other = next(each for each in squad.cards() if first.id not in each.text)
        squad.cem.forges(other, card(house, first).data_of("Skip"))
        house.storyline.tick()
        assert house.now(first).state is PostState.OFFERED


def test_another_bots_card_is_no_card_of_ours(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        elsewhere = squad.server.chat("group", "Elsewhere", members=[squad.ben], bots=[squad.bot])
        squad.ben.taps(squad.ben.forwards(shown, elsewhere), "Posted")
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED
        assert [query.text for query in squad.server.answers()] == [None]
        assert elsewhere.messages[-1].text == shown.text


def test_who_has_left_or_was_put_out_decides_nothing(
    sqlite_url: str, squad: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        squad.server.kick(squad.cem, squad.chat)
        squad.cem.taps(shown, "Posted")
        squad.cem.taps(shown, "Skip")
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED
        assert told(house) == ["", ""]
        assert [record.message for record in caplog.records if "No answer" in record.message] == [
            f"No answer for telegram:{squad.cem.id} in supergroup {squad.chat.id}: does not belong to it."
        ]


def test_who_was_deactivated_is_told_who_can_help(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        squad.ben.taps(shown, "I'll post it")
        squad.ben.taps(shown, "More…")
        house.storyline.tick()
        house.storyline.set_active(f"telegram:{squad.ben.id}", False)
        for label in ("Another picture", "Back"):
            squad.ben.taps(shown, label)
        house.storyline.tick()
        assert told(house)[2:] == [f"You have been deactivated here. telegram:{squad.ann.id} can help."] * 2
        assert journal(house, post) == ["reserve"]


def test_in_a_channel_only_those_who_are_known_decide(sqlite_url: str, api: BotApi) -> None:
    team = Team.on(api, kind="channel")
    stranger = api.user("Stranger")
    api.add(stranger, team.chat)
    with opened_house(sqlite_url, team) as house:
        post = house.first_card()
        [shown] = team.cards()
        stranger.taps(shown, "Posted")
        house.storyline.tick()
        assert house.now(post).state is PostState.OFFERED
        assert [query.text for query in api.answers()] == [None]
        api.place(team.cem, team.chat, "administrator")
        team.cem.taps(shown, "Posted")
        house.storyline.tick()
        assert house.now(post).decided_by == f"telegram:{team.cem.id}"


def test_a_tap_on_what_is_gone_is_explained(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        squad.ann.taps(shown, "Posted")
        squad.ben.taps(shown, "More…")
        house.storyline.tick()
        assert told(house)[1].startswith("Ann posted it at 09:00")
        house.clock.forward(minutes=11)
        squad.ann.taps(shown, "Undo")
        house.storyline.tick()
        assert "within the last ten minutes" in told(house)[2]
        assert house.now(post).state is PostState.POSTED


def test_a_slow_decision_is_answered_in_time_and_explained_later(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        post = house.first_card()
        shown = card(house, post)
        squad.ann.taps(shown, "Posted")
        house.storyline.tick()
        eventually(lambda: "Undo" in shown.labels)
        with house.listening(), house.storyline.store.begin() as unit:
            # Whoever writes keeps the decision waiting.
            unit.accounts.lock("main")
            squad.ben.taps(shown, "Undo")
            eventually(lambda: len(told(house)) == 2)
        assert told(house)[1] == "One moment…"
