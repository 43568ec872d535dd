"""The commands: what there is, what each does in a line, who may, and how one is read from a message. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

import attrs

MOST_LETTERS = 256
"""UTF-16 units that Telegram allows a command's description."""


class Who(StrEnum):
    """Who may use a command."""

    ANYBODY = "anybody"
    MEMBER = "member"
    ADMIN = "admin"


@attrs.frozen
class Command:
    """One command. `usage` is what may follow its name, `also` are its other names.

    One that `needs_backfill` exists only where a publisher offers that.
    """

    name: str
    summary: str
    who: Who = Who.MEMBER
    usage: str = ""
    also: tuple[str, ...] = ()
    needs_backfill: bool = False


COMMANDS = (
    Command("queue", "What waits to be posted", usage="[account]", also=("pending",)),
    Command("plan", "What will be posted when, and why", usage="[account] [days]"),
    Command("history", "What was posted, by whom", usage="[account]", also=("posted",)),
    Command("next", "Send the next picture now, beside the plan", usage="[account]"),
    Command("stats", "What the team has done, or you", usage="[me]"),
    Command("status", "Whether everything works"),
    Command("settings", "How an account is set, and its switches", Who.ADMIN, "[account]"),
    Command("sync", "Look for new and changed pictures", Who.ADMIN, "[source]"),
    Command("pause", "Stop posting until /resume", Who.ADMIN, "[account]"),
    Command("resume", "Post again", Who.ADMIN, "[account]"),
    Command("backfill", "Fetch what is on Instagram already", Who.ADMIN, "[account]", needs_backfill=True),
    Command("whoami", "Your name, number and role here", Who.ANYBODY),
    Command("help", "What you can do here", Who.ANYBODY, also=("start",)),
)
"""Every command, in the order in which people see them."""

_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.also)}
_CALL = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?=\s|$)")
_MOST_WORDS = 20


@attrs.frozen
class Call:
    """A command as somebody typed it. `command` is None for one that does not exist; `name` is what they wrote."""

    name: str
    command: Command | None
    words: tuple[str, ...] = ()


def read_call(text: object, bot: str) -> Call | None:
    """The command that a message begins with, or None: no command, or one for another bot.

    `bot` is this bot's own username. In a group people may write `/queue@MyBot main 5`; letters may be small or large.
    """
    found = _CALL.match(text) if isinstance(text, str) else None
    if found is None or not isinstance(text, str):
        return None
    name, addressed = found[1].lower(), found[2]
    if addressed is not None and addressed.lower() != bot.lower().lstrip("@"):
        return None
    return Call(name, _BY_NAME.get(name), tuple(text[found.end() :].split()[:_MOST_WORDS]))


def may(command: Command, role: str | None) -> bool:
    """Whether somebody of this role may use it: `admin`, `member`, or None for somebody deactivated or unknown."""
    ranks = {None: 0, "member": 1, "admin": 2}
    needed = {Who.ANYBODY: 0, Who.MEMBER: 1, Who.ADMIN: 2}
    return ranks.get(role, 0) >= needed[command.who]


def commands_for(role: str | None, *, backfill: bool = False) -> tuple[Command, ...]:
    """What somebody of this role sees when they type `/`."""
    return tuple(each for each in COMMANDS if may(each, role) and (backfill or not each.needs_backfill))
