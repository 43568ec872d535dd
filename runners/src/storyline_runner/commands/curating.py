"""`storyline media edit/hold/release/holds`: what people change about items by hand."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.complaints import Misused
from storyline_runner.lines import path_of
from storyline_runner.options import AccountName, ItemName, JsonFlag
from storyline_runner.screen import Column
from storyline_runner.session import session_of, who

if TYPE_CHECKING:
    from storyline_core import MediaItem

_FIELDS = {
    "title": "title",
    "caption": "caption",
    "link": "link_url",
    "link_url": "link_url",
    "tag": "tags",
    "tags": "tags",
    "interaction": "requires_interaction",
    "requires_interaction": "requires_interaction",
    "custom": "custom_metadata",
    "custom_metadata": "custom_metadata",
}
"""What people may call a field after --reset, and what it is."""


class HoldReason(StrEnum):
    """Why a person keeps an item back."""

    MANUAL = "manual"
    SEASONAL = "seasonal"


def edit_item(
    ctx: typer.Context,
    item: ItemName,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help='"" for none.')] = None,
    caption: Annotated[str | None, typer.Option("--caption", metavar="TEXT", help='"" for none.')] = None,
    link: Annotated[str | None, typer.Option("--link", metavar="URL", help='"" for none.')] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help='Repeat for more; "" for none.')] = None,
    interaction: Annotated[
        bool | None, typer.Option("--interaction/--no-interaction", help="Whether a person must post it.")
    ] = None,
    reset: Annotated[
        list[str] | None, typer.Option("--reset", metavar="FIELD", help="Return a field to what the files say.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """Change what an item says. Your word wins over every file, field by field, until you --reset it."""
    from storyline_core import partial_from_json

    said = {
        "title": title,
        "caption": caption,
        "link_url": link,
        "tags": [each for each in tag if each] if tag is not None else None,
        "requires_interaction": interaction,
    }
    given = {field: value for field, value in said.items() if value is not None}
    fields = [_field(name) for name in reset or ()]
    if not given and not fields:
        raise Misused("Say what to change, as in: storyline media edit ITEM --title 'Summer sale'")
    if both := sorted(set(given) & set(fields)):
        raise Misused(f"{both[0]} cannot be set and reset at once.")
    try:
        says = partial_from_json(given)
    except ValueError as error:
        raise Misused(str(error)) from None
    with session_of(ctx).storyline() as storyline:
        with storyline.read() as unit:
            found = unit.library.resolve_item(item)
        edited = storyline.edit_item(found.id, says, by=who(), reset=fields)
    if json_:
        screen.document(shapes.in_list("items", [shapes.item_shape(edited)]))
        return
    _show_edited(edited)


def _show_edited(item: MediaItem) -> None:
    words = item.description
    screen.say(f"{path_of(item)} now says:")
    screen.facts(
        [
            ("title", words.title or "(none)"),
            ("caption", words.caption or "(none)"),
            ("link", words.link_url or "(none)"),
            ("tags", " ".join(f"#{each}" for each in words.tags) or "(none)"),
            ("posting", "by hand" if words.requires_interaction else "needs nobody"),
        ]
    )


def _field(name: str) -> str:
    try:
        return _FIELDS[name.lower().replace("-", "_")]
    except KeyError:
        raise Misused(f"There is no field {name!r}. Fields: title, caption, link, tags, interaction, custom.") from None


def hold_item(
    ctx: typer.Context,
    item: ItemName,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="30d, 2026-12-01 or a time; without it for ever.")
    ] = None,
    reason: Annotated[HoldReason, typer.Option("--reason", help="seasonal needs --until.")] = HoldReason.MANUAL,
    account: AccountName = None,
    json_: JsonFlag = False,
) -> None:
    """Keep an item, and every copy of it, from being chosen."""
    from storyline_core import Reason

    if reason is HoldReason.SEASONAL and until is None:
        raise Misused("A seasonal hold needs its end: --until 2026-12-01")
    with session_of(ctx).storyline() as storyline:
        zone = times.zone_of(storyline.settings, account)
        now = storyline.clock()
        end = times.read_end(until, zone, now) if until else None
        with storyline.read() as unit:
            found = unit.library.resolve_item(item)
        made = storyline.hold_item(found.id, by=who(), until=end, account=account, reason=Reason(reason.value))
    if json_:
        screen.document(shapes.in_list("holds", [shapes.hold_shape(made)]))
        return
    where = account or "every account"
    when = f"until {times.named(end, zone, seen_at=now)}" if end else "for ever"
    screen.say(f"{path_of(found)} is kept out of {where} {when}. End it with: storyline media release {found.id}")


def release_item(ctx: typer.Context, item: ItemName, json_: JsonFlag = False) -> None:
    """End every hold on an item. Its copies become free as well, and are named."""
    with session_of(ctx).storyline() as storyline:
        with storyline.read() as unit:
            found = unit.library.resolve_item(item)
        released = storyline.release_item(found.id, by=who())
    twins = [twin for twin in released.twins if twin.id != found.id]
    if json_:
        shape = shapes.in_list("holds", map(shapes.hold_shape, released.holds))
        screen.document(shape | {"item": found.id, "twins": [twin.id for twin in twins]})
        return
    if not released.holds:
        screen.say(f"Nothing held {path_of(found)}.")
        return
    reasons = ", ".join(dict.fromkeys(str(hold.reason) for hold in released.holds))
    screen.say(f"{path_of(found)} is free again ({reasons} ended).")
    for twin in twins:
        screen.say(f"  so is its copy {path_of(twin)} (item {twin.id} of {twin.source})")


def list_holds(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Everything that is kept from being chosen, until when, and by whom."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        now, settings = storyline.clock(), storyline.settings
        holds = unit.holds.list(now)
        items = unit.library.items_by_id([hold.item_id for hold in holds])
    if json_:
        screen.document(shapes.in_list("holds", map(shapes.hold_shape, holds)))
        return
    if not holds:
        screen.say("Nothing is held.")
    rows = []
    for hold in holds:
        zone = times.zone_of(settings, hold.account)
        until = (
            f"{times.shown(hold.until, zone, seen_at=now)} {hold.until.astimezone(zone):%Z}"
            if hold.until
            else "for ever"
        )
        name = path_of(items[hold.item_id]) if hold.item_id in items else "?"
        rows.append((str(hold.item_id), name, hold.account or "(all)", str(hold.reason), until, hold.by))
    columns = (Column("id", whole=True, right=True), Column("file"), Column("account"), Column("why", whole=True),
               Column("until"), Column("by"))  # fmt: skip
    screen.table(columns, rows)
