"""Rows to values and back: one cattrs converter for what the queue keeps. Bulk paths of the library go around it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import attrs
from cattrs import Converter
from sqlalchemy import RowMapping

from storyline_core.media import Description
from storyline_core.posts import Post
from storyline_core.store.columns import in_utc

Value = TypeVar("Value")
Row = Mapping[str, object] | RowMapping
"""What the database gave for one row, by column."""

converter = Converter()
converter.register_unstructure_hook(datetime, lambda value: in_utc(value).isoformat())
converter.register_structure_hook(
    datetime, lambda value, _: value if isinstance(value, datetime) else datetime.fromisoformat(value)
)

converter.register_structure_hook_func(lambda cls: cls is object, lambda value, _: value)


def row_of(value: attrs.AttrsInstance) -> dict[str, object]:
    """The columns of a frozen value: instants stay instants, whatever is nested becomes JSON values."""
    row: dict[str, object] = {}
    for name in attrs.fields_dict(type(value)):
        held = getattr(value, name)
        row[name] = held if isinstance(held, datetime) else converter.unstructure(held)
    return row


def value_of(row: Row, cls: type[Value]) -> Value:
    """The frozen value that a row holds; columns that are not fields of it are passed over."""
    return converter.structure(row, cls)


def post_of(row: Row) -> Post:
    """The post that a row holds."""
    return converter.structure(row, Post)


def description_of(row: Row) -> Description:
    """What an item's row says about the item."""
    return converter.structure({name: row[name] for name in _DESCRIPTION}, Description)


def description_columns(description: Description) -> dict[str, object]:
    """The columns of an item's row that say what people say about it."""
    return row_of(description)


_DESCRIPTION = tuple(attrs.fields_dict(Description))
