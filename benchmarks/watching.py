"""How soon a picture that was dropped into a folder is in the library, and what a daemon costs that waits for one.

    python -m benchmarks.watching [--pictures 2000] [--drops 100]

A real `storyline run` in a process of its own, with a real folder and SQLite. A picture that is moved in was still for
long enough, so that only the watcher's half second of quiet lies between; one that is written there has to be still
for two seconds first. What is measured beyond that is ours.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles

import attrs

from benchmarks.sync import jpeg_head

QUIET_S = 0.5
"""The watcher's debounce."""

STILL_S = 2.0
"""How long a file must be still before it is read."""

PATIENCE_S = 60.0
IDLE_S = 20.0


@attrs.frozen
class Daemon:
    """A daemon at work on one folder."""

    folder: Path
    database: Path
    process: int

    def knows(self, key: str) -> bool:
        """Whether the library has a living item of that key."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return bool(
                connection.execute("SELECT 1 FROM items WHERE key = ? AND removed_at IS NULL", (key,)).fetchone()
            )

    def count(self) -> int:
        """How many items live."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM items WHERE removed_at IS NULL").fetchone()
            return int(count)

    def watches(self) -> bool:
        """Whether it follows the folder by now."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            query = "SELECT 1 FROM leases WHERE subject = 'watch/photos' AND until IS NOT NULL"
            return bool(connection.execute(query).fetchone())


def measure(pictures: int = 2_000, drops: int = 100) -> dict[str, float]:
    """Seconds beyond what the rules ask for, megabytes, and the share of one core that an idle daemon takes."""
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name, _running(Path(name), pictures) as daemon:
        before = _worked(daemon.process)
        time.sleep(IDLE_S)
        idle = (_worked(daemon.process) - before) / IDLE_S
        resident = _memory(daemon.process, "VmRSS")
        moved = [_taken(daemon, Path(name), number, old=True) - QUIET_S for number in range(drops)]
        written = [_taken(daemon, Path(name), number, old=False) - STILL_S for number in range(max(5, drops // 5))]
        return {
            "moved_median_s": median(moved),
            "moved_99th_s": quantiles(moved, n=100)[98],
            "written_median_s": median(written),
            "idle_mb": resident,
            "peak_mb": _memory(daemon.process, "VmHWM"),
            "idle_cpu_share": idle,
        }


@contextmanager
def _running(root: Path, pictures: int) -> Iterator[Daemon]:
    folder = root / "pictures"
    for number in range(pictures):
        place = folder / f"{number % 20:02}" / f"picture-{number:06}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_picture(number))
        os.utime(place, (1_700_000_000, 1_700_000_000))
    settings = root / "storyline.toml"
    settings.write_text(
        f'[database]\nurl = "sqlite:///{root}/storyline.db"\n[sources.photos]\nkind = "local"\npath = "{folder}"\n'
    )
    command = [sys.executable, "-m", "storyline_runner", "--config", str(settings), "run"]
    with open(root / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        daemon = Daemon(folder, root / "storyline.db", process.pid)
        _until(daemon.database.exists)
        _until(lambda: _quietly(lambda: daemon.count() == pictures and daemon.watches()))
        yield daemon
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)


def _taken(daemon: Daemon, root: Path, number: int, *, old: bool) -> float:
    """Seconds from the file being there to its row."""
    name = f"{'moved' if old else 'written'}-{number}.jpg"
    content = _picture(1_000_000 + number * 2 + old)
    if old:
        (root / name).write_bytes(content)
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
        began = time.perf_counter()
        shutil.move(root / name, daemon.folder / "05" / name)
    else:
        (daemon.folder / "05" / name).write_bytes(content)
        began = time.perf_counter()
    _until(lambda: daemon.knows(f"05/{name}"))
    return time.perf_counter() - began


def _picture(number: int) -> bytes:
    return jpeg_head() + number.to_bytes(8, "big") * 500 + b"\xff\xd9"


def _worked(process: int) -> float:
    """Seconds of a processor's time so far, its own and the system's for it."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int, what: str) -> float:
    """Megabytes that are in memory now (`VmRSS`), or were at most (`VmHWM`)."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _quietly(true: Callable[[], bool]) -> bool:
    try:
        return true()
    except sqlite3.OperationalError:
        return False


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("The daemon did not get there.")
        time.sleep(0.002)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--drops", type=int, default=100)
    given = parser.parse_args()
    for what, figure in measure(given.pictures, given.drops).items():
        print(f"{what:20} {figure:8.3f}")


if __name__ == "__main__":
    main()
