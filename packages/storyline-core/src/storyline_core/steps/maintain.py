"""Upkeep: what has to be done regularly and belongs to no account, each task once however many processes there are.

When a task was last done is in the database, so a restart neither skips nor repeats it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import attrs

from storyline_core.backups import Backup
from storyline_core.chores import Chore, Daily, Every, is_due
from storyline_core.errors import Busy, NeedsPerson, StoreError, StoreUnavailable, StorylineError
from storyline_core.health import counted
from storyline_core.interfaces import AlertLevel
from storyline_core.redaction import scrub, trace_of
from storyline_core.settings import Settings
from storyline_core.steps import backing_up
from storyline_core.steps.house import ALONE_FOR, CutShort, House
from storyline_core.steps.looking_after import look_after
from storyline_core.steps.machine import BACKUP
from storyline_core.steps.tenure import Tenure
from storyline_core.store import RunStatus, Unit

log = logging.getLogger("storyline")

MAINTAINED_EVERY = timedelta(hours=1)
RUNS_KEPT = timedelta(days=90)
"""How long run records are kept; the latest of each step and subject stays."""

ALERTS_KEPT = timedelta(days=90)
"""How long an alert that is over is remembered."""

_OF_ACCOUNTS = frozenset(
    {"needs-person", "uncertain", "unanswered", "failed", "failures", "missed", "nothing-eligible", "rehearsal"}
)
"""Topics of alerts whose second word is an account."""


@attrs.frozen
class Kept:
    """What one task of upkeep came to, in words for people; `error` tells what went wrong."""

    chore: str
    told: str = ""
    error: str = ""


def errors_of(kept: Iterable[Kept]) -> list[str]:
    """What went wrong, a line each."""
    return [f"{each.chore}: {each.error}" for each in kept if each.error]


@attrs.frozen
class Outcome:
    """What a task is to leave behind: words for people, a run record (nothing where there is nothing to tell), more."""

    told: str = ""
    result: Mapping[str, object] = attrs.field(factory=dict)
    write: Callable[[Unit], None] = lambda unit: None
    step: str = "maintain"
    error: str = ""


@attrs.frozen
class Task:
    """One regular task: its name, its rhythm and what it does.

    `idle` tells at a look that there is nothing to do. `failed` is told what to write when it cannot be done.
    """

    name: str
    rhythm: Daily | Every
    work: Callable[[House, Tenure, datetime], Outcome]
    idle: Callable[[Unit, House, datetime], bool] = lambda unit, house, now: False
    failed: Callable[[Unit, StorylineError, Chore, datetime], None] = lambda unit, error, chore, now: None


def keep_up(house: House, *, at_start: bool = False) -> tuple[Kept, ...]:
    """Do every task that is due; what came of each that there is something to tell of.

    `at_start`: a process has just begun, so the hourly ones are due as well. What another process is at is left to it.
    """
    now = house.clock()
    with house.store.read() as unit:
        known = unit.chores.all()
        due = [each for each in tasks_of(house) if is_due(_known(known, each), each.rhythm, now, at_start=at_start)]
        idle = [each for each in due if each.idle(unit, house, now)]
    if idle:
        with house.store.begin() as unit:
            for task in idle:
                unit.chores.done(task.name, now)
    done = []
    for task in due:
        if house.stop():
            break
        kept = _do(house, task, house.clock(), at_start=at_start) if task not in idle else None
        if kept is not None and (kept.told or kept.error):
            done.append(kept)
    return tuple(done)


def _known(known: Mapping[str, Chore], task: Task) -> Chore:
    return known.get(task.name, Chore(task.name))


def tasks_of(house: House) -> Iterator[Task]:
    """The tasks of this house."""
    daily, hourly = Daily(house.zone), Every(MAINTAINED_EVERY)
    for owner, opening in house.maintained.items():
        yield Task(f"maintain/{owner}", hourly, _maintaining(owner, opening), failed=_maintaining_failed(owner))
    yield Task("alerts", hourly, _close_orphans, _no_orphans)
    if house.settings.backups.directory is not None:
        yield Task(BACKUP, daily, _daily_backup(daily), failed=_backup_failed)
    yield Task("tidy", daily, _tidy, _is_tidy)


def _do(house: House, task: Task, now: datetime, *, at_start: bool) -> Kept | None:
    """Do one task alone and note that it was done; None when another process does it, or has just done it."""
    store = house.store
    try:
        tenure = Tenure(store, house.clock, f"upkeep/{task.name}", house.holder, now, length=ALONE_FOR)
    except Busy:
        return None
    try:
        with store.read() as unit:
            chore = unit.chores.get(task.name)
        if not is_due(chore, task.rhythm, now, at_start=at_start):
            return None
        try:
            outcome = _worked(house, task, tenure, now)
        except (StoreUnavailable, Busy, CutShort):
            raise
        except StorylineError as error:
            with store.begin() as unit:
                unit.chores.failed(task.name, scrub(str(error)), now)
                task.failed(unit, error, chore, now)
            return Kept(task.name, error=scrub(str(error)))
        with store.begin() as unit:
            unit.leases.check(tenure.lease.subject, tenure.lease.fence)
            outcome.write(unit)
            unit.chores.done(task.name, now)
            if outcome.result:
                subject = task.name.partition("/")[2] if outcome.step == "maintain" else ""
                run = unit.runs.start(outcome.step, subject, triggered_by="scheduler", at=now)
                unit.runs.finish(run, RunStatus.COMPLETED, result=outcome.result, at=house.clock())
        return Kept(task.name, outcome.told, outcome.error)
    except CutShort:
        return None
    except (Busy, StoreError) as error:
        return Kept(task.name, error=scrub(str(error)))
    finally:
        tenure.end()


def _worked(house: House, task: Task, tenure: Tenure, now: datetime) -> Outcome:
    try:
        return task.work(house, tenure, now)
    except StorylineError:
        raise
    except Exception as error:
        # A mistake of ours in one task must not keep the others from being done.
        log.error("Upkeep, %s: %s", task.name, trace_of(error))
        raise StorylineError(f"This is a mistake in Storyline ({type(error).__name__}: {error}).") from error


def _daily_backup(daily: Daily) -> Callable[[House, Tenure, datetime], Outcome]:
    def work(house: House, tenure: Tenure, now: datetime) -> Outcome:
        # One that was named, but not noted before its process died, or that a person has made, is enough for the day.
        if backing_up.made_since(house, daily.since(now), now) is not None:
            return Outcome()
        backup = backing_up.made(house, tenure, now)
        removed, wrong = backing_up.throw_away_old(house, now)
        result = {**backing_up.told(backup), **({"removed": removed} if removed else {})}
        told = f"backup {backup.path.name} made: {_in_it(backup)}"
        told += f", {removed} old ones removed" if removed else ""
        return Outcome(told, result, lambda unit: _clear(unit, backing_up.ALERT, now), "backup", wrong)

    return work


def _in_it(backup: Backup) -> str:
    counts = backup.manifest.counts if backup.manifest is not None else {}
    return f"{counted(counts.get('items', 0), 'item')}, {counted(counts.get('posts', 0), 'post')}"


def _backup_failed(unit: Unit, error: StorylineError, chore: Chore, now: datetime) -> None:
    backing_up.record(unit, now, now, triggered_by="scheduler", error=error)
    text = f"The daily backup could not be made. {scrub(str(error))}"
    remedy = "It is tried again by itself; try it at once with: storyline backup create"
    unit.alerts.raise_(backing_up.ALERT, level=AlertLevel.ERROR, text=text, remedy=remedy, at=now)


def _maintaining(owner: str, opening: Callable[[], object]) -> Callable[[House, Tenure, datetime], Outcome]:
    def work(house: House, tenure: Tenure, now: datetime) -> Outcome:
        found = look_after(house.store, owner, opening)
        result = {"raised": list(found.raised), "cleared": list(found.cleared)} if found.changed else {}
        told = "; ".join(alert.text for alert in found.standing if alert.key in found.raised)
        return Outcome(f"{owner}: {told}" if told else "", result, lambda unit: found.write(unit, now))

    return work


def _maintaining_failed(owner: str) -> Callable[[Unit, StorylineError, Chore, datetime], None]:
    """A failure is told at once when only a person can mend it, and otherwise once it has lasted for a day."""

    def failed(unit: Unit, error: StorylineError, chore: Chore, now: datetime) -> None:
        remedy = error.remedy if isinstance(error, NeedsPerson) else "It is tried again by itself."
        lasting = chore.failures > 0 and (chore.done_at is None or now - chore.done_at > timedelta(days=1))
        if isinstance(error, NeedsPerson) or lasting:
            text = f"{owner} could not look after itself. {scrub(str(error))}".removesuffix(remedy).rstrip()
            unit.alerts.raise_(f"{owner}/maintain", level=AlertLevel.ERROR, text=text, remedy=remedy, at=now)

    return failed


def _close_orphans(house: House, tenure: Tenure, now: datetime) -> Outcome:
    """Close the alerts of what is configured no more: nobody could mend them."""
    with house.store.read() as unit:
        keys = _orphans(unit, house)

    def write(unit: Unit) -> None:
        for key in keys:
            unit.tellings.hush(key, now)
            _clear(unit, key, now)

    return Outcome(result={"closed": keys} if keys else {}, write=write)


def _no_orphans(unit: Unit, house: House, now: datetime) -> bool:
    return not _orphans(unit, house)


def _orphans(unit: Unit, house: House) -> list[str]:
    return [alert.key for alert in unit.alerts.open() if is_orphan(alert.key, house.settings)]


def is_orphan(key: str, settings: Settings) -> bool:
    """Whether an alert is about an account, a source, a notifier or a publisher that the settings name no more."""
    topic, _, rest = key.partition("/")
    subject = rest.partition("/")[0]
    if topic in _OF_ACCOUNTS:
        return subject not in settings.accounts
    entries: Mapping[str, Mapping[str, object]] = {
        "source": settings.sources,
        "sources": settings.sources,
        "notifiers": settings.notifiers,
        "publishers": settings.publishers,
    }
    return topic in entries and subject not in entries[topic]


def _tidy(house: House, tenure: Tenure, now: datetime) -> Outcome:
    """Forget what nobody will ask for any more."""
    with house.store.begin() as unit:
        runs = unit.runs.prune(now - RUNS_KEPT)
    with house.store.begin() as unit:
        unit.tellings.forget_before(now - ALERTS_KEPT)
        alerts = unit.alerts.forget_before(now - ALERTS_KEPT)
    counts = {"runs": runs, "alerts": alerts}
    return Outcome(result={name: count for name, count in counts.items() if count})


def _is_tidy(unit: Unit, house: House, now: datetime) -> bool:
    return not unit.runs.prunable(now - RUNS_KEPT) and not unit.alerts.over_before(now - ALERTS_KEPT)


def _clear(unit: Unit, key: str, now: datetime) -> None:
    unit.alerts.clear(key, at=now)
