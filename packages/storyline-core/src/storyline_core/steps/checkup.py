"""Checkup: everything that must work, looked at in one go; and how each source stands, as a row of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from storyline_core.plugins import Plugins
from storyline_core.rounds import stale_after
from storyline_core.settings import Settings
from storyline_core.steps.check import (
    Check,
    Health,
    Probe,
    Status,
    check_account,
    check_alerts,
    check_mix,
    check_plugins,
    check_probe,
    counted,
    spoken,
)
from storyline_core.steps.standing import SourceStanding, stand_of_sources
from storyline_core.store import Store

UNKNOWN_FOR = timedelta(days=7)
"""After how long items that can neither be seen nor be called gone are worth a warning."""


def look_at_all(store: Store, settings: Settings, plugins: Plugins, probes: Iterable[Probe], now: datetime) -> Health:
    """Every check there is. Disturbs nobody."""
    sources = [each for each in stand_of_sources(store, settings.sources, now) if each.entry is not None]
    resting = frozenset(each.name for each in sources if not each.running)
    accounts = settings.accounts.values()
    return Health(
        (
            Check("database", Status.HEALTHY, store.place),
            *(check_source(each, now) for each in sources),
            *(row for each in sources for row in check_unknown(store, each, now)),
            *(check_probe(probe) for probe in probes),
            *(check_account(store, account, resting, now) for account in accounts),
            *(row for account in accounts for row in check_mix(store, account, now)),
            *check_plugins(plugins),
            *check_alerts(store),
        )
    )


def check_source(source: SourceStanding, now: datetime) -> Check:
    """How a source stands: switched off, never synced, in trouble, stale or fresh, and how many items it has."""
    label, good = f"source {source.name}", source.record.last_good_at
    if not source.running or source.entry is None:
        return Check(label, Status.HEALTHY, "is switched off", f"Switch it on: storyline sources resume {source.name}")
    if source.trouble:
        worst = source.trouble[0]
        return Check(label, Status.UNHEALTHY, "; ".join((_items(source), *_trouble(source))), worst.remedy)
    if source.failed is not None:
        message = f"{_items(source)}; the last sync failed: {source.failed.error}"
        return Check(label, Status.UNHEALTHY, message, f"See whether it still does: storyline sync {source.name}")
    if good is None:
        return Check(label, Status.UNHEALTHY, "has never been synced", f"storyline sync {source.name}")
    age = now - good
    if age > stale_after(source.entry.sync_interval, watched=source.watched):
        message = f"{_items(source)}; the last good sync was {spoken(age)} ago"
        return Check(label, Status.DEGRADED, message, f"See what is wrong: storyline sync {source.name}")
    return Check(label, Status.HEALTHY, "; ".join((_items(source), f"synced {spoken(age)} ago", *_watched(source))))


def check_unknown(store: Store, source: SourceStanding, now: datetime) -> list[Check]:
    """Items of which nobody has known for a week whether they are still there."""
    if not source.running:
        return []
    with store.read() as unit:
        count = unit.library.unknown_since(source.name, now - UNKNOWN_FOR)
    if not count:
        return []
    message = f"for {spoken(UNKNOWN_FOR)} nobody could see whether {counted(count, 'item')} of it still stand"
    remedy = f"Let Storyline read every folder; which it cannot: storyline sync {source.name} --dry-run"
    return [Check(f"source {source.name}", Status.DEGRADED, message + ("s" if count == 1 else ""), remedy)]


def _items(source: SourceStanding) -> str:
    counts = source.counts
    return counted(counts.alive, "item") + (f", {counts.broken} broken" if counts.broken else "")


def _trouble(source: SourceStanding) -> Iterator[str]:
    for alert in source.trouble:
        yield "its removals are held back" if alert.key.endswith("/held") else "it cannot be looked at"
    if source.record.last_good_at is None:
        yield "it has never been synced well"


def _watched(source: SourceStanding) -> Iterator[str]:
    if source.watched:
        yield "followed as it changes"
    elif source.unwatched_because:
        yield f"not followed as it changes: {source.unwatched_because}"
