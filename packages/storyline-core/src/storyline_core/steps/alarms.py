"""Alarms: what people should know of an account, told once, repeated sparsely, taken back when it is mended.

Also what stops an account's line and lets it go on, which is where most of it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import attrs

from storyline_core.accounts import Account
from storyline_core.errors import Busy, NeedsPerson, PluginFault, Unavailable
from storyline_core.interfaces import Alert, AlertLevel
from storyline_core.posts import Post
from storyline_core.redaction import scrub
from storyline_core.steps.line import Line, guarded
from storyline_core.steps.tenure import Tenure
from storyline_core.store import AlertRecord, Telling, Unit

log = logging.getLogger("storyline")

STOPPED_FOR = timedelta(minutes=1)
"""How long a line stands still after a service did not answer and did not say when it will."""

STOPPED_FOR_PERSON = timedelta(minutes=15)
"""How long a line that needs a person stands still before it looks again."""

REPEATED_AFTER = timedelta(days=1)
"""When an alert that stays open is told again; each further time after twice as long."""

LONGEST_SILENCE = timedelta(days=8)
"""After how long an open alert is told again at the latest."""


_OF_ACCOUNTS = frozenset({"pool", "queue", "quiet"})
"""The rows of `check` that are about one account, as the keys of their alerts name them: `health/pool/main`."""


_OUTWARD = frozenset({"health", "upkeep"})
_NAMED: Mapping[str, Callable[[Account], Collection[str | None]]] = MappingProxyType(
    {
        "sources": lambda account: account.sources,
        "notifiers": lambda account: (account.notifier,),
        "publishers": lambda account: (account.publisher,),
    }
)
"""Which names of an account each topic of what an opened thing says of itself is about."""


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
        ask_person(line, side, error, now)


def ask_person(line: Line, side: Side, error: NeedsPerson, now: datetime) -> None:
    """Tell somebody what only they can mend on this side of the line, unless they know it of one of its sources."""
    if _told_of_source(line, error.remedy):
        log.info("%s waits for what was told of its source: %s", line.account.name, scrub(str(error)))
        return
    text = f"{line.account.name}: {scrub(str(error))}"
    raise_alert(line, _needs_person(line, side), AlertLevel.ERROR, text, error.remedy, now)


def _told_of_source(line: Line, remedy: str) -> bool:
    """Whether an open alert about a source of the account, of which its team heard, asks for the very same."""
    channel = line.account.notifier
    if channel is None or not remedy:
        return False
    ours = {f"source/{source}" for source in line.account.sources}
    with line.store.read() as unit:
        known = [telling.alert for telling in unit.tellings.pending(channel) if telling.times_told]
    return any(
        alert.cleared_at is None and alert.remedy == remedy and alert.key.rpartition("/")[0] in ours for alert in known
    )


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
    """Record an alert, and tell it once through the account's notifier.

    The teams of other accounts that it concerns hear of it in their next turns.
    """
    # The words of an error that needs a person end with the remedy; nobody should be told it twice.
    text = text.removesuffix(remedy).rstrip()
    with line.store.begin() as unit:
        new = record_alert(line, unit, Alert(key=key, level=level, text=text, remedy=remedy), now)
    # One that the team has not heard of yet may have been raised by a process that died over it.
    told = _told(line, key, now, _is_untold)
    urgent = logging.ERROR if level in (AlertLevel.ERROR, AlertLevel.CRITICAL) else logging.WARNING
    # What was told before is no news in every turn.
    log.log((logging.INFO if told else urgent) if new else logging.DEBUG, "%s %s", text, remedy)


def record_alert(line: Line, unit: Unit, alert: Alert, now: datetime) -> bool:
    """Record an alert in the same transaction as what it tells of; it is told later. True when it is new."""
    before = unit.alerts.last(alert.key)
    if before is not None and before.cleared_at is not None and line.account.notifier is not None:
        # That the one before is over is no news any more.
        unit.tellings.silence(line.account.notifier, before, now)
    return unit.alerts.raise_(alert.key, level=alert.level, text=alert.text, remedy=alert.remedy, at=now)


def clear_alert(line: Line, key: str, now: datetime) -> None:
    """Record that what an alert told is mended, and say so once to the team; to others that were told, the courier."""
    with line.store.read() as unit:
        alert = unit.alerts.last(key)
    if alert is None or not _is_open(alert):
        return
    with line.store.begin() as unit:
        cleared = unit.alerts.clear(key, at=now)
    if cleared:
        _told(line, key, now, _is_over)


def close_alerts(line: Line, now: datetime, which: Callable[[str], bool]) -> None:
    """Close open alerts by their keys, without telling anybody: something better has been told since."""
    with line.store.read() as unit:
        over = [alert.key for alert in unit.alerts.open() if which(alert.key)]
    if over:
        with line.store.begin() as unit:
            for key in over:
                unit.alerts.clear(key, at=now)
                if (record := unit.alerts.last(key)) is not None and line.account.notifier is not None:
                    unit.tellings.silence(line.account.notifier, record, now)


def alert_of(topic: str, post: Post) -> str:
    """The key of an alert about one post."""
    return f"{topic}/{post.account}/{post.id}"


def close_alerts_of(line: Line, post: Post, now: datetime) -> None:
    """Close what was told about one post, since something has become of it."""
    keys = {alert_of(topic, post) for topic in ("uncertain", "unanswered", "failed", "rehearsal")}
    close_alerts(line, now, keys.__contains__)


def repeat_alerts(line: Line, now: datetime) -> None:
    """Tell the team again what is open, ever more sparsely; and at last what it could not be told, or others were.

    Each channel has its own count: that one has heard of an alert about a shared source keeps it from no other.
    """
    channel = line.account.notifier
    if channel is None or line.notifier is None or line.account.dry_run:
        return
    with line.store.read() as unit:
        pending = [telling for telling in unit.tellings.pending(channel) if not is_outward(telling.alert.key)]
    for telling in pending:
        if not concerns(line.account, telling.alert.key) or not _due(telling, now):
            continue
        if not _told(line, telling.alert.key, now, _due):
            break


def concerns(account: Account, key: str) -> bool:
    """Whether an alert of this key is about this account or one of its sources, or about what every account needs."""
    if (named := _NAMED.get(key.partition("/")[0])) is not None:
        return key.split("/")[1] in named(account)
    if is_outward(key):
        what, _, name = key.partition("/")[2].partition("/")
        if what in _OF_ACCOUNTS:
            return name == account.name
        return what != "source" or name in account.sources
    topic, _, rest = key.partition("/")
    subject = rest.partition("/")[0]
    return subject in account.sources if topic == "source" else subject == account.name


def is_outward(key: str) -> bool:
    """Whether the courier (`steps.outward`) tells of it, and no account's line.

    That is what `check` found, what opened things say of themselves (`publishers/brand/...`), what upkeep could not do.
    """
    topic = key.partition("/")[0]
    return topic in _OUTWARD or topic in _NAMED


def is_of_check(key: str) -> bool:
    """Whether `check` found it, and so says by itself when it is over."""
    return key.startswith("health/")


def _is_untold(telling: Telling, now: datetime) -> bool:
    return telling.alert.cleared_at is None and not telling.times_told


def _is_over(telling: Telling, now: datetime) -> bool:
    return telling.alert.cleared_at is not None and bool(telling.times_told) and telling.over_told_at is None


def _due(telling: Telling, now: datetime) -> bool:
    if telling.alert.cleared_at is not None:
        return False
    if telling.told_at is None:
        return telling.alert.raised_at < now
    return now >= told_again_at(telling.told_at, telling.times_told)


def told_again_at(told_at: datetime, times_told: int) -> datetime:
    """When an alert that stays open is told again: ever more sparsely."""
    doubled: int = 1 << min(times_told - 1, 8)
    return told_at + min(REPEATED_AFTER * doubled, LONGEST_SILENCE)


def _told(line: Line, key: str, now: datetime, due: Callable[[Telling, datetime], bool]) -> bool:
    """Tell the account's team of the latest alert of this key, if that is still due once nobody else may tell it.

    What cannot be told now is told by the next turn, its end by the courier (`steps.outward`).
    """
    name = line.account.notifier
    if name is None or line.notifier is None or line.account.dry_run or _still_due(line, name, key, now, due) is None:
        return False
    try:
        tenure = Tenure(line.store, line.clock, f"alerts/{name}", line.holder, line.clock())
    except Busy:
        return False
    try:
        record = _still_due(line, name, key, now, due)
        if record is None:
            return False
        said = record.alert
        if said.cleared:
            said = attrs.evolve(said, level=AlertLevel.INFO, remedy="")
        return _tell(line, said) and _noted(line, name, record, now)
    finally:
        tenure.end()


def _still_due(
    line: Line, channel: str, key: str, now: datetime, due: Callable[[Telling, datetime], bool]
) -> AlertRecord | None:
    with line.store.read() as unit:
        record = unit.alerts.last(key)
        return record if record is not None and due(unit.tellings.of(channel, record), now) else None


def _noted(line: Line, channel: str, record: AlertRecord, now: datetime) -> bool:
    with line.store.begin() as unit:
        unit.alerts.mark_told(record.key, at=now)
        unit.tellings.mark(channel, record, now)
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
