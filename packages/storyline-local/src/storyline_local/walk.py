"""One look at a folder or at parts of it: every picture, video and document, at one `stat` a file, nothing read.

Links to files and folders are followed; each real folder is listed once, under its own path where it has one. What
cannot be looked at is named and counts as unseen, never as gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from stat import S_ISDIR, S_ISREG
from typing import Protocol

import attrs

from storyline_core import MEDIA_TYPES, FileProblem, ListedFile, Role, Unavailable, Unseen, media_type_of, role_of
from storyline_local.keys import name_key, name_shown, plain
from storyline_local.obstacles import reason

DEEPEST = 100
"""Folders nested deeper than this are not entered: each level keeps one file open."""

LATEST_NS = (1 << 63) - 1
"""The latest time, in the year 2262, that fits where databases keep times of files. Disks know later ones."""

PASSED_FOLDERS = frozenset({"lost+found", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "__MACOSX"})
"""Folders that systems make for themselves; hidden ones are passed over anyway."""

_COMMON = {spelling: kind for ending, kind in MEDIA_TYPES.items() for spelling in (f".{ending}", f".{ending.upper()}")}
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Place = tuple[int, int]


class Entry(Protocol):
    """One name in a folder, as `os.scandir` gives them."""

    @property
    def name(self) -> str:
        """The name alone."""

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a regular file."""

    def is_symlink(self) -> bool:
        """Whether it is a link."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """What the file system says of it."""


@attrs.frozen
class Spot:
    """One folder under the root: its path as the system, as keys and as people have it; `""` for the root."""

    raw: str = ""
    key: str = ""
    shown: str = ""
    depth: int = 0

    def child(self, name: str) -> Spot:
        """What lies in it under that name."""
        key, shown = _join(self.key, name_key(name)), _join(self.shown, name_shown(name))
        return Spot(_join(self.raw, name), key, shown, self.depth + 1)


class Walk:
    """One look at everything, or at a few places. The lists grow as it goes.

    `links` are those to folders that were met and not yet followed, `linked` says that there were any, `times` are
    the folders that were listed and when each had last changed.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.files: list[ListedFile] = []
        self.documents: list[ListedFile] = []
        self.unseen: list[Unseen] = []
        self.problems: list[FileProblem] = []
        self.links: list[Spot] = []
        self.linked = False
        self.times: list[tuple[str, int]] = []
        self._seen: dict[Place, Spot] = {}

    def run(self) -> None:
        """Walk the whole root. Raises `Unavailable` when it cannot be listed."""
        fd = self.open_root()
        self.descend(fd, Spot())
        # Links come last, so that a folder is listed under its own path and not under a link's.
        while self.links:
            self.links.sort(key=lambda spot: spot.raw, reverse=True)
            self._follow(self.links.pop())

    def at_rest(self) -> bool:
        """Whether every folder that was listed still has the time it had before."""
        for raw, time in self.times:
            try:
                if os.stat(os.path.join(self.root, raw)).st_mtime_ns != time:
                    return False
            except FileNotFoundError:
                return False
            except OSError:
                continue
        return True

    def open_root(self) -> int:
        """The root, open for listing. Raises `Unavailable`."""
        try:
            return os.open(self.root, OPEN_FOLDER)
        except OSError as error:
            raise unusable(self.root, error) from error

    def descend(self, fd: int, top: Spot) -> None:
        """List a folder and everything below it, with one open file a level."""
        names: list[str] = []
        levels = [(fd, top, names)]
        try:
            names += self._list(fd, top)
            while levels:
                fd, spot, names = levels[-1]
                if not names:
                    os.close(fd)
                    levels.pop()
                    continue
                child = spot.child(name := names.pop())
                below = self.enter(name, fd, child)
                if below is not None:
                    levels.append((below, child, names := []))
                    names += self._list(below, child)
        finally:
            for fd, _, _ in levels:
                os.close(fd)

    def enter(self, name: str, fd: int, spot: Spot) -> int | None:
        """Open the folder of that name in an open one. None when it is gone or, noted as unseen, cannot be entered."""
        if spot.depth > DEEPEST:
            self.hide(spot, f"folders nested more than {DEEPEST} deep are not entered")
            return None
        try:
            return os.open(name, OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.hide(spot, reason(error))
            return None

    def _list(self, fd: int, spot: Spot) -> list[str]:
        """List one open folder, and return the names of the folders in it."""
        folders: list[str] = []
        try:
            own = os.fstat(fd)
            if self._met_before((own.st_dev, own.st_ino), spot):
                return folders
            self.times.append((spot.raw, own.st_mtime_ns))
            with os.scandir(fd) as entries:
                self.sort_out(entries, spot, folders)
        except OSError as error:
            if not spot.raw:
                raise unusable(self.root, error) from error
            self.hide(spot, reason(error))
        return folders

    def sort_out(self, entries: Iterable[Entry], spot: Spot, folders: list[str]) -> None:
        """Take up the files among the entries of one folder, and name the folders to enter. Raises `OSError`."""
        key, shown = (f"{spot.key}/" if spot.key else ""), spot.shown
        add = self.files.append
        for entry in entries:
            name = entry.name
            try:
                if entry.is_file(follow_symlinks=False):
                    kind = _COMMON.get(name[-4:])
                    if kind is None or name[0] in ".~" or len(name) == 4 or not plain(name):
                        self._unusual(entry, spot)
                        continue
                    facts = entry.stat(follow_symlinks=False)
                    inode, time = facts.st_ino, time_of(facts)
                    version = f"{facts.st_ctime_ns}-{inode}"
                    # By position: with names, a hundred thousand files would take a tenth longer.
                    add(ListedFile(key + name, name, shown, facts.st_size, time, version, kind, None, f"{inode}"))
                elif entry.is_dir(follow_symlinks=False):
                    if not passed(name):
                        folders.append(name)
                elif entry.is_symlink():
                    self._link(entry, spot)
            except FileNotFoundError:
                continue
            except PermissionError:
                raise
            except OSError as error:
                self._hide_file(spot, name, reason(error))

    def _unusual(self, entry: Entry, spot: Spot, follow: bool = False) -> None:
        """Any file whose name the quick way does not know."""
        shown = name_shown(entry.name)
        role = role_of(shown)
        if role is Role.IGNORED:
            return
        facts = entry.stat(follow_symlinks=follow)
        listed = ListedFile(
            key=_join(spot.key, name_key(entry.name)),
            name=shown,
            folder=spot.shown,
            size=facts.st_size,
            mtime_ns=time_of(facts),
            version=version_of(facts),
            media_type=media_type_of(shown),
            hint=f"{facts.st_ino}",
        )
        (self.files if role is Role.MEDIA else self.documents).append(listed)

    def _link(self, entry: Entry, spot: Spot) -> None:
        name = entry.name
        if name.startswith((".", "~")):
            return
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            # What it leads to may only be out of reach (a disk that is not mounted): nothing behind it counts as gone.
            lost = isinstance(error, FileNotFoundError)
            why = "the link leads nowhere" if lost else f"the link cannot be followed, {reason(error)}"
            if role_of(name_shown(name)) is Role.IGNORED:
                self.linked = True
                self.hide(spot.child(name), why)
            else:
                self._hide_file(spot, name, why)
            return
        if S_ISREG(mode):
            self._unusual(entry, spot, follow=True)
        elif S_ISDIR(mode) and name not in PASSED_FOLDERS:
            self.linked = True
            self.links.append(spot.child(name))

    def _follow(self, spot: Spot) -> None:
        path = os.path.join(self.root, spot.raw)
        try:
            fd = os.open(path, OPEN_FOLDER)
        except OSError as error:
            self.hide(spot, reason(error))
            return
        if spot.depth > DEEPEST or _holds(path, self.root):
            os.close(fd)
            message = "The link leads to a folder that holds it, or too deep; it is not followed."
            self.problems.append(FileProblem(key=spot.key, message=message))
            return
        self.descend(fd, spot)

    def _met_before(self, place: Place, spot: Spot) -> bool:
        first = self._seen.setdefault(place, spot)
        if first is spot:
            return False
        message = f"This is the folder {first.shown or 'at the top'} again, by another way; it is listed once."
        self.problems.append(FileProblem(key=spot.key, message=message))
        return True

    def hide(self, spot: Spot, why: str) -> None:
        """Note that a folder and all below it could not be looked at."""
        self.unseen.append(Unseen(folder=spot.shown, why=why))
        self.problems.append(FileProblem(key=spot.key, message=f"The folder {spot.shown} cannot be listed: {why}."))

    def _hide_file(self, spot: Spot, name: str, why: str) -> None:
        key = spot.child(name).key
        self.unseen.append(Unseen(folder=spot.shown, why=why, key=key))
        self.problems.append(FileProblem(key=key, message=f"{name_shown(name)} cannot be listed: {why}."))


def passed(name: str) -> bool:
    """Whether a scan passes over a folder of this name."""
    return name.startswith(".") or name in PASSED_FOLDERS


def time_of(facts: os.stat_result) -> int:
    """When it was last changed; a time that no database can hold counts as the last one that it can."""
    return max(-LATEST_NS, min(facts.st_mtime_ns, LATEST_NS))


def version_of(facts: os.stat_result) -> str:
    """What changes whenever the bytes may have changed: the inode's change time and its number."""
    return f"{facts.st_ctime_ns}-{facts.st_ino}"


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _holds(path: str, root: str) -> bool:
    outer, inner = os.path.realpath(path), os.path.realpath(root)
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def unusable(root: str, error: OSError) -> Unavailable:
    """The root cannot be listed: why, and what to do."""
    text = f"The folder {root} cannot be listed: {reason(error)}."
    return Unavailable(f"{text} Connect its disk, or correct `path` in the settings.")
