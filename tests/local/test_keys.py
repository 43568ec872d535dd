"""Keys spell exact bytes, can be read back, and stay inside the folder."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storyline_local.keys import BadKey, name_key, name_shown, readable, spell, unspell

NAMES = st.binary(min_size=1, max_size=30).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)}


@given(PATHS)
@example("caf\u00e9.jpg".encode("latin-1"))
@example(b"50%.jpg")
@example(b"%E9.jpg")
@example("e\u0301 \U0001f600.jpg".encode())
@example(b"\xc2\x85.jpg")
@example(b"\xed\xa0\x80")
def test_every_path_can_be_read_back_from_its_key(path: bytes) -> None:
    key = spell(path)
    assert unspell(key) == path
    assert not {ord(sign) for sign in key} & FORBIDDEN
    assert not {ord(sign) for sign in readable(path)} & FORBIDDEN


@given(NAMES)
def test_the_quick_way_for_names_agrees(name: bytes) -> None:
    assert name_key(os.fsdecode(name)) == spell(name)
    assert name_shown(os.fsdecode(name)) == readable(name)


def test_ordinary_names_are_their_own_keys() -> None:
    for path in ("merch/tee.jpg", "Z\u00fcrich/\u6c34 \U0001f30a.png", "a b/c'd\"e.mov"):
        assert spell(path.encode()) == path


def test_people_see_a_percent_sign_as_it_is() -> None:
    assert spell(b"50%.jpg") == "50%25.jpg"
    assert readable(b"50%.jpg") == "50%.jpg"
    assert readable(b"caf\xe9.jpg") == spell(b"caf\xe9.jpg") == "caf%E9.jpg"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x.jpg", "a/../../x.jpg", "a//b", "./a", "a/", "%00.jpg", "a%2Fb", "100%", "%41", "\ud800"],
)
def test_a_key_cannot_lead_out_of_the_folder(key: str) -> None:
    with pytest.raises(BadKey):
        unspell(key)
