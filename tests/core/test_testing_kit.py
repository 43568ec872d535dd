"""The conformance kit fails where a plugin breaks its contract, and cannot be emptied quietly."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import BinaryIO

import attrs
import pytest
from hypothesis import given

from storyline_core import (
    Fingerprint,
    Found,
    Gone,
    Handle,
    ListedFile,
    Listing,
    Publication,
    Ready,
    Settings,
    Unavailable,
    Unread,
)
from storyline_core.testing import (
    Crash,
    Faults,
    MediaSourceProviderTests,
    MemoryPlugin,
    NotifierTests,
    Place,
    PublisherTests,
    draft_of,
    files,
    overridden_quietly,
    picture,
    runtime_named,
    strategies,
)
from storyline_core.testing.following import path_of
from storyline_core.testing.memory_folder import MemoryFolder, MemorySource
from storyline_core.testing.memory_stage import MemoryPublisher, MemoryStage
from storyline_core.testing.sources import TREE


class Whole(MediaSourceProviderTests):
    kind_name = "memory"


class Quiet(Whole):
    def test_the_identity_is_stable(self) -> None:  # type: ignore[override]
        pass

    test_media_open_as_bytes_that_can_be_sought = None  # type: ignore[assignment]

    @pytest.mark.xfail
    def test_it_is_a_source(self) -> None:  # type: ignore[override]
        pass

    @pytest.mark.xfail(reason="the service lists nothing twice")
    def test_everything_is_listed_once(self) -> None:  # type: ignore[override]
        pass

    def test_of_their_own(self) -> None:
        pass


def test_a_suite_cannot_be_emptied_quietly() -> None:
    for suite in (Whole, NotifierTests, PublisherTests):
        assert overridden_quietly(suite) == []
    assert overridden_quietly(Quiet) == [
        "test_it_is_a_source",
        "test_media_open_as_bytes_that_can_be_sought",
        "test_the_identity_is_stable",
    ]
    with pytest.raises(AssertionError, match="overrides or removes standard tests: test_it_is_a_source, "):
        Quiet().test_no_standard_test_is_left_out_quietly()


class HalfListing(MemorySource):
    """Leaves out a file and claims everything."""

    def list_media(self, cursor: str | None) -> Listing:
        listing = super().list_media(cursor)
        return attrs.evolve(listing, files=listing.files[1:])


class Twice(MemorySource):
    """Answers every entry two times."""

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        return super().fingerprint([*entries, *entries])


class WrongDigest(MemorySource):
    """Hashes something else."""

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        for answer in super().fingerprint(entries):
            yield attrs.evolve(answer, digest="0" * 64) if isinstance(answer, Fingerprint) else answer


class AllAbsent(MemorySource):
    """Confirms whatever it is asked."""

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(keys)


class Restless(MemorySource):
    """Has another identity every time."""

    asked = 0

    def identity(self, establish: bool) -> str | None:
        self.asked += 1
        return str(self.asked)


class EmptyWhenDown(MemorySource):
    """Takes an unplugged disk for an empty one."""

    def list_media(self, cursor: str | None) -> Listing:
        try:
            return super().list_media(cursor)
        except Unavailable:
            return Listing(())


class OpensAnything(MemorySource):
    """Gives something for every key."""

    def open_media(self, key: str) -> BinaryIO:
        return io.BytesIO()


LIARS: list[tuple[type[MemorySource], Callable[..., None], str]] = [
    (HalfListing, MediaSourceProviderTests.test_everything_is_listed_once, "tree"),
    (Twice, MediaSourceProviderTests.test_every_entry_is_fingerprinted_once_and_truly, "tree"),
    (WrongDigest, MediaSourceProviderTests.test_every_entry_is_fingerprinted_once_and_truly, "tree"),
    (AllAbsent, MediaSourceProviderTests.test_what_is_there_is_never_confirmed_absent, "tree"),
    (Restless, MediaSourceProviderTests.test_the_identity_is_stable, "reopen tree"),
    (EmptyWhenDown, MediaSourceProviderTests.test_a_place_that_is_down_is_unavailable, "world tree"),
    (OpensAnything, MediaSourceProviderTests.test_an_unknown_key_is_refused, "tree key"),
]


@pytest.mark.parametrize(("liar", "test", "needs"), LIARS, ids=[liar.__name__ for liar, _, _ in LIARS])
def test_a_source_that_breaks_the_contract_is_found_out(
    liar: type[MemorySource], test: Callable[..., None], needs: str
) -> None:
    for kind in (MemorySource, liar):
        world = MemoryFolder()
        for path, content in TREE.items():
            world.write(path, content)
        opened = kind(world, Faults(), by_id=False)
        reopen = lambda: opened  # noqa: B023, E731 - used within this turn
        given = {"world": world, "tree": dict(TREE), "reopen": reopen, "key": "no-such-key.jpg"}
        arguments = {name: given[name] for name in needs.split()}
        if kind is MemorySource:
            test(Whole(), opened=opened, **arguments)
            continue
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            test(Whole(), opened=opened, **arguments)


class Again(MemoryPublisher):
    """Publishes as often as it is asked."""

    def publish(self, handle: Handle) -> Publication:
        story = self._stage.story(handle.token)
        if story is not None:
            self._stage.stories.append(story)
        return super().publish(handle)


class Forgetful(MemoryPublisher):
    """Takes what is out for ready."""

    def find(self, handle: Handle) -> Found:
        return Ready()


class Generous(MemoryPublisher):
    """Loses what it prepared."""

    def find(self, handle: Handle) -> Found:
        return Gone()


@pytest.mark.parametrize(
    ("liar", "test"),
    [
        (Again, PublisherTests.test_one_handle_is_published_once),
        (Forgetful, PublisherTests.test_what_is_published_is_found_with_its_proof),
        (Generous, PublisherTests.test_a_crash_before_publishing_leaves_the_handle_ready),
    ],
)
def test_a_publisher_that_breaks_the_contract_is_found_out(
    liar: type[MemoryPublisher], test: Callable[..., None]
) -> None:
    for kind in (MemoryPublisher, liar):
        world = MemoryStage()
        opened = kind(runtime_named("stage"), world, Faults())
        memory = MemoryPlugin().storyline_publishers()[0]
        given: dict[str, object] = {"opened": opened, "world": world, "draft": draft_of(picture()), "kind": memory}
        given["reopen"] = lambda: opened  # noqa: B023 - used within this turn
        names = test.__code__.co_varnames[1 : test.__code__.co_argcount]
        arguments = {name: given[name] for name in names}
        if kind is MemoryPublisher:
            test(PublisherTests(), **arguments)
            continue
        with pytest.raises(AssertionError):
            test(PublisherTests(), **arguments)


def test_faults_come_before_or_after_the_effect_and_calls_are_recorded() -> None:
    memory = MemoryPlugin()
    kind, *_ = memory.storyline_publishers()
    with kind.open(Place(), runtime_named("stage")) as publisher:
        handle = publisher.prepare(draft_of(picture()))
        memory.faults.order("publish", Unavailable("not now"))
        with pytest.raises(Unavailable):
            publisher.publish(handle)
        assert memory.stage().published() == 0
        memory.faults.order("publish", Crash(), after=True)
        with pytest.raises(Crash):
            publisher.publish(handle)
        assert memory.stage().published() == 1
        assert publisher.publish(handle).remote_id == "story-1"
    assert memory.faults.calls == ["prepare", "publish", "publish", "publish"]


def test_a_call_inside_a_transaction_is_an_error() -> None:
    memory = MemoryPlugin()
    memory.watch_transactions(lambda: True)
    kind = memory.storyline_media_source_providers()[0]
    with (
        kind.open(Place(), runtime_named("photos")) as source,
        pytest.raises(AssertionError, match="list_media was called while a transaction was open"),
    ):
        source.list_media(None)


DIES = """
    import sys
    from pathlib import Path
    from storyline_core.testing import draft_of, files, picture, runtime_named

    stage = files.FileStage(Path(sys.argv[1]), die_at=sys.argv[2])
    publisher = files.FilePublisher(stage, runtime_named("stage"))
    publisher.publish(publisher.prepare(draft_of(picture())))
    raise SystemExit(0)
"""


@pytest.mark.parametrize(
    ("moment", "out", "last"),
    [
        ("prepare:before", 0, []),
        ("prepare:after", 0, ["prepare"]),
        ("publish:before", 0, ["prepare"]),
        ("publish:after", 1, ["prepare", "publish"]),
    ],
)
def test_a_process_that_dies_on_order_leaves_evidence(tmp_path: Path, moment: str, out: int, last: list[str]) -> None:
    arguments = [sys.executable, "-c", dedent(DIES), str(tmp_path), moment]
    assert subprocess.run(arguments, check=False).returncode == files.DIED
    assert len(files.published(tmp_path)) == out
    assert [call for call, _ in files.calls(tmp_path)] == last


@given(strategies.trees())
def test_any_tree_is_listed_whole_by_the_source_in_memory(tree: dict[str, bytes]) -> None:
    folder = MemoryFolder()
    for path, content in tree.items():
        folder.write(path, content)
    listing = MemorySource(folder, Faults(), by_id=True).list_media(None)
    assert {path_of(entry): entry.size for entry in listing.files} == {k: len(v) for k, v in tree.items()}


@given(strategies.accounts(), strategies.posts(), strategies.items())
def test_strategies_give_values_that_can_be(account: object, post: object, item: object) -> None:
    assert Settings("sqlite:////x.db", accounts=[account]).accounts  # type: ignore[list-item]
    assert (post.settled_at is not None) == post.settled  # type: ignore[attr-defined]
    assert item.state in {"alive", "broken", "removed"}  # type: ignore[attr-defined]


def test_pictures_differ_by_their_number() -> None:
    assert len({picture(number) for number in range(300)}) == 300
