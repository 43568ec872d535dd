"""What signals ask of the daemon: the wish to stop, and what is done about what does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum, auto
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType

PATIENT_FOR = timedelta(seconds=8)
"""How long a step may go on after the wish to stop before it is cut short where it can be."""

STOPS_WITHIN = timedelta(seconds=15)
"""How long the daemon waits for its loops to end. Whatever hangs then is left behind."""


NOTICED_WITHIN = timedelta(seconds=1)
"""How long a signal may wait that the system gave to another thread: that does not wake the one that hears it."""


class CutShort(Exception):
    """A long step ends here, having written nothing, because Storyline is to stop."""


class Stop:
    """The wish to stop, as the loops see it."""

    def __init__(self, patient_for: timedelta = PATIENT_FOR) -> None:
        self._event = threading.Event()
        self._since = 0.0
        self._patient_for = patient_for.total_seconds()

    def __call__(self) -> bool:
        """Whether somebody has said stop."""
        return self._event.is_set()

    def sleep(self, length: timedelta) -> None:
        """Sleep so long, or until somebody says stop."""
        self._event.wait(max(length.total_seconds(), 0.0))

    def say(self) -> None:
        """Say stop."""
        if not self._event.is_set():
            self._since = monotonic()
            self._event.set()

    def cut_short(self) -> None:
        """Raises `CutShort` when the step in hand has gone on for too long since somebody said stop."""
        if self._event.is_set() and monotonic() - self._since > self._patient_for:
            raise CutShort

    def left(self) -> timedelta:
        """How long the loops may still take to end."""
        return STOPS_WITHIN - timedelta(seconds=monotonic() - self._since)


class Wish(Enum):
    """What a signal asks of the daemon."""

    STOP = auto()
    RELOAD = auto()


class Wishes:
    """The signals that came. SIGTERM and Ctrl-C: stop, and a second one: at once. SIGHUP: take over new settings."""

    def __init__(self) -> None:
        # A handler runs between any two steps of the main thread, which may hold a lock: only this queue is safe then.
        self._heard: SimpleQueue[Wish] = SimpleQueue()
        self.signal: int | None = None

    def hear(self, number: int, frame: FrameType | None) -> None:
        """What a signal does."""
        if number == signal.SIGHUP:
            self._heard.put(Wish.RELOAD)
            return
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self._heard.put(Wish.STOP)

    def next(self, within: timedelta) -> Wish | None:
        """The next wish, waited for at most so long."""
        ends = monotonic() + within.total_seconds()
        while True:
            left = max(ends - monotonic(), 0.0)
            try:
                return self._heard.get(timeout=min(left, NOTICED_WITHIN.total_seconds()))
            except Empty:
                if not left:
                    return None


@contextmanager
def listening() -> Iterator[Wishes]:
    """Hear SIGTERM, Ctrl-C and SIGHUP until the end of the block."""
    wishes = Wishes()
    before = {number: signal.signal(number, wishes.hear) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
