"""`storyline queue`: the posts that are not settled, and what a person may do about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.commands.media import path_of
from storyline_runner.complaints import Misused
from storyline_runner.options import AccountName, ItemName, JsonFlag, PostId, Revision, Why, accounts_meant, only_account
from storyline_runner.screen import Column
from storyline_runner.session import session_of, who

if TYPE_CHECKING:
    from storyline_core import Post, PostEvent, PostView, Settings, Storyline


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
        (times.shown(view.post.due_at, zone), str(view.post.state), view.post.id, path_of(view.item) if view.item else "—")
        for view in views
    ]
    screen.table(columns, rows)
    for view in views:
        for remark in remarks(view.post, zone_name=zone.key):
            screen.under(f"{view.post.id}: {remark}", indent=0)


def remarks(post: Post, *, zone_name: str) -> list[str]:
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
    screen.facts(_facts(view, zone_of_post=zone.key, at=lambda moment: times.shown(moment, zone)))
    rows = [(times.shown(each.at, zone), str(each.to), each.by, each.why) for each in journal]
    screen.table((Column("journal", whole=True), Column("became", whole=True), Column("by"), Column("why")), rows)


def _facts(view: PostView, *, zone_of_post: str, at: Shown) -> list[tuple[str, str]]:
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
        ("to know", "\n".join(remarks(post, zone_name=zone_of_post))),
        ("revision", str(post.revision)),
    ]


class Shown:
    """How an instant is shown."""

    def __call__(self, moment: datetime | None, /) -> str: ...


def post_now(
    ctx: typer.Context,
    account: AccountName = None,
    item: Annotated[str | None, typer.Option("--item", metavar="ITEM", help="This one; without it the next.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Post one now, beside the schedule: the next in order, or an item of your choice."""
    with screen.only_json(json_), session_of(ctx).storyline() as storyline:
        name = only_account(storyline.settings, account)
        chosen = _item_id(storyline, item) if item else None
        post = storyline.post_beside(name, by=who(), item_id=chosen)
        post = storyline.turn_post(post.id)
    _tell(storyline, post, json_=json_)


def add_post(
    ctx: typer.Context,
    item: ItemName,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="18:00, tomorrow 9:30, 2026-05-01 18:00")],
    account: AccountName = None,
    json_: JsonFlag = False,
) -> None:
    """Post an item of your choice at a time of your choice, beside the schedule."""
    with screen.only_json(json_), session_of(ctx).storyline() as storyline:
        name = only_account(storyline.settings, account)
        now = storyline.clock()
        moment = times.read_instant(at, times.zone_of(storyline.settings, name), now)
        if moment <= now:
            raise Misused(f"{at} has passed. For at once: storyline queue now --item {item}")
        post = storyline.post_beside(name, by=who(), item_id=_item_id(storyline, item), at=moment)
    _tell(storyline, post, json_=json_)


def _item_id(storyline: Storyline, text: str) -> int:
    with storyline.read() as unit:
        return unit.library.resolve_item(text).id


def decide(
    ctx: typer.Context,
    post_id: str,
    event: PostEvent,
    *,
    why: str = "",
    snooze: str | None = None,
    revision: int | None = None,
    json_: bool = False,
) -> None:
    """Carry out a decision of the person at this command line, and say what came of it."""
    from storyline_core import Decision, PostEvent

    at_once = (PostEvent.APPROVE, PostEvent.RETRY, PostEvent.SWAP)
    with screen.only_json(json_), session_of(ctx).storyline() as storyline, screen.overhear() as heard:
        now = storyline.clock()
        decision = Decision(
            post_id=storyline.post(post_id).id,
            event=event,
            person=who(),
            name=who().partition(":")[2],
            revision=revision,
            why=why,
            until=now + times.read_duration(snooze) if snooze else None,
        )
        post = storyline.decide(decision)
        if event in at_once and post.due_at <= now:
            post = storyline.turn_post(post.id)
    _tell(storyline, post, json_=json_, said=heard.anything)


def _tell(storyline: Storyline, post: Post, *, json_: bool, said: bool = False) -> None:
    with storyline.read() as unit:
        [view] = unit.views.posts([post])
    if json_:
        screen.document(shapes.in_list("posts", [shapes.post_shape(view)]))
        return
    if not said:
        screen.say(outcome(storyline.settings, view))
    for remark in remarks(post, zone_name=""):
        screen.say(remark)
    if post.undo is not None:
        screen.say(f"To take that back within ten minutes: storyline queue undo {post.id}")


def outcome(settings: Settings, view: PostView) -> str:
    """How a post stands, in one line."""
    post, zone = view.post, times.zone_of(settings, view.post.account)
    what = path_of(view.item) if view.item else "no picture"
    when = {
        "scheduled": f"due {times.named(post.due_at, zone)}",
        "snoozed": f"until {times.named(post.due_at, zone)}",
        "posted": f"at {times.named(post.posted_at, zone)}" if post.posted_at else "",
    }.get(post.state, "")
    held = f"reserved for {post.reserved_by} until {times.named(post.reserved_until, zone)}" if post.reserved_until else ""
    parts = [each for each in (str(post.state), when, held, post.reason) if each]
    return f"{post.id} for {post.account}: {', '.join(parts)}. {what}"


def claim(ctx: typer.Context, post_id: PostId, revision: Revision = None, json_: JsonFlag = False) -> None:
    """I'll post it: keep a post for yourself for fifteen minutes."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.RESERVE, revision=revision, json_=json_)


def posted(ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False) -> None:
    """I have posted it by hand."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.POSTED, why=why, revision=revision, json_=json_)


def skip(ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False) -> None:
    """Not this one now; the item rests for a while."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.SKIP, why=why, revision=revision, json_=json_)


def reject(ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False) -> None:
    """Never this one."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.REJECT, why=why, revision=revision, json_=json_)


def snooze(
    ctx: typer.Context,
    post_id: PostId,
    length: Annotated[str, typer.Option("--for", metavar="2h", help="How long.")],
    why: Why = "",
    revision: Revision = None,
    json_: JsonFlag = False,
) -> None:
    """Later: show it again after a while."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.SNOOZE, why=why, snooze=length, revision=revision, json_=json_)


def swap(ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False) -> None:
    """Another picture for this post, please."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.SWAP, why=why, revision=revision, json_=json_)


def approve(
    ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False
) -> None:
    """Let Storyline publish it."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.APPROVE, why=why, revision=revision, json_=json_)


def undo(ctx: typer.Context, post_id: PostId, revision: Revision = None, json_: JsonFlag = False) -> None:
    """Take a decision back within ten minutes; never after a publication."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.UNDO, revision=revision, json_=json_)


def retry(ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False) -> None:
    """Try a failed post again."""
    from storyline_core import PostEvent

    decide(ctx, post_id, PostEvent.RETRY, why=why, revision=revision, json_=json_)


def resolve(
    ctx: typer.Context,
    post_id: PostId,
    live: Annotated[bool | None, typer.Option("--live/--not-live", help="Whether the story is there.")] = None,
    why: Why = "",
    revision: Revision = None,
    json_: JsonFlag = False,
) -> None:
    """Say how a publishing ended that nobody saw: the story is live, or it is not."""
    from storyline_core import PostEvent

    if live is None:
        raise Misused("Look at the account, then say --live or --not-live.")
    event = PostEvent.RESOLVE_LIVE if live else PostEvent.RESOLVE_NOT_LIVE
    decide(ctx, post_id, event, why=why, revision=revision, json_=json_)
