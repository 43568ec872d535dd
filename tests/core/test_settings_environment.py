"""Every setting can come from the environment, so that a hosted service runs without a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Mode, SettingsError
from storyline_core.settings import LogLevel, Secret, Settings, describe_settings, load, settings_from
from storyline_core.settings.environment import read_dotenv
from tests.core.settings_kinds import KINDS, Brand, Chat, Folder, Host

FILE = """
[database]
url = "sqlite:///file.db"

[sources.my-photos]
kind = "local"
path = "pictures"

[notifiers.team]
kind = "terminal"

[accounts.main]
sources = ["my-photos"]
notifier = "team"
mix = { "Old Memes" = 1, merch = 2 }

[accounts.main_two]
sources = ["my-photos"]
notifier = "team"
"""


def read(environment: Mapping[str, str], text: str = FILE) -> Settings:
    return settings_from(tomllib.loads(text), environment, KINDS, directory=Path("/srv/app"))


def told(environment: Mapping[str, str], text: str = FILE) -> str:
    with pytest.raises(SettingsError) as error:
        read(environment, text)
    return str(error.value)


def test_a_hosted_program_needs_no_file() -> None:
    settings = read(
        {
            "DATABASE_URL": "postgres://ada:pw@db:5432/stories?sslmode=require",
            "STORYLINE_SECRET_KEY": "k" * 32,
            "STORYLINE_LOG_LEVEL": "warning",
            "STORYLINE_SOURCES_PHOTOS_KIND": "local",
            "STORYLINE_SOURCES_PHOTOS_PATH": "/data",
            "STORYLINE_SOURCES_PHOTOS_MARKER": "no",
            "STORYLINE_SOURCES_PHOTOS_SYNC_INTERVAL": "10m",
            "STORYLINE_NOTIFIERS_TEAM_KIND": "telegram",
            "STORYLINE_NOTIFIERS_TEAM_TOKEN": "123:abc",
            "STORYLINE_NOTIFIERS_TEAM_CHAT": "-100",
            "STORYLINE_NOTIFIERS_TEAM_ROUTES_MEMES": "7",
            "STORYLINE_PUBLISHERS_BRAND_KIND": "instagram",
            "STORYLINE_PUBLISHERS_BRAND_ACCOUNT_ID": "1784",
            "STORYLINE_PUBLISHERS_BRAND_SHARE": "0.5",
            "STORYLINE_PUBLISHERS_BRAND_HASHTAGS": "#a, #b",
            "STORYLINE_PUBLISHERS_BRAND_HOST_KIND": "s3",
            "STORYLINE_PUBLISHERS_BRAND_HOST_API_KEY": "api",
            "STORYLINE_ACCOUNTS_MAIN_SOURCES": "photos",
            "STORYLINE_ACCOUNTS_MAIN_NOTIFIER": "team",
            "STORYLINE_ACCOUNTS_MAIN_PUBLISHER": "brand",
            "STORYLINE_ACCOUNTS_MAIN_MODE": "hybrid",
            "STORYLINE_ACCOUNTS_MAIN_MIX": "memes=70, merch=30",
            "STORYLINE_ACCOUNTS_MAIN_DRY_RUN": "true",
        },
        "",
    )
    assert settings.database_url == "postgresql://ada:pw@db:5432/stories?sslmode=require"
    assert settings.secret_key == Secret("k" * 32)
    assert settings.log.level is LogLevel.WARNING
    assert settings.sources["photos"].options == Folder(Path("/data"), marker=False)
    assert settings.sources["photos"].sync_interval == timedelta(minutes=10)
    assert settings.notifiers["team"].options == Chat(Secret("123:abc"), -100, routes={"memes": 7})
    assert settings.publishers["brand"].options == Brand(
        "1784", Host(Secret("api"), "s3"), hashtags=("#a", "#b"), share=0.5
    )
    account = settings.accounts["main"]
    assert (account.sources, account.mode, account.dry_run) == (("photos",), Mode.HYBRID, True)
    assert account.mix.weights == {"memes": 70, "merch": 30}


def test_the_environment_wins_over_the_file_and_says_so() -> None:
    settings = read({"STORYLINE_DATABASE_URL": "sqlite:///other.db", "STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY": "5"})
    assert settings.database_url == "sqlite:////srv/app/other.db"
    assert settings.accounts["main"].schedule.posts_per_day == 5
    assert settings.notes == ("database.url is taken from STORYLINE_DATABASE_URL, not from the settings file.",)


def test_database_url_counts_only_where_nothing_else_speaks_and_is_not_ignored_silently() -> None:
    settings = read({"DATABASE_URL": "postgresql://h/other"})
    assert settings.database_url == "sqlite:////srv/app/file.db"
    [note] = settings.notes
    assert note.startswith(
        "DATABASE_URL is set but not used, because database.url in the settings file says otherwise."
    )
    both = {"DATABASE_URL": "postgresql://h/other", "STORYLINE_DATABASE_URL": "postgresql://h/mine"}
    assert read(both, "").database_url == "postgresql://h/mine"


def test_names_are_compared_as_variables_are_spelt() -> None:
    settings = read(
        {
            "STORYLINE_SOURCES_MY_PHOTOS_WATCH": "off",
            "STORYLINE_ACCOUNTS_MAIN_TWO_POSTS_PER_DAY": "7",
            "STORYLINE_ACCOUNTS_MAIN_MIX_OLD_MEMES": "9",
            "STORYLINE_ACCOUNTS_MAIN_MIX_NEW": "3",
        }
    )
    assert settings.sources["my-photos"].watch is False
    assert list(settings.accounts) == ["main", "main_two"]
    assert settings.accounts["main_two"].schedule.posts_per_day == 7
    assert settings.accounts["main"].mix.weights == {"Old Memes": 9, "merch": 2, "new": 3}


def test_two_names_that_are_spelt_alike_are_a_clear_error() -> None:
    text = '[sources.a-b]\nkind = "local"\npath = "x"\n[sources.a_b]\nkind = "local"\npath = "x"'
    assert told({"STORYLINE_SOURCES_A_B_PATH": "y"}, text) == (
        "STORYLINE_SOURCES_A_B_PATH: this variable can mean sources.a-b.path and sources.a_b.path. "
        "Rename one of them, or set it in the file."
    )


@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("STORYLINE_DATBASE_URL", "Did you mean STORYLINE_DATABASE_URL?"),
        ("STORYLINE_ACCOUNTS_MAIN_POST_PER_DAY", "Did you mean STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY?"),
        ("STORYLINE_LOG_COLOUR", "Correct its name, or remove it."),
        ("STORYLINE_SOURCES_OTHER_PATH", "Correct its name, or remove it."),
    ],
)
def test_a_variable_that_stands_for_nothing_is_told(variable: str, advice: str) -> None:
    assert told({variable: "1"}) == f"{variable}: this variable stands for no setting. {advice}"


def test_variables_that_are_not_settings_are_left_alone() -> None:
    others = {"STORYLINE_PORT_8080_TCP": "tcp://10.0.0.1", "STORYLINE_CONFIG": "x", "STORYLINE_TEST_POSTGRES": "x"}
    assert read(others) == read({})
    assert read({"STORYLINE_LOG_LEVEL": "", "DATABASE_URL": ""}) == read({}), "an empty variable counts as not set"


def test_a_wrong_value_names_its_variable_and_no_secret_is_quoted() -> None:
    text = told({"STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY": "many", "STORYLINE_ACCOUNTS_MAIN_MIX_MERCH": "0"})
    assert text == (
        "accounts.main.mix.merch: a share must be 1 or more, not 0 (set by STORYLINE_ACCOUNTS_MAIN_MIX_MERCH). "
        "Leave the category out if it is not to be posted.\n"
        "accounts.main.posts_per_day: this must be a whole number, not 'many' "
        "(set by STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY)."
    )
    assert "hunter2" not in told({"STORYLINE_DATABASE_URL": "postgres://u:hunter2@h"})
    assert "hunter2" not in told({"STORYLINE_SECRET_KEY": "hunter2"})


def test_lists_and_tables_may_be_written_as_in_the_file() -> None:
    settings = read(
        {"STORYLINE_ACCOUNTS_MAIN_MIX": '{ "a b" = 1 }', "STORYLINE_ACCOUNTS_MAIN_CATEGORIES": '["a b", "c"]'}
    )
    assert settings.accounts["main"].mix.weights == {"a b": 1}
    assert settings.accounts["main"].categories == ("a b", "c")
    assert "this is not a TOML list or table" in told({"STORYLINE_ACCOUNTS_MAIN_MIX": "{ a = "})


@pytest.mark.parametrize("field", [field for field in describe_settings() if "NAME" not in field.path])
def test_every_plain_setting_has_its_variable(field: object, tmp_path: Path) -> None:
    """A value that cannot be meant is complained about under the setting's own path, so the variable reached it."""
    variable, path = field.variable, field.path  # type: ignore[attr-defined]
    if path == "log.file":
        assert read({variable: "x.log"}).log.file == Path("/srv/app/x.log")
    elif path == "backups.directory":
        assert read({variable: "b"}).backups.directory == Path("/srv/app/b")
    else:
        assert told({variable: "?"}).replace("[0]: ", ": ").startswith(f"{path}: ")


def test_a_dotenv_file_beside_the_settings_is_read_and_the_real_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "storyline.toml").write_text(
        '[notifiers.a]\nkind = "telegram"\nchat = 1\ntoken = { env = "TOKEN" }\n[log]\nlevel = "error"'
    )
    (tmp_path / ".env").write_text("# tokens\nTOKEN='from file'\nexport STORYLINE_LOG_LEVEL=debug # loud\n")
    settings = load(tmp_path / "storyline.toml", {}, KINDS)
    assert settings.notifiers["a"].options == Chat(Secret("from file"), 1)
    assert settings.log.level is LogLevel.DEBUG
    settings = load(tmp_path / "storyline.toml", {"TOKEN": "real", "STORYLINE_LOG_LEVEL": "info"}, KINDS)
    assert settings.notifiers["a"].options == Chat(Secret("real"), 1)
    assert settings.log.level is LogLevel.INFO
    assert load(None, {}, KINDS, directory=tmp_path).log.level is LogLevel.DEBUG


def test_a_line_of_dotenv_that_cannot_be_read_is_told_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nhunter2 is my password\n")
    with pytest.raises(SettingsError) as error:
        load(None, {}, KINDS, directory=tmp_path)
    assert str(error.value) == f"{tmp_path / '.env'}:2: this line cannot be read. Write NAME=value."


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b c ", "b c"),
        ("A=", ""),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A='b # c' # d", "b # c"),
        ('A="b\\n\\"c\\""', 'b\n"c"'),
        ("A='b\\n'", "b\\n"),
        ("export A=b=c", "b=c"),
        ("A='", "'"),
    ],
)
def test_forms_of_a_dotenv_line(line: str, value: str) -> None:
    assert read_dotenv(line, ".env") == ({"A": value}, [])


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=30))
def test_no_line_of_dotenv_is_too_odd(line: str) -> None:
    values, problems = read_dotenv(line, ".env")
    assert len(values) + len(problems) <= 1


@given(
    st.dictionaries(
        st.sampled_from([field.variable.replace("NAME", "MAIN") for field in describe_settings()] + ["DATABASE_URL"]),
        st.sampled_from(
            ["", "1", "x", "true", "2h", "{", "[", "a=1", "09:00-21:00", "local", "terminal", "sqlite:///a"]
        ),
        max_size=6,
    )
)
def test_any_environment_is_settings_or_problems(environment: dict[str, str]) -> None:
    outcome = _outcome(environment)
    if isinstance(outcome, SettingsError):
        assert outcome.problems
        assert all(problem.message for problem in outcome.problems)


def _outcome(environment: dict[str, str]) -> Settings | SettingsError:
    try:
        return read(environment)
    except SettingsError as error:
        return error
