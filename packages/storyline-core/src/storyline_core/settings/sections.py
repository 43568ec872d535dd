"""The tables of the settings file as classes: every key with its type, its default and what it is for.

The reader reads by these, the starter file and the reference page are written from them: there is no second list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import attrs

from storyline_core.accounts import Mode, Unanswered
from storyline_core.interfaces import Contract
from storyline_core.settings.durations import Window
from storyline_core.settings.secret import Secret
from storyline_core.settings.values import LogFormat, LogLevel

HELP = "help"
"""The metadata key under which a field of a settings class says what it is for. Plugins may use it too."""


def _about(text: str) -> Mapping[str, str]:
    return {HELP: text}


@attrs.frozen
class DatabaseSection:
    """`[database]`"""

    url: str | Secret = attrs.field(
        default="sqlite:///storyline.db",
        metadata=_about(
            "sqlite:///FILE (relative to the settings file) or postgresql://USER:PASSWORD@HOST/NAME?sslmode=require. "
            "May be a secret reference. DATABASE_URL is used where neither the file nor STORYLINE_DATABASE_URL says."
        ),
    )


@attrs.frozen
class LogSection:
    """`[log]`"""

    level: LogLevel = attrs.field(default=LogLevel.INFO, metadata=_about("From which urgency on to log."))
    format: LogFormat = attrs.field(default=LogFormat.TEXT, metadata=_about("For people, or one JSON object a line."))
    file: Path | None = attrs.field(default=None, metadata=_about("Log into this file instead of standard error."))


@attrs.frozen
class SecretsSection:
    """`[secrets]`"""

    key: Secret | None = attrs.field(
        default=None,
        metadata=_about("Encrypts what plugins remember (refreshed tokens). STORYLINE_SECRET_KEY sets it too."),
    )
    key_file: Path | None = attrs.field(default=None, metadata=_about("The same, read from a file."))


@attrs.frozen
class SourceSection:
    """`[sources.NAME]`"""

    kind: str = attrs.field(metadata=_about("Which kind of source; `storyline plugins` lists what is installed."))
    sync_interval: timedelta = attrs.field(
        default=timedelta(minutes=5), metadata=_about("How often the library is brought level; at least 60s.")
    )
    watch: bool = attrs.field(default=True, metadata=_about("Also follow changes as they happen, where the kind can."))
    enabled: bool = attrs.field(
        default=True, metadata=_about("false: neither synced nor posted from; its items stay as they are.")
    )
    renamed_from: str | None = attrs.field(
        default=None, metadata=_about("Its name until now; everything known of it is carried over.")
    )


@attrs.frozen
class EntrySection:
    """`[notifiers.NAME]` and `[publishers.NAME]`"""

    kind: str = attrs.field(metadata=_about("Which kind it is; `storyline plugins` lists what is installed."))
    renamed_from: str | None = attrs.field(
        default=None, metadata=_about("Its name until now; everything known of it is carried over.")
    )


@attrs.frozen
class CooldownSection:
    """`[accounts.NAME.cooldown]`"""

    posted: timedelta = attrs.field(
        default=timedelta(days=30), metadata=_about("How long an item rests after it was posted.")
    )
    skipped: timedelta = attrs.field(
        default=timedelta(days=45), metadata=_about("How long an item rests after it was skipped.")
    )


@attrs.frozen
class AccountSection:
    """`[accounts.NAME]`"""

    sources: tuple[str, ...] = attrs.field(
        default=(), metadata=_about("The sources it posts from, by name; at least one.")
    )
    categories: tuple[str, ...] = attrs.field(
        default=(), metadata=_about("Only these categories (top folders); empty means all.")
    )
    notifier: str | None = attrs.field(default=None, metadata=_about("The notifier that reaches its team, by name."))
    publisher: str | None = attrs.field(
        default=None, metadata=_about("The publisher that posts for it, by name. Left out: posted by hand.")
    )
    mode: Mode = attrs.field(
        default=Mode.MANUAL,
        metadata=_about(
            "manual: the team posts everything. approve: the team presses Publish. hybrid: what needs a sticker goes "
            "to the team, the rest is published. auto: everything is published."
        ),
    )
    posts_per_day: int = attrs.field(default=3, metadata=_about("Stories a day, 1 to 50."))
    window: Window = attrs.field(
        default=Window(time(9, 0), time(21, 0)),
        metadata=_about("The hours in which it posts, in its time zone; may cross midnight."),
    )
    timezone: ZoneInfo = attrs.field(
        factory=lambda: ZoneInfo("UTC"), metadata=_about("The zone of its window and of every time shown.")
    )
    jitter: timedelta = attrs.field(
        default=timedelta(minutes=30), metadata=_about("How far a post may move from its even place, either way.")
    )
    mix: Mapping[str, int] = attrs.field(
        default=MappingProxyType({}),
        metadata=_about("The share of each category, as whole numbers. Empty: categories follow their stock."),
    )
    fill_ahead: timedelta = attrs.field(default=timedelta(hours=24), metadata=_about("How far ahead posts are chosen."))
    grace: timedelta = attrs.field(
        default=timedelta(hours=1), metadata=_about("How late a slot may be acted on before it is missed.")
    )
    answer_within: timedelta = attrs.field(
        default=timedelta(hours=24), metadata=_about("How long an offered post waits for the team.")
    )
    remind_after: timedelta = attrs.field(
        default=timedelta(hours=2), metadata=_about("When the team is reminded of an offered post.")
    )
    unanswered: Unanswered = attrs.field(
        default=Unanswered.MISSED, metadata=_about("What becomes of a post that nobody answered.")
    )
    cooldown: CooldownSection = attrs.field(
        factory=CooldownSection, metadata=_about("How long an item rests, by what became of its post.")
    )
    dry_run: bool = attrs.field(
        default=False, metadata=_about("true: everything happens but telling the team and publishing.")
    )
    renamed_from: str | None = attrs.field(
        default=None, metadata=_about("Its name until now; everything known of it is carried over.")
    )


@attrs.frozen
class BackupsSection:
    """`[backups]`"""

    directory: Path = attrs.field(
        default=Path("backups"), metadata=_about("Where backups are written, relative to the settings file.")
    )
    keep: timedelta = attrs.field(default=timedelta(days=30), metadata=_about("How long a backup is kept."))
    include_media: bool = attrs.field(default=False, metadata=_about("Whether the media files are copied as well."))


PLAIN: Mapping[str, type] = MappingProxyType(
    {"database": DatabaseSection, "log": LogSection, "secrets": SecretsSection, "backups": BackupsSection}
)
"""The tables that exist once."""

NAMED: Mapping[str, type] = MappingProxyType(
    {"sources": SourceSection, "notifiers": EntrySection, "publishers": EntrySection, "accounts": AccountSection}
)
"""The tables that hold a table per name."""

CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {"sources": Contract.SOURCE, "notifiers": Contract.NOTIFIER, "publishers": Contract.PUBLISHER}
)
"""The named tables whose entries have a kind."""
