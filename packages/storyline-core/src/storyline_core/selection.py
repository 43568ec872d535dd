"""Which item is posted when, and why: `choose` for one post, `plan` for many, with the mix and good neighbours.

The order is: never posted first, then least recently posted, then fewest posts, then chance. Recency and count are
those of the picture, whichever of its copies went out. Chance is a ring: the items that are otherwise equal stand on
it by `sha256(item id)`, and the first at or after `sha256(post id, round)` comes next. So a preview and the real
choice agree, an item that is added displaces no other, and a pick costs no look at every item.

Neighbours differ in tag where that costs no more than one place: an item that shares a tag with the post before lets
the next in the order go first, if that one shares no tag with the post before, nor with the item itself (whose turn
then comes next), and has not been posted more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import pairwise

import attrs

from storyline_core.accounts import Account
from storyline_core.explain import about_neighbour, about_order, about_turn, nothing_to_post
from storyline_core.mix import Turn, Turns
from storyline_core.shelf import Place, Shelf, place_of, spot_of

FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""The end of a hold that has none."""


@attrs.frozen
class Candidate:
    """One item as the choice sees it. Recency and count are those of its digest in this account, twins included.

    `held_until` is the end of the longest hold that matches it, for ever being `FOR_EVER`. `waiting` means that it or
    a twin is in the queue, `waiting_at` for which slot.
    """

    item_id: int
    digest: str | None
    category: str
    tags: tuple[str, ...] = ()
    last_posted_at: datetime | None = None
    times_posted: int = 0
    held_until: datetime | None = None
    waiting: bool = False
    waiting_at: datetime | None = None
    name: str = ""


@attrs.frozen
class Pick:
    """The choice for one slot (`candidate` None: nothing eligible) and the reasons, as sentences for a person."""

    at: datetime
    post_id: str
    candidate: Candidate | None
    why: tuple[str, ...]


@attrs.frozen
class Placed:
    """What the choice remembers of the posts before: per category since the mix last changed, and the last tags.

    `sequence` names the categories of the same posts in the order of their slots. Where it is given it counts instead
    of `by_category`, because it alone tells which turns a category has lost for want of stock.
    """

    by_category: Mapping[str, int] = attrs.field(factory=dict)
    last_tags: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()


@attrs.frozen
class Opening:
    """One post that needs an item: its id, its instant, and (after swaps) its round and what was swapped away."""

    post_id: str
    at: datetime
    round: int = 0
    excluded: tuple[int, ...] = ()


def choose(
    candidates: Iterable[Candidate],
    account: Account,
    opening: Opening,
    placed: Placed = Placed(),
    *,
    within_mix: bool = True,
) -> Pick:
    """The choice for one post: nothing but a plan of one, so that previews tell the truth.

    Posts beside the slots are chosen with `within_mix=False`. For a swap, `placed` leaves out the post itself.
    """
    return plan(candidates, account, (opening,), placed, within_mix=within_mix)[0]


def plan(
    candidates: Iterable[Candidate],
    account: Account,
    openings: Sequence[Opening],
    placed: Placed = Placed(),
    *,
    within_mix: bool = True,
    ahead: bool = False,
) -> tuple[Pick, ...]:
    """The choices for many posts, in the order of their instants, assuming that each goes as planned.

    With `ahead`, what waits now is taken for posted at its time, and can come again; a plan that is to be carried out
    at once leaves it alone. Raises `ValueError` when the openings are not in order.
    """
    if any(later.at < earlier.at for earlier, later in pairwise(openings)):
        raise ValueError("The openings of a plan must come in the order of their instants.")
    if not openings:
        return ()
    turns = _turns(account, placed) if within_mix and account.mix.weights else None
    stock = _Stock(candidates, account, turns, openings[0].at, ahead=ahead)
    tags = placed.last_tags
    picks = []
    for opening in openings:
        pick = _pick(stock, turns, opening, tags)
        if pick.candidate is not None:
            stock.take(pick.candidate, opening.at)
            tags = pick.candidate.tags
            if turns is not None:
                turns.count((pick.candidate.category,))
        picks.append(pick)
    return tuple(picks)


def as_posted(candidate: Candidate, at: datetime, account: Account) -> Candidate:
    """The candidate (or its twin) as it is once a post of its picture with this slot's instant has gone as planned.

    It is back at the end of its cooldown, but not for slots that were filled while it was still waiting.
    """
    back = at + max(account.cooldown_posted, account.fill_ahead)
    held = candidate.held_until
    return attrs.evolve(
        candidate,
        last_posted_at=at if candidate.last_posted_at is None else max(at, candidate.last_posted_at),
        times_posted=candidate.times_posted + 1,
        held_until=back if held is None else max(back, held),
        waiting=False,
        waiting_at=None,
    )


def _turns(account: Account, placed: Placed) -> Turns:
    allowed = account.categories
    turns = Turns({name: weight for name, weight in account.mix.weights.items() if not allowed or name in allowed})
    if placed.sequence:
        turns.count(placed.sequence)
    else:
        turns.count_unordered(placed.by_category)
    return turns


def _pick(stock: _Stock, turns: Turns | None, opening: Opening, tags: tuple[str, ...]) -> Pick:
    stock.release(opening.at)
    lost: list[Turn] = []
    for turn in turns.in_order() if turns is not None else (None,):
        queue = stock.in_order(opening, turn.category if turn else None)
        first = next(queue, None)
        if first is not None:
            chosen = _better_neighbour(first, queue, tags)
            why = [about_order(chosen.last_posted_at, chosen.times_posted, opening.at)]
            if turn is not None:
                why.append(about_turn(turn, lost))
            if chosen is not first:
                why.append(about_neighbour(first.name or f"item {first.item_id}"))
            return Pick(opening.at, opening.post_id, chosen, tuple(why))
        if turn is not None:
            lost.append(turn)
    late = stock.free_in_time(opening)
    if late is not None:
        return Pick(
            opening.at, opening.post_id, late, (about_order(late.last_posted_at, late.times_posted, opening.at),)
        )
    return Pick(opening.at, opening.post_id, None, (stock.why_empty(),))


def _better_neighbour(first: Candidate, others: Iterator[Candidate], tags: tuple[str, ...]) -> Candidate:
    if set(tags).isdisjoint(first.tags):
        return first
    second = next(others, None)
    if second is None or second.times_posted > first.times_posted:
        return first
    return second if set(second.tags).isdisjoint((*tags, *first.tags)) else first


class _Stock:
    """What can be posted through a plan: items leave when they are chosen and return when their holds end."""

    def __init__(
        self, candidates: Iterable[Candidate], account: Account, turns: Turns | None, now: datetime, *, ahead: bool
    ) -> None:
        self._account = account
        self._ahead = ahead
        self._by_category = turns is not None
        self._allowed = turns.categories if turns is not None else frozenset(account.categories) or None
        self._items: dict[int, Candidate] = {}
        self._copies: dict[str, list[int]] = {}
        self._returns: list[tuple[datetime, int]] = []
        self._free: dict[int, datetime] = {}
        self._held = self._waiting = self._outside = 0
        places: dict[str | None, list[Place]] = {}
        for given in candidates:
            candidate = self._gone_out(given) if ahead and given.waiting_at is not None else given
            if self._sort_in(candidate, now):
                places.setdefault(self._label(candidate), []).append(_place(candidate))
        self._shelves = {label: Shelf(found) for label, found in places.items()}
        heapify(self._returns)

    def _gone_out(self, waiting: Candidate) -> Candidate:
        """A waiting item as it is once its post has gone as planned."""
        if waiting.waiting_at is None:
            return waiting
        if self._allows(waiting):
            self._note_free(waiting, waiting.waiting_at)
        return as_posted(waiting, waiting.waiting_at, self._account)

    def _note_free(self, posted: Candidate, at: datetime) -> None:
        cooled = at + self._account.cooldown_posted
        before = self._free.get(posted.item_id, posted.held_until)
        self._free[posted.item_id] = cooled if before is None else max(cooled, before)

    def _sort_in(self, candidate: Candidate, now: datetime) -> bool:
        """Take notice of an item; whether it can be posted now."""
        self._items[candidate.item_id] = candidate
        if candidate.digest:
            self._copies.setdefault(candidate.digest, []).append(candidate.item_id)
        if not self._allows(candidate):
            self._outside += 1
        elif candidate.waiting:
            self._waiting += 1
        elif candidate.held_until is not None and candidate.held_until > now:
            self._held += 1
            self._returns.append((candidate.held_until, candidate.item_id))
        else:
            return True
        return False

    def release(self, now: datetime) -> None:
        """Put back what is no longer held at this instant."""
        while self._returns and self._returns[0][0] <= now:
            until, item_id = heappop(self._returns)
            candidate = self._items[item_id]
            if candidate.held_until == until:
                self._held -= 1
                self._shelves.setdefault(self._label(candidate), Shelf()).put(_place(candidate))

    def in_order(self, opening: Opening, category: str | None) -> Iterator[Candidate]:
        """What can be posted, first to last, without what was swapped away. `category` is None outside a mix."""
        if category not in self._shelves:
            return
        excluded = self._with_copies(opening.excluded)
        for item_id in self._shelves[category].in_order(spot_of(f"{opening.post_id}/{opening.round}")):
            if item_id not in excluded:
                yield self._items[item_id]

    def take(self, chosen: Candidate, at: datetime) -> None:
        """Note that this item is posted at that instant, and with it every copy of it."""
        for item_id in self._with_copies((chosen.item_id,)):
            before = self._items[item_id]
            if before.waiting or not self._allows(before):
                continue
            after = as_posted(before, at, self._account)
            shelf = self._shelves.get(self._label(before))
            stood = shelf is not None and shelf.take(_place(before))
            self._held += stood
            self._items[item_id] = after
            self._note_free(before, at)
            if after.held_until is not None and (stood or after.held_until != before.held_until):
                heappush(self._returns, (after.held_until, item_id))

    def free_in_time(self, opening: Opening) -> Candidate | None:
        """What a slot gets that stood empty when it was first to be filled: whatever has gone out first since.

        That was still waiting then, but is free, and cooled down, before the slot's instant. Only a plan that looks
        ahead can know; a filling leaves the slot empty and comes again.
        """
        if not self._ahead:
            return None
        excluded = self._with_copies(opening.excluded)
        free = Shelf(
            _place(self._items[item_id])
            for item_id, since in self._free.items()
            if since <= opening.at and item_id not in excluded
        )
        first = next(free.in_order(spot_of(f"{opening.post_id}/{opening.round}")), None)
        return None if first is None else self._items[first]

    def why_empty(self) -> str:
        """Why nothing can be posted."""
        while self._returns and self._items[self._returns[0][1]].held_until != self._returns[0][0]:
            heappop(self._returns)
        until = self._returns[0][0] if self._returns else FOR_EVER
        return nothing_to_post(
            held=self._held,
            until=None if until >= FOR_EVER else until.astimezone(self._account.schedule.zone),
            waiting=self._waiting,
            swapped=sum(map(len, self._shelves.values())),
            outside=self._outside,
        )

    def _allows(self, candidate: Candidate) -> bool:
        return self._allowed is None or candidate.category in self._allowed

    def _label(self, candidate: Candidate) -> str | None:
        return candidate.category if self._by_category else None

    def _with_copies(self, item_ids: Iterable[int]) -> frozenset[int]:
        """These items and every copy of them that is known."""
        digests = [self._items[item_id].digest for item_id in item_ids if item_id in self._items]
        return frozenset(item_ids).union(*(self._copies[digest] for digest in digests if digest))


def _place(candidate: Candidate) -> Place:
    return place_of(candidate.item_id, candidate.last_posted_at, candidate.times_posted)
