"""Small pictures that Drive makes of pictures and videos, for showing them to people."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

import httpx

from storyline_core import Refused, look_file
from storyline_gdrive.answers import text
from storyline_gdrive.client import FILES, Drive, Params, Refuses
from storyline_gdrive.files import DriveFile
from storyline_gdrive.pace import Carried
from storyline_gdrive.troubles import fault_of

SIDE = 1280
"""How many pixels the longer side has at most."""

MOST_BYTES = 8 << 20
"""What is larger than this is no small picture."""

PREVIEW_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)*(?:googleusercontent\.com|google\.com|googleapis\.com)")
_SIZE = re.compile(r"=[swh]\d+(?:-[a-z0-9-]+)?$")


def fetch_preview(drive: Drive, file: DriveFile, into: BinaryIO) -> None:
    """Write the small picture of a file. Raises `Refused` where Drive has none (yet), and as `reading.download`.

    Its address is good for some hours only, so it is asked for each time.
    """
    asked: Params = {"fields": "thumbnailLink", "supportsAllDrives": True}
    try:
        address = text(drive.json(f"{FILES}/{file.id}", asked, file.name).get("thumbnailLink"))
        content = _fetched(drive, sized(address), file) if drive.trusts(address, PREVIEW_HOSTS) else b""
    except Refuses as refused:
        raise fault_of(refused.refusal, f"The small version of {file.name}", "") from None
    if not content or look_file(io.BytesIO(content)).problem:
        raise Refused(f"Drive has no small version of {file.name}.")
    into.truncate(0)
    into.write(content)


def sized(address: str) -> str:
    """The address of the picture at our size; Drive's own asks for 220 pixels."""
    found = _SIZE.search(address)
    return address if found is None else f"{address[: found.start()]}=s{SIDE}"


def _fetched(drive: Drive, address: str, file: DriveFile) -> bytes:
    into = io.BytesIO()

    def call() -> None:
        into.seek(0)
        into.truncate()
        with drive.stream(address, {}, {}, MOST_BYTES) as answer:
            if answer.status_code != httpx.codes.OK:
                return
            for block in answer.iter_bytes(1 << 16):
                into.write(block)
                if into.tell() > MOST_BYTES:
                    raise Refused(f"The small version of {file.name} is larger than one can be.")

    drive.trying(call, file.name, Carried(MOST_BYTES))
    return into.getvalue()
