"""`storyline sources`: where pictures come from, and the switch of each source."""

from __future__ import annotations

from typing import Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.complaints import Misused
from storyline_runner.options import JsonFlag
from storyline_runner.screen import Column
from storyline_runner.session import session_of

SourceName = Annotated[str, typer.Argument(metavar="NAME", help="The source's name in the settings.")]


def list_sources(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Each source: its kind, its last sync, and how many items it has."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        now = storyline.clock()
        counts = unit.library.counts_by_source()
        followed = {lease.subject for lease in unit.leases.held(now)}
        rows = [
            shapes.source_shape(
                entry,
                unit.sources.get(name),
                counts.get(name) or unit.library.counts(name),
                unit.runs.last("sync", name),
                watching=f"watch/{name}" in followed,
            )
            for name, entry in storyline.settings.sources.items()
        ]
        goods = {name: times.ago(unit.sources.get(name).last_good_at, now) for name in storyline.settings.sources}
    if json_:
        screen.document(shapes.in_list("sources", rows))
        return
    if not rows:
        screen.say("The settings have no source yet. Add one as [sources.NAME].")
    columns = (Column("source", whole=True), Column("kind"), Column("items", right=True), Column("last good sync"),
               Column("where"))  # fmt: skip
    screen.table(
        columns,
        [
            (
                str(row["name"]),
                str(row["kind"]),
                _items(row),
                goods[str(row["name"])] + _switched(row),
                str(row["root"]),
            )
            for row in rows
        ],
    )


def pause_source(ctx: typer.Context, name: SourceName) -> None:
    """Switch a source off: it is not looked at, and nothing of it is posted."""
    with session_of(ctx).storyline() as storyline:
        storyline.set_source_paused(name, True)
    screen.say(
        f"{name} is switched off; its items stay as they are. Switch it on with: storyline sources resume {name}"
    )


def resume_source(ctx: typer.Context, name: SourceName) -> None:
    """Switch a source on again."""
    with session_of(ctx).storyline() as storyline:
        storyline.set_source_paused(name, False)
        enabled = storyline.source_entry(name).enabled
    screen.say(f"{name} is switched on.")
    if not enabled:
        screen.note(f"The settings still say enabled = false in [sources.{name}]; take that out as well.")


def rename_source(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name until now.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")],
) -> None:
    """Carry a source's items, history and holds over to a new name.

    The settings come first: as long as they say OLD, the next sync would take every file for a new one.
    """
    session = session_of(ctx)
    with session.storyline() as storyline:
        if old in storyline.settings.sources and old != new:
            where = session.settings_file() or "the environment"
            raise Misused(
                f"{where} still says [sources.{old}]. Write there first: [sources.{new}] with "
                f'renamed_from = "{old}", and {new} in the accounts\' sources. The next sync then carries '
                "everything over."
            )
        storyline.rename_source(old, new)
    screen.say(f"Everything known of {old} now belongs to {new}.")


def _items(row: shapes.Shape) -> str:
    broken = f" ({row['broken']} broken)" if row["broken"] else ""
    return f"{row['alive']}{broken}"


def _switched(row: shapes.Shape) -> str:
    return "" if row["enabled"] else " (switched off)"
