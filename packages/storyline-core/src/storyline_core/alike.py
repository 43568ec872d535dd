"""Which pictures are alike: the pairs of 64-bit likenesses that differ in few bits, and the groups they make.

Never every picture with every other one: likenesses that differ in few bits agree almost wholly in at least one of
their four quarters, and only those that do are compared. How nearly the quarters must agree is shared out so that no
pair can slip through: for 8 bits, two flipped bits in the first quarter or one in any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

BITS = 64
_QUARTERS = 4
_WIDE = BITS // _QUARTERS
_MASK = (1 << _WIDE) - 1
MOST = 3 * _QUARTERS - 1
"""So many differing bits at most: beyond that, looking takes longer than comparing all."""


def distance(one: int, other: int) -> int:
    """In how many bits two likenesses differ: 0 to 64."""
    return (one ^ other).bit_count()


def pairs_within(likenesses: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """The places of every two of these different likenesses that differ in at most that many bits, each pair once.

    Raises `ValueError` for more than `MOST` bits, for which this way of looking would miss some.
    """
    if most > MOST:
        raise ValueError(f"At most {MOST} bits can be looked for, not {most}.")
    flips = [_flips((most + _QUARTERS - number) // _QUARTERS - 1) for number in range(_QUARTERS)]
    shelves: list[dict[int, list[int]]] = [{} for _ in range(_QUARTERS)]
    for place, bits in enumerate(likenesses):
        near: set[int] = set()
        for number, shelf in enumerate(shelves):
            quarter = bits >> (number * _WIDE) & _MASK
            for flip in flips[number]:
                near.update(shelf.get(quarter ^ flip, ()))
            shelf.setdefault(quarter, []).append(place)
        for other in near:
            if (bits ^ likenesses[other]).bit_count() <= most:
                yield other, place


def _flips(most: int) -> list[int]:
    """Every way to flip at most so many bits of a quarter; none at all for a negative number."""
    return [sum(1 << bit for bit in bits) for count in range(most + 1) for bits in combinations(range(_WIDE), count)]


def groups_alike(bits_of: Mapping[str, int], most: int) -> list[list[str]]:
    """The groups of contents (by digest) that are alike, in order. Who is alike nobody is in no group.

    Alike is not passed on by nature: where a is alike b and b is alike c, all three are one group, however far c is
    from a.
    """
    digests_of: dict[int, list[str]] = {}
    for digest in sorted(bits_of):
        digests_of.setdefault(bits_of[digest], []).append(digest)
    different = list(digests_of)
    leaders = list(range(len(different)))
    for one, other in pairs_within(different, most):
        _unite(leaders, one, other)
    grouped: dict[int, list[str]] = {}
    for place, bits in enumerate(different):
        grouped.setdefault(_leader(leaders, place), []).extend(digests_of[bits])
    return sorted(sorted(group) for group in grouped.values() if len(group) > 1)


def _unite(leaders: list[int], one: int, other: int) -> None:
    first, second = sorted((_leader(leaders, one), _leader(leaders, other)))
    leaders[second] = first


def _leader(leaders: list[int], place: int) -> int:
    while leaders[place] != place:
        leaders[place] = leaders[leaders[place]]
        place = leaders[place]
    return place
