"""What likenesses find and what they mistake: pictures that are the same to a viewer, and pictures that are not.

    python -m benchmarks.likeness [--scenes 3000] [--others 400] [--changed 200] [--write docs/duplicates.md]

The pictures are made of chance from fixed numbers, so that every run measures the same ones; `scenes.py` says how.
With `--write` the tables between the two marks of that page are replaced.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import attrs

from benchmarks import scenes
from benchmarks.machine import cores
from storyline_core.alike import BITS, pairs_within
from storyline_core.pictures import ALIKE_WITHIN, likeness

THRESHOLDS = (4, 6, 8, 10, 12)
SCENES = "scenes"
TEMPLATES = {"memes of a template": scenes.TEMPLATES}
"""Of these only pictures of the same template are compared: others differ as scenes do."""

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@attrs.frozen
class Measured:
    """How many bits differ: between distinct pictures of each kind, and between a picture and what became of it."""

    distinct: dict[str, Counter[int]]
    without: dict[str, float]
    changed: dict[tuple[str, str], list[int]]
    search_s: float
    each_ms: float


def measure(count: int = 3_000, others: int = 400, changed: int = 200, workers: int | None = None) -> Measured:
    """Make the pictures, take their likenesses, compare."""
    jobs = [(kind, number, number < changed) for kind in scenes.KINDS for number in range(_count(kind, count, others))]
    with ProcessPoolExecutor(workers or cores()) as pool:
        rows = list(pool.map(_likenesses, jobs, chunksize=8))
    firsts: dict[str, list[int | None]] = {kind: [] for kind in scenes.KINDS}
    differing: dict[tuple[str, str], list[int]] = {}
    for (kind, _, _), (found, _) in zip(jobs, rows, strict=True):
        firsts[kind].append(found[0])
        for name, bits in zip(scenes.CHANGES, found[1:], strict=False):
            if found[0] is not None:
                differing.setdefault((kind, name), []).append(BITS if bits is None else (found[0] ^ bits).bit_count())
    return Measured(
        distinct={kind: _distances(found, TEMPLATES.get(kind, 1)) for kind, found in firsts.items()},
        without={kind: found.count(None) / len(found) for kind, found in firsts.items()},
        changed=differing,
        search_s=_searched([bits for found in firsts.values() for bits in found if bits is not None]),
        each_ms=1000 * sum(seconds for _, seconds in rows) / len(rows),
    )


def share(counted: Counter[int], most: int) -> float:
    """Which share of all pairs differs in at most so many bits."""
    return sum(number for bits, number in counted.items() if bits <= most) / max(1, counted.total())


def found(measured: Measured, kinds: Iterable[str], change: str, most: int) -> float:
    """Which share of the changed pictures is still found."""
    bits = [each for kind in kinds for each in measured.changed.get((kind, change), ())]
    return sum(each <= most for each in bits) / max(1, len(bits))


def tables(measured: Measured) -> list[str]:
    """What was measured, as Markdown."""
    heads = [f"{most} bits{' (used)' if most == ALIKE_WITHIN else ''}" for most in THRESHOLDS]
    lines = ["Distinct pictures that are taken for alike, among all pairs of a kind:", ""]
    lines += [_row(["pictures", "pairs", "no likeness", *heads]), _row(["---", *["--:"] * (2 + len(heads))])]
    for kind, counted in measured.distinct.items():
        rates = [_rate(counted, most) for most in THRESHOLDS]
        lines.append(_row([kind, f"{counted.total():,}", f"{measured.without[kind]:.0%}", *rates]))
    plain = list(scenes.KINDS)[1:4:2]
    words = list(scenes.KINDS)[2:5:2]
    lines += ["", f"Changed pictures that are found, at {ALIKE_WITHIN} bits:", ""]
    lines += [_row(["change", SCENES, " and ".join(plain), " and ".join(words)]), _row(["---", "--:", "--:", "--:"])]
    for name in scenes.CHANGES:
        shares = [found(measured, kinds, name, ALIKE_WITHIN) for kinds in ([SCENES], plain, words)]
        lines.append(_row([name, *(f"{each:.0%}" for each in shares)]))
    return lines


def _count(kind: str, count: int, others: int) -> int:
    return count if kind == SCENES else others


def _likenesses(job: tuple[str, int, bool]) -> tuple[list[int | None], float]:
    """Of a picture, and of everything that may become of it; and how long the first took."""
    kind, number, changed = job
    image = scenes.KINDS[kind](number)
    file = io.BytesIO(scenes.saved(image, "JPEG", 90))
    began = time.perf_counter()
    bits = [likeness(file)]
    took = time.perf_counter() - began
    if changed:
        bits += [likeness(io.BytesIO(change(image))) for change in scenes.CHANGES.values()]
    return bits, took


def _distances(likenesses: Sequence[int | None], step: int) -> Counter[int]:
    counted: Counter[int] = Counter()
    for place, bits in enumerate(likenesses):
        if bits is not None:
            others = (other for other in likenesses[place % step : place : step] if other is not None)
            counted.update((bits ^ other).bit_count() for other in others)
    return counted


def _searched(likenesses: Sequence[int]) -> float:
    began = time.perf_counter()
    for _ in pairs_within(sorted(set(likenesses)), ALIKE_WITHIN):
        pass
    return time.perf_counter() - began


def _rate(counted: Counter[int], most: int) -> str:
    """The share, or, where there was none, what can be said of it with 95 % certainty."""
    rate = share(counted, most)
    if rate:
        return f"{rate * 1_000_000:,.1f} in a million" if rate < 0.001 else f"{rate:.1%}"
    return f"none (< {3_000_000 / counted.total():,.1f} in a million)" if counted.total() else "none"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, print, and write the page where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.likeness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenes", type=int, default=3_000, help="distinct pictures like photographs")
    parser.add_argument("--others", type=int, default=400, help="distinct pictures of each other kind")
    parser.add_argument("--changed", type=int, default=200, help="how many of each kind are changed in every way")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also replace the tables on that page")
    asked = parser.parse_args()
    measured = measure(asked.scenes, asked.others, asked.changed)
    lines = tables(measured)
    print("\n".join(lines))
    print(f"\n{measured.each_ms:.1f} ms for a likeness; {measured.search_s:.2f} s to search all of them")
    if asked.write is not None:
        before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        text = "\n".join([BEGIN, "", *lines, "", END])
        asked.write.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    main()
