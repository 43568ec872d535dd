"""Vitals: from bare numbers to rows of `check`. Every threshold of it stands here; nothing is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from storyline_core.health import Check, Figure, Status, counted, spoken

MOST_WAITING = 50
"""More posts than this waiting in one account are worth a warning."""

LATE_AFTER = timedelta(hours=1)
"""A post that is due longer than this counts as late ..."""

MOST_LATE = 5
"""... and more of them than this are worth a warning, as is a single one that is ..."""

FAR_TOO_LATE = timedelta(hours=24)
"""... this late."""

RECENT = timedelta(days=7)
"""Failed and missed posts count for so long."""

MOST_FAILED = 10
"""More failed posts than this within `RECENT` are unhealthy; any at all are worth a warning."""

QUIET_FOR = timedelta(days=1)
"""An account with slots that has posted nothing for so long is worth a warning."""

POOL_LOW = timedelta(days=7)
"""A pool that lasts for less than this is worth a warning: making pictures takes time."""

POOL_FORESEEN = 60
"""How many days ahead it is reckoned whether a pool lasts; items come back from their cooldown meanwhile."""

DISK_LOW, DISK_FULL = 1_000_000_000, 200_000_000
"""Bytes of free room below which it is a warning, and below which writing may fail any day."""

BACKUP_OLD = timedelta(days=2)
"""A daily backup that is older than this was left out at least once."""

SKEW_FELT, SKEW_WRONG = timedelta(seconds=5), timedelta(minutes=1)
"""Clocks that differ by this much are worth a warning; by that much, times can no longer be believed."""

TURNS_MISSED = 3
"""A loop that has not turned for so many of its intervals ..."""

STEP_IN_HAND = timedelta(minutes=10)
"""... and for this long, since a step may take a while, is dead."""

HEARD_WITHIN = timedelta(minutes=5)
"""A worker that has noted nothing for so long is not running (any more)."""

MISSED_SOON = timedelta(days=1)
"""A worker that was killed is asked after for so long."""


@attrs.frozen
class LineNumbers:
    """How an account's posts stand. The counts of settled ones are those within `RECENT`."""

    waiting: int = 0
    late: int = 0
    uncertain: int = 0
    oldest_due_at: datetime | None = None
    posted: int = 0
    missed: int = 0
    missed_lately: int = 0
    failed: int = 0
    last_posted_at: datetime | None = None


def check_queue(account: str, numbers: LineNumbers, now: datetime) -> Check:
    """How many posts wait, and how late they are."""
    told, status = [f"{numbers.waiting} waiting"], Status.HEALTHY
    overdue = now - numbers.oldest_due_at if numbers.oldest_due_at is not None else timedelta()
    if overdue > LATE_AFTER:
        told.append(f"the oldest is {spoken(overdue)} late")
    if numbers.late > MOST_LATE:
        told.append(f"{numbers.late} are over an hour late")
    if numbers.waiting > MOST_WAITING or numbers.late > MOST_LATE or overdue > FAR_TOO_LATE:
        status = Status.DEGRADED
    remedy = "" if status is Status.HEALTHY else "Decide what waits: storyline queue list"
    figures = (
        Figure("posts_waiting", numbers.waiting, {"account": account}),
        Figure("posts_late", numbers.late, {"account": account}),
        Figure("posts_uncertain", numbers.uncertain, {"account": account}),
    )
    return Check(f"queue of {account}", status, "; ".join(told), remedy, f"health/queue/{account}", figures)


def check_uncertain(account: str, numbers: LineNumbers) -> list[Check]:
    """The posts that may or may not be live; each has been told when that happened."""
    if not numbers.uncertain:
        return []
    message = f"nobody knows whether {counted(numbers.uncertain, 'post')} went out"
    remedy = "Look at the account, then: storyline queue resolve ID --live (or --not-live)"
    return [Check(f"queue of {account}", Status.DEGRADED, message, remedy)]


def check_outcomes(account: str, numbers: LineNumbers) -> Check:
    """What became of the posts of the last days. Failed and missed ones have been told already."""
    counts = {"posted": numbers.posted, "missed": numbers.missed, "failed": numbers.failed}
    message = ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) + f" in {spoken(RECENT)}"
    status, remedy = Status.HEALTHY, ""
    if numbers.missed_lately:
        status, remedy = Status.DEGRADED, f"Why: storyline history --account {account}"
    if numbers.failed:
        status = Status.UNHEALTHY if numbers.failed > MOST_FAILED else Status.DEGRADED
        remedy = f"Why: storyline history --account {account}. Take one back: storyline queue retry ID"
    figures = tuple(
        Figure("posts_settled_in_7_days", count, {"account": account, "outcome": outcome})
        for outcome, count in counts.items()
    )
    return Check(f"posts of {account}", status, message, remedy, "", figures)


def is_quiet(last_posted_at: datetime | None, slots: Sequence[datetime], now: datetime, grace: timedelta) -> bool:
    """Whether an account has been silent for too long: nothing for a day, although slots of that day are over.

    `slots` are the instants of its slots; one counts as over once its `grace` has passed, so that a slot that is
    only a little late is no reason. An account that began less than a day ago has had no slots before.
    """
    since = now - QUIET_FOR
    if last_posted_at is not None and last_posted_at > since:
        return False
    return any(since <= slot <= now - grace for slot in slots)


def pool_days(free: int, returns: Sequence[datetime], per_day: int, cooldown: timedelta, now: datetime) -> float:
    """For how many days a pool lasts at so many posts a day; `POOL_FORESEEN` when it lasts that long or for ever.

    `returns` are the instants at which held items become free; what is posted returns after `cooldown`.
    """
    back: dict[int, int] = {}
    for at in returns:
        day = max(0, (at - now) // timedelta(days=1) + 1)
        back[day] = back.get(day, 0) + 1
    rest = -(-cooldown // timedelta(days=1)) if cooldown > timedelta() else 1
    stock = free
    for day in range(POOL_FORESEEN):
        stock += back.get(day, 0)
        if stock < per_day:
            return day + stock / per_day
        stock -= per_day
        back[day + rest] = back.get(day + rest, 0) + per_day
    return float(POOL_FORESEEN)


def check_pool(account: str, free: int, days: float) -> Check:
    """How many items can be posted and for how long they last."""
    lasting = counted(int(days), "day")
    if 0 < days < 1:
        lasting = "less than a day"
    if days >= POOL_FORESEEN:
        lasting = f"{POOL_FORESEEN} days or more"
    message = f"{counted(free, 'item')} can be posted, enough for {lasting}"
    figures = (Figure("pool_items", free, {"account": account}), Figure("pool_days", days, {"account": account}))
    low = timedelta(days=days) < POOL_LOW
    remedy = "Add pictures, or release holds: storyline media holds" if low else ""
    status = Status.DEGRADED if low else Status.HEALTHY
    # That nothing at all is left for a slot is told by whoever fills it.
    return Check(f"pool of {account}", status, message, remedy, f"health/pool/{account}", figures)


def check_disk(label: str, what: str, free: int, alert: str) -> Check:
    """How much room is left where something is written."""
    message, figures = f"{free / 1e9:.1f} GB free where {what}", (Figure("disk_free_bytes", free, {"disk": label}),)
    if free >= DISK_LOW:
        return Check(f"disk of {label}", Status.HEALTHY, message, "", alert, figures)
    status = Status.UNHEALTHY if free < DISK_FULL else Status.DEGRADED
    remedy = "Make room: without it nothing can be written down, and so nothing is posted."
    return Check(f"disk of {label}", status, message, remedy, alert, figures)


def check_backup(newest: datetime | None, known_since: datetime | None, now: datetime) -> Check:
    """How old the newest backup is; one that was never made is asked for once there is something to lose."""
    remedy = "Make one: storyline backup create (`storyline run` does so every day)"
    if newest is None:
        due = known_since is not None and now - known_since > BACKUP_OLD
        if due:
            return Check("backup", Status.DEGRADED, "there is none", remedy, "health/backup")
        return Check("backup", Status.HEALTHY, "there is none yet", "", "health/backup")
    age = max(now - newest, timedelta())
    status = Status.DEGRADED if age > BACKUP_OLD else Status.HEALTHY
    figures = (Figure("backup_age_seconds", age.total_seconds()),)
    message = f"the newest is from {spoken(age)} ago"
    return Check("backup", status, message, remedy if status is Status.DEGRADED else "", "health/backup", figures)


def check_clocks(skews: Mapping[str, timedelta]) -> Check:
    """How far the clocks of the workers, by name, are from that of the database server, and so from each other.

    Where nobody has a clock of its own to compare with, all is well.
    """
    figures = tuple(
        Figure("clock_skew_seconds", skew.total_seconds(), {"worker": worker}) for worker, skew in skews.items()
    )
    if not skews:
        return Check("clock", Status.HEALTHY, "there is one clock only", "", "health/clock")
    worker, furthest = max(skews.items(), key=lambda each: abs(each[1]))
    apart = max(abs(furthest), max(skews.values()) - min(skews.values()))
    if apart < SKEW_FELT:
        message = f"level with the database server within {max(apart.total_seconds(), 0.1):.1f} s"
        return Check("clock", Status.HEALTHY, message, "", "health/clock", figures)
    way = "ahead of" if furthest > timedelta() else "behind"
    message = f"the clock of {worker} is {abs(furthest).total_seconds():.0f} s {way} the database server's"
    status = Status.UNHEALTHY if apart >= SKEW_WRONG else Status.DEGRADED
    remedy = "Set the clocks by the network (timedatectl set-ntp true): stories would come at the wrong time."
    return Check("clock", status, message, remedy, "health/clock", figures)


@attrs.frozen
class Worker:
    """What one `storyline run` noted of itself: `loops` are its loops with how often each turns and when it last did.

    `name` begins with its host and a colon. `skew` is how far its clock is ahead of the database server's; None where
    that has none.
    """

    name: str
    started_at: datetime
    noted_at: datetime
    loops: Mapping[str, tuple[timedelta, datetime]] = attrs.field(factory=dict)
    skew: timedelta | None = None


def is_dead(every: timedelta, turned_at: datetime, now: datetime) -> bool:
    """Whether a loop that turns so often has not turned for too long."""
    return now - turned_at > max(every * TURNS_MISSED, STEP_IN_HAND)


def check_workers(workers: Sequence[Worker], now: datetime) -> list[Check]:
    """A row for each `storyline run`: whether its loops turn. One that was killed is asked after for a day.

    One whose host runs another by now was started again, and nobody need ask; nor after one that noted something in
    the future, by a clock that was wrong.
    """
    workers = [each for each in workers if each.noted_at - now <= HEARD_WITHIN + abs(each.skew or timedelta())]
    running = [each for each in workers if now - each.noted_at <= HEARD_WITHIN]
    hosts = {host_of_worker(each.name) for each in running}
    lost = [
        each
        for each in workers
        if HEARD_WITHIN < now - each.noted_at <= MISSED_SOON and host_of_worker(each.name) not in hosts
    ]
    rows = [_check_running(each, now) for each in running]
    for each in lost:
        message = f"not heard of for {spoken(now - each.noted_at)}, and it did not say goodbye"
        status = Status.DEGRADED if running else Status.UNHEALTHY
        remedy = "Look at its machine, or start it again: storyline run"
        rows.append(Check(f"worker {each.name}", status, message, remedy, "health/workers"))
    return rows or [Check("worker", Status.HEALTHY, "no `storyline run` is at work", "", "health/workers")]


def _check_running(worker: Worker, now: datetime) -> Check:
    dead = {name: now - at for name, (every, at) in worker.loops.items() if is_dead(every, at, now)}
    figures = tuple(
        Figure("loop_turned_age_seconds", max((now - at).total_seconds(), 0.0), {"worker": worker.name, "loop": name})
        for name, (_, at) in worker.loops.items()
    )
    label = f"worker {worker.name}"
    if not dead:
        message = (
            f"{counted(len(worker.loops), 'loop')} at work for {spoken(max(now - worker.started_at, timedelta()))}"
        )
        return Check(label, Status.HEALTHY, message, "", "health/workers", figures)
    told = ", ".join(f"{name} has not turned for {spoken(age)}" for name, age in dead.items())
    remedy = "See its log (journalctl -u storyline), then start it again."
    return Check(label, Status.UNHEALTHY, told, remedy, "health/workers", figures)


def host_of_worker(worker: str) -> str:
    """The machine that a worker of that name runs on."""
    return worker.rpartition(":")[0]
