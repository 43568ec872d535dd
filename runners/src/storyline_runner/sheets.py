"""Rows for spreadsheets: CSV on standard output, from the same rows that `--json` gives."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from storyline_runner import screen, shapes

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show_rows(name: str, rows: Sequence[Mapping[str, object]], *, as_csv: bool) -> None:
    """Rows for programs: one JSON document with the list under its name, or a sheet."""
    if as_csv:
        write(rows)
    else:
        screen.document(shapes.in_list(name, map(dict, rows)))


def write(rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows with a header; what lies in one another becomes `outer.inner`, lists are joined by semicolons.

    Without rows nobody knows the columns, and nothing is written.
    """
    flat = [dict(_flat(row)) for row in rows]
    if not flat:
        return
    names = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(sys.stdout, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


def _flat(row: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, _cell(value)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        # What a caption begins with must not be worked out by the program that opens the sheet.
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, Sequence):
        return "; ".join(each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in value)
    return value
