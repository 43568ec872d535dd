"""The courier: tells every channel of the alerts that are its to know, each exactly as long as it answers.

A channel is a notifier: one that `[alerts]` names hears of every alert from its level on, and the one of an account
also hears of what `check` found. What an account's own line tells it (`steps.alarms`) is not told twice. A channel
that fails is left alone for a while, longer each time; what is still open then is told when it answers again, and
what is over by then never was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import attrs

from storyline_core.errors import Busy, PluginFault, Unavailable
from storyline_core.interfaces import AlertLevel, Notifier
from storyline_core.redaction import scrub
from storyline_core.settings import Settings
from storyline_core.steps.alarms import concerns, is_outward, told_again_at
from storyline_core.steps.line import guarded
from storyline_core.steps.tenure import Tenure
from storyline_core.store import ChannelRecord, Store, Telling

log = logging.getLogger("storyline")

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
"""How long a channel that failed is left alone: at first, and at most."""

AT_ONCE = 20
"""How many messages one channel gets in one round; the rest waits for the next."""

MOST_WORDS = 200
_ORDER = tuple(AlertLevel)


@attrs.frozen
class Round:
    """What one round came to: how many messages each channel took, and what kept others from it."""

    told: dict[str, int] = attrs.field(factory=dict)
    troubles: dict[str, str] = attrs.field(factory=dict)


def tell_channels(
    store: Store,
    settings: Settings,
    opening: Callable[[str], Notifier],
    clock: Callable[[], datetime],
    holder: str,
    stop: Callable[[], bool] = lambda: False,
) -> Round:
    """One round over every channel that there is something to tell. For one process at a time, per channel."""
    done = Round()
    for name in channels_of(settings):
        if stop():
            break
        due = _due(store, settings, name, clock())
        if not due:
            continue
        try:
            tenure = Tenure(store, clock, f"alerts/{name}", holder, clock())
        except Busy:
            continue
        try:
            _tell(store, settings, name, opening, clock, _while_ours(tenure, stop), done)
        finally:
            tenure.end()
    return done


def channels_of(settings: Settings) -> tuple[str, ...]:
    """The notifiers that may have something to hear from the courier."""
    serving = (each.notifier for each in settings.accounts.values() if each.notifier is not None and not each.dry_run)
    return tuple(dict.fromkeys((*settings.alerts.notifiers, *serving)))


def wants(settings: Settings, channel: str, key: str, level: AlertLevel) -> bool:
    """Whether the courier tells this channel of an alert of this key and level."""
    about = [account for account in settings.accounts.values() if concerns(account, key)]
    # An account that only rehearses contacts nobody.
    if about and all(account.dry_run for account in about):
        return False
    serves = any(account.notifier == channel and not account.dry_run for account in about)
    if serves and not is_outward(key):
        return False
    alerts = settings.alerts
    if channel in alerts.notifiers:
        return _ORDER.index(level) >= _ORDER.index(alerts.levels.get(channel, alerts.level))
    return serves and level is not AlertLevel.INFO


def _due(store: Store, settings: Settings, channel: str, now: datetime) -> list[Telling]:
    with store.read() as unit:
        record = unit.tellings.channel(channel)
        if record.rests_until is not None and now < record.rests_until <= now + 2 * LONGEST_REST:
            return []
        pending = unit.tellings.pending(channel)
    return [each for each in pending if _is_due(settings, channel, each, now)]


def _is_due(settings: Settings, channel: str, telling: Telling, now: datetime) -> bool:
    alert = telling.alert
    if alert.cleared_at is not None:
        return True
    if not wants(settings, channel, alert.key, alert.level):
        return False
    return telling.told_at is None or now >= told_again_at(telling.told_at, telling.times_told)


def _while_ours(tenure: Tenure, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Stop as well when another process has taken over, since this one was slow; kept ours as long as we ask."""

    def stops() -> bool:
        try:
            tenure.keep()
        except Busy:
            return True
        return stop()

    return stops


def _tell(
    store: Store,
    settings: Settings,
    channel: str,
    opening: Callable[[str], Notifier],
    clock: Callable[[], datetime],
    stop: Callable[[], bool],
    done: Round,
) -> None:
    """Tell one channel what is due, message by message, until it fails."""
    # Read again: another process may have told it just before this one took over.
    for telling in _due(store, settings, channel, clock())[:AT_ONCE]:
        if stop():
            return
        try:
            guarded(partial(_say, opening, channel, telling), f"Telling {channel}", otherwise=Unavailable)
        except PluginFault as fault:
            done.troubles[channel] = _rest(store, channel, fault, clock())
            return
        with store.begin() as unit:
            unit.tellings.mark(channel, telling.alert, clock())
            if unit.tellings.channel(channel).failures:
                unit.tellings.save_channel(ChannelRecord(channel))
        done.told[channel] = done.told.get(channel, 0) + 1


def _say(opening: Callable[[str], Notifier], channel: str, telling: Telling) -> None:
    opening(channel).alert(telling.alert.alert)


def _rest(store: Store, channel: str, fault: PluginFault, now: datetime) -> str:
    """Leave a channel alone for a while; why, in words for the log."""
    trouble = scrub(str(fault), limit=MOST_WORDS)
    with store.begin() as unit:
        failures = unit.tellings.channel(channel).failures + 1
        rest = min(FIRST_REST * (1 << min(failures - 1, 8)), LONGEST_REST)
        if isinstance(fault, Unavailable) and fault.retry_after is not None:
            rest = min(max(rest, fault.retry_after), LONGEST_REST)
        unit.tellings.save_channel(ChannelRecord(channel, failures, now + rest, trouble))
    log.log(logging.WARNING if failures == 1 else logging.DEBUG, "Alerts to %s wait: %s", channel, trouble)
    return trouble
