"""Everything opened anew for each thread that needs it, and kept for the next one: opening costs time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Siblings(Generic[Thing]):
    """Things that one thread at a time may use: a free one is taken, or another one opened. Safe from any thread."""

    def __init__(self, make: Callable[[], AbstractContextManager[Thing]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._free: list[tuple[ExitStack, Thing]] = []
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Thing]:
        """One that nobody else uses until the end of the block."""
        stack, thing = self._taken()
        try:
            yield thing
        finally:
            self._put_back(stack, thing)

    def close(self) -> None:
        """Close those that are free now, and each of the others once it is put back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for stack, _ in free:
            stack.close()

    def _taken(self) -> tuple[ExitStack, Thing]:
        with self._lock:
            if self._free:
                return self._free.pop()
        with ExitStack() as stack:
            thing = stack.enter_context(self._make())
            return stack.pop_all(), thing

    def _put_back(self, stack: ExitStack, thing: Thing) -> None:
        with self._lock:
            if not self._closed:
                self._free.append((stack, thing))
                return
        stack.close()
