"""The machine that Storyline runs on, looked at for `check`: room on its disks, its backups, its clock."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from storyline_core.backups import backups_in
from storyline_core.health import Check, Status, here_alone
from storyline_core.settings import Settings
from storyline_core.store import BACKUP_CHORE, Store
from storyline_core.vitals import HEARD_WITHIN, check_backup, check_clocks, check_disk

log = logging.getLogger("storyline")

BACKUP = BACKUP_CHORE
"""The name of the daily backup among the tasks of upkeep."""

HERE = "this machine"
"""How this process's own clock is called among those of the workers."""


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def look_at_disks(store: Store, settings: Settings, host: str) -> Iterator[Check]:
    """A row for each disk of this `host` that is written to: the database's, where it is a file, and the backups'."""
    beside = "" if store.embedded else f" on {host}"
    places: dict[str, tuple[Path, str]] = {}
    if (file := store.file) is not None:
        places["database"] = (file.parent, "the database lies")
    if (directory := settings.backups.directory) is not None:
        places["backups"] = (directory, "backups are written")
    seen: set[int] = set()
    for label, (folder, what) in places.items():
        there = _existing(folder)
        try:
            device, free = os.stat(there).st_dev, shutil.disk_usage(there).free
        except OSError as error:
            log.debug("The disk of %s cannot be looked at: %s", there, error)
            continue
        if device not in seen:
            seen.add(device)
            yield check_disk(label, what + beside, free, here_alone(f"health/disk/{label}", host))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there: it is made when it is first needed."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def look_at_backups(store: Store, settings: Settings, now: datetime) -> Check:
    """How old the newest backup is."""
    directory = settings.backups.directory
    if directory is None:
        return Check("backup", Status.HEALTHY, "none are made, since [backups] names no directory")
    with store.read() as unit:
        since = unit.numbers.known_since()
        done_at = unit.chores.get(BACKUP).done_at
    made = _backups_made(store, directory, now)
    # Of the machines that share a server one makes the daily backup, into a folder that only it may see.
    if not store.embedded and done_at is not None and done_at <= now:
        made.append(done_at)
    return check_backup(max(made, default=None), since, now)


def _backups_made(store: Store, directory: Path, now: datetime) -> list[datetime]:
    """When the backups of this database that can be used were made."""
    try:
        found = [each for each in backups_in(directory) if each.was_made_by(now)]
    except OSError as error:
        log.debug("The backups in %s cannot be looked at: %s", directory, error)
        return []
    return [each.made_at for each in found if each.manifest is not None and each.manifest.place == store.place]


def look_at_clocks(store: Store, clock: Callable[[], datetime], now: datetime) -> Check:
    """How far the clocks of this process and of every worker at work are from the database server's."""
    skews: dict[str, timedelta] = {}
    with store.read() as unit:
        for worker in unit.workers.all():
            if worker.skew is not None and abs(now - worker.noted_at) <= HEARD_WITHIN + abs(worker.skew):
                skews[worker.name] = worker.skew
    mine = skew_of(store, clock)
    if mine is not None and not skews:
        skews[HERE] = mine
    return check_clocks(skews)


def skew_of(store: Store, clock: Callable[[], datetime]) -> timedelta | None:
    """How far this process's clock is ahead of the database server's, as far as the way there lets it be known.

    None where the database has no clock of its own.
    """
    with store.read() as unit:
        before = clock()
        there = unit.workers.server_time()
        after = clock()
    if there is None:
        return None
    if before <= there <= after:
        return timedelta()
    return (before - there) + (after - before) / 2
