"""A day in a folder where people work without pause, and a process that keeps the library level and is killed all day.

`Crowd` does to the folder what people and programs do, and knows which file is which. `work` is the process: it syncs
in a loop until it is killed, or kills itself at a chosen statement.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

import attrs
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storyline_core import Hint, Storyline, StorylineError, SyncRequest, load_plugins, open_storyline
from storyline_core.settings import Settings, SourceEntry
from storyline_local.plugin import LocalFolder
from tests.end_to_end import worker
from tests.end_to_end.ground import SOURCE, picture, put

worker._CONTEXT.set_forkserver_preload(
    [__name__, worker.__name__, "storyline_core.storyline", "storyline_core.testing", "storyline_local.folder"]
)

PATIENCE = timedelta(seconds=2)
REQUESTS = (
    SyncRequest(),
    SyncRequest(),
    SyncRequest(accept_removals=True),
    SyncRequest(),
    SyncRequest(dry_run=True),
    SyncRequest(force=True),
)
PATIENT = (
    *REQUESTS,
    SyncRequest(hint=Hint.of(("a/1.jpg", "b/2.jpg", "3.jpg"), ("e",))),
    SyncRequest(still_for=PATIENCE),
    SyncRequest(hint=Hint.of(("7.jpg", "never.jpg"), ("a", "ü", "no/such")), still_for=PATIENCE),
    SyncRequest(still_for=PATIENCE, accept_removals=True),
)
"""For a folder in which somebody works meanwhile: young files wait now and then, and some looks are at a part only."""

FOLDERS = ("", "a", "b", "a/c", "b/c/d", "e", "ü")
NAMES = (*(f"{number}.jpg" for number in range(40)), "5%.jpg", "ü.jpg", "IMG.JPG")


@attrs.frozen
class Orders:
    """What a worker syncs, from what time on, with which request first, and after how many statements it dies.

    `patient` workers let young files wait now and then.
    """

    root: Path
    database_url: str
    at: datetime
    first: int
    dies_after: int | None = None
    patient: bool = False


def settings_of(root: Path, database_url: str) -> Settings:
    """Only a folder and a library."""
    return Settings(database_url=database_url, sources=[SourceEntry(SOURCE, "local", LocalFolder(path=root))])


def open_library(root: Path, database_url: str, clock: Callable[[], datetime]) -> AbstractContextManager[Storyline]:
    """A Storyline that only syncs."""
    return open_storyline(settings_of(root, database_url), plugins=load_plugins(only=["storyline-local"]), clock=clock)


def work(orders: Orders, told: Connection) -> None:
    """Sync in a loop for as long as there is life; before each, tell and wait for leave."""
    requests = PATIENT if orders.patient else REQUESTS
    began = time.monotonic()
    if orders.dies_after is not None:
        _dies_after(orders.dies_after)

    def clock() -> datetime:
        return orders.at + timedelta(seconds=time.monotonic() - began)

    with open_library(orders.root, orders.database_url, clock) as storyline:
        for number in itertools.count(orders.first):
            told.send("")
            told.recv()
            try:
                storyline.sync(SOURCE, requests[number % len(requests)])
            except StorylineError as error:
                told.send(f"{type(error).__name__}: {error}")


def _dies_after(statements: int) -> None:
    left = itertools.count(statements, -1)

    def burn(*_: object) -> None:
        if next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", burn)
    event.listen(Engine, "commit", burn)


@attrs.define
class Toiler:
    """A worker process at work."""

    process: ForkServerProcess
    told: Connection

    def is_ready(self) -> bool:
        """Wait until it is ready for another sync; False when it has died before."""
        try:
            said = self.told.recv()
        except (EOFError, ConnectionError):
            return False
        assert not said, f"the worker complains: {said}"
        return True

    def sync(self) -> None:
        """Let it begin."""
        with suppress(BrokenPipeError, ConnectionError):
            self.told.send("")

    def kill(self) -> None:
        """Kill it, whatever it is doing."""
        self.process.kill()
        self.process.join(timeout=60)
        while self.is_ready():
            pass
        self.told.close()
        assert self.process.exitcode == -signal.SIGKILL, self.process.exitcode


def start_toiler(orders: Orders) -> Toiler:
    """Start a worker."""
    mine, its = worker._CONTEXT.Pipe()
    process = worker._CONTEXT.Process(target=work, args=(orders, its))
    process.start()
    its.close()
    return Toiler(process, mine)


@attrs.frozen
class File:
    """A file as it truly is. `birth` stays with it through every rename and move."""

    birth: int
    written: bytes
    mtime_ns: int

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes."""
        return hashlib.sha256(self.written).hexdigest()


class Crowd:
    """Everybody who works in the folder. Only their hands are random; time is told to them."""

    def __init__(self, root: Path, random: Random, now: Callable[[], datetime]) -> None:
        self.root, self.random, self._now = root, random, now
        self.files: dict[str, File] = {}
        self.shared: set[str] = set()
        self.disturbed: set[int] = set()
        self.moved: set[int] = set()
        self.exposed: set[str] = set()
        self.looked_at = False
        self._gone: list[tuple[str, File]] = []
        self._numbers = itertools.count(1)
        self.done = 0
        kinds = {
            self.add: 22,
            self.edit: 12,
            self.rename: 14,
            self.move: 12,
            self.usurp: 4,
            self.swap: 5,
            self.copy: 4,
            self.delete: 9,
            self.restore: 5,
            self.touch: 5,
            self.move_folder: 4,
            self.delete_folder: 1,
            self.describe: 3,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def work(self, times: int = 1) -> None:
        """So many operations."""
        for _ in range(times):
            self.random.choices(self._kinds, self._weights)[0]()
            self.done += 1

    # What they do

    def add(self) -> None:
        """A new picture; over another one it is an edit by a program that replaces."""
        path = self._path()
        if len(self.files) > 350 and path not in self.files:
            self.delete()
        birth = self.files[path].birth if path in self.files else next(self._numbers)
        self._write(path, birth, self._fresh(), replace=path in self.files or self.random.random() < 0.5)

    def edit(self) -> None:
        """Other bytes in the same place, perhaps of the same size and time."""
        path = self._some()
        if path is None:
            return
        was = self.files[path]
        written = self._fresh()
        if self.random.random() < 0.3:
            written = written.ljust(len(was.written), b".")
        keeps = self.random.random() < 0.3
        self._write(path, was.birth, written, self.random.random() < 0.5, was.mtime_ns if keeps else None)

    def rename(self) -> None:
        """Another name in the same folder."""
        path = self._some()
        if path is not None:
            self._relocate(path, os.path.join(os.path.dirname(path), self.random.choice(NAMES)))

    def move(self) -> None:
        """Another folder."""
        path = self._some()
        if path is not None:
            self._relocate(path, os.path.join(self.random.choice(FOLDERS), os.path.basename(path)))

    def usurp(self) -> None:
        """Somewhere else, and a new file takes the old name."""
        path = self._some()
        if path is not None and self._relocate(path, self._path()):
            self._write(path, next(self._numbers), self._fresh(), replace=True)

    def swap(self) -> None:
        """Two take each other's names, or three go round."""
        there = sorted(self.files)
        ring = self.random.sample(there, min(len(there), self.random.choice((2, 2, 3))))
        if len(ring) < 2:
            return
        for number, path in enumerate(ring):
            os.rename(self.root / path, self.root / f".swapping-{number}")
        before = [self.files.pop(path) for path in ring]
        for number, path in enumerate([*ring[1:], ring[0]]):
            os.rename(self.root / f".swapping-{number}", self.root / path)
            self._land(path, before[number])

    def copy(self) -> None:
        """The same bytes once more, with the same time or a new one."""
        path, to = self._some(), self._path()
        if path is None or path == to:
            return
        was = self.files[path]
        self.shared.add(was.digest)
        self._write(to, next(self._numbers), was.written, True, was.mtime_ns if self.random.random() < 0.5 else None)

    def delete(self) -> None:
        """A file goes."""
        path = self._some()
        if path is not None:
            (self.root / path).unlink()
            self._gone.append((path, self._bury(path)))

    def restore(self) -> None:
        """What once was deleted is back, in its place or in another."""
        if not self._gone:
            return
        was, file = self._gone.pop(self.random.randrange(len(self._gone)))
        path = was if self.random.random() < 0.5 else self._path()
        if any(each.birth == file.birth for each in self.files.values()) or self._blocked(path):
            return
        # Over another picture it is an edit of that one.
        self.exposed.add(file.digest)
        self._write(path, file.birth, file.written, True, file.mtime_ns if self.random.random() < 0.5 else None)

    def touch(self) -> None:
        """Only the time changes."""
        path = self._some()
        if path is not None:
            self.files[path] = attrs.evolve(self.files[path], mtime_ns=self._time())
            self._stamp(self.root / path, self.files[path].mtime_ns)

    def move_folder(self) -> None:
        """A folder with everything in it."""
        there = [folder for folder in FOLDERS if folder and (self.root / folder).is_dir()]
        free = [folder for folder in FOLDERS if folder and not (self.root / folder).exists()]
        pairs = [(was, to) for was in there for to in free if not f"{to}/".startswith(f"{was}/")]
        if not pairs:
            return
        was, to = self.random.choice(pairs)
        (self.root / to).parent.mkdir(parents=True, exist_ok=True)
        os.rename(self.root / was, self.root / to)
        for path in [path for path in self.files if path.startswith(f"{was}/")]:
            self._land(to + path[len(was) :], self.files.pop(path))

    def delete_folder(self) -> None:
        """A folder goes with everything in it."""
        folder = self.random.choice(FOLDERS[1:])
        if (self.root / folder).is_dir():
            for path in [path for path in self.files if path.startswith(f"{folder}/")]:
                self._gone.append((path, self._bury(path)))
            shutil.rmtree(self.root / folder)

    def describe(self) -> None:
        """Somebody writes beside a picture what it shows."""
        path = self._some()
        if path is not None:
            beside = (self.root / path).with_suffix(".json")
            draft = put(beside.with_name(f".{beside.name}.tmp"), b'{"title": "number %d"}' % next(self._numbers))
            self._stamp(draft, self._time())
            draft.replace(beside)

    # What they know

    def faithful(self) -> dict[int, str]:
        """By birth, the paths of files that since `watch` were only renamed or moved, and alone with their bytes.

        While somebody looks, those that moved are left out: a look for which the folder did not hold still may have
        seen such a file twice, or another one in its place.
        """
        left_out = self.disturbed | (self.moved if self.looked_at else set())
        return {
            file.birth: path
            for path, file in self.files.items()
            if file.birth not in left_out and file.digest not in self.shared
        }

    def watch(self, *, looked_at: bool) -> None:
        """From now on it is noted again who was only renamed or moved, and whether somebody looks meanwhile."""
        if self.looked_at:
            self.exposed |= {file.digest for file in self.files.values() if file.birth in self.moved}
        self.looked_at = looked_at
        self.disturbed.clear()
        self.moved.clear()

    # How they do it

    def _fresh(self) -> bytes:
        number = next(self._numbers)
        return picture(number, 300 + number % 7)

    def _time(self) -> int:
        return int(self._now().timestamp()) * 10**9 + next(self._numbers) * 1000

    def _path(self) -> str:
        while self._blocked(path := os.path.join(self.random.choice(FOLDERS), self.random.choice(NAMES))):
            pass
        return path

    def _blocked(self, path: str) -> bool:
        return (self.root / path).is_dir()

    def _some(self) -> str | None:
        return self.random.choice(sorted(self.files)) if self.files else None

    def _stamp(self, path: Path, mtime_ns: int) -> None:
        os.utime(path, ns=(mtime_ns, mtime_ns))

    def _bury(self, path: str) -> File:
        file = self.files.pop(path)
        self.disturbed.add(file.birth)
        return file

    def _relocate(self, was: str, to: str) -> bool:
        if was == to or self._blocked(to):
            return False
        (self.root / to).parent.mkdir(parents=True, exist_ok=True)
        os.rename(self.root / was, self.root / to)
        if to in self.files:
            self._gone.append((to, self._bury(to)))
        self._land(to, self.files.pop(was))
        return True

    def _write(self, path: str, birth: int, written: bytes, replace: bool, mtime_ns: int | None = None) -> None:
        """All at once, as most programs save; or bit by bit in place, for everybody to see."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        at = self._time() if mtime_ns is None else mtime_ns
        if replace:
            draft = put(file.with_name(f".{file.name}.tmp"), written, mtime_ns=at)
            draft.replace(file)
        else:
            pieces = [written[start : start + 200] for start in range(0, len(written), 200)]
            with open(file, "wb", buffering=0) as handle:
                handle.writelines(pieces)
            self._stamp(file, at)
        if path in self.files:
            self._bury(path)
        self.disturbed.add(birth)
        self.files[path] = File(birth, written, at)

    def _land(self, path: str, file: File) -> None:
        self.files[path] = file
        self.moved.add(file.birth)


def key_of(path: str) -> str:
    """The key of a path; only the percent sign is spelled otherwise here."""
    return path.replace("%", "%25")
