"""A request as its operation sees it: who asks, the query, the headers, the body; and an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from tests.gdrive.drive_api.refusals import Json, Refused, invalid
from tests.gdrive.drive_api.state import Viewer


@attrs.frozen
class Answered:
    """An answer: its code, its headers and its body."""

    code: int = 200
    body: bytes = b""
    kind: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def json(cls, told: Json, code: int = 200, headers: Mapping[str, str] | None = None) -> Answered:
        """A JSON answer."""
        raw = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return cls(code, raw, headers=headers or {})


@attrs.frozen
class Request:
    """One request to Drive, by somebody."""

    viewer: Viewer
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value. Raises ``Refused`` (400) for anything but ``true`` and ``false``."""
        given = self.query.get(name)
        if given is None:
            return default
        if given.lower() not in {"true", "false"}:
            raise invalid(name)
        return given.lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A number from 1; more than ``most`` counts as ``most``."""
        given = self.query.get(name)
        if given is None:
            return default
        if not given.isdigit() or int(given) < 1:
            raise invalid(name, f"Invalid value '{given}'. Values must be within the range: [1, {most}]")
        return min(int(given), most)

    def json(self) -> Json:
        """The body, as an object. Raises ``Refused`` (400 parseError) for what is none."""
        try:
            told = json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, "parseError", "Parse Error") from None
        if not isinstance(told, dict):
            raise Refused(400, "parseError", "Parse Error")
        return told
