"""How the past of an account stands: what was saved of it until now, when it goes on, and the runs so far. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storyline_core import BackfillState, Entry, Run

_COUNTS = {
    "saved": "saved",
    "known": "here already",
    "failed": "failed, to be tried again",
    "unreadable": "cannot be had",
    "storing": "being stored, perhaps",
}


def status_in_json(
    entry: Entry, counts: Mapping[str, int], state: BackfillState, runs: Sequence[Run]
) -> dict[str, object]:
    """Everything of it for scripts."""
    plan = entry.backfill
    return {
        "publisher": entry.name,
        "into": plan.into if plan is not None else None,
        "every_s": int(plan.every.total_seconds()) if plan is not None else None,
        "media": str(plan.media) if plan is not None else None,
        "counts": {name: counts.get(name, 0) for name in _COUNTS},
        "tried_at": state.tried_at,
        "good_at": state.good_at,
        "again_at": state.again_at,
        "stopped": state.stopped or None,
        "runs": [_run_in_json(run) for run in runs],
    }


def status_in_words(
    entry: Entry, counts: Mapping[str, int], state: BackfillState, runs: Sequence[Run], now: datetime
) -> list[str]:
    """Everything of it for people."""
    told = [f"{counts[name]} {words}" for name, words in _COUNTS.items() if counts.get(name)]
    lines = [f"{entry.name}: {', '.join(told) or 'nothing was saved yet'}."]
    if entry.backfill is not None:
        hours = entry.backfill.every // timedelta(hours=1)
        lines.append(f"  By itself every {hours} hours, into {entry.backfill.into} ({entry.backfill.media}).")
    if state.stopped:
        goes_on = (
            f" It goes on from {state.again_at:%Y-%m-%d %H:%M} UTC." if state.again_at and state.again_at > now else ""
        )
        lines.append(f"  The last one ended early: {state.stopped.rstrip('.')}.{goes_on}")
    return lines + [f"  {_run_in_words(run)}" for run in runs]


def _run_in_words(run: Run) -> str:
    result = run.result or {}
    saved = f"{result.get('saved', 0)} saved" if result else ""
    said = [str(run.status), *([saved] if saved else []), *([run.error] if run.error else [])]
    return f"{run.started_at:%Y-%m-%d %H:%M} UTC  {run.triggered_by}  {', '.join(said)}"


def _run_in_json(run: Run) -> dict[str, object]:
    names = ("id", "triggered_by", "user", "input", "started_at", "completed_at", "result", "error", "error_type")
    return {name: getattr(run, name) for name in names} | {"status": str(run.status)}
