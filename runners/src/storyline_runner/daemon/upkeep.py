"""The loop of upkeep: the daily backup, tokens that plugins renew, old records; each once, whoever does it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from storyline_runner.daemon.loops import at_each_glance
from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")


class UpkeepLoop:
    """Does what upkeep is due. It is called again after a failure."""

    def __init__(self, storyline: Storyline, stop: Stop) -> None:
        self._parent = storyline
        self._stop = stop
        self._began = False

    def __call__(self) -> None:
        """Go on until somebody says stop."""
        at_each_glance(self._parent, self._stop, self._turn)

    def _turn(self, storyline: Storyline) -> None:
        at_start, self._began = not self._began, True
        for kept in storyline.keep_up(self._stop, at_start=at_start):
            if kept.told:
                log.info("%s", kept.told)
            if kept.error:
                log.warning("%s: %s", kept.chore, kept.error)
