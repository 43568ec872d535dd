"""How fast a local folder is listed and read, as ratios to what the machine can do in the same run.

    python benchmarks/local.py [--files 100000] [--pictures 20000] [--size 97000] [--repeat 3] [--at DIR]

Where the processor has instructions for SHA-256, hashing a picture takes less time than opening and looking at it, so
that the second ratio says little; `OPENSSL_ia32cap=:~0x20000000` before the command measures as without them.

`measure()` gives the same figures to a test or to `nox -s bench`. Everything is made in a temporary folder and taken
away again.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image

from storyline_core import Fingerprint, ListedFile
from storyline_local.folder import FolderSource

PER_FOLDER = 500
BLOCK = 1 << 20

LIMITS = {
    "scan_to_find": 2.5,
    "fingerprint_to_limit": 1.3,
}
"""Ratios. The whole re-sync has four times `find`, of which the scan may take the larger part."""


def measure(
    files: int = 100_000, pictures: int = 20_000, size: int = 97_000, repeat: int = 3, at: str | None = None
) -> dict[str, float]:
    """Seconds of each part at its best, and the ratios of `LIMITS`."""
    found = measure_scan(files, repeat, at)
    with tempfile.TemporaryDirectory(prefix="storyline-bench-", dir=at) as folder:
        root = Path(folder)
        _make_pictures(root / "read", pictures, size)
        found |= _read(root / "read", repeat)
    return found


def measure_scan(files: int = 100_000, repeat: int = 3, at: str | None = None) -> dict[str, float]:
    """The walk alone."""
    with tempfile.TemporaryDirectory(prefix="storyline-bench-", dir=at) as folder:
        root = Path(folder)
        _make_empty(root / "scan", files)
        return _scan(root / "scan", files, repeat)


def _scan(root: Path, files: int, repeat: int) -> dict[str, float]:
    command = ["find", str(root), "-type", "f", "-printf", "%P\\t%s\\t%T@\\t%C@\\t%i\\n"]
    source = FolderSource(root)
    assert len(source.list_media(None).files) == files
    find = ours = float("inf")
    for _ in range(repeat):
        find = min(find, _seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)))
        ours = min(ours, _seconds(lambda: source.list_media(None)))
    return {"find_s": find, "scan_s": ours, "scan_to_find": ours / find}


def _read(root: Path, repeat: int) -> dict[str, float]:
    source = FolderSource(root)
    entries = source.list_media(None).files
    paths = [os.path.join(root, entry.key) for entry in entries]
    total = sum(entry.size for entry in entries)
    reading = hashing = ours = float("inf")
    for _ in range(repeat):
        reading = min(reading, _seconds(lambda: read_only(paths)))
        hashing = min(hashing, _seconds(lambda: hash_only(total)))
        ours = min(ours, _seconds(lambda: _fingerprint(source, entries)))
    limit = max(reading, hashing)
    return {
        "reading_s": reading,
        "hashing_s": hashing,
        "fingerprint_s": ours,
        "fingerprint_to_limit": ours / limit,
        "hashing_mb_a_second": total / hashing / 1e6,
    }


def _fingerprint(source: FolderSource, entries: tuple[ListedFile, ...]) -> None:
    answers = list(source.fingerprint(entries))
    assert len(answers) == len(entries)
    assert all(isinstance(answer, Fingerprint) and answer.look and not answer.look.problem for answer in answers)


def read_only(paths: list[str]) -> None:
    block = memoryview(bytearray(BLOCK))
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        while os.readv(fd, (block,)):
            pass
        os.close(fd)


def hash_only(total: int) -> None:
    """SHA-256 over so many bytes of memory, shared out among all cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    block = bytes(BLOCK)

    def part(_: int) -> None:
        hasher = hashlib.sha256()
        for _ in range(total // cores // BLOCK):
            hasher.update(block)
        hasher.update(block[: total // cores % BLOCK])

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(part, range(cores)))


def _seconds(do: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _places(root: Path, count: int) -> Iterator[str]:
    for number in range(count):
        folder = root / f"category-{number // PER_FOLDER % 20:02}" / f"album-{number // PER_FOLDER:04}"
        if not number % PER_FOLDER:
            folder.mkdir(parents=True)
        yield f"{folder}/IMG_{number:06}.jpg"


def _make_empty(root: Path, count: int) -> None:
    for path in _places(root, count):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


def _make_pictures(root: Path, count: int, size: int) -> None:
    """Sound JPEGs of so many bytes, each with other ones."""
    encoded = BytesIO()
    Image.new("RGB", (1080, 1920), (30, 90, 160)).save(encoded, "JPEG")
    picture = encoded.getvalue()
    start, rest = picture[:2], picture[2:]
    room = size - len(picture)
    for number, path in enumerate(_places(root, count)):
        notes = b""
        while (left := room - len(notes)) > 4:
            length = min(left - 2, 65_535)
            notes += (
                b"\xff\xfe" + length.to_bytes(2, "big") + f"{number:08}".encode().ljust(length - 2, b"n")[: length - 2]
            )
        with open(path, "wb") as file:
            file.write(start + notes + rest)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=97_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--at", default=None, help="where to make the files; left out, the system's temporary folder")
    given = parser.parse_args()
    for name, value in measure(given.files, given.pictures, given.size, given.repeat, given.at).items():
        limit = f"  (at most {LIMITS[name]:g})" if name in LIMITS else ""
        print(f"{name:>24}  {value:10.3f}{limit}")


if __name__ == "__main__":
    main()
