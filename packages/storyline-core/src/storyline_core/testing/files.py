"""A publisher and a notifier whose world is a folder, so that a killed process leaves evidence behind.

Told to by their settings, they end the whole process at a given moment, as a power cut would::

    plugins = load_plugins(extra=[storyline_core.testing.files])
    Entry("stage", "file-stage", FileStage(folder=tmp_path, die_at="publish:after"))
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs

from storyline_core.defaults import NotifierDefaults
from storyline_core.errors import Refused
from storyline_core.hookspecs import hookimpl
from storyline_core.interfaces import (
    Alert,
    Draft,
    Found,
    Gone,
    Kind,
    NotifierKind,
    Published,
    PublisherKind,
    Ready,
    Runtime,
)
from storyline_core.posts import Handle, Message, Publication

DIED = 17
"""The exit code of a process that ended itself on order."""


@attrs.frozen
class FileStage:
    """Where stories come out. `die_at` is `CALL:before` or `CALL:after`, for prepare, publish, find and discard."""

    folder: Path
    die_at: str = ""


@attrs.frozen
class FileTeam:
    """Where cards go. `die_at` is `CALL:before` or `CALL:after`, for `offer`, `update`, `alert`."""

    folder: Path
    die_at: str = ""


def published(folder: Path) -> list[str]:
    """The ids of the posts whose stories are really out, one for each story, sorted."""
    return sorted(_read(marker)["post"] for marker in (folder / "published").glob("*.json"))


def calls(folder: Path) -> list[tuple[str, str]]:
    """Every call that reached its effect, with the post or token it was about, over all processes."""
    log = folder / "calls.log"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [(call, about) for call, _, about in (line.partition(" ") for line in lines)]


class _Evidence:
    """A folder in which every effect leaves a line, in one write, so that neither processes nor kills tear it."""

    def __init__(self, folder: Path, die_at: str) -> None:
        self.folder = folder
        self._die_at = die_at
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def around(self, call: str, about: str) -> Iterator[None]:
        """Surrounds one effect: the process may end before it or after it."""
        self._perhaps_die(f"{call}:before")
        yield
        self.note(call, about)
        self._perhaps_die(f"{call}:after")

    def note(self, call: str, about: str) -> None:
        """One line."""
        descriptor = os.open(self.folder / "calls.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, f"{call} {about}\n".encode())
        finally:
            os.close(descriptor)

    def _perhaps_die(self, moment: str) -> None:
        if moment == self._die_at:
            os._exit(DIED)


class FilePublisher:
    """Publishes by creating a file that must not exist yet: at most once, whoever tries, whenever they die."""

    def __init__(self, options: FileStage, runtime: Runtime) -> None:
        self._evidence = _Evidence(options.folder, options.die_at)
        self._runtime = runtime
        self._prepared = options.folder / "prepared"
        self._published = options.folder / "published"
        self._prepared.mkdir(exist_ok=True)
        self._published.mkdir(exist_ok=True)

    def prepare(self, draft: Draft) -> Handle:
        """A new handle each time."""
        with self._evidence.around("prepare", draft.post.id):
            with draft.open_media() as file:
                file.read(1)
            return Handle(self._runtime.name, self._new_token(draft.post.id))

    def _new_token(self, post: str) -> str:
        number = 1
        while not _create(self._prepared / f"{post}-{number}.json", {"post": post}):
            number += 1
        return f"{post}-{number}"

    def publish(self, handle: Handle) -> Publication:
        """The story is out when its file exists; a second time it is the same story."""
        with self._evidence.around("publish", handle.token):
            prepared = self._path(self._prepared, handle)
            if not prepared.exists():
                raise Refused("There is no such handle in the folder.")
            story = {"post": _read(prepared)["post"], "at": self._runtime.now().isoformat()}
            _create(self._path(self._published, handle), story)
            return self._publication(handle)

    def find(self, handle: Handle) -> Found:
        """What the folder says."""
        with self._evidence.around("find", handle.token):
            if self._path(self._published, handle).exists():
                return Published(self._publication(handle))
            return Ready() if self._path(self._prepared, handle).exists() else Gone("It was discarded.")

    def discard(self, handle: Handle) -> None:
        """Forgets what was prepared; what is out stays out."""
        with self._evidence.around("discard", handle.token):
            self._path(self._prepared, handle).unlink(missing_ok=True)

    def check(self) -> str:
        """How many stories are out."""
        return f"{len(published(self._evidence.folder))} stories out"

    def _path(self, folder: Path, handle: Handle) -> Path:
        if "/" in handle.token:
            raise Refused("That is no handle of this folder.")
        return folder / f"{handle.token}.json"

    def _publication(self, handle: Handle) -> Publication:
        path = self._path(self._published, handle)
        return Publication(handle.token, path.as_uri(), datetime.fromisoformat(_read(path)["at"]))


class FileNotifier(NotifierDefaults):
    """Shows a card by writing a line."""

    def __init__(self, options: FileTeam, runtime: Runtime) -> None:
        self._evidence = _Evidence(options.folder, options.die_at)
        self._runtime = runtime

    def offer(self, draft: Draft) -> Message:
        """One line for the card."""
        with self._evidence.around("offer", draft.post.id):
            return Message(self._runtime.name, draft.post.id)

    def alert(self, alert: Alert) -> None:
        """One line for the alert."""
        with self._evidence.around("alert", alert.key):
            return


def _create(path: Path, content: dict[str, str]) -> bool:
    """Write a file whole, or not at all if there is one by that name. Tells whether it was written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{id(content):x}")
    draft.write_text(json.dumps(content), "utf-8")
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _read(path: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads(path.read_text("utf-8"))
    return content


@contextmanager
def _open_stage(options: FileStage, runtime: Runtime) -> Iterator[FilePublisher]:
    yield FilePublisher(options, runtime)


@contextmanager
def _open_team(options: FileTeam, runtime: Runtime) -> Iterator[FileNotifier]:
    yield FileNotifier(options, runtime)


@hookimpl
def storyline_publishers() -> Sequence[PublisherKind]:
    """A stage in a folder."""
    return [Kind("file-stage", FileStage, _open_stage, summary="stories as files, for tests")]


@hookimpl
def storyline_notifiers() -> Sequence[NotifierKind]:
    """A team in a folder."""
    return [Kind("file-team", FileTeam, _open_team, summary="cards as lines, for tests")]
