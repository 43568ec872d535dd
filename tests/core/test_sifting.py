"""The daily pass's share, what has to settle, and when to look again: the rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.changes import ChangeKind, ChangeSet, Gate, Gates
from storyline_core.media import FileProblem, ListedFile, Listing, ListingMode, RememberedFile
from storyline_core.reconcile import reconcile, sift, to_hash
from storyline_core.sifting import A_DAY, DAYS, share_of_day, to_check
from storyline_core.steps.looking import is_held_up
from storyline_core.steps.report import MOST_DEFERRED, look_again

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9
STILL = timedelta(seconds=2)


def entry_of(key: str, *, age: float = 1_000, digest: str | None = None) -> ListedFile:
    return ListedFile(key, key, "", 7, NOW_NS - int(age * 1e9), "1", "image/jpeg", digest)


def files(count: int) -> list[ListedFile]:
    return [entry_of(f"{number}.jpg") for number in range(count)]


def item_of(number: int, key: str, **other: Any) -> RememberedFile:
    entry = entry_of(key)
    facts = (number, key, key, "", entry.size, entry.mtime_ns, entry.version, f"{number:064}", NOW_NS)
    return attrs.evolve(RememberedFile(*facts), **other)


@given(st.integers(0, A_DAY), st.integers())
def test_a_small_library_is_read_whole_every_day(count: int, day: int) -> None:
    assert len(share_of_day(files(count), day)) == count


@given(st.integers(0, 40_000), st.integers(0, 20))
def test_every_file_has_a_turn_within_thirty_days_even_while_the_library_grows(day: int, growth: int) -> None:
    seen: set[str] = set()
    for number in range(DAYS):
        seen |= share_of_day(files(400 + growth * number * 20), day + number)
    assert seen >= {entry.key for entry in files(400)}


@pytest.mark.parametrize("count", [501, 3_000, 20_000])
def test_a_share_is_about_what_it_should_be_and_the_same_every_time(count: int) -> None:
    shares = [share_of_day(files(count), day) for day in range(DAYS)]
    most = max(A_DAY, count / DAYS)
    assert all(most * 0.4 < len(share) < most * 1.2 for share in shares)
    assert shares == [share_of_day(files(count)[::-1], day) for day in range(DAYS)]


def test_what_has_its_digest_from_the_source_is_not_read_again() -> None:
    assert share_of_day([entry_of("a.jpg", digest="0" * 64), entry_of("b.jpg")], 3) == {"b.jpg"}


def test_what_is_due_is_left_in_and_decides_nothing_by_itself() -> None:
    rows = [attrs.astuple(item_of(number, f"{number}.jpg"), recurse=False) for number in range(4)]
    listing = Listing(tuple(files(4)), racy_margin_ns=0)
    sifted = sift(rows, listing, due={"1.jpg", "3.jpg"})
    assert {entry.key for entry in sifted.listing.files} == {"1.jpg", "3.jpg"}
    assert sifted.remembered.living == 4
    assert to_hash(sifted.remembered, sifted.listing, now_ns=NOW_NS).entries == ()
    assert reconcile(sifted.remembered, sifted.listing, {}, Gates(), NOW).nothing


def test_only_what_is_due_and_not_read_anyway_is_added_once() -> None:
    listed = [*files(4), entry_of("2.jpg")]
    assert [entry.key for entry in to_check(listed, {"1.jpg", "2.jpg"}, {"1.jpg"})] == ["2.jpg"]


def removals(items: Sequence[RememberedFile], gates: Gates) -> ChangeSet:
    listing = Listing((), mode=ListingMode.SUBTREE, gone=tuple(item.key for item in items))
    others = [item_of(100 + number, f"other-{number}.jpg") for number in range(100)]
    return reconcile([*items, *others], listing, {}, gates, NOW)


def test_in_a_part_only_what_has_been_missing_for_long_enough_is_removed() -> None:
    before = NOW - STILL
    items = [
        item_of(1, "new.jpg"),
        item_of(2, "a moment.jpg", missing_since=before + timedelta(microseconds=1)),
        item_of(3, "long.jpg", missing_since=before),
    ]
    changes = removals(items, Gates(missing_before=before))
    assert [change.key for change in changes.of(ChangeKind.REMOVED)] == ["long.jpg"]
    assert changes.settling == ("a moment.jpg", "new.jpg")
    assert changes.missing == (1,)
    assert not changes.held
    everything = removals(items, Gates())
    assert (len(everything.of(ChangeKind.REMOVED)), everything.settling) == (3, ())


def test_what_a_gate_holds_back_does_not_settle() -> None:
    items = [item_of(number, f"{number}.jpg") for number in range(40)]
    changes = removals(items, Gates(missing_before=NOW))
    assert [held.gate for held in changes.held] == [Gate.REMOVALS]
    assert changes.settling == ()


def test_nothing_that_waits_is_nothing_to_look_at_again() -> None:
    assert look_again(ChangeSet(), (), Listing(()), STILL, NOW) == ((), None)


def test_the_next_look_is_when_the_first_young_file_can_be_read() -> None:
    listing = Listing((entry_of("old.jpg", age=1.5), entry_of("new.jpg", age=0.25), entry_of("not.jpg", age=1.9)))
    young = ["new.jpg", "old.jpg"]
    keys, again = look_again(ChangeSet(), young, listing, STILL, NOW)
    assert (keys, again) == (("new.jpg", "old.jpg"), NOW + timedelta(seconds=0.5))


def test_looks_do_not_follow_each_other_without_a_pause() -> None:
    listing = Listing((entry_of("a.jpg", age=1.99),))
    assert look_again(ChangeSet(), ["a.jpg"], listing, STILL, NOW)[1] == NOW + timedelta(milliseconds=250)


def test_what_moved_under_its_reader_or_settles_is_looked_at_in_two_seconds() -> None:
    changes = ChangeSet(deferred=(FileProblem("b.jpg", "it moved"),), settling=("a.jpg",))
    assert look_again(changes, (), Listing(()), STILL, NOW) == (("a.jpg", "b.jpg"), NOW + timedelta(seconds=2))


def test_no_more_places_are_named_than_can_be_kept() -> None:
    changes = ChangeSet(settling=tuple(f"{number:04}.jpg" for number in range(MOST_DEFERRED + 1)))
    keys, _ = look_again(changes, (), Listing(()), STILL, NOW)
    assert len(keys) == MOST_DEFERRED
    assert keys[0] == "0000.jpg"


def test_a_cursor_stays_where_it_is_while_pages_are_missing() -> None:
    assert is_held_up(Listing((), mode=ListingMode.CHANGES, complete=False, cursor="2"), ChangeSet(), ())
    assert not is_held_up(Listing((), mode=ListingMode.CHANGES, cursor="2"), ChangeSet(), ())
