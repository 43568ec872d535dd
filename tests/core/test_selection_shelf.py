"""The shelf against a plain sorted list, with more items than fit on one board."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.shelf import Place, Shelf, place_of, spot_of

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def random_place(chance: random.Random) -> Place:
    """Many of few kinds, so that rings are long and lie across boards."""
    posted = chance.random() < 0.7
    return place_of(
        chance.randrange(10**9),
        NOW - timedelta(days=chance.randrange(4)) if posted else None,
        chance.randrange(1, 3) if posted else 0,
    )


def plain_order(places: set[Place], spot: bytes) -> list[int]:
    """Each ring turned so that it begins at the spot."""
    return [
        item_id
        for _, _, _, _, item_id in sorted((last, times, at < spot, at, item_id) for last, times, at, item_id in places)
    ]


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 511, 512, 513, 3000]))
def test_a_shelf_is_a_sorted_list(seed: int, size: int) -> None:
    chance = random.Random(seed)
    places = {random_place(chance) for _ in range(size)}
    shelf = Shelf(places)
    for _ in range(4):
        for place in [random_place(chance) for _ in range(chance.choice([3, 1500]))]:
            if place not in places:
                places.add(place)
                shelf.put(place)
        for place in chance.sample(sorted(places), len(places) * 3 // 4):
            assert shelf.take(place)
            assert not shelf.take(place)
            places.remove(place)
        spot = spot_of(str(seed))
        assert len(shelf) == len(places)
        assert list(shelf.in_order(spot)) == plain_order(places, spot)


def test_items_that_come_in_order_are_found_in_order() -> None:
    """Each goes to the end of the last board, or to the beginning of the first; the very last saws one in two."""
    places = sorted(random_place(random.Random(number)) for number in range(5120))
    for coming in (places, places[::-1]):
        shelf = Shelf()
        for place in coming:
            shelf.put(place)
        assert list(shelf.in_order(b"")) == [place[3] for place in places]
        assert all(shelf.take(place) for place in reversed(coming))
        assert len(shelf) == 0
        assert list(shelf.in_order(b"")) == []
