"""`storyline history`: the posts that are settled, with proof and journal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, tally_shapes, times
from storyline_runner.commands.queue import show_post
from storyline_runner.lines import path_of
from storyline_runner.options import AccountName, CsvFlag, JsonFlag, PostId, Since, accounts_meant, page
from storyline_runner.screen import Column
from storyline_runner.session import session_of
from storyline_runner.sheets import show_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storyline_core import Outcome

USUAL_ROWS = 30


def list_history(
    ctx: typer.Context,
    account: AccountName = None,
    since: Since = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many; 0 for all.")] = None,
    csv: CsvFlag = False,
    json_: JsonFlag = False,
) -> None:
    """The posts that are settled, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    most = page(limit, as_json=json_ or csv, usual=USUAL_ROWS)
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        settings, now = storyline.settings, storyline.clock()
        accounts_meant(settings, account)
        start = times.read_since(since, times.zone_of(settings, account), now) if since else None
        views = unit.views.posts(unit.queue.history(account, start, most))
    if json_ or csv:
        show_rows("posts", list(map(shapes.post_shape, views)), as_csv=csv)
        return
    if not views:
        screen.say("Nothing has been settled yet." if start is None else "Nothing was settled in that time.")
    columns = (Column("when", whole=True), Column("became", whole=True), Column("id", whole=True), Column("file"),
               Column("by"))  # fmt: skip
    for name in dict.fromkeys(view.post.account for view in views):
        zone = times.zone_of(settings, name)
        screen.heading(name, zone.key)
        rows = []
        for view in views:
            if view.post.account == name:
                post, file = view.post, path_of(view.item) if view.item else "—"
                by = post.decided_by or post.reason
                at = times.shown(post.posted_at or post.settled_at, zone, seen_at=now)
                rows.append((at, str(post.state), post.id, file, by))
        screen.table(columns, rows)


def show_history(ctx: typer.Context, post_id: PostId, json_: JsonFlag = False) -> None:
    """Everything about one post, with its proof and journal."""
    show_post(ctx, post_id, json_)


def stats(
    ctx: typer.Context, account: AccountName = None, since: Since = None, csv: CsvFlag = False, json_: JsonFlag = False
) -> None:
    """What became of posts: how many were posted, skipped or missed, per account and category."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        accounts_meant(storyline.settings, account)
        zone = times.zone_of(storyline.settings, account)
        start = times.read_since(since, zone, storyline.clock()) if since else None
        found = unit.outcomes.by_category(account, start)
    if json_ or csv:
        show_rows("outcomes", list(map(tally_shapes.outcome_shape, found)), as_csv=csv)
        return
    if not found:
        screen.say("Nothing has been settled yet." if start is None else "Nothing was settled in that time.")
    for name in dict.fromkeys(each.account for each in found):
        _show_outcomes(name, [each for each in found if each.account == name])


def _show_outcomes(account: str, found: Sequence[Outcome]) -> None:
    total: Counter[str] = Counter()
    for each in found:
        total.update(each.states)
    states = sorted(total, key=lambda state: (-total[state], state))
    settled = total.total()
    screen.heading(account, f"{settled} settled")
    rows = [(each.category or "(none)", *(str(each.states.get(state, 0)) for state in states)) for each in found]
    rows.append(("all", *(f"{total[state]} ({total[state] / settled:.0%})" for state in states)))
    screen.table((Column("category"), *(Column(state, right=True) for state in states)), rows)
