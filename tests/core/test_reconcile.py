from __future__ import annotations

from typing import cast

import pytest

from storyline_core import reconcile as real
from tests.core.reconcile_cases import CASES, Case, Engine, check


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    check(cast("Engine", real), case)


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
