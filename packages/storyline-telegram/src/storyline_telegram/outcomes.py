"""What has become of a post, in one or two short sentences: who, when, and how long it took. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from storyline_core import Post, PostState, holder_of, spoken
from storyline_telegram.moments import clock, near
from storyline_telegram.texts import cut, line
from storyline_telegram.views import Names, name_of

_NAME_MOST = 40
_REASON_MOST = 120
FOOTER_MOST = 260
"""UTF-16 units that a footer has at most."""


def footer(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    """The last line of a card: what became of it, or who has it just now; "" while nothing has happened."""
    said = _settled(post, zone, now, names) if post.settled else _unsettled(post, zone, now, names)
    return cut(said, FOOTER_MOST)


def brief(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    """How a post stands, in a few words for a list: `posted by Ada 14:02`, `waits since 09:12`."""
    who = called(post.decided_by, names)
    match post.state:
        case PostState.OFFERED:
            return _open(post, zone, now, names)
        case PostState.SNOOZED:
            return f"snoozed until {near(post.due_at, zone, now)}"
        case PostState.APPROVED | PostState.PREPARED if post.decided_by:
            return f"approved by {who}"
        case PostState.POSTED if post.handle is not None:
            return f"published, approved by {who}" if post.decided_by else "published"
        case PostState.POSTED | PostState.SKIPPED | PostState.REJECTED if post.decided_by:
            return f"{post.state} by {who}"
        case state if state.settled:
            return f"{state}{_because(post)}"
        case state:
            return _WAITING[state]


_WAITING = {
    PostState.SCHEDULED: "planned",
    PostState.OFFERING: "being sent to the chat",
    PostState.APPROVED: "about to be published",
    PostState.PREPARED: "about to be published",
    PostState.PUBLISHING: "being published",
    PostState.UNCERTAIN: "perhaps published: is it live?",
}


def _open(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    holder = holder_of(post, now)
    if holder is not None and post.reserved_until is not None:
        return f"{called(holder, names)} has it until {clock(post.reserved_until, zone)}"
    return f"waits since {near(post.offered_at, zone, now)}" if post.offered_at else "waits"


def called(person: str | None, names: Names) -> str:
    """A person's name, no longer than a line bears."""
    return cut(name_of(person, names), _NAME_MOST)


def _settled(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    who, when = called(post.decided_by, names), _when(post.settled_at or post.decided_at, zone, now)
    match post.state:
        case PostState.POSTED:
            return _posted(post, zone, now, names)
        case PostState.SKIPPED:
            return f"Skipped by {who}{when}{_took(post)}." if post.decided_by else f"Skipped{when}{_because(post)}."
        case PostState.REJECTED:
            return f"Rejected by {who}{when}{_took(post)}: it will not be posted again."
        case PostState.MISSED:
            return f"Missed{when}{_because(post)}."
        case _:
            return f"Failed{when}{_because(post)}."


def _posted(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    who, when = called(post.decided_by, names), _when(post.posted_at or post.settled_at, zone, now)
    if post.handle is None:
        return f"Posted by {who}{when}{_took(post)}." if post.decided_by else f"Posted{when}."
    if post.decided_by is None:
        return f"Published{when}."
    if post.decided_at == post.posted_at:
        return f"Published. {who} saw{when} that it is live."
    return f"Published{when}; {who} approved it{_took(post)}."


def _unsettled(post: Post, zone: ZoneInfo, now: datetime, names: Names) -> str:
    who, when = called(post.decided_by, names), _when(post.decided_at, zone, now)
    holder = holder_of(post, now)
    match post.state:
        case PostState.APPROVED | PostState.PREPARED:
            begun = f"{who} approved it{when}." if post.decided_by else "It is published without a tap."
            trouble = f" The last try failed: {_reason(post.last_error)}." if post.last_error else ""
            again = f" Next try {near(post.next_try_at, zone, now)}." if post.next_try_at else ""
            return f"{begun}{trouble}{again}"
        case PostState.PUBLISHING:
            return "It is being published."
        case PostState.UNCERTAIN:
            return "It may have been published; nobody saw how it ended. Look at Instagram, then tap what you see."
        case _ if holder is not None and post.reserved_until is not None:
            return f"{called(holder, names)} is posting it and has it until {clock(post.reserved_until, zone)}."
        case PostState.SNOOZED:
            return f"Snoozed until {near(post.due_at, zone, now)}{f' by {who}' if post.decided_by else ''}."
        case PostState.SCHEDULED if post.decided_by is not None:
            return f"{who} asked for another picture{when}; it comes on a card of its own."
        case PostState.SCHEDULED if post.message is not None:
            return "This card counts no more: the story comes again on a card of its own."
        case _ if post.by_hand and post.last_error:
            return f"Publishing did not work, so it is for you: {_reason(post.last_error)}."
        case _:
            return ""


def _when(at: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    if at is None:
        return ""
    said = near(at, zone, now)
    return f" at {said}" if said[:1].isdigit() else f" {said}"


def _took(post: Post) -> str:
    """How long somebody needed from the card's coming to their decision."""
    if post.offered_at is None or post.decided_at is None or post.decided_at < post.offered_at:
        return ""
    return f", {spoken(post.decided_at - post.offered_at)} after the card came"


def _because(post: Post) -> str:
    reason = _reason(post.reason or post.last_error)
    return f": {reason}" if reason else ""


def _reason(text: str) -> str:
    return cut(line(text), _REASON_MOST).rstrip(". ")
