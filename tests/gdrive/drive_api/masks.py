"""Partial responses: what a ``fields`` parameter asks for."""

from __future__ import annotations

import re
from typing import TypeAlias

from tests.gdrive.drive_api.refusals import Refused

Schema: TypeAlias = "dict[str, Schema | None]"
"""The fields of a resource; None for a value, or for an object that is not looked into."""
Mask: TypeAlias = "dict[str, Mask | None]"
"""The fields that are asked for; None asks for all of one."""

SPACES = re.compile(r"\s+")
NAME = re.compile(r"\*|[A-Za-z][A-Za-z0-9]*")


def plain(names: str) -> Schema:
    """A schema of values."""
    return dict.fromkeys(names.split())


USER = plain("kind displayName photoLink me permissionId emailAddress")
FILE: Schema = {
    **plain(
        "kind id name mimeType description starred trashed explicitlyTrashed trashedTime parents appProperties "
        "properties spaces version webContentLink webViewLink iconLink hasThumbnail thumbnailLink thumbnailVersion "
        "viewedByMe viewedByMeTime createdTime modifiedTime modifiedByMeTime modifiedByMe sharedWithMeTime "
        "driveId teamDriveId hasAugmentedPermissions shared ownedByMe permissionIds folderColorRgb originalFilename "
        "fullFileExtension fileExtension md5Checksum sha1Checksum sha256Checksum size quotaBytesUsed headRevisionId "
        "isAppAuthorized copyRequiresWriterPermission writersCanShare exportLinks resourceKey contentHints "
        "contentRestrictions labelInfo linkShareMetadata inheritedPermissionsDisabled downloadRestrictions "
        "viewersCanCopyContent"
    ),
    "owners": USER, "sharingUser": USER, "lastModifyingUser": USER, "trashingUser": USER,
    "shortcutDetails": plain("targetId targetMimeType targetResourceKey"),
    "imageMediaMetadata": {
        **plain(
            "width height rotation time cameraMake cameraModel exposureTime aperture flashUsed focalLength isoSpeed "
            "meteringMode sensor exposureMode colorSpace whiteBalance exposureBias maxApertureValue subjectDistance "
            "lens"
        ),
        "location": plain("latitude longitude altitude"),
    },
    "videoMediaMetadata": plain("width height durationMillis"),
    "capabilities": plain(
        "canDownload canEdit canAddChildren canListChildren canTrash canUntrash canDelete canRename canCopy canComment "
        "canShare canMoveItemWithinDrive canMoveItemOutOfDrive canMoveChildrenWithinDrive canReadRevisions "
        "canTrashChildren canDeleteChildren canReadDrive canModifyContent canRemoveChildren"
    ),
    "permissions": plain("kind id type emailAddress displayName role domain deleted pendingOwner expirationTime"),
}  # fmt: skip
DRIVE: Schema = {
    **plain("kind id name createdTime hidden themeId colorRgb backgroundImageLink orgUnitId"),
    "capabilities": plain("canListChildren canAddChildren canEdit canManageMembers canDownload canReadRevisions"),
    "restrictions": None,
}
CHANGE: Schema = {
    **plain("kind changeType type time removed fileId driveId teamDriveId"), "file": FILE, "drive": DRIVE
}  # fmt: skip
FILE_LIST: Schema = {**plain("kind nextPageToken incompleteSearch"), "files": FILE}
CHANGE_LIST: Schema = {**plain("kind nextPageToken newStartPageToken"), "changes": CHANGE}
DRIVE_LIST: Schema = {**plain("kind nextPageToken"), "drives": DRIVE}
ABOUT: Schema = {
    **plain(
        "kind importFormats exportFormats maxImportSizes maxUploadSize appInstalled folderColorPalette driveThemes "
        "canCreateDrives canCreateTeamDrives teamDriveThemes"
    ),
    "user": USER,
    "storageQuota": plain("limit usage usageInDrive usageInDriveTrash"),
}
START: Schema = plain("kind startPageToken")
IDS: Schema = plain("kind space ids")

FILE_DEFAULT = "kind,id,name,mimeType,resourceKey,driveId,teamDriveId"


class _Reader:
    """Reads one ``fields`` text."""

    def __init__(self, text: str) -> None:
        self.text = SPACES.sub("", text)
        self.at = 0

    def refused(self, name: str) -> Refused:
        return Refused(400, "invalidParameter", f"Invalid field selection {name}", "fields")

    def level(self, schema: Schema, nested: bool) -> Mask:
        """``a,b/c,d(e,f)`` until the end, or the closing bracket."""
        mask: Mask = {}
        while True:
            self.one(schema, mask)
            following = self.text[self.at : self.at + 1]
            if following == ",":
                self.at += 1
            elif following == (")" if nested else ""):
                return mask
            else:
                raise self.refused(self.text[self.at :] or self.text)

    def one(self, schema: Schema, mask: Mask) -> None:
        """One field, with what is asked of it."""
        found = NAME.match(self.text, self.at)
        if found is None:
            raise self.refused(self.text[self.at :] or self.text)
        self.at = found.end()
        name = found.group()
        if name == "*":
            mask |= dict.fromkeys(schema)
            return
        if name not in schema:
            raise self.refused(name)
        below = schema[name]
        following = self.text[self.at : self.at + 1]
        asked: Mask | None = None
        if following in {"/", "("}:
            if below is None:
                raise self.refused(name)
            self.at += 1
            if following == "(":
                asked = self.level(below, nested=True)
                self.at += 1
            else:
                asked = {}
                self.one(below, asked)
        _merge(mask, name, asked)


def _merge(mask: Mask, name: str, asked: Mask | None) -> None:
    if name not in mask:
        mask[name] = asked
        return
    before = mask[name]
    if before is None or asked is None:
        mask[name] = None
        return
    for key, below in asked.items():
        _merge(before, key, below)


def read_mask(text: str, schema: Schema) -> Mask:
    """What a ``fields`` text asks for. Raises ``Refused`` (400 invalidParameter) for what the schema does not have."""
    return _Reader(text).level(schema, nested=False)


def masked(value: object, mask: Mask | None) -> object:
    """The asked part of a JSON value; lists are looked through."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    if isinstance(value, dict):
        return {name: masked(one, mask[name]) for name, one in value.items() if name in mask}
    return value


def below(mask: Mask, name: str, schema: Schema) -> Mask:
    """What is asked of a part: all of it where only the part is named."""
    asked = mask.get(name)
    return dict.fromkeys(schema) if asked is None else asked
