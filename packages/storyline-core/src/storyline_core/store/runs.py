"""Run records: which step ran when, by whom, with what result or error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import attrs
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from storyline_core.errors import NotFound
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import runs


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@attrs.frozen
class Run:
    """One run of one step on one subject (a source, an account, or `""`).

    `triggered_by` is `user`, `scheduler`, `cli`, `system`, `watch` or `startup`.
    """

    id: int
    step: str
    subject: str
    triggered_by: str
    user: str | None
    input: Mapping[str, object]
    started_at: datetime
    completed_at: datetime | None
    status: RunStatus
    result: Mapping[str, object] | None
    error: str | None
    error_type: str | None
    traceback: str | None

    @property
    def duration(self) -> timedelta | None:
        """How long it took, once it has ended."""
        return None if self.completed_at is None else self.completed_at - self.started_at

    @property
    def times(self) -> int:
        """How often it ended like this: a failure that repeats itself is one record."""
        times = (self.result or {}).get("times")
        return times if isinstance(times, int) else 1


@attrs.frozen
class Runs:
    """The run records, within one unit."""

    connection: Connection

    def start(
        self,
        step: str,
        subject: str = "",
        *,
        triggered_by: str,
        user: str | None = None,
        input: Mapping[str, object] | None = None,  # noqa: A002 as in the JSON
        at: datetime,
    ) -> int:
        """Note that a step has begun; the record's id."""
        row = {
            "step": step,
            "subject": subject,
            "triggered_by": triggered_by,
            "user": user,
            "input": dict(input or {}),
            "started_at": at,
            "status": RunStatus.RUNNING,
        }
        return int(self.connection.execute(runs.insert().values(row).returning(runs.c.id)).scalar_one())

    def finish(
        self,
        run_id: int,
        status: RunStatus | str,
        *,
        result: Mapping[str, object] | None = None,
        error: str | None = None,
        error_type: str | None = None,
        traceback: str | None = None,
        at: datetime,
    ) -> None:
        """Note how it ended."""
        self.connection.execute(
            update(runs)
            .where(runs.c.id == run_id)
            .values(
                status=str(status),
                result=None if result is None else dict(result),
                error=error and storable(error),
                error_type=error_type,
                traceback=traceback and storable(traceback),
                completed_at=at,
            )
        )

    def list(
        self, *, step: str | None = None, subject: str | None = None, failed: bool = False, limit: int | None = None
    ) -> Sequence[Run]:
        """The records, latest first."""
        statement = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if step is not None:
            statement = statement.where(runs.c.step == step)
        if subject is not None:
            statement = statement.where(runs.c.subject == subject)
        if failed:
            statement = statement.where(runs.c.status == RunStatus.FAILED)
        return [value_of(row, Run) for row in self.connection.execute(statement).mappings()]

    def get(self, run_id: int) -> Run:
        """One record. Raises `NotFound`."""
        row = self.connection.execute(select(runs).where(runs.c.id == run_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no run {run_id}. `storyline runs` lists them.")
        return value_of(row, Run)

    def last(self, step: str, subject: str | None = None) -> Run | None:
        """The latest record of a step, on one subject or any."""
        found = self.list(step=step, subject=subject, limit=1)
        return found[0] if found else None

    def prunable(self, before: datetime) -> bool:
        """Whether `prune` would forget anything."""
        return self.connection.execute(select(runs.c.id).where(*_old(before)).limit(1)).first() is not None

    def prune(self, before: datetime) -> int:
        """Forget records of runs that began before an instant, but the last of each step and subject. How many."""
        return self.connection.execute(delete(runs).where(*_old(before))).rowcount


def _old(before: datetime) -> tuple[ColumnElement[bool], ...]:
    last = select(func.max(runs.c.id)).group_by(runs.c.step, runs.c.subject)
    return runs.c.started_at < before, runs.c.id.not_in(last)
