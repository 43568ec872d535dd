"""Whenever the process dies, sleeps or hears nothing: one story, or a person is asked; and no copy stays at the host.

The figures are printed (`pytest -s`), and kept in docs/reliability.md, which says how to renew them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.instagram import kill_matrix

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.instagram.kill_matrix", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1_500)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    sys.stdout.write(f"\n{told['table']}\n")
    found: list[dict[str, Any]] = told["rows"]
    return found


def test_every_post_has_one_story_or_a_person_is_asked(rows: list[dict[str, Any]]) -> None:
    wrong = [(row["scenario"], row["way"], row["wrong"]) for row in rows if row["wrong"]]
    assert not wrong
    assert {outcome for row in rows for outcome in row["outcomes"]} <= {"one story", "asked"}


def test_every_way_of_dying_was_tried(rows: list[dict[str, Any]]) -> None:
    tried = {(row["scenario"], row["way"]): row for row in rows}
    whole = [row for (scenario, _), row in tried.items() if scenario == kill_matrix.PICTURE.name]
    assert len(whole) == 8
    assert all(row["tried"] == row["points"] for row in whole)
    assert tried[kill_matrix.PICTURE.name, kill_matrix.DIES]["points"] > 40
    assert tried[kill_matrix.PICTURE.name, kill_matrix.DONE]["points"] >= 8
    for scenario in kill_matrix.OTHERS:
        for way in (kill_matrix.DIES, kill_matrix.ARRIVED, kill_matrix.DONE, kill_matrix.CUT_AFTER):
            assert tried[scenario.name, way]["tried"] >= 1


def test_what_was_killed_left_copies_that_the_sweep_found(rows: list[dict[str, Any]]) -> None:
    # Otherwise the sweep would not have been put to the test at all.
    assert sum(row["swept"] for row in rows) > 0


def test_the_figures_are_written_down(rows: list[dict[str, Any]]) -> None:
    page = kill_matrix.REPORT.read_text(encoding="utf-8")
    missing = [row["way"] for row in rows if f"| {row['scenario']} | {row['way']} |" not in page]
    assert not missing, "renew them: python -m tests.instagram.kill_matrix --write"
    assert "The promise was broken after 0 of them." in page
