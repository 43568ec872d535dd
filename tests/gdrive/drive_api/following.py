"""``changes.getStartPageToken`` and ``changes.list``: what changed since a token, as one person may know it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import attrs

from tests.gdrive.drive_api import masks, telling
from tests.gdrive.drive_api.asking import Answered, Request
from tests.gdrive.drive_api.clock import stamp
from tests.gdrive.drive_api.listing import drive_for
from tests.gdrive.drive_api.masks import CHANGE, CHANGE_LIST, DRIVE, FILE, FILE_DEFAULT, START, Mask
from tests.gdrive.drive_api.refusals import Json, Refused, invalid
from tests.gdrive.drive_api.state import LOOK_SCOPES, Viewer
from tests.gdrive.drive_api.tree import Entry, Node

LIST_DEFAULT = (
    "kind,nextPageToken,newStartPageToken,"
    f"changes(kind,changeType,type,time,removed,fileId,driveId,file({FILE_DEFAULT}),drive(kind,id,name))"
)


@attrs.define
class Tokens:
    """The tokens of the change logs. They never expire by themselves; a test can lose all that are out."""

    epoch: int = 0
    code: int = 400

    def lose(self, code: int) -> None:
        """Every token that was given is refused from now on, with 400, 404 or 410."""
        self.epoch, self.code = self.epoch + 1, code

    def made(self, drive_id: str | None, position: int) -> str:
        """The token of a place in a log: what comes after that many entries."""
        return urlsafe_b64encode(f"{self.epoch}|{drive_id or ''}|{position}".encode()).decode().rstrip("=")

    def read(self, token: str, drive_id: str | None, last: int) -> int:
        """The place of a token. Raises ``Refused`` for one that is lost, of another log, or none."""
        try:
            epoch, drive, position = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split("|")
            place, of_epoch = int(position), int(epoch)
        except ValueError:
            raise invalid("pageToken") from None
        if of_epoch < self.epoch:
            reason = {404: "notFound", 410: "fullSyncRequired"}.get(self.code, "invalid")
            raise Refused(self.code, reason, "Invalid Value", "pageToken")
        if of_epoch > self.epoch or drive != (drive_id or "") or not 0 <= place <= last:
            raise invalid("pageToken")
        return place


@attrs.frozen
class _Wanted:
    """Which changes one call asks for."""

    viewer: Viewer
    drive_id: str | None
    all_drives: bool
    removals: bool
    only_mine: bool

    def meets(self, entry: Entry) -> bool:
        """Whether the change is any of this person's business."""
        if self.viewer.person.email not in entry.seen:
            return False
        opened = self.viewer.state.opened.get(self.viewer.client, set())
        if self.viewer.only_opened and entry.file_id is not None and entry.file_id not in opened:
            return False
        if self.drive_id is not None:
            return self.drive_id in entry.drives
        return self.all_drives or None in entry.drives

    def shown(self, entry: Entry) -> Node | None:
        """The file, if it is still there for this person."""
        node = None if entry.file_id is None else self.viewer.record.nodes.get(entry.file_id)
        if node is None or not self.viewer.sees(node):
            return None
        return node if self.drive_id is None or node.drive_id == self.drive_id else None

    def told(self, entry: Entry, mask: Mask) -> Json | None:
        """The change as JSON, or None where the call does not want to hear of it."""
        node = self.shown(entry)
        drive = self.viewer.record.drives.get(entry.drive_id or "")
        if drive is not None and self.viewer.level(drive.root) == 0:
            drive = None
        removed = node is None and drive is None
        if removed and not self.removals:
            return None
        if self.only_mine and node is not None and not self._mine(node):
            return None
        kind = "drive" if entry.file_id is None else "file"
        told: Json = {"kind": "drive#change", "changeType": kind, "type": kind, "time": stamp(entry.at)}
        told |= {"removed": removed}
        told |= {"driveId": entry.drive_id} if entry.file_id is None else {"fileId": entry.file_id}
        told = {name: value for name, value in told.items() if name in mask}
        if node is not None and "file" in mask:
            told["file"] = telling.file(self.viewer, node, masks.below(mask, "file", FILE))
        if drive is not None and "drive" in mask:
            told["drive"] = masks.masked(telling.drive(self.viewer, drive), masks.below(mask, "drive", DRIVE))
        return told

    def _mine(self, node: Node) -> bool:
        return any(one is self.viewer.person.root for one in self.viewer.record.up(node))


def _wanted(request: Request) -> _Wanted:
    viewer = request.viewer
    viewer.must(LOOK_SCOPES)
    drive_id = request.query.get("driveId")
    included = request.flag("includeItemsFromAllDrives")
    if (included or drive_id is not None) and not request.flag("supportsAllDrives"):
        raise Refused(403, "teamDrivesNotSupported", "This call requires supportsAllDrives.", "supportsAllDrives")
    if drive_id is not None:
        drive_for(viewer, drive_id)
    viewer.all_drives = included or drive_id is not None
    removals, only_mine = request.flag("includeRemoved", True), request.flag("restrictToMyDrive")
    return _Wanted(viewer, drive_id, included, removals, only_mine)


def start_token(request: Request, tokens: Tokens) -> Answered:
    """``changes.getStartPageToken``: where the log ends now, for a person or for a shared drive."""
    request.viewer.must(LOOK_SCOPES)
    drive_id = request.query.get("driveId")
    if drive_id is not None:
        if not request.flag("supportsAllDrives"):
            raise Refused(403, "teamDrivesNotSupported", "This call requires supportsAllDrives.", "supportsAllDrives")
        drive_for(request.viewer, drive_id)
    mask = masks.read_mask(request.query.get("fields", "*"), START)
    token = tokens.made(drive_id, len(request.viewer.record.log))
    told: Json = {"kind": "drive#startPageToken", "startPageToken": token}
    return Answered.json({name: value for name, value in told.items() if name in mask})


def list_changes(request: Request, tokens: Tokens) -> Answered:
    """``changes.list``: one page; only the last one has ``newStartPageToken``.

    Unless the knob says otherwise, a file is told once, at the place of its last change.
    """
    wanted = _wanted(request)
    record, knobs = request.viewer.record, request.viewer.state.knobs
    mask = masks.read_mask(request.query.get("fields", LIST_DEFAULT), CHANGE_LIST)
    asked = masks.below(mask, "changes", CHANGE)
    size = request.number("pageSize", 100, 1000)
    token = request.query.get("pageToken")
    if token is None:
        raise Refused(400, "required", "Required parameter: pageToken", "pageToken")
    at = tokens.read(token, wanted.drive_id, len(record.log))
    size = knobs.page_size(size)
    coming = record.log[at:]
    last = {entry.file_id or entry.drive_id: entry.number for entry in coming if wanted.meets(entry)}
    changes: list[Json] = []
    place, ended = at, True
    for entry in coming:
        counts = wanted.meets(entry) and (knobs.repeat_changes or last[entry.file_id or entry.drive_id] == entry.number)
        told = wanted.told(entry, asked) if counts and len(changes) < size else None
        if counts and len(changes) >= size:
            ended = False
            break
        place = entry.number
        if told is not None:
            changes.append(told)
    if knobs.shuffle is not None:
        knobs.shuffle.shuffle(changes)
    following = tokens.made(wanted.drive_id, place)
    answer: Json = {"kind": "drive#changeList", "newStartPageToken" if ended else "nextPageToken": following}
    answer["changes"] = changes
    return Answered.json({name: value for name, value in answer.items() if name in mask})
