"""The command line: every command by its name, in the order in which `--help` shows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from storyline_runner import screen
from storyline_runner.commands import (
    accounts,
    backups,
    curating,
    database,
    deciding,
    duplicates,
    history,
    installing,
    keys,
    media,
    planning,
    queue,
    runs,
    sources,
    starting,
    syncing,
    telling,
    users,
    working,
)
from storyline_runner.complaints import DONE, FAILED, INTERRUPTED
from storyline_runner.session import Session

PLUGIN_COMMANDS = "storyline.commands"
"""The entry-point group under which plugins offer a `typer.Typer` each; the entry point's name is the group's."""

Command = Callable[..., None]

COMMANDS: dict[str, Command] = {
    "demo": starting.demo,
    "init": starting.init,
    "sync": syncing.sync,
    "plan": planning.plan,
    "why": telling.why,
    "run": working.run,
    "tick": working.tick,
    "check": working.check,
    "pause": accounts.pause,
    "resume": accounts.resume,
    "plugins": working.list_plugins,
}

GROUPS: dict[str, tuple[str, dict[str, Command]]] = {
    "queue": (
        "The posts that are not settled, and what you may do about them.",
        {
            "list": queue.list_queue,
            "show": queue.show_post,
            "now": deciding.post_now,
            "add": deciding.add_post,
            "claim": deciding.claim,
            "posted": deciding.posted,
            "skip": deciding.skip,
            "reject": deciding.reject,
            "snooze": deciding.snooze,
            "swap": deciding.swap,
            "approve": deciding.approve,
            "undo": deciding.undo,
            "retry": deciding.retry,
            "resolve": deciding.resolve,
        },
    ),
    "media": (
        "The library: what is in it, what it says, what is held back.",
        {
            "list": media.list_items,
            "show": media.show_item,
            "edit": curating.edit_item,
            "hold": curating.hold_item,
            "release": curating.release_item,
            "holds": curating.list_holds,
            "duplicates": duplicates.list_duplicates,
            "validate": media.validate_files,
        },
    ),
    "sources": (
        "Where pictures come from.",
        {
            "list": sources.list_sources,
            "pause": sources.pause_source,
            "resume": sources.resume_source,
            "rename": sources.rename_source,
        },
    ),
    "users": (
        "The team.",
        {
            "list": users.list_users,
            "promote": users.promote,
            "demote": users.demote,
            "deactivate": users.deactivate,
            "activate": users.activate,
            "team": users.set_team,
            "stats": users.stats,
        },
    ),
    "db": (
        "The database.",
        {
            "upgrade": database.upgrade,
            "current": database.current,
            "check": database.check,
            "copy": database.copy,
        },
    ),
    "backup": (
        "Backups: everything that Storyline knows, in one file.",
        {
            "create": backups.create,
            "list": backups.list_backups,
            "verify": backups.verify,
            "restore": backups.restore,
            "prune": backups.prune,
        },
    ),
    "secrets": (
        "The key of what plugins keep encrypted.",
        {"list": keys.list_secrets, "new": keys.make_key, "rotate": keys.rotate},
    ),
    "service": ("Keep Storyline running on this machine.", {"install": installing.install_unit}),
}

LISTS: dict[str, tuple[Command, dict[str, Command]]] = {
    "history": (history.list_history, {"show": history.show_history, "stats": history.stats}),
    "runs": (runs.list_runs, {"show": runs.show_run}),
}
"""Commands that list by themselves and have commands below them."""


def run(words: Sequence[str]) -> int:
    """Carry out one command line and return its exit code. Raises whatever the command raises."""
    command = typer.main.get_command(build(words))
    try:
        code = command.main(args=in_order(words), prog_name="storyline", standalone_mode=False)
    except SystemExit as end:
        # So end typer and rich when nobody reads the output any more.
        if screen.reader_left():
            raise BrokenPipeError from end
        raise
    except typer.Abort:
        if sys.stdin.isatty():
            return INTERRUPTED
        screen.note("Nobody answered, so nothing was done.")
        return FAILED
    except Exception as error:
        # A mistake on the command line, which typer knows how to tell.
        show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if show is None or exit_code is None:
            raise
        if isinstance(message := getattr(error, "message", None), str):
            error.message = message.replace("Value error, ", "")  # type: ignore[attr-defined]
        show()
        return int(exit_code)
    return code if type(code) is int else DONE


def build(words: Sequence[str]) -> typer.Typer:
    """The whole command line. Plugins' groups are loaded when the words name them, or when all are listed."""
    app = typer.Typer(
        name="storyline",
        help="From a folder of pictures to posted stories. Try it with nothing configured: storyline demo",
        callback=_before,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name, command in COMMANDS.items():
        app.command(name)(command)
    for name, (about, commands) in GROUPS.items():
        app.add_typer(_group(about, commands), name=name)
    for name, (command, commands) in LISTS.items():
        group = _group((command.__doc__ or "").partition("\n")[0], commands, itself=command)
        app.add_typer(group, name=name)
    for point in _wanted(words):
        if (offered := _load(point)) is not None:
            app.add_typer(offered, name=point.name)
    return app


def _group(about: str, commands: dict[str, Command], *, itself: Command | None = None) -> typer.Typer:
    group = typer.Typer(help=about, no_args_is_help=itself is None, rich_markup_mode=None)
    if itself is not None:
        group.callback(invoke_without_command=True)(itself)
    for name, command in commands.items():
        group.command(name)(command)
    return group


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"storyline {version_of('storyline')}")
        raise typer.Exit


def _before(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The settings; otherwise ./storyline.toml, then your own."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show where errors come from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Say which Storyline this is.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    ctx.obj = Session(config=config, verbose=verbose)


def in_order(words: Sequence[str]) -> list[str]:
    """The words with --config and -v in front, wherever they were written; a plugin's own words are left alone."""
    front: list[str] = []
    rest: list[str] = []
    left = list(words)
    ours = next((word for word in _named(words) if not word.startswith("-")), "") in {*COMMANDS, *GROUPS, *LISTS}
    while left:
        word = left.pop(0)
        if word == "--" or not ours:
            return [*front, *rest, word, *left]
        if word == "--config" and left:
            front += [word, left.pop(0)]
        elif word in ("-v", "--verbose") or word.startswith("--config="):
            front.append(word)
        else:
            rest.append(word)
    return [*front, *rest]


def _named(words: Sequence[str]) -> list[str]:
    """The words without `--config` and the file behind it, which may be called like a command."""
    named: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--config":
            next(left, None)
        else:
            named.append(word)
    return named


def _wanted(words: Sequence[str]) -> list[EntryPoint]:
    """The plugins' groups that these words may mean: one by its name, all of them for a list of commands."""
    points = entry_points(group=PLUGIN_COMMANDS)
    ours = {*COMMANDS, *GROUPS, *LISTS}
    named = [word for word in _named(words) if word in points.names or word in ours]
    found = [point for point in points if point.name not in ours]
    return [point for point in found if point.name in named[:1]] if named else found


def _load(point: EntryPoint) -> typer.Typer | None:
    """A plugin's group, or None, with a remark, for one that cannot be loaded."""
    who = point.dist.name if point.dist else point.value
    try:
        group = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's import does
        screen.note(f"The commands of {who} cannot be used ({type(error).__name__}: {error}). The rest can.")
        return None
    if not isinstance(group, typer.Typer):
        screen.note(f"The commands of {who} cannot be used: {point.value} is not a typer.Typer. The rest can.")
        return None
    return group
