"""What the settings come to: one frozen value that is passed down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import attrs

from storyline_core.accounts import Account
from storyline_core.interfaces import AlertLevel
from storyline_core.settings.secret import Secret


class LogLevel(StrEnum):
    """From which urgency on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line of the log is written: for people, or one JSON object per line."""

    TEXT = "text"
    JSON = "json"


class BackfillMedia(StrEnum):
    """What of an account's past is saved: posts that stay, stories that are live now, or both."""

    FEED = "feed"
    STORIES = "stories"
    BOTH = "both"


@attrs.frozen
class BackfillSettings:
    """That a publisher's past is saved by itself: into which source, how often, and what of it."""

    into: str
    every: timedelta = timedelta(days=1)
    media: BackfillMedia = BackfillMedia.BOTH


@attrs.frozen
class LogSettings:
    """What is logged, how, and into which file (None: standard error)."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT
    file: Path | None = None


@attrs.frozen
class BackupSettings:
    """Where backups go (None: none are made), how long they are kept, and whether the media files are copied too."""

    directory: Path | None = None
    keep: timedelta = timedelta(days=30)
    include_media: bool = False


@attrs.frozen
class HealthSettings:
    """Where the daemon answers by HTTP how it is; `port` None: nowhere."""

    port: int | None = None
    bind: str = "127.0.0.1"


@attrs.frozen
class AlertSettings:
    """Which notifiers are told of every alert, and from which urgency on: all of them, and single ones by name."""

    notifiers: tuple[str, ...] = ()
    level: AlertLevel = AlertLevel.WARNING
    levels: Mapping[str, AlertLevel] = attrs.field(factory=dict)


@attrs.frozen
class SourceEntry:
    """One configured source. `options` is an instance of its kind's settings class."""

    name: str
    kind: str
    options: object
    sync_interval: timedelta = timedelta(minutes=5)
    watch: bool = True
    enabled: bool = True
    renamed_from: str | None = None


@attrs.frozen
class Entry:
    """One configured notifier or publisher. `options` is an instance of its kind's settings class.

    `backfill` belongs to a publisher whose past is saved by itself.
    """

    name: str
    kind: str
    options: object
    renamed_from: str | None = None
    backfill: BackfillSettings | None = None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _by_name(given: Mapping[str, _N] | Iterable[_N]) -> dict[str, _N]:
    values = given.values() if isinstance(given, Mapping) else given
    named: dict[str, _N] = {}
    for value in values:
        if value.name in named:
            raise ValueError(f"two entries are named {value.name!r}.")
        named[value.name] = value
    return named


def _sources(given: Mapping[str, SourceEntry] | Iterable[SourceEntry]) -> Mapping[str, SourceEntry]:
    return _by_name(given)


def _entries(given: Mapping[str, Entry] | Iterable[Entry]) -> Mapping[str, Entry]:
    return _by_name(given)


def _accounts(given: Mapping[str, Account] | Iterable[Account]) -> Mapping[str, Account]:
    return _by_name(given)


def hide_password(url: str) -> str:
    """A database's address without its password and without parameters, which may hold one too."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    user = parts.username
    return f"{parts.scheme}://{f'{user}:***@' if user else ''}{where}{parts.path}"


def _shown(url: str) -> str:
    return repr(hide_password(url))


@attrs.frozen
class Settings:
    """Everything that was configured, checked. Sources, notifiers, publishers and accounts are kept by name.

    A library user builds one directly; entries may then be given as a plain list::

        Settings(
            database_url="sqlite:////srv/stories/storyline.db",
            sources=[SourceEntry("photos", "local", LocalFolder(path=Path("/srv/stories")))],
            accounts=[Account("main", sources=("photos",), publisher="out", mode=Mode.AUTO)],
        )

    `directory` is where relative paths are resolved. `notes` say which value of two was used where both the file and
    the environment spoke. `file` is the settings file they come from, if they come from one.
    """

    database_url: str = attrs.field(repr=_shown)
    sources: Mapping[str, SourceEntry] = attrs.field(default=(), converter=_sources)
    notifiers: Mapping[str, Entry] = attrs.field(default=(), converter=_entries)
    publishers: Mapping[str, Entry] = attrs.field(default=(), converter=_entries)
    accounts: Mapping[str, Account] = attrs.field(default=(), converter=_accounts)
    log: LogSettings = LogSettings()
    backups: BackupSettings = BackupSettings()
    alerts: AlertSettings = AlertSettings()
    health: HealthSettings = HealthSettings()
    secret_key: Secret | None = None
    directory: Path = Path()
    notes: tuple[str, ...] = ()
    file: Path | None = attrs.field(default=None, eq=False)
