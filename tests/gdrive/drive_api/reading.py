"""``files.get``, downloads, thumbnails and ``about.get``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.gdrive.drive_api import masks, telling
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.contents import flat_png
from tests.gdrive.drive_api.masks import ABOUT, FILE, FILE_DEFAULT, IDS
from tests.gdrive.drive_api.refusals import Json, Refused, forbidden, invalid
from tests.gdrive.drive_api.state import API, LOOK_SCOPES, READ_SCOPES, WRITE_SCOPES, State, Viewer
from tests.gdrive.drive_api.tree import OWNER, Node

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def get_file(request: Request, number: str) -> Answered:
    """``files.get``: the asked fields, or with ``alt=media`` the bytes."""
    viewer = request.viewer
    viewer.must(LOOK_SCOPES)
    viewer.all_drives = request.flag("supportsAllDrives")
    if request.query.get("alt", "json") == "media":
        return _download(request, viewer.find(number))
    mask = masks.read_mask(request.query.get("fields", FILE_DEFAULT), FILE)
    return Answered.json(telling.file(viewer, viewer.find(number), mask))


def _download(request: Request, node: Node) -> Answered:
    viewer = request.viewer
    viewer.must(READ_SCOPES | {f"{API}.file"})
    if node.content is None:
        raise forbidden("fileNotDownloadable")
    if not node.downloadable:
        raise forbidden("cannotDownloadFile")
    if node.abusive and not (request.flag("acknowledgeAbuse") and viewer.level(node) >= OWNER):
        raise forbidden("cannotDownloadAbusiveFile")
    return ranged(node.content.read(), node.mime_type, request.headers)


def ranged(raw: bytes, kind: str, headers: Mapping[str, str]) -> Answered:
    """Bytes, or the range of them that was asked for: 206, or 416 where it begins behind the end."""
    found = RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return Answered(200, raw, kind, {"Accept-Ranges": "bytes"})
    first, last = found.groups()
    start = int(first) if first else max(0, len(raw) - int(last))
    end = min(int(last), len(raw) - 1) if first and last else len(raw) - 1
    if start >= len(raw) or (first and last and int(last) < start):
        raise Refused(
            416, "requestedRangeNotSatisfiable", "Request range not satisfiable",
            headers={"Content-Range": f"bytes */{len(raw)}"},
        )  # fmt: skip
    place = f"bytes {start}-{end}/{len(raw)}"
    return Answered(206, raw[start : end + 1], kind, {"Content-Range": place, "Accept-Ranges": "bytes"})


def thumbnail(state: State, name: str, viewer: Viewer | None) -> Answered:
    """A small picture, by its link: ``ID.REVISION.UNTIL=sSIZE``; a larger size only ever shrinks to the picture's.

    The link is good for some hours, and for one revision. Raises ``Refused`` (403, 404).
    """
    key, _, size = name.partition("=")
    number, _, rest = key.partition(".")
    revision, _, until = rest.partition(".")
    node = state.record.nodes.get(number)
    if node is None or not telling.has_thumbnail(node) or str(node.revision) != revision or not until.isdigit():
        raise Refused(404, "notFound", "Not Found", html=True)
    if int(until) < state.clock.now().timestamp():
        raise Refused(403, "forbidden", "Forbidden", html=True)
    if state.knobs.thumbnails_need_token and (viewer is None or viewer.level(node) == 0):
        raise Refused(403, "forbidden", "Forbidden", html=True)
    if node.thumbnail is not None:
        return Answered(200, node.thumbnail, "image/jpeg")
    found = re.fullmatch(r"s(\d+)(?:-c)?", size or "s220")
    if found is None:
        raise Refused(400, "invalid", "Bad Request", html=True)
    width, height = _shape(node)
    longest = min(int(found.group(1)) or 1600, max(width, height), 1600)
    scale = longest / max(width, height)
    shade = sum(node.id.encode()) % 256
    return Answered(200, flat_png(max(1, round(width * scale)), max(1, round(height * scale)), shade), "image/png")


def _shape(node: Node) -> tuple[int, int]:
    told = node.image or node.video or {}
    width, height = told.get("width"), told.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else (1080, 1920)


def get_about(request: Request) -> Answered:
    """``about.get``: who asks, and how much they may store. It has no default fields."""
    viewer = request.viewer
    viewer.must(LOOK_SCOPES)
    if "fields" not in request.query:
        raise Refused(400, "required", "The 'fields' parameter is required for this method.", "fields")
    mask = masks.read_mask(request.query["fields"], ABOUT)
    used = str(viewer.record.usage(viewer.person.email)) if "storageQuota" in mask else "0"
    quota: Json = {"usage": used, "usageInDrive": used, "usageInDriveTrash": "0"}
    if viewer.person.quota is not None:
        quota["limit"] = str(viewer.person.quota)
    told: Json = {"kind": "drive#about", "user": telling.user(viewer.person, me=True), "storageQuota": quota}
    told |= {"maxUploadSize": "5242880000000", "canCreateDrives": not viewer.person.is_robot}
    return Answered.json({name: masks.masked(value, mask[name]) for name, value in told.items() if name in mask})


def generate_ids(request: Request) -> Answered:
    """``files.generateIds``: ids that ``files.create`` accepts once, so that a repeated upload makes no second file."""
    request.viewer.must(WRITE_SCOPES)
    if request.query.get("space", "drive") != "drive":
        raise invalid("space")
    mask = masks.read_mask(request.query.get("fields", "*"), IDS)
    ids = [request.viewer.record.new_id() for _ in range(request.number("count", 10, 1000))]
    told: Json = {"kind": "drive#generatedIds", "space": "drive", "ids": ids}
    return Answered.json({name: value for name, value in told.items() if name in mask})
