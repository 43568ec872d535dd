"""The contract of a publisher as tests: inherit `PublisherTests` and fill in two fixtures."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import BinaryIO, ClassVar, Protocol, cast

import attrs
import pytest

from storyline_core.abilities import RehearsingPublisher
from storyline_core.errors import NeedsPerson, PluginFault, Refused, Unavailable
from storyline_core.interfaces import (
    Contract,
    Draft,
    Gone,
    InProgress,
    Kind,
    Published,
    Publisher,
    Ready,
    Runtime,
)
from storyline_core.posts import Handle, Publication
from storyline_core.testing.conformance import only_core_errors
from storyline_core.testing.recalling import RecallingTests
from storyline_core.testing.samples import draft_of, picture


class PublisherWorld(Protocol):
    """Where a publisher publishes, as the tests look at it and disturb it."""

    def published(self) -> int:
        """How many stories are really out."""

    def break_down(self) -> None:
        """Let nothing get through any more."""


class PublisherTests(RecallingTests):
    """Inherit, set `kind_name`, and override the fixtures `world` (a `PublisherWorld`, empty) and `options`.

    `cannot` may name `break_down` and `refuse` (there is nothing that it could not publish).
    """

    contract: ClassVar[Contract] = Contract.PUBLISHER

    @pytest.fixture
    def world(self) -> PublisherWorld:
        """To be overridden."""
        raise NotImplementedError("Override the fixture `world` with the place where stories come out.")

    @pytest.fixture
    def opened(self, reopen: Callable[[], object], world: PublisherWorld) -> Publisher:
        """The publisher, opened on the world."""
        return cast(Publisher, reopen())

    @pytest.fixture
    def draft(self) -> Draft:
        """A post to publish."""
        return draft_of(picture(1), publishable=True)

    def test_it_is_a_publisher(self, opened: Publisher) -> None:
        assert isinstance(opened, Publisher)

    def test_it_says_in_one_line_how_it_is(self, opened: Publisher, world: PublisherWorld) -> None:
        text = opened.check()
        assert text.strip()
        assert "\n" not in text
        assert world.published() == 0

    def test_preparing_can_be_repeated_and_publishes_nothing(
        self, opened: Publisher, world: PublisherWorld, draft: Draft, runtime: Runtime
    ) -> None:
        for _ in range(2):
            handle = opened.prepare(draft)
            assert isinstance(handle, Handle)
            assert handle.publisher == runtime.name
            assert handle.token
            handle.token.encode()
            assert handle.expires_at is None or handle.expires_at.utcoffset() is not None
            assert isinstance(opened.find(handle), Ready)
        assert world.published() == 0

    def test_publishing_gives_proof(self, opened: Publisher, world: PublisherWorld, draft: Draft) -> None:
        publication = opened.publish(opened.prepare(draft))
        proven(publication)
        assert world.published() == 1

    def test_what_is_published_is_found_with_its_proof(self, opened: Publisher, draft: Draft) -> None:
        handle = opened.prepare(draft)
        publication = opened.publish(handle)
        found = opened.find(handle)
        assert isinstance(found, Published)
        assert found.publication.remote_id == publication.remote_id
        proven(found.publication)

    def test_one_handle_is_published_once(
        self, opened: Publisher, world: PublisherWorld, draft: Draft, kind: Kind[object]
    ) -> None:
        _unless_a_person_is_asked(kind)
        handle = opened.prepare(draft)
        first = opened.publish(handle)
        again = only_core_errors(lambda: opened.publish(handle))
        assert world.published() == 1
        assert isinstance(again, PluginFault) or cast(Publication, again).remote_id == first.remote_id

    def test_one_handle_is_published_once_by_eight_at_the_same_time(
        self, opened: Publisher, reopen: Callable[[], object], world: PublisherWorld, draft: Draft, kind: Kind[object]
    ) -> None:
        _unless_a_person_is_asked(kind)
        handle = opened.prepare(draft)
        rivals = [cast(Publisher, reopen()) for _ in range(8)]
        with ThreadPoolExecutor(len(rivals)) as pool:
            answers = list(pool.map(lambda rival: only_core_errors(lambda: rival.publish(handle)), rivals))
        assert world.published() == 1
        assert len({answer.remote_id for answer in answers if isinstance(answer, Publication)}) <= 1
        assert isinstance(opened.find(handle), Published)

    def test_a_crash_after_publishing_is_no_second_story(
        self, opened: Publisher, reopen: Callable[[], object], world: PublisherWorld, draft: Draft, kind: Kind[object]
    ) -> None:
        _unless_a_person_is_asked(kind)
        handle = opened.prepare(draft)
        opened.publish(handle)
        later = cast(Publisher, reopen())
        assert isinstance(later.find(handle), Published)
        only_core_errors(lambda: later.publish(handle))
        assert world.published() == 1

    def test_a_crash_before_publishing_leaves_the_handle_ready(
        self, opened: Publisher, reopen: Callable[[], object], world: PublisherWorld, draft: Draft
    ) -> None:
        handle = opened.prepare(draft)
        later = cast(Publisher, reopen())
        assert isinstance(later.find(handle), Ready)
        proven(later.publish(handle))
        assert world.published() == 1

    def test_every_answer_is_one_of_four(self, opened: Publisher, draft: Draft, runtime: Runtime) -> None:
        handle = opened.prepare(draft)
        stranger = Handle(publisher=runtime.name, token="nothing-of-ours")
        found = [opened.find(handle), only_core_errors(lambda: opened.find(stranger))]
        opened.publish(handle)
        found.append(opened.find(handle))
        for answer in found:
            assert isinstance(answer, Published | Ready | InProgress | Gone | PluginFault)
            if isinstance(answer, InProgress):
                assert answer.retry_after > timedelta(0)
        assert not isinstance(found[1], Published | Ready), "a handle that nobody prepared"

    def test_discarding_can_be_repeated_and_ends_the_handle(
        self, opened: Publisher, world: PublisherWorld, draft: Draft
    ) -> None:
        handle = opened.prepare(draft)
        opened.discard(handle)
        opened.discard(handle)
        only_core_errors(lambda: opened.publish(handle))
        # A publisher that leaves nothing behind may still be able to publish the handle; then it must say so.
        assert world.published() == int(isinstance(opened.find(handle), Published))

    def test_discarding_takes_nothing_back(self, opened: Publisher, world: PublisherWorld, draft: Draft) -> None:
        handle = opened.prepare(draft)
        opened.publish(handle)
        opened.discard(handle)
        assert isinstance(opened.find(handle), Published)
        assert world.published() == 1

    def test_two_posts_are_two_stories(self, opened: Publisher, world: PublisherWorld, draft: Draft) -> None:
        other = draft_of(picture(2), ordinal=1, publishable=True)
        # The same picture again, in another slot, is another story as well.
        again = draft_of(picture(1), ordinal=2, publishable=True)
        ids = {opened.publish(opened.prepare(each)).remote_id for each in (draft, other, again)}
        assert len(ids) == 3
        assert world.published() == 3

    def test_what_can_never_be_published_is_refused_with_why(
        self, opened: Publisher, world: PublisherWorld, draft: Draft
    ) -> None:
        self.unless_it_cannot("refuse")
        with pytest.raises(Refused) as refusal:
            opened.prepare(draft_of(b"this is no picture", publishable=True))
        assert str(refusal.value).strip()
        assert world.published() == 0

    def test_a_rehearsal_says_whether_it_would_work_and_leaves_nothing(
        self, opened: Publisher, world: PublisherWorld, draft: Draft, kind: Kind[object]
    ) -> None:
        if not kind.traits.rehearses:
            pytest.skip("the kind does not rehearse")
        assert isinstance(opened, RehearsingPublisher)
        opened.rehearse(draft)
        assert world.published() == 0
        if "refuse" not in self.cannot:
            with pytest.raises(Refused):
                opened.rehearse(draft_of(b"this is no picture", publishable=True))
        if "break_down" not in self.cannot:
            world.break_down()
            assert isinstance(only_core_errors(lambda: opened.rehearse(draft)), Unavailable | NeedsPerson)

    def test_a_file_that_is_gone_is_a_clear_error(self, opened: Publisher, world: PublisherWorld, draft: Draft) -> None:
        def gone() -> BinaryIO:
            raise Unavailable("The disk is not there.")

        only_core_errors(lambda: opened.prepare(attrs.evolve(draft, open_media=gone)))
        assert world.published() == 0

    def test_only_core_errors_when_nothing_gets_through(
        self, opened: Publisher, world: PublisherWorld, draft: Draft
    ) -> None:
        self.unless_it_cannot("break_down")
        handle = opened.prepare(draft)
        world.break_down()
        fault = only_core_errors(lambda: opened.publish(handle))
        assert isinstance(fault, PluginFault)
        if isinstance(fault, Unavailable | Refused):
            assert world.published() == 0, f"{type(fault).__name__} says that it certainly did not happen"
        only_core_errors(lambda: opened.find(handle))
        only_core_errors(lambda: opened.discard(handle))
        assert isinstance(only_core_errors(lambda: opened.prepare(draft)), PluginFault | Handle)


def proven(publication: Publication) -> None:
    """Assert that a publication proves something."""
    assert isinstance(publication, Publication)
    assert publication.remote_id or publication.url
    assert publication.at.utcoffset() == timedelta(0), "times are in UTC"


def _unless_a_person_is_asked(kind: Kind[object]) -> None:
    if not kind.traits.publishes_at_most_once:
        pytest.skip("the kind says that it cannot promise this; a person is asked instead")
