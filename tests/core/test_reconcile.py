from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import attrs
import pytest

from storyline_core import reconcile as real
from storyline_core.changes import ChangeKind, Gate, Gates, RememberedIndex
from storyline_core.evidence import SKEW_NS, compare, stands
from storyline_core.hashing import SAMPLE
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, RememberedFile, Unread
from storyline_core.reconcile import confirmed, reconcile, sift, to_hash
from tests.core.reconcile_cases import (
    CASES,
    LIVING,
    NOW,
    NOW_NS,
    SECOND,
    Case,
    Engine,
    check,
    digest_of,
    file,
    item,
    read,
)

HOUR = 3_600 * SECOND


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    check(cast("Engine", real), case)


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


# What must be read


@pytest.mark.parametrize(
    ("age", "waits"),
    [(3 * SECOND, False), (2 * SECOND, False), (SECOND, True), (0, True), (-SECOND, True), (-3 * SECOND, False)],
)
def test_young_files_wait_when_nobody_is_waiting_for_them(age: int, waits: bool) -> None:
    entry = attrs.evolve(file("a.jpg A"), mtime_ns=NOW_NS - age)
    plan = to_hash([], Listing((entry,)), now_ns=NOW_NS, still_for_ns=2 * SECOND)
    assert [problem.key for problem in plan.deferred] == (["a.jpg"] if waits else [])
    assert plan.entries == (() if waits else (entry,))
    assert to_hash([], Listing((entry,)), now_ns=NOW_NS).entries == (entry,)


def test_what_waits_is_said_in_seconds() -> None:
    entry = attrs.evolve(file("a.jpg A"), mtime_ns=NOW_NS)
    (problem,) = to_hash([], Listing((entry,)), now_ns=NOW_NS, still_for_ns=2 * SECOND).deferred
    assert "less than 2 s ago" in problem.message


@pytest.mark.parametrize("offset", [-3, -2, -1, 0, 1, 599, 600, 601])
@pytest.mark.parametrize("margin", [2, 3])
def test_the_quick_look_and_the_rule_agree_on_what_stands(offset: int, margin: int) -> None:
    known = item("1 a.jpg A")
    known = attrs.evolve(known, hashed_ns=known.mtime_ns - offset * SECOND)
    listing = Listing((file("a.jpg A"),), racy_margin_ns=margin * SECOND)
    assert compare([known], listing).unchanged == stands(known, listing.files[0], margin * SECOND)
    assert stands(known, listing.files[0], margin * SECOND) == (offset <= -margin or offset * SECOND > SKEW_NS)


def _shifted(count: int, edited: int, shift: int = HOUR) -> tuple[list[RememberedFile], Listing, dict[str, str]]:
    """A disk whose clock moved; some of its files are edited as well, at other times."""
    texts = [f"{n} d/{n:04}.jpg C{n}" for n in range(1, count + 1)]
    files: list[ListedFile] = []
    contents: dict[str, str] = {}
    for number, text in enumerate(texts):
        entry = file(text.partition(" ")[2])
        contents[entry.key] = f"C{number + 1}" if number >= edited else f"Cx{number}"
        late = 5 * SECOND if number < edited else 0
        files.append(attrs.evolve(entry, mtime_ns=entry.mtime_ns + shift + late, version="shifted"))
    return [item(text) for text in texts], Listing(tuple(files)), contents


def _readings(entries: tuple[ListedFile, ...], contents: dict[str, str]) -> dict[str, Fingerprint | Unread]:
    return {
        entry.key: Fingerprint(entry.key, digest_of(contents[entry.key]), entry.size, entry.mtime_ns, entry.version)
        for entry in entries
    }


def test_a_shifted_clock_costs_a_sample_and_not_a_reading_of_everything() -> None:
    items, listing, contents = _shifted(1_000, edited=3)
    first = to_hash(items, listing, now_ns=NOW_NS)
    assert len(first.sample) == SAMPLE
    assert len(first.entries) == 1_000
    readings = _readings(first.sample, contents)
    second = to_hash(items, listing, now_ns=NOW_NS, sampled=readings)
    assert second.shifted_ns == HOUR
    assert {entry.key for entry in second.entries} == {"d/0001.jpg", "d/0002.jpg", "d/0003.jpg"}
    readings.update(_readings(second.entries, contents))
    changes = reconcile(items, listing, readings, Gates(shifted_ns=second.shifted_ns), NOW)
    assert changes.counters[ChangeKind.EDITED] == 3
    assert changes.counters[ChangeKind.TOUCHED] == 997
    assert not changes.held
    assert any("+1 h" in change.evidence for change in changes.of(ChangeKind.TOUCHED))


def test_a_sample_with_one_other_content_spares_nothing() -> None:
    items, listing, contents = _shifted(1_000, edited=0)
    first = to_hash(items, listing, now_ns=NOW_NS)
    contents[first.sample[17].key] = "Changed"
    second = to_hash(items, listing, now_ns=NOW_NS, sampled=_readings(first.sample, contents))
    assert second.shifted_ns is None
    assert not second.sample
    assert len(second.entries) == 1_000 - SAMPLE


@pytest.mark.parametrize("count", [1, 2 * SAMPLE])
def test_few_files_are_read_and_not_sampled(count: int) -> None:
    items, listing, _ = _shifted(count, edited=0)
    assert not to_hash(items, listing, now_ns=NOW_NS).sample


def test_half_of_all_files_are_not_sampled() -> None:
    items, listing, _ = _shifted(200, edited=0)
    texts = [f"{n} e/{n}.jpg E{n}" for n in range(1_000, 1_200)]
    files = (*listing.files, *(file(text.partition(" ")[2]) for text in texts))
    everything = [*items, *(item(text) for text in texts)]
    assert not to_hash(everything, Listing(files), now_ns=NOW_NS).sample
    rest = sift([attrs.astuple(one, recurse=False) for one in everything], Listing(files))
    assert len(rest.listing.files) == 200
    assert not to_hash(rest.remembered, rest.listing, now_ns=NOW_NS).sample


def test_restored_times_are_no_shift() -> None:
    """Another version with the same time (a backup played back) is read in full."""
    items, listing, _ = _shifted(1_000, edited=0, shift=0)
    plan = to_hash(items, listing, now_ns=NOW_NS)
    assert len(plan.entries) == 1_000
    assert not plan.sample


# What a plan carries


def test_the_later_facts_of_a_reading_are_kept() -> None:
    listed = file("a.jpg A t=5")
    reading = Fingerprint("a.jpg", digest_of("B"), 77, listed.mtime_ns + SECOND, "later")
    (change,) = reconcile([], Listing((listed,)), {"a.jpg": reading}, Gates(), NOW).changes
    assert change.now is not None
    assert (change.now.size, change.now.mtime_ns, change.now.version) == (77, listed.mtime_ns + SECOND, "later")
    assert change.digest == digest_of("B")


def test_the_digest_after_a_change_comes_from_the_best_witness() -> None:
    known, entry = item("1 a.jpg A"), file("a.jpg B given t=1")
    (edited,) = reconcile([known], Listing((entry,)), {}, Gates(), NOW).changes
    assert edited.digest == digest_of("B")
    (touched,) = reconcile([item("1 k@a.jpg A")], Listing((file("k@b.jpg A"),)), {}, Gates(), NOW).changes
    assert touched.digest == digest_of("A")
    assert touched.reading is None


def test_every_change_says_on_what_evidence() -> None:
    for case in CASES:
        items = [item(text) for text in case.was]
        files = tuple(file(text) for text in case.now)
        readings = {entry.key: found for text in case.now if (found := read(text)) for entry in [file(text)]}
        changes = reconcile(items, Listing(files), readings, Gates(accept_removals=True), NOW)
        assert all(change.evidence for change in changes.changes)


def test_changes_come_in_the_order_of_their_kinds_and_keys() -> None:
    was = [*LIVING, "1 a.jpg A", "2 b.jpg B", "3 c.jpg C", "4 d.jpg D", "5 e.jpg E gone"]
    now = [*(text.partition(" ")[2] for text in LIVING), "z.jpg A", "b.jpg X t=1", "c.jpg C t=1", "f.jpg E", "g.jpg G"]
    readings = {text.split()[0]: found for text in now if isinstance(found := read(text), Fingerprint)}
    changes = reconcile([item(text) for text in was], Listing(tuple(map(file, now))), readings, Gates(), NOW)
    assert [(change.kind.value, change.key) for change in changes.changes] == [
        ("moved", "z.jpg"),
        ("edited", "b.jpg"),
        ("touched", "c.jpg"),
        ("restored", "f.jpg"),
        ("added", "g.jpg"),
        ("removed", "d.jpg"),
    ]


# Plans and gates


def _gone(count: int) -> tuple[list[RememberedFile], Listing]:
    gone = [item(f"{n} d{n}/{n}.jpg D{n}") for n in range(1, count + 1)]
    stay = Listing((file("keep.jpg K"),))
    return [*gone, item("99 keep.jpg K")], stay


def test_the_plan_is_short_and_depends_on_the_removals_alone() -> None:
    items, listing = _gone(12)
    held = reconcile(items, listing, {}, Gates(), NOW)
    assert len(held.plan) == 12
    assert reconcile(items[::-1], listing, {}, Gates(), NOW + timedelta(hours=1)).plan == held.plan
    fewer = reconcile(items[1:], listing, {}, Gates(), NOW)
    assert fewer.plan != held.plan
    more = attrs.evolve(listing, files=(*listing.files, file("new.jpg N given")))
    assert reconcile(items, more, {}, Gates(), NOW).plan == held.plan
    assert reconcile(items[-1:], listing, {}, Gates(), NOW).plan == ""


def test_a_gate_opens_for_exactly_the_accepted_plan() -> None:
    items, listing = _gone(12)
    plan = reconcile(items, listing, {}, Gates(), NOW).plan
    gates = Gates(accept_removals=True, accepted_plan=f" {plan.upper()} ")
    assert len(reconcile(items, listing, {}, gates, NOW).of(ChangeKind.REMOVED)) == 12
    other = reconcile(items[1:], listing, {}, gates, NOW)
    assert not other.changes
    assert [held.gate for held in other.held] == [Gate.REMOVALS]
    alone = reconcile(items, listing, {}, Gates(accepted_plan=plan), NOW)
    assert not alone.changes


def test_the_plan_that_was_told_opens_the_gate_before_and_after_the_rest_went_through() -> None:
    """A whole folder is held while a single file beside it goes: a person confirms what was held, and only that."""
    folder = [item(f"{n} a/{n}.jpg A{n}") for n in range(1, 13)]
    single = item("50 b/1.jpg B")
    standing = [item(f"{n} b/{n}.jpg B{n}") for n in range(51, 111)]
    listing = Listing(tuple(file(f"b/{n}.jpg B{n}") for n in range(51, 111)))
    first = reconcile([*folder, single, *standing], listing, {}, Gates(), NOW)
    assert [change.key for change in first.of(ChangeKind.REMOVED)] == ["b/1.jpg"]
    assert [held.gate for held in first.held] == [Gate.FOLDER]
    accepted = Gates(accept_removals=True, accepted_plan=first.plan)
    at_once = reconcile([*folder, single, *standing], listing, {}, accepted, NOW)
    afterwards = reconcile([*folder, *standing], listing, {}, accepted, NOW)
    assert (len(at_once.of(ChangeKind.REMOVED)), len(afterwards.of(ChangeKind.REMOVED))) == (13, 12)
    assert not at_once.held
    assert not afterwards.held
    others = reconcile([*folder, item("49 a/13.jpg A13"), *standing], listing, {}, accepted, NOW)
    assert not others.changes


def test_the_plan_of_changed_filters_can_be_accepted() -> None:
    items, listing = _gone(3)
    listing = attrs.evolve(listing, filters="new")
    held = reconcile(items, listing, {}, Gates(filters_before="old"), NOW)
    assert held.unknown == (1, 2, 3)
    gates = Gates(filters_before="old", accept_removals=True, accepted_plan=held.plan)
    assert len(reconcile(items, listing, {}, gates, NOW).of(ChangeKind.REMOVED)) == 3
    wrong = attrs.evolve(gates, accepted_plan="0" * 12)
    assert reconcile(items, listing, {}, wrong, NOW) == held


def test_names_in_odd_bytes_have_a_plan() -> None:
    odd = attrs.evolve(item("1 a.jpg A"), key="\udce9.jpg")
    assert reconcile([odd], Listing(()), {}, Gates(), NOW).plan


def test_every_closed_gate_says_what_and_how_many() -> None:
    for case in CASES:
        for held in real.reconcile(
            [item(text) for text in case.was],
            attrs.evolve(Listing(tuple(map(file, case.now))), **case.listing),  # type: ignore[arg-type]
            {},
            Gates(**case.gates),  # type: ignore[arg-type]
            NOW,
        ).held:
            assert held.message.endswith(".")
            assert held.gate is Gate.IDENTITY or held.count > 0


def test_an_index_of_a_part_knows_the_size_of_the_whole() -> None:
    gone = [f"{n} d/{n}.jpg D{n}" for n in range(1, 13)]
    part = [item(text) for text in gone]
    listing = Listing((), mode=ListingMode.CHANGES, gone=tuple(one.key for one in part))
    alone = reconcile(RememberedIndex.of(part), listing, {}, Gates(), NOW)
    assert [held.gate for held in alone.held] == [Gate.FOLDER]
    index = RememberedIndex.of(part, living=1_000, folders={"d": 500, "e": 500})
    assert len(reconcile(index, listing, {}, Gates(), NOW).of(ChangeKind.REMOVED)) == 12
    frightened = RememberedIndex.of(part, living=50, folders={"d": 25, "e": 25})
    assert [held.gate for held in reconcile(frightened, listing, {}, Gates(), NOW).held] == [Gate.REMOVALS]


def test_confirming_everything_is_the_same_plan() -> None:
    items, listing = _gone(3)
    changes = reconcile(items, listing, {}, Gates(), NOW)
    assert confirmed(changes, frozenset(item.key for item in items)) is changes


def test_nothing_at_all_is_nothing() -> None:
    changes = reconcile([], Listing(()), {}, Gates(), datetime(2026, 1, 1, tzinfo=UTC))
    assert changes.nothing
    assert not changes.held
    assert not any(changes.counters.values())
