"""A folder in memory, and the source that looks at it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import attrs

from storyline_core.defaults import read_once
from storyline_core.errors import Refused, Unavailable
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, Unread, Unseen, media_type_of
from storyline_core.testing.faults import Faults

_LONG_AGO_NS = 1_700_000_000_000_000_000


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
        self.identity: str | None = None
        self.broken = False
        self.unreadable: set[str] = set()
        self.changed: list[int] = []
        self._numbers = itertools.count(1)
        self._ticks = itertools.count(_LONG_AGO_NS, 1_000_000_000)

    def write(self, path: str, content: bytes) -> None:
        """Create a file, or replace what it holds."""
        before = self.files.get(path)
        number = before.number if before else next(self._numbers)
        revision = before.revision + 1 if before else 1
        self.files[path] = _File(number, content, next(self._ticks), revision)
        self.changed.append(number)

    def rename(self, path: str, to: str) -> None:
        """Give a file another name or folder, over whatever stood there."""
        replaced = self.files.get(to)
        self.files[to] = self.files.pop(path)
        self.changed.extend([self.files[to].number, *([replaced.number] if replaced else [])])

    def delete(self, path: str) -> None:
        """Remove a file."""
        self.changed.append(self.files.pop(path).number)

    def make_unreadable(self, folder: str) -> None:
        """Keep the source from looking into a folder."""
        self.unreadable.add(folder)

    def break_down(self) -> None:
        """Make the whole folder unusable."""
        self.broken = True

    def mend(self) -> None:
        """Everything can be read again."""
        self.broken = False
        self.unreadable.clear()

    def hidden(self, path: str) -> bool:
        """Whether the source cannot see this path."""
        return any(path.startswith(f"{folder}/") for folder in self.unreadable)


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

    def open_media(self, key: str) -> BinaryIO:
        """The bytes of one file."""
        with self._faults.around("open_media"):
            self._needed()
            return io.BytesIO(self._found(key)[1].content)

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
