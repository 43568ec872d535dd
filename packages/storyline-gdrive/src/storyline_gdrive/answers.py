"""Google's JSON, read with distrust: what is not as expected counts as not being there. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

Json = Mapping[str, object]


def as_object(value: object) -> Json:
    """The JSON object, or an empty one."""
    return cast(Json, value) if isinstance(value, dict) else {}


def objects(value: object) -> list[Json]:
    """The JSON objects in a list."""
    return [as_object(each) for each in value] if isinstance(value, list) else []


def text(value: object) -> str:
    """The text, or an empty one; without what no database can keep."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\0", "")


def whole(value: object) -> int | None:
    """A number that JSON has as a text or as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return max(0, int(value))
    except ValueError:
        return None


def nanoseconds(value: object) -> int:
    """An RFC 3339 time as nanoseconds since 1970; 0 for what is none."""
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000)


def unspelled(content: bytes) -> object:
    """A body as JSON; None where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def parsed(content: bytes) -> Json:
    """A body as a JSON object; an empty one where it is none."""
    return as_object(unspelled(content))
