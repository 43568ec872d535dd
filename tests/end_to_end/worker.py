"""A process that opens a world and ticks once; told to, it kills itself at the n-th commit or plugin call."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import SimpleNamespace

import attrs
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storyline_core import Kind, hookimpl, load_plugins, open_storyline
from storyline_core.settings import Settings
from storyline_core.testing import files
from storyline_local import plugin as local
from tests.end_to_end.world import World


class Fuse:
    """Counts the moments at which a process may die, and dies at one of them."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at
        self.moments: list[str] = []

    def burn(self, moment: str) -> None:
        """One moment has come."""
        if len(self.moments) == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moments.append(moment)


class Fused:
    """An opened plugin thing that may die before and after each of its calls."""

    def __init__(self, thing: object, fuse: Fuse) -> None:
        self._thing = thing
        self._fuse = fuse

    def __getattr__(self, name: str) -> object:
        value = getattr(self._thing, name)
        if not callable(value):
            return value

        def call(*args: object, **kwargs: object) -> object:
            self._fuse.burn(f"before {name}")
            answer = value(*args, **kwargs)
            self._fuse.burn(f"after {name}")
            return answer

        return call


def fused_plugin(fuse: Fuse) -> object:
    """The local plugin's source and outbox under other names, with a fuse in every call."""

    def kind(original: Kind[object]) -> Kind[object]:
        @contextmanager
        def open_fused(settings: object, runtime: object) -> Iterator[Fused]:
            with original.open(settings, runtime) as thing:
                yield Fused(thing, fuse)

        return attrs.evolve(original, name=f"fused-{original.name}", open=open_fused)

    def fused(kinds: Callable[[], Sequence[Kind[object]]]) -> Callable[[], list[Kind[object]]]:
        return hookimpl(lambda: [kind(each) for each in kinds()])

    sources = fused(local.storyline_media_source_providers)
    publishers = fused(local.storyline_publishers)
    notifiers = fused(files.storyline_notifiers)
    return SimpleNamespace(
        __name__="fused",
        storyline_media_source_providers=sources,
        storyline_publishers=publishers,
        storyline_notifiers=notifiers,
    )


@attrs.frozen
class Orders:
    """What a worker does: one tick on this world at this time, dying at that moment (None: counting them only)."""

    world: World
    at: datetime
    fused: bool = False
    by_hand: bool = False
    dies_at: int | None = None


def work(orders: Orders, report: Path) -> None:
    """Tick once and write what happened."""
    fuse = Fuse(orders.dies_at)
    settings: Settings = orders.world.carded_settings() if orders.by_hand else orders.world.settings()
    plugins = load_plugins(extra=[files, fused_plugin(fuse)])
    if orders.fused:
        settings = attrs.evolve(
            settings,
            sources=[attrs.evolve(each, kind=f"fused-{each.kind}") for each in settings.sources.values()],
            publishers=[attrs.evolve(each, kind=f"fused-{each.kind}") for each in settings.publishers.values()],
            notifiers=[attrs.evolve(each, kind=f"fused-{each.kind}") for each in settings.notifiers.values()],
        )
        event.listen(Engine, "commit", lambda connection: fuse.burn("before commit"))
        event.listen(Engine, "begin", lambda connection: fuse.burn("begin"))
    with open_storyline(settings, plugins=plugins, clock=lambda: orders.at) as storyline:
        tick = storyline.tick()
    errors = [*tick.errors, *(error for turn in tick.turns for error in turn.errors)]
    report.write_text(json.dumps({"moments": fuse.moments, "errors": errors}))


@attrs.define
class Worker:
    """A running worker process and where it will write its report."""

    process: ForkServerProcess
    report: Path

    def end(self) -> int:
        """Wait for its end; minus the signal's number if it was killed."""
        self.process.join(timeout=120)
        assert self.process.exitcode is not None, "the worker did not end"
        return self.process.exitcode

    def told(self) -> dict[str, list[str]]:
        """What it reported."""
        answer: dict[str, list[str]] = json.loads(self.report.read_text())
        return answer


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "storyline_core.storyline", "storyline_core.testing"])
_NUMBERS = itertools.count()


def start_worker(orders: Orders) -> Worker:
    """Start a process of its own, forked from a server that has imported everything already."""
    report = orders.world.folder.parent / f"report-{next(_NUMBERS)}.json"
    process = _CONTEXT.Process(target=work, args=(orders, report))
    process.start()
    return Worker(process, report)
