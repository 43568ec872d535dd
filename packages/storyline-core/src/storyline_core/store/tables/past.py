"""The tables of backfill: what accounts posted before and where it went, and how far each publisher's past was read."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from storyline_core.store.columns import BIG, Instant, JsonText
from storyline_core.store.tables.metadata import metadata

# No foreign key on item_id: what was pruned stays known, so that it is never fetched again.
past_media = Table(
    "past_media",
    metadata,
    Column("publisher", Text, primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("posted_at", Instant, nullable=False),
    Column("caption", Text, nullable=False),
    Column("permalink", Text),
    Column("tags", JsonText, nullable=False),
    Column("at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("digest", Text),
    Column("source", Text),
    Column("key", Text),
    Column("item_id", BIG),
    Column("rests", JsonText, nullable=False),
)
Index("ix_past_media_digest", past_media.c.digest)
_orphaned = past_media.c.item_id.is_(None)
Index("ix_past_media_orphans", past_media.c.source, sqlite_where=_orphaned, postgresql_where=_orphaned)

backfills = Table(
    "backfills",
    metadata,
    Column("publisher", Text, primary_key=True),
    Column("walks", JsonText, nullable=False),
    Column("tried_at", Instant),
    Column("good_at", Instant),
    Column("again_at", Instant),
    Column("stopped", Text, nullable=False),
)
