"""Faults that a test plans for the calls of a loopback server."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs


class Way(enum.Enum):
    """How a call goes wrong."""

    REFUSED = "refused"
    REFUSED_AFTER = "the effect, and an answer that says it failed"
    CUT_BEFORE = "cut before the effect"
    CUT_AFTER = "cut after the effect, before any of the answer"
    CUT_UPLOAD = "cut in the middle of what is sent, after some bytes of it"
    CUT_BODY = "cut in the middle of the answer's body, after some bytes of it"
    SILENT_BEFORE = "no effect and no answer until the client is gone"
    SILENT = "no answer after the effect"
    SILENT_AFTER = SILENT
    SLOW = "slow"


@attrs.define(eq=False, kw_only=True)
class Planned:
    """A fault that waits for its calls: ``skip`` pass, then ``left`` will meet it and ``hits`` have."""

    way: Way
    left: int = 1
    skip: int = 0
    seconds: float = 0.0
    after_bytes: int = 0
    bytes_per_second: int | None = None
    hits: int = 0


F = TypeVar("F", bound=Planned)


@attrs.define
class Queue(Generic[F]):
    """The faults that wait for their calls, first come first served."""

    waiting: list[F] = attrs.field(factory=list)

    def first(self, meets: Callable[[F], bool]) -> F | None:
        """The fault that meets a call, if any: it is used up by one."""
        for fault in self.waiting:
            if fault.left > 0 and meets(fault):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.left -= 1
                fault.hits += 1
                return fault
        return None
