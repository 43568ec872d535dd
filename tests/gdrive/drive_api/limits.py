"""Injected faults: what makes a good call fail."""

from __future__ import annotations

import enum
from fnmatch import fnmatchcase

import attrs

from tests.gdrive.drive_api.refusals import Refused, TokenRefused


class Way(enum.Enum):
    """How a call goes wrong."""

    REFUSED = "refused"
    CUT_BEFORE = "cut before the effect"
    CUT_AFTER = "cut after the effect, before any of the answer"
    CUT_UPLOAD = "cut in the middle of what is sent, after some bytes of it"
    CUT_BODY = "cut in the middle of the answer's body, after some bytes of it"
    SILENT = "no answer after the effect"
    SLOW = "slow"


@attrs.define(eq=False)
class Fault:
    """A fault for the next calls of an operation; ``hits`` have met it, ``left`` will."""

    way: Way
    operation: str | None = None
    path: str | None = None
    method: str | None = None
    left: int = 1
    skip: int = 0
    refusal: Refused | TokenRefused | None = None
    seconds: float = 0.0
    after_bytes: int = 0
    bytes_per_second: int | None = None
    hits: int = 0

    def meets(self, operation: str, method: str, path: str) -> bool:
        """Whether a call is one of those."""
        return (
            self.left > 0
            and (self.operation is None or fnmatchcase(operation, self.operation))
            and (self.method is None or self.method == method)
            and (self.path is None or fnmatchcase(path, self.path))
        )


@attrs.define
class Faults:
    """The faults that wait for their calls, first come first served."""

    waiting: list[Fault] = attrs.field(factory=list)

    def take(self, operation: str, method: str, path: str) -> Fault | None:
        """The fault that meets this call, if any: it is used up by one."""
        for fault in self.waiting:
            if fault.meets(operation, method, path):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.left -= 1
                fault.hits += 1
                return fault
        return None
