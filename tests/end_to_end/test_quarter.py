"""A sample of the simulated quarter (`nox -s quarter` runs all of it), and whether its judge can see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import attrs
import pytest

from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.posts import Publication
from storyline_core.testing.memory_stage import Story
from tests.end_to_end import quarter_judge as judging
from tests.end_to_end.quarter import Quarter
from tests.end_to_end.quarter_alone import Alone
from tests.end_to_end.quarter_hands import Hand, Relay
from tests.end_to_end.quarter_people import ByHand, Deeds, Freed
from tests.end_to_end.quarter_weather import Told
from tests.end_to_end.quarter_world import Plan, accounts_of
from tests.end_to_end.world import SetClock

SAMPLE = Plan(
    days=3,
    items=300,
    off=(1.6, 2.2),
    severity=2.0,
    second_turns=2,
    begins=datetime(2026, 3, 27, 0, 30, tzinfo=UTC),
    answer_within=timedelta(hours=8),
    idle=timedelta(hours=3),
)
"""Over the weekend on which Berlin's clocks change, with everything that goes wrong twice as often."""

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCOUNTS = {account.name: account for account in accounts_of(SAMPLE)}


def _run(plan: Plan, database_url: str) -> None:
    quarter = Quarter(plan, database_url)
    verdict = quarter.run()
    assert not verdict.wrong, "\n".join(verdict.wrong[:20])
    assert verdict.looked["slots"] >= 12 * plan.days - 3
    assert quarter.world.fate.kills
    assert quarter.world.weather.failed


def test_days_on_an_embedded_database_with_one_worker(sqlite_url: str) -> None:
    _run(SAMPLE, sqlite_url)


def test_days_on_a_server_with_three_workers(postgresql_url: str) -> None:
    _run(attrs.evolve(SAMPLE, workers=3, seed=2), postgresql_url)


# The judge sees what is wrong


def _post(number: int, **given: object) -> judging.PostRow:
    at = NOON + number * HOUR
    key = f"studio/2026-05-01/{number}"
    row = judging.PostRow(f"p{number}", "studio", "schedule", key, at, at, 7, "d7", "food", "posted", at, None, "")
    return attrs.evolve(row, **given)  # type: ignore[arg-type]


def _story(post: judging.PostRow, number: int = 1) -> tuple[Story, datetime]:
    return Story(post.id, f"{post.id}-{number}", Publication(f"story-{number}", None, post.slot_at)), post.slot_at


def _stories_judged(post: judging.PostRow, *stories: tuple[Story, datetime]) -> list[str]:
    verdict = judging.Verdict()
    proofs = [judging.PublicationRow(1, post.id, "story-1", None)] if post.state == "posted" else []
    judging.judge_stories(verdict, {post.id: post}, {post.id: []}, proofs, {"stage": stories})
    return verdict.wrong


def test_a_story_that_came_out_twice_is_seen_and_one_of_a_post_that_was_missed() -> None:
    post = _post(1)
    assert _stories_judged(post, _story(post)) == []
    assert "p1 came out 2 times" in _stories_judged(post, _story(post), _story(post, 2))
    assert any("but is missed" in wrong for wrong in _stories_judged(_post(1, state="missed"), _story(post)))
    assert _stories_judged(post) == [
        "p1 has the proof of another story",
        "p1 is posted, but nothing came out and nobody said so",
    ]


def _slots_judged(*posts: judging.PostRow) -> list[str]:
    verdict = judging.Verdict()
    day = datetime(2026, 3, 29, tzinfo=UTC)
    judging.judge_slots(verdict, [ACCOUNTS["harbour"]], posts, (day, day + DAY))
    return verdict.wrong


def test_a_slot_without_an_outcome_is_seen_and_one_at_the_wrong_hour_after_the_clocks_changed() -> None:
    nine = datetime(2026, 3, 29, 7, tzinfo=UTC)
    posts = [
        _post(ordinal, account="harbour", slot_key=f"harbour/2026-03-29/{ordinal}", slot_at=nine + ordinal * 3 * HOUR)
        for ordinal in range(4)
    ]
    assert _slots_judged(*posts) == []
    assert _slots_judged(*posts[1:]) == ["harbour/2026-03-29/0 has 0 posts"]
    assert _slots_judged(*posts, posts[0]) == ["harbour/2026-03-29/0 has 2 posts"]
    assert "still offered" in _slots_judged(attrs.evolve(posts[0], state="offered"), *posts[1:])[0]
    assert "stands at" in _slots_judged(attrs.evolve(posts[0], slot_at=nine + HOUR), *posts[1:])[0]


@pytest.mark.parametrize(
    ("held", "freed", "wrong"),
    [
        (ByHand(7, "d", None, NOON - DAY, None), None, True),
        (ByHand(8, "d7", "studio", NOON - DAY, NOON + DAY), None, True),
        (ByHand(8, "d7", "market", NOON - DAY, NOON + DAY), None, False),
        (ByHand(7, "d7", None, NOON - DAY, NOON - HOUR), None, False),
        (ByHand(7, "d7", None, NOON - DAY, None), Freed(7, "d7", NOON - HOUR), False),
        (ByHand(8, "d8", None, NOON - DAY, None), None, False),
    ],
    ids=["item", "twin", "another account", "over", "freed", "another item"],
)
def test_a_hold_that_is_broken_is_seen(held: ByHand, freed: Freed | None, wrong: bool) -> None:
    post, verdict = _post(0), judging.Verdict()
    deeds = Deeds(held=[held], freed=[freed] if freed else [])
    judging.judge_holds(verdict, ACCOUNTS, {post.id: post}, deeds, [], [_story(post)])
    assert bool(verdict.wrong) is wrong


def test_a_picture_that_comes_back_before_its_cooldown_is_over_is_seen() -> None:
    first, again, later = _post(0), _post(24 * 29), _post(24 * 30)
    for post, wrong in ((again, True), (later, False)):
        verdict = judging.Verdict()
        stories = [_story(first), _story(post)]
        judging.judge_holds(verdict, ACCOUNTS, {each.id: each for each in (first, post)}, Deeds(), [], stories)
        assert bool(verdict.wrong) is wrong


def test_a_category_that_gets_more_than_its_share_is_seen() -> None:
    weights = {"cats": 1, "dogs": 1}
    for categories, wrong in (("cats dogs cats dogs", False), ("cats cats", True), ("cats dogs cats cats", True)):
        shares = judging.Shares(weights)
        placed = {f"p{number}": (NOON + number * HOUR, name) for number, name in enumerate(categories.split())}
        if wrong:
            with pytest.raises(AssertionError, match="ahead of its share"):
                shares.look(placed, "here")
        else:
            shares.look(placed, "here")


def _alerts_judged(*told: tuple[timedelta, bool], cleared: timedelta | None = None) -> list[str]:
    alert = judging.AlertRow(1, "failures/studio", "error", NOON, NOON + cleared if cleared else None)
    said = Alert("failures/studio", AlertLevel.ERROR, "It fails.")
    messages = [Told(attrs.evolve(said, cleared=over), NOON + after, None) for after, over in told]
    heard = judging.Heard({"studio": "studio-team"}, "watch", (), (), {})
    verdict = judging.Verdict()
    judging.judge_alerts(verdict, [alert], {"studio-team": messages}, heard, NOON + 2 * DAY)
    return verdict.wrong


def test_an_alert_that_is_told_too_often_or_not_at_all_is_seen() -> None:
    begun, over = (timedelta(), False), (6 * HOUR, True)
    assert _alerts_judged(begun, (DAY, False)) == []
    assert "told again after 2:00:00" in _alerts_judged(begun, (2 * HOUR, False), (DAY, False))[0]
    assert "was not told again" in _alerts_judged(begun)[0]
    assert "was never told" in _alerts_judged()[0]
    assert _alerts_judged(begun, over, cleared=6 * HOUR) == []
    assert "nobody was told that it is over" in _alerts_judged(begun, cleared=6 * HOUR)[0]
    assert "over twice" in _alerts_judged(begun, over, (7 * HOUR, True), cleared=6 * HOUR)[0]


def test_a_slot_that_was_missed_in_silence_is_seen() -> None:
    post = _post(0, state="missed", item_id=None)
    alert = judging.AlertRow(1, "missed/studio", "warning", NOON, None)
    for alerts, wrong in (([alert], False), ([], True)):
        verdict = judging.Verdict()
        judging.judge_missed(verdict, [post], alerts)
        assert bool(verdict.wrong) is wrong


def test_a_slot_that_was_missed_although_a_worker_turned_in_its_time_is_seen() -> None:
    nobody, down = judging.NOBODY_THERE, "The service is down."
    for reason, begun, ended, wrong in (
        (nobody, NOON + HOUR / 4, NOON + HOUR / 2, True),
        (nobody, NOON - HOUR, NOON + HOUR / 2, False),
        (nobody, NOON + HOUR / 2, NOON + 2 * HOUR, False),
        (down, NOON + HOUR / 4, NOON + HOUR / 2, False),
    ):
        verdict = judging.Verdict(missed=[_post(0, state="missed", reason=reason)])
        judging.judge_attended(verdict, ACCOUNTS, [(begun, ended)])
        assert bool(verdict.wrong) is wrong


@pytest.mark.parametrize(
    ("posts", "stages", "later", "dead", "wrong"),
    [
        ("pp", "st", timedelta(), False, True),
        ("pq", "ss", timedelta(), False, True),
        ("pq", "st", timedelta(), False, False),
        ("pp", "ss", timedelta(minutes=5), False, False),
        ("pp", "ss", timedelta(), True, False),
    ],
    ids=["one post", "one stage", "neither", "its claim has lapsed", "it is dead"],
)
def test_two_workers_at_one_thing_at_once_are_seen(
    posts: str, stages: str, later: timedelta, dead: bool, wrong: bool
) -> None:
    clock = SetClock(NOON)
    alone, relay = Alone(clock), Relay(Random(1), clock)

    def publishes(hand: Hand, post: str, stage: str) -> None:
        with alone.during("publish", post, stage):
            hand.hand_back()

    hands = [relay.hire(name) for name in "ab"]
    for hand, post, stage in zip(hands, posts, stages, strict=True):
        hand.job = lambda hand=hand, post=post, stage=stage: publishes(hand, post, stage)
        hand.go_on()
        hand.dead = dead
        clock.forward(later)
    relay.go_round()
    for hand in hands:
        relay.dismiss(hand)
    assert bool(alone.wrong) is wrong


def test_an_item_that_the_library_lost_is_seen() -> None:
    verdict = judging.Verdict()
    judging.judge_library(verdict, "photos", [], {"cat.jpg": b"cat"}, {3})
    assert len(verdict.wrong) == 3
