"""Check: look at everything that must work, and say in one row each whether it does and what to do if not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core.accounts import Account
from storyline_core.errors import NeedsPerson, PluginFault, StorylineError, Unavailable
from storyline_core.plugins import Plugins
from storyline_core.redaction import scrub
from storyline_core.steps.line import guarded, stopped_because
from storyline_core.store import Store

MOST_WAITING = 50
"""More posts than this waiting in one account are worth a warning."""


class Status(StrEnum):
    """How well something is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@attrs.frozen
class Check:
    """One thing that was looked at, and what to do about it."""

    name: str
    status: Status
    message: str
    remedy: str = ""


@attrs.frozen
class Health:
    """All checks; as well as the worst of them."""

    checks: tuple[Check, ...]

    @property
    def status(self) -> Status:
        """The worst status among the checks."""
        order = (Status.UNHEALTHY, Status.DEGRADED)
        return next((each for each in order if any(check.status is each for check in self.checks)), Status.HEALTHY)


@attrs.frozen
class Probe:
    """One opened thing that can be asked whether it works: its name, and the question."""

    name: str
    ask: Callable[[], str]


def check_probe(probe: Probe) -> Check:
    """Ask one thing, and turn its answer or its error into a row."""
    try:
        return Check(probe.name, Status.HEALTHY, guarded(probe.ask, probe.name, otherwise=Unavailable))
    except NeedsPerson as error:
        return Check(probe.name, Status.UNHEALTHY, scrub(str(error)), error.remedy)
    except PluginFault as error:
        return Check(probe.name, Status.UNHEALTHY, scrub(str(error)), "It is tried again by itself.")
    except StorylineError as error:
        return Check(probe.name, Status.UNHEALTHY, scrub(str(error)))


def check_account(store: Store, account: Account, resting: frozenset[str], now: datetime) -> Check:
    """How an account stands: its line, its queue, and for how long its pool lasts."""
    label = f"account {account.name}"
    with store.read() as unit:
        state = unit.accounts.state(account.name)
        waiting = len(unit.queue.unsettled(account.name))
        sources = tuple(source for source in account.sources if source not in resting)
        candidates = unit.library.candidates(
            attrs.evolve(account, sources=sources), now, need_no_interaction=account.notifier is None
        )
    if why := stopped_because(state, now):
        remedy = f"storyline resume --account {account.name}" if state.paused else "It is tried again by itself."
        return Check(label, Status.DEGRADED, f"its line stands still: {why}", remedy)
    free = sum(1 for each in candidates if not each.waiting and (each.held_until is None or each.held_until <= now))
    days = free / account.schedule.posts_per_day
    lasting = "less than a day" if 0 < days < 1 else counted(int(days), "day")
    message = f"{waiting} waiting; {counted(free, 'item')} can be posted, enough for {lasting}"
    if waiting > MOST_WAITING:
        return Check(label, Status.DEGRADED, message, "Decide what waits: storyline queue list")
    if not free:
        return Check(label, Status.DEGRADED, message, "Add pictures, or release holds: storyline media holds")
    return Check(label, Status.HEALTHY, message)


def check_mix(store: Store, account: Account, now: datetime) -> list[Check]:
    """Categories that the mix leaves out although they have items, and those it asks for that have none."""
    if not account.mix.weights:
        return []
    with store.read() as unit:
        stock: Mapping[str, int] = unit.library.stock(account.sources)
    left_out = sorted(category or "(root)" for category in stock if category not in account.mix.weights)
    empty = sorted(category for category in account.mix.weights if not stock.get(category))
    label = f"mix of {account.name}"
    rows = []
    if left_out:
        rows.append(
            Check(
                label,
                Status.DEGRADED,
                f"never posted, since not in the mix: {', '.join(left_out)}",
                f"Add them to [accounts.{account.name}] mix, or leave it so.",
            )
        )
    if empty:
        rows.append(
            Check(
                label,
                Status.DEGRADED,
                f"asked for but empty: {', '.join(empty)}",
                "Add pictures to these folders, or take them out of the mix.",
            )
        )
    return rows


def check_plugins(plugins: Plugins) -> list[Check]:
    """What is installed but cannot be used. It stops nothing as long as no settings ask for it."""
    return [Check(f"plugin {each.package}", Status.DEGRADED, each.why) for each in plugins.broken]


def check_alerts(store: Store) -> list[Check]:
    """What has been told and is not mended yet."""
    with store.read() as unit:
        alerts = unit.alerts.open()
    return [
        Check("alert", Status.UNHEALTHY if each.level == "error" else Status.DEGRADED, each.text, each.remedy)
        for each in alerts
    ]


def counted(count: int, thing: str) -> str:
    """So many of a thing: `1 item`, `3 items`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def spoken(age: timedelta) -> str:
    """A length of time as people say it: `40 s`, `12 min`, `5 h`, `3 days`."""
    seconds = int(age.total_seconds())
    for size, unit in ((86_400 * 2, "days"), (3_600 * 2, "h"), (120, "min")):
        if seconds >= size:
            length = {"days": 86_400, "h": 3_600, "min": 60}[unit]
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
