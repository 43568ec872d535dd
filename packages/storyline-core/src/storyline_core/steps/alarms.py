"""Alarms: what people should know of an account, told once, repeated sparsely, taken back when it is mended.

Also what stops an account's line and lets it go on, which is where most of it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from storyline_core.accounts import Account
from storyline_core.errors import NeedsPerson, PluginFault, Unavailable
from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.posts import Post
from storyline_core.redaction import scrub
from storyline_core.steps.line import Line, guarded
from storyline_core.store import AlertRecord

log = logging.getLogger("storyline")

STOPPED_FOR = timedelta(minutes=1)
"""How long a line stands still after a service did not answer and did not say when it will."""

STOPPED_FOR_PERSON = timedelta(minutes=15)
"""How long a line that needs a person stands still before it looks again."""

REPEATED_AFTER = timedelta(days=1)
"""When an alert that stays open is told again; each further time after twice as long."""

LONGEST_SILENCE = timedelta(days=8)
"""After how long an open alert is told again at the latest."""


class Side(StrEnum):
    """On which side of a line something went wrong: where it meets its team, or where it publishes."""

    TEAM = "notifier"
    OUTLET = "publisher"


def stop_line(line: Line, side: Side, error: PluginFault, now: datetime) -> None:
    """Let the account's posts wait until a service answers again, and tell somebody if only a person can mend it."""
    pause = STOPPED_FOR_PERSON if isinstance(error, NeedsPerson) else STOPPED_FOR
    if isinstance(error, Unavailable) and error.retry_after is not None:
        pause = error.retry_after
    why = scrub(str(error))
    with line.store.begin() as unit:
        unit.accounts.save(line.account.name, stopped_until=now + pause, stopped_why=why)
    if isinstance(error, NeedsPerson):
        text = f"{line.account.name}: {why}"
        raise_alert(line, _needs_person(line, side), AlertLevel.ERROR, text, error.remedy, now)


def line_runs(line: Line, side: Side, now: datetime) -> None:
    """A service answered: the line goes on, and what was told of this side is over. The other side is not mended."""
    key = _needs_person(line, side)
    with line.store.read() as unit:
        stood = unit.accounts.state(line.account.name).stopped_until is not None
        told = _is_open(unit.alerts.last(key))
    if stood:
        with line.store.begin() as unit:
            unit.accounts.save(line.account.name, stopped_until=None, stopped_why="")
    if told:
        clear_alert(line, key, now)


def _needs_person(line: Line, side: Side) -> str:
    return f"needs-person/{line.account.name}/{side}"


def _is_open(alert: AlertRecord | None) -> bool:
    return alert is not None and alert.cleared_at is None


def raise_alert(line: Line, key: str, level: AlertLevel, text: str, remedy: str, now: datetime) -> None:
    """Record an alert, and tell it once through the account's notifier."""
    # The words of an error that needs a person end with the remedy; nobody should be told it twice.
    text = text.removesuffix(remedy).rstrip()
    with line.store.begin() as unit:
        new = unit.alerts.raise_(key, level=level, text=text, remedy=remedy, at=now)
    told = new and _told(line, Alert(key=key, level=level, text=text, remedy=remedy), now)
    urgent = logging.ERROR if level in (AlertLevel.ERROR, AlertLevel.CRITICAL) else logging.WARNING
    # What was told before is no news in every turn.
    log.log((logging.INFO if told else urgent) if new else logging.DEBUG, "%s %s", text, remedy)


def clear_alert(line: Line, key: str, now: datetime) -> None:
    """Record that what an alert told is mended, and say so once to whoever was told of it."""
    with line.store.read() as unit:
        alert = unit.alerts.last(key)
    if alert is None or not _is_open(alert):
        return
    with line.store.begin() as unit:
        cleared = unit.alerts.clear(key, at=now)
    if cleared and alert.times_told:
        _tell(line, Alert(key=key, level=AlertLevel.INFO, text=alert.text, cleared=True))


def close_alerts(line: Line, now: datetime, which: Callable[[str], bool]) -> None:
    """Close open alerts by their keys, without telling anybody: something better has been told since."""
    with line.store.read() as unit:
        over = [alert.key for alert in unit.alerts.open() if which(alert.key)]
    if over:
        with line.store.begin() as unit:
            for key in over:
                unit.alerts.clear(key, at=now)


def alert_of(topic: str, post: Post) -> str:
    """The key of an alert about one post."""
    return f"{topic}/{post.account}/{post.id}"


def close_alerts_of(line: Line, post: Post, now: datetime) -> None:
    """Close what was told about one post, since something has become of it."""
    keys = {alert_of(topic, post) for topic in ("uncertain", "unanswered", "failed")}
    close_alerts(line, now, keys.__contains__)


def repeat_alerts(line: Line, now: datetime) -> None:
    """Tell again what was open before now, ever more sparsely; and at last what nobody could be told at the time."""
    if line.notifier is None or line.account.dry_run:
        return
    with line.store.read() as unit:
        due = [alert for alert in unit.alerts.open() if concerns(line.account, alert.key) and _due(alert, now)]
    for alert in due:
        if not _told(line, alert.alert, now):
            break


def concerns(account: Account, key: str) -> bool:
    """Whether an alert of this key is about this account or one of its sources."""
    topic, _, rest = key.partition("/")
    subject = rest.partition("/")[0]
    return subject in account.sources if topic == "source" else subject == account.name


def _due(alert: AlertRecord, now: datetime) -> bool:
    if alert.told_at is None:
        return alert.raised_at < now
    doubled: int = 1 << min(alert.times_told - 1, 8)
    return now >= alert.told_at + min(REPEATED_AFTER * doubled, LONGEST_SILENCE)


def _told(line: Line, alert: Alert, now: datetime) -> bool:
    if not _tell(line, alert):
        return False
    with line.store.begin() as unit:
        unit.alerts.mark_told(alert.key, at=now)
    return True


def _tell(line: Line, alert: Alert) -> bool:
    notifier = line.notifier
    # An account that only rehearses contacts nobody.
    if notifier is None or line.account.dry_run:
        return False
    try:
        guarded(lambda: notifier.alert(alert), "The notifier's alert", otherwise=Unavailable)
    except PluginFault as error:
        log.warning("An alert could not be told: %s", scrub(str(error)))
        return False
    return True
