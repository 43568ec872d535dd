"""How sources stand: what their rounds depend on, and what is told of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

import attrs

from storyline_core.rounds import Rhythm, jitter_of
from storyline_core.settings import SourceEntry
from storyline_core.steps.watching import watch_of
from storyline_core.store import AlertRecord, Run, RunStatus, SourceCounts, SourceRecord, Store


@attrs.frozen
class SourceStanding:
    """One source, for people. `entry` is None for one that is in no settings any more but still has items.

    `watched` tells whether some process follows its changes just now, `trouble` are the open alerts about it.
    """

    name: str
    entry: SourceEntry | None
    record: SourceRecord
    counts: SourceCounts
    last_run: Run | None
    watched: bool
    trouble: tuple[AlertRecord, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it is in the settings and switched on there and at run time."""
        return self.entry is not None and self.entry.enabled and not self.record.paused

    @property
    def failed(self) -> Run | None:
        """Its last sync, if that failed and none has gone well since."""
        run, good = self.last_run, self.record.last_good_at
        if run is None or run.status is not RunStatus.FAILED:
            return None
        return run if good is None or (run.completed_at or run.started_at) > good else None

    @property
    def unwatched_because(self) -> str:
        """Why it is not followed as it changes although the settings ask for it; "" when it is, or need not be."""
        wanted = self.running and self.entry is not None and self.entry.watch and not self.watched
        return (self.record.unwatched_because or "") if wanted else ""


def rhythm_of(
    store: Store, entry: SourceEntry, zone: tzinfo, now: datetime, unseen: bool, round_at: datetime | None
) -> Rhythm:
    """What the rounds of a source depend on just now."""
    with store.read() as unit:
        record = unit.sources.get(entry.name)
        watched = any(lease.subject == watch_of(entry.name) for lease in unit.leases.held(now))
    rounds = [at for at in (record.last_full_at, round_at) if at is not None]
    return Rhythm(
        interval=entry.sync_interval,
        watched=watched,
        resting=not entry.enabled or record.paused,
        unseen=unseen,
        tried_at=record.last_tried_at,
        round_at=max(rounds, default=None),
        checked_at=record.last_checked_at,
        jitter=jitter_of(entry.name),
        zone=zone,
    )


def stand_of_sources(store: Store, entries: Mapping[str, SourceEntry], now: datetime) -> tuple[SourceStanding, ...]:
    """How every source stands: the configured ones, then those that are only remembered."""
    with store.read() as unit:
        counts = unit.library.counts_by_source()
        followed = {lease.subject for lease in unit.leases.held(now)}
        alerts = unit.alerts.open()
        left = sorted(name for name in {*unit.sources.names(), *counts} - {*entries} if name in counts)
        return tuple(
            SourceStanding(
                name=name,
                entry=entries.get(name),
                record=unit.sources.get(name),
                counts=counts.get(name) or SourceCounts(),
                last_run=unit.runs.last("sync", name),
                watched=watch_of(name) in followed,
                trouble=tuple(alert for alert in alerts if alert.key.startswith(f"source/{name}/")),
            )
            for name in (*entries, *left)
        )
