"""What changed since a cursor, laid over the tree as it was then."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from storyline_core import Refused
from storyline_gdrive.answers import as_object, objects, text
from storyline_gdrive.client import Drive, Refuses
from storyline_gdrive.files import FIELDS, DriveFile, read_file
from storyline_gdrive.listing import Crawl
from storyline_gdrive.tree import Tree, wanted

_FIELDS = f"nextPageToken,newStartPageToken,changes(changeType,removed,fileId,file({FIELDS}))"


class TooOld(Exception):
    """Google does not know a token any more: everything has to be listed."""


class NotFromChanges(Exception):
    """What happened cannot be told from changes alone: everything has to be listed."""


@attrs.frozen
class Told:
    """What the logs told: files by id as they are now, None for those that are gone, and where the logs end.

    `anything` is True when there was any change at all, `drives` when a shared drive itself changed or its members.
    """

    files: Mapping[str, DriveFile | None]
    tokens: Mapping[str, str]
    anything: bool
    drives: bool = False


def ask_changes(drive: Drive, tokens: Mapping[str, str]) -> Told:
    """All changes of these logs. Raises `TooOld`, or an error of the contract."""
    files: dict[str, DriveFile | None] = {}
    ends: dict[str, str] = {}
    anything = False
    for shared_drive, token in tokens.items():
        ends[shared_drive], one = _ask_log(drive, shared_drive, token)
        anything = anything or bool(one)
        for key, file in one.items():
            # What one drive lost another may have got: where it is there, it is there.
            if file is not None or files.get(key) is None:
                files[key] = file
    return Told(files, ends, anything, drives="" in files)


def _ask_log(drive: Drive, shared_drive: str, token: str) -> tuple[str, dict[str, DriveFile | None]]:
    found: dict[str, DriveFile | None] = {}
    while True:
        asked: dict[str, str | int | bool] = {
            "pageToken": token, "fields": _FIELDS, "pageSize": 1000, "supportsAllDrives": True,
            "includeRemoved": True,
        }  # fmt: skip
        if shared_drive:
            asked |= {"driveId": shared_drive, "includeItemsFromAllDrives": True}
        try:
            told = drive.json("/drive/v3/changes", asked, "Google Drive")
        except Refuses:
            raise TooOld from None
        for each in objects(told.get("changes")):
            # A shared drive has no such id; "" stands for all of them.
            key = text(each.get("fileId"))
            file = read_file(as_object(each.get("file"))) if each.get("file") else None
            gone = each.get("removed") is True or file is None or file.trashed
            found[key] = None if gone else file
        token = text(told.get("nextPageToken"))
        if not token:
            end = text(told.get("newStartPageToken"))
            if not end:
                raise TooOld
            return end, found


def access_changed(tree: Tree, told: Told) -> bool:
    """Whether the account may see more or less than before, as far as that shows.

    What happened in a folder while it was not shared is told nowhere. Of a folder that is told of although it neither
    moved nor was renamed, who may see it is what is most likely to have changed.
    """
    folders = ((key, file) for key, file in told.files.items() if file is not None and file.is_folder)
    same = any(tree.folders.get(key) == (file.parent, file.name) for key, file in folders)
    return told.drives or same or not told.files.keys().isdisjoint(tree.roots)


def needs_everything(tree: Tree, told: Mapping[str, DriveFile | None]) -> bool:
    """Whether shortcuts are concerned: what they lead to is told nowhere."""
    if not tree.shortcuts.isdisjoint(told) or not tree.targets.isdisjoint(told):
        return True
    if any(file is not None and file.is_shortcut and file.parent in tree.folders for file in told.values()):
        return True
    # A folder above what a shortcut leads to may be gone with all it holds.
    strange = (key for key, file in told.items() if file is None or file.is_folder)
    return bool(tree.targets) and any(key not in tree.folders and key not in tree.files for key in strange)


def laid_over(drive: Drive, tree: Tree, told: Told) -> Tree:
    """The tree as it is now. Raises `NotFromChanges` where that cannot be told, and as a listing does."""
    if access_changed(tree, told) or needs_everything(tree, told.files):
        raise NotFromChanges
    now = tree.copy()
    kept = told.files
    for key, file in kept.items():
        if file is None:
            now.folders.pop(key, None)
            now.files.pop(key, None)
        elif file.is_folder:
            now.folders[key] = (file.parent, file.name)
    hanging = now.paths()
    new = [key for key in hanging if key not in tree.folders]
    _list_new(drive, now, new, kept, told)
    for key, file in kept.items():
        if file is not None and not file.is_folder:
            now.files.pop(key, None)
            if file.parent in now.folders and wanted(file):
                now.files[key] = file
    now.prune()
    return now


def _list_new(
    drive: Drive, now: Tree, new: list[str], kept: Mapping[str, DriveFile | None], told: Told
) -> None:  # fmt: skip
    """What came in with a folder is told nowhere, so it is listed."""
    if not new:
        return
    steady = set(now.paths()).difference(new)
    starts = [(key, file.drive) for key in new if (file := kept.get(key)) is not None]
    before = set(now.shortcuts)
    crawl = Crawl(drive, now, skip=steady, tokens=dict(told.tokens))
    try:
        crawl.begin(starts)
        crawl.run()
    except Refused:
        raise NotFromChanges from None
    if crawl.unseen or not crawl.complete or set(crawl.tokens) != set(told.tokens) or now.shortcuts != before:
        raise NotFromChanges


def differing(before: Tree, now: Tree, told: Mapping[str, DriveFile | None]) -> tuple[list[str], list[str]]:
    """Which files to tell of: those that are new, other, elsewhere or were named; and which are gone."""
    old, new = before.paths(), now.paths()
    moved = {folder for folder, path in new.items() if old.get(folder) != path}
    changed = [
        key
        for key, file in now.files.items()
        if file.parent in moved or key in told or before.files.get(key) != file
    ]  # fmt: skip
    return changed, [key for key in before.files if key not in now.files]
