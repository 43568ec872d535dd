"""What counts of the settings, and where it came from."""

from __future__ import annotations

from pathlib import Path

from storyline_core import EffectiveSetting, effective_settings, load
from tests.core.settings_kinds import KINDS

FILE = """
[database]
url = "postgresql://ann:hunter2hunter2@db/stories?password=hunter2hunter2"

[sources.photos]
kind = "local"
path = "p"

[notifiers.team]
kind = "telegram"
token = { env = "TELEGRAM_TOKEN" }
chat = -100

[publishers.brand]
kind = "instagram"
account_id = "17"
[publishers.other]
kind = "instagram"
account_id = "18"
[publishers.brand.host]
api_key = { env = "HOST_KEY" }

[accounts.main]
sources = ["photos"]
notifier = "team"
posts_per_day = 4
mix = { memes = 70, merch = 30 }
"""
ENVIRONMENT = {"HOST_KEY": "open-sesame-42", "STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY": "5"}


def settled(folder: Path, environment: dict[str, str] = ENVIRONMENT) -> dict[str, EffectiveSetting]:
    """The settings by path, of a file that can be loaded, with a `.env` beside it."""
    file = folder / "storyline.toml"
    file.write_text(FILE)
    (folder / ".env").write_text("TELEGRAM_TOKEN=123456:top-secret-token\nSTORYLINE_LOG_LEVEL=debug\n")
    load(file, environment, KINDS)
    found = effective_settings(file, environment, KINDS)
    assert len({each.path for each in found}) == len(found)
    return {each.path: each for each in found}


def test_each_value_tells_where_it_came_from(tmp_path: Path) -> None:
    found = settled(tmp_path)
    facts = {path: (each.value, each.origin) for path, each in found.items()}
    assert facts["accounts.main.posts_per_day"] == ("5", "STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY")
    assert facts["log.level"] == ('"debug"', "STORYLINE_LOG_LEVEL in .env")
    assert facts["accounts.main.mix.memes"] == ("70", "the file")
    assert facts["accounts.main.grace"] == ('"1h"', "default")
    assert facts["accounts.main.cooldown.posted"] == ('"30d"', "default")
    assert facts["publishers.brand.host.kind"] == ('"cloudinary"', "default")


def test_a_table_that_was_left_out_says_nothing(tmp_path: Path) -> None:
    assert not any(path.startswith("publishers.other.host") for path in settled(tmp_path))


def test_secrets_are_masked_and_their_references_shown(tmp_path: Path) -> None:
    given = {"STORYLINE_NOTIFIERS_TEAM_TOKEN": "654321:another-secret-token"}
    found = settled(tmp_path, ENVIRONMENT | given)
    assert found["publishers.brand.host.api_key"].value == '{ env = "HOST_KEY" }'
    assert found["notifiers.team.token"].value == "***"
    assert found["database.url"].value == '"postgresql://ann:***@db/stories"'
    said = " ".join(f"{each.path} {each.value} {each.origin}" for each in found.values())
    assert not any(secret in said for secret in ("hunter2", "open-sesame", "top-secret", "another-secret"))
