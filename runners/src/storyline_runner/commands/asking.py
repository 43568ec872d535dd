"""The questions of `storyline init --interactive`: each answer is looked at when it is given, and asked for again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import available_timezones

import typer

from storyline_runner import screen
from storyline_runner.complaints import Misused

if TYPE_CHECKING:
    from storyline_core import Mode

T = TypeVar("T")
_TIME = r"(\d{1,2})(?::(\d{2}))?\s*([ap]m)?"
_HOURS = re.compile(rf"\s*{_TIME}\s*(?:-|–|to|until)\s*{_TIME}\s*", re.IGNORECASE)

MODES = (
    ("manual", "the team posts everything by hand"),
    ("approve", "the team says yes, then it is published"),
    ("hybrid", "the team posts what needs a sticker (a link, say); the rest is published"),
    ("auto", "everything is published, nobody has to do anything"),
)
"""Who posts, as it is asked."""


def ask(question: str, default: str, read: Callable[[str], T]) -> T:
    """One question until its answer can be used. `read` raises `ValueError` or `Misused` in words for a person."""
    while True:
        answer = str(typer.prompt(question, default=default)).strip()
        try:
            return read(answer)
        except (ValueError, Misused) as error:
            text = str(error)
            screen.note(f"  {text[:1].upper()}{text[1:]}")


def ask_pictures(home: Path, default: str, checked: Callable[[Path], str]) -> str:
    """Where the pictures are: the default, or a folder that is there, as the settings are to name it."""
    shown = home / default
    screen.say("Where are your pictures? Name a folder that you have, such as ~/Pictures.")
    if not shown.is_dir():
        screen.say(f"Enter alone makes an empty one: {shown}")

    def read(answer: str) -> str:
        if answer in (default, str(shown)):
            return default
        if not Path(answer).expanduser().is_dir():
            raise Misused(f"There is no folder {answer}. Name one that you have, or press Enter for {shown}.")
        return checked(Path(answer).expanduser())

    return ask("Pictures", str(shown), read)


def ask_posts(default: int) -> int:
    """How many stories a day."""

    def read(answer: str) -> int:
        if not answer.isdecimal() or not 1 <= int(answer) <= 50:
            raise Misused("A whole number from 1 to 50, please.")
        return int(answer)

    return ask("How many stories a day", str(default), read)


def ask_window(default: str) -> str:
    """Between which hours they are posted."""

    def read(answer: str) -> str:
        from storyline_core import parse_window

        return str(parse_window(written_out(answer)))

    return ask("Between which hours (24-hour clock)", default, read)


def written_out(hours: str) -> str:
    """Hours as people type them, written as a window: `9-21`, `9 to 21` and `9am-9pm` are `09:00-21:00`."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        return hours
    parts = found.groups()
    return "-".join(_time(*parts[at : at + 3]) for at in (0, 3))


def _time(hour: str, minute: str | None, half: str | None) -> str:
    number = int(hour)
    if half is not None and 1 <= number <= 12:
        number = number % 12 + (12 if half.casefold() == "pm" else 0)
    return f"{number:02}:{minute or '00'}"


def ask_zone(default: str) -> str:
    """In which time zone."""

    def read(answer: str) -> str:
        from storyline_core import parse_zone

        return parse_zone(zone_of_city(answer) or answer).key

    return ask("Time zone, or a city of it", default, read)


def zone_of_city(answer: str) -> str | None:
    """The one zone that is named after a city; None where there is none, or several."""
    wanted = answer.casefold().replace(" ", "_")
    found = [zone for zone in available_timezones() if "/" in zone and zone.rpartition("/")[2].casefold() == wanted]
    return found[0] if len(found) == 1 else None


def ask_mode(default: str, outbox: Path) -> str:
    """Who posts, by name or number."""
    screen.say("Who posts?")
    for number, (name, about) in enumerate(MODES, start=1):
        screen.say(f"  {number}  {name:<8} {about}")
    screen.say(f"Published means for now: laid into {outbox}, finished, with its caption.")
    return str(ask("Name or number", default, _mode))


def _mode(answer: str) -> Mode:
    from storyline_core import Mode

    names = [name for name, _ in MODES]
    if answer.isdecimal() and 1 <= int(answer) <= len(names):
        return Mode(names[int(answer) - 1])
    if answer.casefold() not in names:
        raise Misused(f"One of {', '.join(names)}, please, or 1 to {len(names)}.")
    return Mode(answer.casefold())
