from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storyline_core import ago, spoken

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (40, "40 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: int, said: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == said


def test_how_long_ago() -> None:
    assert (ago(None, AT), ago(AT, AT + timedelta(hours=5))) == ("never", "5 h ago")
