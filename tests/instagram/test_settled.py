"""Core and Instagram together: blackouts, blocks, limits, rehearsals, two accounts with one publisher, dry runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest

from storyline_core import (
    Account,
    Decision,
    Entry,
    Mode,
    PostEvent,
    PostState,
)
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.testing.samples import picture
from tests.end_to_end.memory_world import settings_of
from tests.instagram.films import film
from tests.instagram.graph_api import GraphApi, Way
from tests.instagram.houses import SLOT, House, opened_house, with_cats
from tests.instagram.outlets import Outlet

GRAPH = "media.* container.get limit.get stories.list account.get media.get"


@pytest.fixture
def api() -> Iterator[GraphApi]:
    with GraphApi() as api:
        yield api


@pytest.fixture
def outlet(api: GraphApi) -> Outlet:
    return Outlet(api)


@pytest.fixture
def plugin() -> MemoryPlugin:
    return with_cats()


@contextmanager
def house(outlet: Outlet, plugin: MemoryPlugin, *more: Account, **account: object) -> Iterator[House]:
    given = settings_of("sqlite://", publisher="brand", **account)
    given = attrs.evolve(
        given,
        sources=list(given.sources.values()),
        notifiers=list(given.notifiers.values()),
        publishers=[Entry("brand", "instagram", outlet.settings())],
        accounts=[*given.accounts.values(), *more],
    )
    with opened_house(given, outlet, plugin) as found:
        yield found


@pytest.fixture
def opened(outlet: Outlet, plugin: MemoryPlugin) -> Iterator[House]:
    with house(outlet, plugin) as found:
        yield found


def test_a_post_is_rehearsed_and_goes_out(opened: House, api: GraphApi) -> None:
    opened.tick(minutes=-50)
    assert api.count("limit.get") == 1
    assert api.uploads() == 0
    post = opened.tick(minutes=0)
    assert post.state is PostState.POSTED
    (story,) = opened.outlet.stories()
    with opened.storyline.read() as unit:
        proof = unit.queue.publication(post.id)
    assert proof is not None
    assert (proof.remote_id, proof.url) == (story.id, story.permalink)
    assert api.copies() == []


def test_the_container_is_written_down_before_it_is_published(opened: House, api: GraphApi) -> None:
    api.behave(image_polls=1)
    post = opened.tick(minutes=0)
    assert post.state is PostState.PREPARED
    (container,) = api.containers(opened.outlet.account)
    assert post.handle is not None
    assert container.id in post.handle.token
    assert container.publishes == 0
    assert opened.tick(minutes=0.1).state is PostState.POSTED
    assert api.containers(opened.outlet.account)[0].publishes == 1


def test_in_a_blackout_a_person_is_asked_and_the_answer_comes_by_itself(opened: House, api: GraphApi) -> None:
    opened.tick(minutes=-50)
    api.fault(Way.CUT_AFTER, operation="media.publish")
    api.answer(502, "<html>Bad Gateway</html>", operation="container.get", times=1_000, skip=1)
    post = opened.tick(minutes=0)
    assert post.state is PostState.UNCERTAIN
    assert any("may or may not be live" in text for text in opened.told())
    for minute in (6, 20, 90, 300):
        assert opened.tick(minutes=minute).state is PostState.UNCERTAIN
    assert opened.outlet.published() == 1
    api.mend()
    assert opened.tick(hours=12).state is PostState.POSTED
    # Later slots had their own stories; this post still has only one.
    digests = [story.container for story in opened.outlet.stories()]
    assert len(digests) == len(set(digests))
    assert post.handle is not None
    assert sum((story.container or "-") in post.handle.token for story in opened.outlet.stories()) == 1
    with opened.storyline.read() as unit:
        assert not [alert for alert in unit.alerts.open() if alert.key.startswith("uncertain/")]


@pytest.mark.parametrize("live", [True, False])
def test_a_person_may_answer_first(opened: House, api: GraphApi, live: bool) -> None:
    api.fault(Way.CUT_AFTER if live else Way.CUT_BEFORE, operation="media.publish")
    api.answer(502, "", operation="container.get", times=1_000, skip=1)
    post = opened.tick(minutes=0)
    assert post.state is PostState.UNCERTAIN
    event = PostEvent.RESOLVE_LIVE if live else PostEvent.RESOLVE_NOT_LIVE
    opened.storyline.decide(Decision(post.id, event, "cli:anna"))
    api.mend()
    assert opened.tick(minutes=5).state is PostState.POSTED
    assert opened.outlet.published() == 1
    assert api.copies() == []


def test_a_block_stops_the_accounts_line_keeps_the_item_and_tells_a_person(opened: House, api: GraphApi) -> None:
    before = opened.post()
    api.refuse(4, 2207051, operation="media.create", http=403)
    post = opened.tick(minutes=0)
    assert (post.state, post.item_id, post.tries) == (PostState.APPROVED, before.item_id, 0)
    assert any("spam" in text for text in opened.told())
    opened.tick(minutes=5)
    assert api.count("media.create") == 1, "it does not knock again"
    post = opened.tick(minutes=55)
    assert (post.state, post.item_id, post.tries) == (PostState.APPROVED, before.item_id, 0)
    assert opened.outlet.published() == 0
    assert api.copies() == []


def test_throttled_the_line_waits_as_long_as_meta_says(opened: House, api: GraphApi) -> None:
    api.usage(account=100, minutes=12)
    post = opened.tick(minutes=0)
    assert (post.state, post.tries) == (PostState.APPROVED, 0)
    api.usage()
    with opened.storyline.read() as unit:
        state = unit.accounts.state("main")
    assert state.stopped_until == SLOT + timedelta(minutes=12)
    assert "throttles" in state.stopped_why
    opened.tick(minutes=11)
    assert api.count("media.create") == 0
    assert opened.tick(minutes=13).state is PostState.POSTED


def test_a_video_that_instagram_cannot_use_is_swapped_before_its_time(outlet: Outlet, api: GraphApi) -> None:
    plugin = MemoryPlugin()
    plugin.folder().write("cats/0.jpg", picture(1))
    for number in range(1, 6):
        plugin.folder().write(f"cats/{number}.mp4", film(75 + number))
    with house(outlet, plugin) as opened:
        with opened.storyline.read() as unit:
            names = {item.id: item.name for item in unit.library.items()}
        assert names[opened.post().item_id or 0].endswith(".mp4")
        after = opened.tick(minutes=-50)
        assert names[after.item_id or 0] == "0.jpg"
        assert after.round >= 1
        assert any("seconds long" in text for text in opened.told())
        assert opened.tick(minutes=0).state is PostState.POSTED


def test_two_accounts_with_one_publisher_take_turns(outlet: Outlet, plugin: MemoryPlugin, api: GraphApi) -> None:
    first = settings_of("sqlite://").accounts["main"]
    second = attrs.evolve(first, name="second", publisher="brand")
    with house(outlet, plugin, second) as opened:
        with opened.storyline.store.begin() as unit:
            lease = unit.leases.take("publish/brand", "elsewhere:7", until=SLOT + timedelta(minutes=5), now=SLOT)
        opened.tick(minutes=0)
        assert {opened.post(name).state for name in ("main", "second")} == {PostState.PREPARED}
        assert outlet.published() == 0
        with opened.storyline.store.begin() as unit:
            unit.leases.release(lease)
        opened.tick(minutes=1)
        assert {opened.post(name).state for name in ("main", "second")} == {PostState.POSTED}
        assert outlet.published() == 2


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.APPROVE])
def test_a_dry_run_contacts_nobody(outlet: Outlet, plugin: MemoryPlugin, api: GraphApi, mode: Mode) -> None:
    with house(outlet, plugin, dry_run=True, mode=mode) as opened:
        opened.tick(minutes=-50)
        assert [str(each.task) for each in opened.storyline.would_do("main")] == []
        assert opened.tick(minutes=0).state is PostState.SKIPPED
    assert api.count("*") == 0


def test_what_a_turn_would_do_is_said_without_contacting_anybody(opened: House, api: GraphApi) -> None:
    opened.clock.at = SLOT
    api.forget_calls()
    would = [(str(each.task), each.item.name if each.item else "") for each in opened.storyline.would_do("main")]
    assert would
    assert would[0][0] == "approve"
    assert api.count("*") == 0
