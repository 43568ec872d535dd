from __future__ import annotations

import gc

import pytest

from storyline_runner.collector import SELDOM, collect_as_usual, collecting_seldom


def test_a_command_collects_seldom_and_leaves_no_trace_however_it_ends() -> None:
    def interrupted() -> None:
        with collecting_seldom():
            assert gc.get_threshold() == (SELDOM, *before[1:])
            raise KeyboardInterrupt

    before = gc.get_threshold()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert gc.get_threshold() == before


def test_what_runs_for_months_collects_at_the_usual_pace() -> None:
    before = gc.get_threshold()
    with collecting_seldom():
        collect_as_usual()
        assert gc.get_threshold()[0] < SELDOM
    assert gc.get_threshold() == before
