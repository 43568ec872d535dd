"""Restoring a backup: into an empty database, or, when that is wanted, in the place of one that is kept beside it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import attrs

from storyline_core.backups.archive import Archive, check_seal, reading
from storyline_core.backups.keeping import look_at
from storyline_core.backups.manifest import Backup, Manifest
from storyline_core.backups.proving import check_media, dumped, media_entries
from storyline_core.errors import BackupError, StoreError
from storyline_core.store import Store, open_store, place_aside, put_in_place

_BLOCK = 1 << 20


@attrs.frozen
class Restored:
    """What was restored where. `aside` names the database that stood there before, "" where there was none.

    `files` are the media files written, `skipped` those whose name was taken by another file.
    """

    backup: Backup
    place: str
    aside: str = ""
    files: int = 0
    skipped: tuple[str, ...] = ()


def restore_backup(
    path: Path, database_url: str, now: datetime, *, force: bool = False, media_to: Path | None = None
) -> Restored:
    """Put a backup into a database, of either kind, and its media files into a folder if one is named.

    A database that holds anything is only replaced with `force`, and kept: a file beside the new one, on a server a
    schema beside it. The backup is read and compared first; until then nothing is changed. Raises `BackupError`,
    `StoreUnavailable` when another process uses the database, or `SchemaMismatch` for a later Storyline's backup.
    """
    backup = look_at(path)
    if backup.manifest is None:
        raise BackupError(backup.problem)
    if media_to is not None and backup.manifest.media is None:
        raise BackupError(f"{path.name} was made without media files. Leave out --media-to.")
    try:
        check_seal(path)
        with reading(path) as archive:
            check_media(archive, backup.manifest)
            place, aside = _restored(archive, backup.manifest, database_url, now, force=force)
            files, skipped = _write_media(archive, backup.manifest, media_to)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BackupError(f"{path.name} could not be restored: {error.strerror}{where}.") from error
    return Restored(backup, place, aside, files, skipped)


def _restored(archive: Archive, manifest: Manifest, url: str, now: datetime, *, force: bool) -> tuple[str, str]:
    with closing(open_store(url)) as target:
        place, file = target.place, target.file
        if file is None:
            return place, _into_server(target, archive, manifest, now, force=force)
    return place, _into_file(file, place, archive, manifest, now, force=force)


def _into_server(target: Store, archive: Archive, manifest: Manifest, now: datetime, *, force: bool) -> str:
    occupied = target.holds_rows()
    if occupied and not force:
        raise _refused(target.place)
    aside = f"storyline_before_{_stamp(now).lower()}" if target.holds_tables() else ""
    target.rebuild(manifest.version, dumped(archive, manifest), aside=aside, keep=occupied)
    return f"schema {aside}" if aside and occupied else ""


def _into_file(file: Path, place: str, archive: Archive, manifest: Manifest, now: datetime, *, force: bool) -> str:
    occupied = file.exists() and _holds_something(file)
    if occupied and not force:
        raise _refused(place)
    with _new_file(file) as new:
        with closing(open_store(f"sqlite:///{new}")) as scratch:
            scratch.rebuild(manifest.version, dumped(archive, manifest))
        aside = place_aside(file, _stamp(now))
        kept = put_in_place(new, file, aside)
    if kept and not occupied:
        with suppress(OSError):
            aside.unlink()
    return str(aside) if kept and occupied else ""


def _holds_something(file: Path) -> bool:
    """Whether a file holds anything that somebody could miss; a damaged database does."""
    if not file.stat().st_size:
        return False
    try:
        with closing(open_store(f"sqlite:///{file}", read_only=True)) as store:
            return store.holds_rows()
    except StoreError:
        return True


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A name beside the file for the database that is being made; nothing is left there in the end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.restoring-{secrets.token_hex(4)}")
    try:
        yield new
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                Path(f"{new}{suffix}").unlink()


def _write_media(archive: Archive, manifest: Manifest, folder: Path | None) -> tuple[int, tuple[str, ...]]:
    """Write the files to `folder/SOURCE/KEY`; one that is there already with other content is left alone."""
    written, skipped = 0, []
    if folder is None:
        return 0, ()
    for entry in media_entries(archive, manifest):
        target = _inside(folder / entry["source"], entry["key"])
        if target is None or os.path.lexists(target):
            if target is None or _digest_of(target) != entry["digest"]:
                skipped.append(f"{entry['source']}/{entry['key']}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{secrets.token_hex(4)}.part")
        try:
            with archive.member(entry["member"]) as file, open(half, "xb") as new:
                while block := file.read(_BLOCK):
                    new.write(block)
                new.flush()
                os.fsync(new.fileno())
            os.replace(half, target)
        finally:
            half.unlink(missing_ok=True)
        written += 1
    return written, tuple(skipped)


def _inside(folder: Path, key: str) -> Path | None:
    """The file of a key below a folder; None for a key that would lead out of it."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or any(part in ("..", ".") for part in parts) or "\0" in key:
        return None
    return folder.joinpath(*parts)


def _digest_of(path: Path) -> str:
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(place: str) -> BackupError:
    return BackupError(
        f"The {place} is not empty. To replace it, add --force: what is there now is kept beside it. "
        "Or name an empty one with --to."
    )


def _stamp(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
