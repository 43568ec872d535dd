"""Folder ids out of whatever people paste: an id, or any address of a folder in a browser. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

MY_DRIVE = "root"
"""The name by which everybody's own My Drive goes."""

_ID = re.compile(r"[A-Za-z0-9_-]{10,200}")
_HOSTS = frozenset({"drive.google.com", "docs.google.com"})
_ACCOUNT = re.compile(r"u/\d+/")


def is_id(text: str) -> bool:
    """Whether a text can be the id of a file or folder."""
    return text == MY_DRIVE or _ID.fullmatch(text) is not None


def folder_id(text: str) -> str:
    """The id of the folder that an id or an address names. Raises `ValueError` with what to paste instead."""
    pasted = text.strip()
    if is_id(pasted):
        return pasted
    parts = urlsplit(pasted if "//" in pasted else f"https://{pasted}")
    if parts.scheme not in ("https", "http") or parts.hostname not in _HOSTS:
        raise ValueError(_wrong(pasted))
    path = _ACCOUNT.sub("", parts.path.strip("/") + "/").strip("/")
    found = _in_path(path.split("/")) or next(iter(parse_qs(parts.query).get("id", ())), "")
    if not is_id(found):
        raise ValueError(_wrong(pasted))
    return found


def _in_path(parts: list[str]) -> str:
    """The id in `drive/folders/ID`, `drive/mobile/folders/ID/...`, `folderview`, `drive/my-drive`."""
    if "folders" in parts[:-1]:
        # The mobile site names the folders above as well; the last one is meant.
        rest = [part for part in parts[parts.index("folders") + 1 :] if is_id(part)]
        return rest[-1] if rest else ""
    return MY_DRIVE if parts[-1] == "my-drive" else ""


def _wrong(pasted: str) -> str:
    shown = pasted if len(pasted) <= 80 else f"{pasted[:77]}..."
    return (
        f"{shown!r} is no Drive folder. Open the folder in a browser and paste its address, which looks like "
        "https://drive.google.com/drive/folders/1AbC..."
    )
