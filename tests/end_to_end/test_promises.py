"""The promises of the product, each as a test; the first has its many ways in crashes, races and publishing, too."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storyline_core import (
    UNSETTLED,
    Decision,
    Mix,
    Mode,
    PostEvent,
    PostState,
    Schedule,
    SyncRequest,
    Unavailable,
)
from storyline_core.testing.memory import MemoryPlugin
from tests.end_to_end.memory_world import fill_folder, opened_in_memory, picture
from tests.end_to_end.world import START, SetClock, make_world, opened

A_DAY = timedelta(days=1)


def test_1_every_slot_of_a_troubled_week_ends_in_exactly_one_recorded_outcome(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 10)
    with opened_in_memory(database_url, plugin, clock, cooldown_posted=A_DAY * 2) as storyline:
        for hour in range(24 * 7):
            if hour % 11 == 3:
                plugin.faults.order("publish", Unavailable("down"))
            if 60 <= hour < 90:
                clock.forward(timedelta(hours=1))
                continue
            storyline.tick()
            clock.forward(timedelta(hours=1))
        clock.forward(A_DAY)
        storyline.tick()
        with storyline.read() as unit:
            history = unit.queue.history("main", limit=1000)
            waiting = unit.queue.unsettled("main")
    keys = [post.slot_key for post in history]
    ended = {f"main/{(START + A_DAY * day).date()}/{ordinal}" for day in range(7) for ordinal in range(3)}
    assert len(keys) == len(set(keys))
    assert ended <= set(keys)
    assert all(post.state is PostState.POSTED or post.reason for post in history)
    assert plugin.stage().published() == sum(post.state is PostState.POSTED for post in history)
    assert {post.state for post in history} == {PostState.POSTED, PostState.MISSED}
    assert all(post.due_at > clock.at - A_DAY for post in waiting)


@pytest.mark.parametrize("trouble", ["unplugged", "emptied", "another disk"])
def test_2_a_source_that_is_down_changes_nothing_and_somebody_is_told(
    tmp_path: Path, database_url: str, trouble: str
) -> None:
    world, clock = make_world(tmp_path, database_url), SetClock()
    with opened(world, clock) as storyline:
        storyline.tick()
        before = storyline.plan("main", days=2)
        away = tmp_path / "away"
        world.folder.rename(away)
        if trouble != "unplugged":
            world.folder.mkdir()
        if trouble == "emptied":
            (away / ".storyline-source").rename(world.folder / ".storyline-source")
        for _ in range(3):
            clock.forward(timedelta(minutes=6))
            storyline.tick()
        with storyline.read() as unit:
            counts = unit.library.counts("photos")
            alerts = [alert.key for alert in unit.alerts.open()]
        assert (counts.alive, counts.removed) == (12, 0)
        assert len([key for key in alerts if key.startswith("source/photos/")]) == 1
        if trouble == "emptied":
            (world.folder / ".storyline-source").rename(away / ".storyline-source")
        if trouble != "unplugged":
            world.folder.rmdir()
        away.rename(world.folder)
        clock.forward(timedelta(minutes=6))
        storyline.tick()
        with storyline.read() as unit:
            assert not [alert for alert in unit.alerts.open() if alert.key.startswith("source/")]
        after = storyline.plan("main", days=2)
    assert [(each.at, each.item and each.item.id) for each in after][: len(before)] == [
        (each.at, each.item and each.item.id) for each in before
    ]


def test_3_holds_history_counters_and_edits_survive_moves_removals_and_returns(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 6)
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.forward(timedelta(hours=3))
        storyline.tick()
        with storyline.read() as unit:
            post = unit.queue.unsettled("main", [PostState.OFFERED])[0]
        assert post.item_id is not None
        storyline.decide(Decision(post.id, PostEvent.POSTED, "cli:anna"))
        with storyline.read() as unit:
            key = unit.library.item(post.item_id).key
        plugin.folder().rename(key, "elsewhere/new name.jpg")
        assert storyline.sync("photos").moved == 1
        plugin.folder().delete("elsewhere/new name.jpg")
        assert storyline.sync("photos").removed == 1
        plugin.folder().write("third/back.jpg", picture(int(key[-7:-4])))
        assert storyline.sync("photos").restored == 1
        with storyline.read() as unit:
            item = unit.library.item(post.item_id)
            assert (item.key, item.category, item.times_posted) == ("third/back.jpg", "third", 1)
            assert [hold.reason for hold in unit.holds.active(clock.at, item=item.id)] == ["cooldown"]
            assert [event.kind for event in unit.library.events(item.id)] == ["added", "moved", "removed", "restored"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pictures=st.integers(1, 15),
    per_day=st.integers(1, 6),
    jitter=st.sampled_from([0, 30]),
    rules=st.one_of(
        st.tuples(st.integers(2, 9), st.sampled_from([{}, {"cats": 70, "dogs": 30}, {"cats": 1, "birds": 1}])),
        st.tuples(st.integers(0, 1), st.just({})),
    ),
    pace=st.sampled_from([25, 55]),
)
def test_4_what_you_preview_is_what_you_get(
    pictures: int, per_day: int, jitter: int, rules: tuple[int, dict[str, int]], pace: int
) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, pictures)
    cooldown, mix = rules
    account = {
        "schedule": Schedule(posts_per_day=per_day, jitter=timedelta(minutes=jitter)),
        "cooldown_posted": timedelta(days=cooldown),
        "mix": Mix(mix),
    }
    with opened_in_memory("sqlite://", plugin, clock, **account) as storyline:
        storyline.tick()
        planned = {each.slot_key: each.item and each.item.id for each in storyline.plan("main", days=3)}
        end = clock.at + A_DAY * 3
        while clock.at < end:
            clock.forward(timedelta(minutes=pace))
            storyline.tick()
        with storyline.read() as unit:
            got = {post.slot_key: post.item_id for post in unit.queue.history("main", limit=1000)}
    assert {key: got.get(key) for key in planned} == planned


def test_5_a_secret_never_shows(database_url: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    secret = "EAAB" + "s3cr3t" * 8
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 4)
    caplog.set_level(logging.DEBUG)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.tick()
        clock.forward(timedelta(hours=3))
        for call in ("prepare", "publish", "list_media", "offer", "find"):
            plugin.faults.order(call, RuntimeError(f"GET https://graph.example/v26.0/me?access_token={secret}"))
        ticks = []
        for _ in range(6):
            ticks.append(storyline.tick())
            clock.forward(timedelta(minutes=7))
        with storyline.read() as unit:
            posts = [*unit.queue.unsettled("main"), *unit.queue.history("main", limit=99)]
            kept = [*posts, *unit.alerts.open(), *unit.runs.list(limit=99), *(unit.queue.journal(p.id) for p in posts)]
    shown = [str(ticks), str(kept), caplog.text, str(plugin.team().alerts)]
    assert any("access_token=[hidden]" in text for text in shown)
    assert not any(secret in text for text in shown)


def test_6_nobody_acts_who_is_unknown_to_the_account(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 4)
    with opened_in_memory(database_url, plugin, clock, mode=Mode.MANUAL) as storyline:
        storyline.tick()
        clock.forward(timedelta(hours=3))
        storyline.tick()
        with storyline.read() as unit:
            post = unit.queue.unsettled("main", [PostState.OFFERED])[0]
        card = plugin.team().card(post.id)
        with storyline.store.begin() as unit:
            unit.people.seen("memory:9", "Nine", None, clock.at)
            unit.people.set_active("memory:9", False)
        plugin.team().tap(card.message, card.draft, PostEvent.REJECT, person="memory:9")
        storyline.tick()
        assert storyline.post(post.id).state in UNSETTLED
        assert "deactivated" in plugin.team().replies[-1]


def test_a_dry_sync_writes_nothing_and_says_the_very_plan(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 6)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        plugin.folder().rename("cats/000.jpg", "dogs/moved.jpg")
        plugin.folder().delete("dogs/001.jpg")
        said = storyline.sync("photos", SyncRequest(dry_run=True))
        with storyline.read() as unit:
            assert {item.key for item in unit.library.items()} >= {"cats/000.jpg", "dogs/001.jpg"}
            assert len(unit.runs.list(limit=9)) == 1
        done = storyline.sync("photos")
    assert said.changes == done.changes
    assert (said.moved, said.removed, said.plan) == (1, 1, done.plan)


def test_a_metadata_file_that_is_being_saved_loses_nothing_of_what_it_said(database_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock()
    fill_folder(plugin, 2, ("cats",))
    said = b'{"items": [{"file_name": "000.jpg", "title": "Vote!", "requires_interaction": true}]}'
    plugin.folder().write("cats/metadata.json", said)
    with opened_in_memory(database_url, plugin, clock) as storyline:
        storyline.sync("photos")
        plugin.folder().write("cats/metadata.json", said[:-20])
        report = storyline.sync("photos")
        assert [error.key for error in report.errors] == ["cats/metadata.json"]
        plugin.folder().rename("cats/000.jpg", "cats/moved.jpg")
        plugin.folder().rename("cats/moved.jpg", "cats/000.jpg")
        storyline.sync("photos")
        with storyline.read() as unit:
            described = {item.name: item.description for item in unit.library.items()}
        assert described["000.jpg"].title == "Vote!"
        assert described["000.jpg"].requires_interaction
        plugin.folder().write("cats/metadata.json", b"{}")
        assert storyline.sync("photos").described == 1
