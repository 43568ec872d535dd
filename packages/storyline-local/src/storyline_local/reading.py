"""Read files on all cores: their digest and what their content says, in one reading of each.

`hashlib` lets other threads run while it hashes, so plain threads use every core. Only a few batches are under way at
a time: a hundred thousand entries take no more memory than a thousand.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
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

_BATCH_FILES = 128
_BATCH_BYTES = 8 << 20

_AHEAD = 8
"""How many batches each thread has before it: enough while the answers are being written down by the thousand."""

_CHANGED = "It changed after it was listed; it is read again next time."
_NO_FILE = "It is no longer a file."

# O_NONBLOCK keeps the reader from waiting for ever at a pipe that has taken the file's name.
OPEN_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_room = threading.local()


def read_all(root: bytes, entries: Sequence[ListedFile], workers: int | None = None) -> Iterator[Fingerprint | Unread]:
    """One answer for each entry, begun in the order given, each given out as soon as it is there.

    `workers` is the number of threads, otherwise one for every core that this process may use.
    """
    count = workers or _cores()
    batches = _batches(entries, count)
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
    """What the listing says of it is the look before, so that for a small file one look after the reading is enough."""
    if entry.size > BLOCK and (why := _differs(os.fstat(fd), entry)):
        return Unread(entry.key, why)
    try:
        digest, seen = _hash(fd, entry.size)
    except OSError:
        # A folder or a pipe that has taken the name says so in its own way.
        if S_ISREG(os.fstat(fd).st_mode):
            raise
        return Unread(entry.key, _NO_FILE)
    why = _differs(os.fstat(fd), entry)
    if why or digest is None:
        return Unread(entry.key, why or _CHANGED)
    return Fingerprint(entry.key, digest, entry.size, entry.mtime_ns, entry.version, seen)


def _differs(facts: os.stat_result, entry: ListedFile) -> str:
    if not S_ISREG(facts.st_mode):
        return _NO_FILE
    listed = facts.st_size == entry.size and time_of(facts) == entry.mtime_ns and version_of(facts) == entry.version
    return "" if listed else _CHANGED


def _hash(fd: int, size: int) -> tuple[str | None, Look | None]:
    """The digest and the look; no digest if the file did not end where it should."""
    block = _own_block()
    got = os.readv(fd, (block,))
    hasher = hashlib.sha256(block[:got])
    head = bytes(block[: min(got, HEAD)])
    tail = bytes(block[max(0, got - TAIL) : got])
    done = got
    # A file that grew shows in its facts afterwards, so its end need not be felt for.
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


def _batches(entries: Sequence[ListedFile], workers: int) -> Iterator[list[ListedFile]]:
    """Small files go together, since handing work to a thread costs as much as hashing a few kilobytes.

    Towards the end the batches get smaller, so that no thread is left alone with a large one.
    """
    batch: list[ListedFile] = []
    size = 0
    for left, entry in zip(range(len(entries), 0, -1), entries, strict=True):
        batch.append(entry)
        size += entry.size
        if len(batch) >= min(_BATCH_FILES, 1 + left // (4 * workers)) or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0


def _unread(root: bytes, key: str, error: OSError) -> Unread:
    if error.errno in ABSENT:
        return Unread(key, "It is not there any more.", gone=certainly_absent(root, key))
    lasting = error.errno in UNREACHABLE
    return Unread(key, f"It cannot be read: {reason(error)}.", passing=not lasting)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
