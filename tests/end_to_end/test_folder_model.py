"""A model of a folder that people work in: whatever they do between two syncs, the library follows and loses nothing.

Everything is real: files on the disk, read by somebody who is not root, and a database. The machine does what people
and programs do to folders; `oracle` knows what it really was and judges what every sync made of it.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image

from storyline_core import (
    Account,
    Busy,
    Decision,
    Hint,
    MediaItem,
    Mode,
    Partial,
    PostEvent,
    RememberedFile,
    Schedule,
    Storyline,
    SyncReport,
    SyncRequest,
    Unavailable,
    load_plugins,
    look_file,
    open_storyline,
)
from storyline_core.settings import Entry, Settings, SourceEntry
from storyline_local.plugin import LocalFolder, Terminal
from tests.databases import Databases
from tests.end_to_end.oracle import Book, Content, Judge, Picture, Sight, Truth, content, key_of
from tests.end_to_end.unruly import Died, Mood, UnrulyPlugin, place_in, within
from tests.end_to_end.world import SetClock
from tests.local.places import open_to_all

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PATIENCE = timedelta(seconds=2)
COUNTS = ("added", "edited", "moved", "restored", "removed", "described")

FOLDERS = ("", "a", "b", "a/c", "b/c/d")
NAMES = ("1.jpg", "2.jpg", "3.JPG", "5%.jpg", "ü.jpg")
MANY = 12
"""So many files at once that the gates have something to say."""

folders, names = st.sampled_from(FOLDERS), st.sampled_from(NAMES)
paths = st.builds(lambda folder, name: f"{folder}/{name}" if folder else name, folders, names)
picks = st.integers(0, 30)
"""Which of the files that are there, or of those that once were."""


def _picture(width: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 16), (9 * width, 0, 0)).save(file, "JPEG")
    return file.getvalue()


HEADS = tuple(_picture(width) for width in (9, 10, 11))


@attrs.frozen
class Seen:
    """One run: what it said, and the library after it."""

    report: SyncReport
    book: Book


@attrs.define
class _Look:
    """One of several looks that are taken at once, each through a Storyline of its own."""

    story: FolderMachine
    request: SyncRequest
    report: SyncReport | None = None
    failed: Exception | None = None

    def take(self, start: threading.Barrier) -> None:
        """Begin when the others do."""
        with self.story._opened(self.story.url, "local") as storyline:
            start.wait()
            try:
                self.report = storyline.sync("photos", self.request)
            except Busy:
                return
            except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
                self.failed = error


class FolderMachine(RuleBasedStateMachine):
    """A folder, its library, and everything that happens to them."""

    def __init__(self, fresh_database: Callable[[], str]) -> None:
        super().__init__()
        self.fresh_database = fresh_database
        self.stack = ExitStack()
        self.place = self.stack.enter_context(open_to_all())
        self.root = self.place / "pictures"
        self.root.mkdir()
        self.root.chmod(0o777)
        self.clock = SetClock(NOW)
        self.mood = Mood()
        self.url = fresh_database()
        self.process = self.stack.enter_context(ExitStack())
        self.storyline = self.process.enter_context(self._opened(self.url))
        self.noticed: dict[str, tuple[int, ...]] = {}
        self.level = False
        self.truth = Truth()
        self.waits: dict[str, int | None] = {}
        self.serial = 0
        self.orders = 0
        self.sound = True
        self.book = self._read(self.storyline)

    def teardown(self) -> None:
        try:
            if self.sound:
                self.settled()
        finally:
            self.stack.close()

    def _opened(self, url: str, kind: str = "unruly") -> AbstractContextManager[Storyline]:
        account = Account(
            name="main",
            sources=("photos",),
            mode=Mode.MANUAL,
            notifier="team",
            schedule=Schedule(posts_per_day=1, jitter=timedelta()),
        )
        wanted = Settings(
            database_url=url,
            sources=[SourceEntry("photos", kind, LocalFolder(path=self.root))],
            notifiers=[Entry("team", "terminal", Terminal())],
            accounts=[account],
        )
        plugins = load_plugins(extra=[UnrulyPlugin(self.mood)], only=["storyline-local"])
        return open_storyline(wanted, plugins=plugins, clock=self.clock)

    def _read(self, storyline: Storyline) -> Book:
        with storyline.read() as unit:
            files = {file.id: file for file in unit.library.remembered("photos")}
            return Book(
                files=files,
                items={item.id: item for item in unit.library.items(source="photos")},
                events={number: unit.library.events(number) for number in files},
                edits=unit.library.edits_of(files),
                holds=frozenset(unit.holds.list(self.clock.at)),
                stock=unit.library.stock(["photos"]),
            )

    # What lies in the folder

    def _fresh(self, size: int | None = None) -> bytes:
        """Bytes that never were before, of a size if one is asked for."""
        self.serial += 1
        head = HEADS[self.serial % len(HEADS)]
        mark = f" {self.serial:06}".encode()
        length = len(head) + len(mark) + self.serial % 5
        return (head + mark).ljust(max(size or 0, length), b".")[: max(size or length, len(mark))] if size != 0 else b""

    def _time(self) -> int:
        """A time of yesterday that no other file has."""
        self.serial += 1
        return int((self.clock.at - timedelta(days=1)).timestamp()) * 10**9 + self.serial * 1_000_000

    def _write(self, path: str, picture: Picture, *, replace: bool = False) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        target = file.with_name(f".{file.name}.tmp") if replace else file
        target.write_bytes(picture.written)
        os.utime(target, ns=(picture.mtime_ns, picture.mtime_ns))
        if replace:
            target.replace(file)
        self.truth.put(path, picture)

    def _some(self, pick: int) -> str:
        there = sorted(self.truth.files)
        return there[pick % len(there)]

    def _rename(self, was: str, now: str) -> None:
        (self.root / now).parent.mkdir(parents=True, exist_ok=True)
        (self.root / was).rename(self.root / now)

    def _folders(self) -> list[str]:
        found = [os.path.relpath(path, self.root) for path, _, _ in os.walk(self.root)]
        return sorted(folder for folder in found if folder != ".")

    any_file = precondition(lambda self: self.truth.files)

    # What people and programs do

    @initialize(made=st.dictionaries(paths, st.integers(0, 5), max_size=8))
    def begin(self, made: dict[str, int]) -> None:
        """A folder with some files; equal numbers are copies, and 0 is an empty file."""
        written = {0: b""}
        for path, number in made.items():
            written.setdefault(number, self._fresh())
            self._write(path, Picture(self.truth.born(), written[number], self._time()))

    @rule(path=paths, empty=st.integers(0, 5).map(lambda number: number == 0))
    def create(self, path: str, empty: bool) -> None:
        """A new file; where there is one, it is saved over by a program that replaces it."""
        birth = self.truth.files[path].birth if path in self.truth.files else self.truth.born()
        written = self._fresh(0 if empty else None)
        self._write(path, Picture(birth, written, self._time()), replace=path in self.truth.files)

    @any_file
    @rule(pick=picks, to=paths, keeps_time=st.booleans())
    def copy(self, pick: int, to: str, keeps_time: bool) -> None:
        """A copy, with or without the time of its original."""
        original = self.truth.files[self._some(pick)]
        if self._some(pick) != to:
            time = original.mtime_ns if keeps_time else self._time()
            self._write(to, Picture(self.truth.born(), original.written, time))

    @any_file
    @rule(pick=picks, same_size=st.booleans(), keeps_time=st.booleans(), replace=st.booleans())
    def edit(self, pick: int, same_size: bool, keeps_time: bool, replace: bool) -> None:
        """Other bytes in the same place; perhaps with nothing else to show for it."""
        path = self._some(pick)
        was = self.truth.files[path]
        written = self._fresh(len(was.written) if same_size and was.written else None)
        time = was.mtime_ns if keeps_time else self._time()
        self._write(path, Picture(was.birth, written, time), replace=replace)

    @any_file
    @rule(pick=picks, to=paths)
    def move(self, pick: int, to: str) -> None:
        """A rename or a move, over whatever is there."""
        self._relocate(self._some(pick), to)

    def _relocate(self, was: str, to: str) -> None:
        if was != to:
            self._rename(was, to)
            self.truth.put(to, self.truth.files.pop(was))

    @any_file
    @rule(pick=picks, over=picks)
    def usurp(self, pick: int, over: int) -> None:
        """A file goes over another one, and a new one takes its place."""
        was, to = self._some(pick), self._some(over)
        if was != to:
            self._relocate(was, to)
            self._write(was, Picture(self.truth.born(), self._fresh(), self._time()))

    @any_file
    @rule(pick=picks, name=names)
    def rename(self, pick: int, name: str) -> None:
        """A rename in the same folder."""
        was = self._some(pick)
        self._relocate(was, os.path.join(os.path.dirname(was), name))

    @any_file
    @rule(start=picks, length=st.integers(2, 3))
    def turn_round(self, start: int, length: int) -> None:
        """Two swap their names, or three take each other's."""
        there = sorted(self.truth.files)
        ring = [there[(start + number) % len(there)] for number in range(min(length, len(there)))]
        pictures = [self.truth.files[path] for path in ring]
        for number, path in enumerate(ring):
            self._rename(path, f".turning-{number}")
        for number, path in enumerate([*ring[1:], ring[0]]):
            self._rename(f".turning-{number}", path)
            self.truth.files[path] = pictures[number]

    @any_file
    @rule(pick=picks, to=st.lists(paths, min_size=2, max_size=3, unique=True), copies=st.booleans())
    def scatter(self, pick: int, to: list[str], copies: bool) -> None:
        """A file is copied twice, or all its copies go elsewhere, as between disks: the same times, other inodes."""
        original = self.truth.files[self._some(pick)]
        alike = [path for path, each in sorted(self.truth.files.items()) if each.content == original.content]
        if copies:
            for path in to:
                if path not in alike:
                    self._write(path, attrs.evolve(original, birth=self.truth.born()), replace=True)
            return
        for was, path in zip(alike, to, strict=False):
            if path not in alike:
                picture = attrs.evolve(self.truth.files[was], mtime_ns=original.mtime_ns)
                self._write(path, picture, replace=True)
                (self.root / was).unlink()
                del self.truth.files[was]

    @rule(pick=picks, into=folders, name=st.sampled_from(("a", "b", "c", "e")))
    def move_folder(self, pick: int, into: str, name: str) -> None:
        """A folder gets another name, or goes into another folder, with everything in it."""
        there = self._folders()
        to = f"{into}/{name}" if into else name
        if not there or (self.root / to).exists():
            return
        was = there[pick % len(there)]
        if within(to, was) or any(path == to or to.startswith(f"{path}/") for path in self.truth.files):
            return
        self._rename(was, to)
        self.truth.carry(was, to)

    @any_file
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        """A file goes."""
        path = self._some(pick)
        (self.root / path).unlink()
        self.truth.take(path)

    @any_file
    @rule(pick=picks)
    def delete_copies(self, pick: int) -> None:
        """A file goes with every copy of it."""
        wanted = self.truth.files[self._some(pick)].content
        for path in [path for path, each in sorted(self.truth.files.items()) if each.content == wanted]:
            (self.root / path).unlink()
            self.truth.take(path)

    @any_file
    @rule(pick=picks, to=st.lists(paths, min_size=4, max_size=6, unique=True))
    def copies_travel(self, pick: int, to: list[str]) -> None:
        """Copies that nothing tells apart are indexed and then go elsewhere, all at once."""
        half = len(to) // 2
        self.scatter(pick=pick, to=to[:half], copies=True)
        if to[0] in self.truth.files:
            self.sync(rehearse=False, patient=False, force=False)
            self.scatter(pick=sorted(self.truth.files).index(to[0]), to=to[half:], copies=False)
            self.sync(rehearse=True, patient=False, force=False)

    @any_file
    @rule(pick=picks, to=paths)
    def move_slowly(self, pick: int, to: str) -> None:
        """A program copies a file, removes the original, and is only just done."""
        was = self._some(pick)
        if was != to:
            young = int((self.clock.at.timestamp() - 0.5) * 10) * 10**8
            self._write(to, attrs.evolve(self.truth.files[was], mtime_ns=young), replace=True)
            (self.root / was).unlink()
            del self.truth.files[was]
            self.sync(rehearse=False, patient=True, force=False)

    @rule(pick=picks)
    def delete_folder(self, pick: int) -> None:
        """A folder goes with everything in it."""
        there = self._folders()
        if there:
            folder = there[pick % len(there)]
            shutil.rmtree(self.root / folder)
            for path in [path for path in self.truth.files if path.startswith(f"{folder}/")]:
                self.truth.take(path)
            for path in [path for path in self.truth.documents if path.startswith(f"{folder}/")]:
                del self.truth.documents[path]

    @precondition(lambda self: self.truth.ever)
    @rule(pick=picks, at=st.one_of(st.none(), paths), keeps_time=st.booleans())
    def restore(self, pick: int, at: str | None, keeps_time: bool) -> None:
        """What once was is back, where it was or elsewhere."""
        was, old = self.truth.ever[-1 - pick % len(self.truth.ever)]
        alive = {picture.birth for picture in self.truth.files.values()}
        birth = self.truth.born() if old.birth in alive else old.birth
        path = was if at is None else at
        if (self.root / path).is_dir() or any((self.root / above).is_file() for above in Path(path).parents):
            return
        time = old.mtime_ns if keeps_time else self._time()
        self._write(path, Picture(birth, old.written, time), replace=True)

    @any_file
    @rule(pick=picks)
    def touch(self, pick: int) -> None:
        """Only the time changes."""
        path = self._some(pick)
        picture = attrs.evolve(self.truth.files[path], mtime_ns=self._time())
        os.utime(self.root / path, ns=(picture.mtime_ns, picture.mtime_ns))
        self.truth.files[path] = picture

    @rule(path=paths, of=picks)
    def half_write(self, path: str, of: int) -> None:
        """A file that somebody is still writing; some have the size or the bytes of another one already."""
        if self.truth.files and of % 2:
            written = self.truth.files[self._some(of)].written
        else:
            written = self._fresh()
        birth = self.truth.files[path].birth if path in self.truth.files else self.truth.born()
        self._write(path, Picture(birth, written, int((self.clock.at.timestamp() - 0.5) * 10) * 10**8))

    @rule(
        folder=st.sampled_from(("", "a", "m")),
        count=st.sampled_from((10, MANY, MANY)),
        same=st.booleans(),
        then=st.booleans(),
    )
    def create_many(self, folder: str, count: int, same: bool, then: bool) -> None:
        """A dozen files at once, or a few less; perhaps they are indexed right away."""
        for number in range(count):
            path = f"{folder}/m{number}.jpg" if folder else f"m{number}.jpg"
            if path not in self.truth.files:
                written = self._fresh(400) if same else self._fresh()
                self._write(path, Picture(self.truth.born(), written, self._time()))
        if then:
            self.sync(rehearse=False, patient=False, force=False)

    @precondition(lambda self: any(_one_of_many(path) for path in self.truth.files))
    @rule(
        what=st.sampled_from(("delete", "edit", "edit", "touch")), spares=st.sampled_from((0, 0, 1)), then=st.booleans()
    )
    def change_many(self, what: str, spares: int, then: bool) -> None:
        """All of a dozen at once, or nearly all."""
        for path in [path for path in sorted(self.truth.files) if _one_of_many(path)][spares:]:
            if what == "delete":
                (self.root / path).unlink()
                self.truth.take(path)
            else:
                was = self.truth.files[path]
                written = self._fresh() if what == "edit" else was.written
                self._write(path, attrs.evolve(was, written=written, mtime_ns=self._time()))
        if then:
            self.sync(rehearse=False, patient=False, force=False)

    @rule(
        folder=folders,
        name=st.sampled_from(("metadata", "1", "2", "ü")),
        says=st.sampled_from(("title", "other", "broken", "gone")),
    )
    def document(self, folder: str, name: str, says: str) -> None:
        """A metadata document is written, changed, spoilt or removed."""
        path = f"{folder}/{name}.json" if folder else f"{name}.json"
        if says == "gone":
            (self.root / path).unlink(missing_ok=True)
            self.truth.documents.pop(path, None)
            return
        one: dict[str, object] = {"title": f"{says} {self.serial}", "tags": [says]}
        whole: dict[str, object] = {"default_tags": ["all"], "items": [{"file_name": "2.jpg", **one}]}
        self._document(path, None if says == "broken" else whole if name == "metadata" else one)

    def _document(self, path: str, says: dict[str, object] | None) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{" if says is None else json.dumps(says))
        time = self._time()
        os.utime(file, ns=(time, time))
        item = (says.get("items") or [says])[0] if says else {}  # type: ignore[index]
        self.truth.documents[path] = item.get("title")

    @any_file
    @rule(pick=picks, edits=st.booleans())
    def describe(self, pick: int, edits: bool) -> None:
        """Somebody writes beside a picture what it is, and perhaps improves the picture as well."""
        path = self._some(pick)
        if edits:
            was = self.truth.files[path]
            self._write(path, Picture(was.birth, self._fresh(), self._time()))
        folder, name = os.path.split(path)
        self._document(os.path.join(folder, f"{os.path.splitext(name)[0]}.json"), {"title": f"beside {self.serial}"})

    # What people do in Storyline

    any_item = precondition(lambda self: self.book.living())

    def _item(self, pick: int) -> MediaItem:
        there = sorted(self.book.living().values(), key=lambda file: file.id)
        return self.book.items[there[pick % len(there)].id]

    @any_item
    @rule(pick=picks, what=st.sampled_from(("hold", "edit", "reset", "post", "hold and edit")))
    def curate(self, pick: int, what: str) -> None:
        """Somebody holds an item, says something about it, or posts it."""
        item = self._item(pick)
        if "hold" in what:
            self.storyline.hold_item(item.id, by="cli:anna")
        if "edit" in what:
            self.serial += 1
            self.storyline.edit_item(item.id, Partial(title=f"by hand {self.serial}"), by="cli:anna")
        if what == "reset":
            self.storyline.edit_item(item.id, Partial(), by="cli:anna", reset=["title"])
        if what == "post" and not item.problem and item.missing_since is None:
            self._post(item)
        self.book = self._read(self.storyline)

    def _post(self, item: MediaItem) -> None:
        with self.storyline.read() as unit:
            if any(post.item_id == item.id for post in unit.queue.unsettled("main")):
                return
        self.clock.forward(timedelta(seconds=1))
        post = self.storyline.post_beside("main", by="cli:anna", item_id=item.id)
        self.storyline.turn_post(post.id)
        self.storyline.decide(Decision(post.id, PostEvent.POSTED, "cli:anna"))
        with self.storyline.read() as unit:
            assert unit.library.item(item.id).times_posted == item.times_posted + 1

    # Syncs

    def _sync(self, **request: object) -> Seen:
        report = self.storyline.sync("photos", SyncRequest(**request))  # type: ignore[arg-type]
        return Seen(report, self._read(self.storyline))

    def _rehearse(self, **request: object) -> SyncReport:
        """The same sync of the same files in another order, without writing anything."""
        self.orders += 1
        self.mood.order = self.orders
        rehearsed = self._sync(dry_run=True, **request)
        assert rehearsed.book == self.book, "a rehearsal wrote something"
        self.orders += 1
        self.mood.order = self.orders
        return rehearsed.report

    @rule(rehearse=st.booleans(), patient=st.booleans(), force=st.integers(0, 7).map(lambda number: not number))
    def sync(self, rehearse: bool, patient: bool, force: bool) -> None:
        """Everything can be seen; then the same once more."""
        self.sound = False
        asked = {"still_for": PATIENCE if patient else timedelta(), "force": force}
        rehearsed = self._rehearse(**asked) if rehearse else None
        seen = self._sync(**asked)
        if rehearsed is not None:
            assert (rehearsed.changes, rehearsed.plan) == (seen.report.changes, seen.report.plan)
        young = self._young() if patient else {}
        more = {"coming": frozenset(young.values()), "loose": seen.report.deferred > len(young)}
        sight = self._sight(seen, young.keys(), **more)
        self._judge(seen, sight)
        if seen.report.held:
            seen = self._accept(seen, sight)
        self._tell_time(again=not young)
        self.sound = True

    def _accept(self, seen: Seen, sight: Sight) -> Seen:
        """A person looks at the plan, and at nothing else, and lets it happen."""
        patience = PATIENCE if sight.coming else timedelta()
        wrong = self._sync(accept_removals=True, accepted_plan="0" * 12, still_for=patience)
        self._judge(wrong, self._with_held(sight, wrong))
        # What was added meanwhile counts among the living, so that a share of them may have become a smaller one.
        if not wrong.report.held:
            return wrong
        accepted = self._sync(accept_removals=True, accepted_plan=wrong.report.plan, still_for=patience)
        assert not accepted.report.held, accepted.report.held
        self._judge(accepted, attrs.evolve(sight, held=frozenset(), accepted=True))
        return accepted

    def _with_held(self, sight: Sight, seen: Seen) -> Sight:
        return attrs.evolve(sight, held=frozenset(held.gate.value for held in seen.report.held))

    def _young(self) -> dict[str, Content]:
        """Files that are too young for a patient sync."""
        edge = (self.clock.at - PATIENCE).timestamp() * 1e9
        return {key: each.content for key, each in self.truth.by_key().items() if each.mtime_ns > edge}

    def _sight(self, seen: Seen, hidden: object = (), **more: object) -> Sight:
        away = frozenset(hidden)  # type: ignore[call-overload]
        there = self.truth.by_key()
        return Sight(
            visible={key: each.content for key, each in there.items() if key not in away},
            hidden=lambda key: key in away,
            held=frozenset(held.gate.value for held in seen.report.held),
            listed=len(there),
            **more,  # type: ignore[arg-type]
        )

    def _judge(self, seen: Seen, sight: Sight) -> None:
        judge = Judge(self.book, seen.book, sight, self.waits)
        verdict = judge.judge()
        report = seen.report
        if not sight.held and not sight.loose:
            kinds = (verdict.added, verdict.edited, verdict.moved, verdict.restored, verdict.removed)
            found = tuple(len(kind) for kind in kinds)
            assert found == (report.added, report.edited, report.moved, report.restored, report.removed)
            out_of_sight: dict[str, int | None] = {key: None for key in self.waits if sight.hidden(key)}
            runs = {key: self._one_more(self.waits.get(key, 0), sight) for key in verdict.waiting}
            self.waits = out_of_sight | runs
        else:
            self.waits = dict.fromkeys(sight.visible)
        self.truth.check(self.book, seen.book, sight)
        self._titles(seen.book, sight)
        self.book = seen.book
        self.noticed = self._facts()
        away = any(sight.hidden(key) for key in (*sight.visible, *seen.book.living()))
        self.level = sight.all_seen and not (sight.held or sight.loose or sight.coming or verdict.waiting or away)

    @staticmethod
    def _one_more(runs: int | None, sight: Sight) -> int | None:
        return None if runs is None else runs + sight.all_seen

    def _titles(self, book: Book, sight: Sight) -> None:
        """Every item says what is said about it: by hand, beside it, or in its folder."""
        if sight.held or sight.loose or not sight.all_seen:
            return
        for key, file in book.living().items():
            if key not in sight.visible:
                continue
            said = book.items[file.id].description.title
            assert said == self._title(file, book.edits.get(file.id, {})), f"{key} says {said!r}"

    def _title(self, file: RememberedFile, edits: Mapping[str, object]) -> object:
        folder, documents = f"{file.folder}/" if file.folder else "", self.truth.documents
        beside = documents.get(f"{folder}{file.name.rpartition('.')[0]}.json")
        in_folder = documents.get(f"{folder}metadata.json") if file.name == "2.jpg" else None
        return edits.get("title") or beside or in_folder or ""

    def _tell_time(self, *, again: bool) -> None:
        """A minute goes by; what was read in the instant of its last change is read again, and then nothing more."""
        racy = sum(each.mtime_ns > (self.clock.at - PATIENCE).timestamp() * 1e9 for each in self.truth.files.values())
        self.clock.forward(timedelta(minutes=1))
        if again:
            seen = self._sync()
            assert {name: getattr(seen.report, name) for name in COUNTS} == dict.fromkeys(COUNTS, 0)
            assert (seen.report.touched, seen.report.hashed, seen.report.deferred) == (racy, racy, 0)
            assert (seen.report.held, seen.report.missing) == ((), 0)
            assert seen.report.unchanged + racy == len(self.truth.files)
            if not racy:
                assert seen.book == self.book, "a second sync changed something"
            self.book = seen.book
            self.clock.forward(timedelta(minutes=1))

    @rule(
        pick=picks,
        files=st.booleans(),
        times=st.sampled_from((1, 1, 2, 5)),
        rehearse=st.booleans(),
        out=st.one_of(st.none(), paths),
        stays=st.booleans(),
    )
    def sync_in_part(self, pick: int, files: bool, times: int, rehearse: bool, out: str | None, stays: bool) -> None:
        """A folder or a file cannot be read for a while; what lay there may have gone out of it, or been copied."""
        there = sorted(self.truth.files) if files else self._folders()
        if not there:
            return
        self.sound = False
        self.level = False
        closed = there[pick % len(there)]
        inside = [path for path in sorted(self.truth.files) if path.startswith(f"{closed}/")]
        if inside and out is not None and not within(os.path.dirname(out), closed):
            original = self.truth.files[inside[0]]
            if stays:
                self._write(out, attrs.evolve(original, birth=self.truth.born()), replace=True)
            else:
                self._relocate(inside[0], out)
        mode = (self.root / closed).stat().st_mode
        (self.root / closed).chmod(0)
        away = {key_of(path) for path in {*self.truth.files} if path == closed or path.startswith(f"{closed}/")}
        away |= {key for key in self.book.living() if key == key_of(closed) or key.startswith(f"{closed}/")}
        for _ in range(times):
            rehearsed = self._rehearse() if rehearse else None
            seen = self._sync()
            if rehearsed is not None:
                assert (rehearsed.changes, rehearsed.plan) == (seen.report.changes, seen.report.plan)
            assert seen.report.errors, "nobody was told"
            sight = self._sight(seen, away)
            self._judge(seen, sight if files else attrs.evolve(sight, listed=len(sight.visible)))
            self.clock.forward(timedelta(minutes=1))
        (self.root / closed).chmod(mode)
        self.sound = True

    @rule(share=st.sampled_from((0, 2, 3, 4, 4)), order=st.integers(0, 3), usurper=picks)
    def sync_broken_off(self, share: int, order: int, usurper: int) -> None:
        """The listing ends half-way and says so, just when a file went over another one."""
        if self.truth.files and usurper % 2:
            self.usurp(pick=usurper, over=usurper // 2)
        self.sound = False
        self.level = False
        there = self.truth.by_key()
        self.mood.order, self.mood.breaks_off_after = order, len(there) * share // 4
        seen = self._sync()
        listed = sorted(there, key=partial(place_in, order))[: self.mood.breaks_off_after]
        self.mood.breaks_off_after = None
        away = (there.keys() | self.book.living().keys()) - set(listed)
        self._judge(seen, self._sight(seen, away, all_seen=False))
        self.clock.forward(timedelta(minutes=1))
        self.sound = True

    @rule(folder=st.sampled_from(("a", "b", "a/c")))
    def sync_one_folder(self, folder: str) -> None:
        """Only one folder is listed, and from there wherever what is new there may have come from."""
        self.sound = False
        self.level = False
        self.mood.only = folder
        seen = self._sync()
        self.mood.only = None
        self._glanced(seen.book)
        self.clock.forward(timedelta(minutes=1))
        self.sound = True

    # What a watcher hears

    def _facts(self) -> dict[str, tuple[int, ...]]:
        """By what a watcher that misses nothing would tell every file from what it was."""
        found: dict[str, tuple[int, ...]] = {}
        for folder, _, inside in os.walk(self.root):
            for name in inside:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                facts = os.lstat(os.path.join(folder, name))
                if not name.startswith("."):
                    found[key_of(path)] = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        return found

    def _heard(self) -> list[str]:
        """The places where something is otherwise than it was last noticed to be."""
        now = self._facts()
        heard = [key for key in sorted(now.keys() | self.noticed.keys()) if now.get(key) != self.noticed.get(key)]
        self.noticed = now
        return heard

    @staticmethod
    def _hint(keys: list[str], wide: bool) -> Hint:
        folders = {key.rpartition("/")[0] for key in keys} - {""} if wide else ()
        return Hint.of(keys, folders)

    def _glanced(self, book: Book) -> None:
        """After a look at some places: whatever was not looked at is as it was, and whoever moved is known again."""
        there = {key: each.content for key, each in self.truth.by_key().items()}
        sight = Sight(visible=there, loose=True, glance=True)
        Judge(self.book, book, sight, self.waits).judge()
        self.waits = dict.fromkeys(there)
        self.book = book

    def _glance(self, hint: Hint, **asked: object) -> SyncReport:
        seen = self._sync(hint=hint, **asked)
        self._glanced(seen.book)
        return seen.report

    @rule(
        hints=st.integers(1, 3),
        order=st.integers(0, 3),
        loses=st.sampled_from((0, 0, 0, 2, 3)),
        repeats=st.booleans(),
        wide=st.booleans(),
        follows=st.sampled_from((True, True, False)),
        patient=st.booleans(),
    )
    def sync_by_hints(
        self, hints: int, order: int, loses: int, repeats: bool, wide: bool, follows: bool, patient: bool
    ) -> None:
        """What was heard is told in several hints, in any order, twice or in part.

        Where every report is followed that asks for another look, and nothing is lost, that alone keeps the library
        level.
        """
        self.sound = False
        whole = self._heard()
        heard = [key for number, key in enumerate(whole) if not loses or number % loses]
        heard.sort(key=partial(place_in, order))
        told = [heard[number::hints] for number in range(hints)]
        asked = {"still_for": PATIENCE if patient else timedelta()}
        hinted = [self._hint(keys, wide) for keys in [*told, *(told[:1] if repeats else [])] if keys]
        reports = [self._glance(hint, **asked) for hint in hinted]
        self.level = self.level and heard == sorted(whole, key=partial(place_in, order)) and follows
        if follows:
            reports += self._follow(reports, **asked)
        self.level = self.level and not any(report.held for report in reports)
        if self.level:
            there = {key: each.content for key, each in self.truth.by_key().items()}
            assert {key: content(file) for key, file in self.book.living().items()} == there, "the hints told all"
        self.clock.forward(timedelta(minutes=1))
        self.sound = True

    def _follow(self, reports: list[SyncReport], **asked: object) -> list[SyncReport]:
        """Look again where and when the reports ask for it, as often as they do."""
        followed: list[SyncReport] = []
        for _ in range(5):
            open_ends = [report for report in reports if report.look_again_at is not None]
            if not open_ends:
                return followed
            self.clock.at = max(
                [self.clock.at, *(report.look_again_at for report in open_ends if report.look_again_at)]
            )
            keys = {key for report in open_ends for key in report.deferred_keys}
            reports = [self._glance(Hint.of(sorted(keys)), **asked)]
            followed += reports
        raise AssertionError(f"looks are asked for again and again: {reports}")

    @rule(hinted=st.booleans(), wide=st.booleans())
    def look_twice_at_once(self, hinted: bool, wide: bool) -> None:
        """Two processes look at the same time: each finishes, or hears that the other is at it."""
        self.sound = False
        self.level = False
        heard = self._heard()
        hint = self._hint(heard, wide) if heard else Hint.all("somebody asked")
        looks = [_Look(self, SyncRequest()), _Look(self, SyncRequest(hint=hint) if hinted else SyncRequest())]
        start = threading.Barrier(len(looks))
        threads = [threading.Thread(target=look.take, args=(start,)) for look in looks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not [look.failed for look in looks if look.failed is not None]
        assert any(look.report is not None for look in looks), "each left it to the other"
        self._glanced(self._read(self.storyline))
        self.clock.forward(timedelta(minutes=1))
        self.sound = True

    @rule(hinted=st.booleans(), wide=st.booleans())
    def die_after_a_commit(self, hinted: bool, wide: bool) -> None:
        """The process ends as soon as it has written something, and whatever was heard is forgotten with it."""
        self.sound = False
        self.level = False
        heard = self._heard()
        self.mood.dies = True
        with suppress(Died):
            self.storyline.sync("photos", SyncRequest(hint=self._hint(heard, wide) if hinted and heard else None))
        self.mood.dies = False
        self.process.close()
        self.clock.forward(timedelta(minutes=6))
        self.storyline = self.process.enter_context(self._opened(self.url))
        self._glanced(self._read(self.storyline))
        self.sound = True

    @rule(how=st.sampled_from(("unavailable", "mistake", "gone", "emptied", "another", "unmarked")))
    def frighten(self, how: str) -> None:
        """The folder cannot be listed, is not there, is empty, or is another one: nothing changes."""
        if not self.book.living():
            return
        self.sound = False
        self.level = False
        before = self._read(self.storyline)
        with self._frightening(how):
            if how in ("unavailable", "mistake", "gone"):
                with pytest.raises(Unavailable):
                    self._sync(accept_removals=True)
            else:
                seen = self._sync(accept_removals=how != "emptied")
                assert [held.gate.value for held in seen.report.held] == ["empty" if how == "emptied" else "identity"]
        after = self._read(self.storyline)
        if how == "emptied":
            assert _unnoted(after) == _unnoted(before), "an empty folder did more than leave notes"
            self.waits = {}
        else:
            assert after == before, "a source that is down changed something"
        self.book = after
        self.clock.forward(timedelta(minutes=1))
        self.sound = True

    @contextmanager
    def _frightening(self, how: str) -> Iterator[None]:
        away, marker = self.place / "away", self.root / ".storyline-source"
        if how in ("unavailable", "mistake"):
            self.mood.fault = Unavailable("the disk is gone") if how == "unavailable" else ValueError("a mistake")
            yield
            self.mood.fault = None
        elif how == "unmarked":
            marker.rename(away)
            yield
            away.rename(marker)
        else:
            self.root.rename(away)
            if how != "gone":
                self.root.mkdir()
                self.root.chmod(0o777)
            if how == "emptied":
                shutil.copyfile(away / marker.name, marker)
                marker.chmod(0o644)
            yield
            if how != "gone":
                shutil.rmtree(self.root)
            away.rename(self.root)

    def settled(self) -> None:
        """In the end the library is what a first look at the same folder gives."""
        self.clock.forward(timedelta(minutes=1))
        seen = self._sync()
        self._judge(seen, self._sight(seen))
        if seen.report.held:
            self._accept(seen, self._sight(seen))
        with self._opened(self.fresh_database()) as another:
            another.sync("photos")
            first = self._read(another)
        by_hand = {file.key for file in self.book.living().values() if self.book.edits.get(file.id)}
        assert _told(self.book, by_hand) == _told(first, by_hand)


def _one_of_many(path: str) -> bool:
    return os.path.basename(path).startswith("m")


def _unnoted(book: Book) -> Book:
    """The library without its notes of what is missing or cannot be seen."""
    files = {number: attrs.evolve(file, missing_since=None, unknown_since=None) for number, file in book.files.items()}
    items = {number: attrs.evolve(item, missing_since=None) for number, item in book.items.items()}
    return attrs.evolve(book, files=files, items=items)


def _told(book: Book, by_hand: Collection[str]) -> dict[str, MediaItem]:
    """What the library says of every living file, without ids, history and what people said by hand."""
    told = {}
    for key, file in book.living().items():
        item = book.items[file.id]
        if key in by_hand:
            item = attrs.evolve(item, description=attrs.evolve(item.description, title=""))
        told[key] = attrs.evolve(item, id=0, times_posted=0, last_posted_at=None, added_at=NOW)
    return told


@pytest.fixture(scope="module", autouse=True)
def pillow_is_loaded() -> None:
    """Whatever looks at pictures is imported while this process may still read every file of it."""
    assert look_file(io.BytesIO(HEADS[0])).problem is None


@pytest.fixture(params=["sqlite", "postgresql"])
def databases_for(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Callable[[], str]]:
    """Makes one new database after the other; embedded ones on a disk in memory where there is one."""
    memory = Path("/dev/shm")
    with ExitStack() as made:
        if request.param == "postgresql":
            yield lambda: made.enter_context(databases.copy_postgresql())
        else:
            place = tempfile.TemporaryDirectory(
                prefix="storyline-model-", dir=memory if os.access(memory, os.W_OK) else None
            )
            folder, numbers = Path(made.enter_context(place)), itertools.count()
            yield lambda: databases.copy_sqlite(folder / f"{next(numbers)}.db")


BUDGETS = {"sqlite": (100, 20), "postgresql": (8, 15)}
"""How many stories are told on each database in a usual run, and of how many steps each."""


def test_a_folder_and_its_library(request: pytest.FixtureRequest, databases_for: Callable[[], str]) -> None:
    stories, steps = BUDGETS[request.node.callspec.params["databases_for"]]
    usual = settings.get_profile("quick").max_examples
    budget = settings(max_examples=max(1, stories * settings().max_examples // usual), stateful_step_count=steps)

    class Story(FolderMachine):
        def __init__(self) -> None:
            super().__init__(databases_for)

    run_state_machine_as_test(Story, settings=budget)


def _sync(story: FolderMachine) -> None:
    story.sync(rehearse=True, patient=False, force=False)


def _improved_with_its_words(story: FolderMachine) -> None:
    _sync(story)
    story.describe(pick=0, edits=True)
    _sync(story)


def _many_go_from_a_folder_that_stays(story: FolderMachine) -> None:
    story.create_many(folder="a", count=MANY, same=False, then=True)
    story.change_many(what="delete", spares=0, then=True)


def _a_folder_goes_whole(story: FolderMachine) -> None:
    story.create_many(folder="m", count=10, same=False, then=True)
    story.change_many(what="delete", spares=0, then=True)


def _most_are_other_pictures_at_once(story: FolderMachine) -> None:
    story.create_many(folder="a", count=MANY, same=True, then=True)
    story.change_many(what="edit", spares=0, then=True)


def _the_folder_is_another_or_gone(story: FolderMachine) -> None:
    _sync(story)
    for how in ("unavailable", "mistake", "gone", "emptied", "another", "unmarked"):
        story.frighten(how=how)
    _sync(story)


def _a_copy_out_of_a_closed_folder(story: FolderMachine) -> None:
    _sync(story)
    story.sync_in_part(pick=0, files=False, times=5, rehearse=True, out="b/3.JPG", stays=True)
    _sync(story)


def _copies_that_nothing_tells_apart(story: FolderMachine) -> None:
    for pick in range(3):
        story.copies_travel(
            pick=pick, to=["a/5%.jpg", "ü.jpg", "b/c/d/3.JPG", "b/c/d/5%.jpg", "a/c/2.jpg", "a/c/ü.jpg"]
        )
        story.copies_travel(pick=pick, to=["1.jpg", "b/2.jpg", "a/ü.jpg", "5%.jpg", "b/5%.jpg"])


def _hints_alone(story: FolderMachine) -> None:
    changes: list[Callable[[], object]] = [
        partial(story.delete, pick=1),
        partial(story.move, pick=0, to="b/c/d/ü.jpg"),
        partial(story.turn_round, start=0, length=3),
        partial(story.usurp, pick=0, over=1),
        partial(story.move_folder, pick=1, into="", name="e"),
        partial(story.copy, pick=0, to="a/c/5%.jpg", keeps_time=True),
        partial(story.edit, pick=0, same_size=True, keeps_time=True, replace=True),
        partial(story.half_write, path="3.JPG", of=0),
        partial(story.delete_folder, pick=0),
        partial(story.restore, pick=0, at="2.jpg", keeps_time=True),
    ]
    for number, change in enumerate(changes):
        _sync(story)
        assert story.level
        change()
        wide, patient = number % 3 == 2, number % 2 == 1
        story.sync_by_hints(
            hints=1 + number % 3, order=number, loses=0, repeats=patient, wide=wide, follows=True, patient=patient
        )
        assert story.level


def _two_look_and_one_dies(story: FolderMachine) -> None:
    for hinted in (True, False):
        story.turn_round(start=0, length=3)
        story.look_twice_at_once(hinted=hinted, wide=hinted)
        story.create(path=f"b/{1 + hinted}.jpg", empty=False)
        story.move(pick=0, to="a/c/1.jpg")
        story.die_after_a_commit(hinted=hinted, wide=not hinted)


@pytest.mark.parametrize(
    "told",
    [
        _hints_alone,
        _two_look_and_one_dies,
        _improved_with_its_words,
        _many_go_from_a_folder_that_stays,
        _a_folder_goes_whole,
        _most_are_other_pictures_at_once,
        _the_folder_is_another_or_gone,
        _a_copy_out_of_a_closed_folder,
        _copies_that_nothing_tells_apart,
    ],
)
def test_stories_that_chance_tells_too_rarely(
    databases_for: Callable[[], str], told: Callable[[FolderMachine], None]
) -> None:
    story = FolderMachine(databases_for)
    try:
        story.begin(made={"a/1.jpg": 1, "b/2.jpg": 2, "3.JPG": 3})
        told(story)
    finally:
        story.teardown()
