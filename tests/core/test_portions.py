"""A plan in portions ends where the whole plan ends, and wherever it breaks off, the next run goes on from there."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.changes import ChangeKind, ChangeSet, Gate
from storyline_core.portions import AT_ONCE, broken_off, portions
from tests.core.test_reconcile_rules import EXAMPLES, World, applied, living, look, sync, worlds


@EXAMPLES
@given(worlds(distinct=False), st.integers(1, 3))
def test_portions_end_where_the_whole_plan_ends(world: World, at_most: int) -> None:
    whole = sync(world, look(world))
    parts = portions(whole, at_most)
    after = world.items
    for part in parts:
        after = applied(after, part)
        living(after)
    assert sorted(after, key=lambda item: item.id) == sorted(applied(world.items, whole), key=lambda item: item.id)
    assert all(len(part.of(kind)) <= at_most for part in parts[1:] for kind in ChangeKind)
    kinds = [{change.kind for change in part.changes} for part in parts[1:]]
    assert kinds == sorted(kinds, key=[{ChangeKind.ADDED}, {ChangeKind.REMOVED}].index)


@EXAMPLES
@given(worlds(distinct=True), st.integers(1, 3), st.data())
def test_wherever_it_breaks_off_the_next_run_goes_on_to_the_same_end(
    world: World, at_most: int, data: st.DataObject
) -> None:
    whole = sync(world, look(world))
    parts = portions(whole, at_most)
    after = world.items
    for part in parts[: data.draw(st.integers(0, len(parts)))]:
        after = applied(after, part)
    again = attrs.evolve(world, items=after)
    end = applied(after, sync(again, look(again)))
    wanted = living(applied(world.items, whole))
    found = living(end)
    assert found.keys() == wanted.keys()
    old = {item.id for item in world.items}
    for key, item in found.items():
        assert (item.id == wanted[key].id) or not {item.id, wanted[key].id} & old


@EXAMPLES
@given(worlds(distinct=False), st.integers(1, 3), st.data())
def test_what_is_said_of_a_run_that_broke_off_is_what_it_did(world: World, at_most: int, data: st.DataObject) -> None:
    whole = sync(world, look(world))
    parts = portions(whole, at_most)
    written = parts[: data.draw(st.integers(0, len(parts) - 1))]
    done = broken_off(whole, written)
    assert list(done.changes) == [each for each in whole.changes if any(each in part.changes for part in written)]
    left = {each.was.id for each in whole.of(ChangeKind.REMOVED) if each not in done.changes and each.was}
    noted = {item.id for item in world.items if item.missing_since is not None}
    assert {*done.missing} == {*whole.missing} | (left - noted)
    assert done.held[-1].gate is Gate.IDENTITY
    assert done.held[-1].count == len(left)


def test_a_plan_of_no_more_than_five_thousand_changes_is_one_portion() -> None:
    assert AT_ONCE == 5_000
    assert portions(ChangeSet()) == (ChangeSet(),)
