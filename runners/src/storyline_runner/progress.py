"""Progress bars: on standard error, on a terminal only, and only for what takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from storyline_core import Progress as Sync

PATIENCE_S = 1.0
"""How long something may take before a bar is shown."""


class Bar:
    """One bar that appears once its work has taken long enough."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._wanted = sys.stderr.isatty()
        self._drawn: Progress | None = None
        self._task: TaskID | None = None

    def show(self, what: str, done: int, of: int | None) -> None:
        """How far the work is."""
        if not self._wanted or monotonic() - self._began < PATIENCE_S:
            return
        drawn, task = self._ready()
        drawn.update(task, description=what, completed=done, total=of)

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn.stop()
            self._drawn = None

    def _ready(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._drawn is None or self._task is None:
            columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
            self._drawn = Progress(*columns, console=Console(file=sys.stderr), transient=True)
            self._task = self._drawn.add_task("", total=None)
            self._drawn.start()
        return self._drawn, self._task


class Heard(Protocol):
    """What a sync tells about itself."""

    def __call__(self, progress: Sync, /) -> None: ...


@contextmanager
def sync_bar() -> Iterator[Heard]:
    """A bar for one sync; yields what the sync is to tell."""
    bar = Bar()

    def hear(progress: Sync) -> None:
        bar.show(f"{progress.source}: {progress.doing}", progress.done, progress.of)

    try:
        yield hear
    finally:
        bar.close()


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar for any other work."""
    drawn = Bar()
    try:
        yield drawn
    finally:
        drawn.close()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A sign of life for work that cannot say how far it is."""
    from rich.console import Console

    if not sys.stderr.isatty():
        yield
        return
    with Console(file=sys.stderr).status(what):
        yield
