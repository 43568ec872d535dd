"""How much of Meta's limits is used up, and when the line should wait because of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from storyline_instagram.answers import Json, as_object, number, objects, parsed, text, whole

CONTAINERS_A_DAY = 400
"""How many stories an account may prepare in any 24 hours."""

DAY = timedelta(hours=24)

SLOW_FROM = 75.0
"""From this percentage of a limit on, calls are spread out."""

_SLOWEST = timedelta(hours=1)
_SPARE = 0.9
_BETWEEN_CONTAINERS = timedelta(minutes=10)
_FULL_PAUSE = timedelta(minutes=30)


@attrs.frozen
class Usage:
    """What the headers of an answer told: the fullest of Meta's limits in percent, which one, and until when to wait.

    `regain_at` is None unless Meta has already said when calls are allowed again.
    """

    at: datetime
    percent: float = 0.0
    limit: str = ""
    regain_at: datetime | None = None


@attrs.frozen
class Quota:
    """How much an account has published through the interface in the last `window`, and how much it may."""

    used: int
    total: int
    window: timedelta = DAY


@attrs.frozen
class Wait:
    """Why a line should wait, and until when."""

    until: datetime
    why: str


def usage_in(headers: Mapping[str, str], now: datetime) -> Usage | None:
    """What an answer's headers tell of the limits; None if they tell nothing."""
    app = parsed(headers.get("X-App-Usage", ""))
    business = parsed(headers.get("X-Business-Use-Case-Usage", ""))
    if app is None and business is None:
        return None
    found = [_fullest(app or {}, "of the app")]
    regain_s = 0.0
    for entry in (entry for entries in (business or {}).values() for entry in objects(entries)):
        found.append(_fullest(entry, _of_business(entry)))
        regain_s = max(regain_s, 60.0 * min(number(entry.get("estimated_time_to_regain_access")) or 0.0, 100_000.0))
    percent, limit = max(found)
    regain_at = now + timedelta(seconds=regain_s) if regain_s > 0 else None
    return Usage(now, percent, limit, regain_at)


def pause_of(usage: Usage | None, now: datetime, slow_from: float = SLOW_FROM) -> Wait | None:
    """Whether to wait before the next call, so that Meta need not throttle it.

    From `slow_from` percent on, a pause follows each reading that grows to an hour at 100 percent; then one call is
    let through, and what it reads decides again.
    """
    if usage is None:
        return None
    if usage.regain_at is not None:
        # Meta's own word counts: an hour from now, a post that is due would be missed.
        why = f"Meta throttles the calls {usage.limit} ({usage.percent:.0f} % used)"
        return Wait(usage.regain_at, why) if usage.regain_at > now else None
    over = (usage.percent - slow_from) / max(1.0, 100.0 - slow_from)
    until = usage.at + _SLOWEST * min(1.0, over) if over > 0 else now
    if until <= now:
        return None
    return Wait(until, f"{usage.percent:.0f} % of Meta's limit {usage.limit} is used up")


def quota_in(told: Json) -> Quota | None:
    """The answer of `content_publishing_limit`; None where it does not say how much is allowed."""
    entry = next(iter(objects(told.get("data"))), {})
    config = as_object(entry.get("config"))
    used, total = whole(entry.get("quota_usage")), whole(config.get("quota_total"))
    if used is None or total is None or total <= 0:
        return None
    seconds = whole(config.get("quota_duration")) or 0
    return Quota(used, total, timedelta(seconds=seconds) if 0 < seconds <= 30 * 86_400 else DAY)


def quota_pause(quota: Quota | None, now: datetime) -> Wait | None:
    """Whether the account has published as much as it may. The window moves on, so half an hour is waited."""
    if quota is None or quota.used < quota.total:
        return None
    hours = f"{quota.window.total_seconds() / 3600:.0f}"
    why = f"the account has published {quota.used} of {quota.total} stories that Instagram allows in {hours} hours"
    return Wait(now + _FULL_PAUSE, why)


def recent(containers: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Those of the times that still count, oldest first."""
    return tuple(sorted(at for at in containers if now - DAY < at))


def containers_pause(containers: Sequence[datetime], now: datetime, most: int = CONTAINERS_A_DAY) -> Wait | None:
    """Whether too many stories were prepared in the last 24 hours. From nine tenths on they are spread out."""
    counted = recent(containers, now)
    why = f"{len(counted)} of {most} stories that Instagram lets an account prepare in 24 hours are prepared"
    if len(counted) >= most:
        return Wait(counted[len(counted) - most] + DAY, why)
    if len(counted) >= most * _SPARE and counted[-1] + _BETWEEN_CONTAINERS > now:
        return Wait(counted[-1] + _BETWEEN_CONTAINERS, why)
    return None


def longest(waits: Sequence[Wait | None]) -> Wait | None:
    """The one that lasts longest, if there is any."""
    return max((wait for wait in waits if wait is not None), key=lambda wait: wait.until, default=None)


def _of_business(entry: Json) -> str:
    kind = text(entry.get("type")).replace("_", " ")[:40]
    return f"for {kind}" if kind else "for the account"


def _fullest(entry: Json, limit: str) -> tuple[float, str]:
    read = (number(entry.get(name)) for name in ("call_count", "total_time", "total_cputime"))
    return max((min(each, 1_000.0) for each in read if each is not None), default=0.0), limit
