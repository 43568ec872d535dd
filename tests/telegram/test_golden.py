"""What people read, word for word."""

from __future__ import annotations

import pytest

from tests.telegram import scenes
from tests.telegram.markup import length, read


@pytest.mark.parametrize("name", scenes.SCENES)
def test_people_read_what_they_read_before(name: str) -> None:
    held = (scenes.GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert scenes.played(name) == held, "If the change is wanted: python -m tests.telegram.scenes --write"


def test_every_golden_file_belongs_to_a_scene() -> None:
    assert {path.stem for path in scenes.GOLDEN.glob("*.txt")} == set(scenes.SCENES)


@pytest.mark.parametrize("name", ["lists", "standings", "told"])
def test_every_message_can_be_sent(name: str) -> None:
    for title, said in scenes.SCENES[name]():
        for page in said.split("\n--- next page ---\n"):
            assert 0 < length(read(page)) <= 4096, title


def test_every_answer_to_a_tap_fits_its_window() -> None:
    assert all(0 < length(said) <= 200 for _, said in scenes.taps())
