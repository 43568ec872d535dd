"""A bounded cache of downloads on disk: survives restarts, least recently used goes first."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from storyline_core import NeedsPerson, Unavailable

_LOCKS = 64
_LOOK_EVERY_S = 0.05
_ABANDONED_AFTER_S = 3600.0


class Cache:
    """Downloads by name. Used by any number of threads and processes at once.

    `room` is in bytes, `wait_s` how long one waits for another who fetches the same.
    """

    def __init__(
        self,
        folder: Path,
        room: int,
        now: Callable[[], datetime],
        wait_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._room = room
        self._now = now
        self._wait_s = wait_s
        self._clock = clock
        self._sleep = sleep

    def get(self, *name: str) -> BinaryIO | None:
        """The kept content under a name, opened, or None. It counts as used now."""
        path = self._path(name)
        try:
            file = _opened(path)
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)
        return file

    def fetched(self, fetch: Callable[[BinaryIO], object], *name: str) -> BinaryIO:
        """The content under a name; `fetch` writes it where it is not there, and what it raises comes out.

        While one fetches, others who want the same wait for it, but not for ever: then it is `Unavailable`.
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
        # What came before a break stays in the draft, so that the next fetch can go on from there.
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            try:
                fetch(file)
                file.flush()
            except OSError:
                draft.unlink()
                raise
        os.replace(draft, path)
        kept = _opened(path)
        # Opened first: a file larger than the whole room is used once, and not kept.
        self.make_room()
        return kept

    def make_room(self) -> None:
        """Remove what was not used for longest, until the rest fits. What somebody has open stays readable.

        What was begun and not finished counts as well, and may go when nobody has added to it for an hour.
        """
        recent = self._now().timestamp() - _ABANDONED_AFTER_S
        found: list[tuple[float, int, Path]] = []
        total = 0
        for path in (*self._folder.glob("*.kept"), *self._folder.glob("*.draft")):
            with suppress(OSError):
                facts = path.stat()
                total += facts.st_size
                if path.suffix == ".kept" or facts.st_mtime < recent:
                    found.append((facts.st_mtime, facts.st_size, path))
        for _, size, path in sorted(found):
            if total <= self._room:
                return
            with suppress(OSError):
                path.unlink()
            total -= size

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        number = int(name[:8], 16) % _LOCKS
        until = self._clock() + self._wait_s
        with open(self._folder / f"{number:02d}.lock", "wb") as file:
            while not _taken(file):
                if self._clock() > until:
                    raise Unavailable("Another process has been fetching the same file for too long.")
                self._sleep(_LOOK_EVERY_S)
            yield

    def _path(self, name: tuple[str, ...]) -> Path:
        digest = hashlib.sha256("\0".join(name).encode()).hexdigest()
        return self._folder / f"{digest}.kept"


def _opened(path: Path) -> BinaryIO:
    """The file without its name: what lies in the cache is nothing to show to people."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb")


def _taken(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
