"""`storyline backup`: make, list, prove, restore and throw away backups."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storyline_core import spoken
from storyline_runner import screen, times
from storyline_runner.complaints import DONE, FAILED
from storyline_runner.options import DryRun, JsonFlag
from storyline_runner.progress import waiting
from storyline_runner.screen import Column
from storyline_runner.session import Session, session_of, who
from storyline_runner.shapes import Shape, in_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from storyline_core import Backup, Manifest, Restored, Settings, Verified

Which = Annotated[
    str | None, typer.Argument(metavar="FILE", help="Its name or path; left out: the newest that can be used.")
]


def create(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Make a backup now, while everything goes on working."""
    session = session_of(ctx)
    with screen.only_json(json_), waiting("making a backup"):
        backup = _made(session)
    if json_:
        screen.document({"backup": backup_shape(backup, times.now())})
        return
    screen.say(f"{backup.path} ({_size(backup.size)}): {_counts(backup)}.")
    manifest = backup.manifest
    if manifest is not None and manifest.media is not None and manifest.media.missing:
        for place, why in manifest.media.missing[:10]:
            screen.note(f"Not in it: {screen.plain(place)}: {why}")
    if manifest is not None and not manifest.settings:
        screen.note("There is no settings file to put into it; keep what configures Storyline yourself.")


def _made(session: Session) -> Backup:
    """A backup by the opened Storyline, or of a database that still waits for its migrations as it is."""
    from storyline_core import BackupError, make_backup, open_store

    settings = session.settings()
    store = open_store(settings.database_url)
    try:
        if store.file is not None and not store.file.exists():
            raise BackupError(f"There is no {store.place} yet, so there is nothing to save.")
        if not store.schema().level:
            return make_backup(store, settings, times.now())
    finally:
        store.close()
    with session.storyline() as storyline:
        return storyline.back_up(user=who())


def list_backups(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Every backup, newest first: when, how large, what is in it."""
    from storyline_core import backups_in

    settings = session_of(ctx).settings()
    backups, now = backups_in(settings.backups.directory), times.now()
    if json_:
        screen.document(in_list("backups", (backup_shape(each, now) for each in backups)))
        return
    if not backups:
        screen.say(f"There is none in {settings.backups.directory} yet. Make one: storyline backup create")
    columns = (Column("name", whole=True), Column("age", whole=True), Column("size", whole=True, right=True),
               Column("holds"))  # fmt: skip
    rows = [
        (each.path.name, spoken(now - each.made_at), _size(each.size), each.problem or _counts(each))
        for each in backups
    ]
    screen.table(columns, rows)


def verify(
    ctx: typer.Context,
    named: Which = None,
    every: Annotated[bool, typer.Option("--all", help="Every one there is.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Prove a backup: restore it to one side, compare every table and file.

    Exit code 1 if one cannot be relied on.
    """
    from storyline_core import backups_in, verify_backup

    settings = session_of(ctx).settings()
    folder = settings.backups.directory
    paths = [each.path for each in backups_in(folder)] if every else [_meant(settings, named).path]
    proved = []
    for path in paths:
        with waiting(f"restoring {path.name} to one side"):
            proved.append(verify_backup(path))
    if json_:
        now = times.now()
        screen.document(in_list("backups", (_proof_shape(each, now) for each in proved)))
    else:
        for each in proved:
            _show_proof(each)
        if not proved:
            screen.say(f"There is none in {folder} yet. Make one: storyline backup create")
    raise typer.Exit(DONE if all(each.good for each in proved) else FAILED)


def _meant(settings: Settings, named: str | None, passed: Callable[[Backup], None] | None = None) -> Backup:
    """The backup of that name, or the newest of the database that the settings name.

    With `passed` it is the newest that is good, and `passed` hears of those that are not.
    """
    from storyline_core import find_backup, open_store

    with closing(open_store(settings.database_url)) as store:
        place = store.place
    return find_backup(settings.backups.directory, named, place=place, now=times.now(), passed=passed)


def _passed_over(backup: Backup) -> None:
    problem = backup.problem or "it is damaged, or cannot be read just now."
    screen.note(f"{backup.path.name} was passed over: {problem}")


def _show_proof(proof: Verified) -> None:
    name = proof.backup.path.name
    if not proof.good:
        for problem in proof.problems:
            screen.note(problem if problem.startswith(name) else f"{name}: {problem}")
        return
    files = f", {proof.files} media files" if proof.files else ""
    screen.say(f"{name} is good: {proof.rows} rows in {proof.tables} tables{files} came back as they were.")


def restore(
    ctx: typer.Context,
    named: Which = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there; it is kept beside.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Another database than that of the settings.")
    ] = None,
    media_to: Annotated[
        Path | None, typer.Option("--media-to", metavar="DIR", help="Also write its media files, below this folder.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """Put a backup back. Stop Storyline first.

    An empty database is filled; one that holds anything is replaced only with --force, and kept beside it.
    """
    from storyline_core import find_backup, restore_backup

    by_path = to is not None and named is not None and Path(named).is_file()
    settings = None if by_path else session_of(ctx).settings()
    chosen = _meant(settings, named, _passed_over) if settings is not None else find_backup(None, named)
    url = to or (settings.database_url if settings is not None else "")
    with screen.only_json(json_), waiting(f"restoring {chosen.path.name}"):
        restored = restore_backup(chosen.path, url, times.now(), force=force, media_to=media_to)
    if json_:
        screen.document(_restored_shape(restored, times.now()))
        return
    _show_restored(restored, settings)


def _show_restored(restored: Restored, settings: Settings | None) -> None:
    backup = restored.backup
    zone = times.zone_of(settings) if settings is not None else times.shared_zone(())
    screen.say(f"{backup.path.name} is in the {restored.place}: {_counts(backup)}.")
    if restored.aside:
        screen.say(f"What was there is kept as {restored.aside}. Remove it when you are sure.")
    if restored.files:
        screen.say(f"{restored.files} media files were written.")
    for name in restored.skipped[:10]:
        screen.note(f"Not written, since another file is there: {screen.plain(name)}")
    screen.note(
        f"What happened after {times.named(backup.made_at, zone)} is not in it: look at what was posted since, hold "
        "those pictures, then: storyline check"
    )


def prune(ctx: typer.Context, dry_run: DryRun = False, json_: JsonFlag = False) -> None:
    """Take away backups older than [backups] keep, never the last good one."""
    from storyline_core import duration_text
    from storyline_core import prune_backups as prune_in

    settings = session_of(ctx).settings()
    now = times.now()
    done = prune_in(settings.backups.directory, settings.backups.keep, now, dry_run=dry_run)
    if json_:
        names = {"removed": done.removed, "kept": done.kept, "spared": done.spared}
        screen.document(
            {"dry_run": dry_run} | {name: [each.path.name for each in some] for name, some in names.items()}
        )
        return
    for each in done.removed:
        screen.say(f"{'would remove' if dry_run else 'removed'} {each.path.name}")
    if not done.removed:
        screen.say(f"Nothing is older than {duration_text(settings.backups.keep)} and may go.")
    for each in done.spared:
        screen.note(f"{each.path.name} is older but stays: no later good one is there, or it cannot be read just now.")


def backup_shape(backup: Backup, now: datetime) -> Shape:
    """One backup; `usable` is False for one that says nothing of itself, with its `problem`."""
    shape: Shape = {
        "name": backup.path.name,
        "path": str(backup.path),
        "made_at": times.iso(backup.made_at),
        "age_s": int((now - backup.made_at).total_seconds()),
        "size": backup.size,
        "usable": backup.manifest is not None,
        "problem": backup.problem or None,
    }
    return shape | _manifest_shape(backup.manifest)


def _manifest_shape(manifest: Manifest | None) -> Shape:
    if manifest is None:
        return dict.fromkeys(("database", "version", "storyline", "counts", "rows", "settings", "media"))
    media = manifest.media
    return {
        "database": manifest.place,
        "version": manifest.version,
        "storyline": manifest.storyline,
        "counts": dict(manifest.counts),
        "rows": sum(manifest.counts.values()),
        "settings": manifest.settings,
        "media": None
        if media is None
        else {
            "files": media.files,
            "size": media.size,
            "missing": [{"file": place, "why": why} for place, why in media.missing],
        },
    }


def _proof_shape(proof: Verified, now: datetime) -> Shape:
    return backup_shape(proof.backup, now) | {"good": proof.good, "problems": list(proof.problems)}


def _restored_shape(restored: Restored, now: datetime) -> Shape:
    return {
        "backup": backup_shape(restored.backup, now),
        "database": restored.place,
        "aside": restored.aside or None,
        "files": restored.files,
        "skipped": list(restored.skipped),
    }


def _counts(backup: Backup) -> str:
    if backup.manifest is None:
        return backup.problem
    counts, media = backup.manifest.counts, backup.manifest.media
    told = [f"{counts.get('items', 0)} items", f"{counts.get('posts', 0)} posts", f"{sum(counts.values())} rows in all"]
    if media is not None:
        told.append(f"{media.files} media files")
    return ", ".join(told)


def _size(size: int) -> str:
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} B"
