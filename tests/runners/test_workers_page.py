"""What the page on several workers promises is what the code does."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.pool import QueuePool

from storyline_core.agenda import CLAIM_FOR, LAPSE_MARGIN
from storyline_core.steps.house import ALONE_FOR
from storyline_core.steps.listening import LISTEN_FOR
from storyline_core.steps.tenure import LEASE_FOR
from storyline_core.steps.watching import WATCH_FOR
from storyline_core.store import FAR, open_store
from storyline_core.vitals import SKEW_FELT, SKEW_WRONG
from storyline_runner.daemon import health, loops, source
from storyline_runner.daemon.listening import WHEN_TAKEN

PAGE = (Path(__file__).parents[2] / "docs" / "workers.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("lease", "length"),
    [
        ("listen/NOTIFIER", LISTEN_FOR),
        ("watch/SOURCE", WATCH_FOR),
        ("sync/SOURCE", LEASE_FOR),
        ("publish/PUBLISHER", CLAIM_FOR),
        ("backfill/PUBLISHER", LEASE_FOR),
        ("alerts/CHANNEL", LEASE_FOR),
        ("upkeep/TASK", ALONE_FOR),
    ],
)
def test_every_lease_lasts_as_long_as_it_says(lease: str, length: timedelta) -> None:
    [said] = re.findall(rf"^\| `{lease}` \|.*\| (\d+ \w+) \|$", PAGE, re.MULTILINE)
    number, unit = said.split()
    assert (
        int(number) * {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}[unit] == length
    )


def test_the_other_numbers_are_those_of_the_code() -> None:
    assert timedelta(minutes=6) == CLAIM_FOR + LAPSE_MARGIN, "six minutes later (the claim, and one minute more)"
    asked = (WHEN_TAKEN, source.WHEN_TAKEN, source.WHEN_BUSY, loops.GLANCE)
    assert [each.total_seconds() for each in asked] == [2, 10, 2, 60]
    assert [each.total_seconds() for each in (SKEW_FELT, SKEW_WRONG, health.NOTED_EVERY)] == [5, 60, 60]
    assert [each.total_seconds() for each in (loops.FIRST_BACK_OFF, loops.LONGEST_BACK_OFF)] == [5, 300]
    assert FAR == 12


def test_a_worker_takes_no_more_connections_than_it_says() -> None:
    store = open_store("postgresql://ann@localhost/stories")
    pool = store._engine.pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow) == (5, 10)
    store.close()
