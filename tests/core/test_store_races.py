"""Several threads and processes at once, on real databases: exactly one wins, and the others are told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import attrs

from storyline_core.errors import Busy, NotAllowed, Stale, StorylineError
from storyline_core.posts import PostEvent, PostState
from storyline_core.store import Store, open_store
from tests.core.store_samples import HOUR, NOW, fill, in_processes, opened, post_for

THREADS = 8
PROCESSES = 4


def at_once(work: Callable[[int], object]) -> Counter[object]:
    """What `THREADS` threads answer that start together; errors of ours count as answers."""
    gate = threading.Barrier(THREADS)
    answers: list[object] = []

    def run(number: int) -> None:
        gate.wait()
        try:
            answers.append(work(number))
        except StorylineError as error:
            answers.append(type(error))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == THREADS
    return Counter(answers)


def test_one_claim_wins(database_url: str) -> None:
    with opened(database_url) as store:
        fill(store, ["a"])
        with store.begin() as unit:
            unit.queue.add(post_for(1))

        def claim(number: int) -> str:
            with store.begin() as unit:
                unit.queue.claim(post_for(1), f"worker {number}", NOW + HOUR, NOW)
            return "mine"

        assert at_once(claim) == {"mine": 1, Busy: THREADS - 1}
        with store.read() as unit:
            assert unit.queue.get(post_for(1).id).fence == 1


def test_one_decision_wins(database_url: str) -> None:
    with opened(database_url) as store:
        fill(store, ["a"])
        with store.begin() as unit:
            unit.queue.add(post_for(1))
        after = attrs.evolve(post_for(1), state=PostState.SKIPPED, revision=2, settled_at=NOW)

        def decide(number: int) -> str:
            with store.begin() as unit:
                unit.queue.move(post_for(1), after, event=PostEvent.SKIP, by=f"cli:{number}", at=NOW)
            return "first"

        assert at_once(decide) == {"first": 1, Stale: THREADS - 1}
        with store.read() as unit:
            assert len(unit.queue.journal(post_for(1).id)) == 2


def test_one_slot_and_one_item_is_filled_once(database_url: str) -> None:
    with opened(database_url) as store:
        fill(store, ["a", "b"])

        def same_slot(number: int) -> bool:
            with store.begin() as unit:
                return unit.queue.add(attrs.evolve(post_for(1), id=f"post {number}"))

        def same_item(number: int) -> bool:
            with store.begin() as unit:
                return unit.queue.add(post_for(2, 1 + number))

        assert at_once(same_slot) == {True: 1, False: THREADS - 1}
        assert at_once(same_item) == {True: 1, NotAllowed: THREADS - 1}


def test_the_accounts_lock_lets_one_in_at_a_time(database_url: str) -> None:
    """What is read under the lock is still true when it is written: nothing is lost between the two."""
    with opened(database_url) as store:

        def add_an_hour(number: int) -> None:
            for _ in range(5):
                with store.begin() as unit:
                    until = unit.accounts.lock("main").filled_until or NOW
                    unit.accounts.save("main", filled_until=until + HOUR)

        at_once(add_an_hour)
        with store.read() as unit:
            assert unit.accounts.state("main").filled_until == NOW + 5 * THREADS * HOUR


def test_additions_at_once_never_share_an_id(database_url: str) -> None:
    with opened(database_url) as store:
        at_once(lambda number: len(fill(store, [f"{count}.jpg" for count in range(50)], source=f"source {number}")))
        with store.read() as unit:
            assert len({item.id for item in unit.library.items()}) == 50 * THREADS


def _take(url: str, number: int) -> str:
    with opened(url) as store:
        try:
            with store.begin() as unit:
                unit.leases.take("sync/photos", f"worker {number}", NOW + HOUR, NOW)
        except Busy as error:
            with store.read() as unit:
                [held] = unit.leases.held(NOW)
            return "told" if error.holder == held.holder else f"wrong: {error}"
        return "mine"


def test_one_process_takes_the_lease_and_the_others_are_told_who(database_url: str) -> None:
    assert in_processes(PROCESSES, _take, database_url) == ["mine"] + ["told"] * (PROCESSES - 1)


def _fill_slots(url: str, number: int) -> str:
    store = open_store(url)
    filled = 0
    for ordinal in range(10):
        with store.begin() as unit:
            unit.accounts.lock("main")
            taken = unit.queue.slot_keys("main", NOW - HOUR, NOW + 30 * HOUR)
            free = unit.queue.count_waiting("main")
            post = attrs.evolve(post_for(free + 1, ordinal), id=f"{number}/{ordinal}")
            if post.slot_key not in taken:
                filled += unit.queue.add(post)
    store.close()
    return str(filled)


def test_processes_that_fill_under_the_lock_place_every_slot_and_item_once(database_url: str) -> None:
    with opened(database_url) as store:
        fill(store, [f"{number}.jpg" for number in range(10)])
    filled = in_processes(PROCESSES, _fill_slots, database_url)
    assert sum(map(int, filled)) == 10
    with opened(database_url) as store, store.read() as unit:
        waiting = unit.queue.unsettled("main")
    assert len({post.slot_key for post in waiting}) == len({post.item_id for post in waiting}) == 10


def _claim_until_it_lapses(url: str, number: int) -> str:
    store = open_store(url)
    with store.begin() as unit:
        unit.queue.claim(post_for(1), "the dead worker", NOW + HOUR, NOW)
    return "dies"


def test_the_claim_of_a_dead_process_lapses(database_url: str) -> None:
    with opened(database_url) as store:
        fill(store, ["a"])
        with store.begin() as unit:
            unit.queue.add(post_for(1))
        assert in_processes(1, _claim_until_it_lapses, database_url) == ["dies"]
        assert _try(store, NOW + HOUR - timedelta(seconds=1)) == "the dead worker"
        assert _try(store, NOW + HOUR) == "mine, fence 2"


def _try(store: Store, now: object) -> str:
    try:
        with store.begin() as unit:
            mine = unit.queue.claim(post_for(1), "the next", NOW + 2 * HOUR, now)  # type: ignore[arg-type]
    except Busy as error:
        return error.holder
    return f"mine, fence {mine.fence}"
