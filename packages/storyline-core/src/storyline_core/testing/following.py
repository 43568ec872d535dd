"""The part of a source's contract that is about following it: changes since a cursor, watches, looks at a part.

Every kind inherits these tests with `MediaSourceProviderTests`; those that are not for a kind skip themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar, Protocol, cast

import pytest

from storyline_core.errors import NeedsPerson, PluginFault, Refused, Unavailable
from storyline_core.hints import Hint
from storyline_core.interfaces import Contract, Kind, MediaSourceProvider, Watch, WatchableSource
from storyline_core.media import ListedFile, Listing, ListingMode
from storyline_core.testing.conformance import Conformance, only_core_errors

PATIENCE = timedelta(seconds=20)
"""How long a watch may take to tell of a change; no test waits longer than it has to."""


class SourceWorld(Protocol):
    """The place behind a source, as the tests change it. Paths have `/` between parts and no root."""

    def write(self, path: str, content: bytes) -> None:
        """Create a file, or replace what it holds; a later write must look later to the source."""

    def rename(self, path: str, to: str) -> None:
        """Give a file another name or folder."""

    def delete(self, path: str) -> None:
        """Remove a file."""

    def make_unreadable(self, folder: str) -> None:
        """Leave a folder where it is and keep the source from looking inside."""

    def break_down(self) -> None:
        """Make the place as a whole unusable: unplugged, switched off, refused."""


class UnwatchableWorld(SourceWorld, Protocol):
    """A place that can also be made one in which changes cannot be followed. No world has to be."""

    def make_unwatchable(self, why: str) -> None:
        """Let nothing be heard of any more, and no watch begin."""


class FollowingTests(Conformance):
    """What holds for every source that lists changes or watches."""

    contract: ClassVar[Contract] = Contract.SOURCE

    @pytest.fixture
    def world(self) -> SourceWorld:
        """To be overridden."""
        raise NotImplementedError("Override the fixture `world` with an empty place for the source to look at.")

    @pytest.fixture
    def opened(self, reopen: Callable[[], object], world: SourceWorld) -> MediaSourceProvider:
        """The source, opened on the world."""
        return cast(MediaSourceProvider, reopen())

    @pytest.fixture
    def watched(self, opened: MediaSourceProvider, kind: Kind[object]) -> WatchableSource:
        """The source, if its kind says that it can be watched."""
        if not kind.traits.watches:
            pytest.skip("its kind watches nothing")
        assert isinstance(opened, WatchableSource), "the trait `watches` without `watch` and `list_part`"
        return opened

    def test_changes_since_a_cursor_are_listed(
        self, opened: MediaSourceProvider, world: SourceWorld, kind: Kind[object], tree: dict[str, bytes]
    ) -> None:
        first = opened.list_media(None)
        if not kind.traits.lists_changes:
            assert first.cursor is None, "a cursor of a kind that lists no changes"
            return
        assert first.cursor is not None
        gone = next(entry for entry in first.files if path_of(entry).endswith("cat.jpg"))
        world.delete(path_of(gone))
        world.write("new.jpg", b"new")
        changes = opened.list_media(first.cursor)
        if changes.mode is ListingMode.CHANGES:
            assert gone.key in changes.gone
            assert "new.jpg" in {entry.name for entry in changes.files}
            assert gone.key not in {entry.key for entry in changes.files}
            still = opened.list_media(changes.cursor)
            assert (still.files, still.gone) == ((), ())
        else:
            assert as_set(changes) == as_set(opened.list_media(None))

    def test_a_foreign_cursor_leads_to_everything(
        self, opened: MediaSourceProvider, kind: Kind[object], tree: dict[str, bytes]
    ) -> None:
        if not kind.traits.lists_changes:
            pytest.skip("its kind lists no changes")
        answer = only_core_errors(lambda: opened.list_media("never heard of"))
        if isinstance(answer, PluginFault):
            assert isinstance(answer, Refused), "`Refused` is the word for a cursor that is not known"
            return
        assert isinstance(answer, Listing)
        assert answer.mode is ListingMode.FULL
        assert as_set(answer) == as_set(opened.list_media(None))

    def test_changes_are_told_again_as_long_as_the_cursor_stays(
        self, opened: MediaSourceProvider, world: SourceWorld, kind: Kind[object], tree: dict[str, bytes]
    ) -> None:
        if not kind.traits.lists_changes:
            pytest.skip("its kind lists no changes")
        self.unless_it_cannot("delete")
        cursor = opened.list_media(None).cursor
        world.write("new.jpg", b"new")
        first = opened.list_media(cursor)
        world.delete("new.jpg")
        second = opened.list_media(cursor)
        assert "new.jpg" in {entry.name for entry in first.files}
        assert "new.jpg" not in {entry.name for entry in second.files}

    def test_a_change_is_heard_and_its_part_lists_it(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        with watched.watch() as watch:
            world.write("new.jpg", b"new")
            listing = heard(watched, watch, lambda part: "new.jpg" in names(part))
        assert as_set(listing) <= as_set(watched.list_media(None))

    def test_an_edit_is_heard(self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]) -> None:
        path = next(path for path in tree if path.endswith("cat.jpg"))
        with watched.watch() as watch:
            world.write(path, b"other bytes")
            heard(watched, watch, lambda part: any(entry.size == len(b"other bytes") for entry in part.files))

    def test_a_file_in_a_new_folder_is_heard(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("folders")
        with watched.watch() as watch:
            world.write("newly/made/deep.jpg", b"deep")
            heard(watched, watch, lambda part: "newly/made/deep.jpg" in names(part))

    def test_what_is_deleted_is_heard_and_certainly_gone(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("delete")
        lost = next(entry for entry in watched.list_media(None).files if path_of(entry).endswith("cat.jpg"))
        with watched.watch() as watch:
            world.delete(path_of(lost))
            listing = heard(watched, watch, lambda part: part.proves_absent(lost.key, lost.folder))
        assert lost.key not in {entry.key for entry in listing.files}

    def test_both_sides_of_a_rename_are_heard(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("rename")
        before = next(entry for entry in watched.list_media(None).files if path_of(entry).endswith("cat.jpg"))
        with watched.watch() as watch:
            world.rename(path_of(before), "kitten.jpg")
            listing = heard(
                watched,
                watch,
                lambda part: (
                    "kitten.jpg" in names(part)
                    and (part.proves_absent(before.key, before.folder) or before.key in keys(part))
                ),
            )
        assert path_of(before) not in names(listing)

    def test_a_quiet_place_gives_no_hint(self, watched: WatchableSource, tree: dict[str, bytes]) -> None:
        with watched.watch() as watch:
            assert watch.wait(timedelta(milliseconds=50), lambda: False) is None
            assert watch.wait(PATIENCE, lambda: True) is None

    def test_a_part_speaks_of_every_key_that_it_is_asked_for(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("delete")
        there, lost, *_ = sorted(watched.list_media(None).files, key=lambda entry: entry.key)
        world.delete(path_of(lost))
        part = watched.list_part(Hint.of([there.key, lost.key]))
        assert part.complete
        assert there in part.files
        assert lost.key not in keys(part)
        assert part.proves_absent(lost.key, lost.folder)
        assert as_set(part) <= as_set(watched.list_media(None))
        assert part.filters == watched.list_media(None).filters

    def test_a_folder_is_listed_whole_with_all_below_it(
        self, watched: WatchableSource, kind: Kind[object], world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("folders")
        if kind.traits.keys_survive_renames:
            pytest.skip("its folders are spelled in its own way")
        whole = watched.list_media(None).files
        part = watched.list_part(Hint.of((), ["memes"]))
        inside = {entry for entry in whole if f"{entry.folder}/".startswith("memes/")}
        if part.mode is ListingMode.SUBTREE:
            assert set(part.files) == inside
        assert len(inside) == 2
        for entry in inside:
            world.delete(path_of(entry))
        part = watched.list_part(Hint.of((), ["memes"]))
        assert all(part.proves_absent(entry.key, entry.folder) for entry in inside)
        assert not inside & set(part.files)

    def test_a_hint_at_everything_is_the_full_listing(self, watched: WatchableSource, tree: dict[str, bytes]) -> None:
        part = watched.list_part(Hint.all("for once"))
        assert part.mode is ListingMode.FULL
        assert as_set(part) == as_set(watched.list_media(None))

    def test_a_part_that_cannot_be_seen_is_unknown_not_gone(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("make_unreadable")
        inside = next(entry for entry in watched.list_media(None).files if entry.folder == "memes")
        world.make_unreadable("memes")
        part = only_core_errors(lambda: watched.list_part(Hint.of([inside.key])))
        if isinstance(part, Listing):
            assert inside.key not in keys(part)
            assert inside.key not in part.gone
            assert not part.complete or not part.proves_absent(inside.key, inside.folder)

    def test_a_part_of_a_place_that_is_down_is_unavailable(
        self, watched: WatchableSource, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("break_down")
        lost = watched.list_media(None).files[0]
        world.break_down()
        with pytest.raises((Unavailable, NeedsPerson)):
            watched.list_part(Hint.of([lost.key]))

    def test_where_nothing_can_be_heard_a_watch_is_refused_with_why(
        self, watched: WatchableSource, world: SourceWorld
    ) -> None:
        if not hasattr(world, "make_unwatchable"):
            pytest.skip("its place can always be watched")
        cast(UnwatchableWorld, world).make_unwatchable("It is too far away.")
        with pytest.raises(Refused, match=r"\w"), watched.watch():
            pass


def heard(source: WatchableSource, watch: Watch, enough: Callable[[Listing], bool]) -> Listing:
    """The part that all hints together lead to, as soon as it shows enough. Fails when that takes too long."""
    until = time.monotonic() + PATIENCE.total_seconds()
    so_far = Hint()
    while (left := until - time.monotonic()) > 0:
        hint = watch.wait(timedelta(seconds=left), lambda: False)
        so_far = so_far if hint is None else so_far | hint
        if so_far and enough(listing := source.list_part(so_far)):
            return listing
    pytest.fail(f"nothing was heard of the change within {PATIENCE.total_seconds():g} s, only {so_far}")


def path_of(entry: ListedFile) -> str:
    """The path of an entry under its root."""
    return f"{entry.folder}/{entry.name}" if entry.folder else entry.name


def as_set(listing: Listing) -> frozenset[ListedFile]:
    """What a listing names, whatever the order."""
    return frozenset((*listing.files, *listing.documents))


def names(listing: Listing) -> set[str]:
    """The paths of the media in a listing."""
    return {path_of(entry) for entry in listing.files}


def keys(listing: Listing) -> set[str]:
    """The keys of the media in a listing."""
    return {entry.key for entry in listing.files}
