"""The table of upkeep: when each regular task was last done."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from storyline_core.store.columns import Instant
from storyline_core.store.tables.metadata import metadata

chores = Table(
    "chores",
    metadata,
    Column("name", Text, primary_key=True),
    Column("done_at", Instant),
    Column("tried_at", Instant),
    Column("failures", Integer, nullable=False),
    Column("problem", Text, nullable=False),
)
