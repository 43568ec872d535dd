"""The loop of one notifier: decisions, questions and files from people, as they come."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")

WHEN_TAKEN = timedelta(seconds=2)
"""How often it asks whether the process that hears the notifier has left."""

WHEN_OURS = timedelta(milliseconds=200)
"""How often it asks while this very process takes, in a turn of its accounts, what waits at the notifier."""

WHEN_NOTHING = timedelta(hours=1)
"""How soon it asks again a notifier that has nothing to say."""


class ListeningLoop:
    """Hears a notifier as the only one of all processes. It is called again after a failure."""

    def __init__(self, storyline: Storyline, name: str, stop: Stop) -> None:
        self._parent = storyline
        self._name = name
        self._stop = stop
        self._waiting = False

    def __call__(self) -> None:
        """Hear it until somebody says stop."""
        with self._parent.sibling() as storyline:
            while not self._stop():
                self._hear(storyline)

    def _hear(self, storyline: Storyline) -> None:
        from storyline_core import Busy

        try:
            storyline.listen(self._name, self._stop)
        except Busy as error:
            if error.holder == storyline.holder:
                self._stop.sleep(WHEN_OURS)
                return
            if not self._waiting:
                log.info("%s is heard by another process for now: %s", self._name, error.holder)
            self._waiting = True
            self._stop.sleep(WHEN_TAKEN)
            return
        self._waiting = False
        if not self._stop():
            # People answer elsewhere, as at a terminal; what waits there anyway is taken in every turn.
            log.debug("%s has nothing to say.", self._name)
            self._stop.sleep(WHEN_NOTHING)
