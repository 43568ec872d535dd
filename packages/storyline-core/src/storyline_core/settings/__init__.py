"""The settings: one TOML file and the environment, read into one frozen value that is passed down.

Nothing here reads the process's environment or the clock; both come in as arguments.
"""

from __future__ import annotations

from storyline_core.settings.backfilling import Kinds
from storyline_core.settings.describe import SettingField, describe_kind, describe_settings
from storyline_core.settings.durations import Window, duration_text, parse_duration, parse_window, parse_zone
from storyline_core.settings.effective import EffectiveSetting, effective_settings
from storyline_core.settings.masking import masked, secrets_in
from storyline_core.settings.reading import load, settings_from
from storyline_core.settings.secret import Secret
from storyline_core.settings.starter import starter_toml
from storyline_core.settings.values import (
    AlertSettings,
    BackfillMedia,
    BackfillSettings,
    BackupSettings,
    Entry,
    HealthSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    Settings,
    SourceEntry,
    hide_password,
)

__all__ = [
    "AlertSettings",
    "BackfillMedia",
    "BackfillSettings",
    "BackupSettings",
    "EffectiveSetting",
    "Entry",
    "HealthSettings",
    "Kinds",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "Secret",
    "SettingField",
    "Settings",
    "SourceEntry",
    "Window",
    "describe_kind",
    "describe_settings",
    "duration_text",
    "effective_settings",
    "hide_password",
    "load",
    "masked",
    "parse_duration",
    "parse_window",
    "parse_zone",
    "secrets_in",
    "settings_from",
    "starter_toml",
]
