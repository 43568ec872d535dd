"""/backfill: what it answers on the way and in the end, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from storyline_core import (
    BackfillReport,
    Entry,
    FileProblem,
    Mode,
    Storyline,
    TeamRole,
    Unavailable,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_telegram.asking import Room, answer
from storyline_telegram.pasts import backfill_progress, backfill_result
from tests.end_to_end.pasts import NOW, past_of, settings_of
from tests.end_to_end.world import SetClock
from tests.telegram.markup import read
from tests.telegram.spoken import Paper, said

BERLIN = ZoneInfo("Europe/Berlin")
ANN, BEN = 4141, 4242
REPORT = BackfillReport("brand", "archive")


@attrs.frozen
class Talk:
    """A conversation about an account with a past."""

    plugin: MemoryPlugin
    storyline: Storyline

    def ask(self, text: str, person: int = ANN) -> Paper:
        """Somebody asks."""
        paper = Paper()
        desk = self.storyline.desk("team")
        answer(said(person, "Ann", text, "private"), desk, paper, Room("story_bot"))
        for line in paper.lines:
            for each in (line.html, *line.earlier):
                read(each)
        return paper


@contextmanager
def _talk(database_url: str, *, set_up: bool = True) -> Iterator[Talk]:
    plugin = MemoryPlugin()
    past_of(plugin, 12)
    settings = settings_of(database_url, notifier="team", mode=Mode.APPROVE, sources=("photos",))
    publishers = [
        attrs.evolve(each, backfill=each.backfill if set_up else None) for each in settings.publishers.values()
    ]
    settings = attrs.evolve(settings, notifiers=[Entry("team", "memory", Place())], publishers=publishers)
    plugins = load_plugins(extra=[plugin], entry_points=False)
    with open_storyline(settings, plugins=plugins, clock=SetClock(NOW)) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        storyline.set_role(f"telegram:{ANN}", TeamRole.ADMIN)
        yield Talk(plugin, storyline)


@pytest.fixture
def talk(sqlite_url: str) -> Iterator[Talk]:
    with _talk(sqlite_url) as talk:
        yield talk


def test_an_admin_fetches_the_past_and_is_told_how_far_it_is(talk: Talk) -> None:
    [line] = talk.ask("/backfill").lines
    assert line.earlier == [
        "<b>main</b>: fetching what was posted before",
        "<b>main</b>: fetching what was posted before, 10 saved so far",
    ]
    assert line.html == "<b>main</b>: 12 pictures and videos saved into archive"
    assert talk.ask("/backfill main").last == "<b>main</b>: nothing new\n12 were here already"
    with talk.storyline.read() as unit:
        [run, *_] = unit.runs.list(step="backfill")
    assert (run.triggered_by, run.user) == ("user", f"telegram:{ANN}")


def test_what_goes_wrong_is_told(talk: Talk) -> None:
    wait = Unavailable("Too many calls.", retry_after=timedelta(minutes=30))
    talk.plugin.faults.order("open_past", wait, skip=3)
    assert talk.ask("/backfill").last == (
        "<b>main</b>: 3 pictures and videos saved into archive\n"
        "It ended early: Too many calls. It goes on at Fri 1 May, 06:30 UTC."
    )


def test_members_may_not(talk: Talk) -> None:
    assert "admins" in talk.ask("/backfill", BEN).last
    assert talk.plugin.faults.calls == []


def test_without_a_source_in_the_settings_it_says_what_to_write(sqlite_url: str) -> None:
    with _talk(sqlite_url, set_up=False) as talk:
        assert "[publishers.brand]: backfill = { into = " in talk.ask("/backfill").last.replace("&quot;", '"')


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "<b>main</b>: nothing new"),
        ({"saved": 1, "indexed": 1}, "<b>main</b>: 1 picture or video saved into archive"),
        (
            {"saved": 3, "indexed": 1, "known": 4, "published": 1, "waits": 1},
            (
                "<b>main</b>: 3 pictures and videos saved into archive\n5 were here already\n"
                "1 waits until it is certain that it is not our own\n2 appear in the library with the next sync"
            ),
        ),
        (
            {"failed": 1, "unreadable": 1, "problems": (FileProblem("17<b>", "No file & no reason"),)},
            (
                "<b>main</b>: nothing new\n1 could not be fetched; it is tried again\n1 cannot be had\n"
                "17&lt;b&gt;: No file &amp; no reason"
            ),
        ),
        (
            {"stopped": "Wait.", "again_at": NOW},
            "<b>main</b>: nothing new\nIt ended early: Wait. It goes on at Fri 1 May, 08:00 Europe/Berlin.",
        ),
        (
            {"stopped": "It is down."},
            "<b>main</b>: nothing new\nIt ended early: It is down. The next one goes on from there.",
        ),
    ],
)
def test_results_in_words(changes: dict[str, object], told: str) -> None:
    assert backfill_result("main", attrs.evolve(REPORT, **changes), BERLIN) == told  # type: ignore[arg-type]


def test_progress_of_thousands_is_few_edits() -> None:
    from storyline_core import BackfillProgress

    told = {backfill_progress("main", BackfillProgress("brand", "saving", each, each)) for each in range(3000)}
    assert len(told) < 45
