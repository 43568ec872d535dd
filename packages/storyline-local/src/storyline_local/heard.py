"""What was heard and not yet told: gathered until it has been quiet for a moment, in bounded memory.

Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Iterable

from storyline_core import Hint

QUIET_S = 0.5
"""A hint is told when nothing was heard for this long."""

LONGEST_S = 10.0
"""What never comes to rest is told after this long."""

MOST_GATHERED = 4096
"""With more single files than this, crowded folders are taken whole at once, so that memory stays small."""

FIRST_DOUBT_S = 60.0
LONGEST_DOUBT_S = 3600.0


class Heard:
    """Places where something may have changed."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._folders: set[str] = set()
        self._everything = ""
        self._first: float | None = None
        self._last = 0.0

    def add(self, keys: Iterable[str], folders: Iterable[str], now: float) -> None:
        """Remember places, unless there are none."""
        known = len(self._keys), len(self._folders)
        keys, folders = tuple(keys), tuple(folders)
        if not keys and not folders:
            return
        self._moved(now)
        if self._everything:
            return
        self._keys.update(keys)
        self._folders.update(folders)
        if len(self._keys) + len(self._folders) > MOST_GATHERED and known != (len(self._keys), len(self._folders)):
            self._shrink()

    def everything(self, why: str, now: float) -> None:
        """Something changed, and nobody knows where."""
        self._moved(now)
        self._everything = self._everything or why
        self._keys.clear()
        self._folders.clear()

    def due_in(self, now: float) -> float | None:
        """After how many seconds there is something to tell; zero when there is, None when nothing was heard."""
        if self._first is None:
            return None
        return max(0.0, min(self._last + QUIET_S, self._first + LONGEST_S) - now)

    def take(self) -> Hint:
        """All of it, and begin anew."""
        hint = Hint.all(self._everything) if self._everything else Hint.of(self._keys, self._folders)
        self.__init__()  # type: ignore[misc]
        return hint

    def _moved(self, now: float) -> None:
        self._first = now if self._first is None else self._first
        self._last = now

    def _shrink(self) -> None:
        hint = Hint.of(self._keys, self._folders)
        if hint.everything:
            self._everything = hint.why
        self._keys, self._folders = set(hint.keys), set(hint.folders)


class Doubt:
    """When to look at everything because something could not be made out: at once, then ever more rarely.

    Looking itself may cause the next doubt (a folder is opened, and its name cannot be decoded), so it must not be
    answered each time.
    """

    def __init__(self) -> None:
        self._due: float | None = None
        self._pause = 0.0
        self._latest = 0.0

    def arise(self, now: float) -> None:
        """Something could not be made out."""
        if self._due is None:
            if now - self._latest > 2 * LONGEST_DOUBT_S:
                self._pause = 0.0
            self._due = now + self._pause
            self._pause = min(max(FIRST_DOUBT_S, self._pause * 2), LONGEST_DOUBT_S)
        self._latest = now

    def settle(self, now: float) -> bool:
        """Whether it is time to look at everything; then the doubt is over."""
        if self._due is None or now < self._due:
            return False
        self._due = None
        return True
