"""A Storyline that publishes on Instagram, the server beside it, and one clock for both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs

from storyline_core import Post, Settings, Storyline, load_plugins, open_storyline
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.testing.samples import picture
from tests.end_to_end.world import START, SetClock
from tests.instagram.outlets import Outlet

SLOT = START + timedelta(hours=3)
"""When the first slot is."""


@attrs.define
class House:
    """A Storyline whose account publishes on Instagram; its clock and the server's go together."""

    storyline: Storyline
    outlet: Outlet
    plugin: MemoryPlugin
    clock: SetClock

    def tick(self, **of_slot: float) -> Post:
        """A turn at this time after the first slot; the slot's post as it is then."""
        self.clock.at = SLOT + timedelta(**of_slot)
        self.outlet.api.set_time(self.clock.at)
        self.storyline.tick()
        return self.post()

    def post(self, account: str = "main") -> Post:
        """The post of an account's first slot."""
        with self.storyline.read() as unit:
            known = [*unit.queue.unsettled(account), *unit.queue.history(account, limit=20)]
        return next(each for each in known if each.slot_key == f"{account}/{START.date()}/0")

    def told(self) -> list[str]:
        """What the team was told."""
        return [alert.text for alert in self.plugin.team().alerts]


@contextmanager
def opened_house(settings: Settings, outlet: Outlet, plugin: MemoryPlugin) -> Iterator[House]:
    """It, before the first slot. Every call outside asserts that no transaction is open."""
    clock = SetClock()
    outlet.api.set_time(clock.at)
    with open_storyline(settings, plugins=load_plugins(extra=[plugin]), clock=clock) as storyline:
        plugin.watch_transactions(storyline.store.in_transaction)
        storyline.tick()
        yield House(storyline, outlet, plugin, clock)


def with_cats(pictures: int = 6) -> MemoryPlugin:
    """A folder in memory with so many pictures of one category."""
    plugin = MemoryPlugin()
    for number in range(pictures):
        plugin.folder().write(f"cats/{number}.jpg", picture(number))
    return plugin
