"""Who holds a claim or a lease: the name of one opened Storyline, which no other that is open has."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_guard = threading.Lock()
_open_here: set[int] = set()


@contextmanager
def holder_here() -> Iterator[str]:
    """The machine and the process, `pi:812`; another Storyline that is open in the same process is `pi:812.2`.

    Whoever has the name of a claim's holder goes on with what it claimed, so two that work at once must not share one.
    """
    with _guard:
        number = next(each for each in itertools.count(1) if each not in _open_here)
        _open_here.add(number)
    try:
        yield f"{socket.gethostname()}:{os.getpid()}" + (f".{number}" if number > 1 else "")
    finally:
        with _guard:
            _open_here.discard(number)
