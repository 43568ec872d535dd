"""What a button carries: at most 64 bytes, with a version, read strictly. Pure.

Whatever does not come out of `encoded` letter for letter (forged, cut off, of another bot, of another version) is read
as None. Nothing here is a secret and nothing is believed: who may do what is decided where the tap is carried out.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

import attrs

from storyline_telegram.moments import HoldFor, Snooze

MOST_BYTES = 64
"""What Telegram allows a button to carry."""

_VERSION = "1"
_POST = re.compile(r"[A-Za-z0-9_-]{1,32}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NUMBER = re.compile(r"0|[1-9a-z][0-9a-z]{0,5}")
_PLACE = re.compile(r"[0-9a-f]{12}")


class Action(StrEnum):
    """What a button of a card asks for."""

    LINK = "lk"
    CAPTION = "ca"
    ORIGINAL = "or"
    RESERVE = "re"
    POSTED = "po"
    PUBLISH = "pb"
    SKIP = "sk"
    MORE = "mo"
    BACK = "ba"
    SNOOZE = "sn"
    SWAP = "sw"
    REJECT = "rj"
    REJECT_SURE = "rs"
    HOLD = "ho"
    HOLD_FOR = "hf"
    UNDO = "un"
    RETRY = "rt"
    LIVE = "li"
    NOT_LIVE = "nl"


class Switch(StrEnum):
    """What people switch at run time."""

    PAUSED = "pa"
    SYNC = "sy"
    REMINDERS = "rm"
    QUIET = "qu"


class ListName(StrEnum):
    """A list that has pages, or that is brought up to date by a tap."""

    QUEUE = "qu"
    PLAN = "pl"
    HISTORY = "hi"
    STATS = "st"
    STATUS = "he"
    SETTINGS = "se"


_ARGUMENTS: dict[Action, frozenset[str]] = {
    Action.SNOOZE: frozenset(str(each) for each in Snooze),
    Action.HOLD_FOR: frozenset(str(each) for each in HoldFor),
}
_NONE = frozenset({""})


@attrs.frozen
class CardTap:
    """A tap on a card: what is asked for, of which post, as of which revision, and the small rest.

    `argument` is a `Snooze` or a `HoldFor` where the action is one of those, otherwise "".
    """

    action: Action
    post_id: str
    revision: int
    argument: str = ""


@attrs.frozen
class SwitchTap:
    """A tap on a switch: which, of which account (or source: see `place_of`), and what it should be then."""

    switch: Switch
    place: str
    on: bool


@attrs.frozen
class PageTap:
    """A tap that turns a page of a list: which list, of which account, and which page, counted from 0."""

    listed: ListName
    place: str
    page: int


Tap = CardTap | SwitchTap | PageTap


def place_of(name: str) -> str:
    """The twelve characters that stand for an account's or source's name, which may itself be too long for a button."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def encoded(tap: Tap) -> str:
    """The tap as a button carries it. Raises `ValueError` for one that no button could carry."""
    text = ":".join((_VERSION, *_parts(tap)))
    if len(text.encode("utf-8", "replace")) > MOST_BYTES or _read(text) != tap:
        raise ValueError(f"No button can carry {tap!r}.")
    return text


def _parts(tap: Tap) -> tuple[str, ...]:
    match tap:
        case CardTap():
            argument = (tap.argument,) if tap.argument else ()
            return ("c", tap.action, tap.post_id, _written(tap.revision), *argument)
        case SwitchTap():
            return ("s", tap.switch, tap.place, "1" if tap.on else "0")
        case PageTap():
            return ("l", tap.listed, tap.place, _written(tap.page))


def decoded(text: object) -> Tap | None:
    """What a button meant, or None for anything that was not made here. Never raises."""
    if not isinstance(text, str) or len(text) > MOST_BYTES or not text.isascii():
        return None
    return _read(text)


def _read(text: str) -> Tap | None:
    match text.split(":"):
        case [version, "c", action, post, revision, *argument] if version == _VERSION:
            return _card_tap(action, post, revision, argument)
        case [version, "s", switch, place, ("0" | "1") as on] if version == _VERSION:
            if switch in tuple(Switch) and _PLACE.fullmatch(place):
                return SwitchTap(Switch(switch), place, on == "1")
        case [version, "l", listed, place, page] if version == _VERSION:
            if listed in tuple(ListName) and _PLACE.fullmatch(place) and _NUMBER.fullmatch(page):
                return PageTap(ListName(listed), place, int(page, 36))
    return None


def _card_tap(action: str, post: str, revision: str, rest: list[str]) -> CardTap | None:
    if action not in tuple(Action) or not _POST.fullmatch(post) or not _NUMBER.fullmatch(revision):
        return None
    if len(rest) > 1 or rest == [""]:
        return None
    argument = rest[0] if rest else ""
    if argument not in _ARGUMENTS.get(Action(action), _NONE):
        return None
    return CardTap(Action(action), post, int(revision, 36), argument)


def _written(number: int) -> str:
    """A number in base 36."""
    if number < 0:
        return "-"
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
