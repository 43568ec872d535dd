"""Uploads: simple, multipart, and resumable in pieces that survive a broken connection."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from email.parser import BytesHeaderParser
from typing import cast

import attrs

from tests.gdrive.drive_api import writing
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.refusals import Json, Refused, TokenRefused, invalid
from tests.gdrive.drive_api.state import Viewer
from tests.gdrive.drive_api.world import World

PLACE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@attrs.define(eq=False)
class Session:
    """A resumable upload: what it will be, and what has come of it."""

    id: str
    request: Request
    given: Json
    number: str | None
    kind: str | None
    total: int | None
    began: datetime
    received: bytearray = attrs.field(factory=bytearray)
    ended: Answered | None = None


@attrs.define
class Uploads:
    """The uploads that were begun."""

    sessions: dict[str, Session] = attrs.field(factory=dict)

    def expire(self) -> None:
        """Every upload that is under way is forgotten: 404."""
        self.sessions.clear()

    def find(self, number: str, now: datetime) -> Session:
        """An upload by its id. Raises ``Refused`` (404) for one that is forgotten."""
        session = self.sessions.get(number)
        if session is None or now - session.began > session.request.viewer.state.knobs.upload_life:
            raise Refused(404, "notFound", "Upload session not found.", html=True)
        return session


def _finish(session: Session, world: World, content: bytes) -> Answered:
    old = session.request.viewer
    viewer = Viewer(old.state, old.person, old.client, old.scopes)
    request = attrs.evolve(session.request, viewer=viewer)
    if session.number is None:
        return writing.create(request, world, session.given, content, session.kind)
    return writing.update(request, world, session.number, session.given, content, session.kind)


def begin(request: Request, uploads: Uploads, number: str | None) -> Answered:
    """The first request of a resumable upload: what is wrong with it is said now; the place to send to comes back."""
    given, state = request.json(), request.viewer.state
    length = request.headers.get("x-upload-content-length")
    if length is not None and not length.isdigit():
        raise invalid("X-Upload-Content-Length")
    total = None if length is None else int(length)
    if number is None:
        writing.check_new(request, given, total)
    else:
        node = writing.to_change(request, number, given)
        held = 0 if node.content is None else node.content.size
        writing.check_room(request.viewer, node.owner, (total or 0) - held)
    session_id = "AIO" + secrets.token_urlsafe(48)
    kind = request.headers.get("x-upload-content-type")
    uploads.sessions[session_id] = Session(session_id, request, given, number, kind, total, state.clock.now())
    path = "/upload/drive/v3/files" + ("" if number is None else f"/{number}")
    link = f"{state.address}{path}?uploadType=resumable&upload_id={session_id}"
    return Answered(200, headers={"Location": link, "X-GUploader-UploadID": session_id})


def _more(session: Session) -> Answered:
    """What has come so far, as a 308; without ``Range`` there is nothing yet."""
    headers = {"X-GUploader-UploadID": session.id}
    if session.received:
        headers["Range"] = f"bytes=0-{len(session.received) - 1}"
    return Answered(308, headers=headers)


def _place(session: Session, given: str | None, size: int) -> tuple[int | None, int | None]:
    """Where the sent bytes begin (None: nothing is sent, only asked), and how many there will be if that is known."""
    if given is None:
        return 0, size
    found = PLACE.fullmatch(given.strip())
    if found is None:
        raise invalid("Content-Range", "Failed to parse Content-Range header.")
    first, last, whole = found.groups()
    total = session.total if whole == "*" else int(whole)
    if session.total is not None and total != session.total:
        raise invalid("Content-Range", "The total size differs from the one that was announced.")
    if first is None:
        return None, total
    if int(last) - int(first) + 1 != size or (total is not None and int(last) >= total):
        raise invalid("Content-Range", "Content-Range does not fit the bytes that were sent.")
    return int(first), total


def _take(session: Session, start: int, body: bytes) -> None:
    have = len(session.received)
    if start > have:
        raise invalid("Content-Range", f"Bytes {have} to {start - 1} have not been received.")
    session.received += body[have - start :]


def go_on(session: Session, world: World, place: str | None, body: bytes) -> Answered:
    """A piece, or the question how much has come. The last piece makes the file."""
    if session.ended is not None:
        return session.ended
    start, total = _place(session, place, len(body))
    if start is None and total != len(session.received):
        return _more(session)
    if start is not None:
        _take(session, start, body)
        if total is None or len(session.received) < total:
            step = session.request.viewer.state.knobs.upload_step
            if len(body) % step:
                session.received = session.received[: len(session.received) // step * step]
                raise invalid("Content-Range", f"Every piece but the last is a multiple of {step} bytes.")
            return _more(session)
    session.ended = _finish(session, world, bytes(session.received))
    return session.ended


def broken(session: Session, place: str | None, body: bytes) -> None:
    """A piece whose connection broke: the whole steps of what came are kept."""
    found = PLACE.fullmatch((place or "bytes 0-0/*").strip())
    if session.ended is not None or found is None or found.group(1) is None:
        return
    step = session.request.viewer.state.knobs.upload_step
    try:
        _take(session, int(found.group(1)), body)
    except (Refused, TokenRefused):
        return
    session.received = session.received[: len(session.received) // step * step]


def at_once(request: Request, world: World, number: str | None) -> Answered:
    """``uploadType=media`` and ``multipart``: everything in one request."""
    kind: str | None = request.headers.get("content-type")
    given: Json = {}
    content = request.body
    if request.query.get("uploadType") == "multipart":
        given, content, kind = _parts(kind or "", request.body)
    if number is None:
        return writing.create(request, world, given, content, kind)
    return writing.update(request, world, number, given, content, kind)


def _parts(kind: str, body: bytes) -> tuple[Json, bytes, str | None]:
    """The two parts of ``multipart/related``: a JSON object, and the content with its type."""
    wrong = Refused(400, "badContent", "Malformed multipart body.")
    found = re.fullmatch(r"multipart/related;.*?boundary=\"?([^\";]+)\"?.*", kind.strip())
    if found is None:
        raise wrong
    # Google's own Python client ends these lines with a bare LF.
    end = b"\r\n" if body.partition(b"\n")[0].endswith(b"\r") else b"\n"
    pieces = (end + body).split(end + b"--" + found.group(1).encode())
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):
        raise wrong
    parts: list[tuple[str | None, bytes]] = []
    for piece in pieces[1:3]:
        head, _, held = piece.removeprefix(end).partition(end * 2)
        parts.append((BytesHeaderParser().parsebytes(head + end * 2).get("Content-Type"), held))
    try:
        given = json.loads(parts[0][1])
    except ValueError:
        raise wrong from None
    if not isinstance(given, dict):
        raise wrong
    return cast(Json, given), parts[1][1], parts[1][0]
