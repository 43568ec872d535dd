"""Meta's JSON, read with distrust: what is not as expected counts as not being there. Pure."""

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


def texts(value: object) -> list[str]:
    """The texts in a list."""
    return [each for each in map(text, value) if each] if isinstance(value, list) else []


def text(value: object) -> str:
    """The text, or an empty one; without what no database can keep. A number is spelled: ids come as either."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\0", "")


def number(value: object) -> float | None:
    """A number, also one that is spelled as a text; not one that is endless."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e15 else None


def whole(value: object) -> int | None:
    """A whole number, also one that is spelled as a text."""
    found = number(value)
    return None if found is None else int(found)


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as a time; None for 0, which stands for never, and for what is none."""
    seconds = whole(value)
    if seconds is None or not 0 < seconds < 32_503_680_000:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def parsed(content: bytes | str) -> Json | None:
    """A body as a JSON object; None where it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast(Json, found) if isinstance(found, dict) else None
