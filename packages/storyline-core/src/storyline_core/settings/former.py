"""Settings under other names: what to write in place of a key that does not exist, or exists no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from storyline_core.settings.sections import (
    FORMERLY,
    AccountSection,
    BackupsSection,
    LogSection,
    SourceSection,
)

_COOLDOWNS = 'Write cooldown.posted = "30d" and cooldown.skipped = "45d" instead.'
_WINDOW = 'Write window = "09:00-21:00" instead.'
_NO_SWITCH = "This is no setting but a switch: storyline pause --account NAME, and resume."

GONE: Mapping[type, Mapping[str, str]] = MappingProxyType(
    {
        LogSection: {"json": 'Write format = "json" instead.'},
        SourceSection: {
            "interval_minutes": 'Write sync_interval = "5m" instead.',
            "interval_seconds": 'Write sync_interval = "60s" instead.',
            "sync_interval_minutes": 'Write sync_interval = "5m" instead.',
            "sync_interval_seconds": 'Write sync_interval = "60s" instead.',
            "disabled": "Write enabled = false instead.",
            "paused": "Write enabled = false, or switch it: storyline sources pause NAME.",
        },
        AccountSection: {
            "cooldown_posted": "Write cooldown.posted instead.",
            "cooldown_skipped": "Write cooldown.skipped instead.",
            "cooldown_days": _COOLDOWNS,
            "repost_after": 'Write cooldown.posted = "30d" instead.',
            "skip_days": 'Write cooldown.skipped = "45d" instead.',
            "jitter_minutes": 'Write jitter = "30m" instead.',
            "start": _WINDOW,
            "end": _WINDOW,
            "window_start": _WINDOW,
            "window_end": _WINDOW,
            "posting_hours_start": _WINDOW,
            "posting_hours_end": _WINDOW,
            "schedule": "Write its keys here: posts_per_day, window, timezone, jitter.",
            "paused": _NO_SWITCH,
            "enabled": _NO_SWITCH,
        },
        BackupsSection: {
            "keep_days": 'Write keep = "30d" instead.',
            "retention_days": 'Write keep = "30d" instead.',
        },
    }
)
"""Keys that are gone, or never were and are looked for: by the class of their table, with what to write instead."""

GONE_TABLES: Mapping[str, str] = MappingProxyType(
    {"schedule": "Write its keys under [accounts.NAME]: posts_per_day, window, timezone, jitter."}
)
"""The same for whole tables."""


def instead_of(key: str, schemas: Iterable[type]) -> str:
    """What to write in place of a key that none of these settings classes has; "" where nobody can tell."""
    spelt = key.casefold().replace("-", "_")
    for schema in schemas:
        for field in attrs.fields(schema):
            if field.init and spelt in former_names(field):
                return f"Write {field.alias or field.name} instead."
        if spelt in GONE.get(schema, {}):
            return GONE[schema][spelt]
    return ""


_ASSIGNED = re.compile(r'([a-z_.]+) = "?([^"\s,]+)"?')


def gone_from(schema: type) -> Mapping[str, str]:
    """The keys that are gone from a settings class, or never were there, with what to write instead."""
    return GONE.get(schema, {})


def as_variables(remedy: str, prefix: str) -> str:
    """What to write instead, for somebody who sets variables; `prefix` begins those of the same table."""
    said = _ASSIGNED.sub(lambda found: f"{prefix}{found[1].replace('.', '_').upper()}={found[2]}", remedy)
    return said if said == remedy else said.replace("Write ", "Set ", 1)


def former_names(field: attrs.Attribute[object]) -> tuple[str, ...]:
    """What else a setting was called, or is taken for."""
    names: object = field.metadata.get(FORMERLY, ())
    return tuple(map(str, names)) if isinstance(names, tuple | list) else ()
