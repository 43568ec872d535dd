"""`storyline sync`: bring the library level with the sources."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from storyline_runner import screen, shapes
from storyline_runner.complaints import DONE, FAILED, UNSAFE, Misused
from storyline_runner.lines import summary
from storyline_runner.options import DryRun, JsonFlag
from storyline_runner.progress import sync_bar
from storyline_runner.session import session_of, who
from storyline_runner.times import read_duration

if TYPE_CHECKING:
    from storyline_core import ChangeLine, Storyline, SyncReport, SyncRequest

MOST_LINES = 40
"""How many changes and errors are shown to people; JSON has them all."""

WAIT_S = 1.0
PRUNE_AFTER = "7d"
_SIGNS = {"added": "+", "edited": "*", "moved": ">", "restored": "+", "removed": "-", "described": "~"}


def sync(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="Only these; all without.")] = None,
    dry_run: DryRun = False,
    force: Annotated[bool, typer.Option("--force", help="Read every file again.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another sync of the source to end.")] = False,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Believe removals that look unsafe, this once.")
    ] = False,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="DIGEST", help="Accept only the removals of exactly this plan.")
    ] = None,
    prune_missing: Annotated[
        bool, typer.Option("--prune-missing", help="Also forget removed items that nothing refers to.")
    ] = False,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="7d", help="With --prune-missing: removed longer ago than this.")
    ] = PRUNE_AFTER,
    json_: JsonFlag = False,
) -> None:
    """Bring the library level with the sources.

    Exit code 3 means that removals were refused as unsafe; everything else was applied.
    """
    from storyline_core import SyncRequest

    if plan is not None and not accept_removals:
        raise Misused("--plan says which removals to accept: it needs --accept-removals.")
    oldest = read_duration(older_than)
    session = session_of(ctx)
    with screen.only_json(json_), session.storyline(read_only=dry_run) as storyline:
        request = SyncRequest(
            dry_run=dry_run, force=force, accept_removals=accept_removals, accepted_plan=plan, user=who()
        )
        reports = []
        for name in _chosen(storyline, names or ()):
            report = _sync_one(storyline, name, request, wait=wait)
            if prune_missing and not report.failed:
                report = attrs.evolve(report, pruned=storyline.prune(name, oldest, dry_run=dry_run))
            reports.append(report)
            if not json_:
                _show(report)
    if json_:
        screen.document(shapes.in_list("runs", map(shapes.sync_shape, reports)))
    raise typer.Exit(_code(reports))


def _chosen(storyline: Storyline, names: Sequence[str]) -> list[str]:
    """The sources to sync. One that is switched off is passed over with a remark, unless it is asked for by name."""
    if names:
        for name in names:
            storyline.source_entry(name)
        return list(dict.fromkeys(names))
    with storyline.read() as unit:
        resting = [
            name
            for name, entry in storyline.settings.sources.items()
            if not entry.enabled or unit.sources.get(name).paused
        ]
    for name in resting:
        screen.note(f"{name} is switched off and was passed over. Switch it on with: storyline sources resume {name}")
    if not storyline.settings.sources:
        screen.note("The settings have no source yet. Add one as [sources.NAME].")
    return [name for name in storyline.settings.sources if name not in resting]


def _sync_one(storyline: Storyline, name: str, request: SyncRequest, *, wait: bool) -> SyncReport:
    from storyline_core import Busy, StorylineError, SyncReport

    told = False
    while True:
        try:
            with sync_bar() as hear, screen.overhear() as heard:
                # What a notifier in this very terminal would tell is told below.
                heard.muted = True
                return storyline.sync(name, attrs.evolve(request, tell=hear))
        except Busy as error:
            if not wait:
                return SyncReport(source=name, dry_run=request.dry_run, failed=f"{error} Nothing was changed.")
            if not told:
                screen.note(f"{name} is being synced by {error.holder}; waiting for it to end.")
                told = True
            time.sleep(WAIT_S)
        except StorylineError as error:
            # A sync that had added something before it broke off says so in a note.
            outcome = getattr(error, "__notes__", ["Nothing was changed."])
            return SyncReport(source=name, dry_run=request.dry_run, failed=" ".join([str(error), *outcome]))


def _code(reports: Sequence[SyncReport]) -> int:
    if any(report.failed for report in reports):
        return FAILED
    return UNSAFE if any(report.held for report in reports) else DONE


def _show(report: SyncReport) -> None:
    if report.failed:
        screen.note(f"{report.source}: {report.failed}")
        return
    screen.heading(
        report.source, f"{report.duration_ms / 1000:.1f} s" + (", nothing written" if report.dry_run else "")
    )
    screen.under(summary(report), indent=2)
    if report.dry_run:
        for line in report.changes[:MOST_LINES]:
            screen.say("  " + change_line(line))
        _more(len(report.changes))
    for error in report.errors[:MOST_LINES]:
        screen.say(f"  ! {screen.plain(error.key)}: {error.message}")
    _more(report.error_count)
    if report.broken:
        screen.under("Which are broken, and why: storyline media list --state broken", indent=2)
    for held in report.held:
        screen.note(f"{report.source}: {held.message}")
    if report.held and report.plan and not report.dry_run:
        screen.note(f"If that is right: storyline sync {report.source} --accept-removals --plan {report.plan}")


def change_line(line: ChangeLine) -> str:
    """One change: a sign, the file, and where it was before."""
    was = f"  (was {screen.plain(line.was)})" if line.was else ""
    return f"{_SIGNS.get(line.kind.value, '?')} {screen.plain(line.key)}{was}"


def _more(count: int) -> None:
    if count > MOST_LINES:
        screen.say(f"  … and {count - MOST_LINES} more; --json shows them")
