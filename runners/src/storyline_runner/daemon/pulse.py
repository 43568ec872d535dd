"""The pulse of this process: which of its loops turn, told by the loops themselves at no cost worth naming."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic

import attrs

from storyline_runner.daemon.stopping import Stop

EVERY = timedelta(seconds=30)
"""How often a loop turns that is not said to turn otherwise."""

TRUSTED_AFTER = timedelta(minutes=1)
"""A loop that failed counts as turning again once it has gone on for so long."""


@attrs.define
class _Beat:
    every: timedelta
    at: float
    alive_at: float
    trusted_at: float = 0.0


class Pulse:
    """When each loop last turned. Safe from every thread."""

    def __init__(self) -> None:
        self._beats: dict[str, _Beat] = {}
        self._guard = threading.Lock()

    def begin(self, name: str, every: timedelta) -> None:
        """A loop of that name begins, and will turn about so often."""
        with self._guard:
            self._beats[name] = _Beat(every, monotonic(), monotonic())

    def beat(self, name: str) -> None:
        """The loop turns."""
        with self._guard:
            beat, now = self._beats[name], monotonic()
            beat.alive_at = now
            if now >= beat.trusted_at:
                beat.at = now

    def fail(self, name: str, wait: timedelta) -> None:
        """The loop has failed and begins again after that wait; only when it goes on for a while it turns again."""
        with self._guard:
            if name in self._beats:
                beat, now = self._beats[name], monotonic()
                beat.alive_at, beat.trusted_at = now, now + (wait + TRUSTED_AFTER).total_seconds()

    def loops(self, now: datetime) -> Mapping[str, tuple[timedelta, datetime]]:
        """How often each loop turns and when it last did, whatever the clock was turned to meanwhile."""
        with self._guard:
            here = monotonic()
            return {name: (beat.every, now - timedelta(seconds=here - beat.at)) for name, beat in self._beats.items()}

    def dead(self, now: datetime) -> tuple[str, ...]:
        """The loops that have not turned for too long."""
        from storyline_core import is_dead

        return tuple(name for name, (every, at) in self.loops(now).items() if is_dead(every, at, now))

    def hanging(self, now: datetime) -> tuple[str, ...]:
        """The loops that have given no sign of life for too long, not even by failing.

        Starting the process again helps these. It does not help those that fail because a database is away.
        """
        from storyline_core import is_dead

        with self._guard:
            here = monotonic()
            silent = {name: (beat.every, here - beat.alive_at) for name, beat in self._beats.items()}
        return tuple(name for name, (every, age) in silent.items() if is_dead(every, now - timedelta(seconds=age), now))

    def stop_of(self, name: str, stop: Stop, every: timedelta = EVERY) -> Stop:
        """The wish to stop as the loop of that name sees it: whenever it asks, it turns."""
        self.begin(name, every)
        return _Beating(stop, lambda: self.beat(name), every)


class _Beating(Stop):
    """The wish to stop, in the hands of one loop."""

    def __init__(self, stop: Stop, beat: Callable[[], None], every: timedelta) -> None:
        self._whole = stop
        self._beat = beat
        self._every = every

    def __call__(self) -> bool:
        self._beat()
        return self._whole()

    def sleep(self, length: timedelta) -> None:
        """Sleep so long, or until somebody says stop, and turn meanwhile."""
        deadline = monotonic() + length.total_seconds()
        while not self() and (left := deadline - monotonic()) > 0:
            self._whole.sleep(min(timedelta(seconds=left), self._every))

    def say(self) -> None:
        """Say stop, to all loops."""
        self._whole.say()

    def cut_short(self) -> None:
        """Raises `CutShort` when the step in hand has gone on for too long since somebody said stop."""
        self._beat()
        self._whole.cut_short()

    def left(self) -> timedelta:
        """How long the loops may still take to end."""
        return self._whole.left()
