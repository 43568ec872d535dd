"""How fast slots are made and items are chosen, as ratios to plainer work on the same things in the same run.

    python benchmarks/selection.py [--candidates 100000] [--picks 1500] [--repeat 3]

`measure()` gives the same figures to a test or to `nox -s bench`.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from storyline_core import Account, Candidate, Mix, Opening, Schedule, choose, plan, slots_between

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = {
    "plan_to_sort": 4.0,
    "choose_to_sort": 3.0,
    "slots_to_datetimes": 10.0,
}
"""Ratios: a month's plan and a single choice to one sort of all candidates, a year of slots to bare datetimes."""


def measure(candidates: int = 100_000, picks: int = 1_500, repeat: int = 3) -> dict[str, float]:
    """Seconds of each part at its best, and the ratios of `LIMITS`."""
    account = Account(
        name="main",
        sources=("photos",),
        schedule=Schedule(posts_per_day=50, closes=clock_time(8, 59), zone=ZoneInfo("Europe/Berlin")),
        mix=Mix({"memes": 50, "merch": 30, "cats": 20}),
    )
    found = _slots(account, repeat)
    return found | _picks(account, _library(candidates, random.Random(1)), picks, repeat)


def _slots(account: Account, repeat: int) -> dict[str, float]:
    year = NOW + timedelta(days=365)
    count = len(list(slots_between(account, NOW, year)))
    bare = _best(repeat, lambda: [NOW + timedelta(microseconds=number * 1_728_000) for number in range(count)])
    ours = _best(repeat, lambda: list(slots_between(account, NOW, year)))
    return {"slots": count, "datetimes_s": bare, "slots_s": ours, "slots_to_datetimes": ours / bare}


def _picks(account: Account, library: list[Candidate], picks: int, repeat: int) -> dict[str, float]:
    slots = list(slots_between(account, NOW, NOW + timedelta(days=picks // 50 + 2)))[:picks]
    openings = [Opening(post_id=slot.key, at=slot.at) for slot in slots]
    sorting = _best(repeat, lambda: sorted(library, key=_in_order))
    planning = _best(repeat, lambda: plan(library, account, openings))
    choosing = _best(repeat, lambda: choose(library, account, openings[0]))
    return {
        "sort_s": sorting,
        "plan_s": planning,
        "choose_s": choosing,
        "plan_to_sort": planning / sorting,
        "choose_to_sort": choosing / sorting,
    }


def _in_order(candidate: Candidate) -> tuple[float, int, bytes]:
    """The order of the choice, written plainly: the whole of what a single sort would have to do."""
    last = candidate.last_posted_at
    chance = hashlib.sha256(str(candidate.item_id).encode()).digest()
    return 0.0 if last is None else last.timestamp(), candidate.times_posted, chance


def _library(size: int, chance: random.Random) -> list[Candidate]:
    """Half of it posted before, a fifth held for up to four months, a tenth twins."""
    return [_candidate(number, chance) for number in range(size)]


def _candidate(number: int, chance: random.Random) -> Candidate:
    posted, held, twin = chance.random() < 0.5, chance.random() < 0.2, chance.random() < 0.1
    return Candidate(
        item_id=number,
        digest=f"digest{number // 2 if twin else number}",
        category=chance.choice(("memes", "merch", "cats")),
        tags=(chance.choice(("sea", "town", "night", "people")),),
        last_posted_at=NOW - timedelta(seconds=chance.randrange(10**8)) if posted else None,
        times_posted=chance.randrange(1, 20) if posted else 0,
        held_until=NOW + timedelta(seconds=chance.randrange(10**7)) if held else None,
    )


def _best(repeat: int, work: Callable[[], object]) -> float:
    seconds = float("inf")
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        work()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--picks", type=int, default=1_500)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    found = measure(given.candidates, given.picks, given.repeat)
    for name, value in found.items():
        limit = f"  (limit {LIMITS[name]:g})" if name in LIMITS else ""
        print(f"{name:20} {value:10.3f}{limit}")


if __name__ == "__main__":
    main()
