"""The kill matrix: every moment at which a worker can die or sleep while it publishes, and what came of it.

In a process of its own, since it forks::

    python -m tests.instagram.kill_matrix            # what the tests run: pictures whole, a sample of the rest
    python -m tests.instagram.kill_matrix --all      # every moment of everything
    python -m tests.instagram.kill_matrix --write    # the same, and renew the figures in docs/reliability.md
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path

import attrs

from tests.instagram import killing
from tests.instagram.graph_api import GraphProcess, Way
from tests.instagram.killing import Ground, Left, Scenario

LAGGING: tuple[tuple[str, object], ...] = (
    ("image_polls", 0),
    ("publish_shown_after", 2),
    ("republished", "refused"),
    ("stories_shown_after", timedelta(seconds=30)),
)
PICTURE = Scenario("a picture")
OTHERS = (
    Scenario("a video sent straight to Instagram", video=True),
    Scenario("a picture under Instagram Login", login="instagram"),
    Scenario("a hosted video", login="instagram", video=True),
    Scenario("a picture, Instagram lags and refuses repetitions", knobs=LAGGING),
)
SAMPLE = 8
"""Of what is published otherwise than a picture, the tests try every so many-th point."""

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- kill matrix -->", "<!-- end of the kill matrix -->"

DIES = "killed before or after a commit, a request or its answer"
ARRIVED = "killed when a request has arrived, before its effect"
DONE = "killed when a request has had its effect, before the answer"
CUT_BEFORE = "connection cut before a request's effect"
CUT_AFTER = "answer lost after a request's effect"
SETTLES_DONE = "killed again while it is settled; the story had gone out"
SETTLES_BEFORE = "killed again while it is settled; it had not"
SLEEPS = "asleep at a request while two others go on; then it wakes"


@attrs.frozen
class Row:
    """One way to disturb one kind of publishing: at how many points it can be, and what came of those tried."""

    scenario: str
    way: str
    points: int
    left: tuple[Left, ...]

    @property
    def outcomes(self) -> Counter[str]:
        """How often each outcome came."""
        return Counter(each.outcome for each in self.left)

    @property
    def swept(self) -> int:
        """After how many a copy was left at the host, for the sweep."""
        return sum(each.copies > 0 for each in self.left)

    @property
    def wrong(self) -> int:
        """After how many the promise was broken."""
        return sum(not each.right for each in self.left)

    def told(self) -> dict[str, object]:
        """As plain values."""
        bad = [attrs.asdict(each) for each in self.left if not each.right]
        return {
            "scenario": self.scenario, "way": self.way, "points": self.points, "tried": len(self.left),
            "outcomes": dict(self.outcomes), "swept": self.swept, "wrong": bad,
        }  # fmt: skip


def rows_of(ground: Ground, stride: int, *, deep: bool) -> Iterator[Row]:
    """Disturb one kind of publishing in every way; `deep`: also while it is settled, and asleep."""
    name, numbers = ground.scenario.name, count(1)
    moments, requests, undisturbed = killing.moments_of(ground, 0)
    assert undisturbed.right, undisturbed

    def row(way: str, points: Sequence[int], do: Callable[[int, int], Left]) -> Row:
        return Row(name, way, len(points), tuple(do(next(numbers), point) for point in points[::stride]))

    every, calls = range(len(moments)), range(requests)
    yield row(DIES, every, lambda number, at: killing.killed_at_moment(ground, number, at))
    for way, how in ((ARRIVED, Way.SILENT_BEFORE), (DONE, Way.SILENT)):
        yield row(way, calls, lambda number, at, how=how: killing.killed_at_request(ground, number, at, how))  # type: ignore[misc]
    for way, how in ((CUT_BEFORE, Way.CUT_BEFORE), (CUT_AFTER, Way.CUT_AFTER)):
        yield row(way, calls, lambda number, at, how=how: killing.unanswered(ground, number, at, how))  # type: ignore[misc]
    if not deep:
        return
    for way, how in ((SETTLES_DONE, Way.SILENT), (SETTLES_BEFORE, Way.SILENT_BEFORE)):
        settling, left = killing.settling_moments(ground, next(numbers), how)
        assert left.right, left
        yield row(
            way,
            range(len(settling)),
            lambda number, at, how=how: killing.killed_while_settling(ground, number, at, how),  # type: ignore[misc]
        )
    at_requests = [at for at, moment in enumerate(moments) if moment.endswith(("request", "answer"))]
    yield row(SLEEPS, at_requests, lambda number, at: killing.slept_through(ground, number, at))


def matrix(*, everything: bool) -> list[Row]:
    """All of it."""
    rows: list[Row] = []
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with GraphProcess() as api, tempfile.TemporaryDirectory(dir=where) as folder:
        for scenario in (PICTURE, *OTHERS):
            ground = killing.make_ground(api, scenario, Path(folder))
            whole = everything or scenario is PICTURE
            rows += rows_of(ground, 1 if whole else SAMPLE, deep=whole)
    return rows


def table(rows: Sequence[Row]) -> str:
    """For people."""
    lines = [
        "| what is published | what happens | points | tried | one story | a person is asked | else | copies swept |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        one, asked = row.outcomes["one story"], row.outcomes["asked"]
        counts = (row.points, len(row.left), one, asked, len(row.left) - one - asked, row.swept)
        lines.append(f"| {row.scenario} | {row.way} | {' | '.join(map(str, counts))} |")
    tried, points = sum(len(row.left) for row in rows), sum(row.points for row in rows)
    wrong = sum(row.wrong for row in rows)
    lines += ["", f"{tried} of {points} points tried. The promise was broken after {wrong} of them."]
    return "\n".join(lines)


def _write(shown: str) -> None:
    before, _, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    REPORT.write_text(f"{before}{BEGIN}\n{shown}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run it and say what came of it; 1 when the promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every moment of everything")
    parser.add_argument("--write", action="store_true", help="the same, and renew docs/reliability.md")
    parser.add_argument("--json", action="store_true", help="for the tests")
    asked = parser.parse_args()
    for name in ("storyline", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    began = time.monotonic()
    rows = matrix(everything=asked.all or asked.write)
    shown = table(rows)
    if asked.write:
        _write(shown)
    if asked.json:
        sys.stdout.write(json.dumps({"rows": [row.told() for row in rows], "table": shown}))
    else:
        bad = [left for row in rows for left in row.left if not left.right]
        sys.stdout.write(f"{shown}\n{time.monotonic() - began:.0f} s\n{bad or ''}\n")
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
