"""What a sceptic tried: misleading answers, wrong clocks, witnesses of something else, mistakes in settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import attrs
import pytest

from storyline_core import (
    BackfillRequest,
    Busy,
    Decision,
    Entry,
    Gone,
    Mode,
    NeedsPerson,
    Post,
    PostEvent,
    PostState,
    PrivateState,
    Provenance,
    Refused,
    SourceEntry,
    StoreUnavailable,
    Unavailable,
    Uncertain,
)
from storyline_core.testing import runtime_named
from storyline_core.testing.samples import NOON, draft_of, picture
from storyline_instagram.faults import Remedy
from storyline_instagram.graph import GraphFault
from storyline_instagram.opened import InstagramAccount, opened
from storyline_local import LocalFolder
from storyline_local.folder import FolderSource
from tests.end_to_end.memory_world import settings_of as memory_settings
from tests.end_to_end.world import SetClock
from tests.instagram.accounts import open_account, open_graph, settings_of
from tests.instagram.console import Console
from tests.instagram.films import film
from tests.instagram.graph_api import Account, GraphApi, Way
from tests.instagram.houses import SLOT, House, opened_house, with_cats
from tests.instagram.outlets import Outlet
from tests.instagram.past_worker import Orders, save


@contextmanager
def house(api: GraphApi, folder: Path, **account: object) -> Iterator[House]:
    """Everything opened, before the first slot, with an empty folder for what was posted before."""
    folder.mkdir()
    outlet = Outlet(api)
    given = memory_settings("sqlite://", publisher="brand", **account)
    given = attrs.evolve(
        given,
        sources=[*given.sources.values(), SourceEntry("archive", "local", LocalFolder(path=folder))],
        notifiers=list(given.notifiers.values()),
        publishers=[Entry("brand", "instagram", outlet.settings())],
        accounts=list(given.accounts.values()),
    )
    with opened_house(given, outlet, with_cats()) as found:
        yield found


def backfilled(home: House) -> list[str]:
    """Save the past, and tell what lies in the folder then."""
    home.storyline.backfill("brand", BackfillRequest(into="archive"))
    with home.storyline.read() as unit:
        return [item.name for item in unit.library.items(source="archive")]


@pytest.fixture
def home(api: GraphApi, tmp_path: Path) -> Iterator[House]:
    with house(api, tmp_path / "archive") as found:
        yield found


@contextmanager
def publisher(outlet: Outlet, clock: SetClock | None = None, **settings: object) -> Iterator[InstagramAccount]:
    with opened(outlet.settings(**settings), runtime_named("brand", clock or SetClock(NOON))) as found:
        yield found


def draft(number: int = 1) -> object:
    return draft_of(picture(number), publishable=True)


# Limits


def test_a_limit_that_stays_well_used_slows_the_line_and_does_not_end_it(home: House, api: GraphApi) -> None:
    api.usage(app=85)
    states = [home.tick(minutes=minute).state for minute in (0, 1, 10, 25, 40, 50)]
    assert PostState.POSTED in states


def test_a_reading_from_the_future_stops_nothing(api: GraphApi) -> None:
    clock = SetClock(NOON + timedelta(days=20))
    with publisher(Outlet(api), clock) as brand:
        api.usage(app=95)
        brand.check()
        api.usage(app=5)
        clock.at = NOON
        brand.prepare(draft())  # type: ignore[arg-type]


# What became of it


@pytest.mark.parametrize(("code", "subcode"), [(100, None), (424242, None), (200, None), (190, 463), (36003, 2207009)])
def test_whatever_the_question_is_refused_with_a_story_that_may_be_out_stays_a_question(
    home: House, api: GraphApi, code: int, subcode: int | None
) -> None:
    api.fault(Way.CUT_AFTER, operation="media.publish")
    api.answer(502, "Bad Gateway", operation="container.get", times=1, skip=1)
    assert home.tick(minutes=0).state is PostState.UNCERTAIN
    api.refuse(code, subcode, operation="container.get", times=100)
    assert home.tick(minutes=7).state is PostState.UNCERTAIN
    assert home.outlet.published() == 1
    api.mend()
    assert home.tick(minutes=60).state is PostState.POSTED


def test_an_unknown_refusal_of_the_publishing_is_not_believed_blindly(api: GraphApi) -> None:
    outlet = Outlet(api)
    with publisher(outlet) as brand:
        handle = brand.prepare(draft())  # type: ignore[arg-type]
        api.refuse(424242, operation="media.publish", way=Way.REFUSED_AFTER)
        api.answer(502, "Bad Gateway", operation="container.get", times=100)
        with pytest.raises(Uncertain):
            brand.publish(handle)
    assert outlet.published() == 1


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(0), -timedelta(minutes=10)])
def test_with_a_wrong_clock_a_story_that_is_out_is_not_overlooked(api: GraphApi, ahead: timedelta) -> None:
    outlet, clock = Outlet(api), SetClock(NOON + ahead)
    with publisher(outlet, clock) as brand:
        handle = brand.prepare(draft())  # type: ignore[arg-type]
        api.advance(timedelta(seconds=20))
        brand.publish(handle)
        clock.at += timedelta(minutes=6)
        api.refuse(24, 2207008, operation="container.get", times=100)
        with pytest.raises(Uncertain):
            brand.find(handle)


def test_of_many_live_stories_none_is_overlooked(api: GraphApi) -> None:
    outlet, clock = Outlet(api), SetClock(NOON)
    api.behave(page_most=4)
    for number in range(9):
        api.post(outlet.account, "IMAGE", product="STORY", content=picture(number), at=NOON - timedelta(hours=number))
    with publisher(outlet, clock) as brand:
        handle = brand.prepare(draft())  # type: ignore[arg-type]
        clock.at += timedelta(minutes=6)
        api.set_time(clock.at)
        api.refuse(24, 2207008, operation="container.get", times=100)
        assert isinstance(brand.find(handle), Gone)


def test_somebody_elses_story_is_no_proof(api: GraphApi) -> None:
    outlet, clock = Outlet(api), SetClock(NOON)
    api.behave(stories_shown_after=timedelta(hours=1))
    with publisher(outlet, clock) as brand:
        handle = brand.prepare(draft())  # type: ignore[arg-type]
        brand.publish(handle)
        (ours,) = outlet.stories()
        clock.at += timedelta(minutes=6)
        api.set_time(clock.at)
        theirs = api.post(outlet.account, "VIDEO", product="STORY", content=film(), at=clock.at)
        found = brand.find(handle)
    assert theirs != ours.id
    assert found.publication.remote_id != theirs  # type: ignore[union-attr]


@attrs.define
class Forgetful:
    """A private state that cannot be read any more from some moment on."""

    broken: Callable[[], bool]
    kept: dict[str, str] = attrs.field(factory=dict)

    def get(self, name: str) -> str | None:
        if self.broken():
            raise StoreUnavailable("The database is locked.")
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        self.kept[name] = value

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


@pytest.mark.parametrize("way", [None, Way.CUT_AFTER])
def test_a_story_that_is_out_is_told_although_the_database_fails_just_then(api: GraphApi, way: Way | None) -> None:
    outlet = Outlet(api)
    state = Forgetful(lambda: api.count("media.publish") > 0)
    runtime = attrs.evolve(runtime_named("brand", SetClock(NOON)), state=state)
    with opened(outlet.settings(), runtime) as brand:
        handle = brand.prepare(draft())  # type: ignore[arg-type]
        if way is None:
            assert brand.publish(handle).remote_id == outlet.stories()[0].id
        else:
            api.fault(way, operation="media.publish")
            with pytest.raises(Uncertain):
                brand.publish(handle)
    assert outlet.published() == 1


def test_a_block_that_a_container_tells_of_stops_the_line(api: GraphApi) -> None:
    outlet = Outlet(api)
    with publisher(outlet) as brand:
        api.spoil(2207051)
        assert isinstance(brand.find(brand.prepare(draft())), Gone)  # type: ignore[arg-type]
        api.forget_calls()
        with pytest.raises(NeedsPerson, match="spam"):
            brand.prepare(draft(2))  # type: ignore[arg-type]
        assert api.count("media.create") == 0


def _unsure(home: House, api: GraphApi, way: Way) -> Post:
    api.fault(way, operation="media.publish")
    api.answer(502, "Bad Gateway", operation="container.get", times=1_000, skip=1)
    post = home.tick(minutes=0)
    assert post.state is PostState.UNCERTAIN
    return post


def test_whoever_says_not_live_too_early_causes_no_second_story(home: House, api: GraphApi) -> None:
    post = _unsure(home, api, Way.CUT_AFTER)
    home.storyline.decide(Decision(post.id, PostEvent.RESOLVE_NOT_LIVE, "cli:anna"))
    assert home.tick(minutes=2).state is not PostState.POSTED
    api.mend()
    assert home.tick(minutes=4).state is PostState.POSTED
    assert home.outlet.published() == 1


def test_a_sleeper_that_wakes_after_not_live_causes_no_second_story(home: House, api: GraphApi) -> None:
    post = _unsure(home, api, Way.CUT_BEFORE)
    home.storyline.decide(Decision(post.id, PostEvent.RESOLVE_NOT_LIVE, "cli:anna"))
    api.mend()
    assert home.tick(minutes=2).state is PostState.POSTED
    assert post.handle is not None
    with publisher(home.outlet, home.clock) as sleeper:
        sleeper.publish(post.handle)
    assert home.outlet.published() == 1


def test_after_not_live_a_container_that_nobody_knows_is_made_anew(home: House, api: GraphApi) -> None:
    post = _unsure(home, api, Way.CUT_BEFORE)
    home.storyline.decide(Decision(post.id, PostEvent.RESOLVE_NOT_LIVE, "cli:anna"))
    api.mend()
    api.post(home.outlet.account, "IMAGE", product="STORY", content=picture(9), at=SLOT)
    api.refuse(24, 2207008, operation="container.get")
    states = [home.tick(minutes=minute).state for minute in (3, 4, 11, 12)]
    assert states[-1] is PostState.POSTED
    assert len(api.containers(home.outlet.account)) == 2


# Mistakes in the settings

WRONG_HOST = """
[publishers.brand.host]
kind = "cloudinary"
cloud_name = "cloudinary://12:PLANTEDsecret@cloud"
api_key = { env = "K" }
api_secret = { env = "S" }
"""


def test_an_account_id_of_something_else_burns_no_post(home: House, api: GraphApi) -> None:
    message = "(#100) Tried accessing nonexisting field (content_publishing_limit) on node type (Page)"
    api.refuse(100, operation="limit.get", times=1_000, message=message)
    before = home.post()
    home.tick(minutes=-50)
    post = home.tick(minutes=0)
    assert (post.state, post.item_id, post.tries) == (PostState.APPROVED, before.item_id, 0)
    home.tick(minutes=1)
    assert any("account_id" in alert.remedy for alert in home.plugin.team().alerts)


@pytest.mark.parametrize(
    "mistake",
    [
        'app_id = "PLANTED0123456789abcdef"',
        'account_id = "EAAB0123456789abcdef0123456789abcdef"',
        WRONG_HOST,
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(
    console: Console, brand: Account, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    monkeypatch.setenv("K", "key-of-cloudinary")
    monkeypatch.setenv("S", "secret-of-cloudinary")
    console.configure(brand, more=mistake, app=False, token="")
    said = console("check")
    assert said.code != 0
    assert "publishers.brand" in said.all


# The host


def test_a_clock_that_cloudinary_does_not_accept_burns_no_post(api: GraphApi) -> None:
    outlet = Outlet(api)
    stale = "Stale request - reported time is 2026-05-01 09:00:00 UTC which is more than 1 hour ago"
    api.refuse_host(400, stale, operation="cloudinary.upload", times=3)
    with publisher(outlet) as brand, pytest.raises((NeedsPerson, Unavailable)):
        brand.prepare(draft())  # type: ignore[arg-type]


def test_one_copy_that_cannot_be_removed_keeps_no_other_there(api: GraphApi) -> None:
    outlet, clock = Outlet(api), SetClock(NOON)
    with publisher(outlet, clock) as brand:
        for number in range(3):
            brand.prepare(draft(number))  # type: ignore[arg-type]
        clock.at += timedelta(hours=2)
        api.refuse_host(400, "Something is wrong with this one", operation="cloudinary.destroy")
        with pytest.raises((Refused, Unavailable)):
            brand.sweep()
    assert len(api.copies()) == 1


# Uploads


def test_a_video_that_the_upload_refuses_is_refused(api: GraphApi) -> None:
    outlet = Outlet(api)
    told = '{"debug_info":{"retriable":false,"type":"ProcessingFailedError","message":"Request processing failed"}}'
    api.answer(400, told, operation="rupload.send", times=20, kind="application/json")
    with publisher(outlet) as brand, pytest.raises(Refused, match="processing failed"):
        brand.prepare(draft_of(film(), name="story.mp4", publishable=True))


def test_an_upload_that_is_taken_too_slowly_ends(api: GraphApi, brand: Account) -> None:
    taken: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(300):
            taken.append(number)
            time.sleep(0.01)
            yield b"x"

    with open_graph(api, brand) as graph, pytest.raises(GraphFault) as lost:
        graph.upload("/ig-api-upload/v26.0/1", {"offset": "0", "file_size": "300"}, blocks(), answer_s=0.2)
    assert len(taken) < 300
    assert lost.value.remedy is Remedy.AGAIN


# Tokens


@attrs.define
class Interrupted:
    """A private state in which something else happens just before a certain write."""

    kept: dict[str, str] = attrs.field(factory=dict)
    before_write: Callable[[], None] | None = None

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        meanwhile, self.before_write = self.before_write, None
        if meanwhile is not None:
            meanwhile()
        self.kept[name] = value

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


def test_a_renewal_does_not_undo_a_login_that_came_in_between(api: GraphApi, shop: Account) -> None:
    state: PrivateState = Interrupted()
    runtime = attrs.evolve(runtime_named("brand", api.now), state=state)
    settings = settings_of(api, shop, access_token=None)
    with open_account(api, settings, runtime) as account:
        account.connecting().keep(account.connecting().try_out(shop.token), shop.id)
        newer = api.token(shop, "instagram")
        api.advance(timedelta(days=2))

        def login() -> None:
            with open_account(api, settings, runtime) as other:
                other.connecting().keep(other.connecting().try_out(newer), shop.id)
                told.append(other.care()._custody.token())

        told: list[str] = []
        state.before_write = login  # type: ignore[attr-defined]
        account.care().renew_now()
        assert account.care()._custody.token() == told[0]


def test_a_token_that_was_connected_under_a_wrong_clock_is_renewed_before_it_ends(api: GraphApi, shop: Account) -> None:
    clock = SetClock(api.now() + timedelta(days=40))
    runtime, short = runtime_named("brand", clock), api.token(shop, "instagram", timedelta(hours=1))
    with open_account(api, settings_of(api, shop, access_token=None), runtime) as account:
        account.connecting().keep(account.connecting().try_out(short), shop.id)
        for _ in range(70):
            api.advance(timedelta(days=1))
            clock.at = api.now()
            account.maintain()
        assert account.connecting().standing().username


# The past


def _of_past(api: GraphApi, brand: Account, tmp_path: Path) -> Orders:
    return Orders.of(api, brand, f"sqlite:///{tmp_path / 'past.db'}", tmp_path / "archive")


def test_a_bad_day_of_the_file_servers_loses_nothing(api: GraphApi, brand: Account, tmp_path: Path) -> None:
    api.fill(brand, 6)
    with _of_past(api, brand, tmp_path).opened(api.now) as storyline:
        api.answer(403, "Forbidden", operation="cdn.get", times=1_000)
        assert save(storyline)["saved"] == 0
        api.mend()
        api.advance(timedelta(hours=2))
        assert save(storyline)["saved"] == 6


def test_where_every_cursor_is_refused_it_is_not_asked_for_ever(api: GraphApi, brand: Account, tmp_path: Path) -> None:
    api.fill(brand, 6)
    api.behave(page_most=2)
    for skip in range(40):
        api.refuse(100, operation="media.list", skip=skip + 1, message="(#100) Invalid cursor")
    with _of_past(api, brand, tmp_path).opened(api.now) as storyline:
        save(storyline)
    assert api.count("media.list") < 20


def test_what_a_dead_process_was_storing_into_a_source_that_is_gone_stops_nothing(
    api: GraphApi, brand: Account, tmp_path: Path
) -> None:
    api.fill(brand, 3)
    orders = _of_past(api, brand, tmp_path)
    with orders.opened(api.now) as storyline:
        save(storyline, limit=1)
        with storyline.store.begin() as unit:
            from sqlalchemy import text

            unit.connection.execute(text("update past_media set state='storing', source='removed', item_id=NULL"))
    with orders.opened(api.now) as storyline:
        assert save(storyline)["saved"] == 2


def test_a_story_of_ours_that_was_found_by_its_container_is_not_saved_as_somebody_elses(
    home: House, api: GraphApi
) -> None:
    api.behave(stories_shown_after=timedelta(minutes=5))
    api.fault(Way.CUT_AFTER, operation="media.publish")
    assert home.tick(minutes=0).state is PostState.POSTED
    home.tick(minutes=30)
    assert backfilled(home) == []


def test_a_story_that_a_person_says_is_live_is_not_saved_as_somebody_elses(home: House, api: GraphApi) -> None:
    api.fault(Way.CUT_AFTER, operation="media.publish")
    api.answer(502, "Bad Gateway", operation="container.get", times=1_000, skip=1)
    post = home.tick(minutes=0)
    assert post.state is PostState.UNCERTAIN
    home.clock.at += timedelta(minutes=20)
    home.storyline.decide(Decision(post.id, PostEvent.RESOLVE_LIVE, person="Anna", revision=post.revision))
    api.mend()
    home.tick(minutes=30)
    assert backfilled(home) == []


@pytest.mark.parametrize("written", ["9999999d", "0001-01-01", "99999999999d", "2026-02-30", "9999-12-31"])
def test_an_odd_beginning_is_no_crash(console: Console, api: GraphApi, brand: Account, written: str) -> None:
    (console.folder / "archive").mkdir()
    console.configure(brand, more=f'account_id = "{brand.id}"', token=brand.token)
    file = console.folder / "storyline.toml"
    file.write_text(file.read_text() + '\n[sources.archive]\nkind = "local"\npath = "archive"\n')
    said = console("instagram", "backfill", "--into", "archive", "--since", written, "--dry-run")
    assert said.code in (0, 1)
    assert "mistake in Storyline" not in said.all
    assert "Traceback" not in said.all


def test_a_story_that_may_be_out_before_its_time_is_not_saved_as_somebody_elses(api: GraphApi, tmp_path: Path) -> None:
    with house(api, tmp_path / "archive", mode=Mode.APPROVE) as home:
        post = home.tick(minutes=0)
        later = SLOT + timedelta(hours=2)
        home.storyline.decide(Decision(post.id, PostEvent.SNOOZE, person="team:1", until=later))
        home.tick(minutes=5)
        api.fault(Way.CUT_AFTER, operation="media.publish")
        api.answer(502, "Bad Gateway", operation="container.get", times=1_000, skip=1)
        home.storyline.decide(Decision(post.id, PostEvent.APPROVE, person="team:1"))
        post = home.tick(minutes=10)
        assert (post.state, post.due_at) == (PostState.UNCERTAIN, later)
        assert backfilled(home) == []


def test_a_story_from_a_phone_is_saved_beside_our_own(home: House, api: GraphApi) -> None:
    assert home.tick(minutes=0).state is PostState.POSTED
    api.post(home.outlet.account, "IMAGE", product="STORY", content=picture(9), at=SLOT + timedelta(minutes=20))
    home.tick(minutes=30)
    assert len(backfilled(home)) == 1


@attrs.define
class Slow:
    """A folder that takes eight minutes for one file, in which something else happens."""

    real: FolderSource
    meanwhile: Callable[[], None]

    def store_media(self, folder: str, name: str, content: BinaryIO, *, provenance: Provenance | None = None) -> str:
        """Store it in the end."""
        self.meanwhile()
        return self.real.store_media(folder, name, content, provenance=provenance)

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_a_second_backfill_does_not_overtake_one_that_stores_slowly(
    api: GraphApi, brand: Account, tmp_path: Path
) -> None:
    api.post(brand, "VIDEO", content=film(500) + (20_000_008).to_bytes(4, "big") + b"free" + bytes(20_000_000))
    orders = _of_past(api, brand, tmp_path)
    with orders.opened(api.now) as first, orders.opened(api.now) as second:
        sources = first._opened._sources
        real = first._opened.source("archive")

        def meanwhile() -> None:
            api.advance(timedelta(minutes=8))
            with pytest.raises(Busy):
                save(second)

        sources["archive"] = Slow(real, meanwhile)  # type: ignore[assignment, arg-type]
        assert save(first)["saved"] == 1
    assert len(list((tmp_path / "archive").rglob("*.mp4"))) == 1
