"""The loop of the accounts' lines: decisions, choice, offers and publishing, each as soon as it is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Storyline

log = logging.getLogger("storyline")

LONGEST_SLEEP = timedelta(seconds=30)
"""At the latest then it looks again: for decisions, and because clocks jump and machines sleep."""

GLANCE = timedelta(seconds=5)
"""How often it looks in between whether somebody has added something that is due sooner."""


def work_lines(storyline: Storyline, stop: Stop) -> None:
    """One turn of every account after the other, each as soon as something is due, until somebody says stop."""
    known: frozenset[str] = frozenset()
    with storyline.sibling() as own:
        while not stop():
            began = own.clock()
            known = _turn(own, stop, known)
            _rest(own, stop, began)


def _turn(storyline: Storyline, stop: Stop, known: frozenset[str]) -> frozenset[str]:
    """One turn, told in the log. What stands as the last turn left it (`known`) is not told again."""
    from storyline_runner.lines import standing, told

    ticked = storyline.turn_accounts(stop)
    posts = {done.post.id: done.post for turned in ticked.turns for done in turned.done}
    with storyline.read() as unit:
        views = {view.post.id: view for view in unit.views.posts(posts.values())}
    for line in told(storyline.settings, ticked, views):
        log.info("%s", line)
    for error in (error for turned in ticked.turns for error in turned.errors):
        log.warning("%s", error)
    stands = standing(storyline.settings, ticked)
    for each in stands:
        log.log(logging.DEBUG if each in known else logging.INFO, "%s", each)
    for each in ticked.errors:
        log.log(logging.DEBUG if each in known else logging.WARNING, "%s", each)
    return frozenset((*stands, *ticked.errors))


def _rest(storyline: Storyline, stop: Stop, since: datetime) -> None:
    """Sleep until something falls due, and no longer than the longest sleep by a clock that nobody can turn."""
    deadline = monotonic() + LONGEST_SLEEP.total_seconds()
    while not stop():
        now, left = storyline.clock(), timedelta(seconds=deadline - monotonic())
        moment = next_moment(storyline, since)
        wait = min(GLANCE, left) if moment is None else min(GLANCE, left, moment - now)
        if wait <= timedelta():
            return
        stop.sleep(wait)


def next_moment(storyline: Storyline, since: datetime) -> datetime | None:
    """When the first post or retry falls due after `since`. None when nothing will."""
    with storyline.read() as unit:
        moments = [at for post in unit.queue.unsettled() for at in (post.due_at, post.next_try_at) if at is not None]
    return min((at for at in moments if at > since), default=None)


def rehearse(storyline: Storyline, stop: Stop) -> None:
    """Say what would be done, each thing once, until somebody says stop. Writes nothing, contacts nobody."""
    from storyline_runner.lines import would

    said: set[tuple[str, str]] = set()
    with storyline.sibling() as own:
        while not stop():
            for name in own.settings.accounts:
                for each in own.would_do(name):
                    if (each.post.id, str(each.task)) not in said:
                        said.add((each.post.id, str(each.task)))
                        log.info("%s", would(own.settings, name, each))
            stop.sleep(LONGEST_SLEEP)
