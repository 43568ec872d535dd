"""Foreign words are cleaned, measured and shortened as Telegram and eyes count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_telegram.texts import cut, isolated, leveled, line, lines, shown, units
from tests.telegram.hostile import FAMILY, hostile
from tests.telegram.markup import length, read


@given(hostile, st.integers(0, 60))
def test_a_cut_fits_and_is_a_beginning(text: str, most: int) -> None:
    text = lines(text)
    short = cut(text, most)
    assert length(short) == units(short) <= max(most, 0)
    assert text == short or text.startswith(short.removesuffix("…"))
    assert text == short or short == "" or short.endswith("…")


@given(st.lists(hostile.map(line), max_size=8), st.integers(0, 300))
def test_rows_are_leveled_into_the_room_there_is(rows: list[str], most: int) -> None:
    short = leveled(rows, most)
    assert units("\n".join(short)) <= most


@given(hostile)
def test_cleaning_is_done_once(text: str) -> None:
    assert line(line(text)) == line(text)
    assert "\n" not in line(text)
    assert lines(lines(text)) == lines(text)
    assert read(shown(lines(text))) == isolated(lines(text))


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("onetwothree", 6, "onetw…"),
        ("a 🇩🇪🇫🇷🇮🇹", 8, "a 🇩🇪…"),
        ("a 🇩🇪🇫🇷🇮🇹", 9, "a 🇩🇪…"),
        ("xx👍🏽yy", 6, "xx…"),
        ("xe\u0301e\u0301e\u0301", 4, "xe\u0301…"),
        (f"x{FAMILY}y", 12, "x…"),
        (FAMILY * 2, 12, f"{FAMILY}…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_cuts_fall_between_words_or_visible_characters(text: str, most: int, short: str) -> None:
    assert cut(text, most) == short


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\u200bb\ufeffc", "abc"),
        ("abc\u202egnp\u202c", "abcgnp"),
        ("\x00bell\x07 \x1b[31m", "bell [31m"),
        ("a\r\nb\u2028c", "a b c"),
        ("\u2800\u3164", ""),
        ("x\ud83d", "x\ufffd"),
        (FAMILY, FAMILY),
        ("نامه\u200cای", "نامه\u200cای"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 6),
        ("  a \t b  ", "a b"),
    ],
)
def test_what_cannot_be_seen_is_left_out(text: str, clean: str) -> None:
    assert line(text) == clean


def test_paragraphs_stay_and_heaps_of_empty_lines_do_not() -> None:
    assert lines("one\r\n\r\n\n\ntwo\n \nthree\n") == "one\n\ntwo\n\nthree"
