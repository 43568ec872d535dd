"""JSON that people write by hand: read so that every mistake becomes a sentence and the rest can be kept anywhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

MAX_JSON_BYTES = 8 * 1024 * 1024
"""A larger document is not read: it is not something that a person wrote."""

_MAX_DEPTH = 32
_MAX_DIGITS = 18
_TOO_DEEP = f"It is nested deeper than {_MAX_DEPTH} levels."


def read_json(text: bytes) -> object:
    """JSON that can be kept everywhere. Raises ValueError with a sentence."""
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"It is larger than {MAX_JSON_BYTES // 1024 // 1024} MiB; spread it over several folders.")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ValueError(f"Line {line} is not UTF-8 text; save the file with the encoding UTF-8.") from None
    if not decoded.strip():
        raise ValueError("It is empty; an object ({ … }) is expected.")
    try:
        content = json.loads(decoded, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"Line {error.lineno}, column {error.colno} is not JSON: {error.msg}.") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    check_keepable(content)
    return content


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise ValueError(f"The number {digits[:20]}… has more than {_MAX_DIGITS} digits; put it in quotes.")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"The number {digits[:20]} is too large; put it in quotes.")
    return number


def _constant(word: str) -> object:
    raise ValueError(f"{word} is not a value that JSON knows.")


def check_keepable(content: object) -> None:
    """Raise ValueError for what no database keeps: zero characters, halves of characters, a nesting too deep."""
    level: list[object] = [content]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for each in level:
            if isinstance(each, str):
                _check_text(each)
            elif isinstance(each, Mapping):
                below.extend(each)
                below.extend(each.values())
            elif isinstance(each, list | tuple):
                below.extend(each)
        if not below:
            return
        level = below
    raise ValueError(_TOO_DEEP)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"“{shown(text)}” holds half of a character (an emoji cut in two, perhaps).") from None
    if "\0" in text:
        raise ValueError(f"“{shown(text)}” holds a zero character (\\u0000), which no database keeps.")


def shown(text: str) -> str:
    """A text from somebody's file, fit for a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text[:80])


def kind_of(value: object) -> str:
    """What JSON calls a value, for a sentence."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
