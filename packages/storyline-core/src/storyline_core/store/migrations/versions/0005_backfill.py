"""What accounts posted before and where it went, how far each past was read, and where an item comes from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """From a schema that knew nothing of what was posted before it."""
    op.add_column("items", sa.Column("provenance", sa.Text()))
    op.create_index("ix_publications_remote_id", "publications", ["remote_id"])
    op.create_table(
        "past_media",
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("permalink", sa.Text()),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("item_id", BIG),
        sa.Column("rests", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("publisher", "remote_id", name="pk_past_media"),
    )
    op.create_index("ix_past_media_digest", "past_media", ["digest"])
    orphaned = sa.text("item_id IS NULL")
    op.create_index("ix_past_media_orphans", "past_media", ["source"], sqlite_where=orphaned, postgresql_where=orphaned)
    op.create_table(
        "backfills",
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("walks", sa.Text(), nullable=False),
        sa.Column("tried_at", INSTANT),
        sa.Column("good_at", INSTANT),
        sa.Column("again_at", INSTANT),
        sa.Column("stopped", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("publisher", name="pk_backfills"),
    )
