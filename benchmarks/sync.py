"""How fast a whole sync is, from the folder to the committed library, as ratios to the machine's own limits.

`python benchmarks/sync.py [FILES]`: the unchanged re-sync against `find -printf` over the same folder, and the first
index against reading and hashing the same bytes on all cores.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from storyline_core import Storyline, load_plugins, open_storyline
from storyline_core.settings import Settings, SourceEntry
from storyline_local.plugin import LocalFolder

FOLDERS = 200
ROUNDS = 5
PICTURE = 97_000


def measure(files: int = 100_000, pictures: int = 20_000) -> dict[str, float]:
    """Our time over the limit's, for an unchanged re-sync and for a first index."""
    return {**_resync(files), **_first_index(pictures)}


def _resync(files: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name:
        folder = Path(name) / "pictures"
        _fill(folder, files, lambda number: number.to_bytes(8) + b"x" * 24)
        with _opened(Path(name)) as storyline:
            first = storyline.sync("photos")
            assert first.added == files, first
            _age(folder)
            storyline.sync("photos")
            ours, floor = [], []
            for _ in range(ROUNDS):
                floor.append(
                    _timed(
                        lambda: subprocess.run(
                            ["find", str(folder), "-printf", r"%p %s %T@ %C@ %i\n"],
                            stdout=subprocess.DEVNULL,
                            check=True,
                        )
                    )
                )
                report, taken = _synced(storyline)
                assert (report.unchanged, report.hashed) == (files, 0), report
                ours.append(taken)
    return {"unchanged re-sync / find": median(ours) / median(floor), "unchanged re-sync, s": median(ours)}


def _first_index(pictures: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name:
        folder = Path(name) / "pictures"
        noise = random.Random(7).randbytes(PICTURE + pictures)
        head = _jpeg_head()
        _fill(folder, pictures, lambda number: head + noise[number : number + PICTURE - len(head) - 2] + b"\xff\xd9")
        paths = [str(path) for path in folder.rglob("*.jpg")]
        reading = _timed(lambda: _read_all(paths))
        hashing = _timed(lambda: _hash_all(paths))
        with _opened(Path(name)) as storyline:
            report, ours = _synced(storyline)
            assert report.added == pictures, report
    return {"first index / max(reading, hashing)": ours / max(reading, hashing), "first index, s": ours}


def _opened(root: Path):  # type: ignore[no-untyped-def]
    settings = Settings(
        database_url=f"sqlite:///{root / 'storyline.db'}",
        sources=[SourceEntry("photos", "local", LocalFolder(path=root / "pictures"))],
    )
    return open_storyline(settings, plugins=load_plugins())


def _fill(folder: Path, files: int, content) -> None:  # type: ignore[no-untyped-def]
    for number in range(files):
        place = folder / f"{number % FOLDERS:03}"
        if number < FOLDERS:
            place.mkdir(parents=True)
        (place / f"picture-{number:06}.jpg").write_bytes(content(number))


def _age(folder: Path) -> None:
    """Let nothing be so young that it has to be read twice."""
    for path in folder.rglob("*.jpg"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def _jpeg_head() -> bytes:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (1080, 1920)).save(file, "JPEG")
    return file.getvalue()[:-2]


def _read_all(paths: list[str]) -> None:
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def _hash_all(paths: list[str]) -> None:
    def digest(path: str) -> str:
        with open(path, "rb", buffering=0) as file:
            return hashlib.sha256(file.read()).hexdigest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(digest, paths, chunksize=64):
            pass


def _synced(storyline: Storyline):  # type: ignore[no-untyped-def]
    began = perf_counter()
    report = storyline.sync("photos")
    return report, perf_counter() - began


def _timed(run) -> float:  # type: ignore[no-untyped-def]
    began = perf_counter()
    run()
    return perf_counter() - began


if __name__ == "__main__":
    for what, figure in measure(*(int(given) for given in sys.argv[1:])).items():
        print(f"{what:40} {figure:8.2f}")
