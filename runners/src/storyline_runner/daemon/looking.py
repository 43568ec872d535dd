"""The latest look at everything: taken by one loop, shown to whoever asks, and never waited for very long."""

from __future__ import annotations

import threading
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storyline_core import Check, Health

FRESH_FOR = timedelta(seconds=10)
"""A look that is no older than this is shown as it is."""

WAITED_FOR = timedelta(seconds=5)
"""How long somebody who asks waits for a new look before they are shown the one before."""

STALE_AFTER = timedelta(minutes=16)
"""A look older than this says nothing any more: the loop that looks hangs ..."""

HANGS_AFTER = timedelta(minutes=2)
"""... and so it does when a look that somebody wants is not there after this."""


@attrs.frozen
class Look:
    """What was found, and when by a clock that nobody can turn. `overdue`: for how long a newer one is wanted."""

    health: Health
    at: float
    overdue: timedelta = timedelta()

    @property
    def age(self) -> timedelta:
        """How old it is."""
        return timedelta(seconds=monotonic() - self.at)

    @property
    def stale(self) -> bool:
        """Whether it says nothing any more."""
        return self.age > STALE_AFTER or self.overdue > HANGS_AFTER


class Looking:
    """Where the loop that looks meets those who ask."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._latest: Look | None = None
        self._wanted_at: float | None = None
        self._answers: tuple[Check, ...] | None = None

    def answers(self, patience: timedelta = timedelta()) -> tuple[Check, ...]:
        """What notifiers and publishers last said of themselves. The first time is waited for, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers is not None, patience.total_seconds())
            return self._answers or ()

    def answered(self, answers: Iterable[Check]) -> None:
        """They said something else: a look that shows it is wanted."""
        with self._changed:
            before, self._answers = self._answers, tuple(answers)
            if self._answers != before and self._wanted_at is None and self._latest is not None:
                self._wanted_at = monotonic()
            self._changed.notify_all()

    def show(self, health: Health) -> None:
        """A new look was taken."""
        with self._changed:
            self._latest, self._wanted_at = Look(health, monotonic()), None
            self._changed.notify_all()

    def ask(self) -> Look | None:
        """A fresh look, or after a while the latest there is; None before the first."""
        deadline = monotonic() + WAITED_FOR.total_seconds()
        with self._changed:
            before = self._latest
            if before is not None and before.age <= FRESH_FOR and self._wanted_at is None:
                return before
            if self._wanted_at is None:
                self._wanted_at = monotonic()
                self._changed.notify_all()
            while self._latest is before and (left := deadline - monotonic()) > 0:
                self._changed.wait(left)
            return self._dated()

    def latest(self) -> Look | None:
        """The latest look, however old; None before the first."""
        with self._changed:
            return self._dated()

    def _dated(self) -> Look | None:
        if self._latest is None or self._wanted_at is None:
            return self._latest
        return attrs.evolve(self._latest, overdue=timedelta(seconds=monotonic() - self._wanted_at))

    def wait(self, length: timedelta) -> bool:
        """Wait until somebody wants a look, or so long; whether somebody does."""
        with self._changed:
            if self._wanted_at is None:
                self._changed.wait(max(length.total_seconds(), 0.0))
            return self._wanted_at is not None
