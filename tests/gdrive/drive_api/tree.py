"""What lies in Drive: people, shared drives, files and folders, and the record of what changed."""

from __future__ import annotations

import mimetypes
from datetime import datetime

import attrs

from tests.gdrive.drive_api.contents import Content

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
DOCUMENT = "application/vnd.google-apps.document"
GIGABYTE = 1024**3

LEVELS = {"reader": 1, "commenter": 2, "writer": 3, "fileOrganizer": 4, "organizer": 5, "owner": 5}
READER, COMMENTER, WRITER, FILE_ORGANIZER, OWNER = 1, 2, 3, 4, 5
OTHER_TYPES = {
    ".heic": "image/heif", ".heif": "image/heif", ".webp": "image/webp", ".avif": "image/avif", ".mp4": "video/mp4",
    ".mov": "video/quicktime", ".m4v": "video/x-m4v", ".md": "text/markdown", ".json": "application/json",
}  # fmt: skip


def guessed_type(name: str) -> str:
    """The MIME type that Drive gives a file by its name."""
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot >= 0 else ""
    return OTHER_TYPES.get(ending) or mimetypes.guess_type(f"x{ending}")[0] or "application/octet-stream"


@attrs.define(eq=False, slots=True)
class Node:
    """A file, a folder, a shortcut or a document. It lies in one folder; a root lies in none."""

    id: str
    name: str
    mime_type: str
    parent: str | None
    drive_id: str | None
    owner: str | None
    created: datetime
    modified: datetime
    content: Content | None = None
    revision: int = 1
    version: int = 1
    trashed: bool = False
    grants: dict[str, int] | None = None
    target: str | None = None
    target_type: str | None = None
    image: dict[str, object] | None = None
    video: dict[str, object] | None = None
    thumbnail: bytes | None = None
    sha256_known: bool = True
    abusive: bool = False
    downloadable: bool = True
    starred: bool = False
    description: str | None = None
    resource_key: str | None = None
    app_properties: dict[str, dict[str, str]] | None = None

    @property
    def is_folder(self) -> bool:
        """Whether others can lie in it."""
        return self.mime_type == FOLDER

    @property
    def head_revision(self) -> str | None:
        """The id of the newest content; none without content of its own."""
        return None if self.content is None else f"0B{self.id[1:12]}r{self.revision:06d}"


@attrs.define(eq=False)
class Person:
    """A user, or a service account, with a My Drive."""

    name: str
    email: str
    root: Node
    permission_id: str
    quota: int | None
    is_robot: bool = False


@attrs.define(eq=False)
class SharedDrive:
    """A shared drive: its root has its id, and its members have roles on the root."""

    id: str
    name: str
    root: Node
    created: datetime


@attrs.frozen
class Entry:
    """Something changed: who could see it before or after, and in which drives (None: in a My Drive) it lay."""

    number: int
    at: datetime
    file_id: str | None
    drive_id: str | None
    seen: frozenset[str]
    drives: frozenset[str | None]
