"""Look at a few places of a folder only, and say of them exactly what a look at everything would say.

Where that cannot be promised the answer is that only the whole can tell: what lies behind links is listed under
whichever path comes first, and a folder whose name must be escaped cannot be told from one that is really called so.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from stat import S_ISDIR, S_ISLNK, S_ISREG

import attrs

from storyline_core import Hint, Role, role_of
from storyline_local.absence import certainly_absent
from storyline_local.gathering import gathering
from storyline_local.keys import BadKey, unspell
from storyline_local.obstacles import ABSENT, reason
from storyline_local.scan import LOOKS, Scan
from storyline_local.walk import Spot, Walk, passed, unusable

Parts = tuple[str, ...]


@attrs.frozen
class Part:
    """What is in the places of a hint: `scope` are the folders listed whole, `gone` the keys that are not there."""

    seen: Scan
    scope: tuple[str, ...]
    gone: tuple[str, ...]


class OnlyTheWholeCanTell(Exception):
    """The places cannot be answered for without a look at everything."""


def scan_part(root: str, hint: Hint, *, linked: bool) -> Part:
    """What there is now in the places of a hint.

    `linked` says that links to folders are known or may be there. Raises `OnlyTheWholeCanTell`, and `Unavailable`
    when the root cannot be listed.
    """
    if hint.everything or "" in hint.folders:
        raise OnlyTheWholeCanTell
    look, complete = _look(root, hint, linked)
    for _ in range(LOOKS - 1):
        if complete:
            break
        look, complete = _look(root, hint, linked)
    raw = os.fsencode(root)
    gone = tuple(sorted(key for key in look.gone if certainly_absent(raw, key)))
    return Part(Scan.of(look.walk, complete), tuple(sorted(look.scope)), gone)


def _look(root: str, hint: Hint, linked: bool) -> tuple[_Look, bool]:
    look = _Look(root, linked)
    with gathering():
        look.run(hint)
    return look, look.walk.at_rest()


class _Look:
    """One look at the places of one hint."""

    def __init__(self, root: str, linked: bool) -> None:
        self.walk = Walk(root)
        self.scope: set[str] = set()
        self.gone: set[str] = set()
        self._linked = linked

    def run(self, hint: Hint) -> None:
        folders = _outermost({_parts(_plain_top(key)) for key in hint.folders})
        if folders and self._linked:
            raise OnlyTheWholeCanTell
        wanted: dict[Parts, dict[str, bool]] = defaultdict(dict)
        for parts in folders:
            wanted[parts[:-1]][parts[-1]] = True
        for parts in map(_parts, hint.keys):
            if not any(parts[:depth] in folders for depth in range(1, len(parts) + 1)):
                wanted[parts[:-1]][parts[-1]] = False
        for parents, names in sorted(wanted.items()):
            self._visit(parents, names)
        if self.walk.links or (self.gone and self._linked):
            raise OnlyTheWholeCanTell

    def _visit(self, parents: Parts, names: dict[str, bool]) -> None:
        """Look at some names in one folder; True marks those that are hinted as folders."""
        fd, spot = self.walk.open_root(), Spot()
        try:
            for name in parents:
                below = self._step(fd, name, spot.child(name))
                if isinstance(below, bool):
                    if below:
                        # With a folder above them gone, all of them are.
                        self._absent(_spot(parents), names)
                    return
                os.close(fd)
                fd, spot = below, spot.child(name)
            self.walk.times.append((spot.raw, os.fstat(fd).st_mtime_ns))
            self._take(fd, spot, names)
        except OSError as error:
            if not spot.raw:
                raise unusable(self.walk.root, error) from error
            self.walk.hide(spot, reason(error))
        finally:
            os.close(fd)

    def _step(self, fd: int, name: str, spot: Spot) -> int | bool:
        """Into the next folder on the way; or True when it is certainly not there, False when it is not entered."""
        if passed(name):
            return False
        known = len(self.walk.unseen)
        below = self.walk.enter(name, fd, spot)
        if below is not None:
            return below
        if len(self.walk.unseen) > known:
            return False
        # Otherwise a folder would have been entered: it is not there, or it is a link or a file.
        self.walk.times.append((os.path.dirname(spot.raw), os.fstat(fd).st_mtime_ns))
        facts = _facts(fd, name)
        if facts is not None and S_ISLNK(facts.st_mode):
            raise OnlyTheWholeCanTell
        return True

    def _take(self, fd: int, spot: Spot, names: dict[str, bool]) -> None:
        found = {name: _Named(fd, name, facts) for name in names if (facts := _facts(fd, name)) is not None}
        self._absent(spot, {name: hinted for name, hinted in names.items() if name not in found})
        below: list[str] = []
        self.walk.sort_out(found.values(), spot, below)
        for name, entry in found.items():
            self._settle(entry, spot.child(name), hinted=names[name], enters=name in below)
        for name in below:
            child = spot.child(name)
            inside = self.walk.enter(name, fd, child)
            if inside is not None:
                self.walk.descend(inside, child)

    def _settle(self, entry: _Named, spot: Spot, *, hinted: bool, enters: bool) -> None:
        """What a name that is there proves of the file or the folder that it was."""
        if entry.is_dir(follow_symlinks=False):
            self._no_file(spot, hinted)
            if enters and "%" in spot.key:
                raise OnlyTheWholeCanTell
        if enters or (hinted and entry.leads_to_file()):
            self.scope.add(spot.shown)

    def _absent(self, folder: Spot, names: Mapping[str, bool]) -> None:
        for name, hinted in names.items():
            spot = folder.child(name)
            self._no_file(spot, hinted)
            if hinted:
                self.scope.add(spot.shown)

    def _no_file(self, spot: Spot, hinted: bool) -> None:
        # What is hinted as a folder may have been a file when somebody looked last.
        if not hinted or role_of(os.path.basename(spot.shown)) is not Role.IGNORED:
            self.gone.add(spot.key)


class _Named:
    """A name that was looked up by itself, in the shape of an entry of `os.scandir`."""

    def __init__(self, fd: int, name: str, facts: os.stat_result) -> None:
        self.name = name
        self._fd = fd
        self._facts = facts

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return S_ISDIR(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return S_ISREG(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_symlink(self) -> bool:
        return S_ISLNK(self._facts.st_mode)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        if follow_symlinks and self.is_symlink():
            return os.stat(self.name, dir_fd=self._fd)
        return self._facts

    def leads_to_file(self) -> bool:
        try:
            return self.is_file()
        except OSError:
            return False


def _facts(fd: int, name: str) -> os.stat_result | None:
    """What is under that name, a link itself if it is one; None when nothing is."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _parts(key: str) -> Parts:
    try:
        return tuple(os.fsdecode(unspell(key)).split("/"))
    except BadKey:
        raise OnlyTheWholeCanTell from None


def _plain_top(key: str) -> str:
    """The nearest folder that is shown as it is spelled, so that no other folder can be meant."""
    spelled, _, _ = key.partition("%")
    top = key if spelled == key else spelled.rpartition("/")[0]
    if not top:
        raise OnlyTheWholeCanTell
    return top


def _outermost(folders: set[Parts]) -> set[Parts]:
    return {parts for parts in folders if not any(parts[:depth] in folders for depth in range(1, len(parts)))}


def _spot(parts: Parts) -> Spot:
    spot = Spot()
    for name in parts:
        spot = spot.child(name)
    return spot
