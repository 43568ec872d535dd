"""Watch a folder: a thread listens, gathers where something may have changed, and looks whether the root still stands.

What is listened to are the very folders that a scan lists, also those behind links, and no others. What happens is only
a hint, so whatever is in doubt is told as *everything*.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

from storyline_core import Hint, PluginFault, Refused, Unavailable, Watch
from storyline_local.ears import LIMITS, STEP_MS, Change, Ear, Undecodable, Vanished, limit, too_few_watches
from storyline_local.heard import Doubt, Heard
from storyline_local.keys import readable, spell
from storyline_local.mounts import TABLE, mounts_of
from storyline_local.sounds import FolderWalk, places_of
from storyline_local.walk import version_of

GLANCE_S = 0.25
"""How often a waiting reader looks whether it should stop."""

LOOK_S = 2.0
"""How often it is looked whether the root is still the same folder, and nothing was mounted or unmounted below it."""

LATE_S = 5.0
"""Waking this much later than planned means that the machine slept or was too busy to hear everything."""

TRIES = 5
"""How often it is tried to listen to folders that come and go meanwhile."""

MOST_ODD = 1024
"""Of so many names that are not UTF-8 it is remembered how they were, to tell changes from mere reading."""

_EVENTS_PER_FOLDER = platform.system() == "Linux"
_ASLEEP = "the machine was asleep, or too busy to hear everything"
_ODD_NAMES = "something happened to a name that is not UTF-8"
_REMOUNTED = "a disk was connected or disconnected"


@contextmanager
def watch_folder(root: str, table: Path = TABLE, limits: Path = LIMITS) -> Iterator[Watch]:
    """Watch a folder until the block ends; what changes from then on is heard.

    Raises `Refused` where nothing would be heard, with why and what to do, and `Unavailable` when it is not there.
    """
    _refuse_silent(root, table)
    watch = FolderWatch(root, limits)
    try:
        yield watch
    finally:
        watch.close()


def _refuse_silent(root: str, table: Path) -> None:
    for mount in mounts_of(root, table):
        if mount.nature.silent:
            raise Refused(
                f"{mount.point} is a network or foreign disk ({mount.kind}), which tells nothing of what others change "
                "on it. Changes are found by the regular scans only; `interval` in the settings says how often."
            )
    try:
        root.encode()
    except UnicodeEncodeError:
        shown = readable(os.fsencode(root))
        raise Refused(f"The path {shown} is not UTF-8, so it cannot be watched. Rename the folder.") from None


class FolderWatch:
    """A watch over one folder. `wait` may be called by one thread; another one listens meanwhile."""

    def __init__(self, root: str, limits: Path = LIMITS) -> None:
        self._root = root
        self._limits = limits
        self._changed = threading.Condition()
        self._heard = Heard()
        self._lost = ""
        self._doubt = Doubt()
        self._odd: dict[bytes, str | None] = {}
        self._closing = threading.Event()
        self._place = _place(root)
        self._mounts = mounts_of(root)
        self._remounted = False
        self._cost_s = 0.0
        self._known: frozenset[str] = frozenset()
        self._ear = self._open()
        self._looked = self._stepped = monotonic()
        self._thread = threading.Thread(target=self._run, name="storyline-watch", daemon=True)
        self._thread.start()

    def wait(self, timeout: timedelta, stop: Callable[[], bool]) -> Hint | None:
        """Where something may have changed, once it is quiet; None after the timeout or when `stop()` is True.

        Raises `Unavailable` when the folder is gone or another one, or can no longer be watched.
        """
        deadline = monotonic() + timeout.total_seconds()
        while True:
            ending = stop()
            with self._changed:
                if self._lost:
                    raise Unavailable(self._lost)
                now = monotonic()
                due_in = self._heard.due_in(now)
                if due_in == 0:
                    return self._heard.take()
                if ending or now >= deadline:
                    return None
                pause = min(GLANCE_S, deadline - now, due_in if due_in is not None else GLANCE_S)
                self._changed.wait(pause)

    def close(self) -> None:
        """Stop listening; the thread has ended when this returns."""
        self._closing.set()
        self._thread.join()

    def is_set(self) -> bool:
        """Asked by the ear at every step: look at the clock and the root, and say whether to stop listening."""
        now = monotonic()
        late, self._stepped = now - self._stepped > LATE_S, now
        if late:
            self._everything(_ASLEEP)
        if self._doubt.settle(now):
            self._everything(_ODD_NAMES)
        if now - self._looked >= LOOK_S:
            self._look()
        return self._closing.is_set() or bool(self._lost) or self._remounted

    def _run(self) -> None:
        try:
            while not self._closing.is_set() and not self._lost:
                self._stepped = monotonic()
                try:
                    self._hear(self._ear.listen(self))
                except Undecodable as error:
                    self._startle(error.path)
                    self._ear.close()
                    self._ear = self._open_again()
                if self._remounted:
                    self._reopen()
                    self._remounted = False
                    self._everything(_REMOUNTED)
        except PluginFault as error:
            self._lose(str(error))
        finally:
            self._ear.close()
            # A thread that ends by a mistake must not look like a folder in which nothing happens.
            self._lose("The folder is no longer watched.")

    def _hear(self, changes: set[Change]) -> None:
        places = places_of(self._root, changes, self._known)
        if places.everything:
            self._look()
            self._everything("the folder itself was changed")
        if places.lost:
            # A folder made anew at once may even have the number of the one that was removed.
            self._lose(f"The folder {self._root} was removed or renamed.")
        self._add(places.keys, places.folders)
        if places.moved and not self._lost:
            self._reopen()

    def _reopen(self) -> None:
        """Listen to the folders that there are now, without a moment of deafness in between."""
        self._rest()
        before, old = self._known, self._ear
        allowed = limit("max_user_watches", self._limits)
        overlap = allowed is None or 2 * len(before) < allowed
        if not overlap:
            old.close()
        self._ear = self._open()
        if overlap:
            try:
                left = places_of(self._root, old.rest(), before | self._known)
                self._add(left.keys, left.folders)
            except Undecodable as error:
                self._startle(error.path)
            finally:
                old.close()
        else:
            self._everything("too few watches are left to notice what happens while folders come and go")
        # What was put into a new folder before it was listened to is found by looking at it after that.
        self._add(frozenset(), frozenset(spell(os.fsencode(raw)) for raw in self._known - before))

    def _open(self) -> Ear:
        """Listen to every folder there is. Raises `Refused` or `Unavailable`."""
        began = monotonic()
        folders = self._folders()
        for _ in range(TRIES):
            ear = self._listen_to(folders)
            # A folder that was made before its parent was listened to would stay unheard.
            now = self._folders()
            if ear is not None and now == folders:
                self._known, self._cost_s = frozenset(folders), monotonic() - began
                return ear
            if ear is not None:
                ear.close()
            folders = now
        raise Unavailable(f"Folders in {self._root} come and go too fast to be watched.")

    def _open_again(self) -> Ear:
        """Listen to the same folders as before."""
        self._rest()
        began = monotonic()
        ear = self._listen_to(self._known)
        self._cost_s = monotonic() - began
        return ear if ear is not None else self._open()

    def _folders(self) -> frozenset[str]:
        walk = FolderWalk(self._root)
        walk.run()
        return frozenset(walk.folders())

    def _listen_to(self, folders: frozenset[str]) -> Ear | None:
        allowed = limit("max_user_watches", self._limits)
        if allowed is not None and len(folders) > allowed:
            raise too_few_watches(len(folders), self._limits)
        try:
            return Ear(self._root, folders) if _EVENTS_PER_FOLDER else Ear(self._root, [""], recursive=True)
        except Vanished:
            return None

    def _rest(self) -> None:
        """Opening anew may take a fifth of the time, not more."""
        self._closing.wait(min(4 * self._cost_s, LATE_S))

    def _startle(self, path: bytes | None) -> None:
        """Something happened to a name that cannot be told; often it was only read."""
        self._doubt.arise(monotonic())
        top = os.fsencode(self._root).rstrip(b"/") + b"/"
        if path is None or not path.startswith(top):
            return
        try:
            found = os.lstat(path)
        except OSError:
            version = None
        else:
            version = version_of(found)
        if len(self._odd) >= MOST_ODD:
            self._odd.clear()
        known, self._odd[path] = self._odd.get(path), version
        if version is None or version != known:
            self._hint_at(os.path.dirname(path[len(top) :]))

    def _hint_at(self, folder: bytes) -> None:
        if folder:
            self._add(frozenset(), frozenset({spell(folder)}))
        else:
            self._everything(_ODD_NAMES)

    def _look(self) -> None:
        self._looked = monotonic()
        place = _place(self._root)
        if place is None:
            self._lose(f"The folder {self._root} is not there any more. Connect its disk.")
        elif place != self._place:
            self._lose(f"Another folder than before is at {self._root}: a disk was connected or disconnected.")
        elif mounts_of(self._root) != self._mounts:
            self._mounts = mounts_of(self._root)
            self._remounted = True

    def _add(self, keys: frozenset[str], folders: frozenset[str]) -> None:
        with self._changed:
            # It happened at least one step before it was heard.
            self._heard.add(keys, folders, monotonic() - STEP_MS / 1000)
            self._changed.notify_all()

    def _everything(self, why: str) -> None:
        with self._changed:
            self._heard.everything(why, monotonic())
            self._changed.notify_all()

    def _lose(self, why: str) -> None:
        with self._changed:
            self._lost = self._lost or why
            self._changed.notify_all()


def _place(root: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(root)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
