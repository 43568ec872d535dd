"""A shelf of items in the order in which they are posted, with chance settled by a ring.

Items that are otherwise equal stand on a ring by `sha256(item id)`; who comes first there is the first at or after a
spot that each choice brings along. Finding, taking and returning an item looks at a handful of others, not at all.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

Place = tuple[float, int, bytes, int]
"""Where an item stands: when it was last posted, how often, its spot on the ring, and its id."""

_NEVER = float("-inf")
_FEW = 16
"""Up to so many returning items, inserting each is cheaper than sorting all."""


def place_of(item_id: int, last_posted_at: datetime | None, times_posted: int) -> Place:
    """The place of an item: never posted first, then least recently posted, then fewest posts, then chance."""
    last = _NEVER if last_posted_at is None else last_posted_at.timestamp()
    return last, times_posted, spot_of(str(item_id)), item_id


def spot_of(text: str) -> bytes:
    """Where on the ring something stands."""
    return hashlib.sha256(text.encode()).digest()[:8]


class Shelf:
    """Places in order."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places = sorted(places)

    def __len__(self) -> int:
        return len(self._places)

    def put(self, places: Sequence[Place]) -> None:
        """Add items that were not there."""
        if len(places) <= _FEW:
            for place in places:
                insort(self._places, place)
        else:
            self._places.extend(places)
            self._places.sort()

    def take(self, place: Place) -> bool:
        """Remove an item; whether it was there."""
        index = bisect_left(self._places, place)
        found = index < len(self._places) and self._places[index] == place
        if found:
            del self._places[index]
        return found

    def in_order(self, spot: bytes) -> Iterator[int]:
        """The ids of the items, first to last, going round each ring from this spot."""
        places, begin = self._places, 0
        while begin < len(places):
            last, times = places[begin][:2]
            end = bisect_left(places, (last, times + 1, b"", 0), begin)
            first = bisect_left(places, (last, times, spot, 0), begin, end)
            for index in chain(range(first, end), range(begin, first)):
                yield places[index][3]
            begin = end
