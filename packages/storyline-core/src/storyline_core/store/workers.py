"""Workers: what each `storyline run` notes of itself, one row that it writes over about once a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
from sqlalchemy import Connection, delete, func, select

from storyline_core.store.columns import in_utc
from storyline_core.store.tables import workers
from storyline_core.store.upsert import upsert
from storyline_core.vitals import Worker


@attrs.frozen
class Workers:
    """The workers' notes, within one unit."""

    connection: Connection

    def note(self, worker: Worker) -> None:
        """Write down how a worker stands, in place of what it noted before."""
        row = {
            "name": worker.name,
            "started_at": worker.started_at,
            "noted_at": worker.noted_at,
            "loops": {
                loop: {"every_s": every.total_seconds(), "turned_at": in_utc(turned_at).isoformat()}
                for loop, (every, turned_at) in worker.loops.items()
            },
            "skew_s": None if worker.skew is None else worker.skew.total_seconds(),
        }
        fresh = upsert(self.connection, workers).values(row)
        self.connection.execute(fresh.on_conflict_do_update(index_elements=[workers.c.name], set_=row))

    def all(self) -> Sequence[Worker]:
        """Every worker that noted anything and did not say goodbye, by name."""
        rows = self.connection.execute(select(workers).order_by(workers.c.name)).mappings()
        return [
            Worker(
                name=row["name"],
                started_at=row["started_at"],
                noted_at=row["noted_at"],
                loops={
                    loop: (timedelta(seconds=note["every_s"]), datetime.fromisoformat(note["turned_at"]))
                    for loop, note in row["loops"].items()
                },
                skew=None if row["skew_s"] is None else timedelta(seconds=row["skew_s"]),
            )
            for row in rows
        ]

    def forget(self, name: str) -> None:
        """A worker says goodbye."""
        self.connection.execute(delete(workers).where(workers.c.name == name))

    def forget_before(self, before: datetime) -> int:
        """Forget workers that have noted nothing since; how many."""
        return self.connection.execute(delete(workers).where(workers.c.noted_at < before)).rowcount

    def server_time(self) -> datetime | None:
        """What the database server's clock shows; None where the database is a file of this machine."""
        if self.connection.dialect.name != "postgresql":
            return None
        shown: datetime = self.connection.execute(select(func.clock_timestamp())).scalar_one()
        return shown.astimezone(UTC)
