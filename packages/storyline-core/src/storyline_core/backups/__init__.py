"""Backups: everything that Storyline knows in one file, made while it works, proved by restoring it.

The database is dumped as lines of plain JSON by way of the store, the same from SQLite and from PostgreSQL, as one
state of everything. So a backup of either restores into either, no program of the database is needed, and one made
by an earlier Storyline is migrated when it is restored.
"""

from __future__ import annotations

from storyline_core.backups.keeping import Pruned, backups_in, find_backup
from storyline_core.backups.keeping import prune as prune_backups
from storyline_core.backups.making import MediaSource, local_media, make_backup
from storyline_core.backups.manifest import Backup, Manifest, MediaRecord, TableRecord
from storyline_core.backups.proving import Verified, verify_backup
from storyline_core.backups.restoring import Restored, restore_backup

__all__ = [
    "Backup",
    "Manifest",
    "MediaRecord",
    "MediaSource",
    "Pruned",
    "Restored",
    "TableRecord",
    "Verified",
    "backups_in",
    "find_backup",
    "local_media",
    "make_backup",
    "prune_backups",
    "restore_backup",
    "verify_backup",
]
