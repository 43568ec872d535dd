"""`storyline run`: one turn after the other, each as soon as something is due, until somebody says stop.

The store guards every step against a second daemon, so nothing here has to. A turn that fails is told and tried
again; only wrong settings end the daemon at once.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

from storyline_runner import times
from storyline_runner.complaints import DONE, INTERRUPTED

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_runner.session import Session

log = logging.getLogger("storyline")

LONGEST_SLEEP = timedelta(seconds=30)
"""At the latest then it looks again: for decisions, and because clocks jump and machines sleep."""

GLANCE = timedelta(seconds=5)
"""How often it looks in between whether somebody has added something that is due sooner."""

FIRST_BACK_OFF = timedelta(seconds=5)


class Stop:
    """The wish to stop. The first SIGTERM or Ctrl-C lets the step in hand finish, the second ends at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal: int | None = None

    def __call__(self) -> bool:
        """Whether somebody has said stop."""
        return self._event.is_set()

    def sleep(self, length: timedelta) -> None:
        """Sleep so long, or until somebody says stop."""
        self._event.wait(length.total_seconds())

    def hear(self, number: int, frame: FrameType | None) -> None:
        """What a signal does."""
        if self._event.is_set():
            raise KeyboardInterrupt
        self.signal = number
        self._event.set()
        log.info("Stopping; the step in hand is finished first.")


def run_forever(session: Session, *, dry_run: bool) -> int:
    """Work until a signal comes, and return the exit code."""
    from storyline_runner.logs import log_for

    with _listening() as stop, session.storyline(read_only=dry_run) as storyline:
        log_for(storyline.settings, verbose=session.verbose, daemon=True)
        log.info("%s", _greeting(storyline, dry_run=dry_run))
        if dry_run:
            _rehearse(storyline, stop)
        else:
            _work(storyline, stop)
        log.info("Stopped.")
    return INTERRUPTED if stop.signal is None and stop() else DONE


@contextmanager
def _listening() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop.hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _greeting(storyline: Storyline, *, dry_run: bool) -> str:
    settings = storyline.settings
    names = ", ".join(settings.accounts) or "none"
    how = " as a rehearsal: nothing is written, nobody is contacted" if dry_run else ""
    return f"Storyline runs{how}. Accounts: {names}; sources: {', '.join(settings.sources) or 'none'}. Ctrl-C stops it."


def _work(storyline: Storyline, stop: Stop) -> None:
    from storyline_core import StoreError

    back_off = FIRST_BACK_OFF
    known: frozenset[str] = frozenset()
    while not stop():
        began = storyline.clock()
        try:
            known = _turn(storyline, stop, known)
            _rest(storyline, stop, began)
            back_off = FIRST_BACK_OFF
            continue
        except StoreError as error:
            log.error("%s It is tried again in %s.", error, times.spoken(back_off))
        except Exception:
            log.exception("A turn failed. It is tried again in %s.", times.spoken(back_off))
        stop.sleep(back_off)
        back_off = min(back_off * 2, LONGEST_SLEEP)


def _turn(storyline: Storyline, stop: Stop, known: frozenset[str]) -> frozenset[str]:
    """One turn, told in the log. What stands as the last turn left it (`known`) is not told again."""
    from storyline_runner.commands.working import standing, told

    ticked = storyline.tick(stop)
    posts = {done.post.id: done.post for turned in ticked.turns for done in turned.done}
    with storyline.read() as unit:
        views = {view.post.id: view for view in unit.views.posts(posts.values())}
    stands = standing(storyline.settings, ticked)
    for line in (*told(storyline.settings, ticked, views), *(each for each in stands if each not in known)):
        log.info("%s", line)
    for error in (*ticked.errors, *(error for turned in ticked.turns for error in turned.errors)):
        log.warning("%s", error)
    return frozenset(stands)


def _rest(storyline: Storyline, stop: Stop, since: datetime) -> None:
    """Sleep until something falls due, and no longer than the longest sleep by a clock that nobody can turn."""
    deadline = monotonic() + LONGEST_SLEEP.total_seconds()
    while not stop():
        now, left = storyline.clock(), timedelta(seconds=deadline - monotonic())
        moment = next_moment(storyline, since)
        wait = min(GLANCE, left) if moment is None else min(GLANCE, left, moment - now)
        if wait <= timedelta():
            return
        stop.sleep(wait)


def next_moment(storyline: Storyline, since: datetime) -> datetime | None:
    """When the first thing falls due after `since`: a post, a retry or a sync. None when nothing will."""
    with storyline.read() as unit:
        moments = [at for post in unit.queue.unsettled() for at in (post.due_at, post.next_try_at) if at is not None]
        for name, entry in storyline.settings.sources.items():
            record = unit.sources.get(name)
            if entry.enabled and not record.paused and record.last_tried_at is not None:
                moments.append(record.last_tried_at + entry.sync_interval)
    return min((at for at in moments if at > since), default=None)


def _rehearse(storyline: Storyline, stop: Stop) -> None:
    from storyline_runner.commands.working import would

    said: set[tuple[str, str]] = set()
    while not stop():
        for name in storyline.settings.accounts:
            for each in storyline.would_do(name):
                if (each.post.id, str(each.task)) not in said:
                    said.add((each.post.id, str(each.task)))
                    log.info("%s", would(storyline.settings, name, each))
        stop.sleep(LONGEST_SLEEP)
