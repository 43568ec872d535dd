"""What may be added early is what would have been added in the end, and nothing else is decided otherwise for it."""

from __future__ import annotations

from datetime import timedelta

import attrs
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.certainty import Certain, certain, left_over
from storyline_core.changes import Change, ChangeKind, Gate, Gates, RememberedIndex, Waiting
from storyline_core.media import Fingerprint, Listing, ListingMode, Unread, Unseen
from storyline_core.reconcile import reconcile, sift, to_hash
from tests.core.test_reconcile_rules import (
    EXAMPLES,
    NOW,
    NOW_NS,
    PLACES,
    Lying,
    Tree,
    World,
    fingerprint,
    item_of,
    look,
    worlds,
)


@attrs.frozen
class Seen:
    """Everything a run has before it decides."""

    index: RememberedIndex
    listing: Listing
    readings: dict[str, Fingerprint | Unread]
    gates: Gates


@st.composite
def sights(draw: st.DrawFn) -> Seen:
    """A world that is seen more or less well, under gates of all kinds."""
    world = draw(worlds(distinct=draw(st.booleans())))
    hidden = draw(st.sets(st.sampled_from(("a", "b/s", "c")), max_size=1))
    unseen = tuple(Unseen(folder, "no permission") for folder in hidden)
    listing = look(world, unseen=unseen, complete=draw(st.integers(0, 4)) > 0)
    shown = [entry for entry in listing.files if entry.folder.partition("/")[0] not in hidden]
    twice = [attrs.evolve(entry, mtime_ns=entry.mtime_ns + draw(st.integers(0, 1))) for entry in shown[:1]]
    files = (*shown, *twice) if draw(st.integers(0, 3)) == 0 else tuple(shown)
    listing = attrs.evolve(listing, files=files, filters=draw(st.sampled_from(("", "", "other"))))
    rows = [attrs.astuple(item, recurse=False) for item in world.items]
    sifted = sift(rows, listing)
    readings: dict[str, Fingerprint | Unread] = {}
    for entry in to_hash(sifted.remembered, sifted.listing, now_ns=NOW_NS).entries:
        readings[entry.key] = draw(_ends(world, entry.key))
    waits = draw(st.sets(st.sampled_from(PLACES), max_size=2))
    gates = Gates(
        filters_before=draw(st.sampled_from((None, ""))),
        keys_survive_renames=draw(st.integers(0, 3)) == 0,
        accept_removals=draw(st.booleans()),
        min_removals=draw(st.integers(0, 3)),
        folder_size=draw(st.integers(1, 3)),
        waiting={key: Waiting(key, NOW - timedelta(hours=2), 1) for key in waits},
    )
    return Seen(sifted.remembered, sifted.listing, readings, gates)


def _ends(world: World, key: str) -> st.SearchStrategy[Fingerprint | Unread]:
    """How reading a file ends; it may have grown to the size of another since it was listed."""
    reading = fingerprint(key, world.tree[key])
    other = fingerprint(key, Lying("content 1", 7, 7))
    unread = [Unread(key, "moving"), Unread(key, "denied", passing=False), Unread(key, "vanished", gone=True)]
    return st.sampled_from([reading] * 8 + [other] + unread)


def settle(found: Certain, readings: dict[str, Fingerprint | Unread], chosen: list[str]) -> list[Change]:
    changes = []
    for key in chosen:
        reading = readings[key]
        if isinstance(reading, Fingerprint) and (change := found.settle(reading)) is not None:
            changes.append(change)
    return changes


@EXAMPLES
@given(sights(), st.data())
def test_added_early_or_in_the_end_is_the_same(seen: Seen, data: st.DataObject) -> None:
    whole = reconcile(seen.index, seen.listing, seen.readings, seen.gates, NOW)
    found = certain(seen.index, seen.listing, seen.gates)
    chosen = data.draw(st.lists(st.sampled_from(sorted(seen.readings)), unique=True)) if seen.readings else []
    early = settle(found, seen.readings, chosen)
    keys = {change.key for change in early}
    index, listing = left_over(seen.index, seen.listing, keys)
    readings = {key: reading for key, reading in seen.readings.items() if key not in keys}
    rest = reconcile(index, listing, readings, seen.gates, NOW)
    assert attrs.evolve(rest, changes=()) == attrs.evolve(whole, changes=())
    assert {*early, *rest.changes} == {*whole.changes}
    assert len(early) + len(rest.changes) == len(whole.changes)
    assert all(change.kind is ChangeKind.ADDED for change in early)


def seen_of(
    before: Tree,
    now: Tree,
    gates: Gates = Gates(),  # noqa: B008 it is frozen
    mode: ListingMode = ListingMode.FULL,
    scope: tuple[str, ...] = (),
) -> Seen:
    items = [item_of(number + 1, path, lying) for number, (path, lying) in enumerate(before.items())]
    listing = attrs.evolve(look(World(items, now)), mode=mode, scope=scope)
    sifted = sift([attrs.astuple(item, recurse=False) for item in items], listing)
    plan = to_hash(sifted.remembered, sifted.listing, now_ns=NOW_NS)
    readings: dict[str, Fingerprint | Unread] = {
        entry.key: fingerprint(entry.key, now[entry.key]) for entry in plan.entries
    }
    return Seen(sifted.remembered, sifted.listing, readings, gates)


def certain_keys(seen: Seen) -> list[str]:
    found = certain(seen.index, seen.listing, seen.gates)
    return sorted(change.key for change in settle(found, seen.readings, list(seen.readings)))


OLD = {"a/0.jpg": Lying("content", 1, 1), "a/1.jpg": Lying("other", 2, 2)}
NEW = {"b/0.jpg": Lying("much longer than these", 3, 3), "b/1.jpg": Lying("", 4, 4)}


def test_in_a_first_index_everything_is_certain() -> None:
    assert certain_keys(seen_of({}, OLD | NEW)) == sorted(OLD | NEW)


def test_beside_what_stands_everything_new_is_certain() -> None:
    copy = {"b/2.jpg": Lying("content", 5, 5)}
    assert certain_keys(seen_of(OLD, OLD | NEW | copy)) == sorted(NEW | copy)


def test_what_has_the_size_of_something_lost_waits_for_the_rest_and_empty_files_do_not() -> None:
    moved = {"b/2.jpg": Lying("CONTENT", 5, 5)}
    empty = {"a/2.jpg": Lying("", 6, 6)}
    assert certain_keys(seen_of(OLD | empty, {"a/1.jpg": OLD["a/1.jpg"]} | NEW | moved)) == sorted(NEW)


def test_what_was_waiting_goes_on_waiting() -> None:
    gates = Gates(waiting={"b/0.jpg": Waiting("b/0.jpg", NOW, 1)})
    assert certain_keys(seen_of(OLD, OLD | NEW, gates)) == ["b/1.jpg"]


def test_nothing_is_certain_in_another_source_or_in_a_look_at_a_part() -> None:
    assert certain_keys(seen_of(OLD, OLD | NEW, Gates(identity_before="one", identity_now="two"))) == []
    assert certain_keys(seen_of({}, NEW, mode=ListingMode.SUBTREE, scope=("b",))) == []
    assert certain_keys(seen_of({}, NEW, mode=ListingMode.CHANGES)) == []


def test_nothing_is_certain_in_a_folder_of_which_documents_seem_to_be_gone() -> None:
    seen = seen_of({}, OLD | NEW)
    found = certain(seen.index, seen.listing, seen.gates, {"b"})
    assert sorted(found.entries) == sorted(OLD)


def test_a_file_is_settled_once_however_often_it_is_answered() -> None:
    seen = seen_of({}, NEW)
    found = certain(seen.index, seen.listing, seen.gates)
    reading = fingerprint("b/0.jpg", NEW["b/0.jpg"])
    assert found.settle(reading) is not None
    assert found.settle(reading) is None


def test_a_file_that_grew_into_the_bytes_of_something_lost_waits_for_the_rest() -> None:
    grown = Lying("content", 9, 9)
    seen = seen_of(OLD, {"a/1.jpg": OLD["a/1.jpg"]} | NEW)
    found = certain(seen.index, seen.listing, seen.gates)
    assert found.settle(fingerprint("b/0.jpg", grown)) is None


def test_a_key_that_is_listed_twice_is_not_certain() -> None:
    seen = seen_of({}, NEW)
    again = attrs.evolve(seen.listing.files[0], mtime_ns=5)
    found = certain(seen.index, attrs.evolve(seen.listing, files=(*seen.listing.files, again)), seen.gates)
    assert set(found.entries) == set(NEW) - {again.key}


def test_limits_on_removals_are_shares_of_what_lived_before_this_run() -> None:
    """A thousand new files do not make it less frightening that twelve of fifty are gone."""
    before = {f"a/{n}.jpg": Lying(f"content {n}", n, n) for n in range(50)}
    now = {path: lying for path, lying in before.items() if int(path[2:-4]) >= 12}
    now |= {f"b/{n}.jpg": Lying(f"quite another content {n}", n, n) for n in range(1_000)}
    seen = seen_of(before, now)
    whole = reconcile(seen.index, seen.listing, seen.readings, seen.gates, NOW)
    assert [held.gate for held in whole.held] == [Gate.REMOVALS]
    early = settle(certain(seen.index, seen.listing, seen.gates), seen.readings, sorted(seen.readings))
    assert len(early) == 1_000
    index, listing = left_over(seen.index, seen.listing, {change.key for change in early})
    assert [held.gate for held in reconcile(index, listing, {}, seen.gates, NOW).held] == [Gate.REMOVALS]
    assert index.living == 50


def test_a_folder_that_fills_again_is_not_gone_and_a_listing_of_new_files_is_not_empty() -> None:
    before = {f"a/{n}.jpg": Lying(f"content {n}", n, n) for n in range(10)}
    now = {"a/new.jpg": Lying("quite another content", 99, 99)}
    seen = seen_of(before, now)
    early = settle(certain(seen.index, seen.listing, seen.gates), seen.readings, sorted(seen.readings))
    index, listing = left_over(seen.index, seen.listing, {change.key for change in early})
    rest = reconcile(index, listing, {}, seen.gates, NOW)
    assert (len(early), rest.held, len(rest.of(ChangeKind.REMOVED))) == (1, (), 10)
