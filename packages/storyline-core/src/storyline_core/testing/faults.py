"""Faults on order: what goes wrong at which call, before or after the call has had its effect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs


class Crash(BaseException):
    """The process dies here. Not an `Exception`, so that nothing on the way can catch it and go on."""


@attrs.frozen
class _Order:
    error: BaseException
    after: bool


@attrs.define
class Faults:
    """Faults ordered by a test, taken in order by the calls they are meant for; and a record of all calls.

    `in_transaction` (a store's) is asked at every call: nothing outside may be called while a transaction is open.
    """

    in_transaction: Callable[[], bool] = lambda: False
    calls: list[str] = attrs.field(factory=list)
    _orders: dict[str, list[_Order | None]] = attrs.field(factory=dict)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def order(
        self, call: str, error: BaseException, *, after: bool = False, times: int = 1, skip: int = 0
    ) -> None:  # fmt: skip
        """The next `times` calls (`publish`, `offer`, ...) raise this, before or after their effect.

        `skip` lets so many of them pass first.
        """
        with self._lock:
            orders = self._orders.setdefault(call, [])
            orders.extend([None] * skip)
            orders.extend([_Order(error, after)] * times)

    def mend(self) -> None:
        """Forget every fault that is still on order."""
        with self._lock:
            self._orders.clear()

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        """Surrounds the effect of one call."""
        assert not self.in_transaction(), f"{call} was called while a transaction was open"
        with self._lock:
            self.calls.append(call)
            waiting = self._orders.get(call, [])
            order = waiting.pop(0) if waiting else None
        if order and not order.after:
            raise order.error
        yield
        if order:
            raise order.error
