"""Injected faults: what makes a good call fail."""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs

from tests.gdrive.drive_api.refusals import Refused, TokenRefused
from tests.loopback.faults import Planned, Queue, Way

__all__ = ["Fault", "Faults", "Way"]


@attrs.define(eq=False, kw_only=True)
class Fault(Planned):
    """A fault for the next calls of an operation; ``hits`` have met it, ``left`` will."""

    operation: str | None = None
    path: str | None = None
    method: str | None = None
    refusal: Refused | TokenRefused | None = None

    def meets(self, operation: str, method: str, path: str) -> bool:
        """Whether a call is one of those."""
        return (
            (self.operation is None or fnmatchcase(operation, self.operation))
            and (self.method is None or self.method == method)
            and (self.path is None or fnmatchcase(path, self.path))
        )


@attrs.define
class Faults(Queue[Fault]):
    """The faults that wait for their calls."""

    def take(self, operation: str, method: str, path: str) -> Fault | None:
        """The fault that meets this call, if any: it is used up by one."""
        return self.first(lambda fault: fault.meets(operation, method, path))
