"""A card's text as Telegram HTML: what somebody needs to post it, shortened in a fixed order where too long. Pure.

Time and id are never shortened; the stickers come next; what is cut on the card is whole in what its buttons copy.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime

import attrs

from storyline_core import Description, Draft, stickers
from storyline_telegram.moments import full_day, megabytes, moment
from storyline_telegram.outcomes import footer
from storyline_telegram.templates import DEFAULT, Field, Literal, Template, laid_out, read_template
from storyline_telegram.texts import (
    CAPTION_LIMIT,
    ELLIPSIS,
    TEXT_LIMIT,
    copyable,
    cut,
    isolated,
    leveled,
    line,
    lines,
    shown,
    units,
)
from storyline_telegram.views import Names

USUAL = read_template(DEFAULT)
"""The template of an account that has none of its own."""

REMINDER = "Reminder: nobody has answered this card yet."
DRY_RUN = "Dry run: nothing will be published."

_FACTS = Template(((Field("time"), Literal(" · ", 3), Field("id")),))
_NAME_MOST = 40
_NOTE_MOST = 150
_ORDER = (
    ("title", 200),
    ("why", 0),
    ("tags", 40),
    ("last_posted", 0),
    ("category", 0),
    ("tags", 0),
    ("caption", 160),
    ("title", 80),
    ("caption", 0),
    ("link", 0),
    ("title", 24),
    ("stickers", 0),
    ("title", 0),
)
"""What gives way first when a card is too long, and down to how many units."""

_LEAST = 12
"""Fewer units than this of a text say nothing; then it goes altogether."""


@attrs.frozen
class Framing:
    """What stands around a card's template: `note` is a remark on the file, `dry_run` says that nothing goes out."""

    note: str = ""
    dry_run: bool = False


def card_text(
    draft: Draft,
    now: datetime,
    *,
    names: Names | None = None,
    template: Template = USUAL,
    framing: Framing | None = None,
    limit: int = CAPTION_LIMIT,
) -> str:
    """The card, with what has become of the post below it. At most `limit` UTF-16 units long once its tags are read."""
    framing = framing or Framing()
    values = values_of(draft, template)
    head = [REMINDER] if draft.reminder and not draft.post.settled else []
    head += [DRY_RUN] if framing.dry_run else []
    head += [note] if (note := cut(line(framing.note), _NOTE_MOST)) else []
    outcome = footer(draft.post, draft.zone, now, names or {})
    facts, facts_units = ("", 0) if {"time", "id"} <= template.fields else laid_out(_FACTS, values)
    around = sum(units(isolated(each)) + 2 for each in (*head, outcome) if each) + (facts_units + 2 if facts else 0)
    body = _fitted(template, values, limit - around)
    remarks = (f"<i>{shown(each)}</i>" for each in head)
    ending = f"<b>{shown(outcome)}</b>" if outcome else ""
    return "\n\n".join(each for each in (*remarks, body, facts, ending) if each)


def values_of(draft: Draft, template: Template = USUAL) -> dict[str, str]:
    """The fields of a card as plain, clean text, nothing shortened but names."""
    post, item, words = draft.post, draft.item, draft.item.description
    # A link that the template shows by itself is not named a second time among the stickers.
    link = line(words.link_url)
    wanted = attrs.evolve(words, link_url="" if "link" in template.fields else link)
    last = draft.last_posted_at
    return {
        "title": line(words.title) or line(item.name) or "Untitled",
        "caption": lines(words.caption),
        "link": link,
        "tags": " ".join(f"#{tag}" for each in words.tags if (tag := "_".join(line(each).lstrip("#").split()))),
        "category": cut(line(item.category), _NAME_MOST),
        "time": moment(post.due_at, draft.zone),
        "id": post.id,
        "why": "; ".join(each for reason in post.why if (each := line(reason))),
        "last_posted": full_day(last, draft.zone) if last else "never",
        "stickers": "\n".join(_sticker_rows(wanted)),
        "account": cut(line(post.account), _NAME_MOST),
    }


def fitted_note(size: int, most: int) -> str:
    """What a card says when the file is larger than Telegram takes. Both are bytes."""
    return f"A smaller version: the original ({megabytes(size)}) is over Telegram's {megabytes(most)}."


def copy_messages(text: str) -> tuple[str, ...]:
    """The whole text in messages that one tap copies, as Telegram HTML; more than one only where it is too long."""
    rest, parts = copyable(text), []
    while rest:
        part = rest if units(rest) <= TEXT_LIMIT else cut(rest, TEXT_LIMIT).removesuffix(ELLIPSIS)
        parts.append(f"<code>{html.escape(part, quote=False)}</code>")
        rest = rest[len(part) :].lstrip()
    return tuple(parts)


def _sticker_rows(words: Description) -> list[str]:
    wanted = [row for each in stickers(words) if (row := line(each))]
    if len(wanted) < 2:
        return [f"Add {row[:1].lower()}{row[1:]}" for row in wanted]
    return ["Add:", *(f"• {row}" for row in wanted)]


def _fitted(template: Template, values: Mapping[str, str], most: int) -> str:
    """The template with its values, shortened until it fits."""
    left = dict(values)
    markup, length = laid_out(template, left)
    for name, least in _ORDER:
        if length <= most:
            break
        left[name] = _shortened(name, left[name], length - most, least)
        markup, length = laid_out(template, left)
    return markup


def _shortened(name: str, text: str, over: int, least: int) -> str:
    """The text shorter by so much or a little more, yet not below `least`; "" where too little would be left."""
    keep = max(units(text) - over, least)
    if keep >= units(text):
        return text
    if name == "why" or keep < _LEAST:
        return ""
    if name == "stickers":
        return "\n".join(leveled(text.split("\n"), keep))
    return cut(text, keep)
