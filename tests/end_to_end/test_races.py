"""Promise 1: however many processes fill and publish at once, each slot is placed once and each post published once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from storyline_core import PostState
from tests.end_to_end.worker import Orders, start_worker
from tests.end_to_end.world import START, SetClock, make_world, opened

WORKERS = 8


def test_eight_processes_at_once_place_each_slot_once_and_publish_each_post_once(
    tmp_path: Path, database_url: str
) -> None:
    world = make_world(tmp_path, database_url, pictures=12)
    clock = SetClock(START)
    with opened(world, clock) as storyline:
        storyline.sync("photos")
        with storyline.store.begin() as unit:
            unit.accounts.save("main", slots_from=START)
    for at in (START + timedelta(hours=hours, minutes=5) for hours in (3, 7, 11)):
        workers = [start_worker(Orders(world, at)) for _ in range(WORKERS)]
        for worker in workers:
            assert worker.end() == 0
            assert all("is being worked on by" in error for error in worker.told()["errors"])
    clock.at = START + timedelta(hours=13)
    with opened(world, clock) as storyline, storyline.read() as unit:
        history = unit.queue.history("main", limit=100)
        waiting = unit.queue.unsettled("main")
        proofs = unit.queue.publications([post.id for post in history])
    posted = [post for post in history if post.state is PostState.POSTED]
    slots = Counter(post.slot_key for post in (*history, *waiting))
    assert max(slots.values()) == 1
    assert len(posted) == 3
    assert len(proofs) == 3
    assert len(world.published()) == 3
    items = Counter(post.item_id for post in (*posted, *waiting))
    assert max(items.values()) == 1
