"""`storyline telegram test` and `chats`, as the command line runs them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storyline_runner.__main__ import main
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import TOKEN, Team

SETTINGS = """
[sources.photos]
kind = "local"
path = "pictures"

[notifiers.team]
kind = "telegram"
token = {{ env = "BOT_TOKEN" }}
chat = {chat}
admin_chat = {admins}
api_url = "{server}"
{more}

[accounts.main]
sources = ["photos"]
notifier = "team"
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command line in a folder of its own."""
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("STORYLINE_") or name == "DATABASE_URL"]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    handlers = {name: logging.getLogger(name).handlers[:] for name in ("", "storyline")}
    levels = {name: logging.getLogger(name).level for name in handlers}

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        return (code, *capsys.readouterr())

    yield call
    for name, before in handlers.items():
        logging.getLogger(name).handlers[:] = before
        logging.getLogger(name).setLevel(levels[name])


def settings(squad: Team, more: str = "", chat: int | None = None) -> None:
    number = squad.chat.id if chat is None else chat
    text = SETTINGS.format(chat=number, admins=squad.admins.id, server=squad.server.address, more=more)
    Path("storyline.toml").write_text(text)


def test_what_works_is_said_and_the_test_card_is_gone(command: Command, squad: Team) -> None:
    settings(squad)
    code, out, err = command("telegram", "test")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "team: @story_bot reaches Team, Admins",
        "team: A test card was sent to 2 places and deleted again.",
    ]
    assert all(message.deleted for message in squad.chat.everything.values())


def test_a_wrong_token_is_told_with_what_to_do(command: Command, squad: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(squad)
    monkeypatch.setenv("BOT_TOKEN", "999999:" + "A" * 35)
    code, out, _ = command("telegram", "test", "team")
    assert code == 1
    assert out.startswith("team: wrong. ")
    assert "token" in out
    assert "AAAA" not in out


def test_a_chat_that_the_bot_is_not_in_is_told(command: Command, squad: Team, api: BotApi) -> None:
    strange = api.chat("supergroup", "Strange", members=[squad.ann])
    settings(squad, chat=strange.id)
    code, out, _ = command("telegram", "test")
    assert code == 1
    assert out.startswith("team: wrong. ")
    assert str(strange.id) in out or "chat" in out


def test_a_bot_that_hears_of_no_files_is_told(command: Command, squad: Team) -> None:
    settings(squad, f'upload_chat = {squad.admins.id}\nupload_into = "photos"')
    code, out, _ = command("telegram", "test")
    assert code == 1
    assert "does not hear of files in Admins. Make it an administrator there" in out
    squad.bot.privacy = False
    code, out, _ = command("telegram", "test")
    assert code == 0
    assert "Files sent in Admins are heard of." in out


def test_a_name_that_is_no_notifier_in_telegram(command: Command, squad: Team) -> None:
    settings(squad)
    code, _, err = command("telegram", "test", "nobody")
    assert code == 1 or code == 2
    assert "There is no notifier nobody in the settings (in Telegram: team)" in err


def test_the_chats_that_were_seen_are_listed_and_nothing_is_taken_away(command: Command, squad: Team) -> None:
    settings(squad, chat=0)
    code, out, _ = command("telegram", "chats")
    assert (code, "no chat yet" in out) == (0, True)
    forum = squad.server.chat("supergroup", "Forum", members=[squad.ann], bots=[squad.bot], topics={7: "Stories"})
    squad.ann.says(squad.chat, "/start")
    squad.ann.says(forum, "/start", thread=7)
    squad.ann.says(squad.chat, "/queue")
    code, out, _ = command("telegram", "chats")
    assert code == 0
    assert f"{squad.chat.id}  supergroup  Team" in out
    assert f"{forum.id}  supergroup  Forum  topics 7" in out
    code, out, _ = command("telegram", "chats", "--json")
    [team, second] = json.loads(out)["chats"]
    assert team == {
        "notifier": "team",
        "id": squad.chat.id,
        "kind": "supergroup",
        "title": "Team",
        "topics": [],
        "inside": True,
    }
    assert second["topics"] == [7]


def test_both_are_in_the_help(command: Command, squad: Team) -> None:
    settings(squad)
    code, out, _ = command("telegram", "--help")
    assert code == 0
    assert "test" in out
    assert "chats" in out
