"""How long things may take, and when trying again has been enough."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from storyline_gdrive.troubles import Refusal, pause_s

SLOWEST = 16 * 1024
"""Bytes in a second: what is slower than this over a whole call does not count as coming."""


@attrs.frozen
class Pace:
    """How long things may take, in seconds, and how time passes. Time and chance are arguments.

    `answer_s` is for one call, `patience_s` for all tries of it while nothing comes of them.
    """

    answer_s: float = 60.0
    patience_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = lambda: 0.5

    def call_s(self, size: int = 0) -> float:
        """How long one call may take as a whole that carries so many bytes."""
        return self.answer_s + size / SLOWEST


@attrs.frozen
class Carried:
    """How far a call that carries bytes has come, over all its tries, and how many there are."""

    size: int = 0
    so_far: Callable[[], int] = lambda: 0


class Turns:
    """The tries of one call: how long to wait before the next, and when it is enough."""

    def __init__(self, pace: Pace, carried: Carried) -> None:
        self._pace = pace
        self._carried = carried
        self._attempt = 0
        self._so_far = carried.so_far()
        self._since = pace.clock()
        self._until = self._since + pace.patience_s + pace.call_s(carried.size)

    def another(self, refusal: Refusal | None) -> bool:
        """Wait, and say whether to try again."""
        now, so_far = self._pace.clock(), self._carried.so_far()
        if so_far > self._so_far:
            self._so_far, self._since, self._attempt = so_far, now, 0
        wait_s = pause_s(self._attempt, self._pace.chance(), refusal)
        if now + wait_s > min(self._since + self._pace.patience_s, self._until):
            return False
        self._pace.sleep(wait_s)
        self._attempt += 1
        return True
