"""The loop of what accounts posted before: what is new there is saved when the settings want it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from storyline_runner.daemon.loops import at_each_glance
from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")


class PastLoop:
    """Saves the pasts of publishers when that is due. It is called again after a failure."""

    def __init__(self, storyline: Storyline, stop: Stop) -> None:
        self._parent = storyline
        self._stop = stop

    def __call__(self) -> None:
        """Go on until somebody says stop."""
        at_each_glance(self._parent, self._stop, self._turn)

    def _turn(self, storyline: Storyline) -> None:
        from storyline_core import backfill_in_words

        reports, errors = storyline.backfill_due(self._stop)
        for report in reports:
            level = logging.INFO if report.found_something else logging.DEBUG
            log.log(level, "%s", backfill_in_words(report))
        for error in errors:
            log.warning("%s", error)
