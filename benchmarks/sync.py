"""How fast a whole sync is, from the folder to the committed library, as ratios to the machine's own limits.

    python -m benchmarks.sync [--files 100000] [--pictures 20000] [--rounds 5]

The unchanged re-sync against `find -printf` over the same folder, and the first index (pictures looked at, described
and committed) against the longer of reading and hashing the same bytes on all cores. 0 leaves one of them out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter

from PIL import Image

from benchmarks.local import hash_only, read_only
from benchmarks.machine import WITHOUT_SHA, cores
from storyline_core import Storyline, SyncReport, load_plugins, open_storyline
from storyline_core.settings import Settings, SourceEntry
from storyline_local.plugin import LocalFolder
from storyline_runner.collector import collecting_seldom

FOLDERS = 200
PICTURE = 97_000

INDEX_TO_LIMIT = 1.3
"""How much longer than the longer of reading and hashing a first index may take,"""

MEANT_FOR_MB_A_SECOND = 450
"""… on cores that hash no faster than this. What comes beside hashing takes its time on faster ones as well."""


def measure(files: int = 100_000, pictures: int = 20_000, rounds: int = 5) -> dict[str, float]:
    """Our time over the limit's, for an unchanged re-sync and for a first index; each is left out at 0.

    Python's collector passes as seldom as it does in `storyline sync`.
    """
    with collecting_seldom():
        found = _resync(files, rounds) if files else {}
        return found | (_first_index(pictures, rounds) if pictures else {})


def measure_without_sha_instructions(pictures: int, rounds: int, *, twice: bool = False) -> dict[str, float]:
    """The first index in a process of its own that hashes as a processor without such instructions does.

    `twice` has every byte hashed twice, in the limit as in ours: as on a core of half the speed.
    """
    command = ["env", WITHOUT_SHA, sys.executable, "-m", "benchmarks.sync", "--json", "--files", "0"]
    command += ["--pictures", str(pictures), "--rounds", str(rounds), *(["--hash-twice"] if twice else [])]
    root = Path(__file__).parents[1]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root).stdout
    return {name: float(figure) for name, figure in json.loads(told).items()}


def _resync(files: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name:
        folder = Path(name) / "pictures"
        _fill(folder, files, lambda number: number.to_bytes(8, "big") + b"x" * 24)
        find = ["find", str(folder), "-printf", r"%p %s %T@ %C@ %i\n"]
        with _opened(Path(name), "storyline.db") as storyline:
            first = storyline.sync("photos")
            assert first.added == files, first
            _age(folder)
            storyline.sync("photos")
            ours, floor = [], []
            for _ in range(rounds):
                floor.append(_timed(lambda: subprocess.run(find, stdout=subprocess.DEVNULL, check=True)))
                report, taken = _synced(storyline)
                assert (report.unchanged, report.hashed, report.found_something) == (files, 0, False), report
                ours.append(taken)
            changed = [_changed(storyline, folder, files, round_) for round_ in range(rounds)]
    find_s = median(floor)
    return {
        "resync_to_find": median(ours) / find_s,
        "changed_to_find": median(changed) / find_s,
        "resync_s": median(ours),
        "find_s": find_s,
    }


def _changed(storyline: Storyline, folder: Path, files: int, round_: int) -> float:
    """Seconds of a sync that finds one file of a hundred with other bytes."""
    for number in range(round_, files, 100):
        path = folder / f"{number % FOLDERS:03}" / f"picture-{number:06}.jpg"
        path.write_bytes(number.to_bytes(8, "big") + round_.to_bytes(4, "big") * 6)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    report, taken = _synced(storyline)
    assert report.edited == len(range(round_, files, 100)), report
    return taken


def _first_index(pictures: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name:
        folder = Path(name) / "pictures"
        noise = random.Random(7).randbytes(PICTURE + pictures)
        head = jpeg_head()
        _fill(folder, pictures, lambda number: head + noise[number : number + PICTURE - len(head) - 2] + b"\xff\xd9")
        paths = [str(path) for path in folder.rglob("*.jpg")]
        reading, hashing, ours = [], [], []
        for number in range(rounds):
            reading.append(_timed(lambda: read_only(paths)))
            hashing.append(_timed(lambda: hash_only(pictures * PICTURE)))
            with _opened(Path(name), f"storyline-{number}.db") as storyline:
                report, taken = _synced(storyline)
            assert report.added == pictures, report
            ours.append(taken)
    limit = max(median(reading), median(hashing))
    taken = median(ours)
    return {
        "index_to_limit": taken / limit,
        "index_s": taken,
        "limit_s": limit,
        "index_us_beyond": (taken - limit) / pictures * 1e6,
        "hash_mb_a_second": pictures * PICTURE / median(hashing) / cores() / 1e6,
    }


class HashedTwice:
    """SHA-256 at half the speed."""

    once = staticmethod(hashlib.sha256)

    def __init__(self, content: bytes | memoryview = b"") -> None:
        self._kept, self._spent = self.once(content), self.once(content)

    def update(self, content: bytes | memoryview) -> None:
        self._kept.update(content)
        self._spent.update(content)

    def hexdigest(self) -> str:
        return self._kept.hexdigest()


def _opened(root: Path, database: str) -> AbstractContextManager[Storyline]:
    settings = Settings(
        database_url=f"sqlite:///{root / database}",
        sources=[SourceEntry("photos", "local", LocalFolder(path=root / "pictures"))],
    )
    return open_storyline(settings, plugins=load_plugins())


def _fill(folder: Path, files: int, content: Callable[[int], bytes]) -> None:
    for number in range(files):
        place = folder / f"{number % FOLDERS:03}"
        if number < FOLDERS:
            place.mkdir(parents=True)
        (place / f"picture-{number:06}.jpg").write_bytes(content(number))


def _age(folder: Path) -> None:
    """Let nothing be so young that it has to be read twice."""
    for path in folder.rglob("*.jpg"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def jpeg_head() -> bytes:
    """The beginning of a picture of 1080x1920, to which any bytes may be added."""
    file = BytesIO()
    Image.new("RGB", (1080, 1920)).save(file, "JPEG")
    return file.getvalue()[:-2]


def _synced(storyline: Storyline) -> tuple[SyncReport, float]:
    began = perf_counter()
    report = storyline.sync("photos")
    return report, perf_counter() - began


def _timed(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hash-twice", action="store_true", help="as on cores of half the speed")
    given = parser.parse_args()
    if given.hash_twice:
        hashlib.sha256 = HashedTwice  # type: ignore[assignment]
    found = measure(given.files, given.pictures, given.rounds)
    if given.json:
        print(json.dumps(found))
        return
    for what, figure in found.items():
        print(f"{what:20} {figure:8.2f}")


if __name__ == "__main__":
    main()
