"""Memory that is needed no longer goes back to the system: a picture that was fitted must not stay paid for.

The C library keeps what was freed, in a heap for each thread. On a machine with one gigabyte that is the difference
between 106 and 160 megabytes. Where there is another C library nothing happens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3): how many heaps there may be."""

_HEAPS = 1


def keep_little() -> None:
    """One heap for all threads, from now on: they take turns in Python anyway. To be called before they begin."""
    if (mallopt := _function("mallopt")) is not None:
        mallopt(_ARENA_MAX, _HEAPS)


def give_back() -> None:
    """Give back to the system what is free; it takes a few milliseconds."""
    if (trim := _function("malloc_trim")) is not None:
        trim(0)


def _function(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return found
