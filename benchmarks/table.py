"""What a measurement found, beside what it should be, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen
class Found:
    """One figure. `most` and `least` are what it should keep to; without either it is told and not judged."""

    what: str
    figure: float
    most: float | None = None
    least: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """What it should be, in words."""
        if self.most is not None:
            return f"at most {self.most:g}{self.unit}"
        return f"at least {self.least:g}{self.unit}" if self.least is not None else "—"

    @property
    def reached(self) -> str:
        """Whether it is, in one word."""
        if self.most is None and self.least is None:
            return "—"
        low = self.least is not None and self.figure < self.least
        return "no" if low or (self.most is not None and self.figure > self.most) else "yes"

    def cells(self) -> tuple[str, str, str, str]:
        """Its line in a table."""
        digits = 0 if self.figure >= 100 else 3 if self.figure < 0.1 else 2
        return self.what, f"{self.figure:.{digits}f}{self.unit}", self.target, self.reached


HEADINGS = ("what", "measured", "target", "reached")


def for_screen(lines: Iterable[Sequence[str]]) -> str:
    """Columns under their headings."""
    rows = [HEADINGS, *lines]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if place != 1 else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def for_a_page(lines: Iterable[Sequence[str]]) -> str:
    """The same in Markdown."""
    rows = [HEADINGS, ("---", "--:", "---", "---"), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
