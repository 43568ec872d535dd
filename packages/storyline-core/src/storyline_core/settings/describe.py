"""All settings as a list, for the reference page and for the starter file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin
from zoneinfo import ZoneInfo

import attrs

from storyline_core.interfaces import Kind
from storyline_core.settings.durations import Window, duration_text
from storyline_core.settings.secret import Secret
from storyline_core.settings.sections import HELP, NAMED, PLAIN
from storyline_core.settings.tree import Leaf, arms_of, leaves_of

_WORDS: Mapping[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    timedelta: "duration",
    Window: "window",
    ZoneInfo: "time zone",
    Secret: "secret",
}


@attrs.frozen
class SettingField:
    """One setting: its path with NAME for names, its type and default in words (None: needed), what it is for."""

    path: str
    type: str
    default: str | None
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it, with NAME for names."""
        return "STORYLINE_" + self.path.replace(".", "_").replace("-", "_").upper()


def describe_settings() -> list[SettingField]:
    """Every setting that core itself reads, in the order of the file."""
    fields = [field for section, schema in PLAIN.items() for field in _fields(schema, (section,))]
    for section, schema in NAMED.items():
        fields.extend(_fields(schema, (section, "NAME")))
    return fields


def describe_kind(section: str, kind: Kind[object]) -> list[SettingField]:
    """The settings of one kind, under `sources`, `notifiers` or `publishers`."""
    return _fields(kind.settings, (section, "NAME"))


def _fields(schema: type, path: tuple[str, ...]) -> list[SettingField]:
    return [_field(leaf) for leaf in leaves_of(schema, path)]


def _field(leaf: Leaf) -> SettingField:
    help_text = leaf.field.metadata.get(HELP, "")
    return SettingField(".".join(leaf.path), type_in_words(leaf.kind), default_of(leaf), str(help_text))


def type_in_words(kind: object) -> str:
    """A type as a person would say it."""
    arms = [arm for arm in arms_of(kind) if arm is not NoneType]
    return " or ".join(dict.fromkeys(_one(arm) for arm in arms))


def _one(kind: object) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " | ".join(f'"{member.value}"' for member in kind)
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if str(origin) == str(Literal):
        return " | ".join(f'"{choice}"' for choice in inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {_plural(inner[-1])}" if inner else "table"
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return f"list of {_plural(inner[0])}" if inner else "list"
    return "table"


def _plural(kind: object) -> str:
    word = type_in_words(kind)
    return word if " or " in word or "|" in word else f"{word}s"


def default_of(leaf: Leaf) -> str | None:
    """The default as the settings file would spell it; None where a value is needed."""
    default: object = leaf.field.default
    if default is attrs.NOTHING:
        return None
    factory = getattr(default, "factory", None)
    if callable(factory):
        default = factory()
    if leaf.path[-1] == "sources" and not default:
        return None
    return written(default)


def written(value: object) -> str:
    """A value as the settings file would spell it; nothing where it is left out."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return f'"{value.value}"'
    if isinstance(value, timedelta):
        return f'"{duration_text(value)}"'
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key} = {written(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, tuple | list | frozenset):
        return "[" + ", ".join(written(each) for each in value) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
