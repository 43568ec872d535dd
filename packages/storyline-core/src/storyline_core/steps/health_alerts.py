"""Alerts for what `check` finds: raised once when a row stays bad, cleared when it stays good, quiet in between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from storyline_core.health import Check, Health, Status, host_of, worst
from storyline_core.interfaces import AlertLevel
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import LONGEST_SILENCE, is_of_check
from storyline_core.store import AlertRecord, Store
from storyline_core.vitals import host_of_worker

BAD_FOR = timedelta(minutes=10)
"""How long a row must be bad without a break before anybody is told."""

GOOD_FOR = timedelta(minutes=30)
"""How long it must be good without a break before it counts as mended."""

_ORDER = tuple(AlertLevel)
_LEVELS = {Status.DEGRADED: AlertLevel.WARNING, Status.UNHEALTHY: AlertLevel.ERROR}


@attrs.frozen
class Changing:
    """Since when what is seen differs from what was told, by the key of the alert. Nothing is lost with it."""

    since: Mapping[str, datetime] = attrs.field(factory=dict)


@attrs.frozen
class Verdict:
    """What is to be raised and cleared now, and what is still being watched."""

    raised: Mapping[str, Check]
    cleared: frozenset[str]
    changing: Changing


def judge(health: Health, told: frozenset[str], changing: Changing, now: datetime) -> Verdict:
    """What a look means, given the keys that are told (and open) and since when others differ from that.

    A row that is gone counts as good: what it was about is configured no more. One that is told and still bad is
    brought up to date. A clock that was set back begins anew.
    """
    bad = _by_key(health)
    since: dict[str, datetime] = {}
    raised: dict[str, Check] = {key: row for key, row in bad.items() if key in told}
    cleared: set[str] = set()
    for key in bad.keys() ^ told:
        begun = changing.since.get(key, now)
        since[key] = min(begun, now)
        if now - since[key] >= (BAD_FOR if key in bad else GOOD_FOR):
            del since[key]
            if key in bad:
                raised[key] = bad[key]
            else:
                cleared.add(key)
    return Verdict(raised, frozenset(cleared), Changing(since))


def _by_key(health: Health) -> dict[str, Check]:
    """The bad rows by the keys of their alerts; those that share one are told together."""
    bad: dict[str, Check] = {}
    for row in health.checks:
        if not row.alert or row.status is Status.HEALTHY:
            continue
        before = bad.get(row.alert)
        text = f"{row.name}: {row.message}"
        bad[row.alert] = (
            attrs.evolve(row, message=text)
            if before is None
            else attrs.evolve(before, message=f"{before.message}; {text}", status=worst(before.status, row.status))
        )
    return bad


def raise_for(store: Store, health: Health, changing: Changing, now: datetime, *, here: str = "") -> Changing:
    """Raise and clear alerts by what was found; who is told of them is the courier's business (`steps.outward`).

    Give back what it returns with the next look. Several processes may do so at once, on several machines: what is
    about another machine than `here` is left to it, as long as it is heard of.
    """
    with store.read() as unit:
        others = {host_of_worker(each.name) for each in unit.workers.all()} - {here}
        open_now = {
            alert.key: alert
            for alert in unit.alerts.open()
            if is_of_check(alert.key) and host_of(alert.key) not in others
        }
    verdict = judge(health, frozenset(open_now), changing, now)
    news = {key: row for key, row in verdict.raised.items() if not _says(open_now, key, row)}
    if news or verdict.cleared:
        with store.begin() as unit:
            for key, row in news.items():
                if key in open_now:
                    unit.tellings.urge(key, now - LONGEST_SILENCE)
                text = f"{scrub(row.message)}."
                unit.alerts.raise_(key, level=_LEVELS[row.status], text=text, remedy=row.remedy, at=now)
            for key in verdict.cleared:
                unit.alerts.clear(key, at=now)
    return verdict.changing


def _says(open_now: Mapping[str, AlertRecord], key: str, row: Check) -> bool:
    """Whether the open alert is as urgent as the row; that its numbers have moved on is not worth writing down.

    Nor is that it is less bad again: it is open until it is good, and to and fro is told once.
    """
    return key in open_now and _ORDER.index(open_now[key].level) >= _ORDER.index(_LEVELS[row.status])
