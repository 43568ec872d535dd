"""Files that are there whole or not at all, through crashes and several processes."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_HERE = -100
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK}


def write_new(path: Path, blocks: Iterable[bytes]) -> int:
    """Write a new file and force it to the disk; returns its size in bytes. A file half written is taken away."""
    size = 0
    try:
        with open(path, "xb") as file:
            for block in blocks:
                size += file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return size


def write_over(path: Path, content: bytes, *, room: Path) -> None:
    """Give `path` this content in one step, by way of a draft in the folder `room` on the same disk."""
    draft = room / f"{path.name}.{secrets.token_hex(4)}.draft"
    write_new(draft, (content,))
    try:
        os.replace(draft, path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def settle_folder(path: Path) -> None:
    """Force the names in a folder to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def move_new(source: Path, target: Path) -> None:
    """Move a file to a name that must be free, in one step wherever the system can.

    Raises FileExistsError when the name is taken, FileNotFoundError when the source is gone. The source is used up,
    so of several processes only one succeeds. Where the file system cannot refuse to replace (NFS), a hard link does;
    where it has none either (some FAT drivers), the name is looked at first: between the look and the move only a
    program that knows nothing of Storyline could take it.
    """
    for way in (_rename_refusing, _link, _look_and_rename):
        if way(source, target):
            return


def same_file(one: Path, other: Path) -> bool:
    """Whether both names lead to one and the same file."""
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes out for a moment. Where locks cannot be had, go on: nothing depends on them alone."""
    fd = _open_lock(path)
    try:
        if fd is not None:
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        if fd is not None:
            os.close(fd)


def _open_lock(path: Path) -> int | None:
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with suppress(OSError):
            return os.open(path, flags | os.O_CLOEXEC, 0o666)
    return None


def _rename_refusing(source: Path, target: Path) -> bool:
    rename = _system_rename()
    if rename is None or (number := rename(os.fsencode(source), os.fsencode(target))) in _UNSUPPORTED:
        return False
    if number:
        raise OSError(number, os.strerror(number), str(source), None, str(target))
    return True


@cache
def _system_rename() -> Callable[[bytes, bytes], int] | None:
    """The system's own rename that refuses to replace; it answers 0 or an error number."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        found = getattr(library, "renamex_np", None)
        return found and (lambda old, new: _number(found(old, new, ctypes.c_uint(4))))
    found = getattr(library, "renameat2", None)
    return found and (lambda old, new: _number(found(_HERE, old, _HERE, new, ctypes.c_uint(1))))


def _number(result: int) -> int:
    return ctypes.get_errno() if result else 0


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    source.unlink()
    return True


def _look_and_rename(source: Path, target: Path) -> bool:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)
    return True
