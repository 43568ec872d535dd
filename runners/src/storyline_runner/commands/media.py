"""`storyline media`: what is in the library, and whether files will make good stories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.complaints import DONE, FAILED, Misused
from storyline_runner.lines import path_of
from storyline_runner.options import CsvFlag, ItemName, JsonFlag, page
from storyline_runner.progress import bar
from storyline_runner.screen import Column
from storyline_runner.session import session_of
from storyline_runner.sheets import show_rows

if TYPE_CHECKING:
    from storyline_core import MediaItem, Validation

USUAL_ROWS = 50


class ItemState(StrEnum):
    """How an item stands."""

    ALIVE = "alive"
    REMOVED = "removed"
    BROKEN = "broken"


class YesNo(StrEnum):
    """An answer."""

    YES = "yes"
    NO = "no"


def list_items(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only of this source.")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="NAME", help="Only this top folder.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only with this tag.")] = None,
    state: Annotated[ItemState | None, typer.Option("--state", help="Only these.")] = None,
    interaction: Annotated[
        YesNo | None, typer.Option("--interaction", help="Only those that need a person to post them, or not.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many; 0 for all.")] = None,
    csv: CsvFlag = False,
    json_: JsonFlag = False,
) -> None:
    """The items of the library."""
    most = page(limit, as_json=json_ or csv, usual=USUAL_ROWS)
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        if source is not None and source not in unit.sources.names():
            # One that is only remembered is known as well, one that is only in the settings has nothing yet.
            storyline.source_entry(source)
        items = unit.library.items(
            source=source,
            category=category,
            tag=tag,
            state=state.value if state else None,
            interaction=None if interaction is None else interaction is YesNo.YES,
            limit=most and most + 1,
        )
        zone, now = times.zone_of(storyline.settings), storyline.clock()
    shown = items[:most]
    if json_ or csv:
        show_rows("items", list(map(shapes.item_shape, shown)), as_csv=csv)
        return
    if not shown:
        screen.say("Nothing in the library answers to that. Look at the sources with: storyline sync")
    rows = [_item_row(item, zone, now) for item in shown]
    if len({item.source for item in shown}) > 1:
        rows = [(*row, item.source) for row, item in zip(rows, shown, strict=True)]
        screen.table((*_ITEM_COLUMNS, Column("source")), rows)
    else:
        screen.table(_ITEM_COLUMNS, rows)
    if len(items) > len(shown):
        screen.note(f"These are the first {len(shown)}; --limit 0 shows all.")


_ITEM_COLUMNS = (Column("id", whole=True, right=True), Column("file"), Column("says"), Column("posted"))


def _item_row(item: MediaItem, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    words = item.description
    says = [f"#{tag}" for tag in words.tags]
    if words.requires_interaction:
        says.insert(0, "by hand")
    if item.state != "alive":
        says.insert(0, f"{item.state.upper()} {item.problem or ''}".rstrip())
    posted = f"{item.times_posted}× {times.shown(item.last_posted_at, zone, seen_at=now)}" if item.times_posted else ""
    return str(item.id), path_of(item), " ".join(says), posted


def show_item(ctx: typer.Context, item: ItemName, json_: JsonFlag = False) -> None:
    """Everything about one item: what it says, what holds it, its copies, and what happened to it."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        found = unit.library.resolve_item(item)
        now, zone = storyline.clock(), times.zone_of(storyline.settings)
        events = unit.library.events(found.id)
        holds = unit.holds.active(now, item=found.id)
        twins = [twin for twin in unit.library.twins(found) if twin.id != found.id]
    if json_:
        shape = shapes.item_shape(found) | {
            "holds": [shapes.hold_shape(hold) for hold in holds],
            "twins": [twin.id for twin in twins],
            "events": [shapes.event_shape(event) for event in events],
        }
        screen.document(shapes.in_list("items", [shape]))
        return
    screen.heading(path_of(found), f"item {found.id} of {found.source}")
    screen.facts([("state", found.state), ("problem", found.problem or ""), *_facts(found, zone)])
    for hold in holds:
        end = f"until {times.shown(hold.until, zone, seen_at=now)}" if hold.until else "for ever"
        screen.say(f"held: {hold.reason} in {hold.account or 'all accounts'} {end}, by {hold.by}")
    for twin in twins:
        screen.say(f"same picture: {path_of(twin)} (item {twin.id} of {twin.source})")
    rows = [
        (times.shown(event.at, zone, seen_at=now), event.kind, event.to_path or event.from_path or "", event.evidence)
        for event in events
    ]
    screen.table((Column(zone.key), Column("what"), Column("where"), Column("evidence")), rows)


def _facts(item: MediaItem, zone: ZoneInfo) -> list[tuple[str, str]]:
    words = item.description
    pixels = f"{item.width} x {item.height}, " if item.width and item.height else ""
    posted = (
        f"{item.times_posted} times, last {times.named(item.last_posted_at, zone)}" if item.last_posted_at else "never"
    )
    return [
        ("title", words.title),
        ("caption", words.caption),
        ("link", words.link_url),
        ("tags", " ".join(f"#{tag}" for tag in words.tags)),
        ("posting", "by hand: it needs a sticker" if words.requires_interaction else "needs nobody"),
        ("stickers", _stickers(item)),
        ("category", item.category or "(none)"),
        ("file", f"{pixels}{item.media_type}, {screen.megabytes(item.size / 1_000_000)}"),
        ("posted", posted),
        ("digest", item.digest or "not read yet"),
    ]


def _stickers(item: MediaItem) -> str:
    from storyline_core import stickers

    return "\n".join(stickers(item.description))


def validate_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, or folders with files.")],
    json_: JsonFlag = False,
) -> None:
    """Whether files will make good stories, checked to the last pixel. Exit code 1 if one cannot be used."""
    files = list(_files(paths))
    outcomes = _validated(files)
    if json_:
        rows = [shapes.validation_shape(path, outcome) for path, outcome in outcomes]
        screen.document(shapes.in_list("files", rows))
    else:
        for path, outcome in outcomes:
            _show_validation(path, outcome)
    raise typer.Exit(DONE if all(outcome.valid for _, outcome in outcomes) else FAILED)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    from storyline_core import Role, role_of

    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if role_of(each.name) is Role.MEDIA and each.is_file())
        elif path.exists() or path.is_symlink():
            yield path
        else:
            raise Misused(f"There is no file {path}.")


def _validated(files: Sequence[Path]) -> list[tuple[Path, Validation]]:
    from storyline_core import validate

    outcomes = []
    with bar() as drawn:
        for number, path in enumerate(files):
            drawn.show("checking", number, len(files))
            outcomes.append((path, validate(path)))
    return outcomes


def _show_validation(path: Path, outcome: Validation) -> None:
    size = f"{outcome.width} x {outcome.height}" if outcome.width and outcome.height else ""
    facts = ", ".join(
        each
        for each in (outcome.format or "", size, screen.megabytes(outcome.size_mb) if outcome.size_mb else "")
        if each
    )
    screen.heading(f"{'ok ' if outcome.valid else 'NO '} {path}", facts)
    for error in outcome.errors:
        screen.under(error, indent=4)
    for warning in outcome.warnings:
        screen.under(f"(advice) {warning}", indent=4)
