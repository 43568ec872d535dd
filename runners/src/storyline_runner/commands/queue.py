"""`storyline queue list/show`: the posts that are not settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.lines import path_of
from storyline_runner.options import AccountName, JsonFlag, PostId, accounts_meant
from storyline_runner.screen import Column
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from storyline_core import Post, PostView, Settings


def list_queue(ctx: typer.Context, account: AccountName = None, json_: JsonFlag = False) -> None:
    """The posts that are not settled, by the time at which each is due."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        settings = storyline.settings
        accounts_meant(settings, account)
        views = unit.views.posts(unit.queue.unsettled(account))
    if json_:
        screen.document(shapes.in_list("posts", map(shapes.post_shape, views)))
        return
    if not views:
        screen.say("Nothing waits. Posts are chosen by `storyline run` or `storyline tick`.")
    for name in dict.fromkeys(view.post.account for view in views):
        show_posts(settings, name, [view for view in views if view.post.account == name])


def show_posts(settings: Settings, account: str, views: Sequence[PostView]) -> None:
    """Waiting posts of one account as a table, and below it what needs a person."""
    zone = times.zone_of(settings, account)
    screen.heading(account, zone.key)
    columns = (Column("due", whole=True), Column("state", whole=True), Column("id", whole=True), Column("file"))
    rows = [
        (
            times.shown(view.post.due_at, zone),
            str(view.post.state),
            view.post.id,
            path_of(view.item) if view.item else "—",
        )
        for view in views
    ]
    screen.table(columns, rows)
    for view in views:
        for remark in remarks(view.post):
            screen.under(f"{view.post.id}: {remark}", indent=0)


def remarks(post: Post) -> list[str]:
    """What a person should know or do about a post."""
    found = []
    if post.state == "uncertain":
        found.append(
            "nobody knows whether it went out. Look at the account, then: "
            f"storyline queue resolve {post.id} --live  (or --not-live)"
        )
    if post.reserved_by:
        found.append(f"{post.reserved_by} is posting it")
    if post.last_error:
        found.append(f"{post.tries} failed tries, last: {post.last_error}" if post.tries else post.last_error)
    return found


def show_post(ctx: typer.Context, post_id: PostId, json_: JsonFlag = False) -> None:
    """Everything about one post, with its journal."""
    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        settings = storyline.settings
        post = unit.queue.get(post_id)
        [view] = unit.views.posts([post])
        journal = unit.queue.journal(post.id)
    if json_:
        shape = shapes.post_shape(view) | {"journal": shapes.journal_shape(journal)}
        screen.document(shapes.in_list("posts", [shape]))
        return
    zone = times.zone_of(settings, post.account)
    screen.heading(post.id, f"for {post.account}, times in {zone.key}")
    screen.facts(_facts(view, lambda moment: times.shown(moment, zone)))
    rows = [(times.shown(each.at, zone), each.event, str(each.to), each.by, each.why) for each in journal]
    columns = (Column("journal", whole=True), Column("what", whole=True), Column("became", whole=True))
    screen.table((*columns, Column("by"), Column("why")), rows)


def _facts(view: PostView, at: Callable[[datetime | None], str]) -> list[tuple[str, str]]:
    post, item, proof = view.post, view.item, view.publication
    return [
        ("state", str(post.state)),
        ("reason", post.reason),
        ("file", f"{path_of(item)} (item {item.id})" if item else ""),
        ("due", at(post.due_at)),
        ("posted", at(post.posted_at)),
        ("where", (proof.url or "by hand, so somebody said") if proof else ""),
        ("decided", f"{at(post.decided_at)} by {post.decided_by}" if post.decided_by else ""),
        ("why", "\n".join(post.why)),
        ("to know", "\n".join(remarks(post))),
        ("revision", str(post.revision)),
    ]
