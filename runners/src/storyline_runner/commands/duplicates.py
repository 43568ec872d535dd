"""`storyline media duplicates`: what lies in the library more than once, and what only looks like something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.commands.media import USUAL_ROWS
from storyline_runner.lines import path_of
from storyline_runner.options import JsonFlag, page
from storyline_runner.progress import bar
from storyline_runner.screen import Column
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from storyline_core import Copy, Duplicates, Likened, Storyline

MOST_PROBLEMS = 10

_COLUMNS = (
    Column("", whole=True),
    Column("id", whole=True, right=True),
    Column("file"),
    Column("source"),
    Column("size", right=True),
    Column("added"),
    Column("posted"),
)


def list_duplicates(
    ctx: typer.Context,
    near: Annotated[
        bool, typer.Option("--near", help="Also pictures that look alike; reads those not compared before.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", help="At most so many groups; 0 for all.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """Files that are there more than once, those that waste most first. Posting one keeps its copies back as well."""
    from storyline_core import find_duplicates

    most = page(limit, as_json=json_, usual=USUAL_ROWS)
    with session_of(ctx).storyline(read_only=not near) as storyline:
        likened = _likened(storyline) if near else None
        groups = find_duplicates(storyline.store, near=near)
        zone, now = times.zone_of(storyline.settings), storyline.clock()
    if json_:
        screen.document(shapes.duplicates_shape(groups[:most], likened))
        return
    screen.table(_COLUMNS, list(_rows(groups[:most], zone, now)))
    for line in _totals(groups, near=near):
        screen.say(line)
    if most and len(groups) > most:
        screen.note(f"These are the first {most} groups; --limit 0 shows all.")
    if likened is not None:
        _note_problems(likened)


def _likened(storyline: Storyline) -> Likened:
    from storyline_core import find_likenesses

    openers = {}
    for name in storyline.settings.sources:
        openers[name] = lambda key, name=name: storyline.opened_source(name).open_media(key)
    with bar() as drawn:
        return find_likenesses(
            storyline.store, openers, tell=lambda done, of: drawn.show("looking at pictures", done, of)
        )


def _rows(groups: Sequence[Duplicates], zone: ZoneInfo, now: datetime) -> Iterator[tuple[str, ...]]:
    for number, group in enumerate(groups, 1):
        for place, copy in enumerate(group.copies):
            yield (f"{number} {group.kind}" if not place else _differs(group, copy), *_cells(group, copy, zone, now))


def _differs(group: Duplicates, copy: Copy) -> str:
    if group.kind == "same":
        return ""
    return f"{copy.distance} of 64" if copy.item.digest != group.digest else "same"


def _cells(group: Duplicates, copy: Copy, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    item = copy.item
    posted = f"{item.times_posted}× {times.shown(item.last_posted_at, zone, seen_at=now)}" if item.times_posted else ""
    added = times.shown(item.added_at, zone, seen_at=now)
    size = screen.megabytes(item.size / 1_000_000)
    if group.kind == "alike" and item.width and item.height:
        size = f"{item.width}x{item.height} {size}"
    return str(item.id), path_of(item), item.source, size, added, posted


def _totals(groups: Sequence[Duplicates], *, near: bool) -> Iterator[str]:
    """One line for each kind."""
    if not groups:
        yield "Every file is there once, and no two pictures look alike." if near else "Every file is there once."
        return
    if same := [group for group in groups if group.kind == "same"]:
        more = sum(len(group.copies) - 1 for group in same)
        size = screen.megabytes(sum(group.waste for group in same) / 1_000_000)
        yield f"{_counted(len(same), 'group')} with the same content: {_counted(more, 'file')} too many, {size}."
    if alike := [group for group in groups if group.kind == "alike"]:
        files = sum(len(group.copies) for group in alike)
        yield (
            f"{_counted(len(alike), 'group')} of pictures that look alike, {_counted(files, 'file')}. "
            "The numbers say in how many of 64 signs each differs from the first."
        )


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _note_problems(likened: Likened) -> None:
    problems = likened.problems
    for problem in problems[:MOST_PROBLEMS]:
        screen.note(f"not compared: {screen.plain(problem.key)} ({problem.source}): {problem.why}")
    if len(problems) > MOST_PROBLEMS:
        screen.note(f"not compared: {len(problems) - MOST_PROBLEMS} more")
