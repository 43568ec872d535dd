"""The tables, and nothing else.

Columns that a value of the core has as a field carry the field's name. Partial unique indexes are the last guard
behind the rules: one living item per key, one unsettled post per item and per digest in an account, one open alert
per key.
"""

from __future__ import annotations

from storyline_core.store.tables.library import documents, item_events, items, likenesses, sequences, sources
from storyline_core.store.tables.metadata import metadata
from storyline_core.store.tables.posting import accounts, holds, journal, posts, publications
from storyline_core.store.tables.running import alerts, leases, people, runs, secrets

__all__ = [
    "accounts",
    "alerts",
    "documents",
    "holds",
    "item_events",
    "items",
    "journal",
    "leases",
    "likenesses",
    "metadata",
    "people",
    "posts",
    "publications",
    "runs",
    "secrets",
    "sequences",
    "sources",
]
