"""`backfill` under a publisher: what it comes to, and every way in which it cannot be meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from storyline_core import BackfillMedia, BackfillSettings, Settings, SettingsError, load_plugins
from storyline_core.settings import settings_from
from storyline_core.testing.memory import MemoryPlugin

KINDS = load_plugins(extra=[MemoryPlugin()], entry_points=False)


def _read(backfill: object, *, kind: str = "memory-past", environment: dict[str, str] | None = None) -> Settings:
    values = {
        "sources": {"archive": {"kind": "memory"}, "photos": {"kind": "memory"}},
        "publishers": {"brand": {"kind": kind} | ({} if backfill is None else {"backfill": backfill})},
        "accounts": {"main": {"sources": ["photos"], "publisher": "brand", "mode": "auto"}},
    }
    return settings_from(values, environment or {}, KINDS, directory=Path("/srv"))


def test_left_out_nothing_is_saved_by_itself() -> None:
    assert _read(None).publishers["brand"].backfill is None
    assert _read({"every": "2h"}).publishers["brand"].backfill is None


def test_a_source_is_enough() -> None:
    settings = _read({"into": "archive"})
    assert settings.publishers["brand"].backfill == BackfillSettings("archive", timedelta(days=1), BackfillMedia.BOTH)


def test_rhythm_and_sort_can_be_said_also_from_the_environment() -> None:
    given = {"into": "archive", "every": "12h", "media": "stories"}
    wanted = BackfillSettings("archive", timedelta(hours=12), BackfillMedia.STORIES)
    assert _read(given).publishers["brand"].backfill == wanted
    variables = {f"STORYLINE_PUBLISHERS_BRAND_BACKFILL_{name.upper()}": value for name, value in given.items()}
    assert _read(None, environment=variables).publishers["brand"].backfill == wanted


@pytest.mark.parametrize(
    ("backfill", "kind", "told"),
    [
        ({"into": "attic"}, "memory-past", "publishers.brand.backfill.into: there is no source 'attic'."),
        ({"into": "archives"}, "memory-past", "Did you mean"),
        ({"into": "archive"}, "memory", "publishers.brand.backfill: memory cannot fetch what was posted before."),
        ({"into": "archive", "every": "5m"}, "memory-past", "must be 1h or more."),
        ({"into": "archive", "media": "reels"}, "memory-past", "publishers.brand.backfill.media: this must be feed"),
        ({"in": "archive"}, "memory-past", "publishers.brand.backfill.in: there is no such setting."),
        ("archive", "memory-past", "publishers.brand.backfill: this must be a table"),
    ],
)
def test_mistakes_are_told_where_they_are(backfill: object, kind: str, told: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        _read(backfill, kind=kind)
    assert told in str(wrong.value)
