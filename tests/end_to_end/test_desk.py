"""The desk over a real store: who may do what, what it tells, and that quick calls wait behind no slow one."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from storyline_core import (
    Account,
    AlertLevel,
    Busy,
    Decision,
    Deed,
    Desk,
    Entry,
    NotAllowed,
    NotFound,
    NotInSettings,
    PostEvent,
    PostState,
    Progress,
    Provenance,
    Refused,
    Schedule,
    Settings,
    SourceEntry,
    SourceKind,
    Stale,
    Storyline,
    TeamRole,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import MemoryPlugin
from storyline_core.testing.memory import Place
from tests.end_to_end.memory_world import fill_folder, picture
from tests.end_to_end.world import SetClock

ADA, MAX, GONE = "memory:1", "memory:2", "memory:3"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def plugin() -> MemoryPlugin:
    plugin = MemoryPlugin()
    fill_folder(plugin, 8)
    plugin.folder("others").write("secret/theirs.jpg", picture(99))
    return plugin


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


def settings_of(url: str) -> Settings:
    """Two teams in one database: ours, with a main and a second account, and another one."""
    schedule = Schedule(posts_per_day=3, jitter=timedelta())
    return Settings(
        database_url=url,
        sources=[SourceEntry("photos", "memory", Place()), SourceEntry("theirs", "memory-ids", Place("others"))],
        notifiers=[Entry("team", "memory", Place()), Entry("rivals", "memory", Place("others"))],
        accounts=[
            Account("main", ("photos",), schedule, notifier="team"),
            Account("second", ("photos",), schedule, notifier="team"),
            Account("other", ("theirs",), schedule, notifier="rivals"),
        ],
    )


@contextmanager
def opened(url: str, plugin: MemoryPlugin, clock: Callable[[], datetime]) -> Iterator[Storyline]:
    """Everything open, both sources synced, Ada an admin, one person deactivated."""
    with open_storyline(settings_of(url), plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        storyline.sync("photos")
        storyline.sync("theirs")
        storyline.set_role(ADA, TeamRole.ADMIN)
        desk = storyline.desk("team")
        desk.meet(ADA, "Ada", "ada")
        desk.meet(GONE, "Gus", None)
        storyline.set_active(GONE, False)
        yield storyline


@pytest.fixture
def storyline(database_url: str, plugin: MemoryPlugin, clock: SetClock) -> Iterator[Storyline]:
    with opened(database_url, plugin, clock) as storyline:
        yield storyline


def test_it_is_what_the_notifier_is_handed(storyline: Storyline, plugin: MemoryPlugin) -> None:
    desk = storyline.desk("team")
    assert isinstance(desk, Desk)
    assert storyline.desk("team") is desk


def test_only_the_accounts_that_it_serves_exist(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    assert [each.account.name for each in desk.accounts()] == ["main", "second"]
    assert [each.name for each in desk.sources()] == ["photos"]
    theirs = storyline.post_beside("other", by="memory:9")
    with pytest.raises(NotFound):
        desk.post(theirs.id)
    with pytest.raises(NotFound):
        desk.draft(theirs.id)
    with pytest.raises(NotFound):
        desk.decide(Decision(theirs.id, PostEvent.SKIP, ADA))
    for call in (
        lambda: desk.queue("other"),
        lambda: desk.history("other"),
        lambda: desk.plan("other"),
        lambda: desk.post_now(ADA, "other"),
        lambda: desk.set_paused(ADA, "other", True),
        lambda: desk.sync(ADA, "theirs", print),
        lambda: desk.set_source_paused(ADA, "theirs", True),
        lambda: desk.receive(ADA, "theirs", "a.jpg", io.BytesIO(picture(50))),
        lambda: desk.claim_digest("other", NOON),
    ):
        with pytest.raises(NotInSettings, match="here"):
            call()


ADMINS_ONLY: list[tuple[str, Callable[[Desk, str], object]]] = [
    ("pause", lambda desk, who: desk.set_paused(who, "main", True)),
    ("resume", lambda desk, who: desk.set_paused(who, "main", False)),
    ("reminders", lambda desk, who: desk.set_reminders(who, "main", False)),
    ("quiet", lambda desk, who: desk.set_quiet_hours(who, "main", False)),
    ("source", lambda desk, who: desk.set_source_paused(who, "photos", True)),
    ("sync", lambda desk, who: desk.sync(who, "photos", lambda progress: None)),
    ("upload", lambda desk, who: desk.receive(who, "photos", "new.jpg", io.BytesIO(picture(60)))),
]
ANYBODY: list[tuple[str, Callable[[Desk, str], object]]] = [
    ("next", lambda desk, who: desk.post_now(who, "main")),
    ("look", lambda desk, who: desk.refuse(who, Deed.LOOK)),
]


@pytest.mark.parametrize("call", [each[1] for each in ADMINS_ONLY], ids=[each[0] for each in ADMINS_ONLY])
def test_what_only_an_admin_may(
    sqlite_url: str, plugin: MemoryPlugin, clock: SetClock, call: Callable[..., object]
) -> None:
    with opened(sqlite_url, plugin, clock) as storyline:
        desk = storyline.desk("team")
        desk.meet(MAX, "Max", None)
        with pytest.raises(NotAllowed, match=r"for admins\. Ada can help"):
            call(desk, MAX)
        with pytest.raises(NotAllowed, match="for admins"):
            call(desk, "memory:never-seen")
        with pytest.raises(NotAllowed, match="Gus has been deactivated"):
            call(desk, GONE)
        assert not any(each.paused for each in desk.accounts())
        call(desk, ADA)
        storyline.set_active(ADA, False)
        with pytest.raises(NotAllowed, match="deactivated"):
            call(desk, ADA)


@pytest.mark.parametrize("call", [each[1] for each in ANYBODY], ids=[each[0] for each in ANYBODY])
def test_what_members_may_and_the_deactivated_may_not(
    sqlite_url: str, plugin: MemoryPlugin, clock: SetClock, call: Callable[..., object]
) -> None:
    with opened(sqlite_url, plugin, clock) as storyline:
        desk = storyline.desk("team")
        call(desk, MAX)
        with pytest.raises(NotAllowed, match="Gus has been deactivated"):
            call(desk, GONE)


def test_the_next_one_is_in_the_chat_at_once(storyline: Storyline, plugin: MemoryPlugin) -> None:
    desk = storyline.desk("team")
    post = desk.post_now(MAX, "main")
    assert post.state is PostState.OFFERED
    assert plugin.team().cards() == 1
    with storyline.read() as unit:
        [run] = unit.runs.list(step="offer")
    assert run.triggered_by == "user"
    draft = desk.draft(post.id)
    with draft.open_media() as file:
        assert len(file.read()) == draft.item.size
    [view] = desk.queue("main")
    assert view.post.id == post.id
    [main, second] = desk.accounts()
    assert (main.waiting, main.shown, second.waiting) == (1, 1, 0)


def test_switches_hold_and_say_who_turned_them(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    desk.set_paused(ADA, "main", True)
    desk.set_reminders(ADA, "main", False)
    desk.set_quiet_hours(ADA, "second", False)
    desk.set_source_paused(ADA, "photos", True)
    [main, second] = desk.accounts()
    assert (main.paused, main.reminders, main.quiet_hours, main.stopped_why) == (
        True,
        False,
        True,
        "the account is paused",
    )
    assert (second.paused, second.reminders, second.quiet_hours) == (False, True, False)
    assert [each.running for each in desk.sources()] == [False]
    desk.set_paused(ADA, "main", True)
    with storyline.read() as unit:
        runs = unit.runs.list(step="switch")
    assert [(run.subject, run.user, run.input) for run in reversed(runs)] == [
        ("main", ADA, {"paused": True}),
        ("main", ADA, {"reminders_off": True}),
        ("second", ADA, {"quiet_off": True}),
        ("photos", ADA, {"paused": True}),
    ]
    desk.set_paused(ADA, "main", False)
    assert not desk.accounts()[0].paused


def test_without_reminders_an_unanswered_card_is_not_repeated(
    storyline: Storyline, plugin: MemoryPlugin, clock: SetClock
) -> None:
    desk = storyline.desk("team")
    desk.set_reminders(ADA, "main", False)
    mine, theirs = desk.post_now(MAX, "main"), desk.post_now(MAX, "second")
    clock.forward(timedelta(hours=2, minutes=30))
    storyline.tick()
    assert storyline.post(mine.id).reminded_at is None
    assert storyline.post(theirs.id).reminded_at is not None
    assert plugin.team().card(theirs.id).draft.reminder


def test_a_card_says_whether_the_quiet_hours_are_on(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    post = desk.post_now(MAX, "main")
    assert desk.draft(post.id).quiet_hours
    desk.set_quiet_hours(ADA, "main", False)
    assert not desk.draft(post.id).quiet_hours


def test_a_hold_goes_with_the_decision_that_it_came_from(storyline: Storyline, clock: SetClock) -> None:
    desk = storyline.desk("team")
    post = desk.post_now(MAX, "main")
    with pytest.raises(Stale):
        desk.hold_item(MAX, post.id, None)
    skipped = desk.decide(Decision(post.id, PostEvent.SKIP, MAX, post.revision, "Max"))
    desk.hold_item(MAX, skipped.id, clock.at + timedelta(days=90))
    with storyline.read() as unit:
        held = unit.holds.active(clock.at, item=post.item_id)
    assert sorted(str(hold.reason) for hold in held) == ["manual", "skipped"]
    desk.decide(Decision(post.id, PostEvent.UNDO, MAX))
    with storyline.read() as unit:
        assert not unit.holds.active(clock.at, item=post.item_id)
    again = desk.decide(Decision(post.id, PostEvent.SKIP, MAX))
    desk.hold_item(MAX, again.id, None)
    assert {str(hold.reason) for hold in desk.release_item(MAX, again.id)} == {"manual", "skipped"}


def test_plan_history_and_stats_are_of_these_accounts(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    for account, who in (("main", MAX), ("second", ADA)):
        post = desk.post_now(who, account)
        desk.decide(Decision(post.id, PostEvent.POSTED, who))
    theirs = storyline.post_beside("other", by="memory:9")
    storyline.turn_post(theirs.id)
    storyline.decide(Decision(theirs.id, PostEvent.POSTED, MAX))
    [did] = desk.stats(MAX)
    assert (did.posts, did.decisions) == (1, {"posted": 1})
    assert {each.person: each.posts for each in desk.stats()} == {MAX: 1, ADA: 1}
    assert [view.post.account for view in desk.history("main")] == ["main"]
    assert desk.history("main")[0].publication is not None
    assert [each.slot_key for each in desk.plan("main", 1)] == [
        "main/2026-05-01/1",
        "main/2026-05-01/2",
        "main/2026-05-02/0",
    ]


def test_health_tells_of_what_these_accounts_need(storyline: Storyline) -> None:
    now = storyline.clock()
    with storyline.store.begin() as unit:
        for key, text in (
            ("needs-person/main/notifier", "Our chat is gone."),
            ("source/photos/held", "Our removals wait."),
            ("needs-person/other/notifier", "Their chat is gone."),
            ("source/theirs/held", "Their removals wait."),
        ):
            unit.alerts.raise_(key, level=AlertLevel.ERROR, text=text, remedy="", at=now)
    checks = storyline.desk("team").health().checks
    assert {check.message for check in checks if check.name == "alert"} == {"Our chat is gone.", "Our removals wait."}
    assert not [check for check in checks if "theirs" in check.name or "rivals" in check.name]
    assert [check for check in checks if check.name == "notifier team"]


def test_a_day_tells_what_was_settled_in_it(storyline: Storyline, clock: SetClock) -> None:
    desk = storyline.desk("team")
    posts = [desk.post_now(MAX, "main") for _ in range(3)]
    desk.decide(Decision(posts[0].id, PostEvent.POSTED, MAX))
    clock.forward(HOUR)
    desk.decide(Decision(posts[1].id, PostEvent.SKIP, MAX))
    told = desk.day("main", NOON, NOON + HOUR)
    assert [view.post.id for view in told.settled] == [posts[0].id]
    later = desk.day("main", NOON + HOUR, NOON + 2 * HOUR)
    assert [view.post.id for view in later.settled] == [posts[1].id]
    assert [view.post.id for view in later.ahead] == [posts[2].id]


def test_a_digest_is_told_once_whoever_asks(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: desk.claim_digest("main", NOON), range(16)))
    assert won.count(True) == 1
    assert not desk.claim_digest("main", NOON - HOUR)
    assert desk.claim_digest("second", NOON)
    assert desk.claim_digest("main", NOON + 24 * HOUR)
    desk.return_digest("main", NOON)
    assert not desk.claim_digest("main", NOON + 24 * HOUR)
    desk.return_digest("main", NOON + 24 * HOUR)
    assert desk.claim_digest("main", NOON + 24 * HOUR)


def test_a_picture_that_was_sent_is_stored_and_indexed(storyline: Storyline, plugin: MemoryPlugin) -> None:
    desk = storyline.desk("team")
    got = desk.receive(ADA, "photos", "new.jpg", io.BytesIO(picture(70)), "cats")
    assert (got.key, got.known) == ("cats/new.jpg", False)
    assert got.item is not None
    assert (got.item.category, got.item.added_by) == ("cats", ADA)
    assert plugin.folder().files["cats/new.jpg"].content == picture(70)
    assert plugin.folder().provenance["cats/new.jpg"] == Provenance(sent_by=ADA)
    again = desk.receive(ADA, "photos", "other name.jpg", io.BytesIO(picture(70)))
    assert again.known
    assert again.item is not None
    assert again.item.id == got.item.id
    other = desk.receive(ADA, "photos", "new.jpg", io.BytesIO(picture(71)), "cats")
    assert other.key == "cats/new (2).jpg"
    with storyline.read() as unit:
        assert unit.library.living("photos") == 10


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"hello"), (".hidden.jpg", picture(73)), ("metadata.json", b"{}"), ("cut.jpg", picture(72)[:40]),
     ("words.jpg", b"only words"), ("", picture(72)), ("empty.jpg", b"")],
)  # fmt: skip
def test_what_could_not_be_posted_is_not_stored(
    sqlite_url: str, plugin: MemoryPlugin, clock: SetClock, name: str, content: bytes
) -> None:
    with opened(sqlite_url, plugin, clock) as storyline:
        before = dict(plugin.folder().files)
        with pytest.raises(Refused):
            storyline.desk("team").receive(ADA, "photos", name, io.BytesIO(content))
        assert plugin.folder().files == before


def test_a_name_that_leads_elsewhere_is_only_a_name(sqlite_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    with opened(sqlite_url, plugin, clock) as storyline:
        desk = storyline.desk("team")
        for number, (name, key) in enumerate(
            [
                ("../../etc/cat.jpg", "cat.jpg"),
                ("C:\\pictures\\dog.JPG", "dog.JPG"),
                ('a<b>:"c"?.png', "a_b_c_.png"),
                ("ü" * 200 + ".jpg", "ü" * 58 + ".jpg"),
            ]
        ):
            assert desk.receive(ADA, "photos", name, io.BytesIO(picture(80 + number))).key == key


def test_the_same_file_sent_twice_at_once_is_stored_once(storyline: Storyline, plugin: MemoryPlugin) -> None:
    desk = storyline.desk("team")
    with ThreadPoolExecutor(4) as pool:
        got = list(
            pool.map(lambda number: desk.receive(ADA, "photos", f"{number}.jpg", io.BytesIO(picture(90))), range(4))
        )
    assert [each.known for each in got].count(False) == 1
    assert len({each.item.id for each in got if each.item}) == 1


def test_a_source_that_cannot_be_written_to_says_so(sqlite_url: str, plugin: MemoryPlugin, clock: SetClock) -> None:
    class Unwritable(MemoryPlugin):
        @hookimpl
        def storyline_media_source_providers(self) -> list[SourceKind]:
            kinds = super().storyline_media_source_providers()
            return [attrs.evolve(kind, traits=attrs.evolve(kind.traits, writes=False)) for kind in kinds]

    bare = Unwritable()
    with opened(sqlite_url, bare, clock) as storyline, pytest.raises(NotAllowed, match="cannot be written to"):
        storyline.desk("team").receive(ADA, "photos", "a.jpg", io.BytesIO(picture(1)))


def test_a_sync_is_somebodys_and_tells_how_far_it_is(storyline: Storyline, plugin: MemoryPlugin) -> None:
    plugin.folder().write("cats/fresh.jpg", picture(75))
    heard: list[Progress] = []
    report = storyline.desk("team").sync(ADA, "photos", heard.append)
    assert report.added == 1
    assert heard
    with storyline.read() as unit:
        run = unit.runs.last("sync", "photos")
    assert run is not None
    assert (run.triggered_by, run.user) == ("user", ADA)


def test_what_is_quick_does_not_wait_behind_a_sync(storyline: Storyline, plugin: MemoryPlugin) -> None:
    desk = storyline.desk("team")
    post = desk.post_now(MAX, "main")
    plugin.folder().write("cats/slow.jpg", picture(76))
    inside, go_on = threading.Event(), threading.Event()

    def tell(progress: Progress) -> None:
        inside.set()
        assert go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(desk.sync, ADA, "photos", tell)
        assert inside.wait(30)
        with pytest.raises(Busy):
            desk.sync(ADA, "photos", lambda progress: None)
        assert len(desk.queue("main")) == 1
        assert desk.decide(Decision(post.id, PostEvent.POSTED, MAX)).state is PostState.POSTED
        assert desk.accounts()[0].waiting == 0
        desk.set_paused(ADA, "second", True)
        got = desk.receive(ADA, "photos", "meanwhile.jpg", io.BytesIO(picture(77)))
        assert got.item is None, "it is indexed by the sync that runs, or the next"
        go_on.set()
        assert running.result(30).added >= 1
    assert "meanwhile.jpg" in plugin.folder().files


def test_three_people_at_once_are_one_decision(storyline: Storyline) -> None:
    desk = storyline.desk("team")
    post = desk.post_now(MAX, "main")
    events = [PostEvent.POSTED, PostEvent.SKIP, PostEvent.REJECT]
    ready = threading.Barrier(3)

    def decide(number: int) -> str:
        ready.wait()
        try:
            return str(desk.decide(Decision(post.id, events[number], f"memory:{number}", post.revision)).state)
        except Stale:
            return "late"

    with ThreadPoolExecutor(3) as pool:
        came = list(pool.map(decide, range(3)))
    assert came.count("late") == 2
    with storyline.read() as unit:
        decided = [entry for entry in unit.queue.journal(post.id) if entry.by.startswith("memory:")]
    # The one who asked for the post, and the one who decided first.
    assert len(decided) == 2
