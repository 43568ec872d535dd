"""Chores: when each regular task was last done and tried. It lives here, so a restart neither skips nor repeats one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
from sqlalchemy import Connection, select

from storyline_core.chores import Chore
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import chores
from storyline_core.store.upsert import upsert


@attrs.frozen
class Chores:
    """The regular tasks, within one unit."""

    connection: Connection

    def all(self) -> Mapping[str, Chore]:
        """Every task that was ever tried, by name."""
        rows = self.connection.execute(select(chores)).mappings()
        return {row["name"]: value_of(row, Chore) for row in rows}

    def get(self, name: str) -> Chore:
        """One task; one that was never tried has no times."""
        row = self.connection.execute(select(chores).where(chores.c.name == name)).mappings().one_or_none()
        return Chore(name) if row is None else value_of(row, Chore)

    def done(self, name: str, at: datetime) -> None:
        """Note that a task was done well."""
        self._save({"name": name, "done_at": at, "tried_at": at, "failures": 0, "problem": ""})

    def failed(self, name: str, problem: str, at: datetime) -> None:
        """Note that a task was tried and failed."""
        failures = self.get(name).failures + 1
        self._save({"name": name, "tried_at": at, "failures": failures, "problem": storable(problem)})

    def _save(self, row: Mapping[str, object]) -> None:
        new = {name: value for name, value in row.items() if name != "name"}
        statement = upsert(self.connection, chores).values(dict(row))
        self.connection.execute(statement.on_conflict_do_update(index_elements=[chores.c.name], set_=new))
