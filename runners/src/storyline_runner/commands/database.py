"""`storyline db`: the tables' version, and moving everything to another database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen
from storyline_runner.complaints import DONE, FAILED, Misused
from storyline_runner.options import JsonFlag
from storyline_runner.progress import waiting
from storyline_runner.screen import Column
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from storyline_core import SchemaState


def upgrade(ctx: typer.Context) -> None:
    """Bring the tables to the version that this Storyline needs. An embedded database does so by itself."""
    from storyline_core import open_store

    settings = session_of(ctx).settings()
    store = open_store(settings.database_url)
    try:
        before = store.schema()
        store.upgrade()
    finally:
        store.close()
    if before.level:
        screen.say(f"The {store.place} is level already (version {before.head}).")
    else:
        screen.say(f"The {store.place} went from {before.current or 'empty'} to version {before.head}.")


def current(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Which version the tables have, and which is needed."""
    place, state = _schema(ctx)
    if json_:
        screen.document({"current": state.current, "head": state.head, "level": state.level})
    elif state.later:
        screen.say(
            f"The {place} was written by a later Storyline (version {state.current} of the tables; this one knows "
            f"{state.head}). Install that Storyline."
        )
    else:
        screen.say(f"The {place} has version {state.current or 'none'}; this Storyline needs {state.head}.")
    raise typer.Exit(FAILED if state.later else DONE)


def check(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Whether the tables are as this Storyline needs them. Exit code 1 if not."""
    place, state = _schema(ctx)
    if state.level:
        message, remedy = f"The {place} is level (version {state.head}).", ""
    elif state.later:
        message, remedy = f"The {place} was written by a later Storyline.", "Install that Storyline."
    else:
        message = f"The {place} has version {state.current or 'none'}, {state.head} is needed."
        remedy = "Make a backup, then run: storyline db upgrade"
    if json_:
        screen.document({"current": state.current, "head": state.head, "level": state.level, "message": message})
    else:
        screen.say(f"{message} {remedy}".strip())
    raise typer.Exit(DONE if state.level else FAILED)


def _schema(ctx: typer.Context) -> tuple[str, SchemaState]:
    from storyline_core import open_store

    settings = session_of(ctx).settings()
    store = open_store(settings.database_url, read_only=True)
    try:
        return store.place, store.schema()
    finally:
        store.close()


def copy(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database: sqlite:///FILE or postgresql://…")],
    json_: JsonFlag = False,
) -> None:
    """Copy everything into an empty database, and compare counts and checksums. The settings stay as they are."""
    from storyline_core import hide_password, open_store

    settings = session_of(ctx).settings()
    if to == settings.database_url:
        raise Misused("That is the database itself. Name another one, which is empty.")
    source = open_store(settings.database_url, read_only=True)
    if source.embedded and source.file is None:
        raise Misused(f"There is no database {hide_password(settings.database_url)} yet, so nothing can be copied.")
    target = open_store(to)
    try:
        source.ensure_schema()
        target.upgrade()
        with waiting("copying"):
            counts = source.copy_to(target)
    finally:
        source.close()
        target.close()
    if json_:
        screen.document({"tables": [{"table": name, "rows": count} for name, count in counts.items()]})
        return
    rows = [(name, str(count)) for name, count in counts.items() if count]
    screen.table((Column("table"), Column("rows copied", right=True)), rows)
    screen.say(
        f"Everything is in {hide_password(to)}, counts and checksums compared. "
        "To use it, write that into [database] url, then: storyline check"
    )
