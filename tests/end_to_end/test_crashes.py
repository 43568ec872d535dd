"""Promise 1: whenever the process dies, the next turns end with exactly one publication for every post."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from storyline_core import PostState
from tests.end_to_end.worker import Orders, start_worker
from tests.end_to_end.world import START, SetClock, World, make_world, opened

AT_A_SLOT = START + timedelta(hours=3, minutes=5)
MOST_MOMENTS = 200


def _prepared(root: Path, database_url: str) -> World:
    """Synced and filled before the first slot, so that the turn under test publishes one post."""
    world = make_world(root, database_url, pictures=6)
    with opened(world, SetClock(START)) as storyline:
        storyline.tick()
    return world


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


def test_dying_at_any_commit_or_plugin_call_publishes_every_post_exactly_once(
    tmp_path: Path, fresh_database: Callable[[], str]
) -> None:
    moments = _moments(tmp_path, fresh_database())
    assert "before publish" in moments
    assert "after publish" in moments
    assert len(moments) < MOST_MOMENTS
    for number, moment in enumerate(moments):
        root = tmp_path / f"{number:03}"
        world = _prepared(root, fresh_database())
        worker = start_worker(Orders(world, AT_A_SLOT, fused=True, dies_at=number))
        assert worker.end() == -signal.SIGKILL, moment
        _finish(world)
        _assert_once_each(world)
