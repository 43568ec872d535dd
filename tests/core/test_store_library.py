"""The library: writing a run's plan and finding what was written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyline_core.errors import NotFound, StoreError
from storyline_core.media import Description, Look, RememberedFile
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.store import SourceCounts, Store, StoredDocument
from storyline_core.testing import strategies
from tests.core.store_samples import (
    HOUR,
    NOW,
    NOW_NS,
    added,
    apply,
    counted,
    digest_of,
    file_at,
    fill,
    moved,
    opened,
    post_for,
    reading_of,
    remembered,
    removed,
)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        yield store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lasting(
    request: pytest.FixtureRequest, databases: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One store for all examples of a property, which names its own source for each."""
    if request.param == "sqlite":
        with opened(databases.copy_sqlite(tmp_path_factory.mktemp("store") / "a.db")) as store:  # type: ignore[attr-defined]
            yield store
    else:
        with databases.copy_postgresql() as url, opened(url) as store:  # type: ignore[attr-defined]
            yield store


def test_what_is_added_is_remembered_with_the_facts_of_its_reading(store: Store) -> None:
    ids = fill(store, ["memes/a.jpg"])
    assert remembered(store)["memes/a.jpg"] == RememberedFile(
        id=ids["memes/a.jpg"],
        key="memes/a.jpg",
        name="a.jpg",
        folder="memes",
        size=9,
        mtime_ns=6,
        version="1:2",
        digest=digest_of("memes/a.jpg"),
        hashed_ns=NOW_NS,
        hint="17",
    )


def test_an_unread_file_has_the_facts_of_its_listing(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [Change(ChangeKind.ADDED, None, file_at("a.png", media_type="image/png"))])
        item = unit.library.items()[0]
    assert (item.size, item.digest, item.media_type, item.width) == (7, None, "image/png", None)


def test_items_keep_themselves_through_a_swap_and_a_cycle(store: Store) -> None:
    ids = fill(store, ["a", "b", "c", "x/d", "y/e"])
    was = remembered(store)
    with store.begin() as unit:
        apply(unit, [moved(was["a"], "b"), moved(was["b"], "c"), moved(was["c"], "a")])
        apply(unit, [moved(was["x/d"], "y/e"), moved(was["y/e"], "x/d")])
    now = remembered(store)
    assert {key: item.id for key, item in now.items()} == {
        "b": ids["a"],
        "c": ids["b"],
        "a": ids["c"],
        "y/e": ids["x/d"],
        "x/d": ids["y/e"],
    }
    assert now["y/e"].folder == "y"


@given(order=st.permutations(range(7)), gone=st.sets(st.integers(0, 6)))
@settings(max_examples=25)
def test_any_shuffle_of_keys_with_removals_and_additions(lasting: Store, order: list[int], gone: set[int]) -> None:
    place = f"photos {uuid.uuid4()}"
    fill(lasting, [f"{number}.jpg" for number in range(7)], source=place)
    was = remembered(lasting, place)
    kept = [number for number in range(7) if number not in gone]
    targets = dict(zip(kept, order[: len(kept)], strict=True))
    free = set(range(7)) - set(targets.values())
    changes = [moved(was[f"{a}.jpg"], f"{b}.jpg") for a, b in targets.items()]
    changes += [removed(was[f"{number}.jpg"]) for number in gone]
    changes += [added(f"{number}.jpg", f"new {number}") for number in free]
    with lasting.begin() as unit:
        apply(unit, changes, source=place)
    now = remembered(lasting, place)
    assert len(now) == 7
    assert {a: now[f"{b}.jpg"].id for a, b in targets.items()} == {a: was[f"{a}.jpg"].id for a in targets}
    assert {now[f"{number}.jpg"].digest for number in free} == {digest_of(f"new {number}") for number in free}
    with lasting.read() as unit:
        tombstones = [item for item in unit.library.remembered(place) if item.removed_at is not None]
    assert sorted((item.id, item.key) for item in tombstones) == sorted(
        (was[f"{number}.jpg"].id, f"{number}.jpg") for number in gone
    )


def test_a_removed_item_comes_back_as_itself_while_another_took_its_name(store: Store) -> None:
    ids = fill(store, ["a", "b"])
    was = remembered(store)
    with store.begin() as unit:
        apply(unit, [removed(was["a"])], now=NOW)
        assert unit.library.item(ids["a"]).removed_at == NOW
    fill(store, ["a"])
    with store.begin() as unit:
        tomb = next(item for item in unit.library.remembered("photos") if item.id == ids["a"])
        assert tomb.removed_at == NOW
        apply(unit, [Change(ChangeKind.RESTORED, tomb, file_at("c/a"), None, "same content")])
        assert unit.library.item(ids["a"]).state == "alive"
        assert unit.library.opening(ids["a"]) == ("photos", "c/a")
    assert set(remembered(store)) == {"a", "b", "c/a"}


def test_an_edit_keeps_the_item_and_looks_at_it_anew(store: Store) -> None:
    ids = fill(store, ["a"])
    was = remembered(store)["a"]
    broken = reading_of("a", "other bytes", look=Look("image/png", None, None, "cannot be opened: truncated", 3))
    with store.begin() as unit:
        apply(unit, [Change(ChangeKind.EDITED, was, file_at("a"), broken, "other digest")])
        item = unit.library.item(ids["a"])
        event = unit.library.events(ids["a"])[-1]
    assert (item.digest, item.media_type, item.width, item.state) == (
        digest_of("other bytes"),
        "image/png",
        None,
        "broken",
    )
    assert (event.kind, event.from_digest, event.to_digest) == ("edited", was.digest, item.digest)


def test_a_mere_touch_leaves_no_event_and_a_reading_without_a_look_keeps_the_old_one(store: Store) -> None:
    ids = fill(store, ["a"])
    was = remembered(store)["a"]
    same = attrs.evolve(reading_of("a", "a"), look=None, mtime_ns=99)
    with store.begin() as unit:
        apply(unit, [Change(ChangeKind.TOUCHED, was, file_at("a"), same)])
        assert unit.library.item(ids["a"]).width == 1080
        assert [event.kind for event in unit.library.events(ids["a"])] == ["added"]
    assert remembered(store)["a"].mtime_ns == 99


def test_events_tell_what_happened_and_why(store: Store) -> None:
    ids = fill(store, ["memes/a.jpg"])
    was = remembered(store)["memes/a.jpg"]
    with store.begin() as unit:
        apply(unit, [moved(was, "merch/b.jpg")], now=NOW + HOUR)
        apply(unit, [], described={was.id: Description(title="B")}, now=NOW + 2 * HOUR)
        apply(unit, [removed(remembered_in(unit, "merch/b.jpg"))], now=NOW + 3 * HOUR)
        told = unit.library.events(ids["memes/a.jpg"])
    assert [(event.at, event.kind, event.from_path, event.to_path, event.evidence) for event in told] == [
        (NOW, "added", None, None, "new"),
        (NOW + HOUR, "moved", "memes/a.jpg", "merch/b.jpg", "same content"),
        (NOW + 2 * HOUR, "described", None, None, ""),
        (NOW + 3 * HOUR, "removed", "merch/b.jpg", None, "absent"),
    ]


def remembered_in(unit: object, key: str) -> RememberedFile:
    found: list[RememberedFile] = unit.library.remembered("photos")  # type: ignore[attr-defined]
    return next(item for item in found if item.key == key)


def test_since_when_items_are_missing_or_unknown(store: Store) -> None:
    ids = fill(store, ["a", "b", "c"])
    with store.begin() as unit:
        apply(unit, ChangeSet(missing=(ids["a"],), unknown=(ids["b"], ids["c"])))
        apply(unit, ChangeSet(missing=(ids["c"],)), now=NOW + HOUR)
    now = remembered(store)
    assert [(now[key].missing_since, now[key].unknown_since) for key in "abc"] == [
        (NOW, None),
        (None, NOW),
        (NOW + HOUR, None),
    ]
    with store.begin() as unit:
        apply(unit, ChangeSet(seen=(ids["a"], ids["b"])))
        apply(unit, [moved(remembered_in(unit, "c"), "d")])
    assert {(item.missing_since, item.unknown_since) for item in remembered(store).values()} == {(None, None)}


@given(
    description=strategies.descriptions(),
    name=st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1),
)
@settings(max_examples=60)
def test_every_text_survives_the_bulk_path(lasting: Store, description: Description, name: str) -> None:
    place = f"texts {name}"
    with lasting.begin() as unit:
        applied = apply(unit, [added(name)], source=place, descriptions={name: description})
        item = unit.library.item(applied.added_ids[name])
        assert (item.key, item.name, item.description) == (name, name, description)
        apply(unit, [], source=place, described={item.id: Description()})
        assert unit.library.item(item.id).description == Description()
        apply(unit, [], source=place, described={item.id: description})
        assert unit.library.item(item.id).description == description
        unit.connection.rollback()


def test_texts_that_no_database_takes_lose_only_what_it_refuses(store: Store) -> None:
    torn = Description(title="a\0b", caption="half \ud83d pair", custom_metadata={"poll": "x\ud83d"})
    with store.begin() as unit:
        ids = apply(unit, [added("a")], descriptions={"a": torn}).added_ids
        said = unit.library.item(ids["a"]).description
    assert (said.title, said.caption, said.custom_metadata) == ("ab", "half ? pair", {"poll": "x?"})


@pytest.mark.parametrize("kind", ["additions", "moves", "removals", "described"])
def test_five_thousand_changes_take_as_many_statements_as_five_hundred(store: Store, kind: str) -> None:
    numbers = []
    for count in (500, 5_000):
        source = f"photos {count}"
        keys = [f"{number}.jpg" for number in range(count)]
        if kind != "additions":
            fill(store, keys, source=source)
        was = remembered(store, source)
        changes = {
            "additions": [added(key) for key in keys],
            "moves": [moved(was[key], f"moved/{key}") for key in was],
            "removals": [removed(was[key]) for key in was],
            "described": [],
        }[kind]
        described = {item.id: Description(title="x") for item in was.values()} if kind == "described" else {}
        with store.begin() as unit, counted(unit.connection.engine) as statements:
            apply(unit, changes, source=source, described=described)
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] <= 8


@pytest.mark.parametrize("count", [99, 100, 101, 257])
def test_every_addition_of_many_stands_as_it_was_given(store: Store, count: int) -> None:
    keys = [f"album/{number}.jpg" for number in range(count)]
    descriptions = {key: Description(title=key) for key in keys[::3]}
    with store.begin() as unit:
        ids = apply(unit, [added(key) for key in keys], descriptions=descriptions).added_ids
        found = [unit.library.item(ids[key]) for key in keys]
    assert sorted(ids.values()) == [ids[key] for key in keys]
    assert [(item.key, item.digest, item.description.title) for item in found] == [
        (key, digest_of(key), key if key in descriptions else "") for key in keys
    ]


def test_nothing_is_written_for_what_did_not_change(store: Store) -> None:
    fill(store, ["a", "b"])
    with store.begin() as unit, counted(unit.connection.engine) as statements:
        apply(unit, ChangeSet(unchanged=2))
    assert statements == []


def test_ids_are_never_given_twice(store: Store) -> None:
    first = fill(store, ["a"])["a"]
    with store.begin() as unit:
        apply(unit, [removed(remembered_in(unit, "a"))])
        assert unit.library.prune(timedelta(0), NOW + HOUR) == 1
        with pytest.raises(NotFound):
            unit.library.item(first)
    assert fill(store, ["a"])["a"] > first


def test_a_key_belongs_to_one_living_item(store: Store) -> None:
    fill(store, ["a"])
    with pytest.raises(StoreError, match="refused a statement"):
        fill(store, ["a"])
    fill(store, ["a"], source="drive")


def test_pruning_spares_what_history_and_holds_refer_to(store: Store) -> None:
    ids = fill(store, ["old", "posted", "recent", "alive"])
    was = remembered(store)
    with store.begin() as unit:
        unit.queue.add(post_for(ids["posted"]))
        apply(unit, [removed(was["old"]), removed(was["posted"])], now=NOW)
        apply(unit, [removed(was["recent"])], now=NOW + 2 * HOUR)
        assert unit.library.prune(HOUR, NOW + 2 * HOUR) == 1
        assert unit.library.counts("photos") == SourceCounts(alive=1, removed=2, broken=0)


def test_documents_are_kept_replaced_and_forgotten(store: Store) -> None:
    def document(key: str, text: str, problem: str | None = None) -> StoredDocument:
        return StoredDocument(key, "metadata.json", "memes", len(text), 1, "v", digest_of(text), NOW_NS, text, problem)

    def keep(*documents: StoredDocument, gone: tuple[str, ...] = ()) -> None:
        with store.begin() as unit:
            unit.library.apply(
                "photos",
                ChangeSet(),
                descriptions={},
                described={},
                documents=documents,
                gone_documents=gone,
                now=NOW,
                now_ns=NOW_NS,
            )

    keep(document("a", "{}"), document("b", '{"ü": "\t\\N"}', "is broken"), document("c", "[]"))
    keep(document("a", "[1]"), gone=("c", "never seen"))
    with store.read() as unit:
        assert unit.library.document_texts("photos") == {"a": "[1]", "b": '{"ü": "\t\\N"}'}
        assert unit.library.document_texts("photos", ["b", "z"]) == {"b": '{"ü": "\t\\N"}'}
        assert sorted(each.digest for each in unit.library.documents("photos")) == sorted(
            [digest_of("[1]"), digest_of('{"ü": "\t\\N"}')]
        )
        assert unit.library.document_problems("photos") == {"b": "is broken"}
        assert unit.library.documents("drive") == []


def test_items_are_narrowed_as_people_ask(store: Store) -> None:
    with store.begin() as unit:
        apply(
            unit,
            [added("memes/a"), added("memes/b"), added("merch/c"), added("d")],
            descriptions={
                "memes/a": Description(tags=("Grün", "x"), requires_interaction=True),
                "merch/c": Description(tags=("grün",)),
            },
        )
        apply(unit, [removed(remembered_in(unit, "d"))])
        find = unit.library.items

        def names(**wanted: object) -> list[str]:
            return [item.name for item in find(**wanted)]  # type: ignore[arg-type]

        assert names() == ["a", "b", "c", "d"]
        assert names(category="memes") == ["a", "b"]
        assert names(tag="grün") == ["c"]
        assert names(tag="rün") == []
        assert names(state="removed") == ["d"]
        assert names(state="alive", interaction=False) == ["b", "c"]
        assert names(interaction=True) == ["a"]
        assert names(source="drive") == []
        assert names(limit=2) == ["a", "b"]
        assert names(limit=2, after=find(limit=2)[-1].id) == ["c", "d"]


def test_an_item_is_found_by_whatever_a_person_types(store: Store) -> None:
    ids = fill(store, ["memes/a.jpg", "merch/a.jpg", "memes/only.jpg"])
    with store.read() as unit:
        meant = unit.library.resolve_item
        assert meant(str(ids["merch/a.jpg"])).key == "merch/a.jpg"
        assert meant("merch/a.jpg").key == "merch/a.jpg"
        assert meant("only.jpg").key == "memes/only.jpg"
        assert meant(digest_of("memes/only.jpg")[:30]).key == "memes/only.jpg"
        with pytest.raises(NotFound, match=f"may mean several items .{ids['memes/a.jpg']}, {ids['merch/a.jpg']}."):
            meant("a.jpg")
        for nothing in ("nobody.jpg", "99999", "９", "9" * 30, ""):
            with pytest.raises(NotFound):
                meant(nothing)


def test_edits_of_people(store: Store) -> None:
    ids = fill(store, ["a", "b"])
    with store.begin() as unit:
        unit.library.set_edits(ids["a"], {"title": "T"}, Description(title="T"), by="cli:ann", at=NOW)
        assert unit.library.edits(ids["a"]) == {"title": "T"}
        assert unit.library.edits_of(ids.values()) == {ids["a"]: {"title": "T"}}
        assert unit.library.item(ids["a"]).description.title == "T"
        assert unit.library.events(ids["a"])[-1].evidence == "cli:ann edited title"
        named = unit.library.by_folder("photos", [""])
        assert [(each.key, each.edits, each.description.title) for each in named] == [
            ("a", {"title": "T"}, "T"),
            ("b", {}, ""),
        ]
        unit.library.set_edits(ids["a"], {}, Description(), by="cli:ann", at=NOW)
        assert unit.library.edits(ids["a"]) == {}
        for missing in (unit.library.edits, unit.library.events):
            with pytest.raises(NotFound):
                missing(999)
        with pytest.raises(NotFound):
            unit.library.set_edits(999, {}, Description(), by="x", at=NOW)


def test_counts_duplicates_twins_and_stock(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("memes/a", "same"), added("memes/b", "other"), added("c", "gone")])
        apply(unit, [removed(remembered_in(unit, "c"))])
        apply(unit, [added("d", "same")], source="drive")
        broken = reading_of("e", "e", look=Look("text/plain", problem="is not a picture"))
        apply(unit, [Change(ChangeKind.ADDED, None, file_at("e"), broken)], source="drive")
        library = unit.library
        assert library.counts_by_source() == {"photos": SourceCounts(2, 1, 0), "drive": SourceCounts(2, 0, 1)}
        assert library.counts("none") == SourceCounts()
        assert [[item.key for item in group] for group in library.duplicates()] == [["memes/a", "d"]]
        assert [item.key for item in library.twins(library.resolve_item("memes/a"))] == ["d"]
        assert library.stock(["photos", "drive"]) == {"memes": 2, "": 1}
        assert sorted(library.keys_of([1, 2, 999]).values()) == ["memes/a", "memes/b"]
        with pytest.raises(NotFound):
            library.opening(3)


def test_what_a_sync_asks_of_a_library_however_large(store: Store) -> None:
    with store.read() as unit:
        assert not unit.library.has_living("photos")
    fill(store, ["a", "b", "c"])
    fill(store, ["d"], source="other")
    was = remembered(store)
    with store.begin() as unit:
        apply(unit, [removed(was["c"])])
    digests = {item.digest for item in was.values() if item.digest} | {digest_of("nowhere")}
    with store.read() as unit:
        rows = {row[1]: row for row in unit.library.remembered_rows("photos")}
        assert unit.library.digests_among("photos", digests) == {was["a"].digest, was["b"].digest}
        assert unit.library.digests_among("other", digests) == set()
    assert {key: RememberedFile(*row) for key, row in rows.items() if key != "c"} == remembered(store)
    assert rows["c"][11] == NOW
    with store.begin() as unit:
        assert unit.library.has_living("photos")
        apply(unit, [removed(was["a"]), removed(was["b"])])
        assert not unit.library.has_living("photos")


def test_rows_come_one_after_the_other_and_may_be_left_half_way(store: Store) -> None:
    fill(store, [f"{number}.jpg" for number in range(5_000)])
    with store.read() as unit:
        rows = unit.library.remembered_rows("photos")
        assert next(rows)[0] != next(rows)[0]
        rows.close()  # type: ignore[attr-defined]
        assert len({row[0] for row in unit.library.remembered_rows("photos")}) == 5_000
