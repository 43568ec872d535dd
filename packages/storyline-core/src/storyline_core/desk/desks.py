"""The desks of all notifiers, each made once and shared by every thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial

from storyline_core.desk.house import House, served_by
from storyline_core.desk.served import DeskOf
from storyline_core.plugins import Plugins
from storyline_core.settings import Settings
from storyline_core.store import Store


class Desks:
    """Makes a desk for each notifier. `house` opens everything in these settings anew, for that notifier's desk."""

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        store: Store,
        clock: Callable[[], datetime],
        house: Callable[[Settings, str], AbstractContextManager[House]],
    ) -> None:
        self._settings = settings
        self._plugins = plugins
        self._store = store
        self._clock = clock
        self._house = house
        self._guard = threading.Lock()
        self._made: dict[str, DeskOf] = {}

    def of(self, notifier: str) -> DeskOf:
        """The desk of a notifier."""
        with self._guard:
            if notifier not in self._made:
                settings = served_by(self._settings, notifier)
                house = partial(self._house, settings, notifier)
                self._made[notifier] = DeskOf(settings, self._plugins, self._store, self._clock, house)
            return self._made[notifier]

    def close(self) -> None:
        """Close what the desks have opened."""
        with self._guard:
            made, self._made = self._made, {}
        for desk in made.values():
            desk.close()
