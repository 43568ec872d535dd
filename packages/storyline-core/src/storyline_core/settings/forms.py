"""The forms a setting can have (texts, numbers, durations, lists, tables, …), as hooks of one cattrs converter."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, TypeGuard, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import attrs
import cattrs
from cattrs.errors import ClassValidationError, StructureHandlerNotFoundError
from cattrs.gen import make_dict_structure_fn

from storyline_core.errors import Problem
from storyline_core.settings.durations import Window, parse_duration, parse_window, parse_zone
from storyline_core.settings.secret import Secret
from storyline_core.settings.surroundings import FromEnvironment, Surroundings, Wrong, near, shown

T = TypeVar("T")
Step = str | int
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class Several(Exception):
    """Mistakes in the parts of one value."""

    def __init__(self, parts: list[tuple[Step, Exception]]) -> None:
        self.parts = parts
        super().__init__()


def _is_literal(target: object) -> bool:
    return str(get_origin(target)) == str(Literal)


def settings_converter(surroundings: Surroundings) -> cattrs.Converter:
    """The converter for all settings classes, core's and plugins'."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)

    converter.register_structure_hook(Enum, _choice)
    converter.register_structure_hook_factory(_is_literal, _literal_hook)
    converter.register_structure_hook_factory(_is_sequence, lambda t: _sequence_hook(t, converter))
    converter.register_structure_hook_factory(_is_mapping, lambda t: _mapping_hook(t, converter))
    converter.register_structure_hook_factory(_is_union, lambda t: _union_hook(t, converter))
    converter.register_structure_hook_factory(attrs.has, lambda t: _class_hook(t, converter))

    # cattrs asks hooks for classes before factories, and finds an enum of texts under the texts.
    def leaf(kind: type[T], read: Callable[[object], T]) -> None:
        def hook(value: object, target: object) -> object:
            return _choice(value, target) if _is_enum(target) else read(value)

        converter.register_structure_hook(kind, hook)

    leaf(str, _text)
    leaf(bool, _truth)
    leaf(int, _whole)
    leaf(float, _number)
    leaf(timedelta, _in_words(parse_duration, 'Write a duration in quotes, such as "30m".'))
    leaf(Window, _in_words(parse_window, 'Write a window in quotes, such as "09:00-21:00".'))
    leaf(ZoneInfo, _in_words(parse_zone, 'Write a zone in quotes, such as "Europe/Berlin".'))
    leaf(Path, lambda value: surroundings.path(_text(value)))
    leaf(Secret, surroundings.secret)
    return converter


def _class_hook(target: type, converter: cattrs.Converter) -> Callable[[object, object], object]:
    read: Callable[[Mapping[str, object], type], object] = make_dict_structure_fn(
        target, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, _cattrs_use_alias=True
    )

    def hook(value: object, _: object) -> object:
        if not isinstance(value, Mapping):
            raise Wrong(f"this must be a table, not {shown(value)}")
        return read(dict(value), target)

    return hook


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"this must be a text in quotes, not {shown(value)}")
    return str(value)


def _truth(value: object) -> bool:
    if isinstance(value, FromEnvironment) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    if not isinstance(value, bool):
        raise Wrong(f"this must be true or false, not {shown(value)}")
    return value


def _whole(value: object) -> int:
    if isinstance(value, FromEnvironment):
        try:
            return int(value)
        except ValueError:
            raise Wrong(f"this must be a whole number, not {shown(value)}") from None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(f"this must be a whole number, not {shown(value)}")
    return value


def _number(value: object) -> float:
    if isinstance(value, FromEnvironment):
        try:
            value = float(value)
        except ValueError:
            raise Wrong(f"this must be a number, not {shown(value)}") from None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong(f"this must be a number, not {shown(value)}")
    return float(value)


def _in_words(parse: Callable[[str], T], hint: str) -> Callable[[object], T]:
    def read(value: object) -> T:
        if not isinstance(value, str):
            raise Wrong(f"this cannot be {shown(value)}.", hint)
        try:
            return parse(str(value))
        except ValueError as error:
            message, dot, remedy = str(error).partition(". ")
            raise Wrong(message + dot.strip(), remedy) from None

    return read


def _is_enum(target: object) -> TypeGuard[type[Enum]]:
    return isinstance(target, type) and issubclass(target, Enum)


def _choice(value: object, target: type[Enum]) -> Enum:
    by_text = {str(member.value): member for member in target}
    return by_text[_one_of(value, tuple(by_text))]


def _literal_hook(target: object) -> Callable[[object, object], object]:
    by_text = {str(choice): choice for choice in get_args(target)}
    return lambda value, _: by_text[_one_of(value, tuple(by_text))]


def _one_of(value: object, choices: tuple[str, ...]) -> str:
    text = str(value)
    if isinstance(value, bool) or text not in choices:
        listed = " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))
        raise Wrong(f"this must be {listed}, not {shown(value)}.", near(text, choices))
    return text


def _is_sequence(target: object) -> bool:
    return (get_origin(target) or target) in {tuple, list, frozenset}


def _sequence_hook(target: object, converter: cattrs.Converter) -> Callable[[object, object], object]:
    make = get_origin(target) or target
    kinds = get_args(target)
    kind = kinds[0] if kinds else str
    length = len(kinds) if make is tuple and kinds and kinds[-1] is not Ellipsis else None

    def hook(value: object, _: object) -> object:
        if isinstance(value, FromEnvironment):
            value = _listed(value)
        if not isinstance(value, list | tuple):
            raise Wrong(f'this must be a list such as ["a", "b"], not {shown(value)}')
        if length is not None and len(value) != length:
            raise Wrong(f"this must be a list of {length}, not of {len(value)}")
        each = [kinds[index] if length is not None else kind for index in range(len(value))]
        entries = _all([(index, entry, each[index]) for index, entry in enumerate(value)], converter)
        return tuple(entries) if make is tuple else entries if make is list else frozenset(entries)

    return hook


def _is_mapping(target: object) -> bool:
    origin = get_origin(target) or target
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _mapping_hook(target: object, converter: cattrs.Converter) -> Callable[[object, object], object]:
    _, kind = get_args(target) or (str, object)

    def hook(value: object, _: object) -> object:
        if isinstance(value, FromEnvironment):
            value = _paired(value)
        if not isinstance(value, Mapping):
            raise Wrong(f"this must be a table such as {{ a = 1, b = 2 }}, not {shown(value)}")
        keys = [str(key) for key in value]
        return dict(zip(keys, _all([(key, value[key], kind) for key in keys], converter), strict=True))

    return hook


def _all(parts: list[tuple[Step, object, object]], converter: cattrs.Converter) -> list[object]:
    read: list[object] = []
    wrong: list[tuple[Step, Exception]] = []
    for step, value, kind in parts:
        try:
            read.append(value if kind is object else converter.structure(value, kind))  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - told with the others
            wrong.append((step, error))
    if wrong:
        raise Several(wrong)
    return read


def _toml(value: FromEnvironment) -> object:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raise Wrong("this is not a TOML list or table") from None


def _listed(value: FromEnvironment) -> object:
    if value.lstrip().startswith("["):
        return _toml(value)
    return [FromEnvironment.of(part.strip(), value.variable) for part in value.split(",") if part.strip()]


def _paired(value: FromEnvironment) -> object:
    if value.lstrip().startswith("{"):
        return _toml(value)
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise Wrong(f"this must be written as a=1,b=2, not {shown(value)}")
    return {key.strip(): FromEnvironment.of(text.strip(), value.variable) for key, _, text in pairs}


def _is_union(target: object) -> bool:
    return get_origin(target) in {Union, UnionType}


def _union_hook(target: object, converter: cattrs.Converter) -> Callable[[object, object], object]:
    # Texts come last: from the environment everything is one, and a number or a truth value is more likely meant.
    arms = sorted((arm for arm in get_args(target) if arm is not NoneType), key=lambda arm: arm is str)
    optional = NoneType in get_args(target)

    def hook(value: object, _: object) -> object:
        if value is None and optional:
            return None
        errors: list[Exception] = []
        for arm in arms:
            try:
                return converter.structure(value, arm)
            except Exception as error:  # noqa: BLE001 - told when no other form fits
                errors.append(error)
        raise _best(value, errors)

    return hook


def _best(value: object, errors: list[Exception]) -> Exception:
    """Of several failed forms the one that was meant: for a table a table's, otherwise all of them in one sentence."""
    if len(errors) == 1 or isinstance(value, Mapping):
        return errors[0] if not isinstance(value, Mapping) else _of_tables(errors)
    every = [told(error) for error in errors]
    remedies = " ".join(dict.fromkeys(each.remedy for each in every if each.remedy))
    return Wrong(", or ".join(dict.fromkeys(each.message.rstrip(".") for each in every)), remedies)


def _of_tables(errors: list[Exception]) -> Exception:
    tables = [e for e in errors if isinstance(e, ClassValidationError | Several)]
    wrong = [e for e in errors if isinstance(e, Wrong) and "must be" not in e.message]
    return (tables or wrong or errors)[0]


def told(error: BaseException) -> Problem:
    """One mistake as a problem without a path."""
    if isinstance(error, Wrong):
        return Problem("", error.message, error.remedy)
    if isinstance(error, KeyError):
        return Problem("", "this is needed and missing")
    if isinstance(error, StructureHandlerNotFoundError):
        return Problem("", "the plugin asks for a type that settings cannot hold", "Tell its author.")
    # A validator of a plugin's own settings class: attrs puts the sentence first and its own objects after it.
    sentence = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return Problem("", " ".join(sentence.split()) or "this value is refused by the plugin")
