"""A folder in memory, and the source that looks at it."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import BinaryIO

import attrs

from storyline_core.defaults import read_once
from storyline_core.errors import Refused, Unavailable
from storyline_core.hints import Hint
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    Provenance,
    Role,
    Unread,
    Unseen,
    media_type_of,
    role_of,
)
from storyline_core.testing.faults import Faults

_LONG_AGO_NS = 1_700_000_000_000_000_000
_LOOK_UP_EVERY = 0.1
"""After how many seconds at most a waiting watch asks whether it is to stop."""


@attrs.frozen
class _File:
    number: int
    content: bytes
    mtime_ns: int
    revision: int


class MemoryFolder:
    """Files by path, with the faults that real folders have."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.provenance: dict[str, Provenance] = {}
        """Of what was stored with it, by the path it was stored at."""
        self.identity: str | None = None
        self.broken = False
        self.unreadable: set[str] = set()
        self.changed: list[int] = []
        self.heard: list[tuple[str, int]] = []
        self.unwatchable = ""
        self.stirred = threading.Condition()
        self._numbers = itertools.count(1)
        self._ticks = itertools.count(_LONG_AGO_NS, 1_000_000_000)

    def write(self, path: str, content: bytes) -> None:
        """Create a file, or replace what it holds."""
        before = self.files.get(path)
        number = before.number if before else next(self._numbers)
        revision = before.revision + 1 if before else 1
        self.files[path] = _File(number, content, next(self._ticks), revision)
        self._note(path, number)

    def rename(self, path: str, to: str) -> None:
        """Give a file another name or folder, over whatever stood there."""
        replaced = self.files.get(to)
        self.files[to] = self.files.pop(path)
        self._note(path, self.files[to].number)
        self._note(to, replaced.number if replaced else self.files[to].number)

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._note(path, self.files.pop(path).number)

    def make_unreadable(self, folder: str) -> None:
        """Keep the source from looking into a folder."""
        self.unreadable.add(folder)

    def break_down(self) -> None:
        """Make the whole folder unusable."""
        self.broken = True

    def mend(self) -> None:
        """Everything can be read and followed again."""
        self.broken = False
        self.unwatchable = ""
        self.unreadable.clear()

    def make_unwatchable(self, why: str) -> None:
        """Keep the source from following changes from now on."""
        self.unwatchable = why

    def _note(self, path: str, number: int) -> None:
        with self.stirred:
            self.changed.append(number)
            self.heard.append((path, number))
            self.stirred.notify_all()

    def hidden(self, path: str) -> bool:
        """Whether the source cannot see this path."""
        return any(path.startswith(f"{folder}/") for folder in self.unreadable)


class MemoryWatch:
    """What a `MemoryFolder` has heard since the watch began. It hears of whole changes, so nothing has to settle."""

    def __init__(self, folder: MemoryFolder, faults: Faults, *, by_id: bool) -> None:
        self._folder = folder
        self._faults = faults
        self._by_id = by_id
        self._told = len(folder.heard)

    def wait(self, timeout: timedelta, stop: Callable[[], bool]) -> Hint | None:
        """The places that were heard of since the last call."""
        with self._faults.around("wait"):
            until = time.monotonic() + timeout.total_seconds()
            with self._folder.stirred:
                while not stop():
                    if self._folder.broken or self._folder.unwatchable:
                        raise Unavailable("The folder in memory can no longer be watched.")
                    if new := self._folder.heard[self._told :]:
                        self._told += len(new)
                        return Hint.of(str(number) if self._by_id else path for path, number in new)
                    left = until - time.monotonic()
                    if left <= 0:
                        return None
                    self._folder.stirred.wait(min(left, _LOOK_UP_EVERY))
            return None


class MemorySource:
    """A source that looks at a `MemoryFolder`. Its keys are paths or, `by_id`, numbers that survive a rename."""

    def __init__(self, folder: MemoryFolder, faults: Faults, *, by_id: bool) -> None:
        self._folder = folder
        self._faults = faults
        self._by_id = by_id

    def list_media(self, cursor: str | None) -> Listing:
        """Everything, or what changed since the cursor if keys are ids."""
        with self._faults.around("list_media"):
            self._needed()
            seen = {path: file for path, file in self._folder.files.items() if not self._folder.hidden(path)}
            listing = Listing.of(self._entry(path, file) for path, file in seen.items())
            listing = attrs.evolve(
                listing,
                identity=self._folder.identity,
                unseen=tuple(Unseen(folder, "permission denied") for folder in sorted(self._folder.unreadable)),
                cursor=str(len(self._folder.changed)) if self._by_id else None,
            )
            return self._since(listing, cursor) if self._by_id and cursor is not None else listing

    def list_part(self, hint: Hint) -> Listing:
        """What lies in the places of a hint."""
        if hint.everything:
            return self.list_media(None)
        with self._faults.around("list_part"):
            self._needed()
            keys = {key for key in hint.keys if not self._below(key, hint.folders)}
            paths = {key: self._path(key) for key in keys}
            seen = [
                (path, file)
                for path, file in self._folder.files.items()
                if (path in paths.values() or self._below(path, hint.folders)) and not self._folder.hidden(path)
            ]
            blind = [folder for folder in sorted(self._folder.unreadable) if self._below(f"{folder}/", hint.folders)]
            lost = [key for key in sorted(keys) if self._folder.hidden(paths[key] or key)]
            return attrs.evolve(
                Listing.of(self._entry(path, file) for path, file in seen),
                mode=ListingMode.SUBTREE,
                scope=tuple(sorted(hint.folders)),
                gone=tuple(sorted(key for key in keys if paths[key] is None and key not in lost)),
                unseen=(
                    *(Unseen(folder, "permission denied") for folder in blind),
                    *(Unseen(key.rpartition("/")[0], "permission denied", key) for key in lost),
                ),
                identity=self._folder.identity,
            )

    @contextmanager
    def watch(self) -> Iterator[MemoryWatch]:
        """A watch over the folder."""
        with self._faults.around("watch"):
            self._needed()
            if self._folder.unwatchable:
                raise Refused(self._folder.unwatchable)
        yield MemoryWatch(self._folder, self._faults, by_id=self._by_id)

    def open_media(self, key: str) -> BinaryIO:
        """The bytes of one file."""
        with self._faults.around("open_media"):
            self._needed()
            return io.BytesIO(self._found(key)[1].content)

    def store_media(self, folder: str, name: str, content: BinaryIO, *, provenance: Provenance | None = None) -> str:
        """One more file, under a free name."""
        with self._faults.around("store_media"):
            self._needed()
            parts = folder.split("/") if folder else []
            if role_of(name) is not Role.MEDIA or "/" in name or not all(part.strip(".") for part in parts):
                raise Refused(f"{name} is no picture or video.")
            stem, _, ending = name.rpartition(".")
            names = itertools.chain([name], (f"{stem} ({number}).{ending}" for number in itertools.count(2)))
            paths = (f"{folder}/{each}" if folder else each for each in names)
            path = next(path for path in paths if path not in self._folder.files)
            self._folder.write(path, content.read())
            if provenance is not None:
                self._folder.provenance[path] = provenance
            return str(self._folder.files[path].number) if self._by_id else path

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """Reads each entry once; one that changed since it was listed is left to the next run."""
        for entry in entries:
            with self._faults.around("fingerprint"):
                path = self._path(entry.key)
                file = self._folder.files.get(path) if path is not None else None
                if self._folder.broken or file is None:
                    yield Unread(entry.key, "it cannot be read", gone=file is None and not self._folder.broken)
                elif (file.mtime_ns, str(file.revision)) != (entry.mtime_ns, entry.version):
                    yield Unread(entry.key, "it changed after it was listed")
                else:
                    yield read_once(lambda _, content=file.content: io.BytesIO(content), entry)  # type: ignore[misc]

    def identity(self, establish: bool) -> str | None:
        """The folder's own mark."""
        with self._faults.around("identity"):
            self._needed()
            if self._folder.identity is None and establish:
                self._folder.identity = f"memory-{id(self._folder):x}"
            return self._folder.identity

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """Those that are not there, and do not lie where nothing can be seen."""
        with self._faults.around("confirm_absent"):
            self._needed()
            return frozenset(key for key in keys if self._path(key) is None and not self._folder.hidden(key))

    @staticmethod
    def _below(path: str, folders: Collection[str]) -> bool:
        return any(not folder or path.startswith(f"{folder}/") for folder in folders)

    def _needed(self) -> None:
        if self._folder.broken:
            raise Unavailable("The folder in memory is unplugged.")

    def _path(self, key: str) -> str | None:
        if not self._by_id:
            return key if key in self._folder.files else None
        return next((path for path, file in self._folder.files.items() if str(file.number) == key), None)

    def _found(self, key: str) -> tuple[str, _File]:
        path = self._path(key)
        if path is None or self._folder.hidden(path):
            raise Refused("There is no such file in memory.")
        return path, self._folder.files[path]

    def _entry(self, path: str, file: _File) -> ListedFile:
        folder, _, name = path.rpartition("/")
        return ListedFile(
            key=str(file.number) if self._by_id else path,
            name=name,
            folder=folder,
            size=len(file.content),
            mtime_ns=file.mtime_ns,
            version=str(file.revision),
            media_type=media_type_of(name),
            hint=str(file.number),
        )

    def _since(self, listing: Listing, cursor: str) -> Listing:
        """The part of a full listing that changed; all of it if the cursor is none of ours."""
        if not cursor.isdigit() or int(cursor) > len(self._folder.changed):
            return listing
        changed = {str(number) for number in self._folder.changed[int(cursor) :]}
        there = {str(file.number) for file in self._folder.files.values()}
        return attrs.evolve(
            listing,
            mode=ListingMode.CHANGES,
            files=tuple(file for file in listing.files if file.key in changed),
            documents=tuple(file for file in listing.documents if file.key in changed),
            gone=tuple(sorted(changed - there)),
        )
