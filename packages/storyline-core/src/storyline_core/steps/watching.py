"""Watching: follow a source's changes, as the only one of all processes that does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import attrs

from storyline_core.errors import Busy, PluginFault, Refused, StoreError
from storyline_core.hints import Hint
from storyline_core.interfaces import Watch, WatchableSource
from storyline_core.redaction import scrub, trace_of
from storyline_core.steps.source_line import SourceLine, ask_source
from storyline_core.steps.tenure import Tenure
from storyline_core.store import FAR

log = logging.getLogger("storyline")

WATCH_FOR = timedelta(minutes=1)
"""How long after a watching process has died another one takes over."""


@attrs.frozen
class Watching:
    """A watch over one source, and the right to it."""

    line: SourceLine
    watch: Watch
    tenure: Tenure

    def wait(self, timeout: timedelta, stop: Callable[[], bool]) -> Hint | None:
        """Where something may have changed; None when there was nothing for so long, or `stop()` is True.

        Raises `Unavailable` when the watch is lost, which is noted then, and `Busy` when another process has taken
        over. It waits for half a minute at most, to show in time that it is alive.
        """
        self.tenure.keep()
        with _noting(self.line):
            return ask_source(lambda: self.watch.wait(min(timeout, WATCH_FOR / 2), stop), "watching")

    def keep(self) -> None:
        """Show a sign of life while something else is done. Raises `Busy` when another process has taken over."""
        self.tenure.keep()


def watch_of(source: str) -> str:
    """The subject of the lease on watching a source."""
    return f"watch/{source}"


@contextmanager
def watching(line: SourceLine) -> Iterator[Watching]:
    """Follow a source's changes until the end of the block.

    Raises `Busy` when another process does, `Refused` when it cannot be watched, and `Unavailable` or `NeedsPerson`
    when it cannot be watched just now; why is noted then.
    """
    _refuse_second(line)
    tenure = Tenure(line.store, line.clock, watch_of(line.name), line.holder, line.clock(), length=WATCH_FOR)
    try:
        with _noting(line):
            opened = ask_source(lambda: _watchable(line).watch(), "watch")
            watch = ask_source(opened.__enter__, "watch")
        try:
            note_watched(line, None)
            yield Watching(line, watch, tenure)
        finally:
            _closed(line, lambda: opened.__exit__(None, None, None))
    finally:
        tenure.end()


def note_watched(line: SourceLine, because: str | None) -> None:
    """Note why a source is not watched, if that is news; None when it is, or need not be."""
    with line.store.read() as unit:
        known = unit.sources.get(line.name).unwatched_because
    if known != because:
        with line.store.begin() as unit:
            unit.sources.set_unwatched(line.name, because)


def _refuse_second(line: SourceLine) -> None:
    """Whoever only waits for a watch to become free asks often; that should cost no write."""
    now = line.clock()
    with line.store.read() as unit:
        for lease in unit.leases.held(now):
            if lease.subject == watch_of(line.name) and lease.until <= now + FAR * WATCH_FOR:
                raise Busy(lease.subject, lease.holder)


def _watchable(line: SourceLine) -> WatchableSource:
    if not line.traits.watches or not isinstance(line.provider, WatchableSource):
        raise Refused("This kind of source cannot say by itself when something changes.")
    return line.provider


@contextmanager
def _noting(line: SourceLine) -> Iterator[None]:
    """Whatever keeps the source from being watched is what `check` and `storyline sources` say of it."""
    try:
        yield
    except PluginFault as fault:
        with suppress(StoreError):
            note_watched(line, scrub(str(fault)))
        raise


def _closed(line: SourceLine, close: Callable[[], object]) -> None:
    """End a watch; whatever goes wrong then changes nothing any more."""
    try:
        close()
    except Exception as error:  # noqa: BLE001 - a plugin's mistake
        log.warning("The watch over %s ended badly:\n%s", line.name, trace_of(error))
