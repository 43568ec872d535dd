"""Lists that are longer than a message: pages of at most 4096 units and of as many rows as a phone shows. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from storyline_telegram.texts import TEXT_LIMIT, units

MOST_ROWS = 12
"""Rows on one page: about what a phone shows at once."""

_TAG = re.compile(r"<[^<>]*>")
_ROOM = 40


def read_units(markup: str) -> int:
    """How long Telegram HTML is to read, in UTF-16 units."""
    return units(html.unescape(_TAG.sub("", markup)))


def paged(
    head: str, rows: Sequence[str], foot: str = "", *, groups: Sequence[str] = (), most_rows: int = MOST_ROWS
) -> tuple[str, ...]:
    """Head, rows and foot as pages of Telegram HTML; each but the last says how many rows follow. At least one page.

    `groups` has the heading of each row; it stands above the first row of its kind on every page. A row stays whole.
    One that would not even fit alone is left out rather than cut through its tags.
    """
    room = TEXT_LIMIT - read_units(head) - read_units(foot) - _ROOM
    headings = groups or [""] * len(rows)
    pages: list[list[str]] = []
    used = taken = 0
    last = ""
    for row, heading in zip(rows, headings, strict=True):
        length = read_units(row) + read_units(heading) + 2
        if length > room:
            continue
        if not pages or taken == most_rows or used + length > room:
            pages.append([])
            used, taken, last = 0, 0, ""
        pages[-1].append(f"{heading}\n{row}" if heading != last else row)
        used, taken, last = used + length, taken + 1, heading
    texts, left = [], len(rows)
    for page in pages or [[]]:
        left -= len(page)
        more = [f"… and {left} more"] if left else []
        texts.append("\n".join((head, "", *page, *more, *(("", foot) if foot else ()))).strip())
    return tuple(texts)


def some(rows: Sequence[str], most: int) -> list[str]:
    """The first rows, and how many there are beyond them."""
    left = len(rows) - most
    return [*rows[:most], *([f"… and {left} more"] if left > 0 else [])]


def counted(count: int, one: str, many: str = "") -> str:
    """`1 picture`, `3 pictures`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
