"""The search language of ``files.list``: what a ``q`` means."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime

import attrs

from tests.gdrive.drive_api.clock import parse_stamp
from tests.gdrive.drive_api.refusals import invalid
from tests.gdrive.drive_api.tree import LEVELS, Node

TOKENS = re.compile(r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<sign><=|>=|!=|=|<|>|\(|\)|\{|\})|(?P<word>[A-Za-z_.]+))")
COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@attrs.frozen
class Asked:
    """What a query may ask about a file beyond the file itself, for one person and client."""

    email: str
    client: str
    trashed: Callable[[Node], bool]
    role_of: Callable[[str, Node], int]
    root: str


Test = Callable[[Node, Asked], bool]


@attrs.frozen
class Term:
    """A part of a query: its test, and the ids of the folders outside of which it is never true (None: anywhere)."""

    test: Test
    folders: frozenset[str] | None = None

    def both(self, other: Term) -> Term:
        """``and``: the narrower of the two places."""
        places = [one.folders for one in (self, other) if one.folders is not None]
        return Term(
            lambda node, ask: self.test(node, ask) and other.test(node, ask), min(places, key=len, default=None)
        )

    def either(self, other: Term) -> Term:
        """``or``: both places."""
        places = None if self.folders is None or other.folders is None else self.folders | other.folders
        return Term(lambda node, ask: self.test(node, ask) or other.test(node, ask), places)


def _text(name: str) -> Callable[[Node], str]:
    return {
        "name": lambda node: node.name,
        "mimeType": lambda node: node.mime_type,
        "shortcutDetails.targetId": lambda node: node.target or "",
    }[name]


def _name_contains(node: Node, wanted: str) -> bool:
    """Drive finds beginnings of words only."""
    text, wanted = node.name.lower(), wanted.lower()
    return text.startswith(wanted) or re.search(rf"[\W_]{re.escape(wanted)}", text) is not None


class _Parser:
    """Reads one query. ``and`` and ``or`` have the same rank and bind from left to right, as Drive documents."""

    def __init__(self, query: str) -> None:
        self.tokens: list[str] = []
        at, query = 0, query.strip()
        while at < len(query):
            found = TOKENS.match(query, at)
            if found is None:
                raise invalid("q")
            self.tokens.append(found.group().strip())
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *allowed: str) -> str:
        token = self.peek()
        if not token or (allowed and token not in allowed):
            raise invalid("q")
        self.at += 1
        return token

    def quoted(self) -> str:
        token = self.take()
        if not token.startswith("'"):
            raise invalid("q")
        return re.sub(r"\\(.)", r"\1", token[1:-1])

    def whole(self) -> Term:
        term = self.joined()
        if self.at < len(self.tokens):
            raise invalid("q")
        return term

    def joined(self) -> Term:
        term = self.single()
        while self.peek() in {"and", "or"}:
            term = term.both(self.single()) if self.take() == "and" else term.either(self.single())
        return term

    def single(self) -> Term:
        if self.peek() == "not":
            self.take()
            negated = self.single()
            return Term(lambda node, ask: not negated.test(node, ask))
        if self.peek() == "(":
            self.take()
            term = self.joined()
            self.take(")")
            return term
        return self.membership() if self.peek().startswith("'") else self.comparison()

    def membership(self) -> Term:
        """``'ID' in parents``, ``'someone@example.com' in owners``."""
        value = self.quoted()
        self.take("in")
        of = self.take("parents", "owners", "writers", "readers")
        if of == "parents":
            return Term(lambda node, ask: node.parent == (ask.root if value == "root" else value), frozenset((value,)))
        if of == "owners":
            return Term(lambda node, ask: node.owner == (ask.email if value == "me" else value))
        level = LEVELS[of.removesuffix("s")]
        return Term(lambda node, ask: ask.role_of(ask.email if value == "me" else value, node) >= level)

    def comparison(self) -> Term:
        name = self.take()
        if name in {"name", "mimeType", "shortcutDetails.targetId"}:
            return self.of_text(name)
        if name in {"trashed", "starred", "sharedWithMe"}:
            return self.of_truth(name)
        if name in {"modifiedTime", "createdTime"}:
            return self.of_time(name)
        if name == "appProperties":
            return self.of_properties()
        raise invalid("q")

    def of_text(self, name: str) -> Term:
        read = _text(name)
        sign = self.take("=", "!=") if name.startswith("shortcut") else self.take("=", "!=", "contains")
        value = self.quoted()
        if sign == "contains" and name == "name":
            return Term(lambda node, ask: _name_contains(node, value))
        if sign == "contains":
            return Term(lambda node, ask: value in read(node))
        return Term(lambda node, ask: (read(node) == value) is (sign == "="))

    def of_truth(self, name: str) -> Term:
        wanted = self.take("=", "!=") == "="
        wanted = wanted is (self.take("true", "false") == "true")
        if name == "trashed":
            return Term(lambda node, ask: ask.trashed(node) is wanted)
        if name == "starred":
            return Term(lambda node, ask: node.starred is wanted)
        return Term(lambda node, ask: (node.owner != ask.email and ask.email in (node.grants or {})) is wanted)

    def of_time(self, name: str) -> Term:
        compare = COMPARE[self.take(*COMPARE)]
        try:
            wanted = parse_stamp(self.quoted())
        except ValueError:
            raise invalid("q") from None
        return Term(lambda node, ask: compare(node.modified if name == "modifiedTime" else node.created, wanted))

    def of_properties(self) -> Term:
        for expected in ("has", "{", "key", "="):
            self.take(expected)
        key = self.quoted()
        for expected in ("and", "value", "="):
            self.take(expected)
        value = self.quoted()
        self.take("}")
        return Term(lambda node, ask: (node.app_properties or {}).get(ask.client, {}).get(key) == value)


def read_query(query: str) -> Term:
    """What a query finds. Raises ``Refused`` (400 invalid, at ``q``) for what is none."""
    return _Parser(query).whole()
