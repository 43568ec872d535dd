"""A bounded cache of downloads on disk: survives restarts, least recently used goes first."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storyline_core import NeedsPerson

_LOCKS = 64


class Cache:
    """Downloads by name. Used by any number of threads and processes at once. `room` is in bytes."""

    def __init__(self, folder: Path, room: int) -> None:
        self._folder = folder
        self._room = room

    def get(self, *name: str) -> BinaryIO | None:
        """The kept content under a name, opened, or None. It counts as used now."""
        path = self._path(name)
        try:
            file = open(path, "rb")  # noqa: SIM115 - the caller closes it
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)
        return file

    def fetched(self, fetch: Callable[[BinaryIO], object], *name: str) -> BinaryIO:
        """The content under a name; `fetch` writes it where it is not there, and what it raises comes out.

        While one fetches, others who want the same wait for it.
        """
        path = self._path(name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._lock(path.name):
                if (kept := self.get(*name)) is not None:
                    return kept
                return self._fetch(fetch, path)
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else type(error).__name__
            raise NeedsPerson(
                f"Downloads cannot be kept in {self._folder}: {told}.", remedy="Make room, or set `cache` elsewhere."
            ) from error

    def _fetch(self, fetch: Callable[[BinaryIO], object], path: Path) -> BinaryIO:
        draft = path.with_suffix(".draft")
        file = open(draft, "w+b")  # noqa: SIM115 - the caller closes it
        try:
            fetch(file)
            file.flush()
            os.replace(draft, path)
        except BaseException:
            file.close()
            with suppress(OSError):
                draft.unlink()
            raise
        file.close()
        kept = open(path, "rb")  # noqa: SIM115 - the caller closes it
        # Opened first: a file larger than the whole room is used once, and not kept.
        self.make_room()
        return kept

    def make_room(self) -> None:
        """Remove what was not used for longest, until the rest fits. What somebody has open stays readable."""
        found: list[tuple[int, int, Path]] = []
        for path in self._folder.glob("*.kept"):
            with suppress(OSError):
                facts = path.stat()
                found.append((facts.st_mtime_ns, facts.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._room:
                return
            with suppress(OSError):
                path.unlink()
            total -= size

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        number = int(name[:8], 16) % _LOCKS
        with open(self._folder / f"{number:02d}.lock", "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, name: tuple[str, ...]) -> Path:
        digest = hashlib.sha256("\0".join(name).encode()).hexdigest()
        return self._folder / f"{digest}.kept"
