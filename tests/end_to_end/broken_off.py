"""A process that syncs one folder and kills itself at the n-th commit, or at the n-th call of the source."""

from __future__ import annotations

import json
import multiprocessing
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import attrs
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storyline_core import load_plugins, open_storyline
from tests.end_to_end.worker import Fuse, fused_plugin
from tests.end_to_end.world import SetClock, World


class Impatient(SetClock):
    """Each look at the clock is forty seconds after the one before, so that nothing that was read waits for others."""

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=40)
        return self.at


@attrs.frozen
class Order:
    """Sync this world from this time on, dying at that moment (None: counting them only)."""

    world: World
    at: datetime
    dies_at: int | None = None


def sync_once(order: Order, report: Path) -> None:
    """Sync and write at which moments the process could have died."""
    fuse = Fuse(order.dies_at)
    settings = order.world.settings()
    sources = [attrs.evolve(each, kind=f"fused-{each.kind}") for each in settings.sources.values()]
    event.listen(Engine, "commit", lambda connection: fuse.burn("before commit"))
    plugins = load_plugins(extra=[fused_plugin(fuse)])
    with open_storyline(attrs.evolve(settings, sources=sources), plugins=plugins, clock=Impatient(order.at)) as opened:
        fuse.burn("opened")
        opened.sync("photos")
    report.write_text(json.dumps(fuse.moments))


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "storyline_core.storyline"])


def run(order: Order, report: Path) -> int:
    """Do it in a process of its own; gives its exit code, minus the signal's number if it was killed."""
    process: ForkServerProcess = _CONTEXT.Process(target=sync_once, args=(order, report))
    process.start()
    process.join(timeout=120)
    assert process.exitcode is not None, "the process did not end"
    return process.exitcode
