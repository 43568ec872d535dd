"""Indexes for looks at a part of a source: what lies below a folder, what is broken, what is long unseen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BY_LETTERS = {"folder": "text_pattern_ops"}


def upgrade() -> None:
    """From a schema in which a part cost as much as everything."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_items_folder", "items")
        op.create_index("ix_items_folder", "items", ["source", "folder"], postgresql_ops=BY_LETTERS)
    op.create_index("ix_documents_folder", "documents", ["source", "folder"], postgresql_ops=BY_LETTERS)
    # With removed_at in it, the first is what SQLite chooses among all that begin with the source.
    for name, columns, noted in (
        ("ix_items_broken", ["source", "removed_at"], "problem"),
        ("ix_items_unknown", ["source", "unknown_since"], "unknown_since"),
    ):
        where = sa.text(f"removed_at IS NULL AND {noted} IS NOT NULL")
        op.create_index(name, "items", columns, sqlite_where=where, postgresql_where=where)
    living = sa.text("removed_at IS NULL")
    op.create_index("ix_items_look", "items", ["source", "look_version"], sqlite_where=living, postgresql_where=living)
