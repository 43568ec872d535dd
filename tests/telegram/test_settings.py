"""What people write under [notifiers.NAME], and what they are told when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from storyline_core import SettingsError, load, load_plugins
from storyline_telegram.opened import line_of, places_of, quiet_of
from storyline_telegram.plugin import Telegram
from storyline_telegram.routes import Place

WHOLE = """
[notifiers.team]
kind = "telegram"
token = { env = "BOT_TOKEN" }
chat = -1001234567890
topic = 5
admin_chat = -1009
upload_chat = 77
upload_into = "photos"
routes = [
  { chat = -1007, topic = 3, accounts = ["shop"] },
  { chat = -1008, categories = ["cats"], tags = ["sale"] },
]
quiet_hours = "22:00-08:00"
zone = "Europe/Berlin"
template = "<b>{title}</b>"
digest = "20:00"
patience = "3s"

[notifiers.team.webhook]
url = "https://stories.example.com/hook"
secret = { env = "HOOK_SECRET" }
port = 9000
"""
ENVIRONMENT = {"BOT_TOKEN": "1:a", "HOOK_SECRET": "s3cret_-", "ODD_SECRET": "with blanks"}


def read(text: str, folder: Path) -> Telegram:
    path = folder / "storyline.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{folder}/storyline.db"\n{text}')
    options = load(path, ENVIRONMENT, load_plugins()).notifiers["team"].options
    assert isinstance(options, Telegram)
    return options


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = read(WHOLE, tmp_path)
    places, quiet, line = places_of(settings), quiet_of(settings), line_of(settings)
    assert (places.main, places.admin, places.upload) == (Place(-1001234567890, 5), Place(-1009), Place(77))
    assert places.chats() == (-1001234567890, -1009, 77, -1007, -1008)
    assert quiet is not None
    assert (str(quiet.zone), quiet.hold) == ("Europe/Berlin", False)
    assert settings.webhook is not None
    assert (settings.webhook.bind, settings.webhook.port) == ("127.0.0.1", 9000)
    assert line.token == "1:a"
    assert "1:a" not in repr(line) + repr(settings)


def test_little_is_enough(tmp_path: Path) -> None:
    settings = read('[notifiers.team]\nkind = "telegram"\ntoken = { env = "BOT_TOKEN" }\nchat = -5\n', tmp_path)
    assert places_of(settings).chats() == (-5,)
    assert quiet_of(settings) is None
    assert settings.api_url == "https://api.telegram.org"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('quiet_hours = "22:00-08:00"', 'quiet_hours = "22-8"', "notifiers.team: quiet_hours: '22-8' is not a window"),
        ('digest = "20:00"', 'digest = "8 pm"', "notifiers.team: digest: '8 pm' is no time of day"),
        ('template = "<b>{title}</b>"', 'template = "<b>{titel}</b>"', "there is no field {titel}"),
        ('upload_into = "photos"', "", "an upload chat needs the source"),
        ("https://stories.example.com/hook", "http://stories.example.com/hook", "pushes to https addresses only"),
        ('{ env = "HOOK_SECRET" }', '{ env = "ODD_SECRET" }', "letters, digits, _ and -"),
        ("port = 9000", "port = 90000", "notifiers.team.webhook: port: this must lie between 1 and 65535."),
        ('patience = "3s"', 'api_url = "api.telegram.org"', "is no web address"),
        ('patience = "3s"', 'upload_within = "1h"', "upload_within: this must lie between 1s and 4m."),
        ("chat = -1007", 'chat = "@cats"', "notifiers.team.routes"),
    ],
)
def test_a_mistake_is_told_with_its_place_before_anything_starts(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in WHOLE
    with pytest.raises(SettingsError) as caught:
        read(WHOLE.replace(was, now, 1), tmp_path)
    assert said in str(caught.value)
    assert "with blanks" not in str(caught.value)


TWO = """
[notifiers.first]
kind = "telegram"
token = { env = "BOT_TOKEN" }
chat = -5

[notifiers.second]
kind = "telegram"
token = { env = "OTHER_TOKEN" }
chat = -6
"""


def test_two_notifiers_with_one_bot_are_refused_and_both_are_named(tmp_path: Path) -> None:
    path = tmp_path / "storyline.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/storyline.db"\n{TWO}')
    load(path, ENVIRONMENT | {"OTHER_TOKEN": "2:b"}, load_plugins())
    with pytest.raises(SettingsError) as caught:
        load(path, ENVIRONMENT | {"OTHER_TOKEN": "1:a"}, load_plugins())
    [problem] = caught.value.problems
    assert problem.path == "notifiers.second.token"
    assert problem.message == "[notifiers.first] and [notifiers.second] have the same token."
    assert "Give each a bot of its own" in problem.remedy
    assert "1:a" not in str(caught.value)
