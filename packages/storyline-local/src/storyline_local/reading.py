"""Read files on all cores: their digest and what their content says, in one reading of each.

`hashlib` lets other threads run while it hashes, so plain threads use every core. Only a few batches are under way at
a time: a hundred thousand entries take no more memory than a thousand.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from stat import S_ISREG

from storyline_core import Fingerprint, ListedFile, Look, Unread, look, look_file
from storyline_local.absence import certainly_absent
from storyline_local.keys import BadKey, unspell
from storyline_local.obstacles import ABSENT, UNREACHABLE, reason
from storyline_local.walk import time_of, version_of

BLOCK = 1 << 20
"""Bytes read at a time; each thread keeps one block of memory."""

HEAD = 1 << 13
TAIL = 1 << 12

_BATCH_FILES = 32
_BATCH_BYTES = 4 << 20

_AHEAD = 16
"""How many batches each thread has before it: enough while the answers are being written down by the thousand."""

_MOVED = "It changed while it was being read; it is read again next time."

# O_NONBLOCK keeps the reader from waiting for ever at a pipe that has taken the file's name.
OPEN_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_room = threading.local()


def read_all(root: bytes, entries: Sequence[ListedFile], workers: int | None = None) -> Iterator[Fingerprint | Unread]:
    """One answer for each entry, begun in the order given, each given out as soon as it is there.

    `workers` is the number of threads, otherwise one for every core that this process may use.
    """
    count = workers or _cores()
    batches = iter(_batches(entries))
    finished: SimpleQueue[Future[list[Fingerprint | Unread]]] = SimpleQueue()
    under_way = 0
    with ThreadPoolExecutor(count, thread_name_prefix="storyline-read") as pool:
        try:
            while True:
                for batch in islice(batches, _AHEAD * count - under_way):
                    pool.submit(_read_batch, root, batch).add_done_callback(finished.put)
                    under_way += 1
                if not under_way:
                    return
                future = finished.get()
                under_way -= 1
                yield from future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_one(root: bytes, entry: ListedFile) -> Fingerprint | Unread:
    """Hash one file and look at it. What cannot be read is answered, never raised."""
    try:
        path = os.path.join(root, unspell(entry.key))
        fd = os.open(path, OPEN_FILE)
    except BadKey as error:
        return Unread(entry.key, str(error), passing=False)
    except OSError as error:
        return _unread(root, entry.key, error)
    try:
        return _read_open(fd, entry)
    except OSError as error:
        return _unread(root, entry.key, error)
    finally:
        os.close(fd)


def _read_open(fd: int, entry: ListedFile) -> Fingerprint | Unread:
    before = os.fstat(fd)
    if not S_ISREG(before.st_mode):
        return Unread(entry.key, "It is no longer a file.")
    if (before.st_size, time_of(before), version_of(before)) != (entry.size, entry.mtime_ns, entry.version):
        return Unread(entry.key, "It changed after it was listed; it is read again next time.")
    digest, seen = _hash(fd, before.st_size)
    if digest is None or _facts(os.fstat(fd)) != _facts(before):
        return Unread(entry.key, _MOVED)
    return Fingerprint(entry.key, digest, before.st_size, entry.mtime_ns, entry.version, seen)


def _hash(fd: int, size: int) -> tuple[str | None, Look | None]:
    """The digest and the look; no digest if the file did not end where it should."""
    block = _own_block()
    got = os.readv(fd, (block,))
    hasher = hashlib.sha256(block[:got])
    head = bytes(block[: min(got, HEAD)])
    tail = bytes(block[max(0, got - TAIL) : got])
    done = got
    # A file that grew shows in its size afterwards, so its end need not be felt for.
    while got and done < size:
        got = os.readv(fd, (block,))
        hasher.update(block[:got])
        done += got
        tail = b""
    if done != size:
        return None, None
    tail = tail or os.pread(fd, TAIL, max(0, size - TAIL))
    seen = look(head, tail, size)
    if seen is None:
        with open(os.dup(fd), "rb") as file:
            seen = look_file(file)
    return hasher.hexdigest(), seen


def _own_block() -> memoryview:
    block: memoryview | None = getattr(_room, "block", None)
    if block is None:
        block = _room.block = memoryview(bytearray(BLOCK))
    return block


def _read_batch(root: bytes, batch: Sequence[ListedFile]) -> list[Fingerprint | Unread]:
    return [read_one(root, entry) for entry in batch]


def _batches(entries: Iterable[ListedFile]) -> Iterator[list[ListedFile]]:
    """Small files go together, since handing work to a thread costs as much as hashing a few kilobytes."""
    batch: list[ListedFile] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _facts(stat: os.stat_result) -> tuple[int, int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _unread(root: bytes, key: str, error: OSError) -> Unread:
    if error.errno in ABSENT:
        return Unread(key, "It is not there any more.", gone=certainly_absent(root, key))
    lasting = error.errno in UNREACHABLE
    return Unread(key, f"It cannot be read: {reason(error)}.", passing=not lasting)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
