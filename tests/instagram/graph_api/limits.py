"""What makes a good call fail: planned faults, used-up call budgets; and the usage that headers tell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import attrs

from tests.instagram.graph_api.errors import GraphRefused
from tests.loopback.faults import Planned, Queue, Way
from tests.loopback.record import meets

FETCHED = "fetched.get"


@attrs.frozen
class Raw:
    """An answer as it is."""

    http: int
    body: str
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = attrs.field(factory=dict)


@attrs.define(eq=False, kw_only=True)
class Fault(Planned):
    """A fault for the next calls of some operations; ``reached`` counts those that came to its point."""

    number: int
    operation: str = "*"
    refusal: GraphRefused | None = None
    raw: Raw | None = None
    reached: int = 0

    def meets(self, operation: str) -> bool:
        """Whether a call is one of those. What Instagram fetches itself has to be named."""
        if operation == FETCHED and self.operation == "*":
            return False
        return meets(operation, self.operation)

    @property
    def refuses(self) -> bool:
        """Whether there is no effect and an error."""
        return self.way is Way.REFUSED


@attrs.define
class Faults(Queue[Fault]):
    """The faults that wait for their calls, and those that were planned before."""

    planned: dict[int, Fault] = attrs.field(factory=dict)

    def take(self, operation: str) -> Fault | None:
        """The fault that meets this call, if any: it is used up by one."""
        return self.first(lambda fault: fault.meets(operation))

    def plan(self, fault: Fault) -> None:
        """Waits for its calls from now on."""
        self.planned[fault.number] = fault
        self.waiting.append(fault)


@attrs.define
class Usage:
    """Percents that the headers tell; ``None`` leaves the header out."""

    app: int | None = None
    account: int | None = None
    minutes: int = 0

    def headers(self, account_id: str | None) -> dict[str, str]:
        """``X-App-Usage`` and ``X-Business-Use-Case-Usage``."""
        told: dict[str, str] = {}
        if self.app is not None:
            told["X-App-Usage"] = json.dumps({"call_count": self.app, "total_cputime": 1, "total_time": 2})
        if self.account is not None and account_id is not None:
            one = {
                "type": "instagram",
                "call_count": self.account,
                "total_cputime": 1,
                "total_time": 2,
                "estimated_time_to_regain_access": self.minutes,
            }
            told["X-Business-Use-Case-Usage"] = json.dumps({account_id: [one]})
        return told


@attrs.define
class Budget:
    """How many calls pass before all are refused, until the clock has moved on. ``most`` None: any number."""

    most: int | None = None
    minutes: int = 60
    code: int = 4
    used: int = 0
    until: datetime | None = None

    def admit(self, now: datetime) -> bool:
        """Whether one more call passes; counts it."""
        if self.most is None:
            return True
        if self.until is not None and now >= self.until:
            self.used, self.until = 0, None
        if self.used < self.most:
            self.used += 1
            return True
        if self.until is None:
            self.until = now + timedelta(minutes=self.minutes)
        return False

    def usage(self, now: datetime) -> Usage:
        """What the headers tell of it."""
        if self.most is None:
            return Usage()
        percent = 100 if not self.most else round(100 * self.used / self.most)
        left = 0 if self.until is None else max(0, -(-int((self.until - now).total_seconds()) // 60))
        return Usage(percent, percent, left)
