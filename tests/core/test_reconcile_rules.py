"""A tree and the same tree after renames, swaps, copies, edits and the rest, against an independent oracle.

The oracle knows only where every content lies before and after. Where that leaves a choice, it demands the rule and
not the choice.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.changes import Change, ChangeKind, ChangeSet, Gate, Gates, RememberedIndex
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    RememberedFile,
    Unread,
    Unseen,
)
from storyline_core.reconcile import confirmed, reconcile, sift, to_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_NS = 1_772_366_400_000_000_000
FOLDERS = ("", "a", "b", "a/s", "b/s", "c")
PLACES = tuple(f"{folder}/{n}.jpg".lstrip("/") for folder in FOLDERS for n in range(4))
WIDE = Gates(accept_removals=True)
EXAMPLES = settings(max_examples=150, deadline=None)


@attrs.frozen
class Lying:
    """A file on the disk of the model: its content, its time, and what stands for its inode."""

    content: str
    time: int
    node: int


Tree = dict[str, Lying]


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def size_of(content: str) -> int:
    return 0 if content == "" else 100 + len(content)


def split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def listed(path: str, lying: Lying) -> ListedFile:
    folder, name = split(path)
    version = f"{lying.time}:{lying.node}"
    size = size_of(lying.content)
    return ListedFile(path, name, folder, size, lying.time, version, "image/jpeg", hint=str(lying.node))


def item_of(number: int, path: str, lying: Lying, removed: bool = False) -> RememberedFile:
    entry = listed(path, lying)
    return RememberedFile(
        id=number,
        key=path,
        name=entry.name,
        folder=entry.folder,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        version=entry.version,
        digest=digest_of(lying.content),
        hashed_ns=NOW_NS,
        hint=entry.hint,
        removed_at=NOW - timedelta(days=number) if removed else None,
    )


def fingerprint(path: str, lying: Lying) -> Fingerprint:
    entry = listed(path, lying)
    return Fingerprint(path, digest_of(lying.content), entry.size, entry.mtime_ns, entry.version)


@attrs.define
class World:
    """What was remembered, and the tree as it is after everything that happened to it."""

    items: list[RememberedFile]
    tree: Tree
    clock: int = 1_000
    made: int = 0

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def fresh(self) -> str:
        self.made += 1
        return f"fresh {self.made}"


@st.composite
def worlds(draw: st.DrawFn, *, distinct: bool) -> World:
    places = draw(st.lists(st.sampled_from(PLACES), unique=True, max_size=10))
    kinds = st.sampled_from(("x", "yy", "zz", "")) if not distinct else st.none()
    tree: Tree = {}
    for number, path in enumerate(places):
        content = draw(kinds)
        tree[path] = Lying(f"content {number}" if content is None else content, number, number)
    items = [item_of(number + 1, path, lying) for number, (path, lying) in enumerate(tree.items())]
    for number in range(draw(st.integers(0, 2))):
        content = draw(st.sampled_from(("lost 1", "lost 2", "x")) if not distinct else st.just(f"lost {number}"))
        items.append(item_of(100 + number, draw(st.sampled_from(PLACES)), Lying(content, 50, 50 + number), True))
    world = World(items, dict(tree))
    for _ in range(draw(st.integers(0, 8))):
        happen(draw, world, distinct)
    return world


def happen(draw: st.DrawFn, world: World, distinct: bool) -> None:
    """One thing that people do to a folder."""
    what = draw(st.sampled_from(("rename", "swap", "copy", "edit", "touch", "remove", "folder", "new", "lost")))
    place = draw(st.sampled_from(PLACES))
    if what == "new":
        world.tree[place] = Lying(world.fresh(), world.tick(), world.tick())
    elif what == "lost":
        back = draw(st.sampled_from(("lost 0", "lost 1", "x")))
        world.tree[place] = Lying(back, world.tick(), world.tick())
    elif what == "folder":
        move_folder(world.tree, *draw(st.sampled_from((("a", "c"), ("a", "b"), ("b/s", "a"), ("c", "a/s")))))
    elif world.tree:
        path = draw(st.sampled_from(sorted(world.tree)))
        if what in ("edit", "touch"):
            content = world.fresh() if distinct else draw(st.sampled_from(("x", "yy", "new")))
            change_file(world, path, content if what == "edit" else None)
        else:
            other = place if what in ("rename", "copy") else draw(st.sampled_from(sorted(world.tree)))
            change_place(world, what, path, other)


def move_folder(tree: Tree, was: str, now: str) -> None:
    for place in [place for place in tree if place.startswith(f"{was}/")]:
        moved = tree.pop(place)
        tree[f"{now}/{place.removeprefix(was + '/')}"] = moved


def change_file(world: World, path: str, content: str | None) -> None:
    lying = world.tree[path]
    world.tree[path] = Lying(lying.content if content is None else content, world.tick(), lying.node)


def change_place(world: World, what: str, path: str, other: str) -> None:
    lying = world.tree[path]
    if what == "swap":
        world.tree[path], world.tree[other] = world.tree[other], lying
    elif what == "copy":
        world.tree[other] = Lying(lying.content, world.tick(), world.tick())
    else:
        del world.tree[path]
        if what == "rename":
            world.tree[other] = lying


def look(world: World, *, unseen: tuple[Unseen, ...] = (), complete: bool = True) -> Listing:
    files = tuple(listed(path, lying) for path, lying in world.tree.items())
    return Listing(files, unseen=unseen, complete=complete)


def sync(
    world: World,
    listing: Listing,
    gates: Gates = WIDE,
    unread: Mapping[str, Unread] | None = None,
    items: Sequence[RememberedFile] | RememberedIndex | None = None,
) -> ChangeSet:
    """One run as the sync step does it: only what is asked for is read. Sifting first leads to the very same plan."""
    known = world.items if items is None else items
    plan = to_hash(known, listing, now_ns=NOW_NS)
    readings: dict[str, Fingerprint | Unread] = {
        entry.key: fingerprint(entry.key, world.tree[entry.key]) for entry in plan.entries
    }
    readings.update({key: value for key, value in (unread or {}).items() if key in readings})
    changes = reconcile(known, listing, readings, gates, NOW)
    rows = known.items if isinstance(known, RememberedIndex) else known
    sifted = sift([attrs.astuple(item, recurse=False) for item in rows], listing)
    assert to_hash(sifted.remembered, sifted.listing, now_ns=NOW_NS) == plan
    assert reconcile(sifted.remembered, sifted.listing, readings, gates, NOW) == changes
    return changes


def applied(items: Sequence[RememberedFile], changes: ChangeSet) -> list[RememberedFile]:
    """The library after a plan, as the store would write it."""
    after = {item.id: item for item in items}
    new = max(after, default=0) + 1
    for change in changes.changes:
        if change.now is None:
            assert change.was is not None
            after[change.was.id] = attrs.evolve(change.was, removed_at=NOW)
            continue
        now = change.now
        number = new if change.was is None else change.was.id
        new += change.was is None
        hashed_ns = NOW_NS if change.reading is not None or change.was is None else change.was.hashed_ns
        after[number] = RememberedFile(
            number,
            now.key,
            now.name,
            now.folder,
            now.size,
            now.mtime_ns,
            now.version,
            change.digest,
            hashed_ns,
            hint=now.hint,
        )
    for number in changes.missing:
        after[number] = attrs.evolve(after[number], missing_since=NOW, unknown_since=None)
    for number in changes.unknown:
        after[number] = attrs.evolve(after[number], unknown_since=NOW)
    for number in changes.seen:
        after[number] = attrs.evolve(after[number], missing_since=None, unknown_since=None)
    return list(after.values())


def living(items: Sequence[RememberedFile]) -> dict[str, RememberedFile]:
    alive = [item for item in items if item.removed_at is None]
    by_key = {item.key: item for item in alive}
    assert len(by_key) == len(alive), "two living items under one key"
    return by_key


def stands(item: RememberedFile, tree: Tree) -> bool:
    return item.key in tree and digest_of(tree[item.key].content) == item.digest


def places_of(item: RememberedFile, tree: Tree) -> set[str]:
    """Where the content of an item lies now (empty content lies nowhere)."""
    return {path for path, lying in tree.items() if lying.content and digest_of(lying.content) == item.digest}


@EXAMPLES
@given(worlds(distinct=True))
def test_every_item_ends_where_its_content_is(world: World) -> None:
    """All contents were distinct: what became of every item can be told without choosing."""
    before = living(world.items)
    after = applied(world.items, sync(world, look(world)))
    ends = {item.id: item for item in after}
    now = living(after)
    assert now.keys() == world.tree.keys()
    for key, item in now.items():
        assert item.digest == digest_of(world.tree[key].content)
    for item in before.values():
        end, places = ends[item.id], places_of(item, world.tree)
        if stands(item, world.tree):
            assert end.removed_at is None
            assert end.key == item.key
        elif places:
            assert end.removed_at is None
            assert end.key in places
        elif item.key in world.tree:
            holder = now[item.key]
            if holder.id == item.id:
                assert end.removed_at is None
            else:
                assert end.removed_at is not None
                mover = next(one for one in before.values() if one.id == holder.id)
                assert holder.digest == mover.digest
                assert not stands(mover, world.tree)
        else:
            assert end.removed_at is not None
    for stone in (one for one in world.items if one.removed_at is not None):
        assert (ends[stone.id].removed_at is None) == bool(_unclaimed(stone, before, now, world))


def _unclaimed(
    stone: RememberedFile, before: Mapping[str, RememberedFile], now: Mapping[str, RememberedFile], world: World
) -> set[str]:
    """Where the content of a removed item lies and no item was edited into it."""
    edited = {key for key, item in before.items() if key in now and now[key].id == item.id}
    return places_of(stone, world.tree) - edited


@EXAMPLES
@given(worlds(distinct=False))
def test_equal_contents_are_shared_out_sparingly(world: World) -> None:
    """With equal contents about: as many are moved as can be, nothing visible is lost, each item is used once."""
    changes = sync(world, look(world))
    after = applied(world.items, changes)
    assert living(after).keys() == world.tree.keys()
    for key, item in living(after).items():
        assert item.digest == digest_of(world.tree[key].content)
    used = [change.was.id for change in changes.changes if change.was is not None]
    assert len(used) == len(set(used))
    brought = {change.digest for change in changes.of(ChangeKind.ADDED) if change.now and change.now.size}
    lost = {change.digest for change in changes.of(ChangeKind.REMOVED)}
    assert not brought & lost
    for change in (*changes.of(ChangeKind.MOVED), *changes.of(ChangeKind.RESTORED)):
        assert change.was is not None
        assert change.was.size > 0
        assert change.was.digest == change.digest
        assert not (change.kind is ChangeKind.MOVED and stands(change.was, world.tree))
    stones = {item.digest for item in world.items if item.removed_at is not None and item.size}
    back = [change.digest for change in changes.of(ChangeKind.RESTORED)]
    for digest in brought & stones:
        assert back.count(digest) == sum(item.removed_at is not None and item.digest == digest for item in world.items)


@EXAMPLES
@given(worlds(distinct=False), st.randoms(use_true_random=False))
def test_a_second_run_changes_nothing_and_order_never_matters(world: World, chance: random.Random) -> None:
    listing = look(world)
    changes = sync(world, listing)
    files, items = list(listing.files), list(world.items)
    chance.shuffle(files)
    chance.shuffle(items)
    assert sync(world, attrs.evolve(listing, files=tuple(files)), items=items) == changes
    after = applied(world.items, changes)
    assert not to_hash(after, listing, now_ns=NOW_NS).entries
    again = reconcile(after, listing, {}, WIDE, NOW)
    assert again.nothing
    assert again.unchanged == len(world.tree)


@EXAMPLES
@given(worlds(distinct=False), st.sampled_from(FOLDERS), st.sampled_from(PLACES), st.booleans())
def test_nothing_unknown_is_removed_or_moved(world: World, folder: str, place: str, complete: bool) -> None:
    """Some folder is unseen, some file is being written, the listing may be broken off."""
    shown = {path: lying for path, lying in world.tree.items() if not _below(split(path)[0], folder)}
    seen = attrs.evolve(world, tree=shown)
    listing = look(seen, unseen=(Unseen(folder, "no"),), complete=complete)
    changes = sync(seen, listing, unread={place: Unread(place, "moving")})
    unread = {problem.key for problem in changes.deferred}
    after = applied(world.items, changes)
    living(after)
    for change in changes.changes:
        if change.was is None or change.was.removed_at is not None:
            continue
        item = change.was
        assert item.key in shown or not _below(item.folder, folder)
        assert not (item.key in unread and item.key == place and change.kind is not ChangeKind.TOUCHED)
        if not complete:
            assert change.kind is not ChangeKind.REMOVED
            assert item.key in shown
    plain = attrs.evolve(world, items=after)
    final = applied(after, sync(plain, look(plain)))
    assert living(final).keys() == world.tree.keys()


@EXAMPLES
@given(worlds(distinct=True), st.data())
def test_nobody_is_forgotten_over_a_look_that_was_not_whole(world: World, data: st.DataObject) -> None:
    """It shows some files where they were, some where they are now, and some in both places or in none."""
    before = living(world.items)
    old = {
        item.key: listed(item.key, Lying(f"content {item.id - 1}", item.mtime_ns, int(item.hint or 0)))
        for item in before.values()
    }
    entries = [*old.values(), *look(world).files]
    shown = tuple(data.draw(st.lists(st.sampled_from(entries), unique=True))) if entries else ()
    listing = Listing(shown, complete=False)
    readings: dict[str, Fingerprint | Unread] = {}
    for entry in to_hash(world.items, listing, now_ns=NOW_NS).entries:
        lying = world.tree.get(entry.key)
        moving = Unread(entry.key, "moving")
        now = Unread(entry.key, "vanished", gone=True) if lying is None else fingerprint(entry.key, lying)
        readings[entry.key] = data.draw(st.sampled_from((now, now, now, moving)))
    check_nobody_is_forgotten(world, reconcile(world.items, listing, readings, WIDE, NOW))


@EXAMPLES
@given(worlds(distinct=True), st.data())
def test_nobody_is_forgotten_who_moves_on_between_listing_and_reading(world: World, data: st.DataObject) -> None:
    listing = look(world)
    gone = data.draw(st.sets(st.sampled_from(sorted(world.tree)))) if world.tree else set()
    for number, path in enumerate(sorted(gone)):
        world.tree[f"elsewhere/{number}.jpg"] = world.tree.pop(path)
    readings: dict[str, Fingerprint | Unread] = {}
    for entry in to_hash(world.items, listing, now_ns=NOW_NS).entries:
        lying = world.tree.get(entry.key)
        why = Unread(entry.key, "vanished", gone=True)
        readings[entry.key] = why if lying is None else fingerprint(entry.key, lying)
    changes = reconcile(world.items, listing, readings, WIDE, NOW)
    absent = {item.key for item in world.items} - world.tree.keys()
    check_nobody_is_forgotten(world, confirmed(changes, frozenset(absent)))


def check_nobody_is_forgotten(world: World, first: ChangeSet) -> None:
    """After another look, at everything, each item is where its bytes are."""
    before = living(world.items)
    after = applied(world.items, first)
    gates = attrs.evolve(WIDE, waiting={waiting.key: waiting for waiting in first.waiting})
    whole = sync(attrs.evolve(world, items=after), look(world), gates)
    assert not whole.waiting
    ends = {item.id: item for item in applied(after, whole)}
    known = {item.id for item in before.values()}
    assert not [item for item in after if item.id in known and item.removed_at and places_of(item, world.tree)]
    for item in before.values():
        places = places_of(item, world.tree)
        if places:
            assert ends[item.id].removed_at is None
            assert ends[item.id].key in places
        if stands(item, world.tree):
            assert ends[item.id].key == item.key


def _below(folder: str, top: str) -> bool:
    return top in ("", folder) or folder.startswith(f"{top}/")


@EXAMPLES
@given(worlds(distinct=True), st.integers(0, 3), st.integers(1, 4))
def test_a_closed_gate_evicts_nothing(world: World, few: int, folder: int) -> None:
    gates = Gates(min_removals=few, max_share=0.1, folder_size=folder)
    changes = sync(world, look(world), gates)
    after = applied(world.items, changes)
    living(after)
    closed = {held.gate for held in changes.held}
    assert bool(closed) <= bool(changes.plan)
    if closed - {Gate.FOLDER}:
        assert not changes.of(ChangeKind.REMOVED)
    if not (changes.of(ChangeKind.ADDED) or changes.of(ChangeKind.RESTORED)):  # with more items the limits are wider
        again = sync(attrs.evolve(world, items=after), look(world), gates)
        assert (again.missing, again.seen, again.unknown) == ((), (), ())
        assert not [change for change in again.changes if change.kind is not ChangeKind.REMOVED]
        assert again.of(ChangeKind.REMOVED) == () or Gate.FOLDER in closed
    opened = sync(world, look(world), attrs.evolve(gates, accept_removals=True, accepted_plan=changes.plan or None))
    assert (opened.changes, opened.missing, opened.held) == (sync(world, look(world)).changes, (), ())
    assert opened.plan == changes.plan
    kept = sync(world, look(world), attrs.evolve(gates, accept_removals=True, accepted_plan="0" * 12))
    assert kept == changes


@EXAMPLES
@given(worlds(distinct=True))
def test_what_was_held_and_comes_back_is_the_same_item(world: World) -> None:
    """Whatever happened in between: when the old tree is back, every item is where it was."""
    before = living(world.items)
    old = {item.key: Lying(f"content {item.id - 1}", item.mtime_ns, int(item.hint or 0)) for item in before.values()}
    after = applied(world.items, sync(world, look(world)))
    home = World(after, old)
    final = living(applied(after, sync(home, look(home))))
    assert final.keys() == before.keys()
    for key, item in final.items():
        if stands(before[key], world.tree) or places_of(before[key], world.tree) or key not in world.tree:
            assert item.id == before[key].id


@EXAMPLES
@given(worlds(distinct=False), st.booleans())
def test_changes_and_full_listings_lead_to_the_same_library(world: World, indexed: bool) -> None:
    full = sync(world, look(world))
    before = living(world.items)
    files = tuple(
        entry
        for entry in look(world).files
        if entry.key not in before
        or (before[entry.key].mtime_ns, before[entry.key].version) != (entry.mtime_ns, entry.version)
    )
    gone = tuple(key for key in before if key not in world.tree)
    listing = Listing(files, mode=ListingMode.CHANGES, gone=gone)
    items = RememberedIndex.of(world.items) if indexed else world.items
    delta = sync(world, listing, items=items)
    waits = {waiting.key for waiting in delta.waiting}
    assert tuple(change for change in full.changes if change.key not in waits) == delta.changes
    kinds = {change.kind for change in full.changes if change.key in waits}
    assert kinds <= {ChangeKind.ADDED, ChangeKind.EDITED, ChangeKind.RESTORED}
    ids = sync(world, listing, attrs.evolve(WIDE, keys_survive_renames=True), items=items)
    assert not ids.waiting


@EXAMPLES
@given(worlds(distinct=True), st.sets(st.sampled_from(PLACES)))
def test_only_confirmed_removals_remain(world: World, absent: set[str]) -> None:
    changes = sync(world, look(world))
    sure = confirmed(changes, frozenset(absent))
    taken = {change.now.key for change in changes.changes if change.now is not None}

    def kept(change: Change) -> bool:
        return change.kind is not ChangeKind.REMOVED or change.key in absent or change.key in taken

    assert sure.changes == tuple(change for change in changes.changes if kept(change))
    dropped = {change.was.id for change in changes.changes if not kept(change) and change.was is not None}
    assert set(sure.missing) == set(changes.missing) | dropped
    living(applied(world.items, sure))


@pytest.mark.parametrize("count", [1, 200])
def test_the_order_of_reading_puts_large_files_last(count: int) -> None:
    tree = {f"{n}.jpg": Lying("x" * (count - n), n, n) for n in range(count)}
    plan = to_hash([], look(World([], tree)), now_ns=NOW_NS)
    sizes = [entry.size for entry in plan.entries]
    assert sizes == sorted(sizes)
    assert len(sizes) == count
