"""Copies across sources: found together, and held back together; what only looks alike is shown and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import BinaryIO

import attrs
import pytest
from PIL import Image

from benchmarks import scenes
from storyline_core import (
    Decision,
    Likened,
    Mode,
    PostEvent,
    Refused,
    Sameness,
    SourceEntry,
    Storyline,
    Unavailable,
    find_duplicates,
    find_likenesses,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from tests.end_to_end.memory_world import settings_of
from tests.end_to_end.world import SetClock

A_DAY = timedelta(days=1)


def jpeg(number: int) -> bytes:
    return scenes.saved(scenes.scene(number), "JPEG", 90)


def smaller(number: int) -> bytes:
    image: Image.Image = scenes.scene(number)
    return scenes.saved(image.resize((image.width // 2, image.height // 2)), "PNG")


@contextmanager
def two_sources(database_url: str, plugin: MemoryPlugin, clock: SetClock, **account: object) -> Iterator[Storyline]:
    settings = settings_of(database_url, sources=("photos", "drive"), **account)
    sources = [SourceEntry("photos", "memory", Place()), SourceEntry("drive", "memory-ids", Place("drive"))]
    plugins = load_plugins(extra=[plugin])
    with open_storyline(attrs.evolve(settings, sources=sources), plugins=plugins, clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        yield storyline


def find(
    storyline: Storyline, *, tell: Callable[[int, int], None] = lambda done, of: None, workers: int | None = None
) -> Likened:
    def opener(name: str) -> Callable[[str], BinaryIO]:
        return lambda key: storyline.opened_source(name).open_media(key)

    openers = {name: opener(name) for name in storyline.settings.sources}
    return find_likenesses(storyline.store, openers, tell=tell, workers=workers)


def bytes_of(storyline: Storyline, *, near: bool = True) -> list[tuple[str, list[str]]]:
    """Each group's kind with its items, by source and name."""
    groups = find_duplicates(storyline.store, near=near)
    return [(str(group.kind), [f"{copy.item.source}/{copy.item.name}" for copy in group.copies]) for group in groups]


def test_posting_one_keeps_its_copies_in_every_source_out(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    for number in range(3):
        plugin.folder().write(f"cats/{number}.jpg", jpeg(number))
        plugin.folder().write(f"cats/again/{number}.jpg", jpeg(number))
        plugin.folder("drive").write(f"cats/copy{number}.jpg", jpeg(number))
    with two_sources(database_url, plugin, clock, cooldown_posted=A_DAY * 60) as storyline:
        for _ in range(24 * 4):
            storyline.tick()
            clock.forward(timedelta(hours=1))
        with storyline.read() as unit:
            posted = [post for post in unit.queue.history("main", limit=100) if post.posted_at]
            contents = [unit.library.item(post.item_id or 0).digest for post in posted]
            assert len(contents) == len(set(contents)) == 3
            held = [unit.holds.active(clock.at, item=item.id) for item in unit.library.items()]
        assert len(held) == 9
        assert all(held)


@pytest.mark.parametrize("event", [PostEvent.SKIP, PostEvent.REJECT])
def test_a_decision_against_one_is_one_against_its_copies(database_url: str, event: PostEvent) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    plugin.folder().write("cats/a.jpg", jpeg(1))
    plugin.folder("drive").write("dogs/b.jpg", jpeg(1))
    plugin.folder("drive").write("dogs/other.jpg", jpeg(2))
    with two_sources(database_url, plugin, clock, mode=Mode.MANUAL, publisher=None) as storyline:
        storyline.sync("photos")
        storyline.sync("drive")
        with storyline.read() as unit:
            one = unit.library.resolve_item("a.jpg")
        post = storyline.post_beside("main", by="cli:anna", item_id=one.id)
        storyline.turn_post(post.id)
        storyline.decide(Decision(post.id, event, "cli:anna"))
        with storyline.read() as unit:
            account = storyline.settings.accounts["main"]
            free = {
                candidate.item_id: candidate.held_until
                for candidate in unit.library.candidates(account, clock.at)
                if candidate.held_until is None or candidate.held_until <= clock.at
            }
            names = {unit.library.item(item_id).name for item_id in free}
            twin = unit.library.resolve_item("b.jpg")
            assert unit.holds.active(clock.at, item=twin.id)
        assert names == {"other.jpg"}


def test_copies_are_found_across_sources_and_likenesses_beside_them(database_url: str) -> None:
    plugin = MemoryPlugin()
    plugin.folder().write("a.jpg", jpeg(1))
    plugin.folder().write("empty1.jpg", b"")
    plugin.folder().write("empty2.jpg", b"")
    plugin.folder().write("plain1.png", scenes.saved(scenes.plain(1), "PNG"))
    plugin.folder().write("plain2.jpg", scenes.saved(scenes.plain(1), "JPEG"))
    plugin.folder("drive").write("b.jpg", jpeg(1))
    plugin.folder("drive").write("small.png", smaller(1))
    plugin.folder("drive").write("other.jpg", jpeg(2))
    with two_sources(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        storyline.sync("drive")
        assert bytes_of(storyline) == [("same", ["photos/a.jpg", "drive/b.jpg"])]
        told: list[tuple[int, int]] = []
        found = find(storyline, tell=lambda done, of: told.append((done, of)))
        assert (found.done, found.problems) == (5, ())
        assert told[-1] == (5, 5)
        assert bytes_of(storyline) == [
            ("same", ["photos/a.jpg", "drive/b.jpg"]),
            ("alike", ["photos/a.jpg", "drive/b.jpg", "drive/small.png"]),
        ]
        assert bytes_of(storyline, near=False) == [("same", ["photos/a.jpg", "drive/b.jpg"])]
        [same, alike] = find_duplicates(storyline.store, near=True)
        assert (same.kind, same.distance, same.waste) == (Sameness.SAME, 0, len(jpeg(1)))
        assert [copy.distance for copy in alike.copies[:2]] == [0, 0]
        assert alike.distance == alike.copies[2].distance <= 8
        plugin.faults.calls.clear()
        assert find(storyline).done == 0
        assert "open_media" not in plugin.faults.calls


def test_what_only_looks_alike_is_held_by_nothing(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    plugin.folder().write("a.jpg", jpeg(1))
    plugin.folder("drive").write("small.png", smaller(1))
    with two_sources(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        storyline.sync("drive")
        find(storyline)
        with storyline.read() as unit:
            ids = {item.name: item.id for item in unit.library.items()}
        storyline.hold_item(ids["a.jpg"], by="cli:anna")
        with storyline.read() as unit:
            assert unit.holds.active(clock.at, item=ids["small.png"]) == []


def test_a_picture_that_fails_stops_no_other_one(database_url: str) -> None:
    plugin = MemoryPlugin()
    for number in range(4):
        plugin.folder().write(f"{number}.jpg", jpeg(number))
    # The contents are read in the order of their digests: so that the fault meets a sound one.
    torn_ones = (cut + b"\xff\xd8" * 2000 + b"\xff\xd9" for cut in (jpeg(9)[:length] for length in range(9000, 9100)))
    plugin.folder().write("torn.jpg", max(torn_ones, key=lambda content: sha256(content).digest()))
    with two_sources(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        plugin.faults.order("open_media", Refused("it is locked"))
        first = find(storyline, workers=1)
        locked, torn = sorted(first.problems, key=lambda problem: problem.key == "torn.jpg")
        assert (first.done, locked.why) == (3, "it is locked")
        assert torn.why.startswith("Its pixels cannot be read")
        plugin.folder().write(locked.key, jpeg(77))
        again = find(storyline, workers=2)
        assert (again.done, [problem.why for problem in again.problems]) == (0, ["It has changed since the last sync."])
        storyline.sync("photos")
        assert find(storyline) == Likened(1)
        assert find(storyline) == Likened(0)


def test_a_source_that_cannot_be_reached_is_asked_three_times_and_the_others_go_on(database_url: str) -> None:
    plugin = MemoryPlugin()
    for number in range(6):
        plugin.folder().write(f"{number}.jpg", jpeg(number))
        plugin.folder("drive").write(f"{number + 10}.jpg", jpeg(number + 10))
    with two_sources(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")
        storyline.sync("drive")
        plugin.folder().break_down()
        plugin.faults.calls.clear()
        found = find(storyline)
        assert found.done == 6
        assert {problem.source for problem in found.problems} == {"photos"}
        assert plugin.faults.calls.count("open_media") == 9
        plugin.folder().mend()
        assert find(storyline).done == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unavailable("down")])
def test_what_was_found_before_an_interruption_is_kept(database_url: str, error: BaseException) -> None:
    plugin = MemoryPlugin()
    for number in range(6):
        plugin.folder().write(f"{number}.jpg", jpeg(number))
    with two_sources(database_url, plugin, SetClock()) as storyline:
        storyline.sync("photos")

        def interrupt(done: int, of: int) -> None:
            if done == 3:
                raise error

        with pytest.raises(type(error)):
            find(storyline, tell=interrupt, workers=1)
        assert 2 <= 6 - find(storyline).done < 6
