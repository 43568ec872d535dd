"""The archive: one compressed file under a seal, which appears under its name whole or not at all.

It is a ZIP file, so that any program can open it. Its last 64 letters, where ZIP has room for a comment, are the
sha256 of everything before them: a single changed byte is found.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from storyline_core.errors import BackupError

SUFFIX = ".zip"
MANIFEST = "manifest.json"
PART = ".part"
_SEAL = 64
_BLOCK = 1 << 20
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})


class Draft:
    """An archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.path = Path()

    def add(self, name: str, blocks: Iterable[bytes], *, packed: bool = True) -> int:
        """Add a member; what is packed already (pictures, videos) need not be again. Its size in bytes."""
        member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        member.external_attr = 0o600 << 16
        size = 0
        with self._archive.open(member, "w", force_zip64=True) as file:
            for block in blocks:
                size += file.write(block)
        return size


class _Sealing:
    """A file that is only ever written to, whose last letters are replaced by the digest of all before them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._held = b""

    def write(self, block: bytes) -> int:
        """Write on."""
        held = self._held + bytes(block)
        ready, self._held = held[:-_SEAL], held[-_SEAL:]
        self._hash.update(ready)
        self._file.write(ready)
        return len(block)

    def flush(self) -> None:
        """Nothing has to be seen before it is sealed."""

    def seal(self) -> None:
        """Write the digest in the place of the last letters."""
        self._file.write(self._hash.hexdigest().encode())


@contextmanager
def drafting(directory: Path, stem: str) -> Iterator[Draft]:
    """Write a new archive. At the end of the block it stands in the folder, and `path` of the draft says as what.

    After an error nothing is left. Raises `BackupError` when the folder or the disk does not allow it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        hidden = directory / f".{stem}-{secrets.token_hex(4)}{PART}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _told(error, directory) from error
    try:
        with open(descriptor, "wb") as file:
            sealing = _Sealing(file)
            with zipfile.ZipFile(sealing, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
                archive.comment = b"0" * _SEAL
                draft = Draft(archive)
                yield draft
            sealing.seal()
            file.flush()
            os.fsync(file.fileno())
        draft.path = _named(hidden, directory, stem)
    except OSError as error:
        raise _told(error, directory) from error
    finally:
        with suppress(OSError):
            hidden.unlink()


def _named(hidden: Path, directory: Path, stem: str) -> Path:
    """Give the finished archive the first free name, never that of another."""
    for number in range(1, 1_000):
        path = directory / (f"{stem}{SUFFIX}" if number == 1 else f"{stem}-{number}{SUFFIX}")
        try:
            os.link(hidden, path)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Without links the name is reserved first, and then taken by what may be replaced: the empty file.
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            os.replace(hidden, path)
        _settle(directory)
        return path
    raise BackupError(f"There are too many backups of one moment in {directory}. Wait a second, then try again.")


def check_seal(path: Path) -> None:
    """Read a whole archive and compare its seal. Raises `BackupError` when a byte of it has changed, and `OSError`."""
    digest, left = hashlib.sha256(), path.stat().st_size - _SEAL
    with open(path, "rb") as file:
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
        seal = file.read(_SEAL + 1)
    if left != 0 or seal != digest.hexdigest().encode():
        raise BackupError(f"{path.name} is damaged: it is not as it was written. Choose another backup.")


class Archive:
    """A finished archive that is being read."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive

    def names(self) -> list[str]:
        """The names of its members."""
        return self._archive.namelist()

    def content(self, name: str) -> bytes:
        """A small member as a whole. Raises `BackupError` when it is not there or damaged."""
        with self.member(name) as file:
            return file.read()

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """A member, to be read bit by bit. Raises `BackupError` when it is not there or damaged."""
        try:
            with self._archive.open(name) as file:
                yield file
        except KeyError:
            raise BackupError(f"{self._path.name} is damaged: it lacks {name}. Choose another backup.") from None
        except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
            raise BackupError(f"{self._path.name} is damaged at {name} ({error}). Choose another backup.") from error


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Read a finished archive. Raises `BackupError` for anything else, and `OSError` when it cannot be read."""
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise BackupError(f"{path.name} is not a whole backup ({error}). Choose another one.") from error
    with opened:
        yield Archive(path, opened)


def _told(error: OSError, directory: Path) -> BackupError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BackupError(f"There is no room left for a backup in {directory}. Free some space, or name another disk.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return BackupError(f"Backups cannot be written to {directory}. Make it writable, or name another directory.")
    why = error.strerror or type(error).__name__
    return BackupError(f"No backup could be written to {directory} ({why}). Check the folder and its disk.")


def _settle(folder: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
