"""`storyline users`: the team."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_core import ago, spoken
from storyline_runner import screen, shapes, tally_shapes, times
from storyline_runner.options import CsvFlag, JsonFlag, Since
from storyline_runner.screen import Column
from storyline_runner.session import session_of
from storyline_runner.sheets import show_rows

if TYPE_CHECKING:
    from storyline_core import Person, Storyline

User = Annotated[str, typer.Argument(metavar="USER", help="notifier:id, as in telegram:123456789")]


class RoleName(StrEnum):
    """What a person may do beside acting on posts."""

    ADMIN = "admin"
    MEMBER = "member"


def list_users(
    ctx: typer.Context,
    team: Annotated[str | None, typer.Option("--team", metavar="NAME", help="Only this team.")] = None,
    role: Annotated[RoleName | None, typer.Option("--role", help="Only these.")] = None,
    csv: CsvFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Everybody who has acted, or was promoted before."""
    from storyline_core import TeamRole

    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        people = unit.people.list(team=team, role=TeamRole(role.value) if role else None)
        now = storyline.clock()
    if json_ or csv:
        show_rows("users", list(map(tally_shapes.person_shape, people)), as_csv=csv)
        return
    if not people:
        screen.say(
            "Nobody yet. People are met when they act; the first admin: storyline users promote telegram:123456789"
        )
    columns = (Column("id"), Column("name"), Column("role", whole=True), Column("team"), Column("posts", right=True),
               Column("last seen"))  # fmt: skip
    rows = [
        (each.person, _name(each), str(each.role), each.team or "", str(each.posts), ago(each.last_seen_at, now))
        for each in people
    ]
    screen.table(columns, rows)


def _name(person: Person) -> str:
    username = f" @{person.username}" if person.username else ""
    return f"{person.name}{username}" + ("" if person.active else " (deactivated)")


def promote(ctx: typer.Context, user: User, json_: JsonFlag = False) -> None:
    """Make somebody an admin, seen before or not."""
    from storyline_core import TeamRole

    _change(ctx, lambda storyline: storyline.set_role(user, TeamRole.ADMIN), f"{user} is an admin.", json_)


def demote(ctx: typer.Context, user: User, json_: JsonFlag = False) -> None:
    """Make an admin a member again."""
    from storyline_core import TeamRole

    _change(ctx, lambda storyline: storyline.set_role(user, TeamRole.MEMBER), f"{user} is a member.", json_)


def deactivate(ctx: typer.Context, user: User, json_: JsonFlag = False) -> None:
    """Keep somebody from acting; their history stays."""
    _change(ctx, lambda storyline: storyline.set_active(user, False), f"{user} cannot act any more.", json_)


def activate(ctx: typer.Context, user: User, json_: JsonFlag = False) -> None:
    """Let somebody act again."""
    _change(ctx, lambda storyline: storyline.set_active(user, True), f"{user} can act again.", json_)


def set_team(
    ctx: typer.Context,
    user: User,
    name: Annotated[str, typer.Argument(metavar="NAME", help='The team; "" for none.')],
    json_: JsonFlag = False,
) -> None:
    """Put somebody into a team."""
    said = f"{user} belongs to {name}." if name else f"{user} belongs to no team."
    _change(ctx, lambda storyline: storyline.set_team(user, name), said, json_)


def _change(ctx: typer.Context, change: Callable[[Storyline], Person], said: str, json_: bool) -> None:
    with session_of(ctx).storyline() as storyline:
        person = change(storyline)
    if json_:
        screen.document(shapes.in_list("users", [tally_shapes.person_shape(person)]))
        return
    screen.say(said)


def stats(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Argument(metavar="USER", help="Only this person.")] = None,
    since: Since = None,
    csv: CsvFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Who decided what, how soon and when, and how many posts went out by whom."""
    from storyline_core import busiest, top

    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        zone, now = times.zone_of(storyline.settings), storyline.clock()
        start = times.read_since(since, zone, now) if since else None
        found = unit.people.stats(user, since=start, zone=zone)
        if user is not None and not any(each.posts or each.decisions for each in found):
            # Whoever decides at a terminal is known by decisions alone; of anybody else it is a slip of the pen.
            unit.people.get(user)
        names = {person.person: person.name for person in unit.people.list()}
    if json_ or csv:
        show_rows("stats", list(map(tally_shapes.stats_shape, found)), as_csv=csv)
        return
    if not found:
        screen.say("Nobody has decided anything yet." if start is None else "Nobody decided anything in that time.")
    rows = [
        (
            names.get(each.person) or each.person,
            str(each.posts),
            ", ".join(f"{count} {event}" for event, count in sorted(each.decisions.items())) or "nothing",
            f"in {spoken(each.answered_in)}" if each.answered_in is not None else "",
            ", ".join(f"{hour}:00" for hour in busiest(each.hours)),
            " ".join(f"#{tag}" for tag in top(each.tags, 3)),
            times.shown(each.last_at, zone, seen_at=now),
        )
        for each in found
    ]
    columns = (Column("who"), Column("posts", right=True), Column("decided"), Column("answers"))
    screen.table((*columns, Column("busiest hours"), Column("top tags"), Column(f"last ({zone.key})")), rows)
