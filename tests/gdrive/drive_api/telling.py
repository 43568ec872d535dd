"""Files, drives and people as Drive's JSON has them. Only what is asked for is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from tests.gdrive.drive_api import masks
from tests.gdrive.drive_api.clock import stamp
from tests.gdrive.drive_api.masks import Mask
from tests.gdrive.drive_api.refusals import Json
from tests.gdrive.drive_api.state import Viewer
from tests.gdrive.drive_api.tree import COMMENTER, LEVELS, OWNER, READER, WRITER, Node, Person, SharedDrive

Teller = Callable[[Viewer, Node], object]
"""The value of one field, or None where the file does not have it."""

NAMES = {level: name for name, level in LEVELS.items() if name != "owner"}


def user(person: Person, me: bool) -> Json:
    """A person as files and ``about`` name them."""
    return {
        "kind": "drive#user", "displayName": person.name, "me": me, "permissionId": person.permission_id,
        "emailAddress": person.email,
    }  # fmt: skip


def _owners(viewer: Viewer, node: Node) -> object:
    if node.owner is None:
        return None
    return [user(viewer.record.people[node.owner], node.owner == viewer.person.email)]


def _parents(viewer: Viewer, node: Node) -> object:
    """The folder is only named to those who can see it."""
    if node.parent is None or not viewer.sees(viewer.record.nodes[node.parent]):
        return None
    return [node.parent]


def _digest(algorithm: str, viewer: Viewer, node: Node) -> object:
    if node.content is None or (algorithm == "sha256" and not node.sha256_known):
        return None
    return node.content.digest(algorithm)


def _shortcut(viewer: Viewer, node: Node) -> object:
    if node.target is None:
        return None
    return {"targetId": node.target, "targetMimeType": node.target_type}


def has_thumbnail(node: Node) -> bool:
    """Whether Drive shows a small picture of a file."""
    return node.content is not None and (node.thumbnail is not None or node.mime_type.startswith(("image/", "video/")))


def _thumbnail_link(viewer: Viewer, node: Node) -> object:
    if not has_thumbnail(node):
        return None
    until = int((viewer.state.clock.now() + viewer.state.knobs.thumbnail_life).timestamp())
    return f"{viewer.state.address}/thumbnails/{node.id}.{node.revision}.{until}=s220"


def _capabilities(viewer: Viewer, node: Node) -> Json:
    level, shared_drive = viewer.level(node), node.drive_id is not None
    edits, owns = level >= WRITER, level >= OWNER
    loaded = node.content is not None and node.downloadable
    return {
        "canDownload": loaded, "canEdit": edits, "canModifyContent": edits, "canRename": edits,
        "canAddChildren": edits and node.is_folder, "canRemoveChildren": edits and node.is_folder,
        "canListChildren": node.is_folder, "canTrash": owns or (shared_drive and edits),
        "canUntrash": owns or (shared_drive and edits), "canDelete": owns, "canCopy": loaded,
        "canComment": level >= COMMENTER, "canShare": edits, "canMoveItemWithinDrive": edits,
        "canMoveItemOutOfDrive": owns, "canReadRevisions": edits, "canReadDrive": shared_drive,
    }  # fmt: skip


def _permissions(viewer: Viewer, node: Node) -> object:
    """Those who may edit see who else may; in shared drives a file does not say."""
    if node.drive_id is not None or viewer.level(node) < WRITER:
        return None
    levels = {email: viewer.record.role(email, node) for email in sorted(viewer.record.viewers(node))}
    return [
        {
            "kind": "drive#permission", "id": viewer.record.people[email].permission_id, "type": "user",
            "emailAddress": email, "displayName": viewer.record.people[email].name,
            "role": "owner" if email == node.owner else NAMES[min(level, WRITER)],
        }
        for email, level in levels.items()
    ]  # fmt: skip


def _ending(viewer: Viewer, node: Node) -> object:
    if node.content is None:
        return None
    return node.name.rpartition(".")[2] if "." in node.name else ""


def _web_view(viewer: Viewer, node: Node) -> str:
    if node.is_folder:
        return f"https://drive.google.com/drive/folders/{quote(node.id)}"
    return f"https://drive.google.com/file/d/{quote(node.id)}/view?usp=drivesdk"


def _properties(viewer: Viewer, node: Node) -> object:
    """Each client sees its own."""
    return dict((node.app_properties or {}).get(viewer.client, {})) or None


def _size(viewer: Viewer, node: Node) -> object:
    return None if node.content is None else str(node.content.size)


def _original(viewer: Viewer, node: Node) -> object:
    return None if node.content is None else node.name


TELLERS: dict[str, Teller] = {
    "kind": lambda viewer, node: "drive#file",
    "id": lambda viewer, node: node.id,
    "name": lambda viewer, node: node.name,
    "mimeType": lambda viewer, node: node.mime_type,
    "description": lambda viewer, node: node.description,
    "starred": lambda viewer, node: node.starred,
    "trashed": lambda viewer, node: viewer.trashed(node),
    "explicitlyTrashed": lambda viewer, node: node.trashed,
    "parents": _parents,
    "appProperties": _properties,
    "spaces": lambda viewer, node: ["drive"],
    "version": lambda viewer, node: str(node.version),
    "webViewLink": _web_view,
    "hasThumbnail": lambda viewer, node: has_thumbnail(node),
    "thumbnailLink": _thumbnail_link,
    "thumbnailVersion": lambda viewer, node: str(node.revision) if has_thumbnail(node) else None,
    "createdTime": lambda viewer, node: stamp(node.created),
    "modifiedTime": lambda viewer, node: stamp(node.modified),
    "driveId": lambda viewer, node: node.drive_id,
    "teamDriveId": lambda viewer, node: node.drive_id,
    "shared": lambda viewer, node: len(viewer.record.viewers(node)) > 1,
    "ownedByMe": lambda viewer, node: None if node.drive_id else node.owner == viewer.person.email,
    "originalFilename": _original,
    "fileExtension": _ending,
    "fullFileExtension": _ending,
    "md5Checksum": partial(_digest, "md5"),
    "sha1Checksum": partial(_digest, "sha1"),
    "sha256Checksum": partial(_digest, "sha256"),
    "size": _size,
    "quotaBytesUsed": lambda viewer, node: _size(viewer, node) or "0",
    "headRevisionId": lambda viewer, node: node.head_revision,
    "isAppAuthorized": lambda viewer, node: viewer.is_opened(node),
    "resourceKey": lambda viewer, node: node.resource_key,
    "owners": _owners,
    "shortcutDetails": _shortcut,
    "imageMediaMetadata": lambda viewer, node: None if node.image is None else dict(node.image),
    "videoMediaMetadata": lambda viewer, node: None if node.video is None else dict(node.video),
    "capabilities": _capabilities,
    "permissions": _permissions,
}


def file(viewer: Viewer, node: Node, mask: Mask) -> Json:
    """The asked fields of a file; those that it does not have are left out."""
    told: Json = {}
    for name, asked in mask.items():
        teller = TELLERS.get(name)
        value = None if teller is None else teller(viewer, node)
        if value is not None:
            told[name] = masks.masked(value, asked)
    return told


def drive(viewer: Viewer, one: SharedDrive) -> Json:
    """A shared drive."""
    level = viewer.level(one.root)
    return {
        "kind": "drive#drive", "id": one.id, "name": one.name, "createdTime": stamp(one.created), "hidden": False,
        "capabilities": {
            "canListChildren": level >= READER, "canAddChildren": level >= WRITER, "canEdit": level >= WRITER,
            "canManageMembers": level >= OWNER, "canDownload": True, "canReadRevisions": level >= WRITER,
        },
    }  # fmt: skip
