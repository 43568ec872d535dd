"""A strict reader of the HTML that Telegram takes: whatever it would refuse is an error here."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<(?P<tag>/?[^<>]*)>|&(?P<entity>[^;&<>\s]*;)|(?P<text>[^<>&]+)|(?P<bad>.)", re.DOTALL)
_OPENING = re.compile(
    r"(?:(?P<plain>b|strong|i|em|u|ins|s|strike|del|code|pre|tg-spoiler|blockquote)|(?P<quote>blockquote) expandable"
    r'|(?P<link>a) href="[^"<>&]+"|(?P<span>span) class="tg-spoiler")'
)
_NAMED = {"lt;": "<", "gt;": ">", "amp;": "&", "quot;": '"'}
_NUMBERED = re.compile(r"#(?:x(?P<hex>[0-9a-fA-F]+)|(?P<decimal>[0-9]+));")


class Refused(AssertionError):
    """Telegram would answer 400: can't parse entities."""


def read(markup: str) -> str:
    """The text as people read it. Raises `Refused`."""
    said: list[str] = []
    inside: list[str] = []
    for token in _TOKEN.finditer(markup):
        if token["bad"] is not None:
            raise Refused(f"a single {token['bad']!r} at {token.start()}")
        if token["text"] is not None:
            said.append(token["text"])
        elif token["entity"] is not None:
            said.append(_letter(token["entity"]))
        else:
            _step(token["tag"], inside)
    if inside:
        raise Refused(f"never closed: {inside}")
    text = "".join(said)
    text.encode("utf-8")
    return text


def _letter(entity: str) -> str:
    if entity in _NAMED:
        return _NAMED[entity]
    number = _NUMBERED.fullmatch(entity)
    if number is None:
        raise Refused(f"&{entity} is unknown")
    return chr(int(number["hex"], 16) if number["hex"] else int(number["decimal"]))


def _step(tag: str, inside: list[str]) -> None:
    if tag.startswith("/"):
        if not inside or inside[-1] != tag[1:]:
            raise Refused(f"<{tag}> inside {inside}")
        inside.pop()
        return
    opening = _OPENING.fullmatch(tag)
    if opening is None:
        raise Refused(f"<{tag}> is unknown")
    if {"code", "pre"} & set(inside):
        raise Refused(f"<{tag}> inside {inside}")
    inside.append(next(name for name in opening.groups() if name))


def length(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2
