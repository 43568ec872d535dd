from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyline_core import Unavailable
from storyline_local.gathering import gathering
from storyline_local.scan import scan


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_nothing_is_collected_within_and_everything_is_as_before_after_it() -> None:
    with gathering():
        assert not gc.isenabled()
        with gathering():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_within_leaves_it_as_before() -> None:
    with pytest.raises(ValueError, match="on the way"), gathering():
        raise ValueError("on the way")
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with gathering():
        pass
    assert not gc.isenabled()


def test_blocks_in_threads_that_overlap_end_as_they_began() -> None:
    first_inside, second_inside, first_ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[bool] = []

    def second() -> None:
        first_inside.wait(10)
        with gathering():
            second_inside.set()
            first_ended.wait(10)
            seen.append(gc.isenabled())

    thread = threading.Thread(target=second)
    thread.start()
    with gathering():
        first_inside.set()
        second_inside.wait(10)
    first_ended.set()
    thread.join(10)
    assert seen == [False]
    assert gc.isenabled()


def test_a_scan_leaves_it_on_even_where_it_fails(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert len(scan(str(tmp_path)).files) == 1
    assert gc.isenabled()
    with pytest.raises(Unavailable):
        scan(str(tmp_path / "nowhere"))
    assert gc.isenabled()
