"""What the desk is made of: the pool of siblings, the switches' migration, and the names of files that are sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import storyline_core.store
from storyline_core.desk.siblings import Siblings
from storyline_core.errors import Refused
from storyline_core.media import Role, role_of
from storyline_core.steps.receiving import MOST_BYTES_OF_NAME, file_name
from storyline_core.store import open_store


class Opening:
    """Counts what is open."""

    def __init__(self) -> None:
        self.made = 0
        self.open: set[int] = set()
        self._guard = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[int]:
        with self._guard:
            self.made += 1
            number = self.made
            self.open.add(number)
        yield number
        with self._guard:
            self.open.remove(number)


def test_a_free_sibling_is_used_again_and_never_by_two() -> None:
    opening = Opening()
    siblings = Siblings(opening)
    busy: set[int] = set()

    def use(_: int) -> None:
        with siblings.one() as number:
            assert number not in busy
            busy.add(number)
            busy.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(200)))
    assert opening.made <= 4
    siblings.close()
    assert not opening.open


def test_a_sibling_in_use_is_closed_when_it_comes_back() -> None:
    opening = Opening()
    siblings = Siblings(opening)
    with siblings.one():
        siblings.close()
        assert opening.open
    assert not opening.open
    with pytest.raises(ValueError, match="over"), siblings.one():
        raise ValueError("over")
    assert not opening.open


def test_accounts_of_before_have_everything_switched_on(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with store.begin() as unit:
        config = Config()
        config.set_main_option("script_location", str(Path(storyline_core.store.__file__).parent / "migrations"))
        config.attributes["connection"] = unit.connection
        command.upgrade(config, "0003")
        unit.connection.execute(
            text(
                "INSERT INTO accounts (name, paused, stopped_why, stopped_needs_person) VALUES ('main', :no, '', :no)"
            ),
            {"no": False},
        )
    store.upgrade()
    with store.read() as unit:
        state = unit.accounts.state("main")
    assert (state.reminders_off, state.quiet_off, state.digested_at) == (False, False, None)
    store.close()


@given(st.text(max_size=400), st.sampled_from(["jpg", "JPEG", "png", "mp4", "mov", "txt", ""]))
def test_a_name_that_was_sent_is_safe_or_refused(stem: str, ending: str) -> None:
    try:
        name = file_name(f"{stem}.{ending}" if ending else stem)
    except Refused:
        return
    assert role_of(name) is Role.MEDIA
    assert len(name.encode()) <= MOST_BYTES_OF_NAME
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name not in (".", "..")
