"""From a settings file and an environment to one frozen `Settings`, or to every problem at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import attrs
import cattrs

from storyline_core.errors import Problem, SettingsError
from storyline_core.interfaces import Contract, Kind
from storyline_core.settings.checks import account_of, check_names, check_references, database_url, ranges
from storyline_core.settings.conversion import Outcome, read_table
from storyline_core.settings.environment import override, read_dotenv
from storyline_core.settings.forms import settings_converter
from storyline_core.settings.secret import Secret
from storyline_core.settings.sections import (
    CONTRACTS,
    NAMED,
    PLAIN,
    BackupsSection,
    DatabaseSection,
    EntrySection,
    LogSection,
    SecretsSection,
    SourceSection,
)
from storyline_core.settings.surroundings import Surroundings, Wrong, near, shown
from storyline_core.settings.tree import leaves_of
from storyline_core.settings.values import BackupSettings, Entry, LogSettings, Settings, SourceEntry

_WHERE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


class Kinds(Protocol):
    """What reading needs to know of the installed plugins; `Plugins` is one."""

    def find(self, contract: Contract, name: str) -> Kind[object] | None:
        """The kind of that name, or None."""

    def explain_unknown(self, contract: Contract, name: str) -> str:
        """What a person should know about a kind that is not there."""


def load(
    path: Path | None, environment: Mapping[str, str], plugins: Kinds, *, directory: Path | None = None
) -> Settings:
    """Read the settings file, lay the environment over it, and check everything.

    Without a file, `directory` (by default the current one) is where `.env` is looked for and relative paths are
    resolved. Raises `SettingsError` with every problem found.
    """
    folder = (path.parent if path else directory or Path()).absolute()
    problems: list[Problem] = []
    values = _file(path, problems) if path else {}
    variables = {**_dotenv(folder / ".env", problems), **environment}
    if problems:
        raise SettingsError(problems)
    return settings_from(values, variables, plugins, directory=folder)


def settings_from(
    values: Mapping[str, object], environment: Mapping[str, str], plugins: Kinds, *, directory: Path
) -> Settings:
    """Like `load`, from the tables themselves instead of a file. Raises `SettingsError` with every problem found."""
    return _Reading(values, environment, plugins, directory.absolute()).settings()


def _file(path: Path, problems: list[Problem]) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        problems.append(Problem(str(path), "there is no such file.", "`storyline init` writes one."))
    except OSError as error:
        problems.append(Problem(str(path), f"this file cannot be read ({error.strerror})."))
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), f"this file is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."))
    except tomllib.TOMLDecodeError as error:
        problems.append(_syntax(path, str(error)))
    return {}


def _syntax(path: Path, words: str) -> Problem:
    match = _WHERE.fullmatch(words)
    remedy = "Texts stand in quotes, lists in [ ], tables in { } or under a [heading]."
    if match is None:
        return Problem(str(path), f"this is not TOML: {words}.", remedy)
    where = f"line {match['line']}, column {match['column']}" if match["line"] else "the end of the file"
    return Problem(str(path), f"this is not TOML, at {where}: {match['what']}.", remedy)


def _dotenv(path: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        values, wrong = read_dotenv(path.read_bytes().decode("utf-8-sig"), str(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(Problem(str(path), f"this file cannot be read ({error.strerror})."))
        return {}
    except UnicodeDecodeError:
        problems.append(Problem(str(path), "this file is not UTF-8 text.", "Save it as UTF-8."))
        return {}
    problems.extend(wrong)
    return values


@attrs.define
class _Reading:
    """One reading of all tables; problems gather on the way and nothing is raised before the end."""

    given: Mapping[str, object]
    environment: Mapping[str, str]
    plugins: Kinds
    directory: Path
    problems: list[Problem] = attrs.field(factory=list)
    values: dict[str, object] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    def settings(self) -> Settings:
        """The settings, or `SettingsError`."""
        laid = override(self.given, self.environment, self._options_of)
        self.problems.extend(laid.problems)
        self.values, self.notes = laid.values, laid.notes
        self._unknown_tables()
        settings = self._everything()
        if self.problems:
            raise SettingsError(sorted(self.problems, key=lambda problem: problem.path))
        return settings

    def _options_of(self, section: str, kind: str) -> type | None:
        found = self.plugins.find(CONTRACTS[section], kind)
        return found.settings if found else None

    def _everything(self) -> Settings:
        around = Surroundings(self.environment, self.directory)
        converter = settings_converter(around)
        log = self._plain(LogSection, "log", converter)
        backups = self._plain(BackupsSection, "backups", converter)
        sources = dict(self._sources(converter))
        notifiers = dict(self._entries("notifiers", converter))
        publishers = dict(self._entries("publishers", converter))
        accounts = {
            name: account_of(name, outcome, self.problems)
            for name, outcome in self._tables("accounts", converter)
        }
        for section, names in (("sources", sources), ("notifiers", notifiers), ("publishers", publishers)):
            check_names(section, names, self.problems)
        check_names("accounts", accounts, self.problems)
        check_references(accounts, self._names("sources"), self._names("notifiers"), self._names("publishers"), self.problems)
        return Settings(
            database_url=self._database(around, converter),
            sources={name: entry for name, entry in sources.items() if entry},
            notifiers={name: entry for name, entry in notifiers.items() if entry},
            publishers={name: entry for name, entry in publishers.items() if entry},
            accounts={name: read.account for name, read in accounts.items()},
            log=LogSettings(log.level, log.format, log.file),
            backups=BackupSettings(self.directory / backups.directory, backups.keep, backups.include_media),
            secret_key=self._secret_key(around, converter),
            directory=self.directory,
            notes=self.notes,
        )
