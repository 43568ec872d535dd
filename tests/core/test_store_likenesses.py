"""Likenesses and looks in the store: by content, with a version of their own, never over newer bytes."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from storyline_core.media import Look
from storyline_core.reconcile import Change, ChangeKind
from storyline_core.store import Sight, Store
from tests.core.store_samples import added, apply, digest_of, file_at, opened, reading_of, remembered, removed

JPEG = {"image/jpeg"}
SEEN = Look("image/png", 10, 20, "its problem", version=5)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        yield store


def unknown(
    store: Store, version: int = 1, sources: tuple[str, ...] = ("photos", "drive"), **other: int
) -> list[Sight]:
    with store.read() as unit:
        found = unit.likenesses.unknown(version, JPEG, sources, after="", limit=other.get("limit", 100))
        assert unit.likenesses.count_unknown(version, JPEG, sources) >= len(found)
        return found


def test_twins_are_one_content_and_a_later_version_computes_again(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("a", "same"), added("b", "other")])
        apply(unit, [added("c", "same")], source="drive")
    assert sorted(sight.key for sight in unknown(store)) == ["a", "b"]
    assert [sight.key for sight in unknown(store, sources=("drive",))] == ["c"]
    assert len(unknown(store, limit=1)) == 1
    with store.begin() as unit:
        unit.likenesses.save({digest_of("same"): 2**64 - 1, digest_of("other"): None}, 1)
        assert unit.likenesses.known(1) == {digest_of("same"): 2**64 - 1}
        assert unit.likenesses.known(2) == {}
    assert unknown(store) == []
    assert sorted(sight.key for sight in unknown(store, 2)) == ["a", "b"]
    with store.begin() as unit:
        unit.likenesses.save({digest_of("same"): 7}, 2)
        unit.likenesses.save({digest_of("same"): 1}, 1)
        assert unit.likenesses.known(2) == {digest_of("same"): 7}
    assert [sight.key for sight in unknown(store, 2)] == ["b"]


@pytest.mark.parametrize("bits", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_all_64_bits_are_kept(store: Store, bits: int) -> None:
    with store.begin() as unit:
        apply(unit, [added("a")])
        unit.likenesses.save({digest_of("a"): bits}, 1)
        assert unit.likenesses.known(1) == {digest_of("a"): bits}


def test_only_what_is_there_and_can_be_opened_is_compared(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("gone"), added("stays")])
        film, broken = Look("video/mp4", 1, 1), Look("image/jpeg", problem="damaged")
        apply(unit, [Change(ChangeKind.ADDED, None, file_at(key), reading_of(key, key, look=look))
                     for key, look in (("film", film), ("broken", broken))])  # fmt: skip
        empty = attrs.evolve(reading_of("empty", "empty"), size=0)
        apply(unit, [Change(ChangeKind.ADDED, None, file_at("empty", size=0), empty)])
        unit.likenesses.save({digest_of("gone"): 3}, 1)
    with store.begin() as unit:
        gone = next(item for item in unit.library.remembered("photos") if item.key == "gone")
        apply(unit, [removed(gone)])
        assert unit.likenesses.known(1) == {}
    assert [sight.key for sight in unknown(store)] == ["stays"]


def test_empty_files_are_no_duplicates_and_all_others_are(store: Store) -> None:
    empty = [
        Change(ChangeKind.ADDED, None, file_at(key, size=0), attrs.evolve(reading_of(key, "nothing"), size=0))
        for key in ("e1", "e2")
    ]
    with store.begin() as unit:
        apply(unit, [added("a", "same"), *empty])
        apply(unit, [added("b", "same")], source="drive")
        assert [[item.key for item in group] for group in unit.library.duplicates()] == [["a", "b"]]
        assert {digest: len(found) for digest, found in unit.library.living_by_digest([digest_of("same")]).items()} == {
            digest_of("same"): 2
        }


def test_a_look_is_kept_only_for_the_bytes_it_was_of(store: Store) -> None:
    with store.begin() as unit:
        apply(unit, [added("a"), added("b")])
    before = remembered(store)
    with store.read() as unit:
        sights = unit.likenesses.to_look_at("photos", 5, after=0, limit=10)
        assert unit.likenesses.count_to_look_at("photos", 5) == 2
        assert [sight.key for sight in unit.likenesses.to_look_at("photos", 5, after=sights[0].id, limit=10)] == ["b"]
        assert unit.likenesses.to_look_at("drive", 5, after=0, limit=10) == []
    with store.begin() as unit:
        kept = unit.likenesses.save_looks(
            {sights[0].id: ("another digest", SEEN), sights[1].id: (digest_of("b"), SEEN)}
        )
        assert kept == 1
        assert (unit.library.item(sights[0].id).width, unit.library.item(sights[0].id).problem) == (1080, None)
        after = unit.library.item(sights[1].id)
        assert (after.media_type, after.width, after.height, after.problem) == ("image/png", 10, 20, "its problem")
        assert [sight.key for sight in unit.likenesses.to_look_at("photos", 5, after=0, limit=10)] == ["a"]
        assert unit.likenesses.save_looks({sights[1].id: (digest_of("b"), attrs.evolve(SEEN, version=4))}) == 0
        assert len(unit.library.events(sights[1].id)) == 1
    assert remembered(store) == before
