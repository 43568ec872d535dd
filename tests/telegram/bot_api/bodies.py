"""What a request carries: url-encoded, JSON or multipart, with uploads written to disk as they arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.message import Message as Headers
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

import attrs

from tests.telegram.bot_api.refusals import Json, Refused, bad_request

CHUNK = 64 * 1024
FIELD_LIMIT = 1024 * 1024
IDS = range(-(2**63), 2**63)


@attrs.frozen
class Upload:
    """A file that came with a call: its name and kind as the client told them, and where its bytes lie."""

    name: str
    mime_type: str
    path: Path
    size: int


@attrs.define
class Parameters:
    """The parameters of one call."""

    values: Json = attrs.field(factory=dict)
    uploads: dict[str, Upload] = attrs.field(factory=dict)
    too_large: bool = False

    def text(self, name: str) -> str | None:
        """A text as it was given, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def number(self, name: str) -> int | None:
        """A whole number of at most 64 bits, or None."""
        value = self.text(name)
        if value is None or not value:
            return None
        if not re.fullmatch(r"-?[0-9]{1,19}", value) or int(value) not in IDS:
            raise bad_request(f"{name} must be an integer of at most 64 bits")
        return int(value)

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return (self.text(name) or "").lower() in {"true", "1", "yes"}

    def parsed(self, name: str) -> object:
        """A value that travels as JSON, or None."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            parsed: object = json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None
        return parsed

    def record(self, name: str) -> Json | None:
        """A JSON object, or None."""
        value = self.parsed(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise bad_request(f"object expected as {name}")
        return value

    def records(self, name: str) -> list[Json] | None:
        """A JSON array of objects, or None."""
        value = self.parsed(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise bad_request(f"can't parse {name}: expected an Array of Object")
        return value

    def upload(self, name: str) -> Upload | None:
        """A file under its parameter's name, or under the part that ``attach://`` points to."""
        if name in self.uploads:
            return self.uploads[name]
        value = self.text(name)
        return self.attached(value) if value else None

    def attached(self, value: str) -> Upload | None:
        """The file that an ``attach://`` reference means; None for any other text."""
        if not value.startswith("attach://"):
            return None
        found = self.uploads.get(value.removeprefix("attach://"))
        if found is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return found

    def told(self) -> Json:
        """The parameters for a log: values as given, uploads by name and size."""
        return self.values | {name: f"<{one.name}, {one.size} bytes>" for name, one in self.uploads.items()}


class Body:
    """The bytes of one request, read once, never all at once."""

    def __init__(self, stream: BinaryIO, headers: Headers) -> None:
        self.stream = stream
        self.chunked = "chunked" in str(headers.get("Transfer-Encoding", "")).lower()
        self.left = 0 if self.chunked else int(headers.get("Content-Length") or 0)
        self.ended = not self.chunked

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        if self.left == 0 and not self.ended:
            self.left = int(self.stream.readline().split(b";")[0] or b"0", 16)
            if self.left == 0:
                self.ended = True
                self.stream.readline()
        piece = self.stream.read(min(CHUNK, self.left)) if self.left else b""
        if self.left and not piece:
            raise ConnectionError("The client went away while it was sending.")
        self.left -= len(piece)
        if self.left == 0 and not self.ended:
            self.stream.readline()
        return piece

    def whole(self, limit: int) -> bytes:
        """Everything, if it is no more than the limit."""
        pieces, total = [], 0
        while piece := self.read():
            total += len(piece)
            if total <= limit:
                pieces.append(piece)
        if total > limit:
            raise Refused(413, "Request Entity Too Large")
        return b"".join(pieces)


class Multipart:
    """Cuts a multipart body into its parts, holding no more than a chunk or two."""

    def __init__(self, body: Body, boundary: bytes) -> None:
        self.body = body
        self.mark = b"\r\n--" + boundary
        self.buffer = bytearray(b"\r\n")
        self.over = False

    def _more(self) -> None:
        piece = self.body.read()
        if not piece:
            raise bad_request("the multipart body ends too early")
        self.buffer += piece

    def skip(self) -> None:
        """To the end of the part that is being read."""
        self.copy(lambda piece: None)

    def copy(self, sink: Callable[[bytes], object]) -> None:
        """Gives the bytes of this part away, piece by piece."""
        while (found := self.buffer.find(self.mark)) < 0:
            sure = max(0, len(self.buffer) - len(self.mark))
            sink(bytes(self.buffer[:sure]))
            del self.buffer[:sure]
            self._more()
        sink(bytes(self.buffer[:found]))
        del self.buffer[: found + len(self.mark)]
        while len(self.buffer) < 2:
            self._more()
        self.over = self.buffer.startswith(b"--")

    def headers(self) -> dict[str, str]:
        """The headers of the next part."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        lines = bytes(self.buffer[:end]).decode("utf-8", "replace").strip().split("\r\n")
        del self.buffer[: end + 4]
        split = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in split}


def _disposition(header: str, name: str) -> str | None:
    found = re.search(rf'(?:^|[;\s]){name}="((?:[^"\\]|\\.)*)"', header)
    if not found:
        return None
    return re.sub(r"%(0A|0D|22)", lambda code: chr(int(code[1], 16)), re.sub(r"\\(.)", r"\1", found[1]))


def _part(parts: Multipart, into: Parameters, new_file: Callable[[], Path], limit: int) -> None:
    headers = parts.headers()
    disposition = headers.get("content-disposition", "")
    name = _disposition(disposition, "name") or ""
    filename = _disposition(disposition, "filename")
    if filename is None:
        value = bytearray()
        parts.copy(lambda piece: value.extend(piece) if len(value) <= FIELD_LIMIT else None)
        into.values[name] = value.decode("utf-8", "replace")
        return
    path, total = new_file(), 0
    with path.open("wb") as file:

        def keep(piece: bytes) -> None:
            nonlocal total
            total += len(piece)
            if total <= limit:
                file.write(piece)

        parts.copy(keep)
    into.too_large |= total > limit
    into.uploads[name] = Upload(filename, headers.get("content-type", "application/octet-stream"), path, total)


def parameters_of(headers: Headers, query: str, body: Body, new_file: Callable[[], Path], limit: int) -> Parameters:
    """The parameters of a call, from its address and its body, whichever way they are written.

    The whole body is read even when it is over ``limit`` bytes a file, so that the client hears the refusal.
    """
    given = Parameters(dict(parse_qsl(query, keep_blank_values=True)))
    kind = headers.get_content_type()
    if kind == "multipart/form-data":
        boundary = headers.get_param("boundary")
        parts = Multipart(body, str(boundary).encode())
        parts.skip()
        while not parts.over:
            _part(parts, given, new_file, limit)
        while body.read():
            continue
    elif kind == "application/json":
        raw = body.whole(FIELD_LIMIT)
        try:
            values = json.loads(raw or b"{}")
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        given.values |= values if isinstance(values, dict) else {}
    else:
        given.values |= dict(parse_qsl(body.whole(FIELD_LIMIT).decode("utf-8", "replace"), keep_blank_values=True))
    return given
