"""Proving a backup: it is restored into a database of its own, and every table and file compared with what it was."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import attrs

from storyline_core.backups.archive import Archive, check_seal, reading
from storyline_core.backups.keeping import look_at
from storyline_core.backups.making import MEDIA_LIST, TABLES
from storyline_core.backups.manifest import Backup, Manifest
from storyline_core.errors import BackupError, StoreError
from storyline_core.store import Dumped, open_store

_BLOCK = 1 << 20


@attrs.frozen
class Verified:
    """What came of trying a backup: every problem found, none for a good one; what was restored and compared."""

    backup: Backup
    problems: tuple[str, ...] = ()
    rows: int = 0
    tables: int = 0
    files: int = 0

    @property
    def good(self) -> bool:
        """Whether it can be relied on."""
        return not self.problems


def verify_backup(path: Path) -> Verified:
    """Restore a backup into a scratch database beside it, and compare counts and checksums. Nothing else is touched."""
    backup = look_at(path)
    if backup.manifest is None:
        return Verified(backup, (backup.problem,))
    manifest = backup.manifest
    try:
        check_seal(path)
        with reading(path) as archive:
            _restore_to_scratch(archive, manifest, path.parent)
            files = check_media(archive, manifest)
    except (BackupError, StoreError) as error:
        return Verified(backup, (str(error),))
    except OSError as error:
        return Verified(backup, (f"{path.name} cannot be read ({error.strerror}). Try again, or check its disk.",))
    return Verified(backup, (), sum(manifest.counts.values()), len(manifest.tables), files)


def _restore_to_scratch(archive: Archive, manifest: Manifest, beside: Path) -> None:
    with _scratch(beside) as folder, closing(open_store(f"sqlite:///{folder / 'scratch.db'}")) as store:
        store.rebuild(manifest.version, dumped(archive, manifest))
        if not store.schema().level:
            raise StoreError("The restored tables could not be brought level. This is a mistake in Storyline.")


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A folder for the time being: on the disk of the backup, which has room, or where the system has its own."""
    try:
        made = tempfile.TemporaryDirectory(prefix=".storyline-verify-", dir=beside)
    except OSError:
        made = tempfile.TemporaryDirectory(prefix="storyline-verify-")
    with made as folder:
        yield Path(folder)


def dumped(archive: Archive, manifest: Manifest) -> Iterator[Dumped]:
    """The tables of an archive, one after the other; each must be read before the next."""
    for record in manifest.tables:
        with archive.member(f"{TABLES}{record.shape.name}.jsonl") as file:
            yield Dumped(record.shape, record.digest, _lines(file, record.shape.name))


def _lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    for line in file:
        try:
            json.loads(line)
        except ValueError:
            raise BackupError(f"The backup is damaged in the table {name}. Choose another one.") from None
        yield line


def media_entries(archive: Archive, manifest: Manifest) -> list[Mapping[str, str]]:
    """Which item's file is which member."""
    if manifest.media is None:
        return []
    with archive.member(MEDIA_LIST) as file:
        return [json.loads(line) for line in file]


def check_media(archive: Archive, manifest: Manifest) -> int:
    """Compare every media file with its digest; how many there are. Raises `BackupError` for a bad one."""
    entries = media_entries(archive, manifest)
    for member, digest in {entry["member"]: entry["digest"] for entry in entries}.items():
        found = hashlib.sha256()
        with archive.member(member) as file:
            while block := file.read(_BLOCK):
                found.update(block)
        if found.hexdigest() != digest:
            raise BackupError(f"The backup is damaged at {member}. Choose another one.")
    return len(entries)
