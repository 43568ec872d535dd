"""The three column types of the store: whole numbers of any size, aware instants, and JSON as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

BIG: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; SQLite numbers rows by itself only in columns declared INTEGER."""

BY_LETTERS = {"folder": "text_pattern_ops"}
"""For indexes on folders: PostgreSQL orders by language otherwise, and finds nothing by how a text begins."""


class Instant(TypeDecorator[datetime]):
    """An aware instant, UTC at rest and when read. A naive one is refused with `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[object]):
    """Any JSON value, stored as text so that both databases keep it letter for letter."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object | None, dialect: Dialect) -> str | None:
        return None if value is None else spell_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object | None:
        return None if value is None else json.loads(value)


def in_utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises `ValueError` for a naive one."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC)


def spell_json(value: object) -> str:
    """JSON as the store keeps it: readable letters, keys in order."""
    return storable(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))


def storable(text: str) -> str:
    """The text without what a database refuses: NUL goes, half a surrogate pair becomes a question mark."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def spell_instant(value: datetime, dialect: str) -> str:
    """An instant as the bulk paths hand it to the driver, which they reach without the column types."""
    value = in_utc(value)
    if dialect == "sqlite":
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value.isoformat()


def read_instant(value: datetime | str | None) -> datetime | None:
    """What the driver gave for an instant, as an aware one in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC)
