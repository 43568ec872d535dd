"""The tables of running: people, run records, leases, alerts and who was told, workers, what plugins keep."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text

from storyline_core.store.columns import BIG, Instant, JsonText
from storyline_core.store.tables.metadata import metadata

people = Table(
    "people",
    metadata,
    Column("person", Text, primary_key=True),
    Column("notifier", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("username", Text),
    Column("team", Text),
    Column("role", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("first_seen_at", Instant),
    Column("last_seen_at", Instant),
)

runs = Table(
    "runs",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("step", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("triggered_by", Text, nullable=False),
    Column("user", Text),
    Column("input", JsonText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("completed_at", Instant),
    Column("status", Text, nullable=False),
    Column("result", JsonText),
    Column("error", Text),
    Column("error_type", Text),
    Column("traceback", Text),
)
Index("ix_runs_step", runs.c.step, runs.c.subject, runs.c.id)

leases = Table(
    "leases",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Instant),
    Column("fence", BIG, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("key", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("told_at", Instant),
    Column("times_told", Integer, nullable=False),
    Column("cleared_at", Instant),
)
_open = alerts.c.cleared_at.is_(None)
Index("uq_alerts_open", alerts.c.key, unique=True, sqlite_where=_open, postgresql_where=_open)

# No foreign key on alert_id: an alert is never deleted before its tellings.
tellings = Table(
    "tellings",
    metadata,
    Column("alert_id", BIG, primary_key=True, autoincrement=False),
    Column("channel", Text, primary_key=True),
    Column("told_at", Instant, nullable=False),
    Column("times_told", Integer, nullable=False),
    Column("over_told_at", Instant),
)

channels = Table(
    "channels",
    metadata,
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("rests_until", Instant),
    Column("trouble", Text, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("noted_at", Instant, nullable=False),
    Column("loops", JsonText, nullable=False),
    Column("skew_s", Float),
)

secrets = Table(
    "secrets",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
