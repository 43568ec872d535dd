"""How often Python's collector of cycles passes over everything that a command has made.

A first index makes a hundred thousand values that live to its end and form no cycle. At Python's usual pace the
collector goes over all of them again and again and finds nothing: a seventh of what an index costs beside hashing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 20_000
"""How many new values there may be before the collector looks at them: some two megabytes, where Python waits for
700."""

_USUAL = gc.get_threshold()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """The pace for a command that begins, works and ends; afterwards the collector goes on as it did before."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def collect_as_usual() -> None:
    """Python's own pace, for what runs for months: memory counts there, and nobody waits."""
    gc.set_threshold(*_USUAL)
