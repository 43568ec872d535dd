"""The right to do something alone for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from storyline_core.errors import StoreError
from storyline_core.store import Store
from storyline_core.store.leases import FAR

LEASE_FOR = timedelta(minutes=5)
"""How long work may go without a sign of life before another process may take over."""


class Tenure:
    """The right to work on one subject alone, kept alive while the work goes on. Raises `Busy` when another has it.

    It lapses `length` after its holder's last sign of life.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        subject: str,
        holder: str,
        now: datetime,
        *,
        length: timedelta = LEASE_FOR,
    ) -> None:
        self._store = store
        self._clock = clock
        self._length = length
        with store.begin() as unit:
            self.lease = unit.leases.take(subject, holder, until=now + length, now=now)

    def keep(self) -> None:
        """Prolong the lease when half of it has gone by. Raises `Busy` when it lapsed and another took it."""
        now = self._clock()
        if self.lease.until - now < self._length / 2:
            with self._store.begin() as unit:
                self.lease = unit.leases.renew(self.lease, until=now + self._length)

    def keep_for(self, length: timedelta) -> None:
        """Prolong the lease before something that can give no sign of life for as long. Raises `Busy` as `keep` does.

        Not without end: a lease that reaches too far is taken for a wrong clock's.
        """
        until = self._clock() + min(self._length + length, (FAR - 2) * self._length)
        if self.lease.until < until:
            with self._store.begin() as unit:
                self.lease = unit.leases.renew(self.lease, until=until)

    def end(self) -> None:
        """Give the right back at once; where the database has failed, it lapses by itself."""
        with suppress(StoreError), self._store.begin() as unit:
            unit.leases.release(self.lease)


def give_back(store: Store, holder: str, now: datetime) -> tuple[str, ...]:
    """Give back every right of a holder that is about to die (also of its parts, `holder/...`). On which subjects.

    Whatever it was doing cannot be committed any more, since its leases are checked at the end.
    """
    with store.begin() as unit:
        mine = [lease for lease in unit.leases.held(now) if lease.holder.partition("/")[0] == holder]
        for lease in mine:
            unit.leases.release(lease)
    return tuple(lease.subject for lease in mine)
