"""The wish to stop, and what is done about what does not."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from types import FrameType

log = logging.getLogger("storyline")

PATIENT_FOR = timedelta(seconds=8)
"""How long a step may go on after the wish to stop before it is cut short where it can be."""

STOPS_WITHIN = timedelta(seconds=15)
"""How long the daemon waits for its loops to end. Whatever hangs then is left behind."""


class CutShort(Exception):
    """A long step ends here, having written nothing, because Storyline is to stop."""


class Stop:
    """The wish to stop. The first SIGTERM or Ctrl-C lets the step in hand finish, the second ends at once."""

    def __init__(self, patient_for: timedelta = PATIENT_FOR) -> None:
        self._event = threading.Event()
        self._since = 0.0
        self._patient_for = patient_for.total_seconds()
        self.signal: int | None = None

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

    def hear(self, number: int, frame: FrameType | None) -> None:
        """What a signal does."""
        if self._event.is_set():
            raise KeyboardInterrupt
        self.signal = number
        self.say()
        log.info("Stopping; the step in hand is finished first.")


@contextmanager
def listening() -> Iterator[Stop]:
    """Hear SIGTERM and Ctrl-C until the end of the block."""
    stop = Stop()
    before = {number: signal.signal(number, stop.hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
