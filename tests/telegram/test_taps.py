"""What buttons carry comes back as it was, and nothing else is believed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storyline_telegram.moments import HoldFor, Snooze
from storyline_telegram.taps import (
    MOST_BYTES,
    Action,
    CardTap,
    ListName,
    PageTap,
    Switch,
    SwitchTap,
    Tap,
    decoded,
    encoded,
    place_of,
)

ids = st.from_regex(r"[a-z2-7]{10}", fullmatch=True)
numbers = st.integers(0, 36**6 - 1)
places = st.text(max_size=200).map(place_of)
plain = st.sampled_from(sorted(set(Action) - {Action.SNOOZE, Action.HOLD_FOR}))
taps: st.SearchStrategy[Tap] = st.one_of(
    st.builds(CardTap, plain, ids, numbers),
    st.builds(CardTap, st.just(Action.SNOOZE), ids, numbers, st.sampled_from(sorted(map(str, Snooze)))),
    st.builds(CardTap, st.just(Action.HOLD_FOR), ids, numbers, st.sampled_from(sorted(map(str, HoldFor)))),
    st.builds(SwitchTap, st.sampled_from(Switch), places, st.booleans()),
    st.builds(PageTap, st.sampled_from(ListName), places, numbers),
)


@given(taps)
def test_a_tap_comes_back_as_it_was(tap: Tap) -> None:
    text = encoded(tap)
    assert 1 <= len(text.encode()) <= MOST_BYTES
    assert decoded(text) == tap


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.none(), st.binary()))
@example("1:c:po:k3f9a2bcde:" + "1" * 5_000)
@example("1:c:po:k3f9a2bcde:１")
def test_anything_else_is_nothing(text: object) -> None:
    tap = decoded(text)
    assert tap is None or encoded(tap) == text


@given(taps, st.data())
def test_what_was_cut_off_or_changed_is_never_read_as_something_else(tap: Tap, data: st.DataObject) -> None:
    text = encoded(tap)
    at = data.draw(st.integers(0, len(text) - 1))
    forged = data.draw(
        st.one_of(st.just(text[:at]), st.characters().map(lambda sign: text[:at] + sign + text[at + 1 :]))
    )
    read = decoded(forged)
    assert read is None or encoded(read) == forged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "0:c:po:k3f9a2bcde:1",
        "2:c:po:k3f9a2bcde:1",
        "1:c:po:k3f9a2bcde:01",
        "1:c:po:k3f9a2bcde:-1",
        "1:c:po:k3f9a2bcde:1:",
        "1:c:po:k3f9a2bcde:1:1h",
        "1:c:sn:k3f9a2bcde:1",
        "1:c:sn:k3f9a2bcde:1:9h",
        "1:c:zz:k3f9a2bcde:1",
        "1:c:po:k3f9a2bcde:1\n",
        "1:c:po:k3f9 2bcde:1",
        "1:c:po::1",
        "1:s:pa:xxxxxxxxxxxx:1",
        "1:s:pa:0123456789ab:2",
        "posted:12",
        "1:c:po:k3f9a2bcde:zzzzzzz",
    ],
)
def test_forged_old_and_foreign_texts_are_nothing(text: str) -> None:
    assert decoded(text) is None


@pytest.mark.parametrize(
    "tap",
    [
        CardTap(Action.POSTED, "k3f9:2", 1),
        CardTap(Action.POSTED, "", 1),
        CardTap(Action.POSTED, "k3f9a2bcde", -1),
        CardTap(Action.POSTED, "k3f9a2bcde", 1, "1h"),
        CardTap(Action.SNOOZE, "k3f9a2bcde", 1),
        PageTap(ListName.QUEUE, "main", 0),
    ],
)
def test_what_no_button_could_carry_is_refused(tap: Tap) -> None:
    with pytest.raises(ValueError, match="No button can carry"):
        encoded(tap)
