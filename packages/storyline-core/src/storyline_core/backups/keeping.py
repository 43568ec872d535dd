"""Which backups there are, which of them may go, and which one is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from storyline_core.backups.archive import MANIFEST, PART, SUFFIX, check_seal, reading
from storyline_core.backups.manifest import Backup, read
from storyline_core.errors import BackupError

_NAME = re.compile(rf"storyline-(?P<at>\d{{8}}T\d{{6}}Z)(?:-\d+)?{re.escape(SUFFIX)}")
_LEFT_FOR = timedelta(days=1)
"""A draft that is older than this was left by a process that died."""


@attrs.frozen
class Pruned:
    """What was taken away, and what stays; `spared` are old ones that stay since no later good one exists."""

    removed: tuple[Backup, ...]
    kept: tuple[Backup, ...]
    spared: tuple[Backup, ...] = ()


def backups_in(directory: Path | None) -> tuple[Backup, ...]:
    """Every backup in a folder, newest first. Each says of itself what is wrong with it, as far as a look shows."""
    if directory is None or not directory.is_dir():
        return ()
    found = [look_at(path) for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    return tuple(sorted(found, key=lambda each: (each.made_at, each.path.name), reverse=True))


def find_backup(
    directory: Path | None,
    named: str | None,
    *,
    place: str | None = None,
    now: datetime | None = None,
    passed: Callable[[Backup], object] | None = None,
) -> Backup:
    """The backup of that name or path; without one, the newest that can be used. Raises `BackupError`.

    With a `place` it is one of that database; of another only where the folder has those of a single one. With `now`
    those of a clock that was ahead come last. With `passed` each that comes first is read as a whole, and `passed` is
    called with every one that cannot be relied on.
    """
    if named is not None:
        places = (
            [Path(named)] if directory is None else [Path(named), directory / named, directory / f"{named}{SUFFIX}"]
        )
        for path in places:
            if path.is_file():
                return look_at(path)
        raise BackupError(f"There is no backup {named}. Which there are: storyline backup list")
    found = backups_in(directory)
    usable = [each for each in found if each.manifest is not None]
    if not usable:
        raise BackupError(f"There is no backup in {directory} yet. Make one: storyline backup create")
    homes = {each.manifest.place for each in usable if each.manifest is not None}
    if place is not None and (place in homes or len(homes) > 1):
        usable = [each for each in usable if each.manifest is not None and each.manifest.place == place]
    if not usable:
        raise BackupError(
            f"{directory} holds backups of several databases, and none of the {place}. Say which: storyline backup list"
        )
    usable.sort(key=lambda each: now is None or each.was_made_by(now), reverse=True)
    return usable[0] if passed is None else _first_good(found, usable, passed)


def _first_good(found: Sequence[Backup], usable: Sequence[Backup], passed: Callable[[Backup], object]) -> Backup:
    """The first that is as it was written. `passed` hears of those before it, and of newer ones without a manifest."""
    good = next((each for each in usable if is_good(each)), None)
    tried = usable if good is None else usable[: usable.index(good)]
    for each in found:
        if each in tried or (each.manifest is None and (good is None or each.made_at > good.made_at)):
            passed(each)
    if good is None:
        raise BackupError(
            "No backup of this database can be used: each is damaged, or cannot be read just now. Look into another "
            "folder, or name one yourself: storyline backup list"
        )
    return good


def look_at(path: Path) -> Backup:
    """One backup by what it says of itself. Its content is not read; `verify` does that."""
    try:
        status = path.stat()
    except OSError as error:
        return Backup(path, datetime.fromtimestamp(0, UTC), 0, problem=f"it cannot be read ({error.strerror})")
    named = _NAME.fullmatch(path.name)
    at = datetime.fromtimestamp(status.st_mtime, UTC)
    if named is not None:
        at = datetime.strptime(named["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    try:
        with reading(path) as archive:
            manifest = read(archive.content(MANIFEST), path)
    except BackupError as error:
        return Backup(path, at, status.st_size, problem=str(error), damaged=True)
    except OSError as error:
        return Backup(path, at, status.st_size, problem=f"it cannot be read ({error.strerror})")
    return Backup(path, manifest.made_at, status.st_size, manifest)


def is_good(backup: Backup) -> bool:
    """Whether not a byte of a backup has changed since it was made. Reads all of it."""
    if backup.manifest is None:
        return False
    try:
        check_seal(backup.path)
    except (BackupError, OSError):
        return False
    return True


def spared_by(
    backups: Sequence[Backup], keep: timedelta, now: datetime, good: Callable[[Backup], bool]
) -> tuple[Backup, ...]:
    """The old ones that must stay: of each database the newest good one, where no younger one is good. Newest first.

    What cannot be read just now is nobody's to throw away.
    """
    spared = [each for each in backups if _is_old(each, keep, now) and each.manifest is None and not each.damaged]
    places = dict.fromkeys(each.manifest.place for each in backups if each.manifest is not None)
    for place in places:
        of_place = [each for each in backups if each.manifest is not None and each.manifest.place == place]
        newest = next((each for each in sorted(of_place, key=_made_at, reverse=True) if good(each)), None)
        if newest is not None and _is_old(newest, keep, now):
            spared.append(newest)
    return tuple(sorted(spared, key=_made_at, reverse=True))


def prune(directory: Path | None, keep: timedelta, now: datetime, *, dry_run: bool = False) -> Pruned:
    """Take away backups older than that, but never the last good one of a database; and drafts that were left.

    Raises `BackupError` when something cannot be removed.
    """
    backups = backups_in(directory)
    old = [each for each in backups if _is_old(each, keep, now)]
    spared = spared_by(backups, keep, now, is_good) if old else ()
    removed = tuple(each for each in old if each not in spared)
    if not dry_run and directory is not None:
        for path in [*(each.path for each in removed), *_left_drafts(directory, now)]:
            _remove(path)
    return Pruned(removed, tuple(each for each in backups if each not in removed), spared)


def _is_old(backup: Backup, keep: timedelta, now: datetime) -> bool:
    return now - backup.made_at > keep


def _made_at(backup: Backup) -> datetime:
    return backup.made_at


def _left_drafts(directory: Path, now: datetime) -> list[Path]:
    if not directory.is_dir():
        return []
    found = []
    for path in directory.glob(f".storyline-*{PART}"):
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            continue
        if now - written > _LEFT_FOR:
            found.append(path)
    return found


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{path} cannot be removed ({error.strerror}). Remove it by hand.") from error
