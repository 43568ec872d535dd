"""The choice against a slow chooser that looks at everything for every post, and the properties people rely on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.accounts import Account, Mix
from storyline_core.selection import FOR_EVER, Candidate, Opening, Pick, Placed, as_posted, choose, plan

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CATEGORIES = ("", "memes", "merch")

instants = st.integers(-60, 30).map(lambda hours: NOW + hours * HOUR)


@st.composite
def libraries(draw: st.DrawFn) -> list[Candidate]:
    """Few categories, tags, digests and times, so that everything coincides often; twins agree as they must."""
    digests = draw(st.lists(st.sampled_from(["", "a", "b", "c", "d", "e"]), max_size=14))
    shared = {
        digest: (
            draw(st.none() | instants.filter(lambda at: at < NOW)),
            draw(st.integers(1, 3)),
            draw(st.sampled_from([False, False, False, True])),
        )
        for digest in "abcde"
    }
    library = []
    for number, digest in enumerate(digests):
        last, times, waiting = shared[digest] if digest else (draw(st.none() | st.just(NOW - HOUR)), 1, False)
        library.append(
            Candidate(
                item_id=number * 7 + 1,
                digest=digest or None,
                category=draw(st.sampled_from(CATEGORIES)),
                tags=tuple(draw(st.sets(st.sampled_from("xyz"), max_size=2))),
                last_posted_at=last,
                times_posted=0 if last is None else times,
                held_until=draw(st.none() | instants | st.just(FOR_EVER)),
                waiting=waiting,
            )
        )
    return library


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    weights = draw(st.dictionaries(st.sampled_from(CATEGORIES), st.integers(1, 5)))
    return Account(
        name="main",
        sources=("photos",),
        categories=tuple(draw(st.sets(st.sampled_from(CATEGORIES)) if draw(st.booleans()) else st.just(set()))),
        mix=Mix(weights),
        cooldown_posted=draw(st.integers(0, 40)) * HOUR,
        fill_ahead=draw(st.sampled_from([0, 5, 24])) * HOUR,
    )


@st.composite
def openings(draw: st.DrawFn) -> list[Opening]:
    gaps = draw(st.lists(st.integers(0, 12), max_size=12))
    at, made = NOW, []
    for number, gap in enumerate(gaps):
        at += gap * HOUR
        excluded = tuple(draw(st.sets(st.integers(0, 13), max_size=2)))
        made.append(
            Opening(f"post{number}", at, round=draw(st.integers(0, 2)), excluded=tuple(n * 7 + 1 for n in excluded))
        )
    return made


placings = st.builds(
    Placed,
    sequence=st.lists(st.sampled_from((*CATEGORIES, "gone")), max_size=12).map(tuple),
    last_tags=st.sets(st.sampled_from("xyz"), max_size=2).map(tuple),
)


# --- the slow chooser ------------------------------------------------------------------------------------------------


def slow_plan(
    library: Iterable[Candidate], account: Account, wanted: Sequence[Opening], placed: Placed
) -> list[int | None]:
    """The rules as they are written, one look at everything for every post."""
    now = list(library)
    tags, history = set(placed.last_tags), list(placed.sequence)
    chosen: list[int | None] = []
    for opening in wanted:
        away = {each.digest for each in now if each.item_id in opening.excluded and each.digest}
        able = [
            each
            for each in now
            if not each.waiting
            and (each.held_until is None or each.held_until <= opening.at)
            and each.item_id not in opening.excluded
            and each.digest not in away
            and (not account.categories or each.category in account.categories)
        ]
        if account.mix.weights:
            by_turn = slow_turns(account, history)
            stocked = [category for category in by_turn if any(each.category == category for each in able)]
            able = [each for each in able if stocked and each.category == stocked[0]]
        able.sort(key=lambda each: slow_rank(each, opening))
        if not able:
            chosen.append(None)
            continue
        pick = able[0]
        if len(able) > 1 and tags & set(pick.tags):
            other = able[1]
            if other.times_posted <= pick.times_posted and not set(other.tags) & (tags | set(pick.tags)):
                pick = other
        chosen.append(pick.item_id)
        tags, history = set(pick.tags), [*history, pick.category]
        now = [
            as_posted(each, opening.at, account)
            if each.item_id == pick.item_id or (each.digest is not None and each.digest == pick.digest)
            else each
            for each in now
        ]
    return chosen


def slow_rank(each: Candidate, opening: Opening) -> tuple[bool, float, int, int]:
    def number(text: str) -> int:
        return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)

    way_round = (number(str(each.item_id)) - number(f"{opening.post_id}/{opening.round}")) % 2**64
    last = 0.0 if each.last_posted_at is None else each.last_posted_at.timestamp()
    return each.last_posted_at is not None, last, each.times_posted, way_round


def slow_turns(account: Account, history: Sequence[str]) -> list[str]:
    """By debts as fractions, worked out anew from the whole history."""
    weights = {
        category: weight
        for category, weight in account.mix.weights.items()
        if not account.categories or category in account.categories
    }
    share = {category: Fraction(weight, sum(weights.values())) for category, weight in weights.items()}
    owed = dict.fromkeys(share, Fraction(0))
    for taker in history:
        if taker not in owed:
            continue
        owed = {category: debt + share[category] - (category == taker) for category, debt in owed.items()}
        while max(owed.values()) > 1:
            lost = max(owed, key=owed.__getitem__)
            owed = {category: debt + share[category] - (category == lost) for category, debt in owed.items()}
    may_come = [category for category in owed if owed[category] + share[category] > 0]
    due = {category: (1 - owed[category]) / share[category] for category in owed}
    return sorted(owed, key=lambda category: (category not in may_come, due[category], category))


# --- properties ------------------------------------------------------------------------------------------------------


def ids(picks: Iterable[Pick]) -> list[int | None]:
    return [pick.candidate.item_id if pick.candidate else None for pick in picks]


@settings(max_examples=200)
@given(libraries(), accounts(), openings(), placings)
def test_a_plan_is_what_the_slow_chooser_chooses(
    library: list[Candidate], account: Account, wanted: list[Opening], placed: Placed
) -> None:
    picks = plan(library, account, wanted, placed)
    assert ids(picks) == slow_plan(library, account, wanted, placed)
    assert [(pick.post_id, pick.at) for pick in picks] == [(opening.post_id, opening.at) for opening in wanted]
    assert all(pick.why and all(pick.why) for pick in picks)


@settings(max_examples=150)
@given(libraries(), accounts(), openings(), placings)
def test_filling_post_by_post_gives_what_the_plan_said(
    library: list[Candidate], account: Account, wanted: list[Opening], placed: Placed
) -> None:
    foreseen = plan(library, account, wanted, placed)
    one_by_one = []
    for opening in wanted:
        pick = choose(library, account, opening, placed)
        one_by_one.append(pick)
        if pick.candidate is not None:
            library = went_as_planned(library, pick, account)
            placed = Placed(last_tags=pick.candidate.tags, sequence=(*placed.sequence, pick.candidate.category))
    assert tuple(one_by_one) == foreseen


def went_as_planned(library: list[Candidate], pick: Pick, account: Account) -> list[Candidate]:
    taken = pick.candidate
    assert taken is not None
    return [
        as_posted(each, pick.at, account)
        if each.item_id == taken.item_id or (each.digest and each.digest == taken.digest)
        else each
        for each in library
    ]


@given(libraries(), accounts(), openings(), placings, st.randoms(use_true_random=False))
def test_the_order_in_which_the_library_comes_does_not_matter(
    library: list[Candidate], account: Account, wanted: list[Opening], placed: Placed, chance: object
) -> None:
    shuffled = list(library)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(shuffled, account, wanted, placed) == plan(library, account, wanted, placed)


@given(libraries(), accounts(), openings(), placings)
def test_a_picture_never_comes_again_within_its_cooldown_nor_while_it_could_still_be_waiting(
    library: list[Candidate], account: Account, wanted: list[Opening], placed: Placed
) -> None:
    seen: dict[str | int, datetime] = {}
    for pick in plan(library, account, wanted, placed):
        if pick.candidate is not None:
            picture = pick.candidate.digest or pick.candidate.item_id
            if picture in seen:
                assert pick.at - seen[picture] >= max(account.cooldown_posted, account.fill_ahead)
            seen[picture] = pick.at


@st.composite
def mixes(draw: st.DrawFn) -> dict[str, int]:
    return draw(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 99), min_size=1))


@given(mixes(), st.integers(0, 150))
def test_while_all_have_stock_every_prefix_is_within_one_post_of_its_share(
    weights: dict[str, int], already: int
) -> None:
    """Also where the first part was placed before, and the plan goes on from there."""
    account = Account(name="main", sources=(), mix=Mix(weights))
    library = stock(dict.fromkeys(weights, 300))
    before = plan(library, account, hourly(already))
    gone = {pick.candidate.item_id for pick in before if pick.candidate}
    sequence = tuple(pick.candidate.category for pick in before if pick.candidate)
    after = plan(
        [each for each in library if each.item_id not in gone],
        account,
        hourly(150, first=already),
        Placed(sequence=sequence),
    )
    counts: Counter[str] = Counter()
    for number, pick in enumerate((*before, *after), start=1):
        assert pick.candidate is not None
        counts[pick.candidate.category] += 1
        for category, weight in weights.items():
            assert abs(counts[category] - Fraction(weight, sum(weights.values())) * number) <= 1


@given(mixes().filter(lambda weights: len(weights) > 1), st.integers(1, 60), st.data())
def test_a_category_that_comes_back_is_owed_one_post_and_not_all_it_missed(
    weights: dict[str, int], absence: int, data: st.DataObject
) -> None:
    account = Account(name="main", sources=(), mix=Mix(weights))
    absent = data.draw(st.sampled_from(sorted(weights)))
    rest = {category: 300 for category in weights if category != absent}
    without = plan(stock(rest), account, hourly(absence))
    sequence = tuple(pick.candidate.category for pick in without if pick.candidate)
    assert len(sequence) == absence
    gone = {pick.candidate.item_id for pick in without if pick.candidate}
    back = stock({**rest, absent: 300})
    after = plan(
        [each for each in back if each.item_id not in gone or each.category == absent],
        account,
        hourly(60, first=absence),
        Placed(sequence=sequence),
    )
    came = 0
    for number, pick in enumerate(after, start=1):
        came += pick.candidate is not None and pick.candidate.category == absent
        assert came <= Fraction(weights[absent], sum(weights.values())) * number + 2


@given(mixes().filter(lambda weights: len(weights) > 2), st.data())
def test_while_a_category_is_empty_the_others_share_by_their_own_weights(
    weights: dict[str, int], data: st.DataObject
) -> None:
    account = Account(name="main", sources=(), mix=Mix(weights))
    absent = data.draw(st.sampled_from(sorted(weights)))
    rest = {category: weight for category, weight in weights.items() if category != absent}
    picks = plan(stock(dict.fromkeys(rest, 200)), account, hourly(120))
    counts = Counter(pick.candidate.category for pick in picks if pick.candidate)
    for category, weight in rest.items():
        assert abs(counts[category] - Fraction(weight, sum(rest.values())) * 120) <= 2


@given(st.dictionaries(st.sampled_from("abc"), st.integers(1, 12), min_size=1), st.integers(1, 3))
def test_without_a_mix_everything_is_posted_equally_often_so_categories_follow_their_stock(
    sizes: dict[str, int], rounds: int
) -> None:
    account = Account(name="main", sources=(), cooldown_posted=timedelta(), fill_ahead=timedelta())
    library = stock(sizes)
    picks = plan(library, account, hourly(len(library) * rounds))
    counts = Counter(pick.candidate.category for pick in picks if pick.candidate)
    assert counts == {category: size * rounds for category, size in sizes.items()}


@given(st.integers(2, 40), st.integers(0, 5), st.integers(0, 10**6))
def test_an_item_that_is_added_displaces_no_other_except_where_it_comes_itself(
    size: int, added: int, seed: int
) -> None:
    account = Account(name="main", sources=())
    old = stock({"a": size})
    new = [attrs.evolve(each, item_id=each.item_id + 10_000) for each in stock({"a": added})]
    opening = Opening(f"post{seed}", NOW)
    before, after = choose(old, account, opening), choose([*old, *new], account, opening)
    assert after == before or (after.candidate is not None and after.candidate in new)


def stock(sizes: dict[str, int]) -> list[Candidate]:
    """So many never posted items of each category, each with an id that says which it is."""
    return [
        Candidate(item_id=1_000 * (ord(category) - ord("a")) + number, digest=None, category=category)
        for category, size in sizes.items()
        for number in range(size)
    ]


def hourly(count: int, *, first: int = 0) -> list[Opening]:
    return [Opening(f"post{number}", NOW + number * HOUR) for number in range(first, first + count)]
