"""Loops: each concern in a thread of its own, begun again after a failure, so that none can hold up another."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from storyline_core import spoken
from storyline_runner.daemon.pulse import Pulse
from storyline_runner.daemon.stopping import CutShort, Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")

GLANCE = timedelta(minutes=1)
"""How often what is done now and then looks whether it is due. Machines sleep and clocks jump, so no sleep lasts until
then."""

FIRST_BACK_OFF = timedelta(seconds=5)
LONGEST_BACK_OFF = timedelta(minutes=5)

WENT_WELL = timedelta(minutes=10)
"""A loop that failed after running for longer than this has failed for the first time."""


class BackOff:
    """How long to wait after a failure: longer each time, never quite the same, until something goes well."""

    def __init__(self, chance: random.Random, first: timedelta, longest: timedelta) -> None:
        self._chance, self._first, self._longest = chance, first, longest
        self._failures = 0

    def failed(self) -> timedelta:
        """How long to wait now that it has failed once more."""
        length = min(self._first * (1 << min(self._failures, 16)), self._longest)
        self._failures += 1
        return length * (0.8 + 0.4 * self._chance.random())

    def went_well(self) -> None:
        """The next failure is the first again."""
        self._failures = 0


class Loop:
    """One concern in a thread of its own. `body` runs until `stop()` is True; if it fails, it is begun again."""

    def __init__(self, name: str, body: Callable[[], None], stop: Stop, pulse: Pulse | None = None) -> None:
        self.name = name
        self._pulse = pulse
        self._body = body
        self._stop = stop
        self._thread = threading.Thread(target=self._keep_going, name=f"storyline {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ends_within(self, length: timedelta) -> bool:
        """Wait for it to end, at most so long; whether it has."""
        self._thread.join(max(length.total_seconds(), 0.0))
        return not self._thread.is_alive()

    def _keep_going(self) -> None:
        from storyline_core import StorylineError, trace_of

        back_off = BackOff(random.Random(self.name), FIRST_BACK_OFF, LONGEST_BACK_OFF)
        while not self._stop():
            began = monotonic()
            try:
                self._body()
            except CutShort:
                log.warning("%s was cut short; the next start goes on with it.", self.name)
                return
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, all loops go on, this one as well
                if monotonic() - began > WENT_WELL.total_seconds():
                    back_off.went_well()
                wait = back_off.failed()
                if self._pulse is not None:
                    self._pulse.fail(self.name, wait)
                if isinstance(error, StorylineError):
                    log.error("%s: %s It is tried again in %s.", self.name, error, spoken(wait))
                else:
                    again = spoken(wait)
                    log.error("%s failed. It is tried again in %s.\n%s", self.name, again, trace_of(error))
                self._stop.sleep(wait)


def at_each_glance(storyline: Storyline, stop: Stop, turn: Callable[[Storyline], None]) -> None:
    """Take a turn with an opened sibling once a glance, until somebody says stop."""
    with storyline.sibling() as sibling:
        while not stop():
            turn(sibling)
            stop.sleep(GLANCE)
