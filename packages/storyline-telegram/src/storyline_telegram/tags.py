"""The tags that Telegram reads in a text, and what is wrong with one that it does not. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

OPENERS = frozenset({
    "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "tg-spoiler", "span", "a", "code", "pre", "blockquote",
})  # fmt: skip
"""Every tag that may stand in a template."""

_PLAIN = OPENERS - {"span", "a"}
_ALONE = frozenset({"code", "pre"})
_NAME = re.compile(r"</?\s*([^\s>/]*)")
_LINK = re.compile(r'<a href="(?:https?://|tg://|mailto:)[^"<>\s]+">')


def name_in(token: str) -> str:
    """The name of a tag, in lower case; "" where there is none."""
    found = _NAME.match(token)
    return found[1].lower() if found else ""


def complaint_about(token: str, inside: Sequence[str]) -> str:
    """What is wrong with a tag that stands inside these others (outermost first), or ""."""
    name = name_in(token)
    if name not in OPENERS:
        known = " ".join(f"<{each}>" for each in sorted(OPENERS))
        return f"Telegram does not know {token}. It knows {known}. Write &lt; for the sign itself."
    return _about_closing(token, name, inside) if token.startswith("</") else _about_opening(token, name, inside)


def _about_closing(token: str, name: str, inside: Sequence[str]) -> str:
    if token != f"</{name}>":
        return f"{token} is not how a tag is closed. Write </{name}>."
    if not inside:
        return f"{token} closes a tag that was not opened on this line."
    return "" if inside[-1] == name else f"{token} stands where </{inside[-1]}> must come first."


def _about_opening(token: str, name: str, inside: Sequence[str]) -> str:
    if any(each in _ALONE for each in inside):
        return f"{token} cannot stand inside <{next(each for each in inside if each in _ALONE)}>."
    if name in _ALONE and inside and set(inside) != {"blockquote"}:
        return f"{token} cannot stand inside <{inside[-1]}>."
    if name in inside:
        return f"{token} cannot stand inside another <{name}>."
    if name == "span":
        return "" if token == '<span class="tg-spoiler">' else 'Telegram knows <span class="tg-spoiler"> only.'
    if name == "a":
        return "" if _LINK.fullmatch(token) else 'a link is written <a href="https://…">, with double quotes.'
    if name in _PLAIN and token not in (f"<{name}>", "<blockquote expandable>"):
        return f"{token} has more in it than Telegram reads. Write <{name}>."
    return ""
