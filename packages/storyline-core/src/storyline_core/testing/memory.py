"""A source, a notifier and a publisher in memory, which pass the conformance kit and fail on order.

One `MemoryPlugin` holds all their places, so that what was published outlives the thing that published it::

    memory = MemoryPlugin()
    memory.folder("photos").write("cat.jpg", picture(1))
    plugins = load_plugins(extra=[memory], entry_points=False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import attrs

from storyline_core.hookspecs import hookimpl
from storyline_core.interfaces import Kind, NotifierKind, PublisherKind, Runtime, SourceKind, Traits
from storyline_core.testing.faults import Faults
from storyline_core.testing.memory_folder import MemoryFolder, MemorySource
from storyline_core.testing.memory_stage import MemoryPublisher, MemoryRememberer, MemoryStage
from storyline_core.testing.memory_team import MemoryNotifier, MemoryTeam


@attrs.frozen
class Place:
    """The settings of every kind in memory: the name of the place."""

    place: str = "main"


class MemoryPlugin:
    """Offers the sources `memory` (keys are paths) and `memory-ids` (keys survive renames, changes are listed), both of
    which can be watched, the notifier `memory`, and the publishers `memory`, `memory-careful` (which rehearses)
    and `memory-past` (which was used before)."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._folders: dict[str, MemoryFolder] = {}
        self._teams: dict[str, MemoryTeam] = {}
        self._stages: dict[str, MemoryStage] = {}

    def folder(self, place: str = "main") -> MemoryFolder:
        """The folder of a source, for tests to fill and to disturb."""
        return self._folders.setdefault(place, MemoryFolder())

    def team(self, place: str = "main") -> MemoryTeam:
        """The team behind a notifier: its cards and alerts, and how to tap."""
        return self._teams.setdefault(place, MemoryTeam())

    def stage(self, place: str = "main") -> MemoryStage:
        """Where a publisher publishes: what is really out."""
        return self._stages.setdefault(place, MemoryStage())

    def watch_transactions(self, in_transaction: Callable[[], bool]) -> None:
        """From now on every call asserts that no transaction is open (a store's `in_transaction`)."""
        self.faults.in_transaction = in_transaction

    @hookimpl
    def storyline_media_source_providers(self) -> Sequence[SourceKind]:
        """Two kinds of folder."""
        paths = Traits(watches=True, writes=True)
        ids = Traits(keys_survive_renames=True, lists_changes=True, watches=True, writes=True)
        return [
            Kind("memory", Place, self._source(by_id=False), paths, summary="a folder in memory"),
            Kind("memory-ids", Place, self._source(by_id=True), ids, summary="a folder in memory whose keys are ids"),
        ]

    @hookimpl
    def storyline_notifiers(self) -> Sequence[NotifierKind]:
        """A team in memory."""

        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[MemoryNotifier]:
            yield MemoryNotifier(runtime.name, self.team(options.place), self.faults)

        return [Kind("memory", Place, opened, summary="a team in memory")]

    @hookimpl
    def storyline_publishers(self) -> Sequence[PublisherKind]:
        """A stage in memory, once with a publisher that rehearses and that core asks first how things stand."""

        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[MemoryPublisher]:
            yield MemoryPublisher(runtime, self.stage(options.place), self.faults)

        @contextmanager
        def remembering(options: Place, runtime: Runtime) -> Iterator[MemoryRememberer]:
            yield MemoryRememberer(runtime, self.stage(options.place), self.faults)

        careful = Traits(rehearses=True, ripens=True)
        past = Traits(backfills=True)
        return [
            Kind("memory", Place, opened, summary="a stage in memory"),
            Kind("memory-careful", Place, opened, careful, summary="a stage in memory, with rehearsals"),
            Kind("memory-past", Place, remembering, past, summary="a stage in memory that was used before"),
        ]

    def _source(self, *, by_id: bool) -> Callable[..., AbstractContextManager[MemorySource]]:
        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[MemorySource]:
            yield MemorySource(self.folder(options.place), self.faults, by_id=by_id)

        return opened
