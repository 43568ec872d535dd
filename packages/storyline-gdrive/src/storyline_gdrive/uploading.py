"""New files in Drive: resumable, made once however often a call is repeated, never over something else."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import BinaryIO

import attrs
import httpx

from storyline_core import NeedsPerson, PluginFault, Refused, Role, Unavailable, media_type_of, role_of
from storyline_gdrive.answers import Json, objects, parsed, text
from storyline_gdrive.client import FILES, Drive, Params, Refuses
from storyline_gdrive.files import FOLDER
from storyline_gdrive.listing import get_file
from storyline_gdrive.pace import Carried
from storyline_gdrive.troubles import Refusal, Remedy, fault_of, remedy_of

PIECE = 8 << 20
"""How much is sent at once; a multiple of what Google wants (256 KiB)."""

_EVERYWHERE: Params = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}
_NOT_ALLOWED = frozenset(
    {"insufficientFilePermissions", "insufficientParentPermissions", "appNotAuthorizedToFile", "forbidden"}
)
_UPLOADS = "/upload/drive/v3/files"
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*googleapis\.com")
_HAVE = re.compile(r"bytes=0-(\d+)")


def store(
    drive: Drive, root: str, folder: str, name: str, content: BinaryIO, properties: Mapping[str, str]
) -> str:  # fmt: skip
    """Put a new file into a folder below the root and return its id. Raises as `WritableSource.store_media`."""
    if role_of(name) is not Role.MEDIA or "/" in name or "\0" in name:
        raise Refused(f"{name or 'A file without a name'} is no picture or video that would be found again.")
    parts = folder.split("/") if folder else []
    if any(not part.strip(". ") or "\0" in part for part in parts):
        raise Refused(f"{folder} is no folder below the source's own.")
    with tempfile.TemporaryFile() as draft:
        size = _spooled(content, draft)
        parent = root
        for part in parts:
            parent = _folder(drive, parent, part)
        free = next(each for each in _names(name) if not _found(drive, parent, each))
        about: Json = {
            "id": _new_id(drive),
            "name": free,
            "parents": [parent],
            "mimeType": media_type_of(name),
            "appProperties": dict(properties),
        }
        return _Upload(drive, about, draft, size).send()


def _spooled(content: BinaryIO, draft: BinaryIO) -> int:
    """Everything is there before anything is sent, so that a content that breaks off leaves nothing behind."""
    size = 0
    try:
        while block := content.read(1 << 20):
            size += draft.write(block)
    except PluginFault:
        raise
    except OSError as error:
        raise Unavailable(f"The file cannot be fetched: {type(error).__name__}.") from error
    return size


def _asked(drive: Drive, path: str, params: Params, *, method: str = "GET", body: Json | None = None) -> Json:
    try:
        return drive.json(path, params, "Google Drive", method=method, body=body)
    except Refuses as refused:
        raise _fault_of(drive, refused.refusal) from None


def _fault_of(drive: Drive, refusal: Refusal) -> PluginFault:
    """What keeps a file from being stored is never the file: it is a folder that somebody has to share."""
    if refusal.reason in _NOT_ALLOWED or remedy_of(refusal) is Remedy.MISSING:
        return NeedsPerson(
            f"{drive.account} may not store anything in the Drive folder ({refusal.reason or refusal.status}).",
            remedy=f"Share it with {drive.account} as an editor; in a shared drive, as a content manager.",
        )
    return fault_of(refusal, "The upload", "")


def _found(drive: Drive, parent: str, name: str, kind: str = "") -> str:
    """The id of what has this name in a folder, or ""."""
    spelled = name.replace("\\", "\\\\").replace("'", "\\'")
    narrow = f" and mimeType = '{kind}'" if kind else ""
    asked: Params = {
        **_EVERYWHERE,
        "q": f"name = '{spelled}' and '{parent}' in parents and trashed = false{narrow}",
        "fields": "files(id)",
        "pageSize": 10,
    }
    return min((text(each.get("id")) for each in objects(_asked(drive, FILES, asked).get("files"))), default="")


def _folder(drive: Drive, parent: str, name: str) -> str:
    """The folder of this name, made if it is not there."""
    if found := _found(drive, parent, name, FOLDER):
        return found
    made: Json = {"id": _new_id(drive), "name": name, "parents": [parent], "mimeType": FOLDER}
    params: Params = {"supportsAllDrives": True, "fields": "id"}
    try:
        drive.json(FILES, params, "The folder", method="POST", body=made)
    except Refuses as refused:
        # 409: an earlier try had gone through after all.
        if refused.refusal.status != 409:
            raise _fault_of(drive, refused.refusal) from None
    return text(made["id"])


def _new_id(drive: Drive) -> str:
    told = _asked(drive, f"{FILES}/generateIds", {"count": 1, "space": "drive", "fields": "ids"})
    ids = told.get("ids")
    return text(ids[0]) if isinstance(ids, list) and ids else ""


def _names(name: str) -> Iterator[str]:
    yield name
    stem, dot, ending = name.rpartition(".")
    for number in itertools.count(2):
        yield f"{stem} ({number}){dot}{ending}"


@attrs.define
class _Upload:
    """One upload: where to send to, once Google has said it, and how much has arrived."""

    drive: Drive
    about: Json
    content: BinaryIO
    size: int
    place: str = ""
    arrived: int = 0
    unsure: bool = False
    begun: int = 0

    def send(self) -> str:
        """Send until Google has it all; gives the file's id. Raises as `store`."""
        try:
            return self.drive.trying(self._go_on, "The upload", Carried(self.size, lambda: self.arrived))
        except Refuses as refused:
            if refused.refusal.status == 409:
                return text(self.about["id"])
            raise _fault_of(self.drive, refused.refusal) from None
        except PluginFault:
            # Whether it went through after all is asked once more: who is told that it did not, stores it again.
            if self.unsure and self._is_there():
                return text(self.about["id"])
            raise

    def _is_there(self) -> bool:
        with suppress(PluginFault):
            found = get_file(self.drive, text(self.about["id"]), "The upload")
            return found is not None and found.size == self.size
        return False

    def _go_on(self) -> str:
        try:
            if not self.place:
                self._begin()
            if self.unsure and (done := self._ask()):
                return done
            while True:
                if done := self._piece():
                    return done
        except Refuses as refused:
            if refused.refusal.status in (404, 410) and self.place and self.begun < 3:
                # Google forgot the upload: from the first byte, in the same turn.
                self.place, self.arrived, self.unsure = "", 0, False
                return self._go_on()
            self.unsure = True
            raise
        except httpx.TransportError:
            self.unsure = True
            raise

    def _begin(self) -> None:
        self.begun += 1
        headers = {"X-Upload-Content-Length": str(self.size), "X-Upload-Content-Type": text(self.about["mimeType"])}
        params = {"uploadType": "resumable", "supportsAllDrives": "true", "fields": "id"}
        address = self.drive.address(_UPLOADS)
        answer = self.drive.send("POST", address, params=params, json=dict(self.about), headers=headers)
        place = answer.headers.get("Location", "")
        if not self.drive.trusts(place, _HOST):
            raise httpx.RemoteProtocolError("The answer did not say where to send the bytes.")
        self.place = place

    def _ask(self) -> str:
        """How much has arrived, after a break."""
        answer = self.drive.send("PUT", self.place, content=b"", headers={"Content-Range": f"bytes */{self.size}"})
        self.unsure = False
        return self._heard(answer)

    def _piece(self) -> str:
        self.content.seek(self.arrived)
        piece = self.content.read(PIECE)
        last = self.arrived + len(piece) - 1
        span = f"bytes {self.arrived}-{last}/{self.size}" if piece else f"bytes */{self.size}"
        return self._heard(self.drive.send("PUT", self.place, content=piece, headers={"Content-Range": span}))

    def _heard(self, answer: httpx.Response) -> str:
        if answer.status_code != 308:
            return text(parsed(answer.content).get("id")) or text(self.about["id"])
        have = _HAVE.fullmatch(answer.headers.get("Range", ""))
        self.arrived = int(have[1]) + 1 if have else 0
        return ""
