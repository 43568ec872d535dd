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
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

from storyline_core.changes import Gates, RememberedIndex
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, RememberedFile, Unread
from storyline_core.reconcile import reconcile, to_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_NS = 1_772_366_400_000_000_000
PER_FOLDER = 250

MEMORY = ("bytes_a_file", "bytes_a_file_shared", "working_bytes_a_file")

LIMITS = {
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


def remembered_files(count: int, like: Sequence[ListedFile] = ()) -> list[RememberedFile]:
    """A library as the store gives it; where `like` is given, equal values are the very ones of the listing."""
    folders: dict[str, str] = {}
    files = []
    for number in range(count):
        key, name, folder, size, mtime_ns, version = _facts(number)
        folder = folders.setdefault(folder, folder)
        if like:
            entry = like[number]
            key, name, size, mtime_ns, version = entry.key, entry.name, entry.size, entry.mtime_ns, entry.version
        files.append(
            RememberedFile(number + 1, key, name, folder, size, mtime_ns, version, _digest(number), NOW_NS - 10**15)
        )
    return files


def listed_files(count: int) -> tuple[ListedFile, ...]:
    """The same files as a source lists them."""
    folders: dict[str, str] = {}
    files = []
    for number in range(count):
        key, name, folder, size, mtime_ns, version = _facts(number)
        folder = folders.setdefault(folder, folder)
        files.append(ListedFile(key, name, folder, size, mtime_ns, version, "image/jpeg"))
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
    gates = Gates()
    found = {
        "dict_compare": seconds(lambda: dict_compare(remembered, listed), repeat),
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


def bytes_a_file(count: int) -> dict[str, float]:
    """Peak memory by file, each in a process of its own: both sides and the work, the same with shared values, work."""
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
    reconcile(remembered_files(10), Listing(listed_files(10)), {}, Gates(), NOW)
    before = _peak_bytes()
    listed = listed_files(count)
    remembered = remembered_files(count, listed if what == "bytes_a_file_shared" else ())
    if what == "working_bytes_a_file":
        before = _peak_bytes()
    reconcile(remembered, Listing(listed), {}, Gates(), NOW)
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
