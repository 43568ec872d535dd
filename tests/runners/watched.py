"""A folder in memory that can be watched, and hangs or falls silent on order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import attrs

from storyline_core import Hint, Kind, Listing, Runtime, SourceKind, Traits, hookimpl
from storyline_core.testing.faults import Faults
from storyline_core.testing.memory import Place
from storyline_core.testing.memory_folder import MemoryFolder, MemorySource, MemoryWatch


class Ear(MemoryWatch):
    """Hears only what a test says: hints, or the error with which the watch is lost."""

    def __init__(self, folder: MemoryFolder, faults: Faults) -> None:
        super().__init__(folder, faults, by_id=False)
        self._said: queue.SimpleQueue[Hint | Exception] = queue.SimpleQueue()

    def hear(self, *keys: str) -> None:
        """Something happened to these files."""
        self._said.put(Hint.of(keys))

    def lose(self, error: Exception) -> None:
        """The watch is lost."""
        self._said.put(error)

    def wait(self, timeout: timedelta, stop: Callable[[], bool]) -> Hint | None:
        """As the contract says."""
        deadline = monotonic() + timeout.total_seconds()
        while not stop() and (left := deadline - monotonic()) > 0:
            try:
                heard = self._said.get(timeout=min(left, 0.05))
            except queue.Empty:
                continue
            if isinstance(heard, Exception):
                raise heard
            return heard
        return None


class WatchedSource(MemorySource):
    """A memory source that tells what changes, and lists parts."""

    def __init__(self, place: WatchedPlace) -> None:
        super().__init__(place.folder, place.faults, by_id=False)
        self._place = place

    @contextmanager
    def watch(self) -> Iterator[Ear]:
        """Begin to watch."""
        with self._place.faults.around("watch"):
            self._place.ears += 1
            self._place.ear = Ear(self._place.folder, self._place.faults)
        yield self._place.ear

    def list_media(self, cursor: str | None) -> Listing:
        """The whole folder; it hangs when it is told to."""
        self._place.wait_while_hanging()
        return super().list_media(cursor)

    def list_part(self, hint: Hint) -> Listing:
        """What is there of these files."""
        self._place.hints.append(hint)
        return super().list_part(hint)


@attrs.define
class WatchedPlace:
    """One folder, what is said of it, and what was asked of it."""

    folder: MemoryFolder = attrs.field(factory=MemoryFolder)
    faults: Faults = attrs.field(factory=Faults)
    ear: Ear = attrs.field(init=False)
    ears: int = 0
    hints: list[Hint] = attrs.field(factory=list)
    _goes_on: threading.Event = attrs.field(factory=threading.Event)
    hanging: threading.Event = attrs.field(factory=threading.Event)

    def __attrs_post_init__(self) -> None:
        self._goes_on.set()
        self.ear = Ear(self.folder, self.faults)

    def hang(self) -> None:
        """From now on looking at it takes for ever."""
        self._goes_on.clear()

    def go_on(self) -> None:
        """Looking at it ends."""
        self._goes_on.set()

    def wait_while_hanging(self) -> None:
        """Hangs."""
        if not self._goes_on.is_set():
            self.hanging.set()
            self._goes_on.wait()


@attrs.define
class WatchedPlugin:
    """Offers the source kind `watched`."""

    places: dict[str, WatchedPlace] = attrs.field(factory=dict)

    def place(self, name: str = "main") -> WatchedPlace:
        """One of its folders."""
        return self.places.setdefault(name, WatchedPlace())

    @hookimpl
    def storyline_media_source_providers(self) -> Sequence[SourceKind]:
        """One kind."""

        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[WatchedSource]:
            yield WatchedSource(self.place(options.place))

        return [Kind("watched", Place, opened, Traits(watches=True), summary="a folder in memory that is watched")]
