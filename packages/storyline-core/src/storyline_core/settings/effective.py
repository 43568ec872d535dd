"""The settings as they come out: every value that counts, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from storyline_core.redaction import scrub
from storyline_core.settings.backfilling import Kinds
from storyline_core.settings.describe import default_of, type_in_words, written
from storyline_core.settings.environment import known_leaves, override
from storyline_core.settings.reading import Given, given
from storyline_core.settings.secret import Secret
from storyline_core.settings.sections import CONTRACTS
from storyline_core.settings.surroundings import FromEnvironment
from storyline_core.settings.tree import Leaf, arms_of
from storyline_core.settings.values import hide_password

FILE = "the file"
DEFAULT = "default"
_NOTHING = object()
_BARE = frozenset({"whole number", "number", "true or false"})


@attrs.frozen
class EffectiveSetting:
    """One setting: its path, its value as the file would spell it (a secret is masked), and where it came from.

    `origin` is `the file`, `default`, or the name of the variable that gave it.
    """

    path: str
    value: str
    origin: str


def effective_settings(
    path: Path | None, environment: Mapping[str, str], plugins: Kinds, *, directory: Path | None = None
) -> tuple[EffectiveSetting, ...]:
    """Every setting of everything that is configured, in the order of the reference.

    Whether the values are right is not looked at; `load` does. Raises `SettingsError` for a file that cannot be read.
    """
    found = given(path, environment, directory=directory)

    def options_of(section: str, kind: str) -> type | None:
        known = plugins.find(CONTRACTS[section], kind)
        return known.settings if known else None

    laid = override(found.values, found.environment, options_of)
    leaves = known_leaves(laid.values, options_of)
    return tuple(setting for leaf in leaves if not leaf.dormant for setting in _settings(leaf, laid.values, found))


def _settings(leaf: Leaf, values: Mapping[str, object], found: Given) -> Iterator[EffectiveSetting]:
    value = _at(values, leaf.path)
    if value is _NOTHING:
        default = default_of(leaf)
        # What is needed and not there is a mistake, which `load` tells; what has no value says nothing.
        if default:
            yield EffectiveSetting(".".join(leaf.path), default, DEFAULT)
    elif leaf.open_keys and isinstance(value, Mapping):
        for key, each in value.items():
            yield EffectiveSetting(".".join((*leaf.path, str(key))), _shown(leaf, each), _origin(each, found))
    else:
        yield EffectiveSetting(".".join(leaf.path), _shown(leaf, value), _origin(value, found))


def _at(values: object, path: tuple[str, ...]) -> object:
    for step in path:
        if not isinstance(values, Mapping) or step not in values:
            return _NOTHING
        values = values[step]
    return values


def _origin(value: object, found: Given) -> str:
    if not isinstance(value, FromEnvironment):
        return FILE
    return f"{value.variable} in .env" if value.variable in found.written_down else value.variable


def _shown(leaf: Leaf, value: object) -> str:
    if leaf.path == ("database", "url") and isinstance(value, str):
        return written(hide_password(value))
    # A reference says where the secret lies, and may be seen; the secret itself may not.
    if Secret in arms_of(leaf.kind) and isinstance(value, str):
        return "***"
    if isinstance(value, FromEnvironment) and type_in_words(leaf.kind) in _BARE:
        return str(value)
    return scrub(written(value))
