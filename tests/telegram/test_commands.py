"""Commands are read as people type them, and everybody sees what they may do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_telegram.commands import COMMANDS, Who, commands_for, may, read_call


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("/queue@MyBot main 5", "queue", ("main", "5")),
        ("/Queue@mybot", "queue", ()),
        ("/pending", "queue", ()),
        ("/posted main", "history", ("main",)),
        ("/start", "help", ()),
        ("/queue\nmain", "queue", ("main",)),
        ("/queue   Über-uns ", "queue", ("Über-uns",)),
    ],
)
def test_a_command_is_read(text: str, name: str, words: tuple[str, ...]) -> None:
    call = read_call(text, "@MyBot")
    assert call is not None
    assert call.command is not None
    assert (call.command.name, call.words) == (name, words)


@pytest.mark.parametrize(
    "text", ["", "queue", " /queue", "/queue@OtherBot", "/", "/ queue", "/que-ue", None, 7, b"/queue"]
)
def test_what_is_no_command_for_this_bot_is_left_alone(text: object) -> None:
    assert read_call(text, "MyBot") is None


def test_an_unknown_command_is_known_by_its_name() -> None:
    call = read_call("/dance now", "MyBot")
    assert call is not None
    assert (call.command, call.name, call.words) == (None, "dance", ("now",))


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read_call(text, "MyBot")
    read_call(f"/{text}", "MyBot")


def test_everybody_sees_what_they_may_do() -> None:
    seen = {role: {each.name for each in commands_for(role)} for role in (None, "member", "admin")}
    assert seen[None] == {"whoami", "help"}
    assert seen["admin"] - seen["member"] == {"settings", "sync", "pause", "resume"}
    assert {each.name for each in commands_for("admin", backfill=True)} - seen["admin"] == {"backfill"}
    assert all(may(each, "member") for each in COMMANDS if each.who is not Who.ADMIN)
    assert not may(COMMANDS[0], "owner")


def test_telegram_takes_every_command() -> None:
    names = [name for each in COMMANDS for name in (each.name, *each.also)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9_]{1,32}", name) for name in names)
    assert all(3 <= len(each.summary) <= 256 for each in COMMANDS)
