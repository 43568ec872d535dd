"""The requests that a loopback server has seen."""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase
from typing import Generic, Protocol, TypeVar

import attrs


class Named(Protocol):
    """A request that was some operation."""

    @property
    def operation(self) -> str:
        """The name of the operation."""


C = TypeVar("C", bound=Named)


def meets(operation: str, wanted: str) -> bool:
    """Whether an operation is one of those wanted: names with ``*``, a space between several."""
    return any(fnmatchcase(operation, one) for one in wanted.split())


@attrs.define(eq=False)
class Requests(Generic[C]):
    """The requests in the order in which they were answered."""

    seen: list[C] = attrs.field(factory=list)
    _guard: threading.Lock = attrs.field(factory=threading.Lock)

    def append(self, one: C) -> None:
        """Keeps a request."""
        with self._guard:
            self.seen.append(one)

    def of(self, operation: str = "*") -> list[C]:
        """Those of an operation."""
        with self._guard:
            return [one for one in self.seen if meets(one.operation, operation)]

    def clear(self) -> None:
        """Counts from nothing again."""
        with self._guard:
            self.seen.clear()
