"""`storyline run`: a loop for each source, each notifier and the accounts, until somebody says stop.

The store guards every step against a second daemon, so nothing here has to. A loop that fails is told and begun
again; only wrong settings end the daemon at once.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from storyline_core import spoken
from storyline_runner.collector import collect_as_usual
from storyline_runner.complaints import DONE, INTERRUPTED, Misused
from storyline_runner.daemon import memory
from storyline_runner.daemon.health import HealthLoop, ask_outside, note_pulse, tell_channels
from storyline_runner.daemon.line import rehearse, work_lines
from storyline_runner.daemon.listening import ListeningLoop
from storyline_runner.daemon.looking import Looking
from storyline_runner.daemon.loops import FIRST_BACK_OFF, LONGEST_BACK_OFF, BackOff, Loop
from storyline_runner.daemon.notify import Herald
from storyline_runner.daemon.pasts import PastLoop
from storyline_runner.daemon.pulse import EVERY, Pulse
from storyline_runner.daemon.source import SourceLoop
from storyline_runner.daemon.stopping import Stop, Wish, Wishes, listening
from storyline_runner.daemon.upkeep import UpkeepLoop

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_runner.session import Session

log = logging.getLogger("storyline")

ACCOUNTS = "the accounts"
"""The loop without which nothing is posted. When it hangs, systemd is to start the daemon anew."""

LONGEST_WAIT = timedelta(minutes=1)
"""How long the main thread sleeps at most; whenever it wakes, memory that nobody needs is given back."""

LAST_WORDS = timedelta(seconds=3)
"""How long giving back the rights of what hangs may take."""


def run_forever(session: Session, *, dry_run: bool, log_json: bool = False) -> int:
    """Work until a signal comes, and return the exit code."""
    herald = Herald.of(session.environment)
    memory.keep_little()
    collect_as_usual()
    with listening() as wishes:
        with ExitStack() as stack:
            storyline = _open(session, stack, wishes, dry_run=dry_run, log_json=log_json)
            if storyline is None:
                return DONE
            log.info("%s", _greeting(storyline, dry_run=dry_run))
            again = _work(session, storyline, wishes, herald, dry_run=dry_run)
        if again:
            _begin_again(wishes)
        log.info("Stopped.")
    return DONE


def _open(session: Session, stack: ExitStack, wishes: Wishes, *, dry_run: bool, log_json: bool) -> Storyline | None:
    """Storyline, opened; a database server that cannot be reached just now is waited for. None: asked to stop first."""
    from storyline_core import StoreUnavailable

    back_off = BackOff(random.Random("opening"), FIRST_BACK_OFF, LONGEST_BACK_OFF)
    while True:
        try:
            return stack.enter_context(session.storyline(read_only=dry_run, daemon=True, log_json=log_json))
        except StoreUnavailable as error:
            # A file that cannot be opened will not mend itself; a server restarts and comes back.
            if session.settings().database_url.startswith("sqlite"):
                raise
            wait = back_off.failed()
            log.error("%s It is tried again in %s.", error, spoken(wait))
        if wishes.next(wait) is Wish.STOP:
            return None


def _greeting(storyline: Storyline, *, dry_run: bool) -> str:
    settings = storyline.settings
    names = ", ".join(settings.accounts) or "none"
    how = " as a rehearsal: nothing is written, nobody is contacted" if dry_run else ""
    return f"Storyline runs{how}. Accounts: {names}; sources: {', '.join(settings.sources) or 'none'}. Ctrl-C stops it."


def _work(session: Session, storyline: Storyline, wishes: Wishes, herald: Herald, *, dry_run: bool) -> bool:
    """Let every loop work, and do as the signals say. Whether to begin again.

    Settings that broke while the loops were ending are not taken over: it goes on with those it has.
    """
    while True:
        wish, hanging = _work_once(session, storyline, wishes, herald, dry_run=dry_run)
        if wish is Wish.STOP or wishes.signal is not None:
            _leave(storyline, hanging, DONE)
            return False
        if hanging:
            _tell_of_hanging(storyline, hanging)
        if _settings_are_right(session):
            break
    if hanging:
        _begin_again(wishes)
        _end_at_once(DONE)
    return True


def _work_once(
    session: Session, storyline: Storyline, wishes: Wishes, herald: Herald, *, dry_run: bool
) -> tuple[Wish, Sequence[Loop]]:
    """Start every loop, wait for a wish, and for the loops to end. The wish, and the loops that hang."""
    stop, pulse = Stop(), Pulse()
    loops = [Loop("the rehearsal", partial(rehearse, storyline, stop), stop)] if dry_run else []
    loops = loops or _loops(storyline, stop, pulse)
    for loop in loops:
        loop.start()
    herald.ready(_greeting(storyline, dry_run=dry_run))
    try:
        wish = _wait(session, wishes, herald, pulse, storyline.clock)
        stop.say()
        return wish, [loop for loop in loops if not loop.ends_within(stop.left())]
    except KeyboardInterrupt:
        stop.say()
        _leave(storyline, [loop for loop in loops if not loop.ends_within(timedelta())], INTERRUPTED)
        raise


def _wait(session: Session, wishes: Wishes, herald: Herald, pulse: Pulse, clock: Callable[[], datetime]) -> Wish:
    """Wait for the wish to stop, or for new settings that can be taken over; tell systemd that all is well."""
    while True:
        wish = wishes.next(min(herald.every or LONGEST_WAIT, LONGEST_WAIT))
        if wish is Wish.STOP:
            herald.stopping()
            log.info("Stopping; the step in hand is finished first.")
            return wish
        if wish is Wish.RELOAD and _settings_are_right(session):
            herald.reloading()
            log.info("The settings are taken over; the step in hand is finished first.")
            return wish
        if ACCOUNTS not in pulse.hanging(clock()):
            herald.alive()
        memory.give_back()


def _settings_are_right(session: Session) -> bool:
    """Whether the settings can be used as they are now; if not, every mistake is told."""
    from storyline_core import SettingsError, StorylineError

    try:
        session.settings()
    except SettingsError as error:
        found = "; ".join(str(problem) for problem in error.problems)
        log.error("The settings stay as they were, since the new ones are wrong: %s", found)
    except (StorylineError, Misused, OSError) as error:
        log.error("The settings stay as they were, since the new ones cannot be read: %s", error)
    else:
        return True
    return False


def _begin_again(wishes: Wishes) -> None:
    """Become a fresh process of the same number, which reads everything anew. Does nothing when it is to stop."""
    # Nothing is at work any more, so from here on the wish to stop ends it at once, and none is lost on the way.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if wishes.signal is not None:
        return
    log.info("Starting again.")
    logging.shutdown()
    sys.stdout.flush()
    # Until the new one listens, another SIGHUP would end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _loops(storyline: Storyline, stop: Stop, pulse: Pulse) -> list[Loop]:
    """A loop for each concern; each tells by asking whether to stop that it turns."""
    settings, looking = storyline.settings, Looking()
    switched_on = [entry for entry in settings.sources.values() if entry.enabled]
    serving = [each.notifier for each in settings.accounts.values() if each.notifier is not None]

    def loop(name: str, body: Callable[[Stop], Callable[[], None]], every: timedelta = EVERY) -> Loop:
        return Loop(name, body(pulse.stop_of(name, stop, every)), stop, pulse)

    loops = [
        loop(ACCOUNTS, lambda own: partial(work_lines, storyline, own)),
        *(loop(entry.name, partial(SourceLoop, storyline, entry)) for entry in switched_on),
        *(loop(f"listening to {name}", partial(ListeningLoop, storyline, name)) for name in dict.fromkeys(serving)),
        loop("upkeep", partial(UpkeepLoop, storyline), timedelta(hours=1)),
        *([loop("the past", partial(PastLoop, storyline), timedelta(hours=1))] if storyline.next_backfill() else []),
        loop("health", partial(HealthLoop, storyline, looking)),
        loop("questions", lambda own: partial(ask_outside, storyline, looking, own)),
        loop("alerts", lambda own: partial(tell_channels, storyline, own)),
        loop("notes", lambda own: partial(note_pulse, storyline, pulse, own)),
    ]
    if settings.health.port is not None:
        loops.append(loop("the window", _window(storyline, looking, pulse, stop)))
    return loops


def _window(storyline: Storyline, looking: Looking, pulse: Pulse, stop: Stop) -> Callable[[Stop], Callable[[], None]]:
    # Only where it is wanted: the library's server weighs ten megabytes.
    from storyline_runner.daemon.window import Answers, show

    answers = Answers(looking, pulse, storyline.clock, stop)
    return lambda own: partial(show, storyline.settings.health, answers, own)


def _leave(storyline: Storyline, hanging: Sequence[Loop], code: int) -> None:
    """End the process at once when something hangs; nothing happens otherwise.

    What hangs holds no transaction open, so the library is as its last commit left it. Its rights are given back, so
    that whoever comes next need not wait for them to lapse; with them goes its right to commit.
    """
    if not hanging:
        return
    _tell_of_hanging(storyline, hanging)
    _end_at_once(code)


def _end_at_once(code: int) -> None:
    log.info("Stopped.")
    logging.shutdown()
    sys.stdout.flush()
    # An ordinary end would wait for the threads of what hangs.
    os._exit(code)


def _tell_of_hanging(storyline: Storyline, hanging: Sequence[Loop]) -> None:
    names = ", ".join(loop.name for loop in hanging)
    log.warning("Left in the middle of something: %s. What it had not written is left to the next start.", names)
    giving = threading.Thread(target=_give_back, args=(storyline,), daemon=True)
    giving.start()
    giving.join(LAST_WORDS.total_seconds())


def _give_back(storyline: Storyline) -> None:
    from storyline_core import StorylineError

    try:
        storyline.give_back()
    except StorylineError as error:
        log.warning("Its rights lapse by themselves: %s", error)
