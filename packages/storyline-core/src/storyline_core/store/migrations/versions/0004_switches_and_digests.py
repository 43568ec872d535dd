"""What people switch of an account (reminders, quiet hours), and up to when its daily digest has been told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """From a schema in which only the settings said so."""
    op.add_column("accounts", sa.Column("reminders_off", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("accounts", sa.Column("quiet_off", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("accounts", sa.Column("digested_at", INSTANT))
