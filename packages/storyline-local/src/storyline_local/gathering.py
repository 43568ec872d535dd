"""Make a great many values at once without Python's garbage collector passing over all of them again and again.

A listing is a hundred thousand values that live to its end and form no cycles: each pass finds nothing, and together
they take a sixth of a walk.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Collector:
    """Python's collector of cycles, of which there is one in a process; off while anybody wants it off."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._holders = 0
        self._was_on = False

    def hold(self) -> None:
        with self._guard:
            if not self._holders:
                self._was_on = gc.isenabled()
                gc.disable()
            self._holders += 1

    def release(self) -> None:
        with self._guard:
            self._holders -= 1
            if not self._holders and self._was_on:
                gc.enable()


_collector = _Collector()


@contextmanager
def gathering() -> Iterator[None]:
    """No collection of cycles within the block, in the whole process; as before when the last such block ends.

    Blocks may lie in one another and in several threads, and may end in an error. What is dropped without a cycle is
    freed at once, as always.
    """
    _collector.hold()
    try:
        yield
    finally:
        _collector.release()
