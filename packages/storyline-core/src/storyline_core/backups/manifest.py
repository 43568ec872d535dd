"""What a backup says about itself: when and from what it was made, and what every table held."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
from cattrs import ClassValidationError, Converter

from storyline_core.errors import BackupError
from storyline_core.store import Digest, Shape

CLOCKS_DIFFER = timedelta(hours=1)
"""How far the clocks of machines that share a folder may be apart."""

FORMAT = 1
"""Which form of archive this Storyline writes. It reads this one and every earlier one."""


@attrs.frozen
class TableRecord:
    """One table in a backup."""

    shape: Shape
    digest: Digest


@attrs.frozen
class MediaRecord:
    """The media files in a backup: how many, how large together, and which could not be copied, with why."""

    files: int = 0
    size: int = 0
    missing: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Manifest:
    """A backup as a whole. `place` is the database it was made from, `version` that of its tables.

    `settings` tells whether the settings file is in it, `media` is None when it was made without media files.
    """

    made_at: datetime
    storyline: str
    place: str
    version: str
    tables: tuple[TableRecord, ...]
    settings: bool = False
    media: MediaRecord | None = None
    format: int = FORMAT

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows each table has, by name."""
        return {each.shape.name: each.digest.rows for each in self.tables}


@attrs.frozen
class Backup:
    """One backup file. Without a manifest it cannot be used, and `problem` says why.

    `damaged` is True when its content is bad, False when it could only not be read just now.
    """

    path: Path
    made_at: datetime
    size: int
    manifest: Manifest | None = None
    problem: str = ""
    damaged: bool = False

    def was_made_by(self, now: datetime) -> bool:
        """Whether it can have been made by now; if not, the clock was wrong then, and nobody knows how old it is."""
        return self.made_at <= now + CLOCKS_DIFFER


_converter = Converter(forbid_extra_keys=False)
_converter.register_unstructure_hook(datetime, lambda at: at.astimezone(UTC).isoformat())
_converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))


def spell(manifest: Manifest) -> bytes:
    """The manifest as it stands in the archive."""
    return json.dumps(_converter.unstructure(manifest), ensure_ascii=False, indent=1).encode()


def read(raw: bytes, path: Path) -> Manifest:
    """The manifest again. Raises `BackupError` for anything else, and for one of a later Storyline."""
    try:
        values = json.loads(raw)
        later = isinstance(values, dict) and isinstance(values.get("format"), int) and values["format"] > FORMAT
        if not later:
            return _converter.structure(values, Manifest)
    except (ValueError, KeyError, TypeError, AttributeError, ClassValidationError):
        raise BackupError(f"{path.name} is not a backup of Storyline, or it is damaged. Choose another one.") from None
    raise BackupError(f"{path.name} was made by a later Storyline. Install that one to use it.")
