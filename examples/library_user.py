"""Storyline as a library: what would be posted from a folder of pictures in the next three days, and why.

    python examples/library_user.py FOLDER

Nothing is posted and nothing needs a settings file. What is known of the folder is kept in ./library.db.
"""

from __future__ import annotations

import sys
from pathlib import Path

from storyline_core import Account, Settings, SourceEntry, open_storyline
from storyline_local import LocalFolder

settings = Settings(
    database_url="sqlite:///library.db",
    sources=[SourceEntry("photos", "local", LocalFolder(Path(sys.argv[1])))],
    accounts=[Account("main", sources=("photos",))],
)
with open_storyline(settings) as storyline:
    report = storyline.sync("photos")
    print(f"{report.added} added, {report.moved} moved, {report.removed} removed, {report.unchanged} unchanged")
    for slot in storyline.plan("main", days=3):
        print(f"{slot.at:%a %d %b %H:%M}  {slot.item.name if slot.item else 'nothing'}: {'; '.join(slot.why)}")
