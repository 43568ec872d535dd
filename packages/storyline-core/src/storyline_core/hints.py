"""What a watcher heard: where something may have changed. Never a truth, only a place to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

MOST_IN_FOLDER = 128
"""With more files than this in one folder, the folder is listed instead of each of them."""

MOST_PATHS = 512
"""With more places than this, everything is listed."""


@attrs.frozen
class Hint:
    """Places in one source, spelled as the provider spells keys; only it can read them.

    `keys` are single files, `folders` folders with everything below them. `everything` says that it cannot be told
    where, and then `why` says how that came about, for a person.
    """

    keys: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    everything: bool = False
    why: str = ""

    @classmethod
    def all(cls, why: str) -> Hint:
        """Something changed, and nobody knows where."""
        return cls(everything=True, why=why)

    @classmethod
    def of(cls, keys: Iterable[str], folders: Iterable[str] = ()) -> Hint:
        """So many places at most: crowded folders are taken whole, and too many places are everything."""
        tops = _outermost(set(folders))
        loose = {key for key in keys if not _below(key, tops)}
        crowds = Counter(_folder(key) for key in loose)
        tops = _outermost(tops | {folder for folder, count in crowds.items() if count > MOST_IN_FOLDER})
        loose = {key for key in loose if not _below(key, tops)}
        if "" in tops or len(loose) + len(tops) > MOST_PATHS:
            return cls.all("many files changed at once")
        return cls(frozenset(loose), frozenset(tops))

    def __or__(self, other: Hint) -> Hint:
        """Both together."""
        if self.everything or other.everything:
            return Hint.all(self.why or other.why)
        return Hint.of(self.keys | other.keys, self.folders | other.folders)

    def __bool__(self) -> bool:
        return self.everything or bool(self.keys or self.folders)


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def _below(key: str, tops: set[str]) -> bool:
    """Whether a key lies in one of the folders or below it."""
    if not tops:
        return False
    folder = _folder(key)
    while folder not in tops:
        if not folder:
            return "" in tops
        folder = _folder(folder)
    return True


def _outermost(folders: set[str]) -> set[str]:
    return {folder for folder in folders if not folder or not _below(folder, folders - {folder})}
