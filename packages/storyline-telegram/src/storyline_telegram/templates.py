"""The card's text as a template that people may change: fields in braces, Telegram's tags, and nothing else. Pure.

    <b>{title}</b>
    {account} · {time}

    {caption}

A line whose fields are all empty vanishes, with the words around them. Values are escaped always. A mistake is named
with the line and column at which it stands, all of them together, before anything starts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping

import attrs

from storyline_core import Problem, SettingsError
from storyline_telegram.tags import OPENERS, complaint_about, name_in
from storyline_telegram.texts import shown, units

FIELDS = ("title", "caption", "link", "tags", "category", "time", "id", "why", "last_posted", "stickers", "account")
"""What may stand in braces. `stickers` names the link among what to add unless the template has `{link}`."""

DEFAULT = """\
<b>{title}</b>
{account} · {time} · <code>{id}</code>

{caption}

{stickers}

Tags: {tags}
Category: {category}
Last posted: {last_posted}
Why: {why}"""

MOST_WORDS = 300
"""UTF-16 units that a template may say by itself, so that room is left for what the card is about."""

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}\n]*\}|[{}]|<[^<>\n]*>|[<>]|&[^\s;&<>{}]{1,12};|&|[^{}<>&]+")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#[1-9][0-9]{0,6}|#x[0-9a-fA-F]{1,6});")


@attrs.frozen
class Field:
    """A place for a value."""

    name: str


@attrs.frozen
class Literal:
    """A tag, or words, as Telegram HTML; `units` is how long it is to read."""

    markup: str
    units: int


Row = tuple[Field | Literal, ...]


@attrs.frozen
class Template:
    """A template that was read and found good."""

    rows: tuple[Row, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it shows."""
        return frozenset(piece.name for row in self.rows for piece in row if isinstance(piece, Field))


@attrs.frozen
class Mistake:
    """What is wrong with a template, and where; lines and columns count from 1."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


def read_template(text: str, path: str = "template") -> Template:
    """The template that a text describes. Raises `SettingsError` with every mistake at once; `path` says where."""
    template, mistakes = _parsed(text)
    if mistakes:
        raise SettingsError([Problem(path, str(mistake)) for mistake in mistakes])
    return template


def mistakes_in(text: str) -> tuple[Mistake, ...]:
    """Everything that is wrong with a template, in the order in which it stands there."""
    return _parsed(text)[1]


def laid_out(template: Template, values: Mapping[str, str]) -> tuple[str, int]:
    """The text as Telegram HTML, and its length in UTF-16 units as it is read. Values are plain and already clean."""
    kept: list[tuple[str, int]] = []
    for row in template.rows:
        fields = [piece.name for piece in row if isinstance(piece, Field)]
        if fields and not any(values.get(name) for name in fields):
            continue
        written = [_piece(piece, values) for piece in row]
        entry = "".join(markup for markup, _ in written), sum(length for _, length in written)
        if entry[1] or (kept and kept[-1][1]):
            kept.append(entry)
    while kept and not kept[-1][1]:
        kept.pop()
    return "\n".join(markup for markup, _ in kept), sum(length for _, length in kept) + max(len(kept) - 1, 0)


def _piece(piece: Field | Literal, values: Mapping[str, str]) -> tuple[str, int]:
    if isinstance(piece, Literal):
        return piece.markup, piece.units
    markup = shown(values.get(piece.name, ""))
    return markup, units(html.unescape(markup))


def _parsed(text: str) -> tuple[Template, tuple[Mistake, ...]]:
    rows: list[Row] = []
    mistakes: list[Mistake] = []
    for number, written in enumerate(text.strip("\n").split("\n"), start=1):
        row = _Row(number + len(text) - len(text.lstrip("\n")))
        row.read(written)
        rows.append(tuple(row.pieces))
        mistakes += sorted(row.mistakes, key=lambda each: each.column)
    template = Template(tuple(rows))
    return template, (*mistakes, *_as_a_whole(template))


def _as_a_whole(template: Template) -> Iterator[Mistake]:
    said = sum(piece.units for row in template.rows for piece in row if isinstance(piece, Literal))
    if said > MOST_WORDS:
        yield Mistake(1, 1, f"the template's own words are {said} characters long; {MOST_WORDS} at most leave room.")
    if not template.fields:
        yield Mistake(1, 1, "there is no field in it, so every card would say the same. Write {title}, for example.")


@attrs.define
class _Row:
    """One line of a template while it is read."""

    number: int
    pieces: list[Field | Literal] = attrs.field(factory=list)
    mistakes: list[Mistake] = attrs.field(factory=list)
    open: list[tuple[str, int]] = attrs.field(factory=list)

    def read(self, text: str) -> None:
        """Take the line apart. Every tag is closed on the line on which it opens, so that lines can vanish."""
        for token in _TOKEN.finditer(text):
            self._take(token[0], token.start() + 1)
        for name, column in self.open:
            self._wrong(column, f"<{name}> is not closed on this line. Write </{name}> before the line ends.")

    def _take(self, token: str, column: int) -> None:
        if token in ("{{", "}}"):
            self._say(token[0])
        elif token[0] == "{" and token[-1] == "}":
            self._field(token[1:-1], column)
        elif token in ("{", "}"):
            self._wrong(column, f"a single {token}. Write {token}{token} for the sign itself.")
        elif token[0] == "<" and len(token) > 1:
            self._tag(token, column)
        elif token in ("<", ">"):
            self._wrong(column, f"a single {token}. Write {html.escape(token)} for the sign itself.")
        elif token[0] == "&":
            self._entity(token, column)
        else:
            self._say(token)

    def _field(self, name: str, column: int) -> None:
        if name in FIELDS:
            self.pieces.append(Field(name))
            return
        known = ", ".join(f"{{{each}}}" for each in FIELDS)
        self._wrong(column, f"there is no field {{{name}}}. There are {known}.")

    def _entity(self, token: str, column: int) -> None:
        if _ENTITY.fullmatch(token) and _is_letter(html.unescape(token)):
            self.pieces.append(Literal(token, units(html.unescape(token))))
        elif token == "&":
            self._wrong(column, "a single &. Write &amp; for the sign itself.")
        else:
            self._wrong(
                column, f"Telegram does not know {token}. It knows &lt; &gt; &amp; &quot; and &#8226; with a number."
            )

    def _tag(self, token: str, column: int) -> None:
        if "{" in token:
            self._wrong(column, "a field cannot stand inside a tag. Write {link} as text: a tap on it opens it.")
            return
        complaint = complaint_about(token, [name for name, _ in self.open])
        if complaint:
            self._wrong(column, complaint)
        name = name_in(token)
        if token.startswith("</"):
            if self.open and (not complaint or self.open[-1][0] == name):
                self.open.pop()
        elif name in OPENERS:
            self.open.append((name, column))
        self.pieces.append(Literal(token, 0))

    def _say(self, words: str) -> None:
        self.pieces.append(Literal(html.escape(words, quote=False), units(words)))

    def _wrong(self, column: int, text: str) -> None:
        self.mistakes.append(Mistake(self.number, column, text))


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isprintable() and not "\ud800" <= text <= "\udfff"
