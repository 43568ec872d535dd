"""``files.list`` and ``drives.list``: queries, pages and the rules about shared drives."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

import attrs

from tests.gdrive.drive_api import masks, telling
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.masks import DRIVE, DRIVE_LIST, FILE, FILE_DEFAULT, FILE_LIST
from tests.gdrive.drive_api.queries import Asked, Term, read_query
from tests.gdrive.drive_api.refusals import Json, Refused, drive_not_found, invalid, not_found
from tests.gdrive.drive_api.state import LOOK_SCOPES, READ_SCOPES, Viewer
from tests.gdrive.drive_api.tree import Node, SharedDrive

LIST_DEFAULT = f"kind,nextPageToken,incompleteSearch,files({FILE_DEFAULT})"
ORDERS = {
    "createdTime": lambda node: node.created, "modifiedTime": lambda node: node.modified,
    "modifiedByMeTime": lambda node: node.modified, "recency": lambda node: node.modified,
    "name": lambda node: node.name.lower(), "name_natural": lambda node: node.name.lower(),
    "folder": lambda node: not node.is_folder, "starred": lambda node: not node.starred,
    "quotaBytesUsed": lambda node: 0 if node.content is None else node.content.size,
}  # fmt: skip


@attrs.frozen
class Rest:
    """What a page token stands for: the files that are still to come, and the request that it belongs to."""

    ids: list[str]
    question: tuple[str, ...]
    until: datetime


@attrs.define
class Pages:
    """The page tokens that are out."""

    rests: dict[str, Rest] = attrs.field(factory=dict)

    def keep(self, ids: list[str], question: tuple[str, ...], until: datetime) -> str:
        """A token for the rest of a listing."""
        token = "~!!~AI9" + secrets.token_urlsafe(24)
        self.rests[token] = Rest(ids, question, until)
        return token

    def take(self, token: str, question: tuple[str, ...], now: datetime) -> list[str]:
        """What a token stands for. Raises ``Refused`` (400) for one that is expired, or of another request."""
        rest = self.rests.get(token)
        if rest is None or rest.until < now or rest.question != question:
            raise invalid("pageToken")
        return rest.ids


def drive_for(viewer: Viewer, number: str) -> SharedDrive:
    """A shared drive that somebody is in. Raises ``Refused`` (404)."""
    drive = viewer.record.drives.get(number)
    if drive is None or viewer.level(drive.root) == 0:
        raise drive_not_found(number)
    return drive


def scope_drive(request: Request) -> str | None:
    """The shared drive that a listing is limited to. Raises ``Refused`` for combinations that Drive refuses."""
    supported, included = request.flag("supportsAllDrives"), request.flag("includeItemsFromAllDrives")
    corpora, drive_id = request.query.get("corpora", "user"), request.query.get("driveId")
    if corpora not in {"user", "domain", "drive", "allDrives"}:
        raise invalid("corpora")
    if included and not supported:
        raise Refused(
            403, "teamDrivesNotSupported", "includeItemsFromAllDrives requires supportsAllDrives.",
            "includeItemsFromAllDrives",
        )  # fmt: skip
    if (corpora == "drive") is not (drive_id is not None):
        raise invalid("driveId", "The driveId parameter must be given exactly when corpora is drive.")
    if corpora in {"drive", "allDrives"} and not included:
        raise invalid(
            "includeItemsFromAllDrives",
            "The specified corpora requires both includeItemsFromAllDrives and supportsAllDrives to be true.",
        )
    if drive_id is not None:
        drive_for(request.viewer, drive_id)
    return drive_id


def _candidates(viewer: Viewer, term: Term | None) -> Iterable[Node]:
    """The files that can be meant: those in the folders that the query names, or all."""
    record = viewer.record
    if term is None or term.folders is None:
        return (node for node in record.nodes.values() if node.parent is not None)
    found: list[Node] = []
    for number in sorted(term.folders):
        folder = record.nodes.get(viewer.person.root.id if number == "root" else number)
        if folder is None or not viewer.sees(folder):
            if viewer.state.knobs.missing_parents_refused:
                raise not_found("")
            continue
        found += (record.nodes[one] for one in record.children.get(folder.id, ()))
    return found


def _ordered(nodes: list[Node], order: str | None) -> list[Node]:
    if order is None:
        return sorted(nodes, key=lambda node: (-node.modified.timestamp(), node.id))
    nodes = sorted(nodes, key=lambda node: node.id)
    for key in reversed(order.split(",")):
        name, _, way = key.strip().partition(" ")
        if name not in ORDERS or way not in {"", "desc"}:
            raise invalid("orderBy")
        nodes.sort(key=ORDERS[name], reverse=way == "desc")
    return nodes


def _found(request: Request, drive_id: str | None) -> list[str]:
    """The ids of all that a request finds, in order."""
    viewer, text = request.viewer, request.query.get("q")
    term = read_query(text) if text and text.strip() else None
    ask = Asked(viewer.person.email, viewer.client, viewer.trashed, viewer.record.role, viewer.person.root.id)
    found = [
        node
        for node in _candidates(viewer, term)
        if (drive_id is None or node.drive_id == drive_id)
        and (term is None or term.test(node, ask))
        and viewer.sees(node)
    ]
    return [node.id for node in _ordered(found, request.query.get("orderBy"))]


def list_files(request: Request, pages: Pages) -> Answered:
    """``files.list``: one page. Files that went away since the first page are left out of later ones."""
    viewer = request.viewer
    viewer.must(LOOK_SCOPES)
    viewer.all_drives = request.flag("includeItemsFromAllDrives")
    drive_id = scope_drive(request)
    mask = masks.read_mask(request.query.get("fields", LIST_DEFAULT), FILE_LIST)
    size = request.number("pageSize", 100, 1000)
    question = tuple(request.query.get(name, "") for name in ("q", "corpora", "driveId", "orderBy", "spaces"))
    token, now = request.query.get("pageToken"), viewer.state.clock.now()
    ids = _found(request, drive_id) if token is None else pages.take(token, question, now)
    size = viewer.state.knobs.page_size(size)
    shown, rest = ids[:size], ids[size:]
    told: Json = {"kind": "drive#fileList", "incompleteSearch": viewer.state.knobs.incomplete}
    if rest:
        told["nextPageToken"] = pages.keep(rest, question, now + viewer.state.knobs.page_life)
    told = {name: value for name, value in told.items() if name in mask}
    if "files" in mask:
        asked = masks.below(mask, "files", FILE)
        nodes = (viewer.record.nodes.get(one) for one in shown)
        told["files"] = [telling.file(viewer, one, asked) for one in nodes if one is not None and viewer.sees(one)]
    return Answered.json(told)


def list_drives(request: Request, pages: Pages) -> Answered:
    """``drives.list``: the shared drives that somebody is in."""
    viewer = request.viewer
    viewer.must(READ_SCOPES)
    mask = masks.read_mask(request.query.get("fields", "kind,nextPageToken,drives(kind,id,name)"), DRIVE_LIST)
    size = request.number("pageSize", 10, 100)
    token, now = request.query.get("pageToken"), viewer.state.clock.now()
    if token is None:
        mine = [one for one in viewer.record.drives.values() if viewer.level(one.root) > 0]
        ids = [one.id for one in sorted(mine, key=lambda one: (one.name.lower(), one.id))]
    else:
        ids = pages.take(token, ("drives",), now)
    size = viewer.state.knobs.page_size(size)
    told: Json = {"kind": "drive#driveList"}
    if ids[size:]:
        told["nextPageToken"] = pages.keep(ids[size:], ("drives",), now + viewer.state.knobs.page_life)
    told["drives"] = [telling.drive(viewer, viewer.record.drives[one]) for one in ids[:size]]
    return Answered.json({name: masks.masked(value, mask[name]) for name, value in told.items() if name in mask})


def get_drive(request: Request, number: str) -> Answered:
    """``drives.get``."""
    request.viewer.must(READ_SCOPES)
    mask = masks.read_mask(request.query.get("fields", "kind,id,name"), DRIVE)
    told = telling.drive(request.viewer, drive_for(request.viewer, number))
    return Answered.json({name: masks.masked(value, mask[name]) for name, value in told.items() if name in mask})
