"""A Drive folder as a source: listing, changes, bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

import attrs

from storyline_core import (
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    NeedsPerson,
    PluginFault,
    Provenance,
    Refused,
    Role,
    Unread,
    look_file,
)
from storyline_gdrive.addresses import MY_DRIVE, is_id
from storyline_gdrive.cache import Cache
from storyline_gdrive.client import Drive
from storyline_gdrive.connecting import Connecting
from storyline_gdrive.cursor import Cursor, read_cursor, tree_name
from storyline_gdrive.files import DriveFile
from storyline_gdrive.following import NotFromChanges, TooOld, ask_changes, differing, laid_over
from storyline_gdrive.keeping import Trees
from storyline_gdrive.listing import Crawl, get_file
from storyline_gdrive.previews import fetch_preview
from storyline_gdrive.properties import properties_of
from storyline_gdrive.reading import SMALL, Changed, Lazy, download, fetch_range, hash_of, refuse_unknown
from storyline_gdrive.resuming import Notebook
from storyline_gdrive.tree import Tree
from storyline_gdrive.uploading import store

MOST_ASKED_SINGLY = 100
"""Up to so many keys are looked at one by one; for more, everything is listed once more."""

_RULES = 1


@attrs.frozen
class Place:
    """What of Drive the source is: the folders' ids, the first of which it is known by, and what it may do there.

    `picked`: it sees only what was picked for it, and what it stored itself.
    """

    name: str
    folders: tuple[str, ...]
    writes: bool
    picked: bool = False


class DriveSource:
    """Folders in Drive and everything below them. Keys are file ids, so that moves and renames keep them."""

    def __init__(
        self,
        drive: Drive,
        place: Place,
        cache: Cache,
        trees: Trees,
        notebook: Notebook,
        now: Callable[[], datetime],
        connecting: Connecting,
    ) -> None:
        self._drive = drive
        self._place = place
        self._cache = cache
        self._trees = trees
        self._now = now
        self._notebook = notebook
        self._connecting = connecting

    def connecting(self) -> Connecting:
        """The sign-in behind this source."""
        return self._connecting

    def list_media(self, cursor: str | None) -> Listing:
        """Everything, by as few questions as there can be; or what changed since a cursor.

        Raises `NeedsPerson` when the folder is no longer shared with the account, or in the trash.
        """
        known = read_cursor(cursor, self._rules()) if cursor else None
        if known is not None:
            try:
                return self._changes(known)
            except (TooOld, NotFromChanges):
                pass
        return self._everything()

    def identity(self, establish: bool) -> str | None:
        """The first folder's id; Drive gives no id twice. Asks Google only when the last call failed."""
        if self._drive.troubled:
            self._stand()
        first = self._place.folders[0]
        return f"gdrive:{first}:{self._drive.account}" if first == MY_DRIVE else f"gdrive:{first}"

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """Those that are not under the folders any more, asked for one by one or, if they are many, all at once."""
        if not keys:
            return frozenset()
        roots = self._stand()
        tree = self._trees.newest()
        if tree is None or len(keys) > MOST_ASKED_SINGLY:
            self._notebook.discard()
            listing = self._everything()
            return frozenset(key for key in keys if listing.proves_absent(key, "")) - _keys(listing)
        inside = set(tree.folders).union(root.id for root in roots)
        return frozenset(key for key in keys if not self._is_inside(key, inside))

    def open_media(self, key: str) -> BinaryIO:
        """The bytes, out of the cache or fetched as they are read. Raises `Refused` for what is not there."""
        file = self._file(key)
        if (kept := self._cache.get(file.id, file.version)) is not None:
            return kept
        if (file.size or 0) <= SMALL:
            return self._fetched(file)
        lazy = Lazy(file.size or 0, self._part_of(file), lambda: self._fetched(file))
        lazy.begin()
        return io.BufferedReader(lazy, 1 << 16)

    def open_preview(self, key: str) -> BinaryIO:
        """The small picture that Drive has of a file, kept like a download. Raises `Refused` where there is none."""
        file = self._file(key)
        return self._cache.fetched(lambda into: fetch_preview(self._drive, file, into), file.id, file.version, "small")

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """One answer for each: the file is fetched, verified and hashed. Only asked where Drive knows no SHA-256."""
        for entry in entries:
            try:
                yield self._read(entry)
            except Refused as error:
                yield Unread(entry.key, str(error), gone=not is_id(entry.key) or self._lookup(entry.key) is None)
            except (PluginFault, OSError) as error:
                yield Unread(entry.key, str(error))

    def store_media(self, folder: str, name: str, content: BinaryIO, *, provenance: Provenance | None = None) -> str:
        """Put a new file below the first folder. Raises as `WritableSource.store_media` says."""
        if not self._place.writes:
            raise NeedsPerson(
                f"{self._place.name} may only read from Drive.",
                remedy='Set access = "write" in its settings, and sign in again.',
            )
        properties = properties_of(self._place.name, provenance)
        return store(self._drive, self._place.folders[0], folder, name, content, properties)

    def _rules(self) -> str:
        """What decides which files are seen: the folders, and who looks."""
        whole = ["picked"] if self._place.picked else []
        spelled = "\n".join([str(_RULES), self._drive.account, *whole, *self._place.folders])
        return f"gdrive:{hashlib.sha256(spelled.encode()).hexdigest()[:20]}"

    def _stand(self) -> list[DriveFile]:
        """The folders themselves, as they are now. Raises `NeedsPerson` when one is not to be seen."""
        found: list[DriveFile] = []
        for folder in self._place.folders:
            file = get_file(self._drive, folder, "The folder")
            who = self._drive.account
            if file is None:
                raise NeedsPerson(
                    f"The Drive folder {folder} is not there, or not shared with {who} any more.",
                    remedy=f"Share it with {who} again; nothing is removed meanwhile.",
                )
            if file.trashed:
                raise NeedsPerson(
                    f"The Drive folder {file.name} is in the trash.",
                    remedy="Take it out of the trash; nothing is removed meanwhile.",
                )
            if not file.is_folder:
                raise NeedsPerson(
                    f"{file.name} is no folder in Drive.", remedy="Name a folder in the settings, or its address."
                )
            found.append(file)
        return found

    def _everything(self) -> Listing:
        rules = self._rules()
        roots = {root.id: root.drive for root in self._stand()}
        with self._notebook.resumed(self._drive, rules, self._now()) as drive:
            crawl = Crawl(drive, Tree.of(roots))
            crawl.begin(list(roots.items()))
            crawl.run()
        complete = crawl.complete and not crawl.unseen
        if complete and self._notebook.went_on and not self._brought_up(crawl):
            return self._everything()
        name = tree_name(rules, crawl.tokens)
        if complete:
            self._trees.keep(name, crawl.tree)
        files, documents = _told_apart(crawl.tree.entries())
        return Listing(
            files=files,
            documents=documents,
            complete=crawl.complete,
            unseen=tuple(crawl.hidden()),
            identity=self.identity(False),
            filters=rules,
            cursor=Cursor(rules, crawl.tokens, name).spelled() if complete else None,
            problems=tuple(crawl.problems),
            racy_margin_ns=0,
        )

    def _brought_up(self, crawl: Crawl) -> bool:
        """Lay what happened since a listing began over it; False when only a new one can tell."""
        try:
            told = ask_changes(self._drive, crawl.tokens)
            if told.anything:
                crawl.tree = laid_over(self._drive, crawl.tree, told)
        except (TooOld, NotFromChanges):
            return False
        crawl.tokens = dict(told.tokens)
        return True

    def _changes(self, cursor: Cursor) -> Listing:
        told = ask_changes(self._drive, cursor.tokens)
        name = cursor.tree
        changed: list[str] = []
        gone: list[str] = []
        tree: Tree | None = None
        if told.anything:
            self._stand()
            before = self._trees.get(cursor.tree)
            if before is None:
                raise NotFromChanges
            tree = laid_over(self._drive, before, told)
            changed, gone = differing(before, tree, told.files)
            name = tree_name(cursor.rules, told.tokens)
            self._trees.keep(name, tree)
        files, documents = _told_apart(tree.entries(changed)) if tree is not None else ((), ())
        return Listing(
            files=files,
            documents=documents,
            mode=ListingMode.CHANGES,
            gone=tuple(gone),
            identity=self.identity(False),
            filters=cursor.rules,
            cursor=Cursor(cursor.rules, told.tokens, name).spelled(),
            racy_margin_ns=0,
        )

    def _is_inside(self, key: str, folders: set[str]) -> bool:
        file = self._lookup(key) if is_id(key) else None
        return file is not None and not file.trashed and file.parent in folders

    def _lookup(self, key: str) -> DriveFile | None:
        return get_file(self._drive, key, "The file")

    def _file(self, key: str) -> DriveFile:
        tree = self._trees.newest()
        file = tree.files.get(key) if tree is not None else None
        if file is None and is_id(key):
            file = self._lookup(key)
        if file is None or not file.has_bytes or file.trashed:
            raise refuse_unknown(key)
        return file

    def _fetched(self, file: DriveFile) -> BinaryIO:
        try:
            return self._cache.fetched(lambda into: download(self._drive, file, into), file.id, file.version)
        except Changed:
            now = self._lookup(file.id)
            if now is None or now.version == file.version:
                raise
            return self._cache.fetched(lambda into: download(self._drive, now, into), now.id, now.version)

    def _part_of(self, file: DriveFile) -> Callable[[int, int], bytes]:
        return lambda first, last: fetch_range(self._drive, file, first, last)

    def _read(self, entry: ListedFile) -> Fingerprint | Unread:
        file = self._lookup(entry.key) if is_id(entry.key) else None
        if file is None or not file.has_bytes or file.trashed:
            raise refuse_unknown(entry.key)
        if (file.size, file.mtime_ns, file.version) != (entry.size, entry.mtime_ns, entry.version):
            return Unread(entry.key, "It changed after it was listed; it is read again next time.")
        with self._cache.fetched(lambda into: download(self._drive, file, into), file.id, file.version) as content:
            digest = hash_of(content)
            content.seek(0)
            return Fingerprint(entry.key, digest, entry.size, entry.mtime_ns, entry.version, look_file(content))


def _told_apart(
    entries: Iterator[tuple[Role, ListedFile]],
) -> tuple[tuple[ListedFile, ...], tuple[ListedFile, ...]]:  # fmt: skip
    files: list[ListedFile] = []
    documents: list[ListedFile] = []
    for role, entry in entries:
        (files if role is Role.MEDIA else documents).append(entry)
    return tuple(files), tuple(documents)


def _keys(listing: Listing) -> set[str]:
    return {entry.key for entry in (*listing.files, *listing.documents)}
