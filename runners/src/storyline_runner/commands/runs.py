"""`storyline runs`: what was done when, by whom, and how it ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.options import CsvFlag, JsonFlag, page
from storyline_runner.screen import Column
from storyline_runner.session import session_of
from storyline_runner.sheets import show_rows

if TYPE_CHECKING:
    from storyline_core import Run

USUAL_ROWS = 30


def list_runs(
    ctx: typer.Context,
    step: Annotated[str | None, typer.Option("--step", metavar="NAME", help="Only this step, as in sync.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many; 0 for all.")] = None,
    csv: CsvFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Run records, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    most = page(limit, as_json=json_ or csv, usual=USUAL_ROWS)
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        runs = unit.runs.list(step=step, failed=failed, limit=most)
        zone, now = times.zone_of(storyline.settings), storyline.clock()
    if json_ or csv:
        show_rows("runs", list(map(shapes.run_shape, runs)), as_csv=csv)
        return
    if not runs:
        screen.say("Nothing has failed." if failed else "Nothing has run yet.")
    began = Column(zone.key, whole=True)
    columns = (Column("id", whole=True, right=True), began, Column("step"), Column("status", whole=True))
    rows = [
        (str(run.id), times.shown(run.started_at, zone, seen_at=now), _what(run), str(run.status), _result(run))
        for run in runs
    ]
    screen.table((*columns, Column("result")), rows)


def _what(run: Run) -> str:
    return f"{run.step} {run.subject}".strip()


def _result(run: Run) -> str:
    if run.error:
        return run.error if run.times == 1 else f"{run.error} ({run.times} times)"
    counts = [f"{value} {name}" for name, value in (run.result or {}).items() if _counts(name, value)]
    return ", ".join(counts)


def _counts(name: str, value: object) -> bool:
    return name in shapes.COUNTS and isinstance(value, int) and value > 0


def show_run(
    ctx: typer.Context,
    run_id: Annotated[int, typer.Argument(metavar="ID", help="The run's number.")],
    json_: JsonFlag = False,
) -> None:
    """Everything about one run, with its traceback if it has one."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        run = unit.runs.get(run_id)
        zone = times.zone_of(storyline.settings)
    if json_:
        screen.document(shapes.in_list("runs", [shapes.run_shape(run) | {"traceback": run.traceback}]))
        return
    screen.heading(_what(run), f"run {run.id}")
    screen.facts(
        [
            ("status", str(run.status)),
            ("began", times.named(run.started_at, zone)),
            ("took", f"{run.duration.total_seconds():.1f} s" if run.duration is not None else ""),
            ("by", f"{run.triggered_by} {run.user or ''}".strip()),
            ("asked for", _told(run.input)),
            ("result", _told(run.result or {})),
            ("error", f"{run.error} ({run.error_type})" if run.error else ""),
            ("traceback", run.traceback or ""),
        ]
    )


def _told(values: object) -> str:
    if not isinstance(values, dict):
        return ""
    said = {name: value for name, value in values.items() if value not in (None, 0, "", [], False)}
    return "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in said.items())
