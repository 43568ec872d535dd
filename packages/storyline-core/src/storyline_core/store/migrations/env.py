"""Runs the migrations on the connection, and in the transaction, that `store.schema` hands over."""

from __future__ import annotations

from alembic import context

from storyline_core.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
