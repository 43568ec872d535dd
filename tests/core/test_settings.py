"""A settings file is read into one frozen value, or every mistake in it is told at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Account, Mode, Schedule, SettingsError, Unanswered
from storyline_core.interfaces import AlertLevel, Contract
from storyline_core.plugins import load_plugins
from storyline_core.settings import (
    AlertSettings,
    BackfillMedia,
    BackfillSettings,
    BackupSettings,
    Entry,
    HealthSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    Secret,
    Settings,
    SourceEntry,
    describe_kind,
    describe_settings,
    duration_text,
    load,
    parse_duration,
    parse_window,
    parse_zone,
    settings_from,
    starter_toml,
)
from tests.core.settings_kinds import KINDS, Bell, Box, Brand, Chat, Fit, Folder, Host

COMPLETE = """
[database]
url = "sqlite:///storyline.db"

[log]
level = "debug"
format = "json"
file = "logs/storyline.log"

[secrets]
key = { env = "KEY" }

[sources.photos]
kind = "local"
path = "~/Stories"
sync_interval = "10m"
watch = false
enabled = false
renamed_from = "pictures"

[notifiers.team]
kind = "telegram"
token = { file = "token.txt" }
chat = -1001234567890
quiet = "8h"
routes = { memes = 5 }
renamed_from = "crew"

[notifiers.desk]
kind = "terminal"

[publishers.brand]
kind = "instagram"
account_id = "1784"
fit = "crop"
hashtags = ["#a", "#b"]
share = 0.5
renamed_from = "shop"
backfill = { into = "photos", every = "12h", media = "stories" }
[publishers.brand.host]
kind = "s3"
api_key = { env = "API" }

[publishers.box]
kind = "outbox"
path = "/srv/outbox"

[accounts.main]
sources = ["photos"]
categories = ["memes", "merch"]
notifier = "team"
publisher = "brand"
mode = "approve"
posts_per_day = 5
window = "22:00-02:00"
timezone = "Europe/Berlin"
jitter = "0m"
mix = { memes = 70, merch = 30 }
fill_ahead = "2d"
offer_ahead = "1h"
grace = "90m"
answer_within = "12h"
remind_after = "1h30m"
unanswered = "publish"
cooldown.posted = "60d"
cooldown.skipped = "20d"
dry_run = true
renamed_from = "first"

[backups]
directory = "/var/backups/storyline"
keep = "7d"
include_media = true

[alerts]
notifiers = ["desk", "team"]
level = "error"
levels = { desk = "info" }

[health]
port = 8790
bind = "0.0.0.0"
"""
VARIABLES = {"KEY": "k" * 32, "API": "api-secret", "HOME": "/home/ada"}


COMPLETE_ACCOUNT = Account(
    name="main",
    sources=("photos",),
    schedule=Schedule(5, time(22), time(2), parse_zone("Europe/Berlin"), timedelta(0)),
    mode=Mode.APPROVE,
    notifier="team",
    publisher="brand",
    categories=("memes", "merch"),
    mix=attrs.evolve(Account("x", ()).mix, weights={"memes": 70, "merch": 30}),
    fill_ahead=timedelta(days=2),
    offer_ahead=timedelta(hours=1),
    grace=timedelta(minutes=90),
    answer_within=timedelta(hours=12),
    remind_after=timedelta(minutes=90),
    unanswered=Unanswered.PUBLISH,
    cooldown_posted=timedelta(days=60),
    cooldown_skipped=timedelta(days=20),
    dry_run=True,
    renamed_from="first",
)


def read(text: str, environment: Mapping[str, str] | None = None, directory: Path = Path("/srv/app")) -> Settings:
    return settings_from(tomllib.loads(text), environment or {}, KINDS, directory=directory)


def told(text: str, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        read(text, environment)
    return str(error.value)


def test_a_complete_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("123:abc\n")
    file = tmp_path / "storyline.toml"
    file.write_text(COMPLETE)
    assert load(file, VARIABLES, KINDS) == Settings(
        database_url=f"sqlite:///{tmp_path}/storyline.db",
        log=LogSettings(LogLevel.DEBUG, LogFormat.JSON, tmp_path / "logs/storyline.log"),
        secret_key=Secret("k" * 32),
        sources=[
            SourceEntry(
                "photos", "local", Folder(Path("/home/ada/Stories")), timedelta(minutes=10), False, False, "pictures"
            )
        ],
        notifiers=[
            Entry(
                "team",
                "telegram",
                Chat(Secret("123:abc"), -1001234567890, timedelta(hours=8), {"memes": 5}),
                renamed_from="crew",
            ),
            Entry("desk", "terminal", Bell()),
        ],
        publishers=[
            Entry(
                "brand",
                "instagram",
                Brand("1784", Host(Secret("api-secret"), "s3"), Fit.CROP, ("#a", "#b"), 0.5),
                renamed_from="shop",
                backfill=BackfillSettings("photos", timedelta(hours=12), BackfillMedia.STORIES),
            ),
            Entry("box", "outbox", Box(Path("/srv/outbox"))),
        ],
        accounts=[COMPLETE_ACCOUNT],
        backups=BackupSettings(Path("/var/backups/storyline"), timedelta(days=7), True),
        alerts=AlertSettings(("desk", "team"), AlertLevel.ERROR, {"desk": AlertLevel.INFO}),
        health=HealthSettings(8790, "0.0.0.0"),
        directory=tmp_path,
    )


def test_every_documented_setting_is_read_by_something(tmp_path: Path) -> None:
    """Each key of the complete file is taken out in turn: either it is missed, or the outcome is another one."""
    (tmp_path / "token.txt").write_text("123:abc")
    whole = tomllib.loads(COMPLETE)
    before = settings_from(whole, VARIABLES, KINDS, directory=tmp_path)
    for field in describe_settings():
        names = {"sources": "photos", "notifiers": "team", "publishers": "brand", "accounts": "main"}
        path = field.path.replace("NAME", names.get(field.path.partition(".")[0], "")).split(".")
        if path == ["secrets", "key_file"]:
            continue  # the other way to give the key, below
        changed = tomllib.loads(COMPLETE)
        table = changed
        for step in path[:-1]:
            table = table[step]
        default = table.pop(path[-1], None)
        assert default is not None, f"{field.path} is not in the complete file"
        after = _outcome(changed, tmp_path)
        if isinstance(after, SettingsError):
            assert ".".join(path[:2]) in str(after)
        else:
            assert after != before or field.path == "database.url", f"{field.path} is read by nothing"


def _outcome(values: Mapping[str, object], directory: Path) -> Settings | SettingsError:
    try:
        return settings_from(values, VARIABLES, KINDS, directory=directory)
    except SettingsError as error:
        return error


def test_the_key_for_secrets_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("f" * 40 + "\n")
    assert read('[secrets]\nkey_file = "key"', directory=tmp_path).secret_key == Secret("f" * 40)
    (tmp_path / "key").write_text("too short")
    with pytest.raises(SettingsError, match=r"secrets\.key_file: a key for stored secrets needs 32 characters"):
        read('[secrets]\nkey_file = "key"', directory=tmp_path)


def test_without_anything_there_are_defaults() -> None:
    settings = read("")
    assert settings == Settings(
        database_url="sqlite:////srv/app/storyline.db",
        backups=BackupSettings(directory=Path("/srv/app/backups")),
        directory=Path("/srv/app"),
    )


def test_ten_lines_of_code_build_settings_without_a_file() -> None:
    settings = Settings(
        database_url="sqlite:////srv/stories.db",
        sources=[SourceEntry("photos", "local", Folder(Path("/srv/pictures")))],
        publishers=[Entry("out", "outbox", Box(Path("/srv/outbox")))],
        accounts=[Account("main", sources=("photos",), publisher="out", mode=Mode.AUTO)],
    )
    assert list(settings.sources) == ["photos"]
    assert settings.accounts["main"].schedule.posts_per_day == 3
    with pytest.raises(ValueError, match="two entries are named 'main'"):
        Settings("sqlite:///x", accounts=[Account("main", ("a",)), Account("main", ("b",))])


THREE_MISTAKES = """
[sources.photos]
kind = "local"
path = "~/Stories"
sync_interval = "30s"

[accounts.main]
sources = ["fotos"]
mode = "manual"
timezone = "Europe/Berln"
"""


def test_three_mistakes_are_three_problems_with_paths() -> None:
    assert told(THREE_MISTAKES) == (
        'accounts.main.mode: the mode "manual" needs a notifier. Set notifier, or choose another mode.\n'
        "accounts.main.sources[0]: there is no source 'fotos'. Did you mean 'photos'?\n"
        "accounts.main.timezone: there is no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?\n"
        "sources.photos.sync_interval: this must be 60s or more. Changes in between are followed with watch = true."
    )


ACCOUNT = """\
[sources.photos]
kind = "local"
path = "/x"
[notifiers.team]
kind = "terminal"
[accounts.main]
sources = ["photos"]
notifier = "team"
"""
MISTAKES = {
    "unknown table": ("[account.main]", "account: there is no such table in the settings. Did you mean 'accounts'?"),
    "unknown key": ('[log]\nlevl = "info"', "log.levl: there is no such setting. Did you mean 'level'?"),
    "unknown option": (
        '[sources.a]\nkind = "local"\npath = "x"\nmarkr = true',
        "sources.a.markr: there is no such setting. Did you mean 'marker'?",
    ),
    "misspelt core key": (
        '[sources.a]\nkind = "local"\npath = "x"\nwach = true',
        "sources.a.wach: there is no such setting. Did you mean 'watch'?",
    ),
    "unknown kind": (
        '[sources.a]\nkind = "locl"',
        "sources.a.kind: the kind 'locl' is not known. Did you mean 'local'?",
    ),
    "no kind": ("[sources.a]", "sources.a.kind: this is needed and missing."),
    "needed option": ('[sources.a]\nkind = "local"', "sources.a.path: this is needed and missing."),
    "no table": ("sources = 5", "sources: this must hold a table per name, such as [sources.main]."),
    "no named table": (
        '[sources]\nphotos = "~/x"',
        "sources.photos: this must be a table. Write it under [sources.photos].",
    ),
    "plain table": ("log = true", "log: this must be a table, not True."),
    "choice": (
        '[log]\nlevel = "verbose"',
        "log.level: this must be debug, info, warning or error, not 'verbose'.",
    ),
    "number": (ACCOUNT + 'posts_per_day = "3"', "accounts.main.posts_per_day: this must be a whole number, not '3'."),
    "truth is no number": (
        ACCOUNT + "posts_per_day = true",
        "accounts.main.posts_per_day: this must be a whole number, not True.",
    ),
    "too many posts": (ACCOUNT + "posts_per_day = 51", "accounts.main.posts_per_day: this must be from 1 to 50."),
    "no posts": (ACCOUNT + "posts_per_day = 0", "accounts.main.posts_per_day: this must be from 1 to 50."),
    "duration without a unit": (
        ACCOUNT + "jitter = 30",
        'accounts.main.jitter: this cannot be 30. Write a duration in quotes, such as "30m".',
    ),
    "negative duration": (
        ACCOUNT + 'jitter = "-5m"',
        'accounts.main.jitter: \'-5m\' is not a duration. Write a number and a unit, such as "30m", "2h" or "30d".',
    ),
    "empty window": (
        ACCOUNT + 'window = "09:00-09:00"',
        (
            "accounts.main.window: the window '09:00-09:00' opens and closes at the same time. "
            'For the whole day write "00:00-23:59".'
        ),
    ),
    "no window": (
        ACCOUNT + 'window = "9 to 5"',
        "accounts.main.window: '9 to 5' is not a window. Write two times of day, such as \"09:00-21:00\".",
    ),
    "hours that are none": (
        ACCOUNT + 'window = "09:00-25:00"',
        "accounts.main.window: '09:00-25:00' is not a window. Write two times of day, such as \"09:00-21:00\".",
    ),
    "share": (
        ACCOUNT + "mix = { memes = 0 }",
        (
            "accounts.main.mix.memes: a share must be 1 or more, not 0. "
            "Leave the category out if it is not to be posted."
        ),
    ),
    "share of a category that is left out": (
        ACCOUNT + 'categories = ["memes"]\nmix = { meme = 1 }',
        "accounts.main.mix.meme: this category is not among the account's categories. Did you mean 'memes'?",
    ),
    "no sources": (
        '[notifiers.team]\nkind = "terminal"\n[accounts.main]\nnotifier = "team"',
        "accounts.main.sources: this is needed and missing. Name at least one source.",
    ),
    "source twice": (
        ACCOUNT.replace('["photos"]', '["photos", "photos"]'),
        "accounts.main.sources[1]: the source 'photos' is named twice.",
    ),
    "notifier that is none": (
        ACCOUNT.replace('notifier = "team"', 'notifier = "crew"'),
        "accounts.main.notifier: there is no notifier 'crew'. Configure it under [notifiers.crew], or leave it out.",
    ),
    "publisher that is none": (
        ACCOUNT + 'publisher = "brand"',
        (
            "accounts.main.publisher: there is no publisher 'brand'. "
            "Configure it under [publishers.brand], or leave it out."
        ),
    ),
    "approve without a publisher": (
        ACCOUNT + 'mode = "approve"',
        'accounts.main.mode: the mode "approve" needs a publisher. Set publisher, or choose another mode.',
    ),
    "hybrid without anything": (
        ACCOUNT.replace('notifier = "team"', 'mode = "hybrid"'),
        (
            'accounts.main.mode: the mode "hybrid" needs a notifier and a publisher. '
            "Set notifier and publisher, or choose another mode."
        ),
    ),
    "auto without a publisher": (
        ACCOUNT + 'mode = "auto"',
        'accounts.main.mode: the mode "auto" needs a publisher. Set publisher, or choose another mode.',
    ),
    "unanswered without a publisher": (
        ACCOUNT + 'unanswered = "publish"',
        (
            "accounts.main.unanswered: publishing what nobody answered needs a publisher. "
            'Set publisher, or unanswered = "missed".'
        ),
    ),
    "shown before it is chosen": (
        ACCOUNT + 'offer_ahead = "2d"',
        (
            "accounts.main.offer_ahead: this must not be more than fill_ahead. "
            "What is not chosen yet cannot be shown: make fill_ahead longer, or offer_ahead shorter."
        ),
    ),
    "reminder after the end": (
        ACCOUNT + 'remind_after = "24h"',
        (
            "accounts.main.remind_after: this must be less than answer_within. "
            "Nobody would be reminded: make answer_within longer, or remind_after shorter."
        ),
    ),
    "renamed from itself": (
        '[notifiers.a]\nkind = "terminal"\nrenamed_from = "a"',
        "notifiers.a.renamed_from: this is its own name. Remove the line.",
    ),
    "renamed from one that is still there": (
        '[notifiers.a]\nkind = "terminal"\nrenamed_from = "b"\n[notifiers.b]\nkind = "terminal"',
        "notifiers.a.renamed_from: 'b' is still configured. Remove [notifiers.b], or this line.",
    ),
    "two renamed from one": (
        '[notifiers.a]\nkind = "terminal"\nrenamed_from = "c"\n[notifiers.b]\nkind = "terminal"\nrenamed_from = "c"',
        "notifiers.b.renamed_from: 'a' was renamed from 'c' as well. Keep one of the two.",
    ),
    "a name with a slash": (
        '[notifiers."a/b"]\nkind = "terminal"',
        "notifiers.a/b: this name cannot be used. Use letters, digits, - and _.",
    ),
    "a secret in the file": (
        '[notifiers.a]\nkind = "telegram"\nchat = 1\ntoken = "123:abc"',
        (
            "notifiers.a.token: a secret does not belong into the settings file. "
            'Write { env = "NAME" } or { file = "PATH" } instead.'
        ),
    ),
    "a secret that is not set": (
        '[notifiers.a]\nkind = "telegram"\nchat = 1\ntoken = { env = "TOKEN" }',
        ("notifiers.a.token: the environment variable TOKEN is not set. Set it, or write TOKEN=… into /srv/app/.env."),
    ),
    "a secret's file that is not there": (
        '[notifiers.a]\nkind = "telegram"\nchat = 1\ntoken = { file = "t" }',
        "notifiers.a.token: there is no file /srv/app/t. Write the secret into it, readable by you alone.",
    ),
    "no reference": (
        '[notifiers.a]\nkind = "telegram"\nchat = 1\ntoken = { envv = "T" }',
        (
            'notifiers.a.token: this is not a secret\'s reference. Write { env = "NAME" } or { file = "PATH" } '
            '(or { keyring = "NAME" } for the system\'s keyring).'
        ),
    ),
    "neither form": (
        '[notifiers.a]\nkind = "telegram"\nchat = 1.5\ntoken = { env = "KEY" }',
        "notifiers.a.chat: this must be a whole number, not 1.5, or this must be a text in quotes, not 1.5.",
    ),
    "inside a nested table": (
        '[publishers.a]\nkind = "instagram"\naccount_id = "1"\nhost = { kind = "s4", api_key = { env = "KEY" } }',
        "publishers.a.host.kind: this must be cloudinary or s3, not 's4'.",
    ),
    "a plugin's own check": (
        '[publishers.a]\nkind = "instagram"\naccount_id = "1"\nshare = 1.5',
        "publishers.a: 'share' must be <= 1.0: 1.5.",
    ),
    "another database": (
        '[database]\nurl = "mysql://u:secret@h/d"',
        (
            "database.url: this is not the address of a database that Storyline can use. "
            "Write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
        ),
    ),
    "a database in memory": (
        '[database]\nurl = "sqlite://"',
        "database.url: this names no file. Write sqlite:///storyline.db, or sqlite:////absolute/path/storyline.db.",
    ),
    "a server without a database": (
        '[database]\nurl = "postgresql://u:secret@h"',
        "database.url: this address names no database. End it with /NAME.",
    ),
    "an address that is none": (
        '[database]\nurl = "postgresql://u:se[cret@h/d"',
        "database.url: this address cannot be read. Special characters in the password are written as %XX.",
    ),
    "short backups": ('[backups]\nkeep = "1h"', "backups.keep: this must be 1d or more."),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_to_do(case: str) -> None:
    text, sentence = MISTAKES[case]
    assert told(text, {"KEY": "k"}) == sentence


def test_a_kind_of_a_broken_plugin_says_why(tmp_path: Path) -> None:
    class Misspelt:
        from storyline_core import hookimpl

        @hookimpl
        def storyline_notifers(self) -> list[object]:
            return []

    plugins = load_plugins(extra=[Misspelt()], entry_points=False)
    with pytest.raises(SettingsError) as error:
        settings_from({"notifiers": {"team": {"kind": "bell"}}}, {}, plugins, directory=tmp_path)
    assert str(error.value) == (
        "notifiers.team.kind: the kind 'bell' is not known. No kind of notifier is installed. Misspelt could not be "
        "used: it implements a hook that does not exist: storyline_notifers. Did its author mean storyline_notifiers?"
    )
    assert settings_from({}, {}, plugins, directory=tmp_path).notifiers == {}


def test_what_is_not_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "storyline.toml"
    for text, where in [
        ("[log]\nlevel = loud", "line 2, column 9"),
        ("[log]\n[log]", "line 2, column 5"),
        ('x = "', "the end of the file"),
    ]:
        file.write_text(text)
        with pytest.raises(SettingsError, match=f"{file}: this is not TOML, at {where}: "):
            load(file, {}, KINDS)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no such file\. `storyline init` writes one"):
        load(tmp_path / "storyline.toml", {}, KINDS)
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, {}, KINDS)
    (tmp_path / "latin.toml").write_bytes("# Gr\u00fc\u00dfe".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"not UTF-8 text \(byte 4\)"):
        load(tmp_path / "latin.toml", {}, KINDS)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "storyline.toml"
    file.write_bytes(b'\xef\xbb\xbf[log]\nlevel = "debug"')
    assert load(file, {}, KINDS).log.level is LogLevel.DEBUG


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("123:token-text")
    text = COMPLETE.replace("sqlite:///storyline.db", "postgresql://ada:pass-word@db/x?password=pass-word")
    settings = settings_from(tomllib.loads(text), VARIABLES, KINDS, directory=tmp_path)
    assert settings.database_url == "postgresql://ada:pass-word@db/x?password=pass-word"
    shown = f"{settings!r} {settings} {settings.secret_key} {settings.secret_key!r}"
    for secret in ("pass-word", "token-text", "api-secret", "k" * 32):
        assert secret not in shown
    assert settings.secret_key is not None
    assert settings.secret_key.reveal() == "k" * 32


def test_the_starter_file_is_as_agreed_and_loads(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "starter.toml"
    assert starter_toml("~/Stories") == golden.read_text()
    (tmp_path / "storyline.toml").write_text(starter_toml(tmp_path / 'a "b" \\c ü'))
    settings = load(tmp_path / "storyline.toml", {}, KINDS)
    assert settings.sources["photos"].options == Folder(tmp_path / 'a "b" \\c ü')
    assert settings.publishers["outbox"].options == Box(tmp_path / "outbox")
    assert settings.accounts["main"].mode is Mode.HYBRID


def test_every_example_in_the_starter_file_loads_too(tmp_path: Path) -> None:
    examples = re.compile(r"# (\[\w+\]|[\w.]+ = .*)")
    lines = [examples.sub(r"\1", line, count=1) for line in starter_toml("pictures").splitlines()]
    text = "\n".join(lines)
    assert text.count("# ") < starter_toml("pictures").count("# ") - 15
    read(text, {"STORYLINE_SECRET_KEY": "k" * 32}, tmp_path)
    named = {key for table in tomllib.loads(text)["accounts"].values() for key in table} - {"cooldown"}
    named |= {key for table in tomllib.loads(text)["accounts"].values() for key in table["cooldown"]}
    documented = {field.path.rpartition(".")[2] for field in describe_settings() if field.path.startswith("accounts")}
    assert named == documented - {"renamed_from"}


def test_the_defaults_that_are_described_are_those_that_are_used() -> None:
    for field in describe_settings():
        section, _, key = field.path.rpartition(".")
        assert field.help, f"{field.path} says nothing about itself"
        if section == "accounts.NAME" and field.default:
            assert read(f"{ACCOUNT}{key} = {field.default}" if key != "sources" else ACCOUNT) == read(ACCOUNT)


def test_a_kind_describes_its_settings() -> None:
    kind = KINDS.find(Contract.PUBLISHER, "instagram")
    assert kind is not None
    assert [(field.path, field.type, field.default) for field in describe_kind("publishers", kind)] == [
        ("publishers.NAME.account_id", "text", None),
        ("publishers.NAME.host.api_key", "secret", None),
        ("publishers.NAME.host.kind", '"cloudinary" | "s3"', '"cloudinary"'),
        ("publishers.NAME.fit", '"blur" | "crop"', '"blur"'),
        ("publishers.NAME.hashtags", "list of texts", "[]"),
        ("publishers.NAME.share", "number", "1.0"),
    ]


@given(st.integers(0, 36_525 * 86_400_000).map(lambda ms: timedelta(milliseconds=ms)))
def test_a_duration_is_read_as_it_is_written(duration: timedelta) -> None:
    assert parse_duration(duration_text(duration)) == duration


@pytest.mark.parametrize("text", ["", "30", "m", "30 minutes", "-5m", "5m x", "1.5h", "99999999999d", "9999999w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|hundred years"):
        parse_duration(text)


@given(st.times(), st.times())
def test_a_window_is_read_as_it_is_written(opens: time, closes: time) -> None:
    opens, closes = (each.replace(second=0, microsecond=0) for each in (opens, closes))
    if opens != closes:
        window = parse_window(f"{opens:%H:%M}-{closes:%H:%M}")
        assert (window.opens, window.closes) == (opens, closes)
        assert parse_window(str(window)) == window


def test_midnight_may_be_written_at_either_end() -> None:
    assert parse_window("18:00-24:00") == parse_window("18:00 – 00:00")


@pytest.mark.parametrize("name", ["Europe", "../../etc/passwd", "", "\0", "Mars/Olympus", "UTC+2"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        parse_zone(name)


def test_a_city_or_another_spelling_finds_its_zone() -> None:
    for name in ("berlin", "europe/berlin", "Europe/Berln"):
        with pytest.raises(ValueError, match="Did you mean 'Europe/Berlin'"):
            parse_zone(name)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            '[alerts]\nnotifiers = ["op"]\n[notifiers.ops]\nkind = "terminal"',
            "alerts.notifiers[0]: there is no notifier",
        ),
        ('[alerts]\nnotifiers = ["ops", "ops"]\n[notifiers.ops]\nkind = "terminal"', "is named twice"),
        ('[alerts]\nlevels = { ops = "info" }', "alerts.levels.ops: this is none of alerts.notifiers."),
        ('[alerts]\nlevel = "loud"', "alerts.level: this must be info, warning, error or critical"),
        ("[health]\nport = 0", "health.port: this must be from 1 to 65535."),
        ('[health]\nbind = "a b"', "health.bind: this must be an address of this machine."),
    ],
)
def test_where_alerts_go_and_health_is_shown_is_checked(lines: str, words: str) -> None:
    assert words in told(lines)


def test_an_account_needs_a_notifier_that_shows_cards() -> None:
    said = told(
        '[sources.a]\nkind = "local"\npath = "/a"\n[notifiers.ops]\nkind = "siren"\n'
        '[accounts.main]\nsources = ["a"]\nnotifier = "ops"'
    )
    assert "accounts.main.notifier: ops (siren) tells alerts and cannot show posts." in said
    assert 'under [alerts] notifiers = ["ops"]' in said
