"""Telling: let the people who look after an account know how its sources stand, and that it is mended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storyline_core.errors import Busy, NeedsPerson, StoreError, StorylineError
from storyline_core.interfaces import AlertLevel
from storyline_core.redaction import scrub
from storyline_core.steps.alarms import clear_alert, raise_alert
from storyline_core.steps.line import Line
from storyline_core.steps.report import SyncReport
from storyline_core.store import Store

Teller = Callable[[], Line | None]
"""Opens the line of an account that uses the source, only when there is something to tell; None if there is none."""


def tell_of_report(store: Store, teller: Teller, report: SyncReport, now: datetime) -> None:
    """Raise an alert when removals were refused, and clear what was told before when it is over."""
    if report.dry_run:
        return
    mended = {_unreachable(report.source), *(() if report.held or report.part else (_held(report.source),))}
    with store.read() as unit:
        over = sorted(mended & {alert.key for alert in unit.alerts.open()})
    if not over and not report.held:
        return
    line = teller()
    if line is None:
        return
    for key in over:
        clear_alert(line, key, now)
    if report.held:
        text = f"Source {report.source}: {' '.join(held.message for held in report.held)}"
        raise_alert(line, _held(report.source), AlertLevel.ERROR, text, _what_to_do(report), now)


def tell_of_failure(teller: Teller, source: str, error: StorylineError, now: datetime) -> None:
    """Raise an alert when a source cannot be looked at. That another process is looking just now is no failure."""
    if isinstance(error, Busy | StoreError):
        return
    line = teller()
    if line is None:
        return
    remedy = error.remedy if isinstance(error, NeedsPerson) else _outcome(error)
    raise_alert(line, _unreachable(source), AlertLevel.ERROR, f"Source {source}: {scrub(str(error))}", remedy, now)


def _outcome(error: StorylineError) -> str:
    """What a failed sync leaves behind: one that had added something before it broke off says so in a note."""
    notes = getattr(error, "__notes__", None)
    return " ".join(notes) if notes else "Nothing was changed; it is tried again by itself."


def _unreachable(source: str) -> str:
    return f"source/{source}/unreachable"


def _held(source: str) -> str:
    return f"source/{source}/held"


def _what_to_do(report: SyncReport) -> str:
    if not report.plan:
        nothing = "Nothing more" if report.removed else "Nothing"
        return f"{nothing} was removed. Look whether the source is the right one."
    return (
        "Nothing was removed. If it is meant, confirm it once: "
        f"storyline sync {report.source} --accept-removals --plan {report.plan}"
    )
