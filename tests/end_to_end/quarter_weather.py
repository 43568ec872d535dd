"""What goes wrong outside in a quarter: services that are down, answers that are lost, pictures that are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import ClassVar

import attrs

from storyline_core import NeedsPerson, Refused, Unavailable, Uncertain
from storyline_core.interfaces import Alert
from storyline_core.testing import Faults
from storyline_core.testing.memory import MemoryPlugin
from storyline_core.testing.memory_stage import Story
from storyline_core.testing.memory_team import Card
from tests.end_to_end.quarter_hands import Fate, Hand, hand_here
from tests.end_to_end.world import SetClock


@attrs.frozen
class Chance:
    """One way in which a call fails: how likely, with what, before or after it has had its effect."""

    likely: float
    error: Callable[[], Exception]
    after: bool = False


def _down() -> Exception:
    return Unavailable("It does not answer.")


def _lost() -> Exception:
    return Uncertain("The answer was lost.")


def _mistake() -> Exception:
    return ValueError("a mistake in a plugin")


CHANCES: dict[str, tuple[Chance, ...]] = {
    "list_media": (Chance(0.01, _down), Chance(0.01, _down, after=True)),
    "open_media": (Chance(0.01, _down),),
    "prepare": (
        Chance(0.012, _down),
        Chance(0.012, _down, after=True),
        Chance(0.02, _mistake),
        Chance(0.004, lambda: Refused("It is not wanted here.")),
        Chance(0.006, lambda: NeedsPerson("The token has expired.", remedy="Make a new one.")),
    ),
    "publish": (
        Chance(0.015, _down),
        Chance(0.015, _lost),
        Chance(0.025, _lost, after=True),
        Chance(0.01, _mistake, after=True),
    ),
    "find": (Chance(0.03, _down), Chance(0.02, _lost), Chance(0.01, _mistake)),
    "offer": (Chance(0.015, _down), Chance(0.015, _lost), Chance(0.02, _lost, after=True), Chance(0.004, _mistake)),
    "update": (Chance(0.03, _down), Chance(0.02, _mistake)),
    "alert": (Chance(0.04, _down), Chance(0.02, _down, after=True)),
    "discard": (Chance(0.03, _down), Chance(0.03, _down, after=True)),
    "rehearse": (Chance(0.02, _down), Chance(0.005, lambda: Refused("It is not wanted here."))),
    "poll_once": (Chance(0.01, _down),),
    "check": (Chance(0.01, _down),),
}
SLEEPY = frozenset({"after publish", "after prepare", "after offer", "before find", "after find", "before prepare"})
"""Where a worker may fall asleep for long. Never right before the unrepeatable call: that sleeper cannot be stopped."""


class Weather(Faults):
    """Faults by chance, besides those on order. Whoever is killed in a call never hears how it ended."""

    def __init__(self, random: Random, fate: Fate) -> None:
        super().__init__(in_transaction=lambda: False)
        self.fate = fate
        self.fair = False
        self.failed: Counter[str] = Counter()
        self._random = random

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        """Surrounds the effect of one call."""
        hand = hand_here()
        if hand is None:
            yield
            return
        self.calls.clear()
        name = f"before {call}"
        self.fate.moment("call", name, may_sleep=name in SLEEPY)
        chance = None if self.fair else self._drawn(call)
        if chance is not None:
            self.failed[f"{call} ({'its answer was lost' if chance.after else 'it failed'})"] += 1
        if chance is not None and not chance.after:
            raise chance.error()
        with super().around(call):
            yield
        name = f"after {call}"
        self.fate.moment("call", name, may_sleep=name in SLEEPY)
        if chance is not None:
            if call == "alert":
                Alerts.newest[hand].noted = False
            raise chance.error()

    def _drawn(self, call: str) -> Chance | None:
        draw = self._random.random()
        for chance in CHANCES.get(call, ()):
            if draw < chance.likely * self.fate.severity:
                return chance
            draw -= chance.likely * self.fate.severity
        return None


@attrs.define
class Told:
    """One message that reached a team, when, and by whose hand.

    `noted` is False when whoever told it cannot know that it arrived.
    """

    alert: Alert
    at: datetime
    hand: Hand | None
    noted: bool = True


@attrs.frozen
class Shown:
    """One card that reached a team, and when."""

    card: Card
    at: datetime


class Alerts(list[Alert]):
    """A team's alerts, each with when it came and who told it."""

    newest: ClassVar[dict[Hand | None, Told]] = {}
    """The last message of each worker."""

    def __init__(self, clock: SetClock, told: list[Told]) -> None:
        super().__init__()
        self._clock, self._told = clock, told

    def append(self, alert: Alert) -> None:
        super().append(alert)
        self._told.append(Told(alert, self._clock.at, hand_here()))
        self.newest[hand_here()] = self._told[-1]


class Cards(list[Card]):
    """A team's cards, each with when it came."""

    def __init__(self, clock: SetClock, shown: list[Shown]) -> None:
        super().__init__()
        self._clock, self._shown = clock, shown

    def append(self, card: Card) -> None:
        super().append(card)
        self._shown.append(Shown(card, self._clock.at))


class Stories(list[Story]):
    """A stage's stories, each with when it really came out."""

    def __init__(self, clock: SetClock, out: list[tuple[Story, datetime]]) -> None:
        super().__init__()
        self._clock, self._out = clock, out

    def append(self, story: Story) -> None:
        super().append(story)
        self._out.append((story, self._clock.at))


@attrs.define
class Outage:
    """A place that is down from one instant to another; `raging` while it is."""

    kind: str
    place: str
    begins: datetime
    ends: datetime
    raging: bool = False


def outages_of(
    random: Random, begins: datetime, ends: datetime, places: dict[str, list[str]], every: timedelta
) -> list[Outage]:
    """Outages of every length, one about every so often for each place."""
    found = []
    for kind, names in places.items():
        for name in names:
            at = begins + every * random.random()
            while at < ends:
                length = timedelta(minutes=random.choice((3, 10, 40, 120, 300, 1_000)) * (0.5 + random.random()))
                found.append(Outage(kind, name, at, at + length))
                at += length + every * (0.4 + 1.2 * random.random())
    return sorted(found, key=lambda outage: (outage.begins, outage.place))


def let_rage(plugin: MemoryPlugin, outages: list[Outage], now: datetime) -> None:
    """Break and mend the places as it is due now. What could not be mended before lasted until now."""
    for each in outages:
        if each.raging and each.ends <= now:
            each.ends = now
        each.raging = each.begins <= now < each.ends
    broken = {(each.kind, each.place) for each in outages if each.raging}
    for kind, place in {(each.kind, each.place) for each in outages}:
        down = (kind, place) in broken
        if kind == "source":
            plugin.folder(place).broken = down
        elif kind == "notifier":
            plugin.team(place).broken = down
        else:
            plugin.stage(place).broken = down
