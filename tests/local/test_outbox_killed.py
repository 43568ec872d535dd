"""Killed at every step, or run by eight processes at once, the outbox holds each story exactly once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BOTH = ["2026-05-01_0900_main_k3f9a2.json", "2026-05-01_0900_main_k3f9a2.mp4"]


def run(way: str, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.local.killed", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    reports: list[dict[str, Any]] = json.loads(done.stdout)
    return reports


def test_killed_before_any_line_of_publish_it_is_there_once_in_the_end(tmp_path: Path) -> None:
    reports = run("publish", tmp_path)
    assert len(reports) > 40
    for report in reports:
        # Nothing half-written is ever to be seen, and no picture without its words.
        assert report["between"]["shown"] in ([], BOTH[:1], BOTH)
        assert report["between"]["whole"]
        assert report["after"] == {"shown": BOTH, "waiting": 0, "whole": True}
        assert report["same"]
    # The step that counts lies somewhere in the middle, so both sides of it were tried.
    assert [] in [report["between"]["shown"] for report in reports]
    assert BOTH in [report["between"]["shown"] for report in reports[:-1]]


def test_killed_before_any_line_of_prepare_nothing_is_left_over(tmp_path: Path) -> None:
    reports = run("prepare", tmp_path)
    assert len(reports) > 40
    for report in reports:
        assert report["after"] == {"shown": BOTH, "waiting": 0, "whole": True}
        assert report["same"]


@pytest.mark.parametrize("way", ["race", "race-without-locks"])
def test_eight_processes_at_once_publish_one_story(tmp_path: Path, way: str) -> None:
    reports = run(way, tmp_path)
    assert len(reports) == 30
    for report in reports:
        assert report["after"] == {"shown": BOTH, "waiting": 0, "whole": True}
        assert len(report["answers"]) == 8
        assert not [answer for answer in report["answers"] if not answer.startswith("1970")]
        assert report["same"] or way == "race-without-locks"
