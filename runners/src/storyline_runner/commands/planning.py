"""`storyline plan`: what would be posted when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes
from storyline_runner.complaints import Misused
from storyline_runner.lines import path_of
from storyline_runner.options import AccountName, JsonFlag, accounts_meant
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from storyline_core import Account, Foreseen

LONGEST_DAYS = 366


def plan(
    ctx: typer.Context,
    account: AccountName = None,
    days: Annotated[int, typer.Option("--days", metavar="N", help="How far to look ahead.")] = 30,
    json_: JsonFlag = False,
) -> None:
    """What would be posted when, and why. Writes nothing, contacts nobody."""
    if not 1 <= days <= LONGEST_DAYS:
        raise Misused(f"--days must be between 1 and {LONGEST_DAYS}.")
    with session_of(ctx).storyline(read_only=True) as storyline:
        settings = storyline.settings
        plans = {name: storyline.plan(name, days) for name in accounts_meant(settings, account)}
    if json_:
        rows = [shapes.slot_shape(name, each) for name, plan in plans.items() for each in plan]
        screen.document(shapes.in_list("slots", rows))
        return
    for name, foreseen in plans.items():
        show_plan(settings.accounts[name], foreseen)


def show_plan(account: Account, foreseen: Sequence[Foreseen]) -> None:
    """A plan by days, in the account's zone, each pick with its reasons."""
    schedule = account.schedule
    window = f"{schedule.opens:%H:%M}–{schedule.closes:%H:%M}"
    screen.heading(account.name, f"{schedule.posts_per_day} a day, {window} {schedule.zone.key}, mode {account.mode}")
    if not foreseen:
        screen.say("  Nothing lies ahead.")
    local = [(each.at.astimezone(schedule.zone), each) for each in foreseen]
    for day, posts in groupby(local, key=lambda pair: pair[0].date()):
        screen.say(f"{day:%a %d %b %Y}", style="bold")
        for at, each in posts:
            screen.say(f"  {at:%H:%M}  {_what(each)}")
            screen.under("; ".join(each.why), indent=9)


def _what(foreseen: Foreseen) -> str:
    if foreseen.item is None:
        return "— nothing"
    hand = "  (by hand)" if foreseen.item.description.requires_interaction else ""
    fixed = f"  [{foreseen.post.state} {foreseen.post.id}]" if foreseen.filled else ""
    return f"{path_of(foreseen.item)}{hand}{fixed}"
