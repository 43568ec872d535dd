"""`storyline history`: the posts that are settled, with proof and journal."""

from __future__ import annotations

from typing import Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.commands.media import path_of
from storyline_runner.commands.queue import show_post
from storyline_runner.options import AccountName, JsonFlag, PostId, accounts_meant, page
from storyline_runner.screen import Column
from storyline_runner.session import session_of

USUAL_ROWS = 30


def list_history(
    ctx: typer.Context,
    account: AccountName = None,
    since: Annotated[str | None, typer.Option("--since", metavar="WHEN", help="7d, 2026-05-01 or a time.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many; 0 for all.")] = None,
    json_: JsonFlag = False,
) -> None:
    """The posts that are settled, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    most = page(limit, as_json=json_, usual=USUAL_ROWS)
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        settings, now = storyline.settings, storyline.clock()
        accounts_meant(settings, account)
        start = times.read_since(since, times.zone_of(settings, account), now) if since else None
        views = unit.views.posts(unit.queue.history(account, start, most))
    if json_:
        screen.document(shapes.in_list("posts", map(shapes.post_shape, views)))
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
