"""Backing up: a backup by one process at a time, with its run record, and what is too old taken away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from storyline_core.backups import Backup, backups_in, local_media, make_backup, prune_backups
from storyline_core.errors import BackupError, Busy, StorylineError
from storyline_core.redaction import scrub
from storyline_core.steps.house import ALONE_FOR, CutShort, House
from storyline_core.steps.tenure import Tenure
from storyline_core.store import RunStatus, Unit

SUBJECT = "upkeep/backup"
ALERT = "upkeep/backup"
"""The key of the alert that the daily backup could not be made."""


def back_up(house: House, *, triggered_by: str = "cli", user: str | None = None) -> Backup:
    """Make a backup now. Raises `Busy` while another process makes one, `BackupError` or `StoreError` with why not.

    Either way a run record tells of it.
    """
    now = house.clock()
    tenure = Tenure(house.store, house.clock, SUBJECT, house.holder, now, length=ALONE_FOR)
    try:
        try:
            backup = made(house, tenure, now)
        except StorylineError as error:
            with house.store.begin() as unit:
                record(unit, now, house.clock(), triggered_by=triggered_by, user=user, error=error)
            raise
        with house.store.begin() as unit:
            record(unit, now, house.clock(), triggered_by=triggered_by, user=user, result=told(backup))
            unit.alerts.clear(ALERT, at=now)
        return backup
    finally:
        tenure.end()


def made(house: House, tenure: Tenure, now: datetime) -> Backup:
    """Write the backup that the settings describe."""
    wanted = house.settings.backups.include_media
    media = local_media(house.settings, house.open_item) if wanted else None

    def alive() -> None:
        if house.stop():
            raise CutShort("The backup was left undone, because Storyline is to stop.")
        tenure.keep()

    return make_backup(house.store, house.settings, now, media=media, alive=alive)


def made_since(house: House, moment: datetime, now: datetime) -> Backup | None:
    """A backup of this database that was made since then, by whomever: with media files where they are wanted.

    Not one from the future: a clock was wrong then.
    """
    for backup in backups_in(house.settings.backups.directory):
        manifest = backup.manifest
        if (
            manifest is None
            or manifest.place != house.store.place
            or manifest.made_at < moment
            or not backup.was_made_by(now)
        ):
            continue
        if manifest.media is not None or not house.settings.backups.include_media:
            return backup
    return None


def throw_away_old(house: House, now: datetime) -> tuple[int, str]:
    """Take away what is older than the settings want kept; how many, and what went wrong, "" for nothing."""
    try:
        return len(prune_backups(house.settings.backups.directory, house.settings.backups.keep, now).removed), ""
    except BackupError as error:
        return 0, str(error)


def told(backup: Backup) -> Mapping[str, object]:
    """What a run record keeps of a backup."""
    manifest = backup.manifest
    counts = manifest.counts if manifest is not None else {}
    media = manifest.media if manifest is not None else None
    files = {} if media is None else {"files": media.files, "unread": len(media.missing)}
    return {
        "file": backup.path.name,
        "size": backup.size,
        "items": counts.get("items", 0),
        "posts": counts.get("posts", 0),
        "rows": sum(counts.values()),
        **files,
    }


def record(
    unit: Unit,
    began: datetime,
    ended: datetime,
    *,
    triggered_by: str,
    user: str | None = None,
    result: Mapping[str, object] | None = None,
    error: StorylineError | None = None,
) -> None:
    """Leave a run record. The same failure of the scheduler over and over is one, which counts them."""
    finish = partial(unit.runs.finish, at=ended)
    if error is None:
        run = unit.runs.start("backup", triggered_by=triggered_by, user=user, at=began)
        finish(run, RunStatus.COMPLETED, result=result)
        return
    if isinstance(error, Busy):
        return
    why, kind = scrub(str(error)), type(error).__name__
    last = unit.runs.last("backup", "")
    again = last is not None and triggered_by == last.triggered_by == "scheduler"
    if last is not None and again and (last.status, last.error) == (RunStatus.FAILED, why):
        finish(last.id, RunStatus.FAILED, result={"times": last.times + 1}, error=why, error_type=kind)
        return
    run = unit.runs.start("backup", triggered_by=triggered_by, user=user, at=began)
    finish(run, RunStatus.FAILED, result={"times": 1}, error=why, error_type=kind)
