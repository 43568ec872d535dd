"""A folder on this machine as a source of pictures and videos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from storyline_core import (
    Fingerprint,
    Hint,
    ListedFile,
    Listing,
    ListingMode,
    Provenance,
    Refused,
    Unavailable,
    Unread,
    Watch,
)
from storyline_local.absence import certainly_absent
from storyline_local.keys import BadKey, unspell
from storyline_local.marker import recognise
from storyline_local.mounts import mounted_twice, mounts_of, racy_margin_ns
from storyline_local.obstacles import reason
from storyline_local.part import OnlyTheWholeCanTell, scan_part
from storyline_local.reading import OPEN_FILE, read_all
from storyline_local.scan import FILTERS, scan
from storyline_local.watching import watch_folder
from storyline_local.writing import store


class FolderSource:
    """A folder and everything below it. Keys are paths relative to it; moves are recognised by content.

    `marker` allows a small file in it by which it is recognised again. `workers` is the number of reading threads,
    otherwise one for every core.
    """

    def __init__(self, path: Path, *, marker: bool = True, workers: int | None = None) -> None:
        self._path = path.expanduser().absolute()
        self._root = os.fsencode(self._path)
        self._marker = marker
        self._workers = workers
        # Until everything was seen once, links to folders may be anywhere.
        self._linked = True

    def list_media(self, cursor: str | None) -> Listing:
        """Every picture, video and metadata document, by one walk that reads no contents.

        Raises `Unavailable` when the folder itself cannot be listed.
        """
        seen = scan(str(self._path))
        self._linked = seen.linked
        return Listing(
            files=seen.files,
            documents=seen.documents,
            complete=seen.complete,
            unseen=seen.unseen,
            identity=self.identity(establish=False),
            filters=FILTERS,
            problems=seen.problems,
            racy_margin_ns=racy_margin_ns(str(self._path)),
        )

    def list_part(self, hint: Hint) -> Listing:
        """What is there now in the places of a hint; everything, where links keep a part from being told by itself.

        Raises `Unavailable` when the folder itself cannot be listed.
        """
        root = str(self._path)
        if mounted_twice(mounts_of(root)):
            return self.list_media(None)
        try:
            part = scan_part(root, hint, linked=self._linked)
        except OnlyTheWholeCanTell:
            return self.list_media(None)
        self._linked = self._linked or part.seen.linked
        return Listing(
            files=part.seen.files,
            documents=part.seen.documents,
            mode=ListingMode.SUBTREE,
            scope=part.scope,
            complete=part.seen.complete,
            unseen=part.seen.unseen,
            gone=part.gone,
            identity=self.identity(establish=False),
            filters=FILTERS,
            problems=part.seen.problems,
            racy_margin_ns=racy_margin_ns(root),
        )

    def watch(self) -> AbstractContextManager[Watch]:
        """Begin to watch. Raises `Refused` where nothing would be heard, `Unavailable` when the folder is not there."""
        return watch_folder(str(self._path))

    def identity(self, establish: bool) -> str | None:
        """The marker's id; without a marker, the disk and the folder's number on it. Raises `Unavailable`."""
        return recognise(self._path, marker=self._marker, establish=establish)

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """Digest and look of every entry, each file read once, on all cores."""
        return read_all(self._root, entries, self._workers)

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """Those keys whose files are certainly not there. Raises `Unavailable` when the folder is not there itself."""
        self._stand()
        absent = frozenset(key for key in keys if certainly_absent(self._root, key))
        # A disk pulled out half-way makes everything look absent.
        self._stand()
        return absent

    def open_media(self, key: str) -> BinaryIO:
        """The bytes of one file. Raises `Refused` when it is not there, `Unavailable` when the disk fails."""
        try:
            path = os.path.join(self._root, unspell(key))
        except BadKey as error:
            raise Refused(str(error)) from None
        shown = os.fsdecode(path).encode("utf-8", "replace").decode()
        try:
            return open(path, "rb", opener=_open_file)
        except FileNotFoundError:
            self._stand()
            raise Refused(f"{shown} is not there any more.") from None
        except (NotADirectoryError, IsADirectoryError, PermissionError) as error:
            raise Refused(f"{shown} cannot be opened: {reason(error)}.") from error
        except OSError as error:
            raise Unavailable(f"{shown} cannot be opened: {reason(error)}.") from error

    def store_media(self, folder: str, name: str, content: BinaryIO, *, provenance: Provenance | None = None) -> str:
        """Put a new file into a folder, under a free name, and return its key. A disk keeps no provenance.

        Raises `Refused` for a name that would not be found again, `NeedsPerson` when there is no room or permission,
        `Unavailable` when the folder cannot be reached.
        """
        return store(self._path, folder, name, content)

    def _stand(self) -> None:
        try:
            os.listdir(self._path)
        except OSError as error:
            raise Unavailable(f"The folder {self._path} cannot be listed: {reason(error)}.") from error


def _open_file(path: str | bytes, flags: int) -> int:
    return os.open(path, flags | OPEN_FILE)
