"""The tables, and nothing else.

Columns that a value of the core has as a field carry the field's name. Partial unique indexes are the last guard
behind the rules: one living item per key, one unsettled post per item and per digest in an account, one open alert
per key.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
)

from storyline_core.posts import UNSETTLED
from storyline_core.store.columns import BIG, Instant, JsonText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
)
_living = items.c.removed_at.is_(None)
Index("uq_items_living_key", items.c.source, items.c.key, unique=True, sqlite_where=_living, postgresql_where=_living)
Index("ix_items_digest", items.c.digest)
Index("ix_items_folder", items.c.source, items.c.folder)

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

posts = Table(
    "posts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("slot_key", Text, unique=True),
    Column("slot_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("item_id", BIG, ForeignKey("items.id")),
    Column("digest", Text),
    Column("category", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("answerable_from", Integer, nullable=False),
    Column("why", JsonText, nullable=False),
    Column("round", Integer, nullable=False),
    Column("excluded", JsonText, nullable=False),
    Column("by_hand", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("last_error", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("offered_at", Instant),
    Column("reminded_at", Instant),
    Column("escalated_at", Instant),
    Column("reserved_by", Text),
    Column("reserved_until", Instant),
    Column("posted_at", Instant),
    Column("settled_at", Instant),
    Column("handle", JsonText),
    Column("message", JsonText),
    Column("undo", JsonText),
    Column("claimed_by", Text),
    Column("claimed_until", Instant),
    Column("fence", Integer, nullable=False),
)
_waiting = posts.c.state.in_(sorted(UNSETTLED))
Index(
    "uq_posts_waiting_item",
    posts.c.account,
    posts.c.item_id,
    unique=True,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
Index(
    "uq_posts_waiting_digest",
    posts.c.account,
    posts.c.digest,
    unique=True,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
Index("ix_posts_state", posts.c.state, posts.c.due_at)
Index("ix_posts_slot_at", posts.c.account, posts.c.slot_at)
Index("ix_posts_settled_at", posts.c.account, posts.c.settled_at)
Index("ix_posts_item_id", posts.c.item_id)

journal = Table(
    "journal",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("post_id", Text, ForeignKey("posts.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("post_id", Text, ForeignKey("posts.id"), nullable=False),
    Column("account", Text, nullable=False),
    Column("item_id", BIG, ForeignKey("items.id")),
    Column("digest", Text),
    Column("slot_at", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("remote_id", Text),
    Column("url", Text),
    Column("metadata", JsonText, nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", Text),
)
_standing = publications.c.undone_at.is_(None)
Index("uq_publications_post", publications.c.post_id, unique=True, sqlite_where=_standing, postgresql_where=_standing)
Index("ix_publications_account", publications.c.account, publications.c.slot_at)
Index("ix_publications_item", publications.c.item_id)

holds = Table(
    "holds",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("item_id", BIG, ForeignKey("items.id"), nullable=False),
    Column("digest", Text),
    Column("account", Text),
    Column("reason", Text, nullable=False),
    Column("until", Instant),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("post_id", Text, ForeignKey("posts.id")),
    Column("released_at", Instant),
    Column("released_by", Text),
)
_active = holds.c.released_at.is_(None)
_of_a_post = and_(holds.c.post_id.is_not(None), _active)
Index(
    "uq_holds_post", holds.c.post_id, holds.c.reason, unique=True, sqlite_where=_of_a_post, postgresql_where=_of_a_post
)
Index("ix_holds_item", holds.c.item_id, sqlite_where=_active, postgresql_where=_active)
Index("ix_holds_digest", holds.c.digest, sqlite_where=_active, postgresql_where=_active)

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

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("slots_from", Instant),
    Column("filled_until", Instant),
    Column("filled_at", Instant),
    Column("mix_fingerprint", Text),
    Column("mix_since", Instant),
    Column("stopped_until", Instant),
    Column("stopped_why", Text, nullable=False),
    Column("stopped_needs_person", Boolean, nullable=False),
)

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

secrets = Table(
    "secrets",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
