"""Posts in the store: slots, compare and set, claims, proof, the journal, and what the next choice learns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from storyline_core.accounts import Account
from storyline_core.errors import Busy, NotAllowed, NotFound, Stale, StoreError
from storyline_core.media import Description
from storyline_core.posts import Handle, Message, Origin, Post, PostEvent, PostState, Publication, UndoPoint
from storyline_core.reconcile import ChangeSet
from storyline_core.selection import FOR_EVER, Candidate
from storyline_core.store import Hold, Reason, Store, Unit
from storyline_core.store.convert import post_of, row_of
from storyline_core.testing import strategies
from tests.core.store_samples import (
    HOUR,
    NOW,
    added,
    apply,
    counted,
    digest_of,
    fill,
    opened,
    post_for,
    remembered,
    removed,
)

PERSON = "cli:ann"
ACCOUNT = Account("main", ("photos", "drive"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        fill(store, [f"memes/{number}.jpg" for number in range(1, 6)])
        yield store


def moved_on(post: Post, state: PostState, **other: object) -> Post:
    settled = NOW if state.settled else None
    return attrs.evolve(post, state=state, revision=post.revision + 1, settled_at=settled, **other)  # type: ignore[arg-type]


def settle(unit: Unit, post: Post, state: PostState, at: timedelta = timedelta(0)) -> Post:
    after = attrs.evolve(moved_on(post, state), settled_at=NOW + at)
    unit.queue.move(post, after, event="settled", by=PERSON, at=NOW + at)
    return after


def record(unit: Unit, post: Post, *, remote_id: str | None = None) -> Post:
    after = moved_on(post, PostState.POSTED, posted_at=NOW)
    proof = Publication(remote_id, None, NOW, {"title": "T"})
    unit.queue.record(post, after, proof, event=PostEvent.POSTED, by=PERSON, at=NOW)
    return after


@given(
    post=strategies.posts(),
    handle=st.none() | st.builds(Handle, st.just("brand"), st.text(max_size=20), st.none() | strategies.instants),
    message=st.none() | st.builds(Message, st.just("team"), st.text(max_size=20)),
    undo=st.none() | st.builds(UndoPoint, st.sampled_from(PostState), strategies.instants, strategies.instants),
    why=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    excluded=st.lists(st.integers(1), max_size=3).map(tuple),
)
def test_a_post_becomes_a_row_and_the_same_post_again(post: Post, **nested: object) -> None:
    whole = attrs.evolve(post, **nested)  # type: ignore[arg-type]
    assert post_of(row_of(whole)) == whole


def test_every_field_survives_the_database(store: Store) -> None:
    whole = attrs.evolve(
        post_for(1),
        why=("never posted", "grün"),
        excluded=(4, 5),
        handle=Handle("brand", "t\\ok", NOW + timedelta(microseconds=1)),
        message=Message("team", '{"chat": 1}'),
        undo=UndoPoint(PostState.OFFERED, NOW, NOW + HOUR),
        by_hand=True,
        tries=2,
        next_try_at=NOW + timedelta(microseconds=7),
        last_error="a\nb",
        reserved_by=PERSON,
        reserved_until=NOW,
    )
    with store.begin() as unit:
        unit.queue.add(whole)
        assert unit.queue.get(whole.id) == whole


def test_a_slot_is_filled_once(store: Store) -> None:
    with store.begin() as unit:
        assert unit.queue.add(post_for(1, 0))
        assert not unit.queue.add(post_for(1, 0))
        assert not unit.queue.add(attrs.evolve(post_for(2, 0), id="another"))
        assert unit.queue.slot_keys("main", NOW, NOW + HOUR) == {"main/2026-05-01/0"}
        assert unit.queue.slot_keys("main", NOW - HOUR, NOW) == set()
        assert unit.queue.slot_keys("other", NOW, NOW + HOUR) == set()


def test_an_item_and_its_twins_wait_once_in_an_account(store: Store) -> None:
    first = post_for(1, 0, digest=digest_of("same"))
    with store.begin() as unit:
        unit.queue.add(first)
        for again in (post_for(1, 1, digest="other"), post_for(2, 1, digest=digest_of("same"))):
            with pytest.raises(NotAllowed, match=f"Item {again.item_id}, or a twin of it, is already waiting"):
                unit.queue.add(again)
        assert unit.queue.add(post_for(1, 1, account="shop", digest=digest_of("same")))
        assert unit.queue.count_waiting("main") == 1
        assert unit.queue.count_waiting() == 2
        settle(unit, first, PostState.SKIPPED)
        assert unit.queue.add(post_for(1, 1, digest=digest_of("same")))


def test_a_move_into_a_place_that_is_taken_changes_nothing_and_the_unit_goes_on(store: Store) -> None:
    with store.begin() as unit:
        one, two = post_for(1, 0), post_for(2, 1)
        unit.queue.add(one)
        unit.queue.add(two)
        swapped = attrs.evolve(moved_on(two, PostState.SCHEDULED), item_id=1)
        with pytest.raises(NotAllowed, match="Item 1, or a twin of it, is already waiting in account main"):
            unit.queue.move(two, swapped, event=PostEvent.SWAP, by=PERSON, at=NOW)
        assert unit.queue.get(two.id) == two
        assert [entry.event for entry in unit.queue.journal(two.id)] == ["added"]


def test_undo_does_not_bring_a_post_back_beside_a_twin_that_took_its_place(store: Store) -> None:
    with store.begin() as unit:
        one = post_for(1, 0)
        unit.queue.add(one)
        skipped = settle(unit, one, PostState.SKIPPED)
        unit.queue.add(post_for(1, 1))
        back = attrs.evolve(skipped, state=PostState.OFFERED, revision=3, settled_at=None)
        with pytest.raises(NotAllowed):
            unit.queue.move(skipped, back, event=PostEvent.UNDO, by=PERSON, at=NOW)


def test_a_stale_move_changes_nothing_and_tells_what_happened(store: Store) -> None:
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        unit.queue.move(post, moved_on(post, PostState.OFFERING), event=PostEvent.OFFER, by="storyline", at=NOW + HOUR)
        with pytest.raises(Stale) as refused:
            unit.queue.move(post, moved_on(post, PostState.SKIPPED), event=PostEvent.SKIP, by=PERSON, at=NOW + HOUR)
        assert str(refused.value) == f"Post {post.id} is offering since 2026-05-01 13:00 UTC (offer by storyline)."
        assert unit.queue.get(post.id).state is PostState.OFFERING


def test_the_journal_tells_every_move(store: Store) -> None:
    with store.begin() as unit:
        post = attrs.evolve(post_for(1), why=("never posted", "by chance"))
        unit.queue.add(post)
        offering = moved_on(post, PostState.OFFERING)
        unit.queue.move(post, offering, event=PostEvent.OFFER, by="storyline", at=NOW)
        unit.queue.move(
            offering,
            moved_on(offering, PostState.SKIPPED),
            event=PostEvent.SKIP,
            by=PERSON,
            why="not today",
            at=NOW + HOUR,
        )
        told = [(entry.from_, entry.to, entry.event, entry.by, entry.why) for entry in unit.queue.journal(post.id)]
    assert told == [
        (None, "scheduled", "added", "storyline", "never posted; by chance"),
        ("scheduled", "offering", "offer", "storyline", ""),
        ("offering", "skipped", "skip", PERSON, "not today"),
    ]


def test_a_claim_is_one_workers_and_lapses(store: Store) -> None:
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        mine = unit.queue.claim(post, "a", NOW + HOUR, NOW)
        assert (mine.claimed_by, mine.claimed_until, mine.fence) == ("a", NOW + HOUR, 1)
        with pytest.raises(Busy) as refused:
            unit.queue.claim(post, "b", NOW + 2 * HOUR, NOW + HOUR - timedelta(microseconds=1))
        assert refused.value.holder == "a"
        again = unit.queue.claim(mine, "a", NOW + 2 * HOUR, NOW)
        theirs = unit.queue.claim(again, "b", NOW + 9 * HOUR, NOW + 2 * HOUR)
        assert (again.fence, theirs.fence) == (2, 3)
        with pytest.raises(Stale, match="has been taken over by b"):
            unit.queue.move(again, moved_on(again, PostState.OFFERING), event=PostEvent.OFFER, by="a", at=NOW)
        assert unit.queue.release(again).claimed_by == "b"
        assert unit.queue.release(theirs).claimed_by is None
        unit.queue.claim(theirs, "c", NOW + 9 * HOUR, NOW)
        moved = attrs.evolve(theirs, revision=7)
        with pytest.raises(Stale):
            unit.queue.claim(moved, "c", NOW + 9 * HOUR, NOW)


def test_a_release_brings_the_card_unless_the_post_has_moved(store: Store) -> None:
    card = Message("team", "17")
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        mine = unit.queue.claim(post, "a", NOW + HOUR, NOW)
        after = unit.queue.release(mine, message=card)
        assert (after.message, after.claimed_by) == (card, None)
        mine = unit.queue.claim(after, "a", NOW + HOUR, NOW)
        settle(unit, mine, PostState.SKIPPED)
        with pytest.raises(Stale):
            unit.queue.release(mine, message=Message("team", "18"))
        assert unit.queue.get(post.id).message == card


def test_a_post_is_found_by_the_start_of_its_id(store: Store) -> None:
    with store.begin() as unit:
        for number, name in enumerate(("abcd", "abce", "a%"), 1):
            unit.queue.add(attrs.evolve(post_for(number, number), id=name))
        assert unit.queue.get("abcd").id == "abcd"
        assert unit.queue.get("a%").id == "a%"
        with pytest.raises(NotFound, match="Several posts begin with “abc”"):
            unit.queue.get("abc")
        for nothing in ("", "b", "%"):
            with pytest.raises(NotFound, match="There is no post"):
                unit.queue.get(nothing)


def test_proof_comes_with_the_move_and_counts(store: Store) -> None:
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        record(unit, post, remote_id="178")
        proof = unit.queue.publication(post.id)
        assert proof == Publication("178", None, NOW, {"title": "T"})
        assert unit.queue.publications([post.id, "none"]) == {post.id: proof}
        item = unit.library.item(1)
        assert (item.times_posted, item.last_posted_at) == (1, NOW)
        assert unit.queue.last_posted_at(1, "main") == NOW
        assert unit.queue.last_posted_at(1, "other") is None
        assert [view.publication for view in unit.views.posts(unit.queue.history("main"))] == [proof]
        with pytest.raises(NotAllowed, match="has been published as 178"):
            unit.queue.unrecord(post, by=PERSON, at=NOW)


def test_proof_of_a_stale_move_is_not_written(store: Store) -> None:
    post = post_for(1)
    with store.begin() as unit:
        unit.queue.add(post)
        record(unit, post)
    with pytest.raises(Stale), store.begin() as unit:
        record(unit, post)
    with store.read() as unit:
        assert unit.library.item(1).times_posted == 1


def test_a_posting_by_hand_that_was_undone_no_longer_counts(store: Store) -> None:
    with store.begin() as unit:
        post = post_for(1)
        unit.queue.add(post)
        posted = record(unit, post)
        assert [each.times_posted for each in unit.library.candidates(ACCOUNT, NOW)] == [1, 0, 0, 0, 0]
        unit.queue.unrecord(posted, by=PERSON, at=NOW)
        unit.queue.unrecord(posted, by=PERSON, at=NOW)
        assert [each.times_posted for each in unit.library.candidates(ACCOUNT, NOW)] == [0, 0, 0, 0, 0]
        assert unit.library.item(1).times_posted == 0
        assert unit.queue.publication(post.id) is None
        back = attrs.evolve(posted, state=PostState.OFFERED, revision=3, settled_at=None)
        unit.queue.move(posted, back, event=PostEvent.UNDO, by=PERSON, at=NOW)
        record(unit, back)
        assert unit.library.item(1).times_posted == 1


def test_missed_slots_are_recorded_in_bulk_beside_those_that_are_known(store: Store) -> None:
    missed = [attrs.evolve(post_for(None, number), reason="the account was paused") for number in range(500)]
    with store.begin() as unit:
        unit.queue.add(post_for(1, 0))
        with counted(unit.connection.engine) as statements:
            assert unit.queue.add_missed(missed) == 499
        assert len(statements) <= 5
        assert unit.queue.add_missed(missed) == 0
        assert unit.queue.add_missed([]) == 0
        assert len(unit.queue.history("main")) == 499
        assert [entry.why for entry in unit.queue.journal(missed[7].id)] == ["the account was paused"]


def test_the_queue_and_the_history_are_narrowed_and_ordered(store: Store) -> None:
    with store.begin() as unit:
        waiting = [post_for(1, 2), post_for(2, 1), attrs.evolve(post_for(3, 3, account="shop"))]
        for post in waiting:
            unit.queue.add(post)
        done = [post_for(4, 4), post_for(5, 5)]
        for hours, post in enumerate(done):
            unit.queue.add(post)
            settle(unit, post, PostState.SKIPPED, hours * HOUR)
        assert [post.item_id for post in unit.queue.unsettled()] == [2, 1, 3]
        assert [post.item_id for post in unit.queue.unsettled("main")] == [2, 1]
        assert unit.queue.unsettled("main", [PostState.OFFERED, PostState.SKIPPED]) == []
        assert [post.item_id for post in unit.queue.history()] == [5, 4]
        assert [post.item_id for post in unit.queue.history(limit=1)] == [5]
        assert [post.item_id for post in unit.queue.history("main", since=NOW + HOUR)] == [5]
        assert unit.views.queue_numbers("main").by_state == {"scheduled": 2}
        assert unit.views.queue_numbers().oldest_due_at == NOW + HOUR


def test_what_the_next_choice_learns(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [], described={1: Description(tags=("cats",)), 2: Description(tags=("dogs",))})
        for item, ordinal, category in ((1, 2, "memes"), (2, 1, "merch"), (3, 3, ""), (4, 4, "memes")):
            unit.queue.add(attrs.evolve(post_for(item, ordinal), category=category))
        settle(unit, unit.queue.get(post_for(4, 4).id), PostState.REJECTED)
        beside = attrs.evolve(post_for(5, 9), slot_key=None, origin=Origin.NOW, category="merch")
        unit.queue.add(beside)
        placed = unit.queue.placed("main", NOW)
        assert placed.sequence == ("merch", "memes", "")
        assert placed.by_category == {"merch": 1, "memes": 1, "": 1}
        assert unit.queue.placed("main", NOW + 2 * HOUR).sequence == ("memes", "")
        assert unit.queue.placed("main", None, before=NOW + 3 * HOUR).last_tags == ("cats",)
        without = unit.queue.placed("main", None, before=NOW + 3 * HOUR, without=post_for(1, 2).id)
        assert (without.last_tags, without.sequence) == (("dogs",), ("merch", ""))
        assert unit.queue.placed("other", None).sequence == ()


def test_failures_in_a_row(store: Store) -> None:
    with store.begin() as unit:
        for number, state in enumerate(
            (PostState.FAILED, PostState.POSTED, PostState.FAILED, PostState.SKIPPED, PostState.FAILED), 1
        ):
            unit.queue.add(post_for(number, number))
            settle(unit, post_for(number, number), state, number * HOUR)
            counts = unit.queue.failures_in_a_row("main")
            assert counts == (1, 0, 1, 1, 2)[number - 1]
        assert unit.queue.failures_in_a_row("other") == 0


def test_people_may_query_the_views_by_hand(store: Store) -> None:
    with store.begin() as unit:
        unit.queue.add(post_for(1, 0))
        unit.queue.add(post_for(2, 1))
        record(unit, post_for(2, 1), remote_id="178")
        queue = unit.connection.execute(text("SELECT id, name, state FROM posting_queue")).all()
        history = unit.connection.execute(text("SELECT id, remote_id, state FROM posting_history")).all()
    assert [tuple(row) for row in queue] == [(post_for(1, 0).id, "1.jpg", "scheduled")]
    assert [tuple(row) for row in history] == [(post_for(2, 1).id, "178", "posted")]


def test_a_post_of_no_item_that_ever_was_is_refused(store: Store) -> None:
    with pytest.raises(StoreError), store.begin() as unit:
        unit.queue.add(post_for(999))


def candidates(store: Store, account: Account = ACCOUNT, **other: bool) -> dict[str, Candidate]:
    with store.read() as unit:
        return {each.name: each for each in unit.library.candidates(account, NOW, **other)}


def test_candidates_are_what_could_be_posted(store: Store) -> None:
    was = remembered(store)
    fill(store, ["merch/m.jpg"], source="drive")
    fill(store, ["x.jpg"], source="elsewhere")
    with store.begin() as unit:
        apply(unit, [removed(was["memes/1.jpg"])])
        apply(unit, ChangeSet(missing=(2,)))
        apply(unit, [], described={3: Description(requires_interaction=True, tags=("t",))})
    assert set(candidates(store)) == {"3.jpg", "4.jpg", "5.jpg", "m.jpg"}
    assert set(candidates(store, need_no_interaction=True)) == {"4.jpg", "5.jpg", "m.jpg"}
    assert set(candidates(store, attrs.evolve(ACCOUNT, categories=("merch",)))) == {"m.jpg"}
    assert candidates(store)["3.jpg"].tags == ("t",)
    with store.begin() as unit:
        unit.sources.set_paused("drive", True)
    assert set(candidates(store)) == {"3.jpg", "4.jpg", "5.jpg"}


def test_twins_share_recency_holds_and_the_queue(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("twin.jpg", "memes/1.jpg"), added("other.jpg", "memes/2.jpg")], source="drive")
        one = attrs.evolve(post_for(1, 0), digest=digest_of("memes/1.jpg"))
        unit.queue.add(one)
        record(unit, one)
        unit.queue.add(attrs.evolve(post_for(2, 3), digest=digest_of("memes/2.jpg")))
        unit.holds.add(Hold(1, digest_of("memes/1.jpg"), "main", Reason.COOLDOWN, NOW + HOUR, PERSON, NOW))
        unit.holds.add(Hold(3, None, None, Reason.REJECTED, None, PERSON, NOW))
        unit.holds.add(Hold(4, None, "other", Reason.MANUAL, None, PERSON, NOW))
        unit.holds.add(Hold(4, None, "main", Reason.MANUAL, NOW, PERSON, NOW))
    found = candidates(store)
    told = {
        name: (each.times_posted, each.last_posted_at, each.held_until, each.waiting) for name, each in found.items()
    }
    assert told == {
        "1.jpg": (1, NOW, NOW + HOUR, False),
        "twin.jpg": (1, NOW, NOW + HOUR, False),
        "2.jpg": (0, None, None, True),
        "other.jpg": (0, None, None, True),
        "3.jpg": (0, None, FOR_EVER, False),
        "4.jpg": (0, None, None, False),
        "5.jpg": (0, None, None, False),
    }
    assert candidates(store, attrs.evolve(ACCOUNT, name="shop"))["1.jpg"].times_posted == 0


def test_candidates_take_the_same_few_statements_however_many_there_are(store: Store) -> None:
    numbers = []
    for count in (500, 5_000):
        fill(store, [f"{number}.jpg" for number in range(count)], source=f"{count}")
        with store.read() as unit, counted(unit.connection.engine) as statements:
            assert len(unit.library.candidates(Account("main", (f"{count}",)), NOW)) == count
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] <= 5
