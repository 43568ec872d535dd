"""The tables, and nothing else.

Columns that a value of the core has as a field carry the field's name. Partial unique indexes are the last guard
behind the rules: one living item per key, one unsettled post per item and per digest in an account, one open alert
per key.
"""

from __future__ import annotations

from storyline_core.store.tables.library import documents, item_events, items, likenesses, sequences, sources
from storyline_core.store.tables.metadata import metadata
from storyline_core.store.tables.past import backfills, past_media
from storyline_core.store.tables.posting import accounts, holds, journal, posts, publications
from storyline_core.store.tables.running import (
    alerts,
    channels,
    leases,
    people,
    runs,
    secrets,
    tellings,
    workers,
)
from storyline_core.store.tables.upkeep import chores

__all__ = [
    "accounts",
    "alerts",
    "backfills",
    "channels",
    "chores",
    "documents",
    "holds",
    "item_events",
    "items",
    "journal",
    "leases",
    "likenesses",
    "metadata",
    "past_media",
    "people",
    "posts",
    "publications",
    "runs",
    "secrets",
    "sequences",
    "sources",
    "tellings",
    "workers",
]
