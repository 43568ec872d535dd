"""What an account posted before is saved once, whatever breaks off, and is known for what it is from the start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storyline_core import (
    Busy,
    NeedsPerson,
    NotAllowed,
    Partial,
    PastKind,
    Reason,
    Storyline,
    SyncRequest,
    Unavailable,
)
from storyline_core.testing.faults import Crash, Faults
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.testing.samples import picture
from tests.end_to_end.pasts import NOW, files_of, opened_past, past_of, save_past
from tests.end_to_end.world import SetClock

EMPTY = "sqlite://"
KINDS = ["memory", "memory-ids"]


@contextmanager
def _world(database_url: str, posts: int = 0, **given: object) -> Iterator[tuple[MemoryPlugin, SetClock, Storyline]]:
    plugin, clock = MemoryPlugin(), SetClock(NOW)
    past_of(plugin, posts)
    with opened_past(database_url, plugin, clock, **given) as storyline:  # type: ignore[arg-type]
        yield plugin, clock, storyline


def _assert_whole(plugin: MemoryPlugin, storyline: Storyline, *, but: frozenset[str] = frozenset()) -> None:
    """Everything that can be had lies in the archive once, and the library knows each for what it is."""
    past = plugin.stage().past
    wanted = {media.remote_id: past.contents[media.remote_id] for media in past.media if media.remote_id not in but}
    assert sorted(files_of(plugin)) == sorted(wanted.values())
    with storyline.read() as unit:
        items = unit.library.items(source="archive", state="alive")
    assert {each.instagram_media_id: each.digest for each in items} == {
        remote_id: hashlib.sha256(content).hexdigest() for remote_id, content in wanted.items()
    }
    assert all(each.backfilled_at is not None for each in items)


@pytest.mark.parametrize("source_kind", KINDS)
def test_everything_is_saved_once_with_where_it_comes_from(database_url: str, source_kind: str) -> None:
    with _world(database_url, 60, source_kind=source_kind) as (plugin, _, storyline):
        plugin.stage().past.post("s1", picture(900), NOW - timedelta(hours=2), kind=PastKind.STORIES)
        report = save_past(storyline)
        assert (report.looked, report.saved, report.indexed, report.stopped) == (61, 61, 61, "")
        _assert_whole(plugin, storyline)
        with storyline.read() as unit:
            item = unit.library.resolve_item("m00000.jpg")
            [run] = unit.runs.list(step="backfill")
            [added, saved] = unit.library.events(item.id)
            assert unit.library.resolve_item("s1.jpg").category == "stories"
        assert item.category == "feed"
        assert item.description.caption == "Post 0 #tee"
        assert item.description.tags == ("tee",)
        assert item.description.custom_metadata == {
            "provenance": {
                "publisher": "brand",
                "kind": "feed",
                "remote_id": "m00000",
                "posted_at": "2026-04-30T06:00:00Z",
                "permalink": "memory://m00000",
            }
        }
        assert plugin.folder("archive").provenance["feed/m00000.jpg"].remote_id == "m00000"
        assert (added.kind, saved.kind) == ("added", "backfilled")
        assert (run.subject, run.status, (run.result or {})["saved"]) == ("brand", "completed", 61)


def test_what_was_posted_lately_rests_as_long_as_if_it_had_been_posted_from_here(database_url: str) -> None:
    with _world(database_url, 60) as (_, clock, storyline):
        save_past(storyline)
        with storyline.read() as unit:
            holds = {unit.library.item(each.item_id).instagram_media_id: each for each in unit.holds.list(clock())}
        assert len(holds) == 29
        assert holds["m00000"].until == NOW - timedelta(days=1) + timedelta(days=30)
        assert (holds["m00000"].account, holds["m00000"].reason, holds["m00000"].by) == (
            "main", Reason.COOLDOWN, "backfill",
        )  # fmt: skip
        foreseen = storyline.plan("main", 1)
        chosen = {each.item.instagram_media_id for each in foreseen if each.item is not None}
        assert chosen
        assert not chosen & set(holds)


def test_it_rests_although_another_sync_was_the_first_to_see_it(database_url: str) -> None:
    with _world(database_url, 3) as (plugin, clock, storyline):
        plugin.faults.order("list_part", Unavailable("The disk is asleep."), times=2)
        report = save_past(storyline)
        assert (report.saved, report.indexed) == (3, 0)
        plugin.faults.mend()
        storyline.sync("archive", SyncRequest(triggered_by="scheduler"))
        _assert_whole(plugin, storyline)
        with storyline.read() as unit:
            assert len(unit.holds.list(clock())) == 3


def test_a_second_run_asks_for_one_page_and_saves_what_is_new(database_url: str) -> None:
    with _world(database_url, 120) as (plugin, clock, storyline):
        save_past(storyline)
        plugin.faults.calls.clear()
        again = save_past(storyline)
        assert (again.looked, again.saved, again.known) == (25, 0, 25)
        assert plugin.faults.calls.count("past_media") == 2
        assert "open_past" not in plugin.faults.calls
        clock.forward(timedelta(days=1))
        plugin.stage().past.post("new", picture(777), clock() - timedelta(minutes=5))
        later = save_past(storyline)
        assert (later.looked, later.saved) == (50, 1)
        _assert_whole(plugin, storyline)


@pytest.mark.parametrize("source_kind", KINDS)
def test_a_rate_limit_is_remembered_and_the_next_run_goes_on_from_there(database_url: str, source_kind: str) -> None:
    with _world(database_url, 100, source_kind=source_kind) as (plugin, clock, storyline):
        wait = timedelta(minutes=40)
        plugin.faults.order("open_past", Unavailable("Too many calls.", retry_after=wait), skip=60)
        first = save_past(storyline)
        assert first.saved == 60
        assert first.stopped == "Too many calls."
        assert first.again_at == NOW + wait
        with storyline.read() as unit:
            state = unit.past.state("brand")
            assert len(unit.library.items(source="archive")) == first.saved
        assert (state.again_at, state.good_at, state.walks["feed"].cursor is not None) == (NOW + wait, None, True)
        clock.forward(wait)
        plugin.stage().past.post("new", picture(777), clock() - timedelta(minutes=5))
        second = save_past(storyline)
        assert second.stopped == ""
        assert first.saved + second.saved == 101
        assert second.looked < 101 + 25
        _assert_whole(plugin, storyline)


def test_a_limit_ends_a_run_and_the_next_one_goes_on(database_url: str) -> None:
    with _world(database_url, 70) as (plugin, _, storyline):
        reports = [save_past(storyline, limit=30) for _ in range(3)]
        assert [each.saved for each in reports] == [30, 30, 10]
        assert [bool(each.stopped) for each in reports] == [True, True, False]
        _assert_whole(plugin, storyline)


def test_since_saves_what_is_younger_and_a_wider_run_the_rest(database_url: str) -> None:
    with _world(database_url, 60) as (plugin, _, storyline):
        assert save_past(storyline, since=NOW - timedelta(days=10, hours=1)).saved == 10
        assert save_past(storyline, since=NOW - timedelta(days=5)).saved == 0
        assert save_past(storyline, since=NOW - timedelta(days=40, hours=1)).saved == 30
        assert save_past(storyline).saved == 20
        _assert_whole(plugin, storyline)
        plugin.faults.calls.clear()
        save_past(storyline, since=NOW - timedelta(days=5))
        save_past(storyline)
        assert plugin.faults.calls.count("past_media") == 4


def test_a_dry_run_says_what_it_would_save_and_leaves_nothing(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, _, storyline):
        report = save_past(storyline, dry_run=True)
        assert (report.saved, report.indexed, len(report.would_save)) == (30, 0, 30)
        assert set(plugin.faults.calls) == {"past_media"}
        with storyline.read() as unit:
            assert unit.past.counts("brand") == {}
            assert unit.runs.list() == []
            assert unit.past.state("brand").walks == {}


def test_what_cannot_be_had_is_counted_and_named_and_never_stops_the_rest(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, _, storyline):
        past = plugin.stage().past
        past.withheld["m00003"] = "It may not be shown: copyright."
        past.lost.add("m00005")
        past.torn.add("m00007")
        past.contents["m00009"] = b"no picture at all"
        report = save_past(storyline)
        assert (report.saved, report.unreadable, report.failed, report.stopped) == (26, 3, 1, "")
        told = {each.key: each.message for each in report.problems}
        assert told["m00003"] == "It may not be shown: copyright."
        assert told["m00005"] == "It was deleted there."
        assert told["m00007"] == "The connection broke off."
        assert told["m00009"].startswith("It cannot be opened: ")
        plugin.faults.calls.clear()
        again = save_past(storyline)
        assert (again.saved, again.unreadable, again.failed) == (1, 3, 0)
        assert plugin.faults.calls.count("open_past") == 1
        _assert_whole(plugin, storyline, but=frozenset({"m00003", "m00005", "m00009"}))


def test_what_fails_again_and_again_is_given_up_and_the_walk_ends_early_again(database_url: str) -> None:
    with _world(database_url, 60) as (plugin, _, storyline):
        for _ in range(5):
            plugin.stage().past.torn.add("m00050")
            report = save_past(storyline)
            assert (report.failed, report.unreadable) == (1, 0)
        assert save_past(storyline).unreadable == 1
        assert save_past(storyline).looked == 25


def test_whoever_fails_everywhere_is_left_alone(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, _, storyline):
        plugin.faults.order("open_past", Unavailable("Nobody answers."), times=99)
        report = save_past(storyline)
        assert (report.failed, report.stopped, report.again_at) == (3, "Nobody answers.", None)
        with storyline.read() as unit:
            assert unit.runs.list(step="backfill")[0].status == "failed"
        plugin.faults.mend()
        assert save_past(storyline).stopped == ""
        _assert_whole(plugin, storyline)


def test_what_needs_a_person_is_raised_and_what_was_saved_stays(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, _, storyline):
        plugin.faults.order("past_media", NeedsPerson("The token is dead.", remedy="Sign in."), skip=2)
        with pytest.raises(NeedsPerson, match="The token is dead"):
            save_past(storyline)
        with storyline.read() as unit:
            [run] = unit.runs.list(step="backfill")
            assert len(unit.library.items(source="archive", state="alive")) == 25
        assert (run.status, run.error_type, (run.result or {})["saved"]) == ("failed", "NeedsPerson", 25)
        save_past(storyline)
        _assert_whole(plugin, storyline)


def test_a_source_that_is_away_ends_the_run_and_nothing_is_stored_twice(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, _, storyline):
        # The file is there although the source said that it is not.
        plugin.faults.order("store_media", Unavailable("The disk is asleep."), skip=7, after=True)
        report = save_past(storyline)
        assert (report.saved, report.stopped) == (7, "The disk is asleep.")
        assert save_past(storyline).stopped == ""
        _assert_whole(plugin, storyline)


def test_while_a_doubt_cannot_be_settled_that_one_waits(database_url: str) -> None:
    with _world(database_url, 5) as (plugin, _, storyline):
        plugin.faults.order("store_media", Unavailable("The disk is asleep."), skip=2)
        save_past(storyline)
        plugin.faults.order("list_media", Unavailable("The disk is asleep."))
        asleep = save_past(storyline)
        assert (asleep.saved, asleep.stopped) == (0, "The disk is asleep.")
        assert save_past(storyline).saved == 3
        _assert_whole(plugin, storyline)


def test_a_cursor_that_is_forgotten_there_begins_at_the_top(database_url: str) -> None:
    with _world(database_url, 60) as (plugin, _, storyline):
        save_past(storyline, limit=40)
        plugin.stage().past.forget_cursors()
        report = save_past(storyline)
        assert (report.saved, report.stopped) == (20, "")
        _assert_whole(plugin, storyline)


def test_what_was_new_when_it_broke_off_is_found_although_the_cursor_is_forgotten(database_url: str) -> None:
    with _world(database_url, 30) as (plugin, clock, storyline):
        save_past(storyline)
        past = plugin.stage().past
        for number in range(30, 100):
            past.post(f"m{number:05}", picture(number, size=(24, 40)), clock.forward(timedelta(minutes=1)))
        assert save_past(storyline, limit=55).saved == 55
        past.forget_cursors()
        assert save_past(storyline).saved == 15
        _assert_whole(plugin, storyline)


def test_bytes_that_the_library_has_are_recognised_and_rest(database_url: str) -> None:
    with _world(database_url, 3) as (plugin, clock, storyline):
        plugin.folder().write("cats/original.jpg", picture(1, size=(24, 40)))
        storyline.sync("photos")
        plugin.stage().past.post("again", picture(2, size=(24, 40)), NOW - timedelta(days=9))
        report = save_past(storyline)
        assert (report.saved, report.known) == (2, 2)
        assert len(files_of(plugin)) == 2
        with storyline.read() as unit:
            original = unit.library.resolve_item("cats/original.jpg")
            assert len(unit.holds.active(clock(), item=original.id, account="main")) == 1
            assert unit.library.events(original.id)[-1].kind == "recognised"
        assert (original.instagram_media_id, original.backfilled_at) == ("m00001", None)
        assert save_past(storyline).known == 4


def test_what_somebody_removed_from_the_archive_is_not_fetched_again(database_url: str) -> None:
    with _world(database_url, 3) as (plugin, _, storyline):
        save_past(storyline)
        plugin.folder("archive").delete("feed/m00001.jpg")
        storyline.sync("archive")
        plugin.stage().past.post("again", picture(1, size=(24, 40)), NOW - timedelta(days=50))
        assert save_past(storyline).saved == 0
        assert len(files_of(plugin)) == 2


def test_what_storyline_published_itself_is_not_saved(database_url: str) -> None:
    with _world(database_url, sources=("photos",)) as (plugin, clock, storyline):
        plugin.folder().write("a.jpg", picture(5))
        storyline.sync("photos")
        storyline.tick()
        clock.forward(timedelta(hours=3, minutes=5))
        storyline.turn_accounts()
        [story] = plugin.stage().stories
        remote_id = story.publication.remote_id or ""
        plugin.stage().past.post(remote_id, picture(99), clock(), kind=PastKind.STORIES)
        report = save_past(storyline)
        assert (report.saved, report.published) == (0, 1)
        assert files_of(plugin) == []


def test_a_story_that_may_be_our_own_waits_until_somebody_knows(database_url: str) -> None:
    with _world(database_url, sources=("photos",)) as (plugin, clock, storyline):
        plugin.folder().write("a.jpg", picture(5))
        storyline.sync("photos")
        storyline.tick()
        clock.forward(timedelta(hours=3, minutes=5))
        plugin.faults.order("publish", Unavailable("It is not there."), times=0)
        plugin.faults.order("publish", RuntimeError("cut"), after=True)
        plugin.faults.order("find", Unavailable("Nobody answers."), times=9)
        storyline.turn_accounts()
        past = plugin.stage().past
        past.post("ours", picture(99), clock(), kind=PastKind.STORIES)
        past.post("theirs", picture(98), clock() - timedelta(hours=8), kind=PastKind.STORIES)
        report = save_past(storyline)
        assert (report.saved, report.waits) == (1, 1)
        plugin.faults.mend()


def test_where_it_comes_from_survives_a_move_a_full_sync_and_loses_against_everybody(database_url: str) -> None:
    with _world(database_url, 4) as (plugin, _, storyline):
        save_past(storyline)
        folder = plugin.folder("archive")
        with storyline.read() as unit:
            ids = {each.name: each.id for each in unit.library.items(source="archive")}
        folder.rename("feed/m00000.jpg", "old/renamed.jpg")
        folder.write("feed/m00001.jpg.json", json.dumps({"caption": "A sidecar's"}).encode())
        folder.write("feed/m00002.jpg.json", json.dumps({"caption": "", "custom_metadata": {"poll": "?"}}).encode())
        storyline.edit_item(ids["m00003.jpg"], Partial(caption="A person's"), by="cli:ann")
        storyline.sync("archive", SyncRequest(force=True))
        with storyline.read() as unit:
            items = {each.id: each for each in unit.library.items(source="archive")}
        moved, beside, silenced, edited = (items[ids[f"m0000{number}.jpg"]] for number in range(4))
        assert (moved.key, moved.description.caption) == ("old/renamed.jpg", "Post 0 #tee")
        assert (beside.description.caption, beside.description.tags) == ("A sidecar's", ("tee",))
        assert silenced.description.caption == ""
        assert set(silenced.description.custom_metadata) == {"poll", "provenance"}
        assert edited.description.caption == "A person's"
        storyline.edit_item(edited.id, Partial(), by="cli:ann", reset=["caption"])
        with storyline.read() as unit:
            assert unit.library.item(edited.id).description.caption == "Post 3 #tee"


def test_only_one_process_is_at_it(database_url: str) -> None:
    with _world(database_url, 3) as (_, clock, storyline):
        with storyline.store.begin() as unit:
            unit.leases.take("backfill/brand", "elsewhere:1", until=NOW + timedelta(minutes=5), now=NOW)
        with pytest.raises(Busy):
            save_past(storyline)
        clock.forward(timedelta(minutes=6))
        assert save_past(storyline).saved == 3


def test_who_has_no_past_or_takes_no_files_is_told_so(database_url: str) -> None:
    from storyline_core import BackfillRequest, NotInSettings

    with _world(database_url) as (_, _, storyline):
        with pytest.raises(NotAllowed, match="plain cannot fetch what was posted before"):
            storyline.backfill("plain", BackfillRequest(into="archive"))
        with pytest.raises(NotInSettings, match="no publisher nobody"):
            storyline.backfill("nobody", BackfillRequest(into="archive"))
        with pytest.raises(NotInSettings, match="no source attic"):
            storyline.backfill("brand", BackfillRequest(into="attic"))


def test_it_runs_by_itself_once_a_day_and_as_soon_as_it_may_go_on(database_url: str) -> None:
    with _world(database_url, 40) as (plugin, clock, storyline):
        plugin.faults.order("open_past", Unavailable("Wait.", retry_after=timedelta(minutes=30)), skip=10)
        [first] = storyline.tick().backfills
        assert (first.saved, first.again_at) == (10, NOW + timedelta(minutes=30))
        clock.forward(timedelta(minutes=20))
        assert storyline.tick().backfills == ()
        clock.forward(timedelta(minutes=11))
        [second] = storyline.tick().backfills
        assert second.saved == 30
        clock.forward(timedelta(hours=23))
        assert storyline.tick().backfills == ()
        clock.forward(timedelta(hours=2))
        [third] = storyline.tick().backfills
        assert (third.saved, third.looked) == (0, 25)
        with storyline.read() as unit:
            # One that found nothing leaves no record.
            assert len(unit.runs.list(step="backfill")) == 2
        _assert_whole(plugin, storyline)


def test_one_that_was_stopped_goes_on_at_once_and_one_that_fails_is_one_record(database_url: str) -> None:
    with _world(database_url, 40) as (plugin, clock, storyline):
        left = iter([False] * 6 + [True] * 99)
        reports, _ = storyline.backfill_due(lambda: next(left))
        assert 0 < reports[0].saved < 40
        assert storyline.next_backfill() == NOW
        plugin.faults.order("past_media", NeedsPerson("The token is dead."), times=3)
        for _ in range(3):
            [wrong] = storyline.backfill_due()[1]
            assert wrong == "brand: The token is dead."
            assert storyline.next_backfill() == clock() + timedelta(hours=1)
            clock.forward(timedelta(hours=1))
        with storyline.read() as unit:
            [failed, first] = unit.runs.list(step="backfill")
        assert (failed.times, failed.status, first.status) == (3, "failed", "completed")
        assert storyline.backfill_due()[0][0].stopped == ""
        _assert_whole(plugin, storyline)


def test_whatever_its_size_a_little_of_a_file_is_in_memory_at_a_time(database_url: str) -> None:
    with _world(database_url) as (plugin, _, storyline):
        large = picture(3) + bytes(9_000_000)
        plugin.stage().past.post("large", large, NOW - timedelta(days=1))
        assert save_past(storyline).bytes_saved == len(large)
        assert plugin.stage().past.largest_read <= 1 << 20


class _Fuse(Faults):
    """The process dies before the n-th commit, or before or after the n-th call outside. What it does then is lost."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.moments: list[str] = []
        self._dies_at = dies_at

    def burn(self, moment: str) -> None:
        if len(self.moments) >= self._dies_at:
            raise Crash
        self.moments.append(moment)

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        self.burn(f"before {call}")
        with super().around(call):
            yield
        self.burn(f"after {call}")


@contextmanager
def _burning(fuse: _Fuse) -> Iterator[None]:
    def commits(connection: object) -> None:
        fuse.burn("commit")

    event.listen(Engine, "commit", commits)
    try:
        yield
    finally:
        event.remove(Engine, "commit", commits)


def _dies_at(database_url: str, source_kind: str, number: int) -> list[str]:
    """One life that ends at a moment, and the lives after it; which moments there were."""
    plugin, clock, fuse = MemoryPlugin(), SetClock(NOW), _Fuse(number)
    past = past_of(plugin, 4)
    past.page_size = 2
    past.post("s1", picture(900, size=(24, 40)), NOW - timedelta(hours=2), kind=PastKind.STORIES)
    plugin.faults = fuse
    with opened_past(database_url, plugin, clock, source_kind) as storyline, _burning(fuse):
        try:
            save_past(storyline)
        except Crash:
            pass
        else:
            assert len(fuse.moments) <= number
    plugin.faults = Faults()
    clock.forward(timedelta(minutes=10))
    with opened_past(database_url, plugin, clock, source_kind) as storyline:
        assert save_past(storyline).stopped == ""
        _assert_whole(plugin, storyline)
        with storyline.read() as unit:
            assert len(unit.holds.list(clock())) == 5
            assert "running" not in {run.status for run in unit.runs.list(step="backfill")}
        assert save_past(storyline).saved == 0
    return fuse.moments


@pytest.mark.parametrize("source_kind", KINDS)
def test_dying_at_any_commit_or_call_saves_everything_once(fresh_database: Callable[[], str], source_kind: str) -> None:
    whole = fresh_database()
    moments = _dies_at(whole, source_kind, 10_000)
    assert {"commit", "before store_media", "after store_media", "after open_past", "after past_media"} <= set(moments)
    assert 30 < len(moments) < 200
    # A server's databases take their time to be made; what differs between the two is told by some of the moments.
    for number in range(0, len(moments), 1 if whole.startswith("sqlite") else 9):
        _dies_at(fresh_database(), source_kind, number)


def _run(world: _Between, number: int) -> None:
    save_past(world.storyline, limit=number % 5 + 1 if number % 3 == 0 else None)


def _posted(world: _Between, number: int) -> None:
    past = world.plugin.stage().past
    past.post(f"m{len(past.media):05}", picture(len(past.media), size=(24, 40)), world.clock())


def _throttled(world: _Between, number: int) -> None:
    error = Unavailable("Wait.", retry_after=timedelta(minutes=1))
    world.plugin.faults.order(("open_past", "past_media")[number % 2], error, skip=number % 7)


def _torn(world: _Between, number: int) -> None:
    past = world.plugin.stage().past
    past.torn.add(past.media[number % len(past.media)].remote_id)


def _away(world: _Between, number: int) -> None:
    world.plugin.faults.order("store_media", Unavailable("Away."), skip=number % 4, after=number % 2 == 0)


def _blind(world: _Between, number: int) -> None:
    world.plugin.faults.order("list_part", Unavailable("Away."), times=2)


def _moved(world: _Between, number: int) -> None:
    folder = world.plugin.folder("archive")
    for path in sorted(folder.files)[number::31]:
        folder.rename(path, f"moved/{number}-{path.rpartition('/')[2]}")


def _forgot(world: _Between, number: int) -> None:
    world.plugin.stage().past.forget_cursors()


def _synced(world: _Between, number: int) -> None:
    with suppress(Unavailable):
        world.storyline.sync("archive")


@attrs.frozen
class _Between:
    """A world in which things happen between runs."""

    plugin: MemoryPlugin
    clock: SetClock
    storyline: Storyline


ACTS = st.tuples(
    st.sampled_from([_run, _run, _posted, _throttled, _torn, _away, _blind, _moved, _forgot, _synced]),
    st.integers(0, 30),
)


@given(st.lists(ACTS, max_size=12), st.sampled_from(KINDS), st.integers(1, 7))
def test_whatever_happens_in_between_everything_is_saved_once(
    acts: list[tuple[Callable[[_Between, int], None], int]], source_kind: str, page: int
) -> None:
    with _world(EMPTY, 9, source_kind=source_kind) as (plugin, clock, storyline):
        past = plugin.stage().past
        past.page_size = page
        for act, number in acts:
            clock.forward(timedelta(minutes=3))
            act(_Between(plugin, clock, storyline), number)
        plugin.faults.mend()
        past.torn.clear()
        for _ in range(2):
            save_past(storyline)
        _assert_whole(plugin, storyline)
        assert save_past(storyline).saved == 0
