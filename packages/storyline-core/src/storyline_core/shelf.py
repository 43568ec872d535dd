"""A shelf of items in the order in which they are posted, with chance settled by a ring.

Items that are otherwise equal stand on a ring by `sha256(item id)`; who comes first there is the first at or after a
spot that each choice brings along. Finding, taking and returning an item looks at a few others, never at all.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import datetime

Place = tuple[float, int, bytes, int]
"""Where an item stands: when it was last posted, how often, its spot on the ring, and its id."""

_NEVER = float("-inf")
_BOARD = 512
"""How many places a board holds at first; one of twice as many is sawn in two."""


def place_of(item_id: int, last_posted_at: datetime | None, times_posted: int) -> Place:
    """The place of an item: never posted first, then least recently posted, then fewest posts, then chance."""
    last = _NEVER if last_posted_at is None else last_posted_at.timestamp()
    return last, times_posted, spot_of(str(item_id)), item_id


def spot_of(text: str) -> bytes:
    """Where on the ring something stands."""
    return hashlib.sha256(text.encode()).digest()[:8]


class Shelf:
    """Places in order, on boards short enough that putting one in moves few others."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        ordered = sorted(places)
        self._boards = [ordered[begin : begin + _BOARD] for begin in range(0, len(ordered), _BOARD)]
        self._ends = [board[-1] for board in self._boards]

    def __len__(self) -> int:
        return sum(map(len, self._boards))

    def put(self, place: Place) -> None:
        """Add an item that was not there."""
        if not self._boards:
            self._boards, self._ends = [[]], [place]
        index = min(bisect_left(self._ends, place), len(self._ends) - 1)
        board = self._boards[index]
        insort(board, place)
        if len(board) >= 2 * _BOARD:
            self._boards[index : index + 1] = [board[:_BOARD], board[_BOARD:]]
            self._ends.insert(index, board[_BOARD - 1])
            index += 1
        self._ends[index] = self._boards[index][-1]

    def take(self, place: Place) -> bool:
        """Remove an item; whether it was there."""
        index = bisect_left(self._ends, place)
        if index == len(self._boards):
            return False
        board = self._boards[index]
        spot = bisect_left(board, place)
        if board[spot] != place:
            return False
        del board[spot]
        if board:
            self._ends[index] = board[-1]
        else:
            del self._boards[index], self._ends[index]
        return True

    def in_order(self, spot: bytes) -> Iterator[int]:
        """The ids of the items, first to last, going round each ring from this spot."""
        ring = self._first_from((_NEVER, 0, b"", 0))
        while ring is not None:
            last, times = ring[:2]
            begin, turn, end = (last, times, b"", 0), (last, times, spot, 0), (last, times + 1, b"", 0)
            yield from self._between(turn, end)
            yield from self._between(begin, turn)
            ring = self._first_from(end)

    def _first_from(self, begin: Place) -> Place | None:
        index = bisect_left(self._ends, begin)
        if index == len(self._boards):
            return None
        board = self._boards[index]
        return board[bisect_left(board, begin)]

    def _between(self, begin: Place, end: Place) -> Iterator[int]:
        """The ids of the items with `begin` <= place < `end`."""
        index = bisect_left(self._ends, begin)
        skipped = bisect_left(self._boards[index], begin) if index < len(self._boards) else 0
        for board in self._boards[index:]:
            for position in range(skipped, len(board)):
                if board[position] >= end:
                    return
                yield board[position][3]
            skipped = 0
