"""The contract of a source as tests: inherit `MediaSourceProviderTests` and fill in two fixtures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import cast

import pytest

from storyline_core.abilities import PreviewingSource
from storyline_core.defaults import SourceDefaults
from storyline_core.errors import NeedsPerson, PluginFault, Refused, Unavailable
from storyline_core.interfaces import Kind, MediaSourceProvider
from storyline_core.media import Fingerprint, ListedFile, Listing, ListingMode, Unread
from storyline_core.pictures import look_file
from storyline_core.testing.conformance import only_core_errors
from storyline_core.testing.following import FollowingTests, SourceWorld, as_set, path_of
from storyline_core.testing.samples import picture
from storyline_core.testing.writing import WritingTests

TREE: Mapping[str, bytes] = {
    "front.jpg": picture(1),
    "memes/cat.jpg": picture(2),
    "memes/deep/dog.png": picture(3, form="PNG"),
    "merch/tee__https-shop-com-tee.jpg": picture(4),
    "merch/copy of cat.jpg": picture(2),
    "merch/empty.jpg": b"",
}
PLAINLY_AWKWARD = ("a b.jpg", "100%.jpg", "a#b.jpg", "a&b=c.jpg", "a?b.jpg", "猫.jpg", "quote'.jpg", "semi;colon.jpg")
TWO_SPELLINGS = ("ä.jpg", "a\u0308.jpg")


class MediaSourceProviderTests(FollowingTests, WritingTests):
    """Inherit, set `kind_name`, and override the fixtures `world` (a `SourceWorld`, empty) and `options`.

    `cannot` may name `folders`, `rename`, `delete`, `make_unreadable`, `break_down`, `awkward_names`, `empty_files`.
    """

    @pytest.fixture
    def tree(self, world: SourceWorld) -> dict[str, bytes]:
        """What lies in the world: a small tree, as far as the place can hold it."""
        held = dict(TREE)
        if "folders" in self.cannot:
            held = {path.replace("/", "-"): content for path, content in held.items()}
        if "empty_files" in self.cannot:
            held = {path: content for path, content in held.items() if content}
        for path, content in held.items():
            world.write(path, content)
        return held

    def test_it_is_a_source(self, opened: MediaSourceProvider) -> None:
        assert isinstance(opened, MediaSourceProvider)

    def test_an_empty_place_is_an_empty_listing(self, opened: MediaSourceProvider) -> None:
        listing = opened.list_media(None)
        assert (listing.files, listing.complete, listing.mode) == ((), True, ListingMode.FULL)

    def test_everything_is_listed_once(self, opened: MediaSourceProvider, tree: dict[str, bytes]) -> None:
        listing = opened.list_media(None)
        assert listing.complete
        assert not listing.unseen
        assert sorted(path_of(entry) for entry in listing.files) == sorted(tree)
        assert len({entry.key for entry in listing.files}) == len(tree)

    def test_entries_are_well_formed(self, opened: MediaSourceProvider, tree: dict[str, bytes]) -> None:
        for entry in opened.list_media(None).files:
            well_formed(entry)
            content = tree[path_of(entry)]
            assert entry.size == len(content)
            assert entry.digest in {None, hashlib.sha256(content).hexdigest()}

    def test_documents_are_told_from_media_and_the_rest_is_left_out(
        self, opened: MediaSourceProvider, world: SourceWorld
    ) -> None:
        for name in ("metadata.json", "cat.json", "cat.jpg", ".hidden.jpg", "~cat.jpg", "cat.jpg.part", "notes.txt"):
            world.write(name, b"{}")
        listing = opened.list_media(None)
        assert [entry.name for entry in listing.files] == ["cat.jpg"]
        # A source may know no documents at all; what it lists as one must be one.
        assert {entry.name for entry in listing.documents} <= {"metadata.json", "cat.json"}

    def test_looking_changes_nothing(self, opened: MediaSourceProvider, tree: dict[str, bytes]) -> None:
        first, second = opened.list_media(None), opened.list_media(None)
        assert as_set(first) == as_set(second)
        assert (first.identity, first.filters) == (second.identity, second.filters)

    def test_the_order_of_writing_does_not_matter(
        self, opened: MediaSourceProvider, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("delete")
        before = {path_of(entry): entry.size for entry in opened.list_media(None).files}
        for path in tree:
            world.delete(path)
        for path in sorted(tree, reverse=True):
            world.write(path, tree[path])
        assert {path_of(entry): entry.size for entry in opened.list_media(None).files} == before

    def test_awkward_names_are_listed_and_opened(self, opened: MediaSourceProvider, world: SourceWorld) -> None:
        self.unless_it_cannot("awkward_names")
        for number, name in enumerate((*PLAINLY_AWKWARD, *TWO_SPELLINGS)):
            world.write(name, b"%d" % number)
        entries = {entry.name: entry for entry in opened.list_media(None).files}
        # Two spellings of one name may be one file to the place; nothing else may be missing.
        assert set(entries) >= set(PLAINLY_AWKWARD)
        assert set(entries) & set(TWO_SPELLINGS)
        for entry in entries.values():
            well_formed(entry)
            with opened.open_media(entry.key) as file:
                assert len(file.read()) == entry.size

    def test_an_edit_of_the_same_size_shows(self, opened: MediaSourceProvider, world: SourceWorld) -> None:
        world.write("cat.jpg", b"one")
        before = only(opened.list_media(None))
        world.write("cat.jpg", b"two")
        after = only(opened.list_media(None))
        assert after.key == before.key
        assert (after.mtime_ns, after.version, after.digest) != (before.mtime_ns, before.version, before.digest)

    def test_a_rename_keeps_or_changes_the_key_as_the_kind_says(
        self, opened: MediaSourceProvider, world: SourceWorld, kind: Kind[object]
    ) -> None:
        self.unless_it_cannot("rename")
        world.write("cat.jpg", b"meow")
        before = only(opened.list_media(None))
        world.rename("cat.jpg", "kitten.jpg")
        after = only(opened.list_media(None))
        assert after.name == "kitten.jpg"
        assert (after.key == before.key) is kind.traits.keys_survive_renames
        with opened.open_media(after.key) as file:
            assert file.read() == b"meow"

    def test_what_is_deleted_is_gone_and_confirmed(
        self, opened: MediaSourceProvider, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("delete")
        keys = {path_of(entry): entry.key for entry in opened.list_media(None).files}
        gone = next(path for path in tree if path.endswith("cat.jpg"))
        world.delete(gone)
        listing = opened.list_media(None)
        assert listing.complete
        assert sorted(path_of(entry) for entry in listing.files) == sorted(set(tree) - {gone})
        assert opened.confirm_absent([keys[gone]]) == {keys[gone]}
        assert opened.confirm_absent([]) == frozenset()

    def test_what_is_there_is_never_confirmed_absent(self, opened: MediaSourceProvider, tree: dict[str, bytes]) -> None:
        _unless_it_believes_its_listing(opened)
        keys = [entry.key for entry in opened.list_media(None).files]
        assert opened.confirm_absent(keys) == frozenset()

    def test_every_entry_is_fingerprinted_once_and_truly(
        self, opened: MediaSourceProvider, tree: dict[str, bytes]
    ) -> None:
        entries = opened.list_media(None).files
        answers = list(opened.fingerprint(entries))
        assert sorted(answer.key for answer in answers) == sorted(entry.key for entry in entries)
        by_key = {answer.key: answer for answer in answers}
        for entry in entries:
            answer, content = by_key[entry.key], tree[path_of(entry)]
            assert isinstance(answer, Fingerprint)
            assert (answer.digest, answer.size) == (hashlib.sha256(content).hexdigest(), len(content))
            assert (answer.mtime_ns, answer.version) == (entry.mtime_ns, entry.version)
        assert list(opened.fingerprint([])) == []

    def test_a_file_that_vanished_is_answered_and_hurts_no_other(
        self, opened: MediaSourceProvider, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("delete")
        entries = opened.list_media(None).files
        gone = next(entry for entry in entries if entry.size)
        world.delete(path_of(gone))
        answers = {answer.key: answer for answer in opened.fingerprint(entries)}
        assert set(answers) == {entry.key for entry in entries}
        assert isinstance(answers[gone.key], Unread)
        assert sum(isinstance(answer, Fingerprint) for answer in answers.values()) == len(entries) - 1

    def test_media_open_as_bytes_that_can_be_sought(self, opened: MediaSourceProvider, tree: dict[str, bytes]) -> None:
        for entry in opened.list_media(None).files:
            content = tree[path_of(entry)]
            with opened.open_media(entry.key) as first, opened.open_media(entry.key) as second:
                assert first.read() == content
                assert first.seek(0) == 0
                assert first.read(10) == content[:10]
                assert second.read() == content

    def test_a_small_version_is_a_picture(
        self, opened: MediaSourceProvider, world: SourceWorld, kind: Kind[object]
    ) -> None:
        if not kind.traits.previews:
            pytest.skip("its kind has nothing in small")
        assert isinstance(opened, PreviewingSource), "the trait `previews` without `open_preview`"
        world.write("cat.jpg", picture(1))
        with opened.open_preview(only(opened.list_media(None)).key) as file:
            assert look_file(file).problem is None
        with pytest.raises(Refused):
            opened.open_preview("no-such-key.jpg")

    @pytest.mark.parametrize("key", ["no-such-key.jpg", "../../../../../etc/passwd", "/etc/passwd", ""])
    def test_an_unknown_key_is_refused(self, opened: MediaSourceProvider, tree: dict[str, bytes], key: str) -> None:
        with pytest.raises(Refused):
            opened.open_media(key)

    def test_the_identity_is_stable(
        self, opened: MediaSourceProvider, reopen: Callable[[], object], tree: dict[str, bytes]
    ) -> None:
        established = opened.identity(True)
        assert opened.identity(False) == established
        assert opened.identity(True) == established
        assert cast(MediaSourceProvider, reopen()).identity(False) == established
        listing = opened.list_media(None)
        assert listing.identity in {None, established}
        assert sorted(path_of(entry) for entry in listing.files) == sorted(tree)

    def test_asking_for_the_identity_establishes_nothing(
        self, opened: MediaSourceProvider, tree: dict[str, bytes]
    ) -> None:
        before = as_set(opened.list_media(None))
        assert opened.identity(False) == opened.identity(False)
        assert as_set(opened.list_media(None)) == before

    def test_an_unreadable_folder_is_unknown_not_gone(
        self, opened: MediaSourceProvider, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("make_unreadable")
        inside = [entry for entry in opened.list_media(None).files if entry.folder == "memes"]
        world.make_unreadable("memes")
        listing = opened.list_media(None)
        assert not listing.complete or any("memes/".startswith(f"{each.folder}/") for each in listing.unseen)
        assert "front.jpg" in {path_of(entry) for entry in listing.files}
        if not believes_its_listing(opened):
            assert opened.confirm_absent([entry.key for entry in inside]) == frozenset()

    def test_a_place_that_is_down_is_unavailable(
        self, opened: MediaSourceProvider, world: SourceWorld, tree: dict[str, bytes]
    ) -> None:
        self.unless_it_cannot("break_down")
        entries = opened.list_media(None).files
        world.break_down()
        with pytest.raises((Unavailable, NeedsPerson)):
            opened.list_media(None)
        assert isinstance(only_core_errors(lambda: opened.open_media(entries[0].key)), PluginFault)
        answers = only_core_errors(lambda: list(opened.fingerprint(entries)))
        if isinstance(answers, list):
            assert all(isinstance(answer, Unread) and not answer.gone for answer in answers)
            assert len(answers) == len(entries)
        if not believes_its_listing(opened):
            absent = only_core_errors(lambda: opened.confirm_absent([entry.key for entry in entries]))
            assert isinstance(absent, PluginFault) or absent == frozenset()


def only(listing: Listing) -> ListedFile:
    """The one file of a listing."""
    assert len(listing.files) == 1
    return listing.files[0]


def well_formed(entry: ListedFile) -> None:
    """Assert what every entry must be, whatever it stands for."""
    for text in (entry.key, entry.name, entry.folder, entry.version, entry.media_type):
        assert isinstance(text, str)
        assert "\0" not in text
        text.encode()
    assert entry.key
    assert entry.name
    assert "/" not in entry.name
    assert not entry.folder or all(part not in {"", ".", ".."} for part in entry.folder.split("/"))
    for number in (entry.size, entry.mtime_ns):
        assert isinstance(number, int)
        assert not isinstance(number, bool)
        assert number >= 0
    assert "/" in entry.media_type


def believes_its_listing(opened: MediaSourceProvider) -> bool:
    """Whether a source leaves it to the defaults to confirm what is absent."""
    own: object = type(opened).confirm_absent
    return own is SourceDefaults.confirm_absent


def _unless_it_believes_its_listing(opened: MediaSourceProvider) -> None:
    if believes_its_listing(opened):
        pytest.skip("it believes a complete listing, as the defaults do")
