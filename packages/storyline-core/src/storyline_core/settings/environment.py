"""Values that come from the environment: a `.env` file, and `STORYLINE_<PATH>` for any setting.

Which setting a variable means is found by spelling every known setting the way variables are spelt and comparing:
`STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY` can only be `accounts.main.posts_per_day`. Nothing is split by guessing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

import attrs

from storyline_core.errors import Problem
from storyline_core.settings.former import GONE_TABLES, as_variables, former_names, gone_from
from storyline_core.settings.sections import CONTRACTS, NAMED, PLAIN, AccountSection
from storyline_core.settings.surroundings import FromEnvironment
from storyline_core.settings.tree import Leaf, Tree, leaves_of, put

PREFIX = "STORYLINE_"
SHORT = {"STORYLINE_SECRET_KEY": ("secrets", "key")}
"""Variables with a name of their own."""

_NOT_SETTINGS = ("STORYLINE_CONFIG", "STORYLINE_PLUGINS", "STORYLINE_TEST_")
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>.*)(?P=quote)\s*(?:#.*)?""", re.DOTALL)


def read_dotenv(text: str, name: str) -> tuple[dict[str, str], list[Problem]]:
    """The variables of a `.env` file: `NAME=value`, optionally quoted or after `export`; `#` starts a comment."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # The line itself is not quoted: it may hold a secret.
            problems.append(Problem(f"{name}:{number}", "this line cannot be read.", "Write NAME=value."))
            continue
        values[match["name"]] = _unquoted(match["value"])
    return values, problems


def _unquoted(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        return re.split(r"\s#", value, maxsplit=1)[0].strip()
    text = quoted["text"]
    return text.replace(r"\n", "\n").replace(r"\"", '"') if quoted["quote"] == '"' else text


@attrs.frozen
class Overridden:
    """The file's values with the environment's laid over them, what was wrong, and what to tell of it."""

    values: Tree
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def override(
    values: Mapping[str, object], environment: Mapping[str, str], options: Callable[[str, str], type | None]
) -> Overridden:
    """Lay the environment over the file's values. `options` gives the settings class of a section's kind, if known.

    An empty variable counts as not set.
    """
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    laid = _Laid(tree={key: _copied(value) for key, value in values.items()}, options=options)
    # Kinds first, shortest names first: they say which entries there are and what else these understand.
    for name in sorted(given, key=lambda name: (not name.endswith("_KIND"), len(name), name)):
        laid.lay(name, FromEnvironment.of(given[name], name))
    laid.complain()
    laid.lay_database_url(environment)
    return Overridden(laid.tree, tuple(laid.problems), tuple(laid.notes))


def known_leaves(values: Mapping[str, object], options: Callable[[str, str], type | None]) -> Iterator[Leaf]:
    """Every setting that exists, for the entries that there are in `values`."""
    for section, schema in PLAIN.items():
        yield from leaves_of(schema, (section,), values.get(section))
    for section, schema in NAMED.items():
        entries = values.get(section, {})
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            yield from leaves_of(schema, (section, name), entry)
            kind = entry.get("kind") if isinstance(entry, Mapping) else None
            known = options(section, kind) if isinstance(kind, str) and section in CONTRACTS else None
            if known is not None:
                yield from leaves_of(known, (section, name), entry)


def _copied(value: object) -> object:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


@attrs.define
class _Laid:
    tree: Tree
    options: Callable[[str, str], type | None]
    problems: list[Problem] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)

    def lay(self, variable: str, value: FromEnvironment) -> None:
        targets = [SHORT[variable]] if variable in SHORT else self._meant(variable.removeprefix(PREFIX))
        if len(targets) > 1:
            spelt = " and ".join(".".join(target) for target in targets)
            self.problems.append(
                Problem(variable, f"this variable can mean {spelt}.", "Rename one of them, or set it in the file.")
            )
        elif targets:
            self._put(targets[0], value)
        else:
            self.unknown.append(variable)

    def complain(self) -> None:
        """Tell of the variables that stand for nothing, once every entry is there that others speak of."""
        for variable in self.unknown:
            if (remedy := self._remedy(variable)) is not None:
                self.problems.append(Problem(variable, "this variable stands for no setting.", remedy))

    def lay_database_url(self, environment: Mapping[str, str]) -> None:
        """`DATABASE_URL` may have been set for something else: it counts only where nothing else speaks."""
        url = environment.get("DATABASE_URL", "")
        database = self.tree.get("database", {})
        if not url or not isinstance(database, dict):
            return
        if "url" not in database:
            put(self.tree, ("database", "url"), FromEnvironment.of(url, "DATABASE_URL"))
        elif not isinstance(database["url"], FromEnvironment) and database["url"] != url:
            self.notes.append(
                "DATABASE_URL is set but not used, because database.url in the settings file says otherwise. "
                "To use it, set STORYLINE_DATABASE_URL."
            )

    def _put(self, target: tuple[str, ...], value: FromEnvironment) -> None:
        if put(self.tree, target, value):
            self.notes.append(f"{'.'.join(target)} is taken from {value.variable}, not from the settings file.")

    def _meant(self, tail: str) -> list[tuple[str, ...]]:
        """The settings that a variable can mean: none, one, or too many."""
        found = [path for path in self._known() if _spelt(path) == tail]
        if not found:
            found = [path for leaf in self._tables() for path in _keys_below(leaf, tail)]
        return list(dict.fromkeys(found)) or self._new(tail)

    def _known(self) -> Iterator[tuple[str, ...]]:
        """Every setting that exists, for the entries that exist."""
        yield from (leaf.path for leaf in self._leaves())

    def _tables(self) -> Iterator[Leaf]:
        yield from (leaf for leaf in self._leaves() if leaf.open_keys)

    def _leaves(self) -> Iterator[Leaf]:
        return known_leaves(self.tree, self.options)

    def _new(self, tail: str) -> list[tuple[str, ...]]:
        """An entry that only the environment speaks of: a kind names it; an account is named by any setting of its."""
        section, _, rest = tail.partition("_")
        section = section.lower()
        if section in CONTRACTS:
            name = rest.removesuffix("_KIND").lower()
            return [(section, name, "kind")] if name and rest.endswith("_KIND") else []
        if section != "accounts":
            return []
        leaves = sorted(leaves_of(AccountSection, ()), key=lambda leaf: len(leaf.path[0]), reverse=True)
        for leaf in leaves:
            spelt = "_" + _spelt(leaf.path)
            name, found, key = rest.rpartition(spelt + "_") if leaf.open_keys else ("", "", "")
            if rest.endswith(spelt) and rest != spelt:
                return [(section, rest.removesuffix(spelt).lower(), *leaf.path)]
            if found and name and key:
                return [(section, name.lower(), *leaf.path, key.lower())]
        return []

    def _remedy(self, variable: str) -> str | None:
        """What to do if a setting was meant; containers' own `STORYLINE_PORT_8080_TCP` and the like are none."""
        if variable.startswith(_NOT_SETTINGS):
            return None
        for leaf in self._leaves():
            former = [PREFIX + _spelt((*leaf.path[:-1], name)) for name in former_names(leaf.field)]
            if variable in former:
                return f"Set {PREFIX + _spelt(leaf.path)} instead."
        if remedy := self._instead_of_gone(variable):
            return remedy
        known = [PREFIX + _spelt(path) for path in self._known()]
        section = variable.removeprefix(PREFIX).partition("_")[0].lower()
        if near := get_close_matches(variable, [*known, *SHORT], n=1, cutoff=0.85):
            return f"Did you mean {near[0]}?"
        if section in {*PLAIN, *NAMED}:
            return "Correct its name, or remove it."
        return GONE_TABLES.get(section)

    def _instead_of_gone(self, variable: str) -> str:
        for path, schema in _tables_of(self.tree):
            prefix = PREFIX + _spelt(path) + "_"
            for key, remedy in gone_from(schema).items():
                if variable == prefix + _spelt((key,)):
                    return as_variables(remedy, prefix)
        return ""


def _tables_of(values: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], type]]:
    """Every table of settings that there is or may be, and what core reads of it."""
    for section, schema in PLAIN.items():
        yield (section,), schema
    for section, schema in NAMED.items():
        entries = values.get(section, {})
        yield from (((section, name), schema) for name in (entries if isinstance(entries, Mapping) else ()))


def _spelt(path: tuple[str, ...]) -> str:
    return "_".join(re.sub(r"\W", "_", step).upper() for step in path)


def _keys_below(leaf: Leaf, tail: str) -> list[tuple[str, ...]]:
    """A key in a table of free keys (a category in a mix): one that is there, or a new one in small letters."""
    prefix = _spelt(leaf.path) + "_"
    if not tail.startswith(prefix) or tail == prefix:
        return []
    there = [key for key in leaf.keys if _spelt((key,)) == tail.removeprefix(prefix)]
    return [(*leaf.path, key) for key in there or [tail.removeprefix(prefix).lower()]]
