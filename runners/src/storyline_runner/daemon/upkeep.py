"""The loop of upkeep: the daily backup, tokens that plugins renew, old records; each once, whoever does it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")

GLANCE = timedelta(minutes=1)
"""How often it looks whether anything is due. Machines sleep and clocks jump, so it never sleeps until then."""


class UpkeepLoop:
    """Does what upkeep is due. It is called again after a failure."""

    def __init__(self, storyline: Storyline, stop: Stop) -> None:
        self._parent = storyline
        self._stop = stop
        self._began = False

    def __call__(self) -> None:
        """Go on until somebody says stop."""
        with self._parent.sibling() as storyline:
            while not self._stop():
                self._turn(storyline)
                self._stop.sleep(GLANCE)

    def _turn(self, storyline: Storyline) -> None:
        at_start, self._began = not self._began, True
        for kept in storyline.keep_up(self._stop, at_start=at_start):
            if kept.told:
                log.info("%s", kept.told)
            if kept.error:
                log.warning("%s: %s", kept.chore, kept.error)
