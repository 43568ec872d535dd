"""Entries that cannot stand side by side: two of one kind that use what only one of them can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from storyline_core.errors import Problem
from storyline_core.settings.values import Entry

ALONE = "alone"
"""The metadata of a field whose value only one entry of its kind may have: what to do where two have it."""


def clash_problems(section: str, entries: Iterable[Entry | None]) -> Iterator[Problem]:
    """One problem for each entry that has what an earlier one of its kind has; the value itself is never shown."""
    first: dict[tuple[str, str, object], str] = {}
    for entry in entries:
        options = type(entry.options) if entry is not None else None
        if entry is None or options is None or not attrs.has(options):
            continue
        for field in attrs.fields(options):
            remedy = field.metadata.get(ALONE)
            if remedy is None:
                continue
            value = getattr(entry.options, field.name)
            before = first.setdefault((entry.kind, field.name, value), entry.name)
            if before != entry.name:
                message = f"[{section}.{before}] and [{section}.{entry.name}] have the same {field.name}."
                yield Problem(f"{section}.{entry.name}.{field.name}", message, remedy)
