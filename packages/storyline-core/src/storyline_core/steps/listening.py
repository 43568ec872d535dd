"""Listening: hear a notifier as the only one of all processes that does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

import attrs

from storyline_core.defaults import NotifierDefaults
from storyline_core.errors import Busy, StoreError, Unavailable
from storyline_core.interfaces import Controls, Notifier
from storyline_core.redaction import scrub
from storyline_core.steps.line import guarded
from storyline_core.steps.tenure import Tenure
from storyline_core.store import Store

log = logging.getLogger("storyline")

LISTEN_FOR = timedelta(seconds=20)
"""How long after a listening process has died another one takes over."""

BEAT = timedelta(seconds=4)
"""How often a listening process looks whether it is still the one."""


@attrs.frozen
class Ear:
    """One opened notifier under its name, with what hearing it alone needs."""

    name: str
    notifier: Notifier
    store: Store
    clock: Callable[[], datetime]
    holder: str


def listener_of(notifier: str) -> str:
    """The subject of the lease on hearing a notifier."""
    return f"listen/{notifier}"


def listen(ear: Ear, controls: Controls, stop: Callable[[], bool]) -> None:
    """Hear a notifier until `stop()` is True, or it has nothing to say.

    Raises `Busy` when another process hears it or has taken over, and what keeps the notifier from answering.
    """
    with _alone(ear) as lost:
        call = lambda: ear.notifier.listen(controls, lambda: stop() or lost())  # noqa: E731
        guarded(call, f"The notifier {ear.name}", otherwise=Unavailable)
        if lost():
            raise Busy(listener_of(ear.name), "another process")


def poll(ear: Ear, controls: Controls) -> int:
    """Take what waits at a notifier, unless somebody hears it just now; how many decisions there were."""
    call = lambda: ear.notifier.poll_once(controls)  # noqa: E731
    own: object = getattr(type(ear.notifier), "poll_once", None)
    if own is NotifierDefaults.poll_once:
        return 0
    with ExitStack() as stack:
        try:
            stack.enter_context(_alone(ear))
        except Busy:
            return 0
        return guarded(call, f"The notifier {ear.name}", otherwise=Unavailable)


@contextmanager
def _alone(ear: Ear) -> Iterator[Callable[[], bool]]:
    """The right to hear the notifier, kept alive beside what is done; yields whether it has been lost."""
    _refuse_second(ear)
    tenure = Tenure(ear.store, ear.clock, listener_of(ear.name), ear.holder, ear.clock(), length=LISTEN_FOR)
    lost, over = threading.Event(), threading.Event()
    heart = threading.Thread(target=_beat, args=(ear, tenure, lost, over), name=f"heart of {ear.name}", daemon=True)
    heart.start()
    try:
        yield lost.is_set
    finally:
        over.set()
        heart.join()
        tenure.end()


def _beat(ear: Ear, tenure: Tenure, lost: threading.Event, over: threading.Event) -> None:
    while not over.wait(BEAT.total_seconds()):
        try:
            tenure.keep()
        except Busy as error:
            log.warning("%s: another process hears it from now on. %s", ear.name, error)
            lost.set()
            return
        except StoreError as error:
            log.warning("%s: that it is being heard could not be noted: %s", ear.name, scrub(str(error)))
            if ear.clock() >= tenure.lease.until:
                lost.set()
                return


def _refuse_second(ear: Ear) -> None:
    """Whoever only waits for the right to become free asks often; that should cost no write."""
    now = ear.clock()
    with ear.store.read() as unit:
        for lease in unit.leases.held(now):
            # One that lies too far ahead was taken by a clock that was wrong.
            if lease.subject == listener_of(ear.name) and lease.until <= now + 2 * LISTEN_FOR:
                raise Busy(lease.subject, lease.holder)
