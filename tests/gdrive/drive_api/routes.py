"""Which operation a request is for, and its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

import attrs

from tests.gdrive.drive_api import following, listing, reading, uploads, writing
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.consent import OAuth, basic_credentials
from tests.gdrive.drive_api.following import Tokens
from tests.gdrive.drive_api.listing import Pages
from tests.gdrive.drive_api.refusals import Refused, TokenRefused, unauthorized
from tests.gdrive.drive_api.state import State, Viewer
from tests.gdrive.drive_api.uploads import Session, Uploads
from tests.gdrive.drive_api.world import World

FILES = "/drive/v3/files"
ROUTES = [
    ("GET", re.compile(r"/drive/v3/files"), "files.list"),
    ("GET", re.compile(r"/drive/v3/files/generateIds"), "files.generateIds"),
    ("GET", re.compile(r"/drive/v3/files/([^/]+)"), "files.get"),
    ("POST", re.compile(r"/drive/v3/files"), "files.create"),
    ("PATCH", re.compile(r"/drive/v3/files/([^/]+)"), "files.update"),
    ("DELETE", re.compile(r"/drive/v3/files/([^/]+)"), "files.delete"),
    ("GET", re.compile(r"/drive/v3/changes/startPageToken"), "changes.getStartPageToken"),
    ("GET", re.compile(r"/drive/v3/changes"), "changes.list"),
    ("GET", re.compile(r"/drive/v3/drives"), "drives.list"),
    ("GET", re.compile(r"/drive/v3/drives/([^/]+)"), "drives.get"),
    ("GET", re.compile(r"/drive/v3/about"), "about.get"),
    ("POST", re.compile(r"/upload/drive/v3/files"), "upload.create"),
    ("PATCH", re.compile(r"/upload/drive/v3/files/([^/]+)"), "upload.update"),
    ("PUT", re.compile(r"/upload/drive/v3/files(?:/[^/]+)?"), "upload.send"),
    ("DELETE", re.compile(r"/upload/drive/v3/files(?:/[^/]+)?"), "upload.cancel"),
    ("GET", re.compile(r"/thumbnails/([^/]+)"), "thumbnail"),
    ("GET", re.compile(r"/auth"), "oauth.consent"),
    ("POST", re.compile(r"/token"), "oauth.token"),
    ("POST", re.compile(r"/revoke"), "oauth.revoke"),
]  # fmt: skip


@attrs.frozen
class Target:
    """What a request is for: its operation (``files.download`` for ``alt=media``), an id, its path and query."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    number: str = ""

    @classmethod
    def of(cls, method: str, target: str) -> Target:
        """The operation of a request line. Raises ``Refused`` (404) where there is none."""
        path, _, text = target.partition("?")
        query = dict(parse_qsl(text, keep_blank_values=True))
        for verb, pattern, operation in ROUTES:
            found = pattern.fullmatch(path)
            if found is not None and verb == method:
                number = unquote(found.group(1)) if found.lastindex else ""
                if operation == "files.get" and query.get("alt") == "media":
                    operation = "files.download"
                return cls(operation, method, path, query, number)
        raise Refused(404, "notFound", "Not Found", html=True)


@attrs.define(eq=False)
class Exchange:
    """What one server answers."""

    state: State
    world: World
    oauth: OAuth
    pages: Pages = attrs.field(factory=Pages)
    tokens: Tokens = attrs.field(factory=Tokens)
    uploads: Uploads = attrs.field(factory=Uploads)

    def viewer(self, target: Target, headers: Mapping[str, str]) -> Viewer | None:
        """Who asks, or None without a token. Raises ``Refused`` (401) for a token that is not good."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            token = target.query.get("access_token", "")
        if not token:
            return None
        grant = self.oauth.grant_of(token.strip())
        if grant is None:
            raise unauthorized()
        return Viewer(self.state, self.state.record.people[grant.email], grant.client, grant.scopes)

    def session(self, target: Target) -> Session:
        """The upload that a request continues; its id is all that it needs."""
        return self.uploads.find(target.query.get("upload_id", ""), self.state.clock.now())

    def answer(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[Answered, str | None]:
        """The answer to one request, and who asked. Raises ``Refused`` or ``TokenRefused``."""
        if target.operation.startswith("oauth."):
            return self._oauth(target, headers, body), None
        if target.operation.startswith("upload.") and "upload_id" in target.query:
            session = self.session(target)
            email = session.request.viewer.person.email
            if target.operation == "upload.cancel":
                del self.uploads.sessions[session.id]
                return Answered(499), email
            return uploads.go_on(session, self.world, headers.get("content-range"), body), email
        viewer = self.viewer(target, headers)
        if target.operation == "thumbnail":
            return reading.thumbnail(self.state, target.number, viewer), viewer.person.email if viewer else None
        if viewer is None:
            raise Refused(401, "required", "Login Required.", "Authorization", "header")
        request = Request(viewer, target.query, headers, body)
        return self._drive(target, request), viewer.person.email

    def _drive(self, target: Target, request: Request) -> Answered:
        number = target.number
        match target.operation:
            case "files.list":
                return listing.list_files(request, self.pages)
            case "files.get" | "files.download":
                return reading.get_file(request, number)
            case "changes.list":
                return following.list_changes(request, self.tokens)
            case "changes.getStartPageToken":
                return following.start_token(request, self.tokens)
            case "drives.list":
                return listing.list_drives(request, self.pages)
            case "drives.get":
                return listing.get_drive(request, number)
            case "about.get":
                return reading.get_about(request)
            case "files.generateIds":
                return reading.generate_ids(request)
            case _:
                return self._change(target, request)

    def _change(self, target: Target, request: Request) -> Answered:
        number = target.number
        match target.operation:
            case "files.create":
                return writing.create(request, self.world, request.json(), None, None)
            case "files.update":
                return writing.update(request, self.world, number, request.json())
            case "files.delete":
                return writing.delete(request, self.world, number)
        if target.query.get("uploadType") == "resumable" and target.operation in {"upload.create", "upload.update"}:
            return uploads.begin(request, self.uploads, number or None)
        if target.query.get("uploadType") in {"media", "multipart"} and target.method in {"POST", "PATCH"}:
            return uploads.at_once(request, self.world, number or None)
        raise Refused(400, "badRequest", "Invalid upload request.", html=True)

    def _oauth(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        if target.operation == "oauth.consent":
            return self.oauth.consent(target.query)
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if target.operation == "oauth.token":
            form = basic_credentials(headers.get("authorization", "")) | form
            return Answered.json(self.oauth.token(form), headers={"Cache-Control": "no-store"})
        self.oauth.revoke(form.get("token") or target.query.get("token", ""))
        return Answered.json({})


def refusal(error: Refused | TokenRefused) -> Answered:
    """The answer that a refusal is; some of Google's are pages, not JSON."""
    if isinstance(error, TokenRefused):
        return Answered.json(error.answer(), error.code)
    if error.html:
        page = f"<!DOCTYPE html><title>Error {error.code}</title><p><b>{error.code}.</b> That's an error."
        return Answered(error.code, page.encode(), "text/html; charset=UTF-8", error.headers)
    return Answered.json(error.answer(), error.code, error.headers)
