"""How fast `reconcile` and `to_hash` are, as ratios to a plain comparison of two dicts in the same run.

    python benchmarks/reconcile.py [--files 1000000] [--delta 1000] [--repeat 3]

`measure()` gives the same figures to a test or to `nox -s bench`.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

from storyline_core.changes import ChangeSet, Gates, RememberedIndex
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    RememberedFile,
    RememberedRow,
    Unread,
)
from storyline_core.reconcile import reconcile, sift, to_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_NS = 1_772_366_400_000_000_000
PER_FOLDER = 250

MEMORY = ("bytes_a_file", "bytes_a_file_from_values")

LIMITS = {
    "sifted": 2.6,
    "unchanged": 2.6,
    "tenth_changed": 2.6,
    "delta": 0.08,
    "bytes_a_file": 850.0,
}
"""Ratios to the comparison of dicts, and bytes; what the product promises."""


def _facts(number: int) -> tuple[str, str, str, int, int, str]:
    folder = f"album-{number // PER_FOLDER:05d}"
    name = f"IMG_{number:07d}.jpg"
    mtime_ns = 1_700_000_000_000_000_000 + number * 1_000_003
    return f"{folder}/{name}", name, folder, 50_000 + number % 9_000_000, mtime_ns, f"{mtime_ns + 17}:{number + 100}"


def _digest(number: int) -> str:
    return f"{number:064x}"


def remembered_rows(count: int) -> Iterator[RememberedRow]:
    """A library as the store gives it: one row after the other."""
    for number in range(count):
        key, name, folder, size, mtime_ns, version = _facts(number)
        hashed_ns = NOW_NS - 10**15 + number
        yield number + 1, key, name, folder, size, mtime_ns, version, _digest(number), hashed_ns, *_UNNOTED


_UNNOTED = (None, None, None, None)


def remembered_files(count: int) -> list[RememberedFile]:
    """The same as values."""
    return [RememberedFile(*row) for row in remembered_rows(count)]


def listed_files(count: int) -> tuple[ListedFile, ...]:
    """The same files as a source lists them."""
    folders: dict[str, str] = {}
    files = []
    for number in range(count):
        key, name, folder, size, mtime_ns, version = _facts(number)
        folder = folders.setdefault(folder, folder)
        files.append(ListedFile(key, name, folder, size, mtime_ns, version, "image/jpeg", None, f"{number + 100}"))
    return tuple(files)


def dict_compare(remembered: Sequence[RememberedFile], listed: Sequence[ListedFile]) -> int:
    """The limit: two dicts of plain tuples, compared by key."""
    before = {item.key: (item.size, item.mtime_ns, item.version) for item in remembered}
    after = {entry.key: (entry.size, entry.mtime_ns, entry.version) for entry in listed}
    differing = sum(before.get(key) != facts for key, facts in after.items())
    return differing + sum(key not in after for key in before)


def perturbed(
    listed: Sequence[ListedFile],
) -> tuple[tuple[ListedFile, ...], dict[str, Fingerprint | Unread]]:
    """A tenth changed: edited, moved, new, gone and touched in equal parts, with the readings."""
    files: list[ListedFile] = []
    readings: dict[str, Fingerprint | Unread] = {}
    for number, entry in enumerate(listed):
        what = number % 50
        digest = _digest(number)
        if what == 0:
            entry, digest = attrs.evolve(entry, mtime_ns=entry.mtime_ns + 10**9), _digest(number + 10**9)
        elif what == 10:
            entry = attrs.evolve(entry, key=f"moved/{entry.name}", folder="moved")
        elif what == 20:
            continue
        elif what == 30:
            name = f"new-{entry.name}"
            entry = attrs.evolve(entry, key=f"{entry.folder}/{name}", name=name)
            digest = _digest(number + 2 * 10**9)
        elif what == 40:
            entry = attrs.evolve(entry, mtime_ns=entry.mtime_ns + 10**9)
        files.append(entry)
        if what % 10 == 0:
            readings[entry.key] = Fingerprint(entry.key, digest, entry.size, entry.mtime_ns, entry.version)
    return tuple(files), readings


def delta_of(listed: Sequence[ListedFile], count: int) -> tuple[Listing, dict[str, Fingerprint | Unread]]:
    """A listing of changes: a quarter edited, moved, new and gone."""
    step = max(1, len(listed) // count)
    picked = list(range(0, len(listed), step))[:count]
    files: list[ListedFile] = []
    gone: list[str] = []
    readings: dict[str, Fingerprint | Unread] = {}
    for turn, number in enumerate(picked):
        entry, digest = listed[number], _digest(number)
        if turn % 4 == 0:
            entry, digest = attrs.evolve(entry, mtime_ns=entry.mtime_ns + 10**9), _digest(number + 10**9)
        elif turn % 4 == 1:
            gone.append(entry.key)
            entry = attrs.evolve(entry, key=f"moved/{entry.name}", folder="moved")
        elif turn % 4 == 2:
            entry, digest = attrs.evolve(entry, key=f"{entry.key}-new"), _digest(number + 2 * 10**9)
        else:
            gone.append(entry.key)
            continue
        files.append(entry)
        readings[entry.key] = Fingerprint(entry.key, digest, entry.size, entry.mtime_ns, entry.version)
    return Listing(tuple(files), mode=ListingMode.CHANGES, gone=tuple(gone)), readings


def seconds(work: Callable[[], object], repeat: int) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def timings(count: int, delta: int, repeat: int) -> dict[str, float]:
    """Seconds for everything that is measured."""
    remembered, listed = remembered_files(count), listed_files(count)
    listing = Listing(listed)
    rows = list(remembered_rows(count))
    gates = Gates()
    found = {
        "dict_compare": seconds(lambda: dict_compare(remembered, listed), repeat),
        "sifted": seconds(lambda: _sifted(rows, listing), repeat),
        "to_hash": seconds(lambda: to_hash(remembered, listing, now_ns=NOW_NS), repeat),
        "unchanged": seconds(lambda: reconcile(remembered, listing, {}, gates, NOW), repeat),
    }
    files, readings = perturbed(listed)
    changed = Listing(files)
    found["tenth_changed"] = seconds(lambda: reconcile(remembered, changed, readings, gates, NOW), repeat)
    changes, few = delta_of(listed, delta)
    found["delta_unindexed"] = seconds(lambda: reconcile(remembered, changes, few, gates, NOW), repeat)
    index = RememberedIndex.of(remembered)
    found["delta"] = seconds(lambda: reconcile(index, changes, few, gates, NOW), repeat)
    return found


def _sifted(rows: Iterable[RememberedRow], listing: Listing) -> ChangeSet:
    """All that a sync decides, from the rows to the plan."""
    rest = sift(rows, listing)
    to_hash(rest.remembered, rest.listing, now_ns=NOW_NS)
    return reconcile(rest.remembered, rest.listing, {}, Gates(), NOW)


def bytes_a_file(count: int) -> dict[str, float]:
    """Peak memory by file, both sides and the work, each in a process of its own: from rows, and from values."""
    command = [sys.executable, __file__, "--files", str(count), "--memory"]
    return {
        name: float(subprocess.run([*command, name], check=True, capture_output=True, text=True).stdout)
        for name in MEMORY
    }


def _peak_bytes() -> int:
    """The most memory this process has had. Linux hands `ru_maxrss` down from the parent, so its own note is better."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _memory(count: int, what: str) -> float:
    _sifted(remembered_rows(10), Listing(listed_files(10)))
    before = _peak_bytes()
    listing = Listing(listed_files(count))
    if what == "bytes_a_file":
        assert _sifted(remembered_rows(count), listing).unchanged == count
    else:
        assert reconcile(remembered_files(count), listing, {}, Gates(), NOW).unchanged == count
    return (_peak_bytes() - before) / count


def measure(count: int = 1_000_000, delta: int = 1_000, repeat: int = 3) -> dict[str, float]:
    """Every figure as a ratio to the comparison of dicts, and bytes a file."""
    found = timings(count, delta, repeat)
    floor = found["dict_compare"]
    ratios = {name: taken / floor for name, taken in found.items() if name != "dict_compare"}
    return {**ratios, **bytes_a_file(count), "dict_compare_seconds": floor}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--delta", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", choices=MEMORY, help="only this figure, as a number")
    asked = parser.parse_args()
    if asked.memory:
        print(_memory(asked.files, asked.memory))
        return
    for name, value in measure(asked.files, asked.delta, asked.repeat).items():
        limit = LIMITS.get(name)
        print(f"{name:22} {value:10.3f}" + (f"   at most {limit:g}" if limit is not None else ""))


if __name__ == "__main__":
    main()
