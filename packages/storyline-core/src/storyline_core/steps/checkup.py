"""Checkup: everything that must work, looked at in one go; and how each source stands, as a row of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import attrs

from storyline_core.accounts import Account
from storyline_core.health import Check, Figure, Health, Status, counted, spoken
from storyline_core.plugins import Plugins
from storyline_core.rounds import stale_after
from storyline_core.settings import Settings
from storyline_core.steps.check import (
    Probe,
    check_account,
    check_alerts,
    check_channels,
    check_mix,
    check_plugins,
    check_posts,
    check_probe,
    check_stock,
)
from storyline_core.steps.keys import check_keys
from storyline_core.steps.machine import look_at_backups, look_at_clocks, look_at_disks, this_host
from storyline_core.steps.standing import SourceStanding, stand_of_sources
from storyline_core.store import PUT_BACK, Store
from storyline_core.vitals import check_workers

UNKNOWN_FOR = timedelta(days=7)
"""After how long items that can neither be seen nor be called gone are worth a warning."""


def look_at_all(
    store: Store, settings: Settings, plugins: Plugins, answers: Iterable[Check], clock: Callable[[], datetime]
) -> Health:
    """Every check there is. Disturbs nobody. `answers` are the rows of the notifiers and publishers (`ask`)."""
    if store.lost():
        # Whatever else it holds is no longer so, and nothing of it can be mended before the file is back.
        return Health((*check_database(store), *answers))
    now = clock()
    sources = [each for each in stand_of_sources(store, settings.sources, now) if each.entry is not None]
    resting = frozenset(each.name for each in sources if not each.running)
    rows = (
        *check_database(store),
        *(check_source(each, now) for each in sources),
        *(row for each in sources for row in check_unknown(store, each, now)),
        *answers,
        *(row for account in settings.accounts.values() for row in _about(store, account, resting, now)),
        *look_at_disks(store, settings, this_host()),
        look_at_backups(store, settings, now),
        look_at_clocks(store, clock, now),
        *_workers(store, now),
        check_keys(store, settings, this_host()),
        *check_plugins(plugins),
        *check_channels(store, settings, now),
    )
    shown = frozenset(row.alert for row in rows if row.alert and row.status is not Status.HEALTHY)
    return Health((*rows, *check_alerts(store, shown)))


def ask(probes: Iterable[Probe]) -> tuple[Check, ...]:
    """Ask opened things whether they work; a row each."""
    return tuple(check_probe(probe) for probe in probes)


def check_database(store: Store) -> tuple[Check, ...]:
    """Whether the database answers, and whether its tables are those that this Storyline needs.

    One whose file was removed or replaced is nothing but lost. An embedded one without any row may stand where another
    one is missed.
    """
    if store.lost():
        message = f"{store.place} was removed or replaced while Storyline works; what is written now would be lost"
        return (Check("database", Status.UNHEALTHY, message, PUT_BACK),)
    schema = store.schema()
    level = Check("migrations", Status.HEALTHY, f"the tables have version {schema.current}")
    if not schema.level:
        message = f"the tables have version {schema.current or 'none'}; this Storyline needs {schema.head}"
        level = Check("migrations", Status.UNHEALTHY, message, "Make a backup, then run: storyline db upgrade")
    if store.file is not None and schema.level and _is_empty(store):
        remedy = "Begin with: storyline sync. If there was one here before, put its file back or restore a backup."
        return Check("database", Status.DEGRADED, f"{store.place} holds nothing yet", remedy), level
    return Check("database", Status.HEALTHY, store.place), level


def _is_empty(store: Store) -> bool:
    with store.read() as unit:
        used = unit.numbers.known_since() is not None
    return not used and not store.holds_rows()


def _about(store: Store, account: Account, resting: frozenset[str], now: datetime) -> Iterator[Check]:
    yield check_account(store, account, now)
    yield from check_posts(store, account, now)
    yield check_stock(store, account, resting, now)
    yield from check_mix(store, account, now)


def _workers(store: Store, now: datetime) -> list[Check]:
    with store.read() as unit:
        return check_workers(unit.workers.all(), now)


def check_source(source: SourceStanding, now: datetime) -> Check:
    """How a source stands, with the figures behind it.

    Whatever keeps it from being looked at is told by the sync itself; that nobody looks at it any more is told here.
    """
    good = source.record.last_good_at
    figures = [
        Figure("source_items", count, {"source": source.name, "state": state})
        for state, count in (
            ("alive", source.counts.alive),
            ("removed", source.counts.removed),
            ("broken", source.counts.broken),
        )
    ]
    if good is not None:
        age = max((now - good).total_seconds(), 0.0)
        figures.append(Figure("source_sync_age_seconds", age, {"source": source.name}))
    row = _check_source(source, now)
    return attrs.evolve(row, figures=tuple(figures))


def _check_source(source: SourceStanding, now: datetime) -> Check:
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
        remedy = f"See what is wrong: storyline sync {source.name}"
        return Check(label, Status.DEGRADED, message, remedy, f"health/source/{source.name}")
    message = "; ".join((_items(source), f"synced {spoken(age)} ago", *_watched(source)))
    return Check(label, Status.HEALTHY, message, "", f"health/source/{source.name}")


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
