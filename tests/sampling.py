"""Which of many moments a test tries: all of them with STORYLINE_TEST_PROFILE=thorough, otherwise enough of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def sampled(moments: Sequence[T], stride: int) -> Iterator[tuple[int, T]]:
    """Every so many-th moment with its number, the last one included; each one where everything is to be tried."""
    if os.environ.get("STORYLINE_TEST_PROFILE") == "thorough":  # noqa: TID251 - the tests' own setting
        stride = 1
    for number, moment in enumerate(moments):
        if number % stride == 0 or number == len(moments) - 1:
            yield number, moment
