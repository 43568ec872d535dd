"""A deadline over a conversation: a socket's own timeout is for each word, and somebody may speak very slowly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta


@contextmanager
def within(length: timedelta, line: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cut the line when the block takes longer than that. Raises `TimeoutError` then, or what the block makes of it.

    `line` gives the socket once there is one.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        found = line()
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(length.total_seconds(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    # A line that was cut looks to many like one that came to its end.
    if over.is_set():
        raise TimeoutError
