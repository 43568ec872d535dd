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
from storyline_core.interfaces import AlertLevel, Contract
from storyline_core.settings.durations import Window
from storyline_core.settings.secret import Secret
from storyline_core.settings.values import BackfillMedia, LogFormat, LogLevel

HELP = "help"
"""The metadata key under which a field of a settings class says what it is for. Plugins may use it too."""

FORMERLY = "formerly"
"""The metadata key under which a field lists what it was called before, and what else people take it for.

Whoever writes one of these is told the name that counts; nothing is read from them. Plugins may use it too.
"""


def _about(text: str, *formerly: str) -> Mapping[str, str | tuple[str, ...]]:
    return {HELP: text, FORMERLY: formerly}


@attrs.frozen
class DatabaseSection:
    """`[database]`"""

    url: str | Secret = attrs.field(
        default="sqlite:///storyline.db",
        metadata=_about(
            "sqlite:///FILE (relative to the settings file) or postgresql://USER:PASSWORD@HOST/NAME?sslmode=require. "
            "May be a secret reference. DATABASE_URL is used where neither the file nor STORYLINE_DATABASE_URL says.",
            "uri",
            "dsn",
            "database_url",
        ),
    )


@attrs.frozen
class LogSection:
    """`[log]`"""

    level: LogLevel = attrs.field(
        default=LogLevel.INFO, metadata=_about("From which urgency on to log.", "log_level", "verbosity")
    )
    format: LogFormat = attrs.field(
        default=LogFormat.TEXT, metadata=_about("For people, or one JSON object a line.", "log_format", "style")
    )
    file: Path | None = attrs.field(
        default=None, metadata=_about("Log into this file instead of standard error.", "path", "filename", "log_file")
    )


@attrs.frozen
class SecretsSection:
    """`[secrets]`"""

    key: Secret | None = attrs.field(
        default=None,
        metadata=_about(
            "Encrypts what plugins remember (refreshed tokens). STORYLINE_SECRET_KEY sets it too. Several, with commas "
            "between them, for a change of keys: the first encrypts, all of them open.",
            "secret_key",
        ),
    )
    key_file: Path | None = attrs.field(default=None, metadata=_about("The same, read from a file."))


@attrs.frozen
class SourceSection:
    """`[sources.NAME]`"""

    kind: str = attrs.field(
        metadata=_about("Which kind of source; `storyline plugins` lists what is installed.", "type", "provider")
    )
    sync_interval: timedelta = attrs.field(
        default=timedelta(minutes=5),
        metadata=_about(
            "How often the library is brought level; at least 60s.",
            "interval",
            "poll_interval",
            "scan_interval",
            "sync_every",
            "every",
        ),
    )
    watch: bool = attrs.field(
        default=True, metadata=_about("Also follow changes as they happen, where the kind can.", "watching", "follow")
    )
    enabled: bool = attrs.field(
        default=True, metadata=_about("false: neither synced nor posted from; its items stay as they are.", "active")
    )
    renamed_from: str | None = attrs.field(
        default=None, metadata=_about("Its name until now; everything known of it is carried over.")
    )


@attrs.frozen
class BackfillSection:
    """`[publishers.NAME.backfill]`"""

    into: str | None = attrs.field(
        default=None,
        metadata=_about("The source into which what its account posted before is saved, by name. Left out: never."),
    )
    every: timedelta = attrs.field(
        default=timedelta(days=1), metadata=_about("How often what is new there is saved; at least 1h.")
    )
    media: BackfillMedia = attrs.field(
        default=BackfillMedia.BOTH, metadata=_about("What is saved: posts (feed), the live stories, or both.")
    )


@attrs.frozen
class EntrySection:
    """`[notifiers.NAME]`"""

    kind: str = attrs.field(
        metadata=_about("Which kind it is; `storyline plugins` lists what is installed.", "type", "provider")
    )
    renamed_from: str | None = attrs.field(
        default=None, metadata=_about("Its name until now; everything known of it is carried over.")
    )


@attrs.frozen
class PublisherSection(EntrySection):
    """`[publishers.NAME]`"""

    backfill: BackfillSection = attrs.field(
        factory=BackfillSection, metadata=_about("Save what its account posted before, where the kind can.")
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
            "to the team, the rest is published. auto: everything is published.",
            "posting_mode",
        ),
    )
    posts_per_day: int = attrs.field(
        default=3,
        metadata=_about("Stories a day, 1 to 50.", "per_day", "posts", "daily_posts", "posts_a_day", "stories_per_day"),
    )
    window: Window = attrs.field(
        default=Window(time(9, 0), time(21, 0)),
        metadata=_about(
            "The hours in which it posts, in its time zone; may cross midnight.",
            "hours",
            "posting_hours",
            "posting_window",
            "time_window",
        ),
    )
    timezone: ZoneInfo = attrs.field(
        factory=lambda: ZoneInfo("UTC"),
        metadata=_about("The zone of its window and of every time shown.", "time_zone", "tz", "zone"),
    )
    jitter: timedelta = attrs.field(
        default=timedelta(minutes=30), metadata=_about("How far a post may move from its even place, either way.")
    )
    mix: Mapping[str, int] = attrs.field(
        default=MappingProxyType({}),
        metadata=_about(
            "The share of each category, as whole numbers. Empty: categories follow their stock.",
            "ratios",
            "category_mix",
            "weights",
            "shares",
        ),
    )
    fill_ahead: timedelta = attrs.field(default=timedelta(hours=24), metadata=_about("How far ahead posts are chosen."))
    offer_ahead: timedelta = attrs.field(
        default=timedelta(),
        metadata=_about("How long before its time a card is shown to the team, to prepare; 0m: at its time."),
    )
    grace: timedelta = attrs.field(
        default=timedelta(hours=1),
        metadata=_about("How late a slot may be acted on before it is missed.", "grace_period"),
    )
    answer_within: timedelta = attrs.field(
        default=timedelta(hours=24), metadata=_about("How long an offered post waits for the team.")
    )
    remind_after: timedelta = attrs.field(
        default=timedelta(hours=2), metadata=_about("When the team is reminded of an offered post.")
    )
    unanswered: Unanswered = attrs.field(
        default=Unanswered.MISSED,
        metadata=_about(
            "What becomes of a post that nobody answered.", "if_unanswered", "on_unanswered", "when_unanswered"
        ),
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
        default=Path("backups"),
        metadata=_about("Where backups are written, relative to the settings file.", "dir", "folder", "path"),
    )
    keep: timedelta = attrs.field(
        default=timedelta(days=30),
        metadata=_about("How long a backup is kept; the last good one always is.", "retention", "keep_for"),
    )
    include_media: bool = attrs.field(
        default=False, metadata=_about("Whether the media files are copied as well.", "media", "with_media")
    )


@attrs.frozen
class HealthSection:
    """`[health]`"""

    port: int | None = attrs.field(
        default=None,
        metadata=_about("`storyline run` answers here by HTTP how it is: /health, /metrics. Left out: it does not."),
    )
    bind: str = attrs.field(
        default="127.0.0.1",
        metadata=_about(
            "The address it answers on. Anybody who reaches it may read; it asks for no password.",
            "host",
            "address",
            "listen",
        ),
    )


@attrs.frozen
class AlertsSection:
    """`[alerts]`"""

    notifiers: tuple[str, ...] = attrs.field(
        default=(),
        metadata=_about("Notifiers, by name, that are told of every alert, besides each account's own.", "channels"),
    )
    level: AlertLevel = attrs.field(default=AlertLevel.WARNING, metadata=_about("From which urgency on they are told."))
    levels: Mapping[str, AlertLevel] = attrs.field(
        default=MappingProxyType({}), metadata=_about("The same for single ones of them, by name.")
    )


PLAIN: Mapping[str, type] = MappingProxyType(
    {
        "database": DatabaseSection,
        "log": LogSection,
        "secrets": SecretsSection,
        "backups": BackupsSection,
        "alerts": AlertsSection,
        "health": HealthSection,
    }
)
"""The tables that exist once."""

NAMED: Mapping[str, type] = MappingProxyType(
    {"sources": SourceSection, "notifiers": EntrySection, "publishers": PublisherSection, "accounts": AccountSection}
)
"""The tables that hold a table per name."""

CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {"sources": Contract.SOURCE, "notifiers": Contract.NOTIFIER, "publishers": Contract.PUBLISHER}
)
"""The named tables whose entries have a kind."""
