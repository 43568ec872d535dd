"""Promise 1: whenever the process dies, the next turns end with exactly one publication for every post."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from storyline_core import PostState, Storyline, load_plugins, open_storyline
from storyline_core.testing import files
from tests.end_to_end.worker import Orders, start_worker
from tests.end_to_end.world import START, SetClock, World, make_world, opened
from tests.sampling import sampled

AT_A_SLOT = START + timedelta(hours=3, minutes=5)
MOST_MOMENTS = 200


def _prepared(root: Path, database_url: str, *, by_hand: bool = False) -> World:
    """Synced and filled before the first slot, so that the turn under test publishes or shows one post."""
    world = make_world(root, database_url, pictures=6)
    with _ticking(world, SetClock(START), by_hand=by_hand) as storyline:
        storyline.tick()
    return world


def _ticking(world: World, clock: SetClock, *, by_hand: bool) -> AbstractContextManager[Storyline]:
    settings = world.carded_settings() if by_hand else world.settings()
    return open_storyline(settings, plugins=load_plugins(extra=[files]), clock=clock)


def _finish(world: World) -> None:
    """Turns after the crash, until claims have lapsed and everything due is settled."""
    clock = SetClock(AT_A_SLOT)
    with opened(world, clock) as storyline:
        for minutes in (1, 7, 7, 7):
            clock.forward(timedelta(minutes=minutes))
            storyline.tick()


def _assert_once_each(world: World) -> None:
    clock = SetClock(AT_A_SLOT + timedelta(minutes=30))
    with opened(world, clock) as storyline, storyline.read() as unit:
        posted = unit.queue.history("main", limit=100)
        proofs = unit.queue.publications([post.id for post in posted])
        unsettled = unit.queue.unsettled("main")
    due = [post for post in unsettled if post.due_at <= AT_A_SLOT]
    assert not due, [(post.id, post.state, post.last_error) for post in due]
    assert [post.state for post in posted] == [PostState.POSTED]
    files = world.published()
    assert len(files) == 1
    assert {proof.remote_id for proof in proofs.values()} == {files[0].name}


def _moments(tmp_path: Path, database_url: str) -> list[str]:
    world = _prepared(tmp_path / "whole", database_url)
    worker = start_worker(Orders(world, AT_A_SLOT, fused=True))
    assert worker.end() == 0
    _assert_once_each(world)
    return worker.told()["moments"]


def _stride(database_url: str) -> int:
    return 3 if database_url.startswith("postgresql") else 1


def test_dying_at_any_commit_or_plugin_call_publishes_every_post_exactly_once(
    tmp_path: Path, fresh_database: Callable[[], str]
) -> None:
    first = fresh_database()
    moments = _moments(tmp_path, first)
    assert "before publish" in moments
    assert "after publish" in moments
    assert len(moments) < MOST_MOMENTS
    # What a database adds to each is the same again and again: SQLite is tried at every moment, PostgreSQL at some.
    for number, moment in sampled(moments, _stride(first)):
        root = tmp_path / f"{number:03}"
        world = _prepared(root, fresh_database())
        worker = start_worker(Orders(world, AT_A_SLOT, fused=True, dies_at=number))
        assert worker.end() == -signal.SIGKILL, moment
        _finish(world)
        _assert_once_each(world)


def test_dying_at_any_commit_or_plugin_call_shows_a_card_at_most_once_besides_its_reminder(
    tmp_path: Path, fresh_database: Callable[[], str]
) -> None:
    first = fresh_database()
    whole = _prepared(tmp_path / "whole", first, by_hand=True)
    worker = start_worker(Orders(whole, AT_A_SLOT, fused=True, by_hand=True))
    assert worker.end() == 0
    moments = worker.told()["moments"]
    assert "after offer" in moments
    for number, moment in sampled(moments, _stride(first)):
        world = _prepared(tmp_path / f"{number:03}", fresh_database(), by_hand=True)
        worker = start_worker(Orders(world, AT_A_SLOT, fused=True, by_hand=True, dies_at=number))
        assert worker.end() == -signal.SIGKILL, moment
        clock = SetClock(AT_A_SLOT)
        with _ticking(world, clock, by_hand=True) as storyline:
            storyline.tick()
            with storyline.read() as unit:
                post = next(each for each in unit.queue.unsettled("main") if each.slot_key == "main/2026-05-01/0")
            assert world.cards(post.id) <= 1, moment
            for _ in range(5):
                clock.forward(timedelta(hours=1))
                storyline.tick()
            assert storyline.post(post.id).state in (PostState.OFFERED, PostState.OFFERING), moment
            assert 1 <= world.cards(post.id) <= 2, moment
