"""`storyline sources`: where pictures come from, and the switch of each source."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_core import ago
from storyline_runner import screen, shapes
from storyline_runner.complaints import Misused
from storyline_runner.options import JsonFlag
from storyline_runner.screen import Column
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from storyline_core import SourceStanding

SourceName = Annotated[str, typer.Argument(metavar="NAME", help="The source's name in the settings.")]


def list_sources(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Each source: its kind, its last sync, how many items it has, and whether it is followed as it changes."""
    with session_of(ctx).storyline(read_only=True) as storyline:
        now, sources = storyline.clock(), storyline.sources()
    if json_:
        screen.document(shapes.in_list("sources", map(shapes.source_shape, sources)))
        return
    if not any(source.entry for source in sources):
        screen.say("The settings have no source yet. Add one as [sources.NAME].")
    columns = (Column("source", whole=True), Column("kind"), Column("items", right=True), Column("last good sync"),
               Column("where"))  # fmt: skip
    screen.table(columns, [_row(source, now) for source in sources])
    for source in sources:
        for remark in _remarks(source):
            screen.under(f"{source.name}: {remark}", indent=0)


def _row(source: SourceStanding, now: datetime) -> tuple[str, ...]:
    entry, broken = source.entry, source.counts.broken
    items = f"{source.counts.alive}" + (f" ({broken} broken)" if broken else "")
    good = ago(source.record.last_good_at, now)
    if entry is None:
        return source.name, "—", items, f"{good} (not in the settings)", ""
    state = "" if source.running else " (switched off)"
    return source.name, entry.kind, items, f"{good}{' (watched)' if source.watched else state}", shapes.root_of(entry)


def _remarks(source: SourceStanding) -> list[str]:
    """What a person should know about a source beside its row."""
    if source.entry is None:
        rename = f"storyline sources rename {source.name} NEW"
        return [f"not in the settings. Its items stay, and are not posted. To keep them under another name: {rename}"]
    found = [f"not followed as it changes: {source.unwatched_because}"] if source.unwatched_because else []
    if source.running and source.failed is not None:
        again = f" ({source.failed.times} times)" if source.failed.times > 1 else ""
        found.append(f"its last sync failed{again}: {source.failed.error}")
    return found + [f"{alert.text} {alert.remedy}".rstrip() for alert in source.trouble if alert.key.endswith("/held")]


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
