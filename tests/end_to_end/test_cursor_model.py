"""A model of a source that tells changes since a cursor: whatever becomes of the cursor, the library ends level.

The folder is in memory and tells each file by a number that survives renames. Between it and the engine stands
somebody through whom changes come late, twice, in another order, in pages or not at all, and cursors get lost.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import cast

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from storyline_core import (
    ChangeSet,
    Hint,
    Listing,
    ListingMode,
    Partial,
    Refused,
    RememberedFile,
    Runtime,
    Settings,
    SourceEntry,
    SourceKind,
    Storyline,
    SyncReport,
    SyncRequest,
    Unavailable,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.faults import Crash
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_core.testing.memory_folder import MemoryFolder, MemorySource
from tests.end_to_end.world import SetClock

SOURCE = "photos"
PATHS = tuple(f"{folder}{name}.jpg" for folder in ("", "a/", "b/", "a/c/") for name in "1234")
paths = st.sampled_from(PATHS)
picks = st.integers(0, 30)


@attrs.define
class Courier:
    """How the changes since a cursor are brought: `skips` so many of them, at most `page` at once, from `back` before
    the cursor, in an `order`. A `lost` cursor is answered with everything, a `refused` one with an error. `dies` ends
    the process after the next commit."""

    order: int = 0
    back: int = 0
    page: int | None = None
    skips: int = 0
    lost: bool = False
    refused: bool = False
    dies: bool = False


class Couriered:
    """A source behind a courier."""

    def __init__(self, real: MemorySource, folder: MemoryFolder, courier: Courier) -> None:
        self._real = real
        self._folder = folder
        self._courier = courier

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def list_media(self, cursor: str | None) -> Listing:
        """Everything, or what the courier brings of the changes."""
        courier = self._courier
        if cursor is not None and courier.refused:
            raise Refused("This cursor is too old.")
        listing = self._real.list_media(None)
        if cursor is None or courier.lost:
            return listing
        start = max(0, int(cursor) - courier.back)
        end = (
            len(self._folder.changed) if courier.page is None else min(start + courier.page, len(self._folder.changed))
        )
        end = max(end, int(cursor))
        told = {str(number) for number in self._folder.changed[start:end][courier.skips :]}
        there = {str(file.number) for file in self._folder.files.values()}
        files = [file for file in listing.files if file.key in told]
        files.sort(key=lambda file: hashlib.sha256(f"{courier.order} {file.key}".encode()).digest())
        return attrs.evolve(
            listing,
            mode=ListingMode.CHANGES,
            files=tuple(files),
            documents=(),
            gone=tuple(sorted(told - there)),
            cursor=str(end),
        )


class CourierPlugin(MemoryPlugin):
    """Offers the source `memory-ids` behind a courier."""

    def __init__(self, courier: Courier) -> None:
        super().__init__()
        self.courier = courier

    @hookimpl
    def storyline_media_source_providers(self) -> Sequence[SourceKind]:
        """The one kind."""
        (kind,) = (kind for kind in super().storyline_media_source_providers() if kind.name == "memory-ids")

        @contextmanager
        def opened(options: Place, runtime: Runtime) -> Iterator[Couriered]:
            with kind.open(options, runtime) as real:
                yield Couriered(cast(MemorySource, real), self.folder(options.place), self.courier)

        return [attrs.evolve(kind, open=opened)]  # type: ignore[arg-type]

    @hookimpl
    def storyline_library_changed(self, source: str, changes: ChangeSet) -> None:
        """The process may die here."""
        if self.courier.dies:
            self.courier.dies = False
            raise Crash


class CursorMachine(RuleBasedStateMachine):
    """A folder whose files have numbers, its library, and a courier."""

    def __init__(self, fresh_database: Callable[[], str]) -> None:
        super().__init__()
        self.fresh_database = fresh_database
        self.courier = Courier()
        self.plugin = CourierPlugin(self.courier)
        self.folder = self.plugin.folder()
        self.clock = SetClock()
        self.stack = ExitStack()
        self.process = self.stack.enter_context(ExitStack())
        self.url = fresh_database()
        self.storyline = self._start(self.url)
        self.contents = itertools.count(1)
        self.gone: list[bytes] = []
        self.ids: dict[int, int] = {}
        self.held: set[int] = set()
        self.titles: dict[int, str] = {}
        self.unheard = False
        self.noticed = 0
        self.sound = True

    def teardown(self) -> None:
        try:
            if self.sound:
                self.settled()
        finally:
            self.stack.close()

    def _start(self, url: str) -> Storyline:
        wanted = Settings(database_url=url, sources=[SourceEntry(SOURCE, "memory-ids", Place())])
        plugins = load_plugins(extra=[self.plugin], entry_points=False)
        storyline = self.process.enter_context(open_storyline(wanted, plugins=plugins, clock=self.clock))
        self.plugin.watch_transactions(storyline.store.in_transaction)
        return storyline

    def _restart(self) -> None:
        self.process.close()
        self.plugin.faults.mend()
        self.clock.forward(timedelta(minutes=6))
        self.storyline = self._start(self.url)

    def _bytes(self) -> bytes:
        return f"picture number {next(self.contents):06}".encode()

    def _some(self, pick: int) -> str:
        there = sorted(self.folder.files)
        return there[pick % len(there)]

    def _remembered(self) -> list[RememberedFile]:
        with self.storyline.read() as unit:
            return unit.library.remembered(SOURCE)

    def _living(self) -> dict[str, RememberedFile]:
        alive = [file for file in self._remembered() if file.removed_at is None]
        by_key = {file.key: file for file in alive}
        assert len(by_key) == len(alive), "two living items have one key"
        return by_key

    any_file = precondition(lambda self: self.folder.files)

    # What happens in the folder

    @initialize(made=st.lists(paths, max_size=8, unique=True))
    def begin(self, made: list[str]) -> None:
        for path in made:
            self.write(path)
        self.sync(back=0, order=0)

    @rule(path=paths)
    def write(self, path: str) -> None:
        """A new file, or other bytes in one that is there."""
        if path in self.folder.files:
            self.gone.append(self.folder.files[path].content)
        self.folder.write(path, self._bytes())

    @any_file
    @rule(pick=picks, to=paths)
    def copy(self, pick: int, to: str) -> None:
        """The same bytes once more."""
        self.folder.write(to, self.folder.files[self._some(pick)].content)

    @any_file
    @rule(pick=picks, to=paths)
    def rename(self, pick: int, to: str) -> None:
        """Another name or place, over whatever is there."""
        if self._some(pick) != to:
            if to in self.folder.files:
                self.gone.append(self.folder.files[to].content)
            self.folder.rename(self._some(pick), to)

    @any_file
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        """A file goes."""
        path = self._some(pick)
        self.gone.append(self.folder.files[path].content)
        self.folder.delete(path)

    @precondition(lambda self: self.gone)
    @rule(pick=picks, path=paths)
    def restore(self, pick: int, path: str) -> None:
        """Bytes that were deleted are back, under another number."""
        self.folder.write(path, self.gone[pick % len(self.gone)])

    @rule(folder=st.sampled_from(("a", "b", "")))
    def hide(self, folder: str) -> None:
        """A folder cannot be looked into for a while; with "", all can be again."""
        if folder:
            self.folder.make_unreadable(folder)
        else:
            self.folder.mend()

    # What people do

    @precondition(lambda self: self.ids)
    @rule(pick=picks)
    def curate(self, pick: int) -> None:
        """Somebody keeps an item back and names it."""
        alive = sorted(file.id for file in self._living().values())
        if alive:
            number = alive[pick % len(alive)]
            self.storyline.hold_item(number, by="cli:anna")
            self.storyline.edit_item(number, Partial(title=f"named {number}"), by="cli:anna")
            self.held.add(number)
            self.titles[number] = f"named {number}"

    # Looks

    @rule(back=st.integers(0, 5), order=st.integers(0, 3))
    def sync(self, back: int, order: int) -> None:
        """Changes come from before the cursor once more, and in any order."""
        self.courier.back, self.courier.order = back, order
        self._looked(self._sync())
        self.courier.back = 0

    @rule(how=st.sampled_from(("lost", "refused")))
    def lose_the_cursor(self, how: str) -> None:
        """The source does not know it any more, and says so or simply tells everything."""
        setattr(self.courier, how, True)
        report = self._sync()
        setattr(self.courier, how, False)
        self.unheard = False
        self._looked(report)

    @rule(page=st.integers(1, 3), again=st.booleans())
    def page(self, page: int, again: bool) -> None:
        """Only the first few changes come."""
        self.courier.page = page
        for _ in range(2 if again else 1):
            self._looked(self._sync(), whole=False)
        self.courier.page = None

    @rule(skips=st.integers(1, 3))
    def keep_silent(self, skips: int) -> None:
        """Some changes are never told of; only a look at everything can show them."""
        self.unheard = True
        self.courier.skips = skips
        self._looked(self._sync(), whole=False)
        self.courier.skips = 0

    @rule(daily=st.booleans())
    def look_at_everything(self, daily: bool) -> None:
        """The daily pass, or somebody who wants everything read."""
        day = int(self.clock.at.timestamp()) // 86400
        report = self._sync(check_day=day) if daily else self._sync(force=True)
        self.unheard = False
        self._looked(report)

    @rule(order=st.integers(0, 3), every=st.sampled_from((1, 1, 2)), repeats=st.booleans())
    def hint(self, order: int, every: int, repeats: bool) -> None:
        """A watcher tells of some numbers; a hint neither uses nor moves the cursor."""
        with self.storyline.read() as unit:
            cursor = unit.sources.get(SOURCE).cursor
        heard = sorted({str(number) for number in self.folder.changed[self.noticed :: every]})
        self.noticed = len(self.folder.changed)
        if heard:
            for _ in range(2 if repeats else 1):
                self._looked(self._sync(hint=Hint.of(heard)), whole=False)
            with self.storyline.read() as unit:
                assert unit.sources.get(SOURCE).cursor == cursor

    @rule(by=st.integers(1, 6))
    def put_the_cursor_back(self, by: int) -> None:
        """What a backup of the database does."""
        with self.storyline.store.begin() as unit:
            record = unit.sources.get(SOURCE)
            if record.cursor is not None:
                unit.sources.save(attrs.evolve(record, cursor=str(max(0, int(record.cursor) - by))))

    @rule(
        call=st.sampled_from(("list_media", "fingerprint", "identity", "confirm_absent", "a commit")),
        after=st.booleans(),
        then=st.booleans(),
    )
    def die(self, call: str, after: bool, then: bool) -> None:
        """The process dies in the middle of a look, or between its commit and the next one."""
        self.sound = False
        cursor = self._cursor()
        self.courier.dies = call == "a commit"
        self.plugin.faults.order(call, Crash(), after=after)
        try:
            self.storyline.sync(SOURCE, SyncRequest())
        except Crash:
            if call != "a commit":
                assert self._cursor() == cursor, "the cursor moved, and nothing was written"
        self.courier.dies = False
        self._restart()
        self.sound = True
        if then:
            self.sync(back=0, order=0)

    @rule()
    def break_down(self) -> None:
        """The source is down: nothing changes."""
        before = self._remembered()
        self.plugin.faults.order("list_media", Unavailable("it is down"))
        with pytest.raises(Unavailable):
            self._sync()
        assert self._remembered() == before
        self.plugin.faults.mend()

    def _cursor(self) -> str | None:
        with self.storyline.read() as unit:
            return unit.sources.get(SOURCE).cursor

    def _sync(self, **asked: object) -> SyncReport:
        self.sound = False
        self.before = self._remembered()
        self.clock.forward(timedelta(minutes=1))
        report = self.storyline.sync(SOURCE, SyncRequest(accept_removals=True, **asked))  # type: ignore[arg-type]
        self.sound = True
        return report

    def _looked(self, report: SyncReport, *, whole: bool = True) -> None:
        """What one look made of the library, against what it knew and what there is."""
        self.sound = False
        living = self._living()
        there = {str(file.number): (path, file) for path, file in self.folder.files.items()}
        known = {file.key: file for file in self.before if file.removed_at is None}
        for key, file in living.items():
            if key in known:
                assert file.id == known[key].id, f"number {key} is another item now"
        for key in known.keys() & there.keys():
            assert key in living, f"number {key} was removed, and is there"
        self._nobody_comes_back_as_another(living, known)
        if whole and not self.folder.unreadable and not self.unheard and not report.held:
            assert (report.deferred, report.missing) == (0, 0)
            assert living.keys() == there.keys()
        if not self.folder.unreadable:
            for key in (living.keys() & there.keys()) if whole and not self.unheard else ():
                path, true = there[key]
                assert f"{living[key].folder}/{living[key].name}".lstrip("/") == path
                assert living[key].digest == hashlib.sha256(true.content).hexdigest()
        self.ids = {int(key): file.id for key, file in living.items()}
        self.sound = True

    def _nobody_comes_back_as_another(
        self, living: dict[str, RememberedFile], known: dict[str, RememberedFile]
    ) -> None:
        """New numbers are removed items whose bytes are back, as many as there are (or some that just went)."""
        old = {file.id for file in self.before}
        tombs = Counter(file.digest for file in self.before if file.removed_at is not None and file.size)
        came = [file for key, file in living.items() if key not in known and file.size]
        back = Counter(file.digest for file in came if file.id in old)
        for digest, count in Counter(file.digest for file in came).items():
            assert back[digest] >= min(count, tombs[digest]), "an item was added whose bytes were there before"

    def settled(self) -> None:
        """In the end the changes alone bring the library level; a look at everything finds nothing more."""
        self.folder.mend()
        for _ in range(4):
            self._sync()
        self._looked(self._sync())
        if self.unheard:
            self.unheard = False
            self._looked(self._sync(check_day=0))
        before = self._remembered()
        report = self._sync(force=True)
        assert not report.found_something, report.changes
        assert _facts(self._remembered()) == _facts(before)
        with self.storyline.read() as unit:
            assert {hold.item_id for hold in unit.holds.list(self.clock())} == self.held
            said = unit.library.edits_of(self.titles)
        assert {number: words["title"] for number, words in said.items()} == self.titles


def _facts(files: Sequence[RememberedFile]) -> list[RememberedFile]:
    """What is remembered, without when it was read and since when it could not be seen: changes do not tell of that."""
    return sorted((attrs.evolve(file, hashed_ns=0, unknown_since=None) for file in files), key=lambda file: file.id)


BUDGETS = {"sqlite": (40, 20), "postgresql": (5, 15)}
"""How many stories are told on each database in a usual run, and of how many steps each."""


@pytest.fixture(params=list(BUDGETS))
def telling(request: pytest.FixtureRequest) -> tuple[Callable[[], str], int, int]:
    """Makes one new database after the other, and says how much is to be told on it."""
    databases = request.getfixturevalue("databases")
    stories, steps = BUDGETS[request.param]
    if request.param == "postgresql":
        made = request.getfixturevalue("stack")
        return (lambda: made.enter_context(databases.copy_postgresql())), stories, steps
    folder, numbers = request.getfixturevalue("tmp_path"), itertools.count()
    return (lambda: databases.copy_sqlite(folder / f"{next(numbers)}.db")), stories, steps


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_source_with_cursors_and_its_library(telling: tuple[Callable[[], str], int, int]) -> None:
    fresh_database, stories, steps = telling
    usual = settings.get_profile("quick").max_examples
    budget = settings(max_examples=max(1, stories * settings().max_examples // usual), stateful_step_count=steps)

    class Story(CursorMachine):
        def __init__(self) -> None:
            super().__init__(fresh_database)

    run_state_machine_as_test(Story, settings=budget)


def _hidden_while_it_changes(story: CursorMachine) -> None:
    story.hide(folder="a")
    story.write(path="a/1.jpg")
    story.sync(back=0, order=0)
    story.sync(back=0, order=0)


def _silence_and_then_everything(story: CursorMachine) -> None:
    story.write(path="b/1.jpg")
    story.keep_silent(skips=3)
    story.delete(pick=0)
    story.keep_silent(skips=3)
    story.look_at_everything(daily=True)


def _dead_after_every_call(story: CursorMachine) -> None:
    for call in ("list_media", "fingerprint", "identity", "confirm_absent", "a commit"):
        for after in (False, True):
            story.write(path="b/1.jpg")
            story.delete(pick=0)
            story.die(call=call, after=after, then=after)


@pytest.mark.parametrize("told", [_hidden_while_it_changes, _silence_and_then_everything, _dead_after_every_call])
def test_stories_that_chance_tells_too_rarely(
    telling: tuple[Callable[[], str], int, int], told: Callable[[CursorMachine], None]
) -> None:
    story = CursorMachine(telling[0])
    try:
        story.begin(made=["a/1.jpg", "a/2.jpg", "b/3.jpg", "1.jpg"])
        told(story)
    finally:
        story.teardown()
