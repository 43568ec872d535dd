"""The desk in a chat: commands, switches, uploads and news through the real client, while the bot listens."""

from __future__ import annotations

from storyline_core.testing import picture
from tests.telegram.bot_api.chats import ChatMessage, Conversation
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team, eventually


def newest(team: Team, chat: Conversation | None = None) -> ChatMessage:
    """The bot's last message in a chat."""
    return [each for each in (chat or team.chat).messages if each.sender is team.bot.account][-1]


def said(team: Team, chat: Conversation | None = None) -> list[str]:
    """What the bot's messages in a chat say now."""
    return [each.text for each in (chat or team.chat).messages if each.sender is team.bot.account]


def until_said(team: Team, words: str, chat: Conversation | None = None) -> ChatMessage:
    """Wait until a message of the bot holds these words."""
    eventually(lambda: any(words in text for text in said(team, chat)))
    found = [each for each in (chat or team.chat).messages if each.sender is team.bot.account and words in each.text]
    return found[-1]


def test_commands_are_answered_below_what_was_asked(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad) as house, house.listening():
        asked = squad.ann.says(squad.chat, "/sync@story_bot")
        result = until_said(squad, "8 added")
        assert result.reply_to is asked
        assert result.edits, "it told how far it was before"
        squad.ben.says(squad.chat, "/next")
        until_said(squad, "waits since")
        assert len(squad.cards()) == 1
        squad.ben.says(squad.chat, "/queue")
        until_said(squad, "1 post waits")
        squad.ben.says(squad.chat, "/pause")
        until_said(squad, "Sorry, /pause is for admins. Ann can help.")
        squad.ben.says(squad.chat, "/queue@another_bot")
        squad.ben.says(squad.chat, "nice one")
        squad.ann.says(squad.chat, "/whoami")
        until_said(squad, "Role: admin")
        assert len([text for text in said(squad) if "post waits" in text]) == 1


def test_a_switch_changes_where_it_stands(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, telegram={"quiet_hours": "22:00-07:00"}) as house, house.listening():
        squad.ann.says(squad.chat, "/settings")
        shown = until_said(squad, "Posting: on")
        assert "Quiet hours: 22:00-07:00" in shown.text
        squad.ben.taps(shown, "Pause posting")
        eventually(squad.server.answers)
        assert squad.server.answers()[0].text == "Sorry, that is for admins. Ann can help."
        squad.ann.taps(shown, "Pause posting")
        eventually(lambda: "Posting: paused" in shown.text)
        assert "Resume posting" in shown.labels
        assert house.storyline.desk("team").accounts()[0].paused


def test_strange_chats_get_silence(sqlite_url: str, squad: Team) -> None:
    elsewhere = squad.server.chat("supergroup", "Elsewhere", members=[squad.ann], bots=[squad.bot])
    with opened_house(sqlite_url, squad) as house, house.listening():
        for command in ("/start", "/help", "/queue", "/whoami"):
            squad.ann.says(elsewhere, command)
        squad.ann.says(squad.chat, "/whoami")
        until_said(squad, "Role: admin")
        assert said(squad, elsewhere) == []


def _with_uploads(squad: Team) -> dict[str, object]:
    # In a group, a bot hears of files only with its privacy mode off, or as an administrator.
    squad.bot.privacy = False
    return {"upload_chat": squad.admins.id, "upload_into": "photos/sent"}


def test_pictures_that_are_sent_are_added_and_each_is_answered(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad, telegram=_with_uploads(squad)) as house, house.listening():
        house.storyline.sync("photos")
        sent = [squad.ann.sends_document(squad.admins, f"{number}.jpg", picture(60 + number)) for number in range(4)]
        for number, message in enumerate(sent):
            answer = until_said(squad, f"sent/{number}.jpg was added to photos.", squad.admins)
            assert answer.reply_to is message
        squad.ann.sends_document(squad.admins, "again.jpg", picture(60))
        until_said(squad, "again.jpg is known already: it is photos: sent/0.jpg", squad.admins)
        squad.ann.sends_photo(squad.admins, picture(70))
        until_said(squad, "send it again as a file", squad.admins)
        squad.ann.sends_document(squad.admins, "notes.pdf", b"%PDF")
        until_said(squad, "notes.pdf was not added", squad.admins)
        files = house.memory.folder().files
        assert {path: files[path].content for path in files if path.startswith("sent/")} == {
            f"sent/{number}.jpg": picture(60 + number) for number in range(4)
        }
        with house.storyline.read() as unit:
            added = [each for each in unit.library.items(source="photos") if each.folder == "sent"]
        assert {each.added_by for each in added} == {f"telegram:{squad.ann.id}"}


def test_files_in_the_teams_chat_are_nobodys_business(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, telegram=_with_uploads(squad)) as house, house.listening():
        squad.ann.sends_document(squad.chat, "a.jpg", picture(60))
        squad.ann.says(squad.chat, "/whoami")
        until_said(squad, "Role: admin")
        assert "a.jpg" not in " ".join(said(squad))
        assert not [path for path in house.memory.folder().files if path.startswith("sent/")]


def test_a_member_may_not_add_pictures(sqlite_url: str, squad: Team) -> None:
    settings = _with_uploads(squad) | {"upload_chat": squad.chat.id}
    with opened_house(sqlite_url, squad, telegram=settings) as house, house.listening():
        squad.ben.sends_document(squad.chat, "a.jpg", picture(60))
        until_said(squad, "Sorry, that is for admins. ")
        assert "a.jpg" not in house.memory.folder().files


def test_the_admin_chat_hears_that_it_runs_and_that_it_stopped(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        with house.listening():
            until_said(squad, "is running for main", squad.admins)
        until_said(squad, "Storyline has stopped", squad.admins)


def test_the_digest_comes_to_the_admin_chat_even_from_a_cron_job(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, telegram={"digest": "20:00"}) as house:
        house.first_card()
        house.clock.at = house.clock.at.replace(hour=18, minute=1)
        house.storyline.tick()
        house.storyline.tick()
    assert [text for text in said(squad, squad.admins) if "Fri 1 May" in text and "main" in text] != []
    assert len([text for text in said(squad, squad.admins) if text.startswith("main, Fri 1 May")]) == 1


def test_what_is_quick_is_answered_while_a_sync_runs(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, pictures=400) as house, house.listening():
        squad.ann.says(squad.chat, "/sync")
        squad.ben.says(squad.chat, "/whoami")
        until_said(squad, "Role: member")
        until_said(squad, "400 added")
