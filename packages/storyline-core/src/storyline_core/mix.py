"""Whose turn it is: categories take turns by their shares, so that no count drifts from its share.

The rule is Tijdeman's, in the form of earliest deadlines. Let a category have the weight w of W and x of n posts. Its
debt is the w·n/W − x posts by which it lies behind its share. Its next post may come as soon as its debt would
otherwise become positive, and is due before the debt would exceed one; of those that may come, the one due first
does. While every category has stock, each count stays within one post of its share after every post.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import attrs


@attrs.frozen
class Turn:
    """A category in the order of turns: how many posts it had of how many, and its share of all in per cent."""

    category: str
    had: int
    of: int
    share: int


class Turns:
    """What each category is owed after the posts placed so far.

    A debt is capped at one post: turns that a category lost beyond that count as if it had had them. So a category
    that was empty for a month comes back owed one post, not thirty, and the others meanwhile share by their own
    weights.
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = {category: weight for category, weight in sorted(weights.items()) if weight > 0}
        self._whole = sum(self._weights.values())
        self._debts = dict.fromkeys(self._weights, 0)  # in posts times `_whole`, so that they stay whole numbers
        self._had = dict.fromkeys(self._weights, 0)

    @property
    def categories(self) -> frozenset[str]:
        """The categories that have a share."""
        return frozenset(self._weights)

    def count(self, categories: Iterable[str]) -> None:
        """Take in posts that were placed, in the order of their slots. Those outside the mix do not count."""
        for taker in categories:
            if taker in self._had:
                self._had[taker] += 1
                self._debts[taker] -= self._whole
                for category, weight in self._weights.items():
                    self._debts[category] += weight
                self._forgive()

    def count_unordered(self, by_category: Mapping[str, int]) -> None:
        """Take in posts that were placed in an order that nobody remembers."""
        for category in self._had:
            self._had[category] += max(0, by_category.get(category, 0))
        posts = sum(self._had.values())
        for category, weight in self._weights.items():
            self._debts[category] = weight * posts - self._had[category] * self._whole
        self._forgive()

    def in_order(self) -> list[Turn]:
        """The categories, first the one whose turn it is, then those that would take it over."""
        posts = sum(self._had.values())
        return [
            Turn(category, self._had[category], posts, round(100 * self._weights[category] / self._whole))
            for category in sorted(self._weights, key=self._rank)
        ]

    def _rank(self, category: str) -> tuple[bool, Fraction, str]:
        """Whether it would come too early, how many turns are left until it is due, and its name."""
        weight, debt = self._weights[category], self._debts[category]
        return debt + weight <= 0, Fraction(self._whole - debt, weight), category

    def _forgive(self) -> None:
        """Give each category that is owed more than one post the turns it lost, until none is.

        Such a turn makes the others owed a little more, as every turn does; in the end it does not matter who was
        given theirs first.
        """
        owed = True
        while owed:
            owed = False
            for category, weight in self._weights.items():
                beyond = self._debts[category] - self._whole
                if beyond > 0:
                    owed = True
                    turns = -(-beyond // (self._whole - weight))
                    self._debts[category] -= turns * self._whole
                    for other, its_weight in self._weights.items():
                        self._debts[other] += turns * its_weight
