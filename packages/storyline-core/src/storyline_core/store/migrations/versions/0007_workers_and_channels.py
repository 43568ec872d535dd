"""What each `storyline run` notes of itself, and which channels were told of which alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From a schema in which an alert was told or not, whoever by."""
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.Column("loops", sa.Text(), nullable=False),
        sa.Column("skew_s", sa.Float()),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    op.create_table(
        "tellings",
        sa.Column("alert_id", BIG, autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("times_told", sa.Integer(), nullable=False),
        sa.Column("over_told_at", INSTANT),
        sa.PrimaryKeyConstraint("alert_id", "channel", name="pk_tellings"),
    )
    op.create_table(
        "channels",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", INSTANT),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_channels"),
    )
