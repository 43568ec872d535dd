"""The loop of one source: what is watched is looked at where something happened, and all of it from time to time."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from storyline_core import spoken
from storyline_runner.daemon.loops import BackOff
from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Hint, Round, SourceEntry, Storyline, StorylineError, SyncReport, Watching

log = logging.getLogger("storyline")

LONGEST_SLEEP = timedelta(seconds=30)
"""At the latest then it looks again: for switches that people turn, and because clocks jump and machines sleep."""

GLANCE = timedelta(seconds=5)
"""How often it looks whether a source that is switched off has been switched on."""

SHORTEST_SLEEP = timedelta(milliseconds=10)

WHEN_TAKEN = timedelta(seconds=10)
"""How often it asks whether the process that follows the source has left."""

WHEN_BUSY = timedelta(seconds=2)
"""How soon it tries again when another process is looking at the source just now."""

FIRST_RETRY = timedelta(seconds=15)
"""How soon it looks again at a source that did not answer; later each time, but never later than its interval."""

SOONEST_AGAIN = timedelta(milliseconds=250)
"""How soon at the earliest what was not yet still is looked at again ..."""

MANY_AGAIN = timedelta(seconds=2)
"""... and when there is too much of it to be named, so that everything is looked at."""

FIRST_REOPEN = timedelta(seconds=1)
LONGEST_REOPEN = timedelta(minutes=5)
"""How soon a watch that was lost is begun again, and how late at the most."""

REFUSED_FOR = timedelta(hours=1)
"""How soon a source that cannot be watched is asked again: somebody may have raised the limit it told of."""


class SourceLoop:
    """Keeps the library level with one source. It is called again after a failure, and remembers what it owes.

    What it owes is kept until a look has covered it: the places a watcher heard of (`_heard`), those that were not yet
    still (`_later`), and a look at everything while nobody can say what happened before (`_unseen`).
    """

    def __init__(self, storyline: Storyline, entry: SourceEntry, stop: Stop) -> None:
        from storyline_core import Hint

        self._parent = storyline
        self._entry = entry
        self._stop = stop
        self._heard = Hint()
        self._later: tuple[datetime, Hint] | None = None
        self._unseen = True
        self._starting = True
        self._round_at: datetime | None = None
        self._wait_until = 0.0
        self._reopen_at = 0.0
        self._told: dict[str, str] = {}
        chance = random.Random(entry.name)
        self._retry = BackOff(chance, min(FIRST_RETRY, entry.sync_interval), entry.sync_interval)
        self._reopen = BackOff(chance, FIRST_REOPEN, LONGEST_REOPEN)

    def __call__(self) -> None:
        """Keep the library level until somebody says stop."""
        self._unseen = True
        with self._parent.sibling() as storyline:
            while not self._stop():
                with self._watching(storyline) as watch:
                    self._follow(storyline, watch)

    @contextmanager
    def _watching(self, storyline: Storyline) -> Iterator[Watching | None]:
        """A watch where the source can and should be watched, and no other process does."""
        from storyline_core import Busy, PluginFault

        with ExitStack() as stack:
            watch = None
            if self._may_watch(storyline):
                try:
                    watch = stack.enter_context(storyline.watching(self._entry.name))
                except Busy as error:
                    log.debug("%s", error)
                    self._reopen_at = monotonic() + WHEN_TAKEN.total_seconds()
                except PluginFault as fault:
                    self._not_watched(fault)
                else:
                    self._begun()
            yield watch

    def _may_watch(self, storyline: Storyline) -> bool:
        return self._wants_watch(storyline) and monotonic() >= self._reopen_at and not self._resting(storyline)

    def _wants_watch(self, storyline: Storyline) -> bool:
        return self._entry.watch and storyline.plugins.source(self._entry.kind).traits.watches

    def _resting(self, storyline: Storyline) -> bool:
        return storyline.next_look(self._entry.name) is None

    def _begun(self) -> None:
        log.info("%s: followed as it changes.", self._entry.name)
        self._told.pop("watch", None)
        # What happened before the watch began is anybody's guess.
        self._unseen = True
        self._reopen_at = 0.0

    def _not_watched(self, fault: Exception) -> None:
        from storyline_core import Refused

        wait = REFUSED_FOR if isinstance(fault, Refused) else self._reopen.failed()
        self._reopen_at = monotonic() + wait.total_seconds()
        text = f"{self._entry.name} is not followed as it changes, only looked at from time to time: {fault}"
        self._tell("watch", text)

    def _follow(self, storyline: Storyline, watch: Watching | None) -> None:
        """Look whenever something is due, until somebody says stop or the watch has to be begun anew."""
        from storyline_core import Busy, PluginFault

        while not self._stop():
            if watch is None and self._may_watch(storyline):
                return
            look = storyline.next_look(self._entry.name, unseen=self._unseen, round_at=self._round_at)
            if look is None and watch is not None:
                # Switched off: the watch ends, and whatever happens meanwhile is looked at afterwards.
                self._unseen = True
                return
            if monotonic() >= self._wait_until and self._due(look, storyline.clock()):
                self._look(storyline, watch, look)
                continue
            try:
                self._wait(watch, self._until(watch, look, storyline.clock()))
            except Busy as error:
                log.info("%s: another process follows it from now on. %s", self._entry.name, error)
                self._reopen_at = monotonic() + WHEN_TAKEN.total_seconds()
                self._unseen = True
                return
            except PluginFault as fault:
                self._not_watched(fault)
                self._unseen = True
                return
            if watch is not None:
                self._reopen.went_well()

    def _due(self, look: Round | None, now: datetime) -> bool:
        if look is None:
            return False
        return look.at <= now or bool(self._heard) or (self._later is not None and self._later[0] <= now)

    def _until(self, watch: Watching | None, look: Round | None, now: datetime) -> timedelta:
        """How long there is nothing to do."""
        if look is None:
            return GLANCE
        moments = [look.at] if self._later is None else [look.at, self._later[0]]
        idle = timedelta() if self._heard else min(moments) - now
        held = timedelta(seconds=self._wait_until - monotonic())
        idle = min(max(idle, held, SHORTEST_SLEEP), LONGEST_SLEEP)
        if watch is None and self._reopen_at:
            reopen = timedelta(seconds=self._reopen_at - monotonic())
            idle = min(idle, max(reopen, SHORTEST_SLEEP))
        return idle

    def _wait(self, watch: Watching | None, length: timedelta) -> None:
        if watch is None:
            self._stop.sleep(length)
        elif (hint := watch.wait(length, self._stop)) is not None:
            self._heard |= hint

    def _look(self, storyline: Storyline, watch: Watching | None, look: Round | None) -> None:
        """One sync: of everything when that is due, otherwise of the places that are owed a look."""
        from storyline_core import STILL_FOR, StoreError, StorylineError, SyncRequest

        now = storyline.clock()
        whole = look if look is not None and look.at <= now else None
        owed = self._take(now, everything=whole is not None)
        request = SyncRequest(
            still_for=STILL_FOR,
            hint=None if whole else owed,
            check_day=whole.check_day if whole else None,
            triggered_by="watch" if whole is None else "startup" if self._starting else "scheduler",
            tell=lambda progress: self._alive(watch),
        )
        try:
            report = storyline.sync(self._entry.name, request)
        except StorylineError as error:
            self._heard |= owed
            if isinstance(error, StoreError):
                raise
            self._failed(error)
        except BaseException:
            self._heard |= owed
            raise
        else:
            if whole is not None:
                self._unseen = self._starting = False
                self._round_at = now
            self._done(storyline, report)

    def _take(self, now: datetime, *, everything: bool) -> Hint:
        """The places that are owed a look now; what is looked at as a whole owes nothing else."""
        from storyline_core import Hint

        owed, self._heard = self._heard, Hint()
        if self._later is not None and (everything or self._later[0] <= now):
            owed |= self._later[1]
            self._later = None
        return owed

    def _alive(self, watch: Watching | None) -> None:
        from storyline_core import Busy

        self._stop.cut_short()
        if watch is not None:
            # That another process has taken over is found out when the watch is asked again.
            with suppress(Busy):
                watch.keep()

    def _done(self, storyline: Storyline, report: SyncReport) -> None:
        from storyline_runner.lines import summary

        self._retry.went_well()
        self._told.pop("look", None)
        if self._wants_watch(storyline) and (later := _later(report, storyline.clock())) is not None:
            earlier, hint = self._later or later
            self._later = min(earlier, later[0]), hint | later[1]
        if report.found_something and not report.held:
            log.info("%s: %s", report.source, summary(report))
        if report.held:
            self._tell("held", f"{report.source}: {' '.join(held.message for held in report.held)}")
        elif not report.part:
            self._told.pop("held", None)

    def _failed(self, error: StorylineError) -> None:
        """It is looked at again soon; another process at work is no failure."""
        from storyline_core import Busy, Unavailable

        if isinstance(error, Busy):
            log.debug("%s", error)
            self._wait_until = monotonic() + WHEN_BUSY.total_seconds()
            return
        wait = self._retry.failed()
        if isinstance(error, Unavailable) and error.retry_after is not None:
            wait = error.retry_after
        self._wait_until = monotonic() + wait.total_seconds()
        self._tell("look", f"{self._entry.name}: {error} It is tried again in {spoken(wait)}.", str(error))

    def _tell(self, topic: str, text: str, news: str = "") -> None:
        """Log a warning, unless it is what was told of this topic last."""
        news = news or text
        log.log(logging.DEBUG if self._told.get(topic) == news else logging.WARNING, "%s", text)
        self._told[topic] = news


def _later(report: SyncReport, now: datetime) -> tuple[datetime, Hint] | None:
    """What a look left to another one soon, and when: never so soon that looking is all that happens."""
    from storyline_core import Hint

    if report.look_again_at is None or not report.deferred_keys:
        return None
    took = timedelta(milliseconds=report.duration_ms)
    if report.deferred > len(report.deferred_keys):
        return max(report.look_again_at, now + max(MANY_AGAIN, 2 * took)), Hint.all(
            "many files are still being written"
        )
    return max(report.look_again_at, now + max(SOONEST_AGAIN, took)), Hint.of(report.deferred_keys)
