"""Every measurement, as ratios to what the machine itself can do in the same seconds.

    python -m benchmarks [--quick] [--write docs/performance.md] [--date 2026-05-01]

It measures and does not judge: it ends well even where a target is missed, since a busy machine misses some. Nothing
is written unless asked for. PostgreSQL comes from `STORYLINE_TEST_POSTGRES`, or is started for the occasion.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs
import psycopg2
import sqlalchemy

from benchmarks import local, machine, reconcile, selection, store, sync, watching
from benchmarks.table import Found, for_a_page, for_screen
from tests.databases import Databases


@attrs.frozen
class Sizes:
    """How much is measured."""

    files: int = 100_000
    pictures: int = 20_000
    items: int = 1_000_000
    rows: int = 100_000
    candidates: int = 100_000
    picks: int = 1_500
    drops: int = 100
    rounds: int = 3


QUICK = Sizes(
    files=20_000, pictures=2_000, items=100_000, rows=20_000, candidates=20_000, picks=300, drops=20, rounds=2
)


def syncing(sizes: Sizes) -> Iterator[Found]:
    """The whole way from the folder to the committed library, and its first half alone."""
    found = sync.measure(sizes.files, 0, rounds=2 * sizes.rounds - 1)
    yield Found(f"re-sync of {sizes.files:,} unchanged files / find", found["resync_to_find"], most=4)
    yield Found("the same with one file of a hundred changed / find", found["changed_to_find"])
    walked = local.measure_scan(sizes.files, sizes.rounds)
    yield Found("the walk alone / find", walked["scan_to_find"], most=local.LIMITS["scan_to_find"])
    yield from _first_indexes(sizes)


def _first_indexes(sizes: Sizes) -> Iterator[Found]:
    """The first index at several speeds of hashing: what comes beside hashing weighs more the faster that is."""
    rounds = 2 * sizes.rounds - 1
    speeds = {"each byte hashed twice": sync.measure_without_sha_instructions(sizes.pictures, rounds, twice=True)}
    if machine.has_sha_instructions():
        speeds["SHA instructions off"] = sync.measure_without_sha_instructions(sizes.pictures, rounds)
        speeds["the processor's SHA instructions"] = sync.measure(0, sizes.pictures, rounds)
    else:
        speeds["as it is"] = sync.measure(0, sizes.pictures, rounds)
    title = f"first index of {sizes.pictures:,} pictures of 97 kB / max(reading, hashing)"
    for how, found in speeds.items():
        speed = found["hash_mb_a_second"]
        most = sync.INDEX_TO_LIMIT if speed <= sync.MEANT_FOR_MB_A_SECOND else None
        yield Found(f"{title}, at {speed:,.0f} MB/s a core ({how})", found["index_to_limit"], most=most)
        yield Found("… time for each picture beyond that", found["index_us_beyond"], unit=" µs")


def waiting(sizes: Sizes) -> Iterator[Found]:
    """What a daemon takes until a dropped picture is in the library, and what it costs while it waits for one."""
    if sys.platform != "linux":
        return
    found = watching.measure(2_000, sizes.drops)
    drop = "from a picture moved in to its row, beyond the half second of quiet"
    yield Found(f"{drop}, median of {sizes.drops}", found["moved_median_s"] * 1e3, most=50, unit=" ms")
    yield Found(f"{drop}, 99th percentile", found["moved_99th_s"] * 1e3, most=250, unit=" ms")
    written = "from a picture written there to its row, beyond its two seconds of rest, median"
    yield Found(written, found["written_median_s"] * 1e3, most=50, unit=" ms")
    yield Found("memory of an idle daemon, 2,000 pictures", found["idle_mb"], most=120, unit=" MB")
    yield Found("the same at its peak, first index included", found["peak_mb"], unit=" MB")
    yield Found("share of a core that it takes while idle", found["idle_cpu_share"] * 100, most=1, unit=" %")


def deciding(sizes: Sizes) -> Iterator[Found]:
    """What `reconcile` takes beside a comparison of two dicts, and how much memory."""
    found = reconcile.measure(sizes.items, min(1_000, sizes.items // 100), sizes.rounds)
    for name, what in {
        "sifted": f"rows of {sizes.items:,} items sifted and reconciled / comparing two dicts",
        "unchanged": "reconcile from values, nothing changed / comparing two dicts",
        "tenth_changed": "reconcile, a tenth changed / comparing two dicts",
        "delta": "reconcile, a listing of 1,000 changes / comparing two dicts",
    }.items():
        yield Found(what, found[name], most=reconcile.LIMITS[name])
    yield Found("memory per file, listed, remembered and worked with", found["bytes_a_file"], most=850, unit=" B")
    yield Found("the same from values instead of rows", found["bytes_a_file_from_values"], unit=" B")


def storing(sizes: Sizes, postgresql: str | None) -> Iterator[Found]:
    """The store's share of what the bare driver does."""
    for what, share in store.measure(postgresql, sizes.rows).items():
        least = None if what.endswith("values") else 0.5
        yield Found(f"{sizes.rows:,} items, {what}, share of the bare driver", share, least=least)


def choosing(sizes: Sizes) -> Iterator[Found]:
    """What the choice takes beside one sort of all candidates."""
    found = selection.measure(sizes.candidates, sizes.picks, sizes.rounds)
    many = f"{sizes.candidates:,} candidates"
    limits = selection.LIMITS
    plan = f"plan of {sizes.picks:,} slots from {many} / one sort of them"
    yield Found(plan, found["plan_to_sort"], most=limits["plan_to_sort"])
    yield Found(f"one choice from {many} / one sort", found["choose_to_sort"], most=limits["choose_to_sort"])
    slots = f"{found['slots']:,.0f} slots of a year / bare datetimes"
    yield Found(slots, found["slots_to_datetimes"], most=limits["slots_to_datetimes"])


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of an empty database for these minutes; None, with the reason on the screen, where there is none."""
    folder = Path(tempfile.mkdtemp(prefix="storyline-"))
    databases = Databases(folder, secrets.token_hex(4), os.getpid(), os.environ.get("STORYLINE_TEST_POSTGRES"))
    try:
        try:
            databases.server_url()
        except RuntimeError as error:
            print(f"PostgreSQL is left out. {error}", file=sys.stderr)
            yield None
        else:
            with databases.new_postgresql() as url:
                yield url
    finally:
        databases.end()


def version_of(url: str | None) -> str | None:
    """The server's version."""
    if url is None:
        return None
    dsn = sqlalchemy.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection:
        return str(connection.info.parameter_status("server_version")).partition(" ")[0]


def page(found: list[Found], about: list[str], date: str, quick: bool) -> str:
    """The document about one measurement."""
    sizes = "Small sizes (`--quick`), so that the ratios are rough." if quick else "Full sizes."
    return "\n".join(
        [
            "# Performance",
            "",
            "Written by `python -m benchmarks --write docs/performance.md`. Every figure is a ratio to what the",
            "machine itself does with the same things in the same run, so that it can be compared between machines;",
            "on a busy one it may still be off by a tenth or two.",
            "",
            f"Measured on {date}. {sizes}",
            "",
            *(f"- {line}" for line in about),
            "",
            for_a_page(each.cells() for each in found),
            "",
        ]
    )


def main() -> None:
    """Measure, print, and write the page where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: under 90 seconds, rougher ratios")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the table there, as Markdown")
    parser.add_argument("--date", help="the day to write on the page; left out, today")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else Sizes()
    began = time.perf_counter()
    with postgresql() as url:
        found: list[Found] = []
        # Syncing first, in a process as fresh as that of any sync.
        for part in (syncing(sizes), waiting(sizes), choosing(sizes), deciding(sizes), storing(sizes, url)):
            for one in part:
                found.append(one)
                print(f"… {one.what}", file=sys.stderr, flush=True)
        about = machine.described(version_of(url))
    print("\n".join(["", *about, "", for_screen(each.cells() for each in found)]))
    missed = sum(each.reached == "no" for each in found)
    took = time.perf_counter() - began
    print(f"\n{missed} of {len(found)} missed, in {took:.0f} s. These are measurements: a busy machine misses some.")
    if asked.write is not None:
        date = asked.date or datetime.now(UTC).date().isoformat()
        asked.write.write_text(page(found, about, date, asked.quick), encoding="utf-8")


if __name__ == "__main__":
    main()
