"""The right to do something alone for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from storyline_core.errors import StoreError
from storyline_core.store import Store

LEASE_FOR = timedelta(minutes=5)
"""How long work may go without a sign of life before another process may take over."""


class Tenure:
    """The right to work on one subject alone, kept alive while the work goes on. Raises `Busy` when another has it."""

    def __init__(self, store: Store, clock: Callable[[], datetime], subject: str, holder: str, now: datetime) -> None:
        self._store = store
        self._clock = clock
        with store.begin() as unit:
            self.lease = unit.leases.take(subject, holder, until=now + LEASE_FOR, now=now)

    def keep(self) -> None:
        """Prolong the lease when half of it has gone by."""
        now = self._clock()
        if self.lease.until - now < LEASE_FOR / 2:
            with self._store.begin() as unit:
                self.lease = unit.leases.renew(self.lease, until=now + LEASE_FOR)

    def end(self) -> None:
        """Give the right back at once; where the database has failed, it lapses by itself."""
        with suppress(StoreError), self._store.begin() as unit:
            unit.leases.release(self.lease)
