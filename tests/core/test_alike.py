"""Which likenesses are near each other: held to the plain comparison of every one with every other one."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.alike import BITS, MOST, distance, groups_alike, pairs_within

ANY = st.integers(0, 2**BITS - 1)
FLIPS = st.sets(st.integers(0, BITS - 1), max_size=MOST + 2)


@st.composite
def crowded(draw: st.DrawFn) -> list[int]:
    """Likenesses that differ from a few others in about as many bits as is looked for."""
    centres = draw(st.lists(ANY, min_size=1, max_size=4))
    flipped = draw(st.lists(st.tuples(st.sampled_from(centres), FLIPS), max_size=25))
    return list(dict.fromkeys([*centres, *(centre ^ sum(1 << bit for bit in bits) for centre, bits in flipped)]))


@given(crowded(), st.integers(0, MOST))
def test_no_pair_is_missed_or_made_up_or_told_twice(likenesses: list[int], most: int) -> None:
    found = list(pairs_within(likenesses, most))
    places = range(len(likenesses))
    assert sorted(found) == [
        (one, other) for one, other in combinations(places, 2) if distance(likenesses[one], likenesses[other]) <= most
    ]


@given(crowded(), st.integers(0, MOST), st.randoms(use_true_random=False))
def test_groups_are_what_is_linked_whatever_the_order(likenesses: list[int], most: int, chance: object) -> None:
    bits_of = {f"{place % 7}{place:03}": bits for place, bits in enumerate([*likenesses, *likenesses[:3]])}
    linked = {digest: {digest} for digest in bits_of}
    for one, other in combinations(bits_of, 2):
        if distance(bits_of[one], bits_of[other]) <= most and linked[one] is not linked[other]:
            whole = linked[one] | linked[other]
            linked.update(dict.fromkeys(whole, whole))
    wanted = sorted({tuple(sorted(group)) for group in linked.values() if len(group) > 1})
    shuffled = list(bits_of.items())
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [tuple(group) for group in groups_alike(dict(shuffled), most)] == wanted


def test_a_group_may_hold_two_that_are_far_apart() -> None:
    chain = {"a": 0, "b": 0b1111_1111, "c": 0b1111_1111_1111_1111, "d": 1 << 63 | 0xFFFF << 30}
    assert groups_alike(chain, 8) == [["a", "b", "c"]]
    assert distance(chain["a"], chain["c"]) == 16


def test_more_bits_than_can_be_looked_for_are_refused() -> None:
    with pytest.raises(ValueError, match="11 bits"):
        list(pairs_within([1, 2], MOST + 1))
