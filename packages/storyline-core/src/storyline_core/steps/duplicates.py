"""Duplicates: the items that have the same bytes, in whatever sources, and those that look alike."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import attrs

from storyline_core.alike import distance, groups_alike
from storyline_core.media import MediaItem
from storyline_core.pictures import ALIKE_WITHIN, LIKENESS_VERSION
from storyline_core.store import Store, Unit


class Sameness(StrEnum):
    """Whether items have the same bytes or only look alike."""

    SAME = "same"
    ALIKE = "alike"


@attrs.frozen
class Copy:
    """One item of a group, and in how many of 64 bits its looks differ from those of the group's first."""

    item: MediaItem
    distance: int = 0


@attrs.frozen
class Duplicates:
    """Living items that are the same, or alike, the one worth keeping first.

    That is the most often posted; of those the one of most pixels, the largest file, the oldest.
    """

    kind: Sameness
    copies: tuple[Copy, ...]

    @property
    def digest(self) -> str:
        """The content of the first."""
        return self.copies[0].item.digest or ""

    @property
    def distance(self) -> int:
        """How far the one that differs most is from the first, in bits of 64; 0 for the same bytes."""
        return max(copy.distance for copy in self.copies)

    @property
    def waste(self) -> int:
        """How many bytes all but the first take."""
        return sum(copy.item.size for copy in self.copies[1:])


def find_duplicates(store: Store, *, near: bool = False) -> tuple[Duplicates, ...]:
    """The groups of living items with the same bytes, across all sources, those that waste most first.

    With `near` those that look alike follow, as far as their likenesses are known. Empty files are no duplicates.
    """
    with store.read() as unit:
        same = [_group(Sameness.SAME, [Copy(item) for item in group]) for group in unit.library.duplicates()]
        alike = _alike(unit) if near else []
    return (*_dearest_first(same), *_dearest_first(alike))


def _alike(unit: Unit) -> list[Duplicates]:
    bits_of = unit.likenesses.known(LIKENESS_VERSION)
    groups = groups_alike(bits_of, ALIKE_WITHIN)
    items = unit.library.living_by_digest([digest for group in groups for digest in group])
    found = []
    for group in groups:
        members = _in_order(item for digest in group for item in items.get(digest, ()))
        if len({item.digest for item in members}) > 1:
            first = bits_of[members[0].digest or ""]
            copies = [Copy(item, distance(first, bits_of[item.digest or ""])) for item in members]
            found.append(Duplicates(Sameness.ALIKE, tuple(copies)))
    return found


def _group(kind: Sameness, copies: list[Copy]) -> Duplicates:
    by_item = {copy.item.id: copy for copy in copies}
    return Duplicates(kind, tuple(by_item[item.id] for item in _in_order(copy.item for copy in copies)))


def _in_order(items: Iterable[MediaItem]) -> list[MediaItem]:
    def worth(item: MediaItem) -> tuple[int, int, int, int]:
        return -item.times_posted, -(item.width or 0) * (item.height or 0), -item.size, item.id

    return sorted(items, key=worth)


def _dearest_first(groups: Iterable[Duplicates]) -> list[Duplicates]:
    return sorted(groups, key=lambda group: (-group.waste, group.digest))
