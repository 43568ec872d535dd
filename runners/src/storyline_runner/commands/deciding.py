"""`storyline queue …`: what a person at the command line decides about posts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, times
from storyline_runner.commands.queue import remarks
from storyline_runner.complaints import Misused
from storyline_runner.lines import path_of
from storyline_runner.options import AccountName, ItemName, JsonFlag, PostId, Revision, Why, only_account
from storyline_runner.session import session_of, who

if TYPE_CHECKING:
    from storyline_core import Post, PostEvent, PostView, Settings, Storyline

_WORDS = {
    "posted": "posted",
    "skip": "skip",
    "reject": "reject",
    "snooze": "snooze",
    "swap": "swap",
    "reserve": "claim",
    "approve": "approve",
    "undo": "undo",
    "retry": "retry",
    "resolve-live": "resolve",
    "resolve-not-live": "resolve",
}
"""A person's decisions, and the commands that carry them out."""

AT_ONCE = ("approve", "retry", "swap")
"""Decisions after which the post's next task is done at once, not at the next turn."""


def post_now(
    ctx: typer.Context,
    account: AccountName = None,
    item: Annotated[str | None, typer.Option("--item", metavar="ITEM", help="This one; without it the next.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Post one now, beside the schedule.

    The next in order, or an item of your choice.
    """
    with screen.only_json(json_), session_of(ctx).storyline() as storyline, screen.overhear() as heard:
        name = only_account(storyline.settings, account)
        chosen = _item_id(storyline, item) if item else None
        post = _beside(storyline, name, item_id=chosen)
        post = storyline.turn_post(post.id)
        view = _view(storyline, post)
        with storyline.read() as unit:
            paused = unit.accounts.state(name).paused
    _tell(storyline.settings, view, json_=json_, said=heard.anything and not post.settled)
    if paused and not post.settled:
        screen.note(f"{name} is paused, so it waits. Go on with: storyline resume --account {name}")


def add_post(
    ctx: typer.Context,
    item: ItemName,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="18:00, tomorrow 9:30, 2026-05-01 18:00")],
    account: AccountName = None,
    json_: JsonFlag = False,
) -> None:
    """Post an item of your choice at a chosen time."""
    with screen.only_json(json_), session_of(ctx).storyline() as storyline:
        name = only_account(storyline.settings, account)
        now = storyline.clock()
        moment = times.read_instant(at, times.zone_of(storyline.settings, name), now)
        if moment <= now:
            raise Misused(f"{at} has passed. For at once: storyline queue now --item {item}")
        post = _beside(storyline, name, item_id=_item_id(storyline, item), at=moment)
        view = _view(storyline, post)
    _tell(storyline.settings, view, json_=json_)


def _beside(storyline: Storyline, account: str, *, item_id: int | None, at: datetime | None = None) -> Post:
    """Add a post as the person at this command line, who is met by it as by every decision."""
    post = storyline.post_beside(account, by=who(), item_id=item_id, at=at)
    with storyline.store.begin() as unit:
        unit.people.seen(who(), _name(), None, storyline.clock())
    return post


def _name() -> str:
    return who().partition(":")[2]


def _item_id(storyline: Storyline, text: str) -> int:
    with storyline.read() as unit:
        return unit.library.resolve_item(text).id


def decide(
    ctx: typer.Context,
    post_id: str,
    event: str,
    *,
    why: str = "",
    snooze_for: str | None = None,
    revision: int | None = None,
    json_: bool = False,
) -> None:
    """Carry out a decision of the person at this command line, and say what came of it."""
    from storyline_core import Decision, PostEvent

    length = times.read_duration(snooze_for) if snooze_for else None
    with screen.only_json(json_), session_of(ctx).storyline() as storyline, screen.overhear() as heard:
        now, before = storyline.clock(), storyline.post(post_id)
        _refuse_impossible(before, PostEvent(event))
        decision = Decision(
            post_id=before.id,
            event=PostEvent(event),
            person=who(),
            name=_name(),
            revision=revision,
            why=why,
            until=now + length if length else None,
        )
        # How it ended is said below, in the account's own zone, whatever the notifier.
        heard.muted = True
        post = storyline.decide(decision)
        heard.muted = False
        if event in AT_ONCE and post.due_at <= storyline.clock():
            post = storyline.turn_post(post.id)
        view = _view(storyline, post)
    _tell(storyline.settings, view, json_=json_, said=heard.anything)


def _refuse_impossible(post: Post, event: PostEvent) -> None:
    """Say in the words of the command line what cannot be done to a post as it stands, and what can."""
    from storyline_core import TRANSITIONS, NotAllowed, PostEvent

    allowed = TRANSITIONS[post.state]
    if event in allowed:
        return
    possible = ", ".join(dict.fromkeys(word for each, word in _WORDS.items() if PostEvent(each) in allowed))
    known = f"What you can do with it: {possible}." if possible else "It is settled for good."
    raise NotAllowed(f"Post {post.id} is {post.state}, so `queue {_WORDS[event]}` is not possible. {known}")


def _view(storyline: Storyline, post: Post) -> PostView:
    with storyline.read() as unit:
        [view] = unit.views.posts([post])
    return view


def _tell(settings: Settings, view: PostView, *, json_: bool, said: bool = False) -> None:
    """Say how a post stands, unless a notifier in this very terminal has just shown its card (`said`)."""
    post = view.post
    if json_:
        screen.document(shapes.in_list("posts", [shapes.post_shape(view)]))
        return
    if not said:
        screen.say(outcome(settings, view))
    for remark in remarks(post) if not post.reserved_by else ():
        screen.say(remark)
    if post.undo is not None and post.decided_by:
        screen.say(f"To take that back within ten minutes: storyline queue undo {post.id}")


def outcome(settings: Settings, view: PostView) -> str:
    """How a post stands, in one line."""
    post, zone = view.post, times.zone_of(settings, view.post.account)
    who_did = f"by {post.decided_by}" if post.decided_by and post.settled else ""
    when = {
        "scheduled": f"due {times.named(post.due_at, zone)}",
        "snoozed": f"until {times.named(post.due_at, zone)}",
        "posted": f"at {times.named(post.posted_at, zone)}" if post.posted_at else "",
    }.get(post.state, "")
    held = (
        f"reserved for {post.reserved_by} until {times.named(post.reserved_until, zone)}" if post.reserved_until else ""
    )
    parts = [each for each in (str(post.state), when, who_did, held, post.reason) if each]
    return f"{post.id} for {post.account}: {', '.join(parts)}. {path_of(view.item) if view.item else 'No picture'}"


def _command(event: str, about: str) -> Callable[..., None]:
    """A command that carries out one kind of decision on one post."""

    def command(
        ctx: typer.Context, post_id: PostId, why: Why = "", revision: Revision = None, json_: JsonFlag = False
    ) -> None:
        decide(ctx, post_id, event, why=why, revision=revision, json_=json_)

    command.__doc__ = about
    return command


claim = _command("reserve", "I'll post it: keep it for yourself for 15 minutes.")
posted = _command("posted", "I have posted it by hand.")
skip = _command("skip", "Not this one now; the item rests for a while.")
reject = _command("reject", "Never this one.")
swap = _command("swap", "Another picture for this post, please.")
approve = _command("approve", "Let Storyline publish it.")
undo = _command("undo", "Take a decision back within ten minutes.")
retry = _command("retry", "Try a failed post again.")


def snooze(
    ctx: typer.Context,
    post_id: PostId,
    length: Annotated[str, typer.Option("--for", metavar="2h", help="How long.")],
    why: Why = "",
    revision: Revision = None,
    json_: JsonFlag = False,
) -> None:
    """Later: show it again after a while."""
    decide(ctx, post_id, "snooze", why=why, snooze_for=length, revision=revision, json_=json_)


def resolve(
    ctx: typer.Context,
    post_id: PostId,
    live: Annotated[bool | None, typer.Option("--live/--not-live", help="Whether the story is there.")] = None,
    why: Why = "",
    revision: Revision = None,
    json_: JsonFlag = False,
) -> None:
    """Say how a publishing ended that nobody saw."""
    if live is None:
        raise Misused("Look at the account, then say --live or --not-live.")
    event = "resolve-live" if live else "resolve-not-live"
    decide(ctx, post_id, event, why=why, revision=revision, json_=json_)
