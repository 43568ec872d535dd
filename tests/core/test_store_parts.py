"""What is loaded for a look at a part is all that can matter: the same is decided as from everything."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event

from storyline_core.changes import Gates, RememberedIndex, Waiting
from storyline_core.interfaces import Traits
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, RememberedFile, Unread, Unseen
from storyline_core.reconcile import reconcile, to_hash
from storyline_core.steps.looking import Recall
from storyline_core.steps.source_line import SourceLine
from storyline_core.store import Part, Store
from storyline_core.store.tables import items as item_table
from storyline_core.testing import Faults
from storyline_core.testing.memory_folder import MemoryFolder, MemorySource
from tests.core.store_samples import NOW, NOW_NS, counted, opened
from tests.databases import Databases

FOLDERS = ("", "a", "a/s", "a b", "ab", "a%", "a_", "B", "b", "ü")
PLACES = tuple(f"{folder}/{number}.jpg".lstrip("/") for folder in FOLDERS for number in range(2))
CONTENTS = ("", "one", "two", "three", "four")
EARLIER = datetime(2026, 4, 1, tzinfo=UTC)

places, contents = st.sampled_from(PLACES), st.sampled_from(CONTENTS)
states = st.sampled_from(("standing", "standing", "edited", "missing", "unknown", "removed"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lasting(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One store for all examples, each of which names its own source."""
    if request.param == "sqlite":
        with opened(databases.copy_sqlite(tmp_path_factory.mktemp("store") / "a.db")) as store:
            yield store
    else:
        with databases.copy_postgresql() as url, opened(url) as store:
            yield store


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def entry_of(path: str, content: str, time: int) -> ListedFile:
    folder, _, name = path.rpartition("/")
    return ListedFile(path, name, folder, len(content), time, str(time), "image/jpeg")


def reading_of(entry: ListedFile, content: str) -> Fingerprint:
    return Fingerprint(entry.key, digest_of(content), entry.size, entry.mtime_ns, entry.version)


@st.composite
def libraries(draw: st.DrawFn) -> list[RememberedFile]:
    """Items under all kinds of folders: living ones once per key, removed ones as often as you like."""
    found, taken = [], set()
    for number, (path, content, state) in enumerate(draw(st.lists(st.tuples(places, contents, states), max_size=16))):
        if state != "removed" and path in taken:
            continue
        noted = {"missing": "missing_since", "unknown": "unknown_since", "removed": "removed_at"}.get(state)
        if state != "removed":
            taken.add(path)
        entry = entry_of(path, content, 1_000 + (state == "edited"))
        facts = (number + 1, path, entry.name, entry.folder, entry.size, entry.mtime_ns, entry.version)
        item = RememberedFile(*facts, digest=digest_of(content), hashed_ns=NOW_NS)
        marks: dict[str, Any] = {noted: EARLIER} if noted else {}
        found.append(attrs.evolve(item, **marks))
    return found


@attrs.frozen
class Look:
    """A listing of a part, and what reading its files would tell."""

    listing: Listing
    truth: dict[str, Fingerprint | Unread]


@st.composite
def looks(draw: st.DrawFn) -> Look:
    """Changes or subtrees, with files that can and cannot be read, gone ones and unseen places."""
    mode = draw(st.sampled_from((ListingMode.CHANGES, ListingMode.SUBTREE)))
    scope = draw(st.lists(st.sampled_from(FOLDERS[1:]), max_size=2)) if mode is ListingMode.SUBTREE else []
    lying = draw(st.dictionaries(places, contents, max_size=8))
    gone = draw(st.sets(places, max_size=4)) - set(lying)
    unseen = [Unseen(folder, "no") for folder in draw(st.lists(st.sampled_from(FOLDERS[1:]), max_size=1))]
    unseen += [Unseen("", "no", key) for key in draw(st.sets(places, max_size=2)) - set(lying) - gone]
    entries = {path: entry_of(path, content, 1_000) for path, content in lying.items()}
    truth: dict[str, Fingerprint | Unread] = {path: reading_of(entries[path], lying[path]) for path in lying}
    for path in draw(st.sets(st.sampled_from(sorted(lying)), max_size=2)) if lying else ():
        truth[path] = Unread(path, "no", gone=draw(st.booleans()), passing=draw(st.booleans()))
    listing = Listing(
        tuple(entries.values()),
        mode=mode,
        scope=tuple(scope),
        gone=tuple(sorted(gone)),
        unseen=tuple(unseen),
        complete=draw(st.booleans()) or draw(st.booleans()),
    )
    return Look(listing, truth)


gates = st.builds(
    lambda survive, settle, filters, strict, waits: Gates(
        keys_survive_renames=survive,
        missing_before=NOW - timedelta(seconds=2) if settle else None,
        filters_before="others" if filters else "",
        min_removals=0 if strict else 10,
        folder_size=1 if strict else 10,
        waiting={path: Waiting(path, NOW, 1) for path in waits},
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sets(places, max_size=1),
)


def keep(store: Store, source: str, items: list[RememberedFile]) -> list[RememberedFile]:
    """Write the items as they are; gives them with the ids that they have in the database."""
    start = uuid.uuid4().int >> 80
    kept = [attrs.evolve(item, id=start + item.id) for item in items]
    filling = {"media_type": "image/jpeg", "look_version": 1, "title": "", "caption": "", "link_url": "", "tags": []}
    filling |= {"requires_interaction": False, "custom_metadata": {}, "added_at": EARLIER, "added_because": "new"}
    rows = [
        {**attrs.asdict(item), **filling, "source": source, "category": item.folder.partition("/")[0]} for item in kept
    ]
    if rows:
        with store.begin() as unit:
            unit.connection.execute(item_table.insert(), rows)
    return kept


def line_of(store: Store, source: str) -> SourceLine:
    provider = MemorySource(MemoryFolder(), Faults(), by_id=False)
    return SourceLine(source, provider, Traits(watches=True), store, lambda: NOW, "test", lambda name, changes: None)


@given(library=libraries(), look=looks(), given_gates=gates)
@settings(max_examples=120, deadline=None)
def test_the_same_is_decided_from_a_part_as_from_everything(
    lasting: Store, library: list[RememberedFile], look: Look, given_gates: Gates
) -> None:
    source = f"photos {uuid.uuid4()}"
    items = keep(lasting, source, library)
    keep(lasting, f"{source} 2", library)
    recall = Recall(line_of(lasting, source))
    plan = to_hash(recall.fetch(look.listing, {}), look.listing, now_ns=NOW_NS)
    whole = to_hash(items, look.listing, now_ns=NOW_NS)
    assert sorted(plan.entries, key=str) == sorted(whole.entries, key=str)
    readings = {entry.key: look.truth[entry.key] for entry in plan.entries}
    part = recall.fetch(look.listing, readings)
    assert {item.id for item in part.items} <= {item.id for item in items}
    expected = reconcile(items, look.listing, readings, given_gates, NOW)
    assert reconcile(part, look.listing, readings, given_gates, NOW) == expected
    assert reconcile(RememberedIndex.of(items), look.listing, readings, given_gates, NOW) == expected


def test_folders_are_found_with_all_below_them_and_nothing_beside_them(lasting: Store) -> None:
    source = f"photos {uuid.uuid4()}"
    keep(lasting, source, [plain(number, path) for number, path in enumerate(PLACES)])
    for folder in FOLDERS:
        expected = {path for path in PLACES if not folder or path.startswith(f"{folder}/")}
        with lasting.read() as unit:
            found = unit.library.remembered_part(source, Part(below=[folder]))
        assert {item.key for item in found} == expected, folder


def plain(number: int, path: str) -> RememberedFile:
    entry = entry_of(path, "one", 1_000)
    return RememberedFile(number + 1, path, entry.name, entry.folder, 3, 1_000, "1", digest_of(path), NOW_NS)


def test_the_numbers_of_the_whole_source_are_asked_for_only_when_they_matter(lasting: Store) -> None:
    source = f"photos {uuid.uuid4()}"
    keep(lasting, source, [plain(number, path) for number, path in enumerate(PLACES)])
    listing = Listing((entry_of("new.jpg", "new", 1_000),), mode=ListingMode.CHANGES)
    readings = {"new.jpg": reading_of(listing.files[0], "new")}
    with lasting.read() as unit:
        engine = unit.connection.engine
    with counted(engine) as statements:
        part = Recall(line_of(lasting, source)).fetch(listing, readings)
        reconcile(part, listing, readings, Gates(), NOW)
    assert statements
    assert not [each for each in statements if "count(" in each]
    assert part.living == len(PLACES)
    assert part.folders["a"] == 4


def test_what_has_been_unknown_for_long_is_counted(lasting: Store) -> None:
    source = f"photos {uuid.uuid4()}"
    library = [
        attrs.evolve(plain(0, "1.jpg"), unknown_since=EARLIER),
        attrs.evolve(plain(1, "2.jpg"), unknown_since=NOW),
        attrs.evolve(plain(2, "3.jpg"), unknown_since=EARLIER, removed_at=NOW),
        plain(3, "4.jpg"),
    ]
    keep(lasting, source, library)
    with lasting.read() as unit:
        assert unit.library.unknown_since(source, NOW) == 1
        assert unit.library.unknown_since(source, EARLIER) == 0
        assert unit.library.unknown_since("another", NOW) == 0


def test_no_question_about_a_part_goes_through_a_whole_source(sqlite_url: str) -> None:
    with opened(sqlite_url) as store, store.read() as unit:
        engine = unit.connection.engine
        with planned(engine) as plans:
            library = unit.library
            library.remembered_part("photos", Part(keys=["a", "b"], below=["a", "b"], beside=["c"], digests=["d", "e"]))
            library.documents_part("photos", Part(keys=["a", "b"], below=["a", "b"], beside=["c"]))
            library.digests_among("photos", ["d", "e"])
            library.broken("photos")
            library.broken_among([1, 2])
            library.unknown_since("photos", NOW)
    assert len(plans) == 15
    for question, plan in plans.items():
        assert re.search(r"USING (COVERING )?INDEX \w+ \(\w+=\?( AND |\))|PRIMARY KEY", plan), question
        assert "(source=?)" not in plan, question


@contextmanager
def planned(engine: Engine) -> Iterator[dict[str, str]]:
    """How SQLite means to answer every question that is asked inside the block."""
    plans: dict[str, str] = {}

    def note(connection: Connection, cursor: object, question: str, given: object, *rest: object) -> None:
        raw = connection.connection.cursor()
        raw.execute(f"EXPLAIN QUERY PLAN {question}", given)  # type: ignore[arg-type]
        plans[f"{len(plans)}: {question}"] = " ".join(row[3] for row in raw.fetchall())

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", note)
