"""The choice by example: what people read, and each rule at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from storyline_core.accounts import Account, Mix, Schedule, slots_between
from storyline_core.posts import post_id
from storyline_core.selection import FOR_EVER, Candidate, Opening, Pick, Placed, as_posted, choose, plan

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT = Account(name="main", sources=("photos",))


def item(
    item_id: int,
    *,
    category: str = "",
    tags: Sequence[str] = (),
    days_ago: float | None = None,
    times: int | None = None,
    digest: str | None = None,
    held: datetime | None = None,
    waiting: bool = False,
) -> Candidate:
    return Candidate(
        item_id=item_id,
        digest=digest or f"digest{item_id}",
        category=category,
        tags=tuple(tags),
        last_posted_at=None if days_ago is None else NOW - days_ago * DAY,
        times_posted=times if times is not None else int(days_ago is not None),
        held_until=held,
        waiting=waiting,
        name=f"picture{item_id}.jpg",
    )


def chosen(picks: Sequence[Pick]) -> list[int | None]:
    return [pick.candidate.item_id if pick.candidate else None for pick in picks]


def one(library: Sequence[Candidate], account: Account = ACCOUNT, **opening: object) -> Pick:
    return choose(library, account, Opening("post", NOW, **opening))  # type: ignore[arg-type]


def days(count: int) -> list[Opening]:
    return [Opening(f"post{number}", NOW + number * DAY) for number in range(count)]


def test_never_posted_then_least_recently_then_fewest() -> None:
    library = [
        item(1, days_ago=40, times=1),
        item(2, days_ago=41, times=9),
        item(3),
        item(4, days_ago=41, times=2),
    ]
    picks = plan(library, ACCOUNT, days(5))
    assert chosen(picks) == [3, 4, 2, 1, None]
    assert [pick.why[0] for pick in picks] == [
        "never posted before",
        "last posted 42 days ago (twice)",
        "last posted 43 days ago (9 times)",
        "last posted 43 days ago (once)",
        "4 items on hold (the first until 2026-05-31 09:00 UTC)",
    ]


def test_chance_spreads_over_what_is_equal_and_is_always_the_same() -> None:
    """These very ids were in people's previews: another version must not change its mind."""
    library = [item(number) for number in range(1, 101)]
    picks = [choose(library, ACCOUNT, Opening(f"post{number}", NOW)) for number in range(200)]
    assert chosen(picks[:8]) == GOLDEN_CHANCE
    assert len(set(chosen(picks))) > 60


GOLDEN_CHANCE = [89, 83, 14, 26, 54, 18, 27, 39]


@pytest.mark.parametrize(
    ("held", "eligible"),
    [
        (None, True),
        (NOW, True),
        (NOW - DAY, True),
        (NOW + timedelta(microseconds=1), False),
        (FOR_EVER, False),
    ],
)
def test_a_hold_keeps_an_item_out_until_it_ends(held: datetime | None, eligible: bool) -> None:
    assert chosen([one([item(1, held=held)])]) == ([1] if eligible else [None])


def test_a_held_item_returns_to_its_old_place_in_the_order() -> None:
    library = [item(1, days_ago=90, held=NOW + 2 * DAY), *(item(number, days_ago=80 - number) for number in (2, 3, 4))]
    assert chosen(plan(library, ACCOUNT, days(4))) == [2, 3, 1, 4]


def test_many_items_that_return_together_are_all_there() -> None:
    library = [item(number, days_ago=100 + number, held=NOW + DAY) for number in range(40)]
    assert chosen(plan(library, ACCOUNT, days(4))) == [None, 39, 38, 37]


def test_what_is_waiting_is_not_chosen_again() -> None:
    library = [item(1, waiting=True), item(2, digest="same", waiting=True), item(3, digest="same", waiting=True)]
    assert one(library).why == ("3 items already waiting to be posted",)


def test_a_swap_leaves_out_what_was_swapped_away_and_its_copies() -> None:
    library = [item(1, digest="same"), item(2, digest="same"), item(3, days_ago=50)]
    assert chosen([one(library, excluded=(1,), round=1)]) == [3]
    assert chosen([one(library, excluded=(1, 3), round=2)]) == [None]
    assert one(library, excluded=(1, 3), round=2).why == ("3 items swapped away",)
    assert chosen([one(library, excluded=(99,), round=1)]) != [3]


def test_another_round_is_another_chance() -> None:
    library = [item(number) for number in range(1, 101)]
    rounds = [one(library, round=number) for number in range(20)]
    assert len(set(chosen(rounds))) > 5


def test_a_copy_is_kept_back_with_the_item_that_was_posted() -> None:
    library = [item(1, digest="same"), item(2, digest="same"), item(3, days_ago=200)]
    picks = plan(library, ACCOUNT, days(40))
    assert 3 in chosen(picks[:2])
    assert set(chosen(picks[2:30])) == {None}
    assert chosen(picks[30:32])[0] in {1, 2}
    assert picks[30].why[0] == "last posted 30 days ago (once)"


def test_a_copy_that_was_held_just_as_long_returns_only_once() -> None:
    account = attrs.evolve(ACCOUNT, cooldown_posted=DAY, fill_ahead=timedelta())
    library = [item(1, digest="same"), item(2, digest="same", held=NOW + DAY)]
    picks = plan(library, account, [Opening("a", NOW), Opening("b", NOW + DAY), Opening("c", NOW + DAY)])
    assert chosen(picks)[0] == 1
    assert picks[1].candidate is not None
    assert picks[2].why == ("2 items on hold (the first until 2026-05-03 09:00 UTC)",)


def test_a_short_cooldown_does_not_bring_back_what_is_still_waiting_when_the_slot_is_filled() -> None:
    account = attrs.evolve(ACCOUNT, cooldown_posted=timedelta(), fill_ahead=2 * DAY)
    assert chosen(plan([item(1)], account, days(5))) == [1, None, 1, None, 1]


def test_as_posted_keeps_a_longer_hold_and_a_later_posting() -> None:
    later = item(1, days_ago=-1, held=FOR_EVER)
    after = as_posted(later, NOW, ACCOUNT)
    assert (after.held_until, after.last_posted_at, after.times_posted) == (FOR_EVER, NOW + DAY, 2)


def test_account_categories_narrow_the_choice() -> None:
    library = [item(1, category="memes"), item(2, category="merch"), item(3)]
    assert chosen([one(library, attrs.evolve(ACCOUNT, categories=("merch",)))]) == [2]
    assert one(library, attrs.evolve(ACCOUNT, categories=("cats",))).why == (
        "3 items outside the categories that are posted",
    )


def test_categories_outside_the_mix_are_posted_only_beside_the_slots() -> None:
    account = attrs.evolve(ACCOUNT, mix=Mix({"memes": 1}))
    library = [item(1, category="merch")]
    assert chosen([one(library, account)]) == [None]
    beside = choose(library, account, Opening("post", NOW), within_mix=False)
    assert (chosen([beside]), beside.why) == ([1], ("never posted before",))


def test_the_root_is_a_category_like_any_other() -> None:
    account = attrs.evolve(ACCOUNT, mix=Mix({"": 1, "memes": 1}))
    library = [item(1), item(2, category="memes")]
    assert one(library, account).why[1] == "(no category) comes first in the mix: share 50 %"


def test_an_empty_category_loses_its_turn_and_the_reason_says_so() -> None:
    account = attrs.evolve(ACCOUNT, mix=Mix({"memes": 70, "merch": 20, "cats": 10}))
    library = [item(1, category="cats"), item(2, category="merch", waiting=True)]
    assert one(library, account).why == (
        "never posted before",
        "memes and merch had nothing to post, so their turn went to cats",
    )


def test_what_was_placed_in_an_unknown_order_counts_too_with_debts_of_one_at_most() -> None:
    account = attrs.evolve(ACCOUNT, mix=Mix({"memes": 1, "merch": 1}))
    library = [item(number, category="memes" if number % 2 else "merch") for number in range(20)]
    picks = plan(library, account, days(6), Placed(by_category={"memes": 30, "merch": 2, "gone": 5}))
    assert [pick.candidate.category for pick in picks if pick.candidate] == [
        "merch",
        "merch",
        "memes",
        "merch",
        "memes",
        "merch",
    ]
    assert picks[0].why[1] == "merch is owed a post: 2 of 32 so far, share 50 %"


def test_a_mix_that_the_account_does_not_allow_posts_nothing() -> None:
    account = attrs.evolve(ACCOUNT, mix=Mix({"memes": 1}), categories=("merch",))
    assert chosen([one([item(1, category="memes"), item(2, category="merch")], account)]) == [None]


class TestNeighbours:
    """Who goes first when the post before has a tag in common with the one whose turn it is."""

    placed = Placed(last_tags=("sea",))

    def choose(self, *library: Candidate) -> Pick:
        return choose(library, ACCOUNT, Opening("post", NOW), self.placed)

    def test_the_next_goes_before_it(self) -> None:
        pick = self.choose(item(1, tags=["sea"], days_ago=50), item(2, tags=["town"], days_ago=40))
        assert chosen([pick]) == [2]
        assert pick.why == (
            "last posted 40 days ago (once)",
            "goes before picture1.jpg, which shares a tag with the post before",
        )

    def test_but_only_the_next(self) -> None:
        library = [item(1, tags=["sea"], days_ago=50), item(2, tags=["sea"], days_ago=49), item(3, days_ago=48)]
        assert chosen([self.choose(*library)]) == [1]

    def test_and_not_if_that_would_keep_the_first_waiting_once_more(self) -> None:
        library = [item(1, tags=["sea", "blue"], days_ago=50), item(2, tags=["blue"], days_ago=49)]
        assert chosen([self.choose(*library)]) == [1]

    def test_and_never_what_was_posted_more_often(self) -> None:
        assert chosen([self.choose(item(1, tags=["sea"]), item(2, days_ago=400))]) == [1]
        assert chosen([self.choose(item(1, tags=["sea"], days_ago=50), item(2, days_ago=49, times=2))]) == [1]

    def test_the_first_comes_right_after(self) -> None:
        library = [item(1, tags=["sea"], days_ago=50), item(2, tags=["town"], days_ago=40), item(3, days_ago=30)]
        assert chosen(plan(library, ACCOUNT, days(3), self.placed)) == [2, 1, 3]

    def test_a_plan_remembers_the_tags_of_each_post(self) -> None:
        library = [item(n, tags=["sea"] if n <= 2 else ["town"], days_ago=100 - n) for n in range(1, 5)]
        assert chosen(plan(library, ACCOUNT, days(4))) == [1, 3, 2, 4]
        library = [item(n, tags=["sea"] if n % 4 < 2 else ["town"], days_ago=100 - n) for n in range(1, 6)]
        assert chosen(plan(library, ACCOUNT, days(5))) == [1, 2, 4, 3, 5]


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=59), "less than an hour ago"),
        (timedelta(hours=-5), "less than an hour ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47, minutes=59), "47 hours ago"),
        (timedelta(hours=48), "2 days ago"),
        (timedelta(days=41, hours=23), "41 days ago"),
    ],
)
def test_how_long_ago(ago: timedelta, words: str) -> None:
    assert one([item(1, days_ago=ago / DAY, times=12)]).why == (f"last posted {words} (12 times)",)


def test_why_nothing_can_be_posted() -> None:
    account = attrs.evolve(ACCOUNT, categories=("memes",), schedule=Schedule(zone=ZoneInfo("Europe/Berlin")))
    library = [
        item(1, category="memes", held=FOR_EVER),
        item(2, category="memes", held=NOW + 3 * DAY),
        item(3, category="memes", waiting=True),
        item(4),
    ]
    assert " ".join(one(library, account).why) == (
        "2 items on hold (the first until 2026-05-04 11:00 CEST), 1 item already waiting to be posted"
        " and 1 item outside the categories that are posted"
    )
    assert one([library[0]], account).why == ("1 item on hold (for ever)",)
    assert one([], account).why == ("there is no item for this account",)


def test_openings_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="order"):
        plan([item(1)], ACCOUNT, days(2)[::-1])
    assert plan([item(1)], ACCOUNT, ()) == ()


def test_a_week_as_people_read_it() -> None:
    account = attrs.evolve(
        ACCOUNT,
        schedule=Schedule(posts_per_day=2, opens=time(9), closes=time(21), zone=ZoneInfo("Europe/Berlin")),
        mix=Mix({"memes": 70, "merch": 30}),
        cooldown_posted=5 * DAY,
    )
    library = [
        item(1, category="memes", tags=["cat"]),
        item(2, category="memes", tags=["cat"], days_ago=20),
        item(3, category="memes", tags=["dog"], days_ago=19),
        item(4, category="memes", tags=["dog"], days_ago=3, times=2, held=NOW + 2 * DAY),
        item(5, category="memes", tags=["cat"], days_ago=30, times=4),
        item(6, category="merch", tags=["shirt"], days_ago=41, times=12),
        item(7, category="merch", tags=["mug"], days_ago=12),
        item(8, category="merch", held=FOR_EVER),
        item(9, category="old"),
    ]
    slots = list(slots_between(account, NOW, NOW + 7 * DAY))
    picks = plan(
        library,
        account,
        [Opening(post_id(slot.key), slot.at) for slot in slots],
        Placed(sequence=("memes", "merch", "memes", "memes"), last_tags=("cat",)),
    )
    lines = []
    for slot, pick in zip(slots, picks, strict=True):
        at, name = slot.at.astimezone(account.schedule.zone), pick.candidate.name if pick.candidate else "-"
        lines += [f"{at:%a %H:%M} {name}", *(f"    {why}" for why in pick.why)]
    assert "\n".join(lines) == GOLDEN_WEEK.strip()


GOLDEN_WEEK = """
Fri 14:42 picture1.jpg
    never posted before
    memes is owed a post: 3 of 4 so far, share 70 %
Sat 09:24 picture6.jpg
    last posted 41 days ago (12 times)
    merch is owed a post: 1 of 5 so far, share 30 %
Sat 14:58 picture5.jpg
    last posted 31 days ago (4 times)
    memes is owed a post: 4 of 6 so far, share 70 %
Sun 09:15 picture3.jpg
    last posted 20 days ago (once)
    memes is owed a post: 5 of 7 so far, share 70 %
    goes before picture2.jpg, which shares a tag with the post before
Sun 14:52 picture2.jpg
    last posted 22 days ago (once)
    memes is owed a post: 6 of 8 so far, share 70 %
Mon 09:10 picture7.jpg
    last posted 14 days ago (once)
    merch is owed a post: 2 of 9 so far, share 30 %
Mon 14:54 picture4.jpg
    last posted 6 days ago (twice)
    memes is owed a post: 7 of 10 so far, share 70 %
Tue 09:18 -
    8 items on hold (the first until 2026-05-06 14:42 CEST) and 1 item outside the categories that are posted
Tue 14:32 -
    8 items on hold (the first until 2026-05-06 14:42 CEST) and 1 item outside the categories that are posted
Wed 09:01 -
    8 items on hold (the first until 2026-05-06 14:42 CEST) and 1 item outside the categories that are posted
Wed 14:31 -
    8 items on hold (the first until 2026-05-06 14:42 CEST) and 1 item outside the categories that are posted
Thu 09:26 picture1.jpg
    last posted 5 days ago (once)
    memes is owed a post: 8 of 11 so far, share 70 %
Thu 14:48 picture6.jpg
    last posted 5 days ago (13 times)
    merch is owed a post: 3 of 12 so far, share 30 %
Fri 09:12 picture5.jpg
    last posted 5 days ago (5 times)
    memes is owed a post: 9 of 13 so far, share 70 %
"""
