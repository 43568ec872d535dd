"""What an event means: which files and folders are worth a look, and which folders there are to listen to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

import attrs

from storyline_core import Role, role_of
from storyline_local.keys import name_shown, spell
from storyline_local.walk import Entry, Spot, Walk, passed

ADDED = 1
"""What the library calls a name that came into being, by being made or by being moved there."""

DELETED = 3
"""What it calls a name that is there no longer."""

_LOST = "\ufffd"


class FolderWalk(Walk):
    """The folders that a scan would list, and nothing else: no file is looked at."""

    def sort_out(self, entries: Iterable[Entry], spot: Spot, folders: list[str]) -> None:
        """Name the folders to enter, and keep links to folders for later. Raises `OSError`."""
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not passed(entry.name):
                    folders.append(entry.name)
            elif entry.is_symlink() and not entry.name.startswith("~") and self._leads_on(entry.name, spot):
                self.links.append(spot.child(entry.name))

    def _leads_on(self, name: str, spot: Spot) -> bool:
        return not passed(name) and os.path.isdir(os.path.join(self.root, spot.raw, name))

    def folders(self) -> list[str]:
        """Their paths under the root, as far as they are UTF-8: others cannot be listened to."""
        return [raw for raw, _ in self.times if _speakable(raw)]


@attrs.frozen
class Places:
    """What a few events are worth looking at. `everything` says that the root itself was touched, `lost` that
    it was removed or renamed, `moved` that folders came or went.
    """

    keys: frozenset[str]
    folders: frozenset[str]
    everything: bool
    moved: bool
    lost: bool = False


def places_of(root: str, changes: Iterable[tuple[int, str]], known: Collection[str]) -> Places:
    """Where to look after these changes. `known` are the folders that are listened to.

    Ignored files, hidden folders and what lies in them are worth nothing. What is not there any more was a folder if
    it is among the known ones.
    """
    keys: set[str] = set()
    folders: set[str] = set()
    everything = moved = lost = False
    for change, path in changes:
        if path == root:
            everything, lost = True, lost or change == DELETED
            continue
        raw = path[len(root.rstrip("/")) + 1 :]
        parents, name = os.path.split(raw)
        if _LOST in raw:
            clear, _, _ = raw.partition(_LOST)
            folders.add(_key(os.path.dirname(clear)))
        elif not passed(name) and not any(map(passed, parents.split("/"))):
            role = role_of(name_shown(name))
            folder = raw in known
            if folder or ((change == ADDED or role is Role.IGNORED) and os.path.isdir(path)):
                folders.add(_key(raw))
                moved = moved or not folder or change in (ADDED, DELETED)
            if role is not Role.IGNORED:
                keys.add(_key(raw))
    return Places(frozenset(keys), frozenset(folders), everything, moved, lost)


def _key(raw: str) -> str:
    return spell(os.fsencode(raw))


def _speakable(raw: str) -> bool:
    try:
        raw.encode()
    except UnicodeEncodeError:
        return False
    return True
