"""The loops that look after health: one looks and raises alerts, one tells them, one notes how the others turn.

Services are asked by a loop of their own: one that does not answer must keep nobody from looking at the rest.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from storyline_runner.daemon.looking import Looking
from storyline_runner.daemon.pulse import Pulse
from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Changing, Storyline

log = logging.getLogger("storyline")

LOOKED_EVERY = timedelta(minutes=5)
"""How often everything is looked at when nobody asks."""

ASKED_EVERY = timedelta(minutes=5)
"""How often notifiers and publishers are asked whether they work: their services count the questions."""

FIRST_ANSWERS = timedelta(seconds=3)
"""How long a look waits for services that have not answered since the start: the first looks should be whole."""

WAKES = timedelta(seconds=1)
"""How soon it sees that somebody wants a look, or wants it to stop."""

JUDGED_EVERY = timedelta(minutes=1)
"""How often at most a look is held against what was told before."""

NOTED_EVERY = timedelta(minutes=1)
TOLD_EVERY = timedelta(seconds=15)


class HealthLoop:
    """Takes a look whenever one is wanted, and every few minutes. It is called again after a failure."""

    def __init__(self, storyline: Storyline, looking: Looking, stop: Stop) -> None:
        from storyline_core import Changing

        self._parent = storyline
        self._looking = looking
        self._stop = stop
        self._changing: Changing = Changing()
        self._judged_at: float | None = None

    def __call__(self) -> None:
        """Look until somebody says stop."""
        with self._parent.sibling() as storyline:
            while not self._stop():
                self._look(storyline)
                self._rest()

    def _look(self, storyline: Storyline) -> None:
        from storyline_core import Check, Health, Status, StoreError

        answers = self._looking.answers(FIRST_ANSWERS)
        try:
            health = storyline.check(answers)
            self._looking.show(health)
            if _over(self._judged_at, JUDGED_EVERY):
                self._changing = storyline.raise_health_alerts(health, self._changing)
                self._judged_at = monotonic()
        except StoreError as error:
            # The loops that need it complain; whoever asks is told at once.
            log.debug("%s", error)
            remedy = "Nothing works until the database does; it is tried again by itself."
            self._looking.show(Health((Check("database", Status.UNHEALTHY, str(error), remedy), *answers)))

    def _rest(self) -> None:
        deadline = monotonic() + LOOKED_EVERY.total_seconds()
        while not self._stop() and (left := deadline - monotonic()) > 0:
            if self._looking.wait(min(WAKES, timedelta(seconds=left))):
                return


def _over(since: float | None, length: timedelta) -> bool:
    return since is None or monotonic() - since >= length.total_seconds()


def ask_outside(parent: Storyline, looking: Looking, stop: Stop) -> None:
    """Ask notifiers and publishers every few minutes whether they work, until somebody says stop."""
    with parent.sibling() as storyline:
        while not stop():
            looking.answered(storyline.ask_opened())
            stop.sleep(ASKED_EVERY)


def tell_channels(parent: Storyline, stop: Stop) -> None:
    """Tell the channels of `[alerts]` what is theirs to know, as it comes, until somebody says stop."""
    with parent.sibling() as storyline:
        while not stop():
            done = storyline.tell_channels(stop)
            for channel, count in done.told.items():
                log.info("Told %s of %d %s.", channel, count, "alert" if count == 1 else "alerts")
            stop.sleep(TOLD_EVERY)


def note_pulse(parent: Storyline, pulse: Pulse, stop: Stop) -> None:
    """Write down every minute how the loops of this process turn, and say goodbye in the end."""
    with parent.sibling() as storyline:
        started = storyline.clock()
        try:
            while not stop():
                storyline.note_worker(storyline.holder, started, pulse.loops(storyline.clock()))
                stop.sleep(NOTED_EVERY)
        finally:
            if stop():
                storyline.forget_worker(storyline.holder)
