"""A file, folder or shortcut as Drive lists it, and what Storyline makes of it. Pure."""

from __future__ import annotations

import re

import attrs

from storyline_core import LOOK_VERSION, MEDIA_TYPES, ListedFile, Look, media_type_of
from storyline_gdrive.answers import Json, as_object, nanoseconds, text, whole

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLE_TYPES = "application/vnd.google-apps."

FIELDS = (
    "id,name,mimeType,parents,driveId,trashed,size,modifiedTime,headRevisionId,version,md5Checksum,sha256Checksum,"
    "shortcutDetails(targetId,targetMimeType),imageMediaMetadata(width,height,rotation),videoMediaMetadata(width,height)"
)
"""The fields that are asked for, and no others."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen
class DriveFile:
    """What Drive says about one file, folder or shortcut. `drive` is its shared drive, or "" in My Drive.

    `size` is None for what has no bytes of its own. `digest` is its SHA-256, where Drive tells it; `md5` only serves to
    verify a download where it does not. `target` is where a shortcut leads.
    `pixels` are width and height as shown, where Drive is sure of them.
    """

    id: str
    name: str
    mime_type: str
    parent: str
    drive: str = ""
    trashed: bool = False
    size: int | None = None
    mtime_ns: int = 0
    version: str = ""
    digest: str | None = None
    md5: str = ""
    target: str = ""
    target_type: str = ""
    pixels: tuple[int, int] | None = None

    @property
    def is_folder(self) -> bool:
        """Whether others can lie in it."""
        return self.mime_type == FOLDER

    @property
    def is_shortcut(self) -> bool:
        """Whether it only leads elsewhere."""
        return self.mime_type == SHORTCUT

    @property
    def has_bytes(self) -> bool:
        """Whether it can be downloaded; Google's own documents cannot."""
        return self.size is not None and not self.mime_type.startswith(GOOGLE_TYPES)


def read_file(told: Json) -> DriveFile:
    """A file out of Google's JSON."""
    parents = told.get("parents")
    details = as_object(told.get("shortcutDetails"))
    digest = text(told.get("sha256Checksum")).lower()
    return DriveFile(
        id=text(told.get("id")),
        name=text(told.get("name")),
        mime_type=text(told.get("mimeType")),
        parent=text(parents[0]) if isinstance(parents, list) and parents else "",
        drive=text(told.get("driveId")),
        trashed=told.get("trashed") is True,
        size=whole(told.get("size")),
        mtime_ns=nanoseconds(told.get("modifiedTime")),
        version=_version(told),
        digest=digest if _SHA256.fullmatch(digest) else None,
        md5=text(told.get("md5Checksum")).lower(),
        target=text(details.get("targetId")),
        target_type=text(details.get("targetMimeType")),
        pixels=_pixels(told),
    )


def _pixels(told: Json) -> tuple[int, int] | None:
    """Width and height, if Drive knows them and nothing was turned: its documents do not say which way it counts then.

    https://developers.google.com/workspace/drive/api/reference/rest/v3/files (imageMediaMetadata, videoMediaMetadata)
    """
    facts = as_object(told.get("imageMediaMetadata")) or as_object(told.get("videoMediaMetadata"))
    width, height = whole(facts.get("width")), whole(facts.get("height"))
    return (width, height) if width and height and not whole(facts.get("rotation")) else None


def _version(told: Json) -> str:
    """What changes with the bytes; where Drive names no revision, what at least never stays when they change."""
    if revision := text(told.get("headRevisionId")):
        return revision
    if checksum := text(told.get("md5Checksum")):
        return f"md5:{checksum}"
    return f"v{text(told.get('version'))}"


def safe_name(name: str) -> str:
    """A name that can be part of a path: Drive allows slashes, dots alone and nothing at all."""
    safe = name.replace("/", "\N{DIVISION SLASH}").strip("\n\r\t")
    return safe if safe.strip(". ") else f"_{safe.replace('.', '_').strip()}"


def listed(file: DriveFile, folder: str) -> ListedFile:
    """The file as a source lists it, in a folder under the root."""
    name = safe_name(file.name)
    return ListedFile(
        key=file.id,
        name=name,
        folder=folder,
        size=file.size or 0,
        mtime_ns=file.mtime_ns,
        version=file.version,
        media_type=media_type_of(name),
        digest=file.digest,
        look=_look(file),
    )


def _look(file: DriveFile) -> Look | None:
    """What Drive has seen of the content, which spares a download of every new picture."""
    if file.pixels is None or file.mime_type not in MEDIA_TYPES.values():
        return None
    return Look(file.mime_type, *file.pixels, version=LOOK_VERSION)
