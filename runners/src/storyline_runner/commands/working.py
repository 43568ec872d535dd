"""`storyline tick`, `run`, `check` and `plugins`: do what is due, and look whether everything works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes
from storyline_runner.complaints import DONE, FAILED, UNSAFE
from storyline_runner.lines import standing, told, would
from storyline_runner.options import DryRun, JsonFlag
from storyline_runner.screen import Column
from storyline_runner.session import Session, session_of
from storyline_runner.straight import DaemonAsked

if TYPE_CHECKING:
    from storyline_core import Health, PostView, Settings, Storyline, Tick, WouldDo


def tick(ctx: typer.Context, dry_run: DryRun = False, json_: JsonFlag = False) -> None:
    """Do once whatever is due, then stop.

    For cron and for trying out.
    """
    session = session_of(ctx)
    if dry_run:
        with screen.only_json(json_), session.storyline(read_only=True) as storyline:
            due = storyline.due_sources(storyline.clock())
            rehearsed = {name: storyline.would_do(name) for name in storyline.settings.accounts}
        _show_rehearsal(storyline.settings, due, rehearsed, json_=json_)
        return
    with screen.only_json(json_), session.storyline() as storyline:
        ticked = storyline.tick()
        views = _views(storyline, ticked)
        storyline.tell_channels()
    if json_:
        screen.document(_tick_shape(ticked, views))
    else:
        lines = [*told(storyline.settings, ticked, views), *standing(storyline.settings, ticked)]
        for line in lines or ["Nothing was due."]:
            screen.say(line)
    errors = [*ticked.errors, *(error for turned in ticked.turns for error in turned.errors)]
    for error in errors:
        screen.note(error)
    if errors:
        raise typer.Exit(FAILED)
    raise typer.Exit(UNSAFE if any(report.held for report in ticked.syncs) else DONE)


def _views(storyline: Storyline, ticked: Tick) -> dict[str, PostView]:
    posts = {done.post.id: done.post for turned in ticked.turns for done in turned.done}
    with storyline.read() as unit:
        return {view.post.id: view for view in unit.views.posts(posts.values())}


def _tick_shape(ticked: Tick, views: dict[str, PostView]) -> shapes.Shape:
    from storyline_core import backfill_in_json

    accounts = [
        {
            "account": turned.account,
            "filled": len(turned.filled.posts),
            "missed": len(turned.filled.missed),
            "empty": len(turned.filled.empty),
            "done": [
                {"task": str(done.task), "post": done.post.id, "state": str(done.post.state)} for done in turned.done
            ],
            "stopped": turned.stopped or None,
            "errors": list(turned.errors),
        }
        for turned in ticked.turns
    ]
    return {
        "syncs": [shapes.sync_shape(report) for report in ticked.syncs],
        "decisions": ticked.decisions,
        "accounts": accounts,
        "posts": [shapes.post_shape(view) for view in views.values()],
        "backfills": [backfill_in_json(report) for report in ticked.backfills],
        "upkeep": [{"chore": each.chore, "told": each.told, "error": each.error or None} for each in ticked.kept],
        "errors": list(ticked.errors),
    }


def _show_rehearsal(
    settings: Settings, due: tuple[str, ...], rehearsed: dict[str, tuple[WouldDo, ...]], *, json_: bool
) -> None:
    if json_:
        rows = [shapes.would_do_shape(name, each) for name, each_of in rehearsed.items() for each in each_of]
        screen.document({"dry_run": True, "syncs": list(due), "would_do": rows})
        return
    for name in due:
        screen.say(f"would sync {name}  (what that would change: storyline sync {name} --dry-run)")
    lines = [would(settings, name, each) for name, each_of in rehearsed.items() for each in each_of]
    for line in lines or (() if due else ["Nothing is due."]):
        screen.say(line)


def run(
    ctx: typer.Context,
    dry_run: DryRun = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object a line, for log collectors.")] = False,
) -> None:
    """Keep going: sync, choose, offer and publish in time.

    Until Ctrl-C or SIGTERM; the step in hand is finished first. SIGHUP takes over changed settings.
    """
    session = session_of(ctx)
    raise typer.Exit(DaemonAsked(session.config, session.verbose, dry_run, log_json).run())


def check(
    ctx: typer.Context,
    settings_only: Annotated[
        bool, typer.Option("--settings", help="Only the settings: what counts, and where it came from.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Look whether everything works.

    One row each, with what to do about it. Exit code 1 if something is unhealthy.
    """
    session = session_of(ctx)
    if settings_only:
        _check_settings(session, json_=json_)
        return
    with screen.only_json(json_):
        health = _health(session)
    if json_:
        screen.document(shapes.health_shape(health))
    else:
        _show_health(health)
    raise typer.Exit(FAILED if health.status == "unhealthy" else DONE)


def _check_settings(session: Session, *, json_: bool) -> None:
    settings, effective = session.settings(), session.effective_settings()
    where = session.settings_file() or "the environment"
    if json_:
        row = {"name": "settings", "status": "healthy", "message": str(where), "remedy": ""}
        values = [{"path": each.path, "value": each.value, "origin": each.origin} for each in effective]
        screen.document({"status": "healthy", "checks": [row], "settings": values})
        return
    screen.say(f"The settings in {where} are right. What is not in the file has its default.")
    rows = [(each.path, each.value, each.origin) for each in effective]
    screen.table((Column("setting", whole=True), Column("value"), Column("from")), rows)
    for remark in settings.notes:
        screen.note(remark)


def _health(session: Session) -> Health:
    """The outcome of all checks; a database that cannot be used is a row of it, not the end of it."""
    from storyline_core import Check, Health, Status, StoreError

    try:
        with session.storyline() as storyline:
            return storyline.check()
    except StoreError as error:
        return Health((Check("database", Status.UNHEALTHY, str(error), "Nothing works until the database does."),))


def _show_health(health: Health) -> None:
    rows = [
        (str(each.status), each.name, f"{each.message}" + (f"\n→ {each.remedy}" if each.remedy else ""))
        for each in health.checks
    ]
    screen.table((Column("", whole=True), Column("what"), Column("how it is")), rows)
    screen.say(f"All in all: {health.status}")


def list_plugins(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """The kinds of things that are installed."""
    plugins = session_of(ctx).plugins()
    if json_:
        screen.document(shapes.kinds_shape(plugins.kinds()))
    else:
        rows = [
            (each.kind, str(each.contract), f"{each.package} {each.version}", each.summary) for each in plugins.kinds()
        ]
        screen.table((Column("kind", whole=True), Column("contract", whole=True), Column("package"), Column("")), rows)
    for broken in plugins.broken:
        screen.note(f"{broken.package} cannot be used: {broken.why}")
