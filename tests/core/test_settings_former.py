"""Settings that were renamed, are gone, or go by another name elsewhere: whoever writes them is told what to write."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
import pytest

from storyline_core import SettingsError
from storyline_core.settings import load
from storyline_core.settings.conversion import keys_of
from storyline_core.settings.former import GONE, GONE_TABLES, former_names, instead_of
from storyline_core.settings.sections import FORMERLY, NAMED, PLAIN, AccountSection, SourceSection
from storyline_core.settings.tree import leaves_of
from tests.core.settings_kinds import KINDS

RIGHT = """\
[sources.photos]
kind = "local"
path = "/x"
{source}
[notifiers.team]
kind = "terminal"
[accounts.main]
sources = ["photos"]
notifier = "team"
{account}
"""
NOT_THERE = "there is no such setting."


def told(tmp_path: Path, text: str, **environment: str) -> str:
    """What is wrong with these settings."""
    file = tmp_path / "storyline.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file, environment, KINDS)
    return "\n".join(str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ('cooldown_posted = "30d"', "Write cooldown.posted instead."),
        ('cooldown_skipped = "30d"', "Write cooldown.skipped instead."),
        ("cooldown_days = 30", 'Write cooldown.posted = "30d" and cooldown.skipped = "45d" instead.'),
        ("per_day = 4", "Write posts_per_day instead."),
        ("Posts-A-Day = 4", "Write posts_per_day instead."),
        ('tz = "Europe/Berlin"', "Write timezone instead."),
        ('time_zone = "Europe/Berlin"', "Write timezone instead."),
        ('hours = "9-21"', "Write window instead."),
        ("posting_hours_start = 9", 'Write window = "09:00-21:00" instead.'),
        ("jitter_minutes = 5", 'Write jitter = "30m" instead.'),
        ("enabled = false", "This is no setting but a switch: storyline pause --account NAME, and resume."),
        ("schedule.posts_per_day = 3", "Write its keys here: posts_per_day, window, timezone, jitter."),
        ("posts_per_dya = 3", "Did you mean 'posts_per_day'?"),
    ],
)
def test_an_account_says_what_to_write_instead(tmp_path: Path, line: str, instead: str) -> None:
    key = line.partition(" ")[0].partition(".")[0]
    text = RIGHT.format(source="", account=line)
    assert told(tmp_path, text) == f"accounts.main.{key}: {NOT_THERE} {instead}"


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ('interval = "5m"', "Write sync_interval instead."),
        ('poll_interval = "5m"', "Write sync_interval instead."),
        ("interval_minutes = 5", 'Write sync_interval = "5m" instead.'),
        ("disabled = true", "Write enabled = false instead."),
        ("paused = true", "Write enabled = false, or switch it: storyline sources pause NAME."),
    ],
)
def test_a_source_does_so_among_the_options_of_its_kind(tmp_path: Path, line: str, instead: str) -> None:
    key = line.partition(" ")[0]
    text = RIGHT.format(source=line, account="")
    assert told(tmp_path, text) == f"sources.photos.{key}: {NOT_THERE} {instead}"


def test_a_type_is_a_kind(tmp_path: Path) -> None:
    text = RIGHT.format(source="", account="").replace('kind = "local"', 'type = "local"')
    assert told(tmp_path, text) == (
        f"sources.photos.kind: this is needed and missing.\nsources.photos.type: {NOT_THERE} Write kind instead."
    )


def test_a_kind_is_no_table(tmp_path: Path) -> None:
    text = RIGHT.format(source="", account="") + '\n[telegram]\ntoken = "x"\n[schedule]\nper_day = 3\n'
    assert told(tmp_path, text) == (
        "schedule: there is no such table in the settings. "
        "Write its keys under [accounts.NAME]: posts_per_day, window, timezone, jitter.\n"
        'telegram: there is no such table in the settings. Write it under [notifiers.NAME], with kind = "telegram".'
    )


def test_a_variable_says_so_too(tmp_path: Path) -> None:
    text = RIGHT.format(source="", account="")
    assert told(tmp_path, text, STORYLINE_ACCOUNTS_MAIN_TZ="UTC", STORYLINE_SOURCES_PHOTOS_INTERVAL="5m") == (
        "STORYLINE_ACCOUNTS_MAIN_TZ: this variable stands for no setting. "
        "Set STORYLINE_ACCOUNTS_MAIN_TIMEZONE instead.\n"
        "STORYLINE_SOURCES_PHOTOS_INTERVAL: this variable stands for no setting. "
        "Set STORYLINE_SOURCES_PHOTOS_SYNC_INTERVAL instead."
    )


def test_a_variable_that_is_gone_says_what_to_set(tmp_path: Path) -> None:
    text = RIGHT.format(source="", account="")
    gone = {
        "STORYLINE_LOG_JSON": "Set STORYLINE_LOG_FORMAT=json instead.",
        "STORYLINE_SOURCES_PHOTOS_DISABLED": "Set STORYLINE_SOURCES_PHOTOS_ENABLED=false instead.",
        "STORYLINE_ACCOUNTS_MAIN_COOLDOWN_DAYS": (
            "Set STORYLINE_ACCOUNTS_MAIN_COOLDOWN_POSTED=30d and STORYLINE_ACCOUNTS_MAIN_COOLDOWN_SKIPPED=45d instead."
        ),
        "STORYLINE_ACCOUNTS_MAIN_PAUSED": (
            "This is no setting but a switch: storyline pause --account NAME, and resume."
        ),
        "STORYLINE_SCHEDULE_X": GONE_TABLES["schedule"],
    }
    lines = [f"{name}: this variable stands for no setting. {remedy}" for name, remedy in sorted(gone.items())]
    assert told(tmp_path, text, **dict.fromkeys(gone, "1")).splitlines() == lines


def test_a_variable_that_is_gone_may_come_before_its_entry(tmp_path: Path) -> None:
    variables = {
        "STORYLINE_ACCOUNTS_SIDE_PAUSED": "1",
        "STORYLINE_ACCOUNTS_SIDE_NOTIFIER": "team",
        "STORYLINE_ACCOUNTS_SIDE_SOURCES": "photos",
    }
    assert told(tmp_path, RIGHT.format(source="", account=""), **variables) == (
        "STORYLINE_ACCOUNTS_SIDE_PAUSED: this variable stands for no setting. "
        "This is no setting but a switch: storyline pause --account NAME, and resume."
    )


@attrs.frozen
class Album:
    """Options of a kind whose `interval` is its own."""

    path: str = attrs.field(metadata={FORMERLY: ("folder",)})
    interval: int = 0


def test_a_plugins_names_come_first() -> None:
    assert instead_of("folder", (Album, SourceSection)) == "Write path instead."
    assert instead_of("interval", (SourceSection,)) == "Write sync_interval instead."
    assert instead_of("nothing", (Album, SourceSection)) == ""


@pytest.mark.parametrize("schema", sorted({*PLAIN.values(), *NAMED.values()}, key=str))
def test_no_other_name_can_mean_two_settings_or_is_one(schema: type) -> None:
    names = [name for field in attrs.fields(schema) for name in former_names(field)]
    names += GONE.get(schema, {})
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert set(names) & set(keys_of(schema)) == set()
    assert all(name == name.casefold() and "-" not in name for name in names)


def test_what_is_named_instead_exists() -> None:
    tables = {*PLAIN, *NAMED}
    assert not tables & set(GONE_TABLES)
    known = {".".join(leaf.path) for leaf in leaves_of(AccountSection, ())}
    for remedy in GONE[AccountSection].values():
        words = remedy.removeprefix("Write ").split()
        if remedy.startswith("Write its keys"):
            assert set(remedy.partition(": ")[2].rstrip(".").split(", ")) <= known
        elif remedy.startswith("Write"):
            assert words[0] in known
