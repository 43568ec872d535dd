"""Settings as a tree of tables: which leaves a settings class has, and how to set one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Union, get_args, get_origin, get_type_hints

import attrs

from storyline_core.settings.durations import Window
from storyline_core.settings.secret import Secret

_ATOMS = (Secret, Window)
Tree = dict[str, object]


@attrs.frozen
class Leaf:
    """One setting. `open_keys` marks a table whose keys are the user's own; `keys` are those that are there.

    `dormant` marks one in a table that may be left out as a whole, and is.
    """

    path: tuple[str, ...]
    kind: object
    field: attrs.Attribute[object]
    open_keys: bool = False
    keys: tuple[str, ...] = ()
    dormant: bool = False


def leaves_of(schema: type, path: tuple[str, ...], values: object = None) -> Iterator[Leaf]:
    """Every setting of a settings class, those of nested classes included, with the keys found in `values`."""
    hints = types_of(schema)
    for field in attrs.fields(schema):
        if not field.init:
            continue
        key = field.alias or field.name
        below = values.get(key) if isinstance(values, Mapping) else None
        arms = arms_of(hints[field.name])
        nested = [arm for arm in arms if isinstance(arm, type) and attrs.has(arm) and arm not in _ATOMS]
        dormant = below is None and NoneType in arms
        for inner in nested:
            leaves = leaves_of(inner, (*path, key), below)
            yield from (attrs.evolve(leaf, dormant=True) for leaf in leaves) if dormant else leaves
        if not nested:
            table = any(_is_table(arm) for arm in arms)
            keys = tuple(str(name) for name in below) if table and isinstance(below, Mapping) else ()
            yield Leaf((*path, key), hints[field.name], field, table, keys)


@cache
def types_of(schema: type) -> Mapping[str, object]:
    """The types of a settings class's fields, resolved."""
    return get_type_hints(schema)


def arms_of(kind: object) -> tuple[object, ...]:
    """The alternatives of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _is_table(kind: object) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def put(tree: Tree, path: tuple[str, ...], value: object) -> bool:
    """Set one value, making the tables on the way. Tells whether another value stood there.

    Where something other than a table is in the way it stays, for the reader to complain about.
    """
    *way, last = path
    table: object = tree
    for step in way:
        if not isinstance(table, dict):
            return False
        table = table.setdefault(step, {})
    if not isinstance(table, dict):
        return False
    replaced = last in table and table[last] != value
    table[last] = value
    return replaced
