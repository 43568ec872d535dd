"""Leases: who may act alone on what, until when. They lapse by themselves and say who holds them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from sqlalchemy import Connection, or_, select, update

from storyline_core.errors import Busy
from storyline_core.store.convert import value_of
from storyline_core.store.tables import leases
from storyline_core.store.upsert import upsert

FAR = 12
"""How many of its lengths a lease may reach ahead; less than clocks of several machines may differ would set them
against each other."""


@attrs.frozen
class Lease:
    """The right to act alone on a subject. `fence` is higher than that of every earlier lease on it."""

    subject: str
    holder: str
    until: datetime
    fence: int


@attrs.frozen
class Leases:
    """The leases, within one unit."""

    connection: Connection

    def take(self, subject: str, holder: str, until: datetime, now: datetime) -> Lease:
        """Take a free or lapsed lease. Raises `Busy` naming whoever holds it (even if that is the same holder).

        One that reaches further ahead than `FAR` of its lengths was taken by a clock that was wrong, and has lapsed.
        """
        row = {"subject": subject, "holder": holder, "until": until, "fence": 1}
        free = or_(leases.c.until.is_(None), leases.c.until <= now, leases.c.until > now + FAR * (until - now))
        fence = self.connection.execute(
            upsert(self.connection, leases)
            .values(row)
            .on_conflict_do_update(
                index_elements=[leases.c.subject],
                set_={"holder": holder, "until": until, "fence": leases.c.fence + 1},
                where=free,
            )
            .returning(leases.c.fence)
        ).scalar_one_or_none()
        if fence is None:
            raise self._lost(subject)
        return Lease(subject, holder, until, fence)

    def renew(self, lease: Lease, until: datetime) -> Lease:
        """Keep a lease longer. Raises `Busy` when it has lapsed and somebody else took it."""
        self._change(lease, until=until)
        return attrs.evolve(lease, until=until)

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens when it was lost."""
        self.connection.execute(
            update(leases).where(leases.c.subject == lease.subject, leases.c.fence == lease.fence).values(until=None)
        )

    def check(self, subject: str, fence: int) -> None:
        """Make sure that nobody took the lease since, and that nobody can until this unit ends.

        To be called in the unit that commits what the lease protects. Raises `Busy` when it was lost.
        """
        row = self.connection.execute(select(leases).where(leases.c.subject == subject).with_for_update()).one_or_none()
        if row is None or row.fence != fence or row.until is None:
            raise self._lost(subject)

    def held(self, now: datetime) -> Sequence[Lease]:
        """The leases in force."""
        rows = self.connection.execute(select(leases).where(leases.c.until > now).order_by(leases.c.subject))
        return [value_of(row, Lease) for row in rows.mappings()]

    def _change(self, lease: Lease, *, until: datetime) -> None:
        mine = (leases.c.subject == lease.subject, leases.c.fence == lease.fence, leases.c.until.is_not(None))
        if not self.connection.execute(update(leases).where(*mine).values(until=until)).rowcount:
            raise self._lost(lease.subject)

    def _lost(self, subject: str) -> Busy:
        holder = self.connection.execute(
            select(leases.c.holder).where(leases.c.subject == subject)
        ).scalar_one_or_none()
        return Busy(subject, holder or "another process")
