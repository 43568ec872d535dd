"""The documentation as the house's own tests see it: its pages, their links, and the commands they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs
from typer.core import TyperGroup
from typer.main import get_command

from storyline_runner.app import build
from tests.house.tree import ROOT, known_files

FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
EVERYWHERE = frozenset({"--help", "--config", "-v", "--verbose"})
AND_SO_ON = ("…", "...")


@attrs.frozen
class Block:
    """One fenced block of a page."""

    page: Path
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that people read: the Markdown files of the repository."""
    return sorted(path for path in known_files() if path.suffix == ".md")


def blocks(language: str) -> list[Block]:
    """Every fenced block of that language."""
    found = ((page, match) for page in pages() for match in FENCE.finditer(page.read_text("utf-8")))
    return [Block(page, match[2], match[3]) for page, match in found if match[2] == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that headings make."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def commands_of(page: Path) -> Iterator[str]:
    """Every `storyline …` that a page tells people to type, in blocks or in a sentence."""
    for match in FENCE.finditer(page.read_text("utf-8")):
        if match[2] == "console":
            lines = (line.removeprefix("$ ").strip() for line in match[3].splitlines())
            yield from (line for line in lines if re.match(r"storyline(\s|$)", line))
    yield from (code for code in CODE.findall(prose(page)) if re.match(r"storyline(\s|$)", code))


command_line = cache(lambda: get_command(build([])))
"""The commands of Storyline itself, without those of plugins."""


def mistake_in(line: str) -> str:
    """What the command line does not know of this command; "" if it knows it all."""
    command = command_line()
    path: list[str] = []
    options = set(EVERYWHERE)
    words = iter(shlex.split(line)[1:])
    for word in words:
        if word in AND_SO_ON:
            break
        if word == "--config":
            next(words, "")
            continue
        if word.startswith("-"):
            options |= {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            if word.partition("=")[0] not in options:
                return f"{' '.join(['storyline', *path])} has no option {word}"
        elif isinstance(command, TyperGroup):
            if word in command.commands:
                command = command.commands[word]
                path.append(word)
            elif not path or not command.invoke_without_command:
                return f"{' '.join(['storyline', *path])} has no command {word}"
    return ""


def shown(page: Path) -> str:
    """How a page is named to people."""
    return page.relative_to(ROOT).as_posix()
