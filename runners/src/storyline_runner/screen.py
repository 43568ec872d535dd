"""What people and scripts read: lines, tables and JSON on standard output, remarks and progress on standard error.

A terminal gets colours and tables that fold to its width; a pipe gets plain lines that are never broken.
"""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, TextIO

import attrs

if TYPE_CHECKING:
    from rich.console import Console

_UNBROKEN = 100_000

_ROOM = 30
"""So many columns must be left for what is folded; where there are fewer, it goes below the row's other cells."""

_COLOURS: Mapping[str, str] = {
    "posted": "green",
    "healthy": "green",
    "completed": "green",
    "alive": "green",
    "approved": "cyan",
    "prepared": "cyan",
    "publishing": "cyan",
    "offered": "yellow",
    "offering": "yellow",
    "snoozed": "yellow",
    "degraded": "yellow",
    "uncertain": "bold red",
    "unhealthy": "bold red",
    "failed": "red",
    "broken": "red",
    "missed": "red",
    "skipped": "bright_black",
    "rejected": "bright_black",
    "removed": "bright_black",
}


@attrs.frozen
class Column:
    """One column of a table. `whole` columns are never folded; `right` ones hold numbers."""

    title: str
    whole: bool = False
    right: bool = False


def plain(text: str) -> str:
    """The text as it can be shown: what would steer a terminal or break a line is spelled out."""
    return "".join(sign if sign.isprintable() else _spelled(sign) for sign in text)


def _spelled(sign: str) -> str:
    return sign.encode("unicode_escape").decode() if ord(sign) > 0xFF else f"\\x{ord(sign):02x}"


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n"))


def megabytes(size: float) -> str:
    """A size given in megabytes, as people say it: `4.1 MB`, `87 kB`."""
    return f"{size:.1f} MB" if size >= 0.95 else f"{max(size * 1000, 1):.0f} kB"


def say(text: str = "", *, style: str = "") -> None:
    """Lines for people. Each line of the text is one on the screen; a terminal folds it, and keeps its indent."""
    from rich.padding import Padding
    from rich.text import Text

    console = _console(sys.stdout)
    for line in text.split("\n"):
        if not sys.stdout.isatty() or not line:
            console.print(plain(line), style=style or None, soft_wrap=True)
            continue
        bare = line.lstrip(" ")
        indent = (0, 0, 0, len(line) - len(bare))
        console.print(Padding(Text(plain(bare), style=style), indent, expand=False))


def heading(text: str, about: str = "") -> None:
    """A line that begins a part, set off from what comes before."""
    from rich.text import Text

    _console(sys.stdout).print(
        Text.assemble((plain(text), "bold"), (f"  {plain(about)}" if about else "", "bright_black"))
    )


def under(text: str, indent: int = 4) -> None:
    """A remark below a line, indented also where it is folded."""
    from rich.padding import Padding
    from rich.text import Text

    if sys.stdout.isatty():
        padded = Padding(Text(plain(text), style="bright_black"), (0, 0, 0, indent), expand=False)
        _console(sys.stdout).print(padded)
    else:
        print(" " * indent + plain(text))


def note(text: str) -> None:
    """A remark beside the result: on standard error."""
    print(_lines(text), file=sys.stderr)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, indent: int = 0) -> None:
    """A table without lines. States are coloured. Without rows nothing is printed.

    In a narrow terminal what comes after the leading `whole` columns is set below them.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    if beside := _stacked(columns, rows, indent):
        for row in rows:
            _print_stacked(row[:beside], row[beside:], [row[:beside] for row in rows], indent)
        return
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black", show_edge=False)
    for column in columns:
        drawn.add_column(
            column.title, no_wrap=column.whole, overflow="fold", justify="right" if column.right else "left"
        )
    for row in rows:
        drawn.add_row(*(Text(_lines(cell), style=_COLOURS.get(cell, "")) for cell in row))
    _print_trimmed(Padding(drawn, (0, 0, 0, indent)) if indent else drawn)


def _stacked(columns: Sequence[Column], rows: Sequence[Sequence[str]], indent: int) -> int:
    """How many leading columns stand beside each other while the rest goes below; 0 where all fit in a row."""
    from rich.cells import cell_len

    if not sys.stdout.isatty():
        return 0
    wide = [
        2 + max(cell_len(line) for cell in (column.title, *(row[at] for row in rows)) for line in cell.split("\n"))
        for at, column in enumerate(columns)
    ]
    beside = next((at for at, column in enumerate(columns) if not column.whole), 0)
    width = _console(sys.stdout).width
    return beside if indent + sum(wide) - 2 > width and width - indent - sum(wide[:beside]) < _ROOM else 0


def _print_stacked(heads: Sequence[str], rest: Sequence[str], others: Sequence[Sequence[str]], indent: int) -> None:
    """One row of a table that is too wide: the first cells in their columns, the others below."""
    from rich.cells import cell_len
    from rich.text import Text

    line = Text(" " * indent)
    for at, cell in enumerate(heads):
        room = max(cell_len(other[at]) for other in others) - cell_len(cell)
        line.append_text(Text(plain(cell), style=_COLOURS.get(cell, ""))).append(" " * (room + 2))
    line.rstrip()
    _console(sys.stdout).print(line)
    if below := "  ".join(cell for cell in rest if cell):
        say(" " * (indent + 2) + below)


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Labels and values, one below the other; empty values are left out."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    drawn.add_column(no_wrap=True, style="bright_black")
    drawn.add_column(overflow="fold")
    for label, value in pairs:
        if value:
            drawn.add_row(label, Text(_lines(value), style=_COLOURS.get(value, "")))
    _print_trimmed(drawn)


def document(value: Mapping[str, object]) -> None:
    """The one JSON document of a command, on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


@contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """Where JSON is wanted, send whatever else is printed meanwhile to standard error."""
    if wanted:
        with redirect_stdout(sys.stderr):
            yield
    else:
        yield


def reader_left() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    try:
        watched = select.poll()
        watched.register(1, 0)
        return any(event & select.POLLERR for _, event in watched.poll(0))
    except (AttributeError, OSError):
        return False


def _print_trimmed(drawn: object) -> None:
    console = _console(sys.stdout)
    if sys.stdout.isatty():
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        print(line.rstrip())


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else _UNBROKEN
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


class Overheard:
    """Standard output, passed on while it is not `muted`; `anything` tells whether something was."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.muted = False
        self.anything = False

    def write(self, text: str) -> int:
        """Pass it on, or not."""
        if self.muted:
            return len(text)
        self.anything = self.anything or bool(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Pass it on."""
        self._stream.flush()

    def isatty(self) -> bool:
        """What the stream itself says."""
        return self._stream.isatty()

    @property
    def encoding(self) -> str:
        """What the stream itself says."""
        return self._stream.encoding


@contextmanager
def overhear() -> Iterator[Overheard]:
    """Notice what a notifier in this very terminal prints meanwhile, and mute it where it would repeat."""
    heard = Overheard(sys.stdout)
    with redirect_stdout(heard):
        yield heard
