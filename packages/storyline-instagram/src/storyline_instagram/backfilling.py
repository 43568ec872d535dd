"""`storyline instagram backfill`: save what an account posted before into a source, and show how that went."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from storyline_core import (
    BackfillMedia,
    BackfillProgress,
    BackfillReport,
    BackfillRequest,
    NotAllowed,
    NotFound,
    PastKind,
    backfill_in_json,
    backfill_in_words,
    parse_duration,
)
from storyline_instagram.pasts import status_in_json, status_in_words
from storyline_instagram.telling import in_json

if TYPE_CHECKING:
    from storyline_core import Settings, Storyline

FAILED = 1
_MOST_SHOWN = 20
_KINDS = {
    BackfillMedia.BOTH: (PastKind.STORIES, PastKind.FEED),
    BackfillMedia.FEED: (PastKind.FEED,),
    BackfillMedia.STORIES: (PastKind.STORIES,),
}


class Session(Protocol):
    """What the command line hands to the commands of plugins."""

    def storyline(self, *, read_only: bool = False) -> AbstractContextManager[Storyline]:
        """Everything opened for one command."""


def backfill(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The publisher's name; may be left out where there is only one.")] = "",
    into: Annotated[str, typer.Option(metavar="SOURCE", help="The source that takes it; usually set there.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Save so many at most; the next run goes on.")] = None,
    since: Annotated[str, typer.Option(metavar="WHEN", help="Only what is younger: 2026-01-31, or 90d.")] = "",
    media: Annotated[BackfillMedia, typer.Option(help="Posts, the live stories, or both.")] = BackfillMedia.BOTH,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be saved; fetch nothing.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show what was saved until now, and past runs.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Save what an account posted before: pictures, videos, every part of an album, and the stories that are live.

    Each is saved once, however often this runs; what broke off goes on where it was. Captions and addresses come along.
    """
    session = cast(Session, ctx.obj)
    if status:
        _show_status(session, name, json_=json_)
        return
    with session.storyline(read_only=dry_run) as storyline:
        publisher = _meant(storyline.settings, name)
        request = BackfillRequest(
            into=into or _set_into(storyline.settings, publisher),
            kinds=_KINDS[media],
            limit=limit,
            since=_moment(since, storyline.clock()) if since else None,
            dry_run=dry_run,
            tell=_shown,
        )
        try:
            report = storyline.backfill(publisher, request)
        finally:
            _clear()
    typer.echo(in_json(backfill_in_json(report)) if json_ else "\n".join(_words(report)))
    if report.stopped and report.again_at is None and (limit is None or report.saved < limit):
        raise typer.Exit(FAILED)


def _words(report: BackfillReport) -> list[str]:
    lines = [backfill_in_words(report)]
    shown = report.would_save[:_MOST_SHOWN]
    lines += [f"  {each.posted_at:%Y-%m-%d}  {each.name}" for each in shown]
    rest = report.saved - len(shown)
    lines += [f"  … and {rest} more"] if report.dry_run and rest > 0 else []
    lines += [f"  {each.key}: {each.message}" for each in report.problems[:_MOST_SHOWN]]
    later = report.saved - report.indexed
    if not report.dry_run and later > 0:
        lines.append(f"{later} of them appear in the library with the next sync: storyline sync {report.into}")
    return lines


def _show_status(session: Session, name: str, *, json_: bool) -> None:
    with session.storyline(read_only=True) as storyline:
        publisher = _meant(storyline.settings, name)
        entry = storyline.settings.publishers[publisher]
        with storyline.read() as unit:
            counts = {str(state): count for state, count in unit.past.counts(publisher).items()}
            state = unit.past.state(publisher)
            runs = unit.runs.list(step="backfill", subject=publisher, limit=_MOST_SHOWN)
        told = (entry, counts, state, runs)
        typer.echo(in_json(status_in_json(*told)) if json_ else "\n".join(status_in_words(*told, storyline.clock())))


def _meant(settings: Settings, name: str) -> str:
    ours = [each.name for each in settings.publishers.values() if each.kind == "instagram"]
    if name in ours:
        return name
    if not name and len(ours) == 1:
        return ours[0]
    known = ", ".join(ours) or 'none; write one with kind = "instagram"'
    what = f"There is no publisher {name} on Instagram in the settings" if name else "Say which publisher is meant"
    raise NotFound(f"{what} (there: {known}).")


def _set_into(settings: Settings, publisher: str) -> str:
    plan = settings.publishers[publisher].backfill
    if plan is None:
        raise NotAllowed(
            "Say into which source it is saved, with --into SOURCE; or once for all in the settings, under "
            f'[publishers.{publisher}]: backfill = {{ into = "SOURCE" }}'
        )
    return plan.into


def _moment(written: str, now: datetime) -> datetime:
    try:
        return now - parse_duration(written)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise NotAllowed(f"“{written}” is no date: write --since 2026-01-31, or --since 90d.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(progress: BackfillProgress) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{progress.doing}: {progress.looked} seen, {progress.saved} saved")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
