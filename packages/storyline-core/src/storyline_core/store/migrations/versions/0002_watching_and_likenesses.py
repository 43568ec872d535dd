"""When a source was last listed whole and last checked, why it is not watched; and what pictures look like."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """From a schema that watched nothing."""
    op.add_column("sources", sa.Column("last_full_at", INSTANT))
    op.add_column("sources", sa.Column("last_checked_at", INSTANT))
    op.add_column("sources", sa.Column("unwatched_because", sa.Text()))
    op.create_table(
        "likenesses",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bits", BIG),
        sa.PrimaryKeyConstraint("digest", name="pk_likenesses"),
    )
