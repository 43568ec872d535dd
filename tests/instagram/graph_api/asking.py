"""A request as its operation sees it, and an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

import attrs

from tests.instagram.graph_api.errors import Json


@attrs.frozen
class Answered:
    """An answer: its code, its headers and its body."""

    code: int = 200
    body: bytes = b""
    kind: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def json(cls, told: object, code: int = 200, headers: Mapping[str, str] | None = None) -> Answered:
        """A JSON answer."""
        return cls(code, json.dumps(told, separators=(",", ":")).encode(), headers=headers or {})


@attrs.frozen
class Target:
    """Where a request goes: the host that its first part stands for, the parts after it, and the query."""

    method: str
    host: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    path: str

    @classmethod
    def of(cls, method: str, raw: str) -> Target:
        """What a request line says."""
        path, _, query = raw.partition("?")
        parts = [unquote(one) for one in path.split("/")[1:]]
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        return cls(method, parts[0] if parts else "", tuple(one for one in parts[1:] if one), pairs, unquote(path))


@attrs.define(eq=False)
class Request:
    """One request: where it goes, its headers in lower case, and its body."""

    target: Target
    headers: Mapping[str, str]
    body: bytes = b""
    whole: bool = True
    params: dict[str, str] = attrs.field(factory=dict)
    files: dict[str, bytes] = attrs.field(factory=dict)
    lists: dict[str, list[str]] = attrs.field(factory=dict)

    @classmethod
    def of(cls, target: Target, headers: Mapping[str, str], body: bytes, whole: bool = True) -> Request:
        """A request with its parameters, from the query and from the body."""
        made = cls(target, headers, body, whole, dict(target.query))
        kind = headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            made._add(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        elif kind.startswith("application/json") and body:
            made._add_json(body)
        elif kind.startswith("multipart/form-data"):
            made._add_parts(kind.partition("boundary=")[2].strip('"'))
        return made

    def json_body(self) -> Json:
        """The body as an object, empty where it is none."""
        try:
            told = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def _add(self, pairs: list[tuple[str, str]]) -> None:
        for name, value in pairs:
            if name.endswith("[]"):
                self.lists.setdefault(name[:-2], []).append(value)
            else:
                self.params[name] = value

    def _add_json(self, body: bytes) -> None:
        for name, value in self.json_body().items():
            self.params[name] = value if isinstance(value, str) else json.dumps(value)

    def _add_parts(self, boundary: str) -> None:
        for piece in self.body.split(b"--" + boundary.encode())[1:]:
            head, mark, content = piece.partition(b"\r\n\r\n")
            if not mark:
                continue
            name = head.decode("utf-8", "replace").partition(' name="')[2].partition('"')[0]
            content = content.removesuffix(b"\r\n")
            if b"filename=" in head:
                self.files[name] = content
            else:
                self._add([(name, content.decode("utf-8", "replace"))])
