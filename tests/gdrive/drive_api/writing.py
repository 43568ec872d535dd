"""``files.create``, ``files.update`` and ``files.delete``: what clients do to the tree."""

from __future__ import annotations

import re
from datetime import datetime

from tests.gdrive.drive_api import masks, telling
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.clock import parse_stamp
from tests.gdrive.drive_api.contents import Content
from tests.gdrive.drive_api.masks import FILE, FILE_DEFAULT
from tests.gdrive.drive_api.refusals import Json, Refused, forbidden, invalid, not_found
from tests.gdrive.drive_api.state import WRITE_SCOPES, Viewer
from tests.gdrive.drive_api.tree import FOLDER, OWNER, SHORTCUT, WRITER, Node, guessed_type
from tests.gdrive.drive_api.world import World

ID = re.compile(r"1[A-Za-z0-9_-]{10,}")
WRITABLE = {
    "kind", "id", "name", "mimeType", "parents", "description", "starred", "trashed", "appProperties", "properties",
    "createdTime", "modifiedTime", "shortcutDetails", "originalFilename", "viewedByMeTime", "folderColorRgb",
    "contentHints", "writersCanShare", "copyRequiresWriterPermission",
}  # fmt: skip


def told(request: Request, node: Node, code: int = 200) -> Answered:
    """The answer to a change: the file, as far as it is asked for."""
    mask = masks.read_mask(request.query.get("fields", FILE_DEFAULT), FILE)
    request.viewer.memo.clear()
    request.viewer.trash.clear()
    return Answered.json(telling.file(request.viewer, node, mask), code)


def check_fields(request: Request) -> None:
    """Refuses a wrong mask before anything is changed."""
    masks.read_mask(request.query.get("fields", FILE_DEFAULT), FILE)


def _text(given: Json, name: str, default: str | None = None) -> str | None:
    value = given.get(name, default)
    if value is not None and not isinstance(value, str):
        raise invalid(name)
    return value


def _time(given: Json, name: str) -> datetime | None:
    text = _text(given, name)
    try:
        return None if text is None else parse_stamp(text)
    except ValueError:
        raise invalid(name) from None


def check_room(viewer: Viewer, owner: str | None, size: int) -> None:
    """Raises ``Refused`` (403 storageQuotaExceeded) where the owner has no room for more bytes."""
    person = None if owner is None else viewer.record.people[owner]
    if person is None or person.quota is None or size == 0:
        return
    if person.is_robot and person.quota == 0:
        raise forbidden(
            "storageQuotaExceeded",
            "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead.",
        )
    if viewer.record.usage(person.email) + size > person.quota:
        raise forbidden("storageQuotaExceeded")


def _properties(node: Node, client: str, given: object) -> None:
    """A client's own properties: at most 124 bytes a pair and 30 pairs a file; null takes one away."""
    if not isinstance(given, dict):
        raise invalid("appProperties")
    mine = dict((node.app_properties or {}).get(client, {}))
    for key, value in given.items():
        if value is None:
            mine.pop(key, None)
        elif not isinstance(value, str):
            raise invalid("appProperties")
        elif len(key.encode()) + len(value.encode()) > 124:
            raise Refused(403, "propertyTooLong", "The property's key and value are longer than 124 bytes.")
        else:
            mine[key] = value
    if len(mine) > 30:
        raise Refused(403, "tooManyProperties", "A file has at most 30 private properties of an app.")
    node.app_properties = {**(node.app_properties or {}), client: mine}


def home_for(request: Request, given: Json) -> Node:
    """The folder that a new file goes to: the one that is named, or the root."""
    viewer = request.viewer
    parents = given.get("parents")
    if parents is None or parents == []:
        return viewer.person.root
    if not isinstance(parents, list) or not all(isinstance(one, str) for one in parents):
        raise invalid("parents")
    if len(parents) > 1:
        raise invalid("parents", "A file cannot be added to more than one folder.")
    folder = viewer.find(parents[0])
    if not folder.is_folder:
        raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
    if viewer.level(folder) < WRITER:
        raise forbidden("insufficientFilePermissions")
    return folder


def check_new(request: Request, given: Json, size: int | None) -> Node:
    """Everything that can be refused about a new file, before a byte of it comes. Gives its folder."""
    viewer = request.viewer
    viewer.must(WRITE_SCOPES)
    viewer.all_drives = request.flag("supportsAllDrives")
    check_fields(request)
    for name in given:
        if name not in WRITABLE:
            if name not in FILE:
                raise Refused(400, "badRequest", f'Invalid JSON payload received. Unknown name "{name}"')
            raise forbidden("fieldNotWritable", "The resource body includes fields which are not directly writable.")
    number = _text(given, "id")
    if number is not None and (not ID.fullmatch(number)):
        raise invalid("file.id", "The provided file ID is not usable.")
    if number is not None and number in viewer.record.nodes:
        raise Refused(409, "fileIdInUse", "A file already exists with the provided ID.", "file.id")
    folder = home_for(request, given)
    check_room(viewer, None if folder.drive_id else viewer.person.email, size or 0)
    return folder


def create(request: Request, world: World, given: Json, content: bytes | None, kind: str | None) -> Answered:
    """``files.create``, with content or without. Who makes a file owns it, outside shared drives."""
    viewer = request.viewer
    folder = check_new(request, given, None if content is None else len(content))
    name = _text(given, "name", "Untitled") or "Untitled"
    mime_type = _text(given, "mimeType") or kind or guessed_type(name)
    blob = not mime_type.startswith("application/vnd.google-apps.")
    held = Content.of(content or b"") if blob else None
    when = _time(given, "createdTime"), _time(given, "modifiedTime")
    target = given.get("shortcutDetails")
    if mime_type == SHORTCUT and not (isinstance(target, dict) and isinstance(target.get("targetId"), str)):
        raise invalid("shortcutDetails.targetId")
    node = world.new(name, folder, mime_type, held, viewer.person, _text(given, "id"))
    if isinstance(target, dict):
        led = viewer.record.nodes.get(str(target["targetId"]))
        node.target, node.target_type = str(target["targetId"]), FOLDER if led is None else led.mime_type
    node.created, node.modified = when[0] or node.created, when[1] or node.modified
    node.description, node.starred = _text(given, "description"), given.get("starred") is True
    if "appProperties" in given:
        _properties(node, viewer.client, given["appProperties"])
    viewer.state.opened.setdefault(viewer.client, set()).add(node.id)
    return told(request, node)


def _moved(request: Request, world: World, node: Node) -> None:
    added, removed = request.query.get("addParents"), request.query.get("removeParents")
    if added is None and removed is None:
        return
    viewer = request.viewer
    if removed is not None and removed not in {node.parent, "root" if node.parent == viewer.person.root.id else ""}:
        raise not_found(removed)
    if added is None:
        raise forbidden("cannotRemoveLastParent", "A file must have exactly one parent.")
    folder = viewer.find(added)
    if folder.id == node.parent:
        return
    if removed is None:
        raise forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    if not folder.is_folder or viewer.level(folder) < WRITER:
        raise forbidden("insufficientFilePermissions" if folder.is_folder else "parentNotAFolder")
    if folder is node or any(one is node for one in viewer.record.up(folder)):
        raise forbidden("invalidParent", "A folder cannot be moved into itself.")
    world.move(node, folder)


def to_change(request: Request, number: str, given: Json) -> Node:
    """The file that a client wants to change. Raises ``Refused`` where it may not, or may not say so."""
    viewer = request.viewer
    viewer.must(WRITE_SCOPES)
    viewer.all_drives = request.flag("supportsAllDrives")
    check_fields(request)
    node = viewer.find(number)
    viewer.may(node, WRITER)
    if "parents" in given:
        raise forbidden(
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. Use the addParents and removeParents "
            "parameters instead.",
        )
    if not set(given) <= WRITABLE - {"id", "shortcutDetails"}:
        raise forbidden("fieldNotWritable", "The resource body includes fields which are not directly writable.")
    return node


def update(
    request: Request, world: World, number: str, given: Json, content: bytes | None = None, kind: str | None = None
) -> Answered:
    """``files.update``: name, place, trash, properties, content."""
    viewer = request.viewer
    node = to_change(request, number, given)
    if given.get("trashed") is not None and viewer.level(node) < (WRITER if node.drive_id else OWNER):
        raise forbidden("insufficientFilePermissions")
    name, when = _text(given, "name"), _time(given, "modifiedTime")
    _moved(request, world, node)
    if content is not None:
        if node.content is None:
            raise forbidden("fileNotDownloadable", "The content of this file cannot be replaced.")
        check_room(viewer, node.owner, len(content) - node.content.size)
        world.replace(node, content)
        node.mime_type = _text(given, "mimeType") or kind or node.mime_type
    if name is not None and name != node.name:
        world.rename(node, name)
    if given.get("trashed") is True and not node.trashed:
        world.trash(node)
    if given.get("trashed") is False and node.trashed:
        world.untrash(node)
    if "appProperties" in given:
        _properties(node, viewer.client, given["appProperties"])
        world.touch(node)
    node.description = _text(given, "description", node.description)
    node.starred = given.get("starred", node.starred) is True
    node.modified = when or node.modified
    return told(request, node)


def delete(request: Request, world: World, number: str) -> Answered:
    """``files.delete``: for ever, past the trash; only owners and organizers may."""
    viewer = request.viewer
    viewer.must(WRITE_SCOPES)
    viewer.all_drives = request.flag("supportsAllDrives")
    node = viewer.find(number)
    viewer.may(node, OWNER)
    if node.parent is None:
        raise forbidden("insufficientFilePermissions")
    world.delete(node)
    return Answered(204)
