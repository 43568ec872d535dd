"""Looking after an opened thing: it does what is due of its own, and what it says of itself becomes alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import attrs

from storyline_core.abilities import Maintained
from storyline_core.errors import Unavailable
from storyline_core.interfaces import Alert
from storyline_core.redaction import scrub
from storyline_core.steps.line import guarded
from storyline_core.store import AlertRecord, Store, Unit


@attrs.frozen
class Looked:
    """What an opened thing said: everything that stands, by its key under the owner's name, and what is new or over.

    `replaced` are those that are over since the same trouble stands in other words (a token that expires sooner).
    """

    standing: tuple[Alert, ...]
    raised: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to remember of it."""
        return bool(self.raised or self.cleared)

    def write(self, unit: Unit, now: datetime) -> None:
        """Bring the alerts level. Who is told of them is the courier's business."""
        for key in self.replaced:
            unit.tellings.hush(key, now)
        for key in self.cleared:
            unit.alerts.clear(key, at=now)
        for alert in self.standing:
            unit.alerts.raise_(alert.key, level=alert.level, text=alert.text, remedy=alert.remedy, at=now)


def look_after(store: Store, owner: str, opening: Callable[[], object]) -> Looked:
    """Let a thing look after itself. Raises what keeps it from it: a `PluginFault`."""
    said = guarded(lambda: _ask(opening()), f"Looking after {owner}", otherwise=Unavailable)
    with store.read() as unit:
        before = {alert.key: alert for alert in unit.alerts.open() if alert.key.startswith(f"{owner}/")}
    return compared(owner, said, before)


def compared(owner: str, said: Sequence[Alert], before: Mapping[str, AlertRecord]) -> Looked:
    """What is new and what is over, of what a thing says now and what was known of it."""
    standing = {f"{owner}/{alert.key}": alert for alert in said if not alert.cleared}
    words = tuple(
        attrs.evolve(alert, key=key, text=scrub(alert.text), remedy=scrub(alert.remedy))
        for key, alert in standing.items()
    )
    cleared = tuple(key for key in before if key not in standing)
    topics = {_topic(key) for key in standing}
    return Looked(
        standing=words,
        raised=tuple(key for key in standing if key not in before),
        cleared=cleared,
        replaced=tuple(key for key in cleared if _topic(key) in topics),
    )


def _ask(thing: object) -> Sequence[Alert]:
    if not isinstance(thing, Maintained):
        raise TypeError("its kind says that it maintains, but it has no maintain()")
    answer = list(thing.maintain())
    if not all(isinstance(each, Alert) for each in answer):
        raise TypeError("maintain() must give alerts")
    return answer


def _topic(key: str) -> str:
    return key.rpartition("/")[0]
