"""Walk a folder: every picture, video and metadata document in it, at one `stat` a file, nothing read.

Links to files and folders are followed; each real folder is listed once, under its own path where it has one. What
cannot be looked at is named and counts as unseen, never as gone. A folder that changed while it was being walked is
walked again; if it will not come to rest, the scan says that it is not complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISDIR, S_ISREG

import attrs

from storyline_core import MEDIA_TYPES, FileProblem, ListedFile, Role, Unavailable, Unseen, media_type_of, role_of
from storyline_local.gathering import gathering
from storyline_local.keys import name_key, name_shown, plain
from storyline_local.obstacles import reason

FILTERS = "local-1"
"""Changes whenever other names are passed over than before."""

DEEPEST = 100
"""Folders nested deeper than this are not entered: each level keeps one file open."""

LOOKS = 2
"""How often a folder that keeps changing is walked before the scan settles for what it has."""

PASSED_FOLDERS = frozenset({"lost+found", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "__MACOSX"})
"""Folders that systems make for themselves; hidden ones are passed over anyway."""

_COMMON = {spelling: kind for ending, kind in MEDIA_TYPES.items() for spelling in (f".{ending}", f".{ending.upper()}")}
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Place = tuple[int, int]


@attrs.frozen
class Scan:
    """What one walk saw. `complete` is False when the folder would not hold still."""

    files: tuple[ListedFile, ...]
    documents: tuple[ListedFile, ...]
    unseen: tuple[Unseen, ...]
    problems: tuple[FileProblem, ...]
    complete: bool


@attrs.frozen
class _Spot:
    """One folder under the root: its path as the system, as keys and as people have it; `""` for the root."""

    raw: str = ""
    key: str = ""
    shown: str = ""
    depth: int = 0

    def child(self, name: str) -> _Spot:
        key, shown = _join(self.key, name_key(name)), _join(self.shown, name_shown(name))
        return _Spot(_join(self.raw, name), key, shown, self.depth + 1)


def scan(root: str) -> Scan:
    """Everything under `root`. Raises `Unavailable` when the root itself cannot be listed."""
    walk, complete = _look(root)
    for _ in range(LOOKS - 1):
        if complete:
            break
        walk, complete = _look(root)
    if not complete:
        message = "Folders kept changing while they were listed; what seems to be gone is looked for again next time."
        walk.problems.append(FileProblem(key="", message=message))
    return Scan(tuple(walk.files), tuple(walk.documents), tuple(walk.unseen), tuple(walk.problems), complete)


def _look(root: str) -> tuple[_Walk, bool]:
    walk = _Walk(root)
    with gathering():
        walk.run()
    return walk, walk.at_rest()


class _Walk:
    """One look at everything. The lists grow as it goes."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.files: list[ListedFile] = []
        self.documents: list[ListedFile] = []
        self.unseen: list[Unseen] = []
        self.problems: list[FileProblem] = []
        self._links: list[_Spot] = []
        self._seen: dict[Place, _Spot] = {}
        self._times: list[tuple[str, int]] = []

    def run(self) -> None:
        fd = self._open_root()
        self._descend(fd, _Spot())
        # Links come last, so that a folder is listed under its own path and not under a link's.
        while self._links:
            self._links.sort(key=lambda spot: spot.raw, reverse=True)
            self._follow(self._links.pop())

    def at_rest(self) -> bool:
        """Whether every folder that was listed still has the time it had before."""
        for raw, time in self._times:
            try:
                if os.stat(os.path.join(self.root, raw)).st_mtime_ns != time:
                    return False
            except FileNotFoundError:
                return False
            except OSError:
                continue
        return True

    def _open_root(self) -> int:
        try:
            return os.open(self.root, _OPEN_FOLDER)
        except OSError as error:
            raise _unusable(self.root, error) from error

    def _descend(self, fd: int, top: _Spot) -> None:
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
                below = self._enter(name, fd, child)
                if below is not None:
                    levels.append((below, child, names := []))
                    names += self._list(below, child)
        finally:
            for fd, _, _ in levels:
                os.close(fd)

    def _enter(self, name: str, fd: int, spot: _Spot) -> int | None:
        if spot.depth > DEEPEST:
            self._hide(spot, f"folders nested more than {DEEPEST} deep are not entered")
            return None
        try:
            return os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._hide(spot, reason(error))
            return None

    def _list(self, fd: int, spot: _Spot) -> list[str]:
        """List one open folder, and return the names of the folders in it."""
        folders: list[str] = []
        try:
            own = os.fstat(fd)
            if self._met_before((own.st_dev, own.st_ino), spot):
                return folders
            self._times.append((spot.raw, own.st_mtime_ns))
            with os.scandir(fd) as entries:
                self._sort_out(entries, spot, folders)
        except OSError as error:
            if not spot.raw:
                raise _unusable(self.root, error) from error
            self._hide(spot, reason(error))
        return folders

    def _sort_out(self, entries: Iterator[os.DirEntry[str]], spot: _Spot, folders: list[str]) -> None:
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
                    inode = facts.st_ino
                    version = f"{facts.st_ctime_ns}-{inode}"
                    # By position: with names, a hundred thousand files would take a tenth longer.
                    add(
                        ListedFile(
                            key + name, name, shown, facts.st_size, facts.st_mtime_ns, version, kind, None, f"{inode}"
                        )
                    )
                elif entry.is_dir(follow_symlinks=False):
                    if name[0] != "." and name not in PASSED_FOLDERS:
                        folders.append(name)
                elif entry.is_symlink():
                    self._link(entry, spot)
            except FileNotFoundError:
                continue
            except PermissionError:
                raise
            except OSError as error:
                self._hide_file(spot, name, reason(error))

    def _unusual(self, entry: os.DirEntry[str], spot: _Spot, follow: bool = False) -> None:
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
            mtime_ns=facts.st_mtime_ns,
            version=version_of(facts),
            media_type=media_type_of(shown),
            hint=f"{facts.st_ino}",
        )
        (self.files if role is Role.MEDIA else self.documents).append(listed)

    def _link(self, entry: os.DirEntry[str], spot: _Spot) -> None:
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
                self._hide(spot.child(name), why)
            else:
                self._hide_file(spot, name, why)
            return
        if S_ISREG(mode):
            self._unusual(entry, spot, follow=True)
        elif S_ISDIR(mode) and name not in PASSED_FOLDERS:
            self._links.append(spot.child(name))

    def _follow(self, spot: _Spot) -> None:
        path = os.path.join(self.root, spot.raw)
        try:
            fd = os.open(path, _OPEN_FOLDER)
        except OSError as error:
            self._hide(spot, reason(error))
            return
        if spot.depth > DEEPEST or _holds(path, self.root):
            os.close(fd)
            message = "The link leads to a folder that holds it, or too deep; it is not followed."
            self.problems.append(FileProblem(key=spot.key, message=message))
            return
        self._descend(fd, spot)

    def _met_before(self, place: Place, spot: _Spot) -> bool:
        first = self._seen.setdefault(place, spot)
        if first is spot:
            return False
        message = f"This is the folder {first.shown or 'at the top'} again, by another way; it is listed once."
        self.problems.append(FileProblem(key=spot.key, message=message))
        return True

    def _hide(self, spot: _Spot, why: str) -> None:
        self.unseen.append(Unseen(folder=spot.shown, why=why))
        self.problems.append(FileProblem(key=spot.key, message=f"The folder {spot.shown} cannot be listed: {why}."))

    def _hide_file(self, spot: _Spot, name: str, why: str) -> None:
        key = spot.child(name).key
        self.unseen.append(Unseen(folder=spot.shown, why=why, key=key))
        self.problems.append(FileProblem(key=key, message=f"{name_shown(name)} cannot be listed: {why}."))


def version_of(facts: os.stat_result) -> str:
    """What changes whenever the bytes may have changed: the inode's change time and its number."""
    return f"{facts.st_ctime_ns}-{facts.st_ino}"


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _holds(path: str, root: str) -> bool:
    outer, inner = os.path.realpath(path), os.path.realpath(root)
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def _unusable(root: str, error: OSError) -> Unavailable:
    text = f"The folder {root} cannot be listed: {reason(error)}."
    return Unavailable(f"{text} Connect its disk, or correct `path` in the settings.")
