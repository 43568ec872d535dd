"""What a sync must have done, told from what was true before and after it, without any of the product's own rules.

The folder's truth is kept by path and by *birth*: a number that a file receives when it is made and keeps through every
rename, move, removal and return. The judge sees the library before and after a run, and what that run could see. Where
the bytes leave no choice it demands the one right outcome; among copies it demands what is right for all of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import attrs

from storyline_core import MediaItem, RememberedFile
from storyline_core.store import Hold, ItemEvent

Content = tuple[str, int]
"""Digest and size."""

SOME_REMOVALS = 10
SHARE_OF_REMOVALS = 0.2
LARGE_FOLDER = 10
WAITS_RUNS = 3

Thing = TypeVar("Thing")


def content_of(written: bytes) -> Content:
    """What bytes are to the library."""
    return hashlib.sha256(written).hexdigest(), len(written)


@attrs.frozen
class Picture:
    """A file as it truly is."""

    birth: int
    written: bytes
    mtime_ns: int

    @property
    def content(self) -> Content:
        """Digest and size."""
        return content_of(self.written)


@attrs.frozen
class Book:
    """Everything that the library says of one source at a moment, by item."""

    files: Mapping[int, RememberedFile]
    items: Mapping[int, MediaItem]
    events: Mapping[int, list[ItemEvent]]
    edits: Mapping[int, Mapping[str, object]]
    holds: frozenset[Hold]
    stock: Mapping[str, int]

    def living(self) -> dict[str, RememberedFile]:
        """The living items by key; two under one key are a mistake."""
        alive = [file for file in self.files.values() if file.removed_at is None]
        by_key = {file.key: file for file in alive}
        assert len(by_key) == len(alive), "two living items have one key"
        return by_key


@attrs.frozen
class Sight:
    """What one run could see: readable files by key, which keys it could tell nothing of, and how it was asked.

    `coming` is in files that are read only in a later run. `all_seen` is False for a listing that broke off,
    `spoken_of` for keys outside of what was listed at all. `held` are the gates that the run says are closed,
    `accepted` says that a person opened them. `listed` is how many files a listing of everything had. `loose` says
    that something had to wait for what is coming, so that only what must always hold can be demanded. `glance` says
    that only some places were looked at, so that notes about others are as they were.
    """

    visible: Mapping[str, Content]
    hidden: Callable[[str], bool] = lambda key: False
    coming: frozenset[Content] = frozenset()
    all_seen: bool = True
    spoken_of: Callable[[str], bool] = lambda key: True
    held: frozenset[str] = frozenset()
    accepted: bool = False
    listed: int | None = None
    loose: bool = False
    glance: bool = False


def content(file: RememberedFile) -> Content:
    """Digest and size of what an item was last seen with."""
    return file.digest or "", file.size


def top(key: str) -> str:
    """The top folder, "" for files at the root."""
    return key.partition("/")[0] if "/" in key else ""


@attrs.define
class Verdict:
    """Who became what, as far as the judge follows it: items by id that moved, were edited, came back or went."""

    moved: set[int] = attrs.field(factory=set)
    edited: set[int] = attrs.field(factory=set)
    restored: set[int] = attrs.field(factory=set)
    removed: set[int] = attrs.field(factory=set)
    added: set[str] = attrs.field(factory=set)
    waiting: set[str] = attrs.field(factory=set)


class Judge:
    """Compares one library with the one before it. Every method that finds something wrong raises."""

    def __init__(self, before: Book, after: Book, sight: Sight, waits: Mapping[str, int | None]) -> None:
        self.before, self.after, self.sight, self.waits = before, after, sight, waits
        self.was = before.living()
        self.now = after.living()
        self.verdict = Verdict()
        self.standing: list[RememberedFile] = []
        self.unknown: list[RememberedFile] = []
        self.adrift: list[RememberedFile] = []
        for key, file in self.was.items():
            if sight.hidden(key):
                self.unknown.append(file)
            elif sight.visible.get(key) == content(file):
                self.standing.append(file)
            elif key in sight.visible or sight.all_seen:
                self.adrift.append(file)
            else:
                self.unknown.append(file)

    def judge(self) -> Verdict:
        """Look at everything."""
        self._nothing_is_forgotten()
        self._nothing_that_stands_or_hides_is_disturbed()
        self._every_item_has_one_file()
        self._nobody_takes_the_bytes_of_another()
        self._gates_are_as_they_must_be()
        if self.sight.glance:
            self._nobody_is_doubled()
        if not self.sight.held and not self.sight.loose:
            free = self._moves()
            free = self._edits(free)
            free = self._waits(free)
            free = self._returns(free)
            self._additions(free)
            self._removals()
        return self.verdict

    def _nothing_is_forgotten(self) -> None:
        assert self.before.files.keys() <= self.after.files.keys(), "rows were deleted"
        for number, events in self.before.events.items():
            assert self.after.events[number][: len(events)] == events, f"the history of {number} was rewritten"
        assert self.after.holds == self.before.holds, "a sync changed holds"
        for number, item in self.before.items.items():
            then = self.after.items[number]
            assert (then.times_posted, then.last_posted_at) == (item.times_posted, item.last_posted_at)
            assert then.added_at == item.added_at
            assert self.after.edits.get(number) == self.before.edits.get(number), f"what people edited of {number}"
        for number, file in self.before.files.items():
            if file.removed_at is not None and self.after.files[number].removed_at is not None:
                assert self.after.files[number] == file, f"the tombstone {number} changed"

    def _nothing_that_stands_or_hides_is_disturbed(self) -> None:
        for file in (*self.standing, *self.unknown):
            then = self.after.files[file.id]
            assert then.removed_at is None, f"{file.key} was removed although its file stands or cannot be seen"
            assert (then.key, content(then)) == (file.key, content(file)), f"{file.key} was taken for another"
        for file in () if self.sight.glance else self.standing:
            then = self.after.files[file.id]
            assert then.missing_since is None, f"{file.key} is there and still noted as missing"
            assert then.unknown_since is None, f"{file.key} is there and still noted as unknown"
        for file in self.unknown:
            then = self.after.files[file.id]
            if self.sight.spoken_of(file.key):
                assert then.unknown_since is not None, f"{file.key} is not noted as unknown"
                assert then.missing_since == file.missing_since, f"{file.key} cannot be seen, and counts as missing"

    def _every_item_has_one_file(self) -> None:
        for key, file in self.now.items():
            folder, _, name = key.rpartition("/")
            item = self.after.items[file.id]
            assert (file.folder, file.name) == (folder, name.replace("%25", "%"))
            assert item.category == top(key)
            if key in self.sight.visible and not (self._waits_in_place(key) or self._is_unsure(key)):
                assert content(file) == self.sight.visible[key], f"{key} has other bytes than its item"
                assert file.missing_since is None, f"{key} is there and still noted as missing"
                assert file.unknown_since is None, f"{key} is there and still noted as unknown"
            elif key not in self.sight.visible:
                assert key in self.was, f"an item came to {key}, where there is no file"

        stock = Counter(top(key) for key, file in self.now.items() if not self.after.items[file.id].problem)
        assert stock == self.after.stock, "an item is counted in another category than it lies in"

    def _is_unsure(self, key: str) -> bool:
        return key in self.was and bool(self.sight.held or self.sight.loose)

    def _waits_in_place(self, key: str) -> bool:
        """Whether other bytes lie there and the item is as it was, since nobody can tell yet where its own are."""
        file = self.was.get(key)
        if file is None or self.now[key].id != file.id or content(self.now[key]) != content(file):
            return False
        what = self.sight.visible[key]
        return content(file) != what and self._may_wait(key, what, file)

    def _may_wait(self, key: str, what: Content, file: RememberedFile | None = None) -> bool:
        """Whether what lies there may be an item on its way, or an item of there may be on its own."""
        runs = self.waits.get(key, 0)
        if runs is not None and runs >= WAITS_RUNS:
            return False
        moved = file is not None and file.size > 0
        if moved and file is not None and file.size in {size for _, size in self.sight.coming}:
            return True
        if not self.sight.all_seen:
            return moved or what in {content(each) for each in self.was.values() if each.size}
        return what in {content(each) for each in self.unknown if each.size}

    def _nobody_takes_the_bytes_of_another(self) -> None:
        """Whoever changed its place has the bytes it had, and they are not none."""
        for key, file in self.now.items():
            before = self.before.files.get(file.id)
            if before is not None and (before.key != key or before.removed_at is not None):
                assert content(before) == content(file), f"{before.key} came to {key} with other bytes"
                assert file.size, f"the empty {before.key} was matched with {key}"

    def _nobody_is_doubled(self) -> None:
        """Where one file has bytes that one item had, nobody else comes to have them: it is that item."""
        owners = Counter(content(file) for file in self.before.files.values())
        living = Counter(content(file) for file in self.was.values())
        copies = Counter(self.sight.visible.values())
        for key, file in self.now.items():
            what, before = content(file), self.before.files.get(file.id)
            if before is None or content(before) != what:
                alone = file.size and copies[what] == 1 and owners[what] == 1
                added = alone and before is None
                assert not added, f"{key} was added, and an item had its bytes"
                assert not (alone and living[what]), f"{key} is said to be edited, and another item had its bytes"

    def _gates_are_as_they_must_be(self) -> None:
        gone = [file for key, file in self.was.items() if self.after.files[file.id].removed_at is not None]
        living = len(self.was)
        if self.sight.held:
            assert not gone or self.sight.held == {"folder"}, f"{self.sight.held} is closed and {gone} were removed"
            if self.sight.held == {"empty"}:
                assert self.sight.listed == 0, "a gate closed for nothing"
            elif self.sight.held == {"incomplete"}:
                assert not self.sight.all_seen, "a gate closed for nothing"
            else:
                assert len(self.adrift) >= LARGE_FOLDER, "a gate closed for nothing"
        elif not self.sight.accepted:
            assert len(gone) <= max(SOME_REMOVALS, SHARE_OF_REMOVALS * living), "so many removals are frightening"
            assert self.sight.listed != 0 or not gone, "an empty listing removed something"
            left = {top(key) for key in self.now}
            for folder, lost in Counter(top(file.key) for file in gone).items():
                assert not folder or lost < LARGE_FOLDER or folder in left, f"all of {folder} was removed"
            edited = sum(content(self.after.files[file.id]) != content(file) for file in self.was.values())
            assert edited <= SOME_REMOVALS or edited * 2 <= living, "so many edits are frightening"

    def _moves(self) -> dict[str, Content]:
        """As many as can be are found again by their bytes. Gives the files that no item came to."""
        standing = {file.key for file in self.standing}
        free = {key: what for key, what in self.sight.visible.items() if key not in standing}
        targets, origins = by_content(free.items()), by_content((file, content(file)) for file in self.adrift)
        for what, files in origins.items():
            places = set(targets.get(what, ()))
            found = [file for file in files if self.after.files[file.id].key in places and self._lives(file)]
            assert len(found) == min(len(files), len(places)), f"{[file.key for file in files]} → {sorted(places)}"
            self._told_apart(files, places)
            self.verdict.moved |= {file.id for file in found}
            for file in found:
                del free[self.after.files[file.id].key]
        return free

    def _told_apart(self, files: list[RememberedFile], places: set[str]) -> None:
        """Copies are told apart by inode and time, where these say something."""
        marks = Counter((file.hint, file.mtime_ns) for file in files)
        lands: defaultdict[object, list[RememberedFile]] = defaultdict(list)
        for key in self.now.keys() & places:
            then = self.now[key]
            lands[then.hint, then.mtime_ns].append(then)
        for file in files:
            there = lands.get((file.hint, file.mtime_ns), [])
            if marks[file.hint, file.mtime_ns] == len(there) == 1:
                assert there[0].id == file.id, f"{there[0].key} has the inode and the time of {file.key}"

    def _edits(self, free: dict[str, Content]) -> dict[str, Content]:
        """Other bytes at the same place, unless one side of it was found elsewhere."""
        for file in self.adrift:
            if file.id not in self.verdict.moved and file.key in free:
                what, then = free[file.key], self.now.get(file.key)
                same = then is not None and (then.id, content(then)) == (file.id, content(file))
                if self._may_wait(file.key, what, file) and (self.waits.get(file.key, 0) == 0 or same):
                    assert same, f"{file.key} was edited, and its own bytes may be where nobody looked"
                    self.verdict.waiting.add(file.key)
                    del free[file.key]
                    continue
                assert self.now[file.key].id == file.id, f"{file.key} was edited in place and is another item now"
                self.verdict.edited.add(file.id)
                del free[file.key]
        return free

    def _waits(self, free: dict[str, Content]) -> dict[str, Content]:
        """What may be an item on its way out of what could not be seen."""
        left = dict(free)
        for key, what in free.items():
            if self._may_wait(key, what) and (self.waits.get(key, 0) == 0 or key not in self.now):
                assert key not in self.now, f"{key} may be a move out of what cannot be seen, and was not waited for"
                self.verdict.waiting.add(key)
                del left[key]
        return left

    def _returns(self, free: dict[str, Content]) -> dict[str, Content]:
        """What was removed comes back as itself; at its own place before any other."""
        tombs = by_content((file, content(file)) for file in self.before.files.values() if file.removed_at is not None)
        left = dict(free)
        for what, keys in by_content(free.items()).items():
            graves = {file.id: file for file in tombs.get(what, ())}
            back = [key for key in keys if key in self.now and self.now[key].id in graves]
            assert len(back) == min(len(graves), len(keys)), f"{keys} should bring back {list(graves.values())}"
            for key in keys:
                own = {number for number, file in graves.items() if file.key == key}
                if own:
                    assert self.now[key].id in own, f"{key} came back as the item of another place"
            self.verdict.restored |= {self.now[key].id for key in back}
            for key in back:
                del left[key]
        return left

    def _additions(self, free: dict[str, Content]) -> None:
        for key in free:
            assert key in self.now, f"{key} has no item"
            assert self.now[key].id not in self.before.files, f"{key} is new and has an old item"
            self.verdict.added.add(key)

    def _removals(self) -> None:
        found = self.verdict.moved | self.verdict.edited
        sizes = {size for _, size in self.sight.coming}
        for file in self.adrift:
            if file.id in found or file.key in self.verdict.waiting:
                continue
            if file.size and content(file) in self.sight.coming:
                assert self._lives(file), f"{file.key} was removed, and its bytes are only read later"
            if file.size and file.size in sizes and self._lives(file):
                assert self.after.files[file.id].missing_since is not None, f"{file.key} is missing without a note"
                continue
            assert not self._lives(file), f"{file.key} is gone and still alive"
            self.verdict.removed.add(file.id)

    def _lives(self, file: RememberedFile) -> bool:
        return self.after.files[file.id].removed_at is None


def by_content(things: Iterable[tuple[Thing, Content]]) -> dict[Content, list[Thing]]:
    """Things grouped by their bytes; empty ones belong to no group."""
    groups: defaultdict[Content, list[Thing]] = defaultdict(list)
    for thing, what in things:
        if what[1]:
            groups[what].append(thing)
    return dict(groups)


class Truth:
    """The folder as it truly is, and which item every file must be, told from what was done to it."""

    def __init__(self) -> None:
        self.files: dict[str, Picture] = {}
        self.documents: dict[str, str | None] = {}
        self.known: dict[int, tuple[int, Content]] = {}
        self.ever: list[tuple[str, Picture]] = []
        self._births = 0

    def born(self) -> int:
        """A number that no file had before."""
        self._births += 1
        return self._births

    def put(self, path: str, picture: Picture) -> None:
        """A file lies there from now on, whatever lay there before."""
        self._bury(path)
        self.files[path] = picture

    def take(self, path: str) -> Picture:
        """A file lies there no more; it may come back."""
        self._bury(path)
        return self.files.pop(path)

    def _bury(self, path: str) -> None:
        if path in self.files:
            self.ever.append((path, self.files[path]))

    def carry(self, was: str, now: str) -> None:
        """A folder is another one from now on, with everything in it."""
        for kept in (self.files, self.documents):
            for path in [path for path in kept if path.startswith(f"{was}/")]:
                kept[now + path[len(was) :]] = kept.pop(path)  # type: ignore[assignment]

    def contents(self) -> Counter[Content]:
        """How often each content lies in the folder."""
        return Counter(picture.content for picture in self.files.values())

    def check(self, before: Book, after: Book, sight: Sight) -> None:
        """Every file whose bytes are its own alone is still the item it was, wherever it went; then learn anew."""
        now, copies, places = after.living(), self.contents(), before.living()
        owners = Counter(content(file) for file in before.files.values())
        for key, picture in self.by_key().items():
            what = picture.content
            if sight.held or sight.loose or sight.visible.get(key) != what or not what[1] or key not in now:
                continue
            if content(now[key]) != what:
                continue
            item, last = self.known.get(picture.birth, (None, None))
            # What a listing that saw only a part took for an edit is one from then on.
            was = before.files.get(item) if item is not None and last == what else None
            if was is not None and content(was) == what and copies[what] == owners[what] == 1:
                # Bytes that come back where another item lies are that item's new ones, as long as its own are gone.
                away = sight.hidden(was.key) if was.removed_at is None else key in places
                assert away or now[key].id == was.id, f"{key} was item {was.id} and is {now[key].id}"
            self.known[picture.birth] = (now[key].id, what)

    def by_key(self) -> dict[str, Picture]:
        """The files by the keys that they have in the library."""
        return {key_of(path): picture for path, picture in self.files.items()}


def key_of(path: str) -> str:
    """The key of a path; only the percent sign is spelled otherwise here."""
    return path.replace("%", "%25")
