"""Which buttons a card has, by state, mode and moment. Values of our own: nothing here knows the Telegram library.

A button that changes something is shown only where `TRANSITIONS` allows it just now, so that nobody taps in vain.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core import TRANSITIONS, Draft, Post, PostEvent, PostState, holder_of
from storyline_telegram.moments import HoldFor, Snooze, clock, megabytes, snooze_end
from storyline_telegram.taps import Action, CardTap, ListName, PageTap, Switch, SwitchTap, encoded, place_of
from storyline_telegram.texts import copyable, cut, line, lines, units
from storyline_telegram.views import AccountView, Names, Terms, name_of

MOST_COPIED = 256
"""UTF-16 units that a button can put into the clipboard by itself."""


@attrs.frozen
class Button:
    """One button: its label, and exactly one of what it sends to the bot, what it copies, or the address it opens.

    `send` is what `taps.encoded` made; the bot receives it as callback data.
    """

    label: str
    send: str | None = None
    copy_text: str | None = None
    url: str | None = None

    def __attrs_post_init__(self) -> None:
        if sum(each is not None for each in (self.send, self.copy_text, self.url)) != 1:
            raise ValueError(f"The button {self.label!r} must do exactly one thing.")


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons; empty for none."""


class Page(StrEnum):
    """Which side of the card's buttons is turned up."""

    FRONT = "front"
    MORE = "more"
    REJECT = "reject"
    HOLD = "hold"


PAGE_OF: dict[Action, Page] = {
    Action.MORE: Page.MORE,
    Action.BACK: Page.FRONT,
    Action.REJECT: Page.REJECT,
    Action.HOLD: Page.HOLD,
}
"""The actions that only turn a page. They change nothing and need nobody's leave but to stand in the chat."""

EVENT_OF: dict[Action, PostEvent] = {
    Action.RESERVE: PostEvent.RESERVE,
    Action.POSTED: PostEvent.POSTED,
    Action.PUBLISH: PostEvent.APPROVE,
    Action.SKIP: PostEvent.SKIP,
    Action.SNOOZE: PostEvent.SNOOZE,
    Action.SWAP: PostEvent.SWAP,
    Action.REJECT_SURE: PostEvent.REJECT,
    Action.HOLD_FOR: PostEvent.SKIP,
    Action.UNDO: PostEvent.UNDO,
    Action.RETRY: PostEvent.RETRY,
    Action.LIVE: PostEvent.RESOLVE_LIVE,
    Action.NOT_LIVE: PostEvent.RESOLVE_NOT_LIVE,
}
"""What each deciding action means to core. *Hold until…* skips the post and holds its item for longer."""

_CHOOSABLE = frozenset({PostState.OFFERING, PostState.OFFERED, PostState.SNOOZED, PostState.SCHEDULED})
_HANDY = frozenset({*_CHOOSABLE, PostState.APPROVED, PostState.PREPARED, PostState.UNCERTAIN, PostState.MISSED,
                    PostState.FAILED})  # fmt: skip


def card_keyboard(
    draft: Draft, now: datetime, *, page: Page = Page.FRONT, terms: Terms | None = None, names: Names | None = None
) -> Keyboard:
    """The buttons of a card as it should look now. A page that the post's state has no more is the front again."""
    terms = terms or Terms()
    if was_replaced(draft.post):
        return ()
    pages = {Page.MORE: _more(draft, now, terms), Page.REJECT: _reject(draft), Page.HOLD: _hold(draft)}
    turned = pages.get(page, ())
    return turned or _front(draft, now, names or {})


def was_replaced(post: Post) -> bool:
    """Whether a card that was shown stands for nothing any more, since the post is to come on a new one."""
    return post.state is PostState.SCHEDULED and post.message is not None


def copies_by_itself(text: str) -> bool:
    """Whether a button can put the text into the clipboard without the bot."""
    return bool(lines(text)) and units(copyable(text)) <= MOST_COPIED


def _front(draft: Draft, now: datetime, names: Names) -> Keyboard:
    post = draft.post
    rows: list[tuple[Button, ...]] = []
    if post.state in _HANDY and post.item_id is not None:
        rows.append(_to_take_along(draft))
    match post.state:
        case PostState.SCHEDULED | PostState.OFFERING | PostState.OFFERED | PostState.SNOOZED:
            rows += _to_decide(draft, now, names)
        case PostState.APPROVED | PostState.PREPARED:
            rows.append(_allowed(draft, (Action.SKIP, "Don't publish"), (Action.POSTED, "Posted by hand")))
        case PostState.UNCERTAIN:
            rows.append(_allowed(draft, (Action.LIVE, "It is live"), (Action.NOT_LIVE, "It is not live")))
        case PostState.MISSED if post.item_id is not None:
            rows.append(_allowed(draft, (Action.POSTED, "I posted it after all")))
        case PostState.FAILED:
            rows.append(_allowed(draft, (Action.RETRY, "Try again")))
    if can_undo(post, now):
        rows.append((_button(draft, Action.UNDO, "Undo"),))
    return tuple(row for row in rows if row)


def can_undo(post: Post, now: datetime) -> bool:
    """Whether the last decision can be taken back just now."""
    return post.undo is not None and now <= post.undo.until and PostEvent.UNDO in TRANSITIONS[post.state]


def _to_take_along(draft: Draft) -> tuple[Button, ...]:
    words = draft.item.description
    row = []
    for label, text, action in (
        ("Copy link", words.link_url, Action.LINK),
        ("Copy caption", words.caption, Action.CAPTION),
    ):
        if copies_by_itself(text):
            row.append(Button(label, copy_text=copyable(text)))
        elif lines(text):
            row.append(_button(draft, action, label))
    return (*row, _button(draft, Action.ORIGINAL, f"Original ({megabytes(draft.item.size)})"))


def _to_decide(draft: Draft, now: datetime, names: Names) -> list[tuple[Button, ...]]:
    post = draft.post
    rows: list[tuple[Button, ...]] = []
    holder = holder_of(post, now)
    if PostEvent.RESERVE in TRANSITIONS[post.state]:
        label = "I'll post it"
        if holder is not None and post.reserved_until is not None:
            # It stays a button: once the reservation has lapsed, the next person can take the card without a new one.
            label = f"{cut(name_of(holder, names), 20)} has it until {clock(post.reserved_until, draft.zone)}"
        rows.append((_button(draft, Action.RESERVE, label),))
    if draft.publishable and not draft.item.description.requires_interaction:
        rows.append(_allowed(draft, (Action.PUBLISH, "Publish")))
    more = (_button(draft, Action.MORE, "More…"),)
    rows.append((*_allowed(draft, (Action.POSTED, "Posted"), (Action.SKIP, "Skip")), *more))
    return rows


def _more(draft: Draft, now: datetime, terms: Terms) -> Keyboard:
    if draft.post.state not in _CHOOSABLE:
        return ()
    latest = _latest_snooze(draft.post, now, terms.answer_within)
    snoozes: list[Button] = []
    for choice, label in (
        (Snooze.HOUR, "Snooze 1 h"),
        (Snooze.THREE_HOURS, "3 h"),
        (Snooze.MORNING, f"Tomorrow {terms.opens:%H:%M}"),
    ):
        if snooze_end(choice, now, draft.zone, terms.opens) <= latest:
            label = label if snoozes or label.startswith("Snooze") else f"Snooze: {label}"
            snoozes.append(_button(draft, Action.SNOOZE, label, str(choice)))
    rows = (
        tuple(snoozes) if PostEvent.SNOOZE in TRANSITIONS[draft.post.state] else (),
        _allowed(draft, (Action.SWAP, "Another picture")),
        (_button(draft, Action.HOLD, "Hold until…"), _button(draft, Action.REJECT, "Never post it…")),
        (_button(draft, Action.BACK, "Back"),),
    )
    return tuple(row for row in rows if row)


def _latest_snooze(post: Post, now: datetime, answer_within: timedelta) -> datetime:
    return (post.escalated_at or post.offered_at or max(post.slot_at, now)) + answer_within


def _reject(draft: Draft) -> Keyboard:
    if draft.post.state not in _CHOOSABLE or PostEvent.REJECT not in TRANSITIONS[draft.post.state]:
        return ()
    sure = _button(draft, Action.REJECT_SURE, "Yes, never post it again")
    return ((sure,), (_button(draft, Action.MORE, "No, back"),))


def _hold(draft: Draft) -> Keyboard:
    if draft.post.state not in _CHOOSABLE:
        return ()
    named = {
        HoldFor.WEEK: "1 week",
        HoldFor.MONTH: "1 month",
        HoldFor.THREE_MONTHS: "3 months",
        HoldFor.EVER: "For ever",
    }
    row = [_button(draft, Action.HOLD_FOR, label, str(choice)) for choice, label in named.items()]
    return tuple(row[:2]), tuple(row[2:]), (_button(draft, Action.MORE, "Back"),)


def _allowed(draft: Draft, *wanted: tuple[Action, str]) -> tuple[Button, ...]:
    moves = TRANSITIONS[draft.post.state]
    return tuple(_button(draft, action, label) for action, label in wanted if EVENT_OF[action] in moves)


def _button(draft: Draft, action: Action, label: str, argument: str = "") -> Button:
    return Button(label, send=encoded(CardTap(action, draft.post.id, draft.revision, argument)))


def settings_keyboard(view: AccountView) -> Keyboard:
    """The switches of one account; each says what a tap does."""
    switches = (
        (Switch.PAUSED, not view.paused, "Pause posting", "Resume posting"),
        (Switch.SYNC, not view.sync_on, "Switch syncing on", "Switch syncing off"),
        (Switch.REMINDERS, not view.reminders, "Switch reminders on", "Switch reminders off"),
        (Switch.QUIET, not view.quiet_on, "Switch quiet hours on", "Switch quiet hours off"),
    )
    offered = switches if view.quiet_hours else switches[:-1]
    place = place_of(view.name)
    return tuple(
        (Button(on if to else off, send=encoded(SwitchTap(which, place, to))),) for which, to, on, off in offered
    )


def pages_keyboard(listed: ListName, place: str, page: int, of: int) -> Keyboard:
    """Earlier and later pages of a list of an account (`place_of` its name); nothing where one page is all."""
    row = []
    if page > 0:
        row.append(Button("Back", send=encoded(PageTap(listed, place, page - 1))))
    if page + 1 < of:
        row.append(Button(f"Next ({page + 2} of {of})", send=encoded(PageTap(listed, place, page + 1))))
    return (tuple(row),) if row else ()


def link_keyboard(label: str, url: str) -> Keyboard:
    """One button that opens an address; nothing where it is no web address."""
    return ((Button(cut(line(label), 60), url=url),),) if url.startswith(("https://", "http://")) else ()
