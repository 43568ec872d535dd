"""What somebody is told at once who tapped or typed. Pure.

`tap_…` texts are plain, at most 200 units, for the small window over the chat; `said_…` texts are Telegram HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from storyline_core import Post, PostState, holder_of
from storyline_telegram.answers import listed_names
from storyline_telegram.commands import Command
from storyline_telegram.moments import clock, full_day, near
from storyline_telegram.outcomes import called
from storyline_telegram.taps import Action
from storyline_telegram.texts import ANSWER_LIMIT, cut, line, shown
from storyline_telegram.views import Names


def tap_done(action: Action, post: Post, zone: ZoneInfo, now: datetime) -> str:
    """What a tap has just done, given the post as it is after it."""
    undo = " Wrong? Undo works for ten minutes." if post.undo is not None else ""
    match action:
        case Action.RESERVE:
            until = f" until {clock(post.reserved_until, zone)}" if post.reserved_until else ""
            return _plain(f"It is yours{until}. Press Posted when it is done.")
        case Action.SNOOZE:
            return _plain(f"Snoozed until {near(post.due_at, zone, now)}.{undo}")
        case Action.UNDO:
            return _plain("Undone: the card is open again.")
        case Action.HOLD_FOR:
            return _plain(f"Skipped and held.{undo}")
        case Action.RETRY:
            return _plain("It is tried again.")
        case _:
            return _plain(f"{_DONE.get(action, 'Done.')}{undo}")


def tap_held(until: datetime | None, zone: ZoneInfo) -> str:
    """How long an item is held now."""
    return _plain(f"Skipped, and held {f'until {full_day(until, zone)}' if until else 'for ever'}.")


def tap_late(post: Post, zone: ZoneInfo, now: datetime, names: Names, *, reader: str | None = None) -> str:
    """For a tap that came too late, or on an old card: who decided what, and when. `reader` is who tapped."""
    holder = holder_of(post, now)
    if holder is not None and not post.settled and post.reserved_until is not None:
        return _plain(f"{called(holder, names)} is posting it and has it until {clock(post.reserved_until, zone)}.")
    at = post.posted_at or post.settled_at or post.decided_at
    if at is None or (post.decided_by is None and not post.settled):
        return _plain("This card is out of date: the post has changed since. Use its newest card.")
    when = near(at, zone, now)
    when = f"at {when}" if when[:1].isdigit() else when
    if post.decided_by is None:
        why = cut(line(post.reason), 100).rstrip(".")
        return _plain(f"It was {_PAST[post.state]} {when}{f': {why}' if why else ''}.")
    who = "You" if reader == post.decided_by else called(post.decided_by, names)
    if post.state is PostState.POSTED and post.handle is not None:
        return _plain(f"It was published {when}; {'you' if who == 'You' else who} had approved it.")
    return _plain(f"{who} {_PAST[post.state]} it {when}.")


def tap_refused(reason: str) -> str:
    """Why something cannot be done; the reason is core's, in words for a person."""
    return _plain(line(reason) or "That is not possible just now.")


def tap_unknown() -> str:
    """For a button that is not of this bot or of an older version."""
    return "This button does not work any more. /queue shows what waits."


def tap_stranger() -> str:
    """For somebody who may not act here. Says nothing about the post."""
    return "You cannot decide here. Ask an admin of the team."


def tap_deactivated(admins: Sequence[str]) -> str:
    """For somebody who was deactivated."""
    return _plain(f"You have been deactivated here.{_ask(admins)}")


def tap_working() -> str:
    """For a tap whose work takes a moment: it was heard."""
    return "One moment…"


def tap_trouble() -> str:
    """When the work behind a tap failed. A second tap can do no harm: the first decision wins."""
    return "That did not work just now. Look at the card in a minute, and tap again if it is still open."


def tap_sent(action: Action) -> str:
    """What is on its way into the chat."""
    what = {Action.ORIGINAL: "The original", Action.CAPTION: "The caption", Action.LINK: "The link"}.get(action, "It")
    return f"{what} is coming{'.' if action is Action.ORIGINAL else ': tap it there to copy.'}"


def tap_page(action: Action) -> str:
    """What a page of buttons asks."""
    return _PAGES.get(action, "")


def said_refused(command: Command, admins: Sequence[str]) -> str:
    """For a member who typed what only an admin may do: politely, with who can."""
    return f"Sorry, /{command.name} is for admins.{shown(_ask(admins))}"


def said_unknown(name: str) -> str:
    """For a command that does not exist."""
    return f"There is no /{shown(cut(line(name), 32))}. /help shows what there is."


def said_which(command: Command, accounts: Sequence[str], wrong: str = "") -> str:
    """When a command needs to know which account, or got one that is not here."""
    named = shown(cut(", ".join(line(each) for each in accounts), 300)) or "There is none yet."
    sorry = f"There is no {shown(cut(line(wrong), 40))} here. " if line(wrong) else ""
    example = f"\nFor example: /{command.name} {shown(cut(line(accounts[0]), 40))}" if accounts else ""
    return f"{sorry}Which one? {named}{example}"


def said_trouble(what: str) -> str:
    """When a command could not be carried out; `what` is an error's own words."""
    return f"That did not work: {shown(cut(line(what), 600)) or 'nobody knows why.'}"


_DONE = {
    Action.POSTED: "Noted: posted.",
    Action.PUBLISH: "Approved. Storyline publishes it.",
    Action.SKIP: "Skipped.",
    Action.SWAP: "Another picture is coming.",
    Action.REJECT_SURE: "It will never be posted again.",
    Action.LIVE: "Noted: it is live.",
    Action.NOT_LIVE: "Noted: it is not live. Storyline publishes it again.",
}

_PAST = {
    PostState.SCHEDULED: "asked for another picture instead of",
    PostState.OFFERING: "decided about",
    PostState.OFFERED: "decided about",
    PostState.SNOOZED: "snoozed",
    PostState.APPROVED: "approved",
    PostState.PREPARED: "approved",
    PostState.PUBLISHING: "approved",
    PostState.UNCERTAIN: "approved",
    PostState.POSTED: "posted",
    PostState.SKIPPED: "skipped",
    PostState.REJECTED: "rejected",
    PostState.MISSED: "missed",
    PostState.FAILED: "given up after failures",
}

_PAGES = {
    Action.REJECT: "Never post this picture again?",
    Action.HOLD: "Skip it, and keep the picture back for how long?",
}


def _ask(admins: Sequence[str]) -> str:
    named = listed_names(admins)
    return f" {named} can help." if named else " Somebody at the machine can make an admin: storyline users promote."


def _plain(text: str) -> str:
    return cut(text, ANSWER_LIMIT)
