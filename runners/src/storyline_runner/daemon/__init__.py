"""`storyline run`: a loop for each source, each notifier and the accounts, until somebody says stop.

The store guards every step against a second daemon, so nothing here has to. A loop that fails is told and begun
again; only wrong settings end the daemon at once.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from storyline_runner.complaints import DONE, INTERRUPTED
from storyline_runner.daemon.line import rehearse, work_lines
from storyline_runner.daemon.listening import ListeningLoop
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.source import SourceLoop
from storyline_runner.daemon.stopping import Stop, listening

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_runner.session import Session

log = logging.getLogger("storyline")

LAST_WORDS = timedelta(seconds=3)
"""How long giving back the rights of what hangs may take."""


def run_forever(session: Session, *, dry_run: bool) -> int:
    """Work until a signal comes, and return the exit code."""
    from storyline_runner.logs import log_for

    with listening() as stop, session.storyline(read_only=dry_run) as storyline:
        log_for(storyline.settings, verbose=session.verbose, daemon=True)
        log.info("%s", _greeting(storyline, dry_run=dry_run))
        if dry_run:
            rehearse(storyline, stop)
        else:
            _work(storyline, stop)
        log.info("Stopped.")
    return INTERRUPTED if stop.signal is None and stop() else DONE


def _greeting(storyline: Storyline, *, dry_run: bool) -> str:
    settings = storyline.settings
    names = ", ".join(settings.accounts) or "none"
    how = " as a rehearsal: nothing is written, nobody is contacted" if dry_run else ""
    return f"Storyline runs{how}. Accounts: {names}; sources: {', '.join(settings.sources) or 'none'}. Ctrl-C stops it."


def _work(storyline: Storyline, stop: Stop) -> None:
    """Start every loop, wait for the wish to stop, and then for the loops to end."""
    switched_on = [entry for entry in storyline.settings.sources.values() if entry.enabled]
    serving = [each.notifier for each in storyline.settings.accounts.values() if each.notifier is not None]
    loops = [
        Loop("the accounts", partial(work_lines, storyline, stop), stop),
        *(Loop(entry.name, SourceLoop(storyline, entry, stop), stop) for entry in switched_on),
        *(Loop(f"listening to {name}", ListeningLoop(storyline, name, stop), stop) for name in dict.fromkeys(serving)),
    ]
    for loop in loops:
        loop.start()
    try:
        while not stop():
            stop.sleep(timedelta(hours=1))
        hanging = [loop for loop in loops if not loop.ends_within(stop.left())]
    except KeyboardInterrupt:
        _leave(storyline, [loop for loop in loops if not loop.ends_within(timedelta())], INTERRUPTED)
        raise
    _leave(storyline, hanging, DONE)


def _leave(storyline: Storyline, hanging: Sequence[Loop], code: int) -> None:
    """End the process at once when something hangs; nothing happens otherwise.

    What hangs holds no transaction open, so the library is as its last commit left it. Its rights are given back, so
    that whoever comes next need not wait for them to lapse; with them goes its right to commit.
    """
    if not hanging:
        return
    names = ", ".join(loop.name for loop in hanging)
    log.warning("Left in the middle of something: %s. What it had not written is left to the next start.", names)
    giving = threading.Thread(target=_give_back, args=(storyline,), daemon=True)
    giving.start()
    giving.join(LAST_WORDS.total_seconds())
    log.info("Stopped.")
    logging.shutdown()
    sys.stdout.flush()
    # An ordinary end would wait for the threads of what hangs.
    os._exit(code)


def _give_back(storyline: Storyline) -> None:
    from storyline_core import StorylineError

    try:
        storyline.give_back()
    except StorylineError as error:
        log.warning("Its rights lapse by themselves: %s", error)
