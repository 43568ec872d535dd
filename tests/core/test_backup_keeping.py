"""Which backups may go: the old ones, but never the last good one."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.backups import Backup, Manifest, backups_in, find_backup, make_backup, prune_backups
from storyline_core.backups.keeping import spared_by
from storyline_core.errors import BackupError
from tests.core.backup_samples import settings_for
from tests.core.store_samples import NOW, opened

DAY = timedelta(days=1)
KEEP = 30 * DAY


def backup(age: int, place: str, *, usable: bool = True, number: int = 0) -> Backup:
    manifest = Manifest(NOW - age * DAY, "1", place, "0001", ()) if usable else None
    return Backup(Path(f"{number}.zip"), NOW - age * DAY, 1, manifest, "" if usable else "bad", damaged=not usable)


@given(
    st.lists(
        st.tuples(
            st.integers(-2, 60), st.sampled_from(["a", "b"]), st.sampled_from(["good", "damaged within", "damaged"])
        ),
        max_size=12,
    )
)
def test_the_last_good_one_of_each_database_always_stays(made: list[tuple[int, str, str]]) -> None:
    backups = [
        backup(age, place, usable=how != "damaged", number=number) for number, (age, place, how) in enumerate(made)
    ]
    good = {each.path for each, (_, _, how) in zip(backups, made, strict=True) if how == "good"}
    spared = spared_by(backups, KEEP, NOW, lambda each: each.path in good)
    removed = [each for each in backups if NOW - each.made_at > KEEP and each not in spared]
    for place in ("a", "b"):
        of_place = [each for each in backups if each.manifest is not None and each.manifest.place == place]
        if any(each.path in good for each in of_place):
            left = [each for each in of_place if each not in removed and each.path in good]
            newest = max((each for each in of_place if each.path in good), key=lambda each: each.made_at)
            assert left
            assert max(each.made_at for each in left) == newest.made_at
    assert len(spared) <= 2, "of each database one, and nothing that is only old"
    assert all(NOW - each.made_at > KEEP for each in spared)


def test_old_ones_go_and_the_last_good_one_stays(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with opened(sqlite_url) as store:
        settings = settings_for(sqlite_url, folder)
        made = [make_backup(store, settings, NOW - age * DAY).path for age in (50, 40, 31)]
        young = make_backup(store, settings, NOW - DAY).path
    (folder / "notes.txt").write_text("not ours")
    dry = prune_backups(folder, KEEP, NOW, dry_run=True)
    assert {each.path for each in dry.removed} == set(made)
    assert len(list(folder.iterdir())) == 5
    young.write_bytes(young.read_bytes()[:-1] + b"x")
    done = prune_backups(folder, KEEP, NOW)
    assert [each.path for each in done.spared] == [made[2]], "the younger one is damaged"
    assert [each.path for each in backups_in(folder)] == [young, made[2]]
    assert prune_backups(folder, KEEP, NOW).removed == ()
    assert sorted(each.name for each in folder.iterdir()) == sorted([young.name, made[2].name, "notes.txt"])


def test_a_draft_that_was_left_goes_after_a_day(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with opened(sqlite_url) as store:
        make_backup(store, settings_for(sqlite_url, folder), NOW)
    left, fresh = folder / ".storyline-20260101T000000Z-0a.part", folder / ".storyline-20260501T120000Z-0b.part"
    for path, age in ((left, 2 * DAY), (fresh, timedelta(minutes=1))):
        path.touch()
        os.utime(path, (NOW.timestamp() - age.total_seconds(),) * 2)
    prune_backups(folder, KEEP, NOW)
    assert (left.exists(), fresh.exists()) == (False, True)


def test_what_is_damaged_and_old_goes_and_what_is_only_damaged_stays(tmp_path: Path) -> None:
    old, new = tmp_path / "storyline-20260101T000000Z.zip", tmp_path / "storyline-20260430T000000Z.zip"
    for path in (old, new):
        path.write_bytes(b"nonsense")
    assert [each.made_at for each in backups_in(tmp_path)] == [
        datetime(2026, 4, 30, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    ]
    prune_backups(tmp_path, KEEP, NOW)
    assert (old.exists(), new.exists()) == (False, True)


def test_what_cannot_be_read_just_now_stays() -> None:
    unread = attrs.evolve(backup(50, "", usable=False), damaged=False)
    assert spared_by([unread], KEEP, NOW, lambda each: False) == (unread,)


def test_without_a_folder_there_is_nothing(tmp_path: Path) -> None:
    assert backups_in(None) == backups_in(tmp_path / "none") == ()
    assert prune_backups(tmp_path / "none", KEEP, NOW).removed == ()


def test_the_newest_usable_one_is_meant_when_none_is_named(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as store:
        first = make_backup(store, settings_for(sqlite_url, tmp_path), NOW - DAY).path
        make_backup(store, settings_for(sqlite_url, tmp_path), NOW).path.write_bytes(b"nonsense")
    assert find_backup(tmp_path, None).path == first
    assert find_backup(tmp_path, first.stem).path == find_backup(tmp_path, first.name).path == first
    assert find_backup(None, str(first)).path == first


def test_for_restoring_the_first_good_one_is_taken_and_those_passed_over_are_named(
    sqlite_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    with opened(sqlite_url) as store:
        made = [make_backup(store, settings_for(sqlite_url, folder), NOW - age * DAY).path for age in (4, 3, 2, 1, 0)]
    oldest, good, spoilt, nonsense, ahead = made
    oldest.write_bytes(b"nonsense, but older")
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    nonsense.write_bytes(b"nonsense")
    passed: list[Backup] = []
    found = find_backup(folder, None, now=NOW - DAY, passed=passed.append)
    assert (found.path, [each.path for each in passed]) == (good, [nonsense, spoilt])
    assert find_backup(folder, None, now=NOW - DAY).path == spoilt, "who only proves it is not spared what is wrong"
    assert find_backup(folder, None, passed=passed.append).path == ahead
    for path in (good, ahead):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    passed.clear()
    with pytest.raises(BackupError, match="No backup of this database can be used"):
        find_backup(folder, None, passed=passed.append)
    assert {each.path for each in passed} == set(made)
