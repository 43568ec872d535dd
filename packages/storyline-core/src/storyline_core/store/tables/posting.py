"""The tables of posting: posts, their journal and proofs, holds, and the accounts' run-time state."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, and_, false

from storyline_core.posts import UNSETTLED
from storyline_core.store.columns import BIG, Instant, JsonText
from storyline_core.store.tables.metadata import metadata

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
Index("ix_publications_remote_id", publications.c.remote_id)

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
    Column("reminders_off", Boolean, nullable=False, server_default=false()),
    Column("quiet_off", Boolean, nullable=False, server_default=false()),
    Column("digested_at", Instant),
)
