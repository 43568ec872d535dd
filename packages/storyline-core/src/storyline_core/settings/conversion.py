"""Reading a table into an attrs class, with every mistake told in words and by its path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from storyline_core.errors import Problem
from storyline_core.settings.former import instead_of
from storyline_core.settings.forms import Several, Step, told
from storyline_core.settings.surroundings import FromEnvironment, near

T = TypeVar("T")


@attrs.frozen
class Outcome(Generic[T]):
    """What reading one table came to: its values as far as they could be read, and what is wrong.

    `bad` are the keys that could not be read; in `value` they have their defaults.
    """

    value: T | None
    problems: tuple[Problem, ...]
    bad: frozenset[str]


def read_table(
    target: type[T], table: object, path: tuple[str, ...], converter: cattrs.Converter, also: Iterable[type] = ()
) -> Outcome[T]:
    """Read one table into an attrs class. Where something is wrong, the rest is read with the bad keys left out.

    `also` are further classes of which a key may be meant by a misspelt one.
    """
    try:
        return Outcome(converter.structure(table, target), (), frozenset())
    except Exception as error:  # noqa: BLE001 - also whatever a plugin's own validator raises
        known = (target, *also)
        found = [(steps, problem) for steps, problem in _problems(error, known)]
    problems = tuple(_placed(problem, (*path, *steps)) for steps, problem in found)
    bad = frozenset(str(steps[0]) for steps, _ in found if steps)
    rest = {key: value for key, value in table.items() if key not in bad} if isinstance(table, Mapping) else {}
    try:
        return Outcome(converter.structure(rest, target), problems, bad)
    except Exception:  # noqa: BLE001 - what was left out is needed; its absence is told already
        return Outcome(None, problems, bad)


def keys_of(target: type) -> tuple[str, ...]:
    """The keys that a table of this class may have."""
    return tuple(field.alias or field.name for field in attrs.fields(target) if field.init)


def _placed(problem: Problem, path: tuple[Step, ...]) -> Problem:
    full_stop = "" if problem.message.endswith((".", "?")) else "."
    return Problem(spell(path), problem.message + full_stop, problem.remedy)


def spell(path: tuple[Step, ...]) -> str:
    """A path as people read it: `accounts.main.sources[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def named_variable(problem: Problem, values: Mapping[str, object]) -> Problem:
    """The same problem; if an environment variable gave the value, it says which."""
    value: object = values
    for step in re.findall(r"[^.\[\]]+", problem.path):
        if isinstance(value, list):
            value = dict(enumerate(value))
            step = int(step) if step.isdigit() else step
        if not isinstance(value, Mapping) or step not in value:
            break
        value = value[step]
    if not isinstance(value, FromEnvironment) or value.variable in problem.message:
        return problem
    message = f"{problem.message.removesuffix('.')} (set by {value.variable})."
    return Problem(problem.path, message, problem.remedy)


def _problems(error: BaseException, known: tuple[type, ...]) -> Iterator[tuple[tuple[Step, ...], Problem]]:
    """Every mistake inside what cattrs raised, each with the steps that lead to it."""
    if isinstance(error, ClassValidationError):
        noted, plain = error.group_exceptions()
        inside = known if not noted and not plain else ()
        for inner, note in noted:
            meant = (note.type,) if isinstance(note.type, type) and attrs.has(note.type) else inside
            for steps, problem in _problems(inner, meant):
                yield (note.name, *steps), problem
        for each in plain:
            yield from _problems(each, known)
    elif isinstance(error, Several):
        for step, inner in error.parts:
            for steps, problem in _problems(inner, ()):
                yield (step, *steps), problem
    elif isinstance(error, ForbiddenExtraKeysError):
        names = [name for schema in known for name in keys_of(schema)]
        for key in sorted(error.extra_fields):
            hint = instead_of(key, known) or near(key, names)
            remedy = hint or (f"Known here: {', '.join(names)}." if names else "")
            yield (key,), Problem("", "there is no such setting", remedy)
    else:
        yield (), told(error)
