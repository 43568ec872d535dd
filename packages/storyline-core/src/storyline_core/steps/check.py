"""Check: look at everything that must work, and say in one row each whether it does and what to do if not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from storyline_core.accounts import Account, slots_between
from storyline_core.errors import NeedsPerson, PluginFault, StorylineError, Unavailable
from storyline_core.health import Check, Figure, Status, counted, spoken
from storyline_core.interfaces import AlertLevel
from storyline_core.plugins import Plugins
from storyline_core.redaction import scrub
from storyline_core.selection import FOR_EVER
from storyline_core.settings import Settings
from storyline_core.steps.line import guarded, stopped_because
from storyline_core.store import Store
from storyline_core.vitals import (
    QUIET_FOR,
    LineNumbers,
    check_outcomes,
    check_pool,
    check_queue,
    check_uncertain,
    is_quiet,
    pool_days,
)


@attrs.frozen
class Probe:
    """One opened thing that can be asked whether it works: its name, and the question.

    `vital`: posting depends on it. What only tells alerts is not worth an alarm of its own.
    """

    name: str
    ask: Callable[[], str]
    vital: bool = True


def check_probe(probe: Probe) -> Check:
    """Ask one thing, and turn its answer or its error into a row."""
    bad = Status.UNHEALTHY if probe.vital else Status.DEGRADED
    try:
        return Check(probe.name, Status.HEALTHY, guarded(probe.ask, probe.name, otherwise=Unavailable))
    except NeedsPerson as error:
        return Check(probe.name, bad, scrub(str(error)), error.remedy)
    except PluginFault as error:
        return Check(probe.name, bad, scrub(str(error)), "It is tried again by itself.")
    except StorylineError as error:
        return Check(probe.name, bad, scrub(str(error)))


def check_account(store: Store, account: Account, now: datetime) -> Check:
    """Whether an account posts: whether its line runs, and that it did not fall silent."""
    label, alert = f"account {account.name}", f"health/quiet/{account.name}"
    with store.read() as unit:
        state = unit.accounts.state(account.name)
        numbers = unit.numbers.of_account(account.name, now)
    last, figures = numbers.last_posted_at, _posted_age(account, numbers, now)
    # What stops a line has been told with what to do; nobody need hear as well that nothing is posted.
    if why := stopped_because(state, now):
        remedy = f"storyline resume --account {account.name}" if state.paused else "It is tried again by itself."
        return Check(label, Status.DEGRADED, f"its line stands still: {why}", remedy, "", figures)
    posted = f"last posted {spoken(now - last)} ago" if last is not None else "has posted nothing yet"
    begun = state.slots_from
    slots = [slot.at for slot in slots_between(account, max(now - QUIET_FOR, begun), now)] if begun else []
    if not account.dry_run and is_quiet(last, slots, now, account.grace):
        message = f"nothing was posted for a day; {posted}"
        return Check(label, Status.DEGRADED, message, f"Why: storyline queue list; {_history(account)}", alert, figures)
    dry = "; a rehearsal: dry_run is set" if account.dry_run else ""
    return Check(label, Status.HEALTHY, posted + dry, "", alert, figures)


def _history(account: Account) -> str:
    return f"storyline history --account {account.name}"


def _posted_age(account: Account, numbers: LineNumbers, now: datetime) -> tuple[Figure, ...]:
    if numbers.last_posted_at is None:
        return ()
    age = max((now - numbers.last_posted_at).total_seconds(), 0.0)
    return (Figure("last_posted_age_seconds", age, {"account": account.name}),)


def check_posts(store: Store, account: Account, now: datetime) -> list[Check]:
    """How the posts of an account stand: those that wait, and what became of those of the last days."""
    with store.read() as unit:
        numbers = unit.numbers.of_account(account.name, now)
    name = account.name
    return [check_queue(name, numbers, now), *check_uncertain(name, numbers), check_outcomes(name, numbers)]


def check_stock(store: Store, account: Account, resting: frozenset[str], now: datetime) -> Check:
    """How much can be posted, and for how long that lasts. Twins are one: a posted one rests with the others."""
    sources = tuple(source for source in account.sources if source not in resting)
    with store.read() as unit:
        found = unit.library.candidates(
            attrs.evolve(account, sources=sources), now, need_no_interaction=account.notifier is None
        )
    held: dict[object, datetime] = {}
    for each in found:
        if not each.waiting:
            held[each.digest or each.item_id] = max(each.held_until or now, now)
    free = sum(until <= now for until in held.values())
    returns = [until for until in held.values() if now < until < FOR_EVER]
    days = pool_days(free, returns, account.schedule.posts_per_day, account.cooldown_posted, now)
    return check_pool(account.name, free, days)


def in_short(store: Store, account: Account, resting: frozenset[str], now: datetime) -> str:
    """How an account stands, in one line."""
    rows = (
        check_account(store, account, now),
        check_posts(store, account, now)[0],
        check_stock(store, account, resting, now),
    )
    return "; ".join(row.message for row in rows)


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


def check_alerts(store: Store, shown: frozenset[str]) -> list[Check]:
    """What has been told and is not mended yet, but for what other rows show already (by its key)."""
    with store.read() as unit:
        alerts = unit.alerts.open()
        counts = unit.numbers.open_alerts()
    figures = tuple(Figure("alerts_open", counts.get(level.value, 0), {"level": level.value}) for level in AlertLevel)
    serious = (AlertLevel.ERROR, AlertLevel.CRITICAL)
    rows = [
        Check("alert", Status.UNHEALTHY if each.level in serious else Status.DEGRADED, each.text, each.remedy)
        for each in alerts
        if each.key not in shown and each.level is not AlertLevel.INFO
    ]
    return [Check("alerts", Status.HEALTHY, f"{len(alerts) or 'none'} open", "", "", figures), *rows]


def check_channels(store: Store, settings: Settings, now: datetime) -> list[Check]:
    """The channels that cannot be told of alerts just now."""
    with store.read() as unit:
        records = [unit.tellings.channel(name) for name in settings.notifiers]
    return [
        Check(
            f"alerts to {each.name}",
            Status.DEGRADED,
            f"not told {counted(each.failures, 'time')} in a row: {each.trouble}",
            "What is still open then is told when it answers again. Try it: storyline check",
        )
        for each in records
        if each.failures
    ]
