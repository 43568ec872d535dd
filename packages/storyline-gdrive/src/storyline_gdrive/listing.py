"""Listing folders whole: breadth first, many folders to a question, and never again what was listed before a break."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import attrs

from storyline_core import FileProblem, Refused, Unseen
from storyline_gdrive.answers import objects, text
from storyline_gdrive.client import FILES, Params, Refuses
from storyline_gdrive.files import FIELDS, DriveFile, read_file
from storyline_gdrive.resuming import Asks
from storyline_gdrive.tree import Tree, wanted
from storyline_gdrive.troubles import Remedy, fault_of, remedy_of

AT_ONCE = 50
"""So many folders go into one question."""

PAGE = 1000
MOST_PAGES_AGAIN = 3
"""How often a question is begun anew because Google has forgotten where it was."""

_EVERYWHERE: Params = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


def get_file(drive: Asks, key: str, what: str) -> DriveFile | None:
    """One file as it is now; None when it is not there, or not for this account."""
    params: Params = {"fields": FIELDS, "supportsAllDrives": True}
    try:
        return read_file(drive.json(f"{FILES}/{key}", params, what))
    except Refuses as refused:
        if remedy_of(refused.refusal) is Remedy.MISSING:
            return None
        raise fault_of(refused.refusal, what, "") from None


def start_token(drive: Asks, shared_drive: str) -> str:
    """Where the log of changes ends now, of a shared drive or, for "", of the account."""
    params: dict[str, str | bool] = {"supportsAllDrives": True, "fields": "startPageToken"}
    if shared_drive:
        params["driveId"] = shared_drive
    try:
        return text(drive.json("/drive/v3/changes/startPageToken", params, "Google Drive").get("startPageToken"))
    except Refuses as refused:
        raise fault_of(refused.refusal, "The shared drive", "") from None


@attrs.define
class Crawl:
    """A listing under way. It can be left at any error and gone on with: `run` again does only what is left.

    `skip` are folders that need no listing, since they are known. `tokens` are taken before anything is listed.
    """

    drive: Asks
    tree: Tree
    skip: Collection[str] = frozenset()
    tokens: dict[str, str] = attrs.field(factory=dict)
    complete: bool = True
    unseen: list[str] = attrs.field(factory=list)
    problems: list[FileProblem] = attrs.field(factory=list)
    met: set[str] = attrs.field(factory=set)
    _waiting: list[tuple[str, str]] = attrs.field(factory=list)
    _next: list[tuple[str, str]] = attrs.field(factory=list)
    _shortcuts: list[DriveFile] = attrs.field(factory=list)
    _page: str = ""
    _batch: list[str] = attrs.field(factory=list)
    _batch_drive: str = ""
    _again: int = 0

    def begin(self, folders: Sequence[tuple[str, str]]) -> None:
        """List these folders, given with their shared drives, and all below them."""
        self._waiting += folders
        self.met.update(folder for folder, _ in folders)
        for _, shared_drive in folders:
            self.follow(shared_drive)

    def follow(self, shared_drive: str) -> None:
        """Note where a drive's changes begin, before anything of it is listed."""
        self.tree.drives.add(shared_drive)
        if shared_drive not in self.tokens:
            self.tokens[shared_drive] = start_token(self.drive, shared_drive)

    def run(self) -> None:
        """List what is left. Raises `Unavailable` or `NeedsPerson`; what was listed until then stays."""
        while True:
            while self._batch or self._fill():
                self._ask()
            if not self._lead_on():
                return

    def _fill(self) -> bool:
        """Choose the next folders: of one level and one drive."""
        if not self._waiting:
            self._waiting, self._next = self._next, []
        if not self._waiting:
            return False
        self._batch_drive = self._waiting[0][1]
        same = [folder for folder, shared_drive in self._waiting if shared_drive == self._batch_drive][:AT_ONCE]
        chosen = set(same)
        self._waiting = [each for each in self._waiting if each[0] not in chosen]
        self._batch = same
        return True

    def _ask(self) -> None:
        try:
            told = self.drive.json(FILES, self._question(), "The folder")
        except Refuses as refused:
            self._refused(refused)
            return
        if told.get("incompleteSearch") is True or not isinstance(told.get("files"), list):
            self.complete = False
        for each in objects(told.get("files")):
            self._take(read_file(each))
        self._page = text(told.get("nextPageToken"))
        if not self._page:
            self._batch, self._again = [], 0

    def _question(self) -> Params:
        within = " or ".join(f"'{folder}' in parents" for folder in self._batch)
        asked: dict[str, str | int | bool] = {
            **_EVERYWHERE,
            "q": f"({within}) and trashed = false",
            "fields": f"nextPageToken,incompleteSearch,files({FIELDS})",
            "pageSize": PAGE,
            "corpora": "drive" if self._batch_drive else "user",
        }
        if self._batch_drive:
            asked["driveId"] = self._batch_drive
        if self._page:
            asked["pageToken"] = self._page
        return asked

    def _refused(self, refused: Refuses) -> None:
        """A page that is forgotten is asked for from the first; a folder that went away is looked at by itself."""
        if self._page and self._again < MOST_PAGES_AGAIN:
            self._page, self._again = "", self._again + 1
            return
        if len(self._batch) > 1 and not self._page:
            middle = len(self._batch) // 2
            rest = [(folder, self._batch_drive) for folder in self._batch[middle:]]
            self._batch, self._waiting = self._batch[:middle], [*rest, *self._waiting]
            return
        if remedy_of(refused.refusal) is Remedy.INVALID or self._page:
            raise fault_of(refused.refusal, "The folder", "")
        self.unseen.append(self._batch[0])
        self._batch = []

    def _take(self, file: DriveFile) -> None:
        if file.trashed or not file.id:
            return
        if file.is_folder:
            if file.id not in self.met and file.id not in self.skip and file.id not in self.tree.roots:
                self.met.add(file.id)
                self.tree.folders[file.id] = (file.parent, file.name)
                self._next.append((file.id, file.drive))
        elif file.is_shortcut:
            self.tree.shortcuts.add(file.id)
            self._shortcuts.append(file)
        elif wanted(file):
            self.tree.files[file.id] = file

    def _lead_on(self) -> bool:
        """Follow the shortcuts that lead outside, once all that lies inside is known; whether there is more to list."""
        paths = self.tree.paths()
        waiting = sorted(self._shortcuts, key=lambda each: (paths.get(each.parent, ""), each.name, each.id))
        while waiting:
            shortcut = waiting[0]
            # Only what was dealt with is taken off, so that a break loses none.
            if shortcut.target not in self.tree.folders and shortcut.target not in self.tree.files:
                self._lead(shortcut)
            self._shortcuts.remove(shortcut)
            waiting.pop(0)
            if self._waiting:
                return True
        return False

    def _lead(self, shortcut: DriveFile) -> None:
        shown = f"What {shortcut.name} leads to"
        try:
            target = get_file(self.drive, shortcut.target, shown) if shortcut.target else None
            if target is not None and target.drive not in self.tokens:
                self.follow(target.drive)
                target = get_file(self.drive, shortcut.target, shown)
        except Refused as error:
            self.problems.append(FileProblem(shortcut.id, str(error)))
            return
        self.tree.targets.add(shortcut.target)
        if target is None or target.trashed:
            gone = f"The shortcut {shortcut.name} leads nowhere, or to what is not shared with this account."
            self.problems.append(FileProblem(shortcut.id, gone))
        elif target.is_folder:
            # The folder stands where the shortcut stands, under the shortcut's name.
            self.tree.folders[target.id] = (shortcut.parent, shortcut.name)
            self.met.add(target.id)
            self._waiting.append((target.id, target.drive))
        elif wanted(target):
            self.tree.files[target.id] = attrs.evolve(target, parent=shortcut.parent)

    def hidden(self) -> Iterator[Unseen]:
        """The folders that could not be listed."""
        paths = self.tree.paths()
        for folder in self.unseen:
            if folder in paths:
                yield Unseen(paths[folder], "Drive does not show it to this account.")
