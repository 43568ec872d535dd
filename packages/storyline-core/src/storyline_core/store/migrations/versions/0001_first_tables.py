"""The first tables, and the two views for people who query by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
WAITING = "state IN ('approved', 'offered', 'offering', 'prepared', 'publishing', 'scheduled', 'snoozed', 'uncertain')"

VIEW = """
CREATE VIEW {view} AS
SELECT posts.id, posts.account, posts.origin, posts.slot_at, posts.due_at, posts.state, posts.item_id, items.source,
       items.folder, items.name, items.title, items.caption, items.link_url, items.tags, posts.by_hand, posts.tries,
       posts.next_try_at, posts.last_error, posts.reason, posts.decided_by, posts.decided_at, posts.posted_at,
       posts.settled_at, publications.remote_id, publications.url, posts.why, posts.revision
FROM posts
LEFT JOIN items ON items.id = posts.item_id
LEFT JOIN publications ON publications.post_id = posts.id AND publications.undone_at IS NULL
WHERE {which}
"""


def upgrade() -> None:
    _accounts()
    _alerts()
    _documents()
    _item_events()
    _items()
    _leases()
    _people()
    _runs()
    _secrets()
    _sequences()
    _sources()
    _posts()
    _holds()
    _journal()
    _publications()
    op.execute(VIEW.format(view="posting_queue", which=f"posts.{WAITING}"))
    op.execute(VIEW.format(view="posting_history", which=f"NOT posts.{WAITING}"))


def downgrade() -> None:
    raise NotImplementedError("Restore the backup that was made before the upgrade.")


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("slots_from", INSTANT),
        sa.Column("filled_until", INSTANT),
        sa.Column("filled_at", INSTANT),
        sa.Column("mix_fingerprint", sa.Text()),
        sa.Column("mix_since", INSTANT),
        sa.Column("stopped_until", INSTANT),
        sa.Column("stopped_why", sa.Text(), nullable=False),
        sa.Column("stopped_needs_person", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT),
        sa.Column("times_told", sa.Integer(), nullable=False),
        sa.Column("cleared_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["key"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("mtime_ns", BIG, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("read_ns", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("source", "key", name="pk_documents"),
    )


def _item_events() -> None:
    op.create_table(
        "item_events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_key", sa.Text()),
        sa.Column("to_key", sa.Text()),
        sa.Column("from_path", sa.Text()),
        sa.Column("to_path", sa.Text()),
        sa.Column("from_digest", sa.Text()),
        sa.Column("to_digest", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_item_events"),
    )
    op.create_index("ix_item_events_item_id", "item_events", ["item_id"])


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("mtime_ns", BIG, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.Column("hashed_ns", BIG, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("problem", sa.Text()),
        sa.Column("look_version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("link_url", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("requires_interaction", sa.Boolean(), nullable=False),
        sa.Column("custom_metadata", sa.Text(), nullable=False),
        sa.Column("edits", sa.Text()),
        sa.Column("edited_by", sa.Text()),
        sa.Column("edited_at", INSTANT),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("added_by", sa.Text()),
        sa.Column("added_because", sa.Text(), nullable=False),
        sa.Column("missing_since", INSTANT),
        sa.Column("unknown_since", INSTANT),
        sa.Column("removed_at", INSTANT),
        sa.Column("instagram_media_id", sa.Text()),
        sa.Column("backfilled_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
    )
    op.create_index("ix_items_digest", "items", ["digest"])
    op.create_index("ix_items_folder", "items", ["source", "folder"])
    op.create_index(
        "uq_items_living_key",
        "items",
        ["source", "key"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", INSTANT),
        sa.Column("fence", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_leases"),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("notifier", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("username", sa.Text()),
        sa.Column("team", sa.Text()),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", INSTANT),
        sa.Column("last_seen_at", INSTANT),
        sa.PrimaryKeyConstraint("person", name="pk_people"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("triggered_by", sa.Text(), nullable=False),
        sa.Column("user", sa.Text()),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("completed_at", INSTANT),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("error_type", sa.Text()),
        sa.Column("traceback", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_step", "runs", ["step", "subject", "id"])


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_secrets"),
    )


def _sequences() -> None:
    sequences = op.create_table(
        "sequences",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sequences"),
    )
    op.bulk_insert(sequences, [{"name": "items", "next": 1}])


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("identity", sa.Text()),
        sa.Column("filters", sa.Text()),
        sa.Column("last_tried_at", INSTANT),
        sa.Column("last_good_at", INSTANT),
        sa.Column("last_run_id", BIG),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sources"),
    )


def _posts() -> None:
    op.create_table(
        "posts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("slot_key", sa.Text()),
        sa.Column("slot_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("item_id", BIG),
        sa.Column("digest", sa.Text()),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("answerable_from", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.Text(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", INSTANT),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", INSTANT),
        sa.Column("offered_at", INSTANT),
        sa.Column("reminded_at", INSTANT),
        sa.Column("escalated_at", INSTANT),
        sa.Column("reserved_by", sa.Text()),
        sa.Column("reserved_until", INSTANT),
        sa.Column("posted_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("handle", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("undo", sa.Text()),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", INSTANT),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_posts_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sa.UniqueConstraint("slot_key", name="uq_posts_slot_key"),
    )
    op.create_index("ix_posts_item_id", "posts", ["item_id"])
    op.create_index("ix_posts_settled_at", "posts", ["account", "settled_at"])
    op.create_index("ix_posts_slot_at", "posts", ["account", "slot_at"])
    op.create_index("ix_posts_state", "posts", ["state", "due_at"])
    op.create_index(
        "uq_posts_waiting_digest",
        "posts",
        ["account", "digest"],
        unique=True,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )
    op.create_index(
        "uq_posts_waiting_item",
        "posts",
        ["account", "item_id"],
        unique=True,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", BIG, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("account", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", INSTANT),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("post_id", sa.Text()),
        sa.Column("released_at", INSTANT),
        sa.Column("released_by", sa.Text()),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_holds_item_id"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_holds_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_index(
        "ix_holds_digest",
        "holds",
        ["digest"],
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "ix_holds_item",
        "holds",
        ["item_id"],
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "uq_holds_post",
        "holds",
        ["post_id", "reason"],
        unique=True,
        sqlite_where=sa.text("post_id IS NOT NULL AND released_at IS NULL"),
        postgresql_where=sa.text("post_id IS NOT NULL AND released_at IS NULL"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("from_state", sa.Text()),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_journal_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index("ix_journal_post_id", "journal", ["post_id"])


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("item_id", BIG),
        sa.Column("digest", sa.Text()),
        sa.Column("slot_at", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("undone_at", INSTANT),
        sa.Column("undone_by", sa.Text()),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_publications_item_id"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_publications_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_publications"),
    )
    op.create_index("ix_publications_account", "publications", ["account", "slot_at"])
    op.create_index("ix_publications_item", "publications", ["item_id"])
    op.create_index(
        "uq_publications_post",
        "publications",
        ["post_id"],
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )
