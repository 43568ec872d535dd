"""The card of a post as plain text: everything that somebody needs to post it by hand. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from storyline_core import Alert, Draft, Post, PostState

LABEL = 13
"""How wide the column of labels is."""

_COMMAND = 38
"""How wide the column of commands is, where there is room for what they mean beside it."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def card(draft: Draft, where: str, width: int) -> str:
    """The whole card. `where` names the file, `width` is that of the terminal in columns."""
    post, item, words = draft.post, draft.item, draft.item.description
    due = shown_time(post.due_at, draft.zone)
    rows = [
        ("File", where),
        ("Size", _size(draft)),
        ("Caption", words.caption),
        ("Link", words.link_url),
        ("Tags", " ".join(f"#{tag}" for tag in words.tags)),
        *(("Add", line) for line in stickers(words.custom_metadata)),
        ("Posting", "has to be by hand: it needs a sticker" if words.requires_interaction else ""),
        ("Category", item.category),
        ("Last posted", shown_time(draft.last_posted_at, draft.zone) if draft.last_posted_at else "never"),
        ("Why", "; ".join(post.why)),
    ]
    head = f"{'Reminder: story' if draft.reminder else 'Story'} {post.id} for {post.account}, {due}"
    lines = [folded(clean(head), width), "-" * min(width, len(head)), clean(words.title or item.name)]
    for label, value in rows:
        lines += _row(label, value, width)
    return "\n".join([*lines, "", *commands(draft, width), ""])


def commands(draft: Draft, width: int) -> list[str]:
    """What to type to decide; where it is too narrow for a line each, the meaning stands below."""
    known = [("posted", "it is posted"), ("skip", "not now"), ("swap", "another picture, please")]
    if draft.publishable and not draft.item.description.requires_interaction:
        known.insert(0, ("approve", "Storyline publishes it"))
    typed = [(f"  storyline queue {word} {draft.post.id}", meaning) for word, meaning in known]
    lines = [f"{command:<{_COMMAND}} {meaning}" for command, meaning in typed]
    if max(map(len, lines)) <= width:
        return lines
    return [line for command, meaning in typed for line in (command, f"      {meaning}")]


def outcome(post: Post, zone: ZoneInfo) -> str:
    """One line on what has become of a post."""
    words = {PostState.POSTED: "posted", PostState.OFFERED: "waiting", PostState.UNCERTAIN: "perhaps published"}
    parts = [f"Story {post.id} for {post.account}: {words.get(post.state, post.state.value)}"]
    if post.decided_by:
        parts.append(f"by {post.decided_by}")
    if post.decided_at:
        parts.append(shown_time(post.decided_at, zone))
    if post.reason:
        parts.append(f"({post.reason})")
    return clean(" ".join(parts))


def alert_text(alert: Alert) -> str:
    """An alert with what to do about it."""
    if alert.cleared:
        return clean(f"Mended: {alert.text}")
    return clean(f"{alert.level.value.capitalize()}: {alert.text} {alert.remedy}".rstrip())


def stickers(extra: Mapping[str, object]) -> Iterator[str]:
    """What the interface cannot add, one line for each sticker or remark."""
    for name, value in extra.items():
        yield f"{name.replace('_', ' ')}: {_spoken(value)}"


def shown_time(at: datetime, zone: ZoneInfo) -> str:
    """An instant in a zone, with the zone's name."""
    return f"{at.astimezone(zone):%a %d %b %Y, %H:%M} {zone.key}"


def folded(text: str, width: int) -> str:
    """The text in lines of at most so many columns; what is longer by itself stays whole, so that it can be copied."""
    return "\n".join(_wrapped(text, width))


def clean(text: str) -> str:
    """The text without what would steer a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _size(draft: Draft) -> str:
    item = draft.item
    pixels = f"{item.width} x {item.height}, " if item.width and item.height else ""
    return f"{pixels}{item.media_type}, {item.size / 1_000_000:.1f} MB"


def _row(label: str, value: str, width: int) -> list[str]:
    if not value:
        return []
    indent = " " * LABEL
    lines: list[str] = []
    for paragraph in clean(value).split("\n"):
        lines += _wrapped(paragraph, max(width - LABEL, 20))
    lead = f"{clean(label) + ':':<{LABEL}}"
    return [f"{lead if number == 0 else indent}{line}".rstrip() for number, line in enumerate(lines)]


def _wrapped(text: str, width: int) -> list[str]:
    # Addresses, paths and commands stay whole, so that they can be copied.
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _spoken(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_spoken(part)}" for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " / ".join(_spoken(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
