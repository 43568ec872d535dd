"""Foreign words made fit to be shown: cleaned, measured, shortened, isolated and escaped. Pure.

Telegram counts a text in UTF-16 units after its tags are read. Whatever people or files say is cleaned first (`line`,
`lines`), then perhaps shortened (`cut`), and turned into HTML last (`shown`), so that no tag is ever cut.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

CAPTION_LIMIT = 1024
"""UTF-16 units of a text below a picture, a film or a file."""

TEXT_LIMIT = 4096
"""UTF-16 units of a message that is only text."""

ANSWER_LIMIT = 200
"""UTF-16 units of the small answer to a tap."""

ELLIPSIS = "…"

_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001]"
)
_LONE = re.compile("[\ud800-\udfff]")
_BLANK = "\u115f\u1160\u2800\u3164\uffa0\u200c\u200d\u200e\u200f\u061c"
_JOINERS = re.compile("[\u200c\u200d]{2,}")
_MOST_MARKS = 6
_LEAST = 12
_JOINER = "\u200d"


def line(text: str) -> str:
    """The text on one line, without anything that cannot be seen or that steers the direction of writing."""
    return " ".join(_cleaned(_BREAKS.sub(" ", text)).split())


def lines(text: str) -> str:
    """The text with its line breaks, cleaned as `line` does; never more than one empty line in a row."""
    rows = [_cleaned(row).rstrip() for row in _BREAKS.split(text)]
    kept = [row for index, row in enumerate(rows) if row or (index and rows[index - 1])]
    return "\n".join(kept).strip()


def copyable(text: str) -> str:
    """The text as it was written, fit to be carried in a button: only control characters are left out."""
    text = _LONE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\r\n", "\n")
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) != "Cc").strip()


def units(text: str) -> int:
    """How long the text is as Telegram counts: in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, most: int) -> str:
    """The text in at most so many units: whole words where possible, never part of a visible character, then "…"."""
    if units(text) <= most:
        return text
    if most < 1:
        return ""
    end = _fitting(text, most - 1)
    whole = end
    while whole and not _breaks_at(text, whole):
        whole -= 1
    # A language without spaces, or no whole character at all: then the cut is as long as may be.
    end = whole or end
    word = max(text.rfind(" ", 0, end + 1), text.rfind("\n", 0, end + 1))
    if word >= end * 2 // 3 and word > 0:
        end = word
    return text[:end].rstrip() + ELLIPSIS


def leveled(rows: Sequence[str], most: int) -> tuple[str, ...]:
    """The rows shortened so that all of them, one below the other, fit: the longest first, and all about alike."""
    if units("\n".join(rows)) <= most:
        return tuple(rows)
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if units("\n".join(cut(row, middle) for row in rows)) <= most:
            low = middle
        else:
            high = middle - 1
    if low >= _LEAST:
        return tuple(cut(row, low) for row in rows)
    if len(rows) > 2 and most > _LEAST:
        return (*leveled(rows[:-2], most - 2), ELLIPSIS)
    return (cut(" ".join(rows), most),)


def shown(text: str) -> str:
    """The text as Telegram HTML. What is written from right to left is kept from turning its neighbours around."""
    return html.escape(isolated(text), quote=False)


def isolated(text: str) -> str:
    """The text with first-strong isolates around every row that holds right-to-left writing."""
    if text.isascii():
        return text
    return "\n".join(f"\u2068{row}\u2069" if _turns(row) else row for row in text.split("\n"))


def _turns(row: str) -> bool:
    return any(unicodedata.bidirectional(each) in _TURNING for each in row)


_TURNING = frozenset({"R", "AL", "AN"})


def bold(text: str) -> str:
    """One cleaned line in bold."""
    return f"<b>{shown(line(text))}</b>"


def code(text: str) -> str:
    """One cleaned line that a tap copies."""
    return f"<code>{html.escape(line(text), quote=False)}</code>"


def _cleaned(text: str) -> str:
    text = _JOINERS.sub(_JOINER, _UNSEEN.sub("", _LONE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\t", " "))))
    text = _thinned(text)
    return "" if all(each in _BLANK or each.isspace() for each in text) else text


def _thinned(text: str) -> str:
    """Without the heaps of accents that climb over neighbouring lines."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _fitting(text: str, most: int) -> int:
    """How many characters fit into so many units."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > most:
            return index
    return len(text)


def _breaks_at(text: str, index: int) -> bool:
    """Whether a visible character ends before this index and another begins there."""
    if index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before == _JOINER or _clings(after):
        return False
    if _is_flag_letter(before) and _is_flag_letter(after):
        run = 0
        while run < index and _is_flag_letter(text[index - 1 - run]):
            run += 1
        return run % 2 == 0
    return True


def _clings(character: str) -> bool:
    """Whether it is part of the visible character before it."""
    if character.isascii():
        return False
    joins = (
        character == _JOINER or "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"
    )
    return joins or unicodedata.category(character) in ("Mn", "Me", "Mc")


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
