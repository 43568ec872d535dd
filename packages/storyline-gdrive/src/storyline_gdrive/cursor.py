"""A cursor as text: up to where the changes of each drive were told, and which tree that was. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs

from storyline_gdrive.answers import as_object, parsed, text


@attrs.frozen
class Cursor:
    """`rules` are the listing's filters; `tokens` are by shared drive, "" is My Drive; `tree` names a kept tree."""

    rules: str
    tokens: Mapping[str, str]
    tree: str

    def spelled(self) -> str:
        """For core to keep."""
        return json.dumps(
            {"v": 1, "rules": self.rules, "tree": self.tree, "tokens": dict(sorted(self.tokens.items()))},
            separators=(",", ":"),
        )


def tree_name(rules: str, tokens: Mapping[str, str]) -> str:
    """The name of the tree as it is at these tokens."""
    spelled = json.dumps([rules, sorted(tokens.items())])
    return hashlib.sha256(spelled.encode()).hexdigest()[:20]


def read_cursor(spelled: str, rules: str) -> Cursor | None:
    """The cursor, or None for one that is not of these rules, or none at all."""
    told = parsed(spelled.encode("utf-8", "replace"))
    tokens = {name: text(token) for name, token in as_object(told.get("tokens")).items()}
    if told.get("v") != 1 or told.get("rules") != rules or not tokens or not all(tokens.values()):
        return None
    return Cursor(rules, tokens, text(told.get("tree")))
