"""The tables of the library: items, what happened to them, documents, and what is known of each source."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, and_

from storyline_core.store.columns import BIG, BY_LETTERS, Instant, JsonText
from storyline_core.store.tables.metadata import metadata

sequences = Table(
    "sequences",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BIG, nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("size", BIG, nullable=False),
    Column("mtime_ns", BIG, nullable=False),
    Column("version", Text, nullable=False),
    Column("hint", Text),
    Column("digest", Text),
    Column("hashed_ns", BIG, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("problem", Text),
    Column("look_version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("link_url", Text, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("requires_interaction", Boolean, nullable=False),
    Column("custom_metadata", JsonText, nullable=False),
    Column("edits", JsonText),
    Column("edited_by", Text),
    Column("edited_at", Instant),
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text),
    Column("added_because", Text, nullable=False),
    Column("missing_since", Instant),
    Column("unknown_since", Instant),
    Column("removed_at", Instant),
    Column("instagram_media_id", Text),
    Column("backfilled_at", Instant),
    Column("provenance", JsonText),
)
_living = items.c.removed_at.is_(None)
Index("uq_items_living_key", items.c.source, items.c.key, unique=True, sqlite_where=_living, postgresql_where=_living)
Index("ix_items_digest", items.c.digest)
Index("ix_items_folder", items.c.source, items.c.folder, postgresql_ops=BY_LETTERS)
Index("ix_items_look", items.c.source, items.c.look_version, sqlite_where=_living, postgresql_where=_living)
_broken = and_(_living, items.c.problem.is_not(None))
Index("ix_items_broken", items.c.source, items.c.removed_at, sqlite_where=_broken, postgresql_where=_broken)
_unknown = and_(_living, items.c.unknown_since.is_not(None))
Index("ix_items_unknown", items.c.source, items.c.unknown_since, sqlite_where=_unknown, postgresql_where=_unknown)

# An addition is told by the item's own row. No foreign key on item_id: pruning takes the events along.
item_events = Table(
    "item_events",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("item_id", BIG, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("from_key", Text),
    Column("to_key", Text),
    Column("from_path", Text),
    Column("to_path", Text),
    Column("from_digest", Text),
    Column("to_digest", Text),
    Column("evidence", Text, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("size", BIG, nullable=False),
    Column("mtime_ns", BIG, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("read_ns", BIG, nullable=False),
    Column("text", Text, nullable=False),
    Column("problem", Text),
)
Index("ix_documents_folder", documents.c.source, documents.c.folder, postgresql_ops=BY_LETTERS)

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", Text),
    Column("identity", Text),
    Column("filters", Text),
    Column("last_tried_at", Instant),
    Column("last_good_at", Instant),
    Column("last_run_id", BIG),
    Column("paused", Boolean, nullable=False),
    Column("waiting", JsonText, nullable=False),
    Column("last_full_at", Instant),
    Column("last_checked_at", Instant),
    Column("unwatched_because", Text),
)

# By content, so that twins share it and it survives every move.
likenesses = Table(
    "likenesses",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("bits", BIG),
)
