"""From a settings file and an environment to one frozen `Settings`, or to every problem at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import attrs
import cattrs

from storyline_core.accounts import Account
from storyline_core.errors import Problem, SettingsError
from storyline_core.interfaces import Contract
from storyline_core.settings.backfilling import Kinds, backfill_of, backfill_problems
from storyline_core.settings.checks import (
    account_of,
    alert_problems,
    cardless_problem,
    key_problem,
    name_problems,
    range_problems,
    reference_problems,
    resolved_url,
)
from storyline_core.settings.clashes import clash_problems
from storyline_core.settings.conversion import Outcome, keys_of, named_variable, read_table, spell
from storyline_core.settings.environment import override, read_dotenv
from storyline_core.settings.former import GONE_TABLES, instead_of
from storyline_core.settings.forms import settings_converter
from storyline_core.settings.secret import Secret
from storyline_core.settings.sections import (
    CONTRACTS,
    NAMED,
    PLAIN,
    AccountSection,
    AlertsSection,
    BackupsSection,
    DatabaseSection,
    EntrySection,
    HealthSection,
    LogSection,
    PublisherSection,
    SecretsSection,
    SourceSection,
)
from storyline_core.settings.surroundings import Surroundings, Wrong, near, shown
from storyline_core.settings.values import (
    AlertSettings,
    BackupSettings,
    Entry,
    HealthSettings,
    LogSettings,
    Settings,
    SourceEntry,
)

T = TypeVar("T")
_WHERE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


def load(
    path: Path | None, environment: Mapping[str, str], plugins: Kinds, *, directory: Path | None = None
) -> Settings:
    """Read the settings file, lay the environment over it, and check everything.

    Without a file, `directory` (by default the current one) is where `.env` is looked for and relative paths are
    resolved. Raises `SettingsError` with every problem found.
    """
    found = given(path, environment, directory=directory)
    settings = settings_from(found.values, found.environment, plugins, directory=found.directory)
    return attrs.evolve(settings, file=path)


@attrs.frozen
class Given:
    """What the settings are made from: the file's tables, the environment with `.env` below it, and where both lie.

    `written_down` are the variables of `.env` that count.
    """

    values: Mapping[str, object]
    environment: Mapping[str, str]
    directory: Path
    written_down: frozenset[str]


def given(path: Path | None, environment: Mapping[str, str], *, directory: Path | None = None) -> Given:
    """The file and the environment, before anything is checked. Raises `SettingsError` where they cannot be read."""
    folder = (path.parent if path else directory or Path()).absolute()
    problems: list[Problem] = []
    values = _file(path, problems) if path else {}
    noted = _dotenv(folder / ".env", problems)
    if problems:
        raise SettingsError(problems)
    return Given(values, {**noted, **environment}, folder, frozenset(noted.keys() - environment.keys()))


def settings_from(
    values: Mapping[str, object], environment: Mapping[str, str], plugins: Kinds, *, directory: Path
) -> Settings:
    """Like `load`, from the tables themselves instead of a file. Raises `SettingsError` with every problem found."""
    around = Surroundings(environment, directory.absolute())
    return _Reading(values, plugins, around, settings_converter(around)).settings()


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
    plugins: Kinds
    around: Surroundings
    converter: cattrs.Converter
    problems: list[Problem] = attrs.field(factory=list)
    values: Mapping[str, object] = attrs.field(factory=dict)

    def settings(self) -> Settings:
        """The settings, or `SettingsError`."""
        laid = override(self.given, self.around.environment, self._options_of)
        self.values = laid.values
        self.problems.extend(laid.problems)
        self._unknown_tables()
        log = self._plain(LogSection, "log")
        backups = self._plain(BackupsSection, "backups")
        alerts = self._plain(AlertsSection, "alerts")
        health = self._plain(HealthSection, "health")
        sources = [self._source(name, table) for name, table in self._named("sources")]
        notifiers = [self._entry("notifiers", name, table) for name, table in self._named("notifiers")]
        publishers = [self._publisher(name, table) for name, table in self._named("publishers")]
        accounts = [self._account(name, table) for name, table in self._named("accounts")]
        self.problems.extend(clash_problems("notifiers", notifiers))
        self.problems.extend(alert_problems(alerts, self._names("notifiers")))
        url = self._database_url()
        key = self._secret_key()
        if self.problems:
            told = [named_variable(problem, self.values) for problem in self.problems]
            raise SettingsError(sorted(told, key=lambda problem: problem.path))
        return Settings(
            database_url=url,
            sources=[source for source in sources if source],
            notifiers=[notifier for notifier in notifiers if notifier],
            publishers=[publisher for publisher in publishers if publisher],
            accounts=[account for account in accounts if account],
            log=LogSettings(log.level, log.format, log.file),
            backups=BackupSettings(self.around.directory / backups.directory, backups.keep, backups.include_media),
            alerts=AlertSettings(alerts.notifiers, alerts.level, dict(alerts.levels)),
            health=HealthSettings(health.port, health.bind),
            secret_key=key,
            directory=self.around.directory,
            notes=laid.notes,
        )

    def _options_of(self, section: str, kind: str) -> type | None:
        found = self.plugins.find(CONTRACTS[section], kind)
        return found.settings if found else None

    def _unknown_tables(self) -> None:
        tables = (*PLAIN, *NAMED)
        for name in sorted(set(self.values) - set(tables)):
            remedy = self._table_instead(name) or near(name, tables) or f"There are {', '.join(tables)}."
            self._wrong((name,), "there is no such table in the settings.", remedy)

    def _table_instead(self, name: str) -> str:
        """What to write in place of a table that does not exist: where it is the name of a kind, an entry of it."""
        for section, contract in CONTRACTS.items():
            if self.plugins.find(contract, name) is not None:
                return f'Write it under [{section}.NAME], with kind = "{name}".'
        return GONE_TABLES.get(name, "")

    def _wrong(self, path: tuple[str, ...], message: str, remedy: str = "") -> None:
        self.problems.append(Problem(spell(path), message, remedy))

    def _plain(self, schema: type[T], name: str) -> T:
        outcome = self._read(schema, self.values.get(name, {}), (name,))
        return schema() if outcome.value is None else outcome.value

    def _read(self, schema: type[T], table: object, path: tuple[str, ...], also: Iterable[type] = ()) -> Outcome[T]:
        outcome = read_table(schema, table, path, self.converter, also)
        self.problems.extend(outcome.problems)
        self.problems.extend(range_problems(outcome, path))
        return outcome

    def _named(self, section: str) -> Iterator[tuple[str, Mapping[str, object]]]:
        """The tables of one kind by name; what is none, or has an impossible name, is told."""
        tables = self.values.get(section, {})
        if not isinstance(tables, Mapping):
            self._wrong((section,), f"this must hold a table per name, such as [{section}.main].")
            return
        for name, table in tables.items():
            if not isinstance(table, Mapping):
                self._wrong((section, name), f"this must be a table. Write it under [{section}.{name}].")
            else:
                yield name, table
        self.problems.extend(name_problems(section, tables))

    def _source(self, name: str, table: Mapping[str, object]) -> SourceEntry | None:
        core, options = self._opened(SourceSection, "sources", name, table)
        if core is None or options is None:
            return None
        return SourceEntry(name, core.kind, options, core.sync_interval, core.watch, core.enabled, core.renamed_from)

    def _entry(self, section: str, name: str, table: Mapping[str, object]) -> Entry | None:
        core, options = self._opened(EntrySection, section, name, table)
        return None if core is None or options is None else Entry(name, core.kind, options, core.renamed_from)

    def _publisher(self, name: str, table: Mapping[str, object]) -> Entry | None:
        core, options = self._opened(PublisherSection, "publishers", name, table)
        if core is None or options is None:
            return None
        self.problems.extend(backfill_problems(name, core, self.plugins, self._kinds_of("sources")))
        return Entry(name, core.kind, options, core.renamed_from, backfill_of(core.backfill))

    def _kinds_of(self, section: str) -> dict[str, str]:
        tables = self.values.get(section, {})
        given = tables.items() if isinstance(tables, Mapping) else ()
        return {name: str(table.get("kind")) for name, table in given if isinstance(table, Mapping)}

    def _opened(
        self, schema: type[T], section: str, name: str, table: Mapping[str, object]
    ) -> tuple[T | None, object | None]:
        """What core reads of an entry, and the options of its kind read by the kind's own class."""
        path = (section, name)
        own = keys_of(schema)
        core = self._read(schema, {key: value for key, value in table.items() if key in own}, path)
        kind = table.get("kind")
        if not isinstance(kind, str):
            for key in table.keys() - own:
                if remedy := instead_of(key, (schema,)):
                    self._wrong((*path, key), "there is no such setting.", remedy)
            return None, None
        found = self.plugins.find(CONTRACTS[section], str(kind))
        if found is None:
            advice = self.plugins.explain_unknown(CONTRACTS[section], str(kind))
            self._wrong((*path, "kind"), f"the kind {shown(kind)} is not known.", advice)
            return core.value, None
        rest = {key: value for key, value in table.items() if key not in own}
        return core.value, self._read(found.settings, rest, path, (schema,)).value

    def _account(self, name: str, table: Mapping[str, object]) -> Account | None:
        outcome = self._read(AccountSection, table, ("accounts", name))
        if outcome.value is None:
            return None
        known = {section: self._names(section) for section in CONTRACTS}
        self.problems.extend(reference_problems(name, outcome.value, outcome.bad, known))
        self._needs_cards(name, outcome.value.notifier)
        return None if self.problems else account_of(name, outcome.value)

    def _needs_cards(self, account: str, notifier: str | None) -> None:
        entries = self.values.get("notifiers", {})
        entry = entries.get(notifier) if isinstance(entries, Mapping) and notifier is not None else None
        kind = entry.get("kind") if isinstance(entry, Mapping) else None
        found = self.plugins.find(Contract.NOTIFIER, str(kind)) if isinstance(kind, str) else None
        if found is not None and found.traits.only_alerts:
            self.problems.append(cardless_problem(account, str(notifier), str(kind)))

    def _names(self, section: str) -> tuple[str, ...]:
        tables = self.values.get(section, {})
        return tuple(tables) if isinstance(tables, Mapping) else ()

    def _database_url(self) -> str:
        given = self._plain(DatabaseSection, "database").url
        try:
            return resolved_url(given.reveal() if isinstance(given, Secret) else given, self.around)
        except Wrong as wrong:
            self._wrong(("database", "url"), wrong.message, wrong.remedy)
            return ""

    def _secret_key(self) -> Secret | None:
        section = self._plain(SecretsSection, "secrets")
        if section.key is not None or section.key_file is None:
            return section.key
        try:
            key = self.around.secret_file(section.key_file)
        except Wrong as wrong:
            self._wrong(("secrets", "key_file"), wrong.message, wrong.remedy)
            return None
        if problem := key_problem(key):
            self._wrong(("secrets", "key_file"), *problem)
        return key
