"""The wish to stop is heard, whichever thread the system gives the signal to."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

from storyline_runner.daemon.stopping import Wish, listening


def test_a_signal_that_another_thread_is_given_is_heard_soon() -> None:
    waited_for = timedelta(minutes=10)
    heard: list[Wish | None] = []
    with listening() as wishes:
        # The one that hears the signals does not take them, as it sometimes happens by itself: another thread does.
        taker = threading.Thread(target=threading.Event().wait, args=(60,), daemon=True)
        taker.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            sender = threading.Timer(0.3, _to_the_process, ())
            sender.start()
            heard.append(wishes.next(waited_for))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        assert wishes.signal == signal.SIGTERM
    assert heard == [Wish.STOP]


def _to_the_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_nothing_is_heard_where_nothing_is_said() -> None:
    with listening() as wishes:
        assert wishes.next(timedelta(milliseconds=20)) is None
        assert wishes.next(timedelta(seconds=-1)) is None
