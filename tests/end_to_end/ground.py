"""Real ground for end-to-end tests: a folder on a real disk, its library in a real database, a clock."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import attrs
from PIL import Image

from storyline_core import (
    Kind,
    MediaItem,
    RememberedFile,
    Runtime,
    SourceKind,
    Storyline,
    SyncReport,
    SyncRequest,
    hookimpl,
    load_plugins,
    open_storyline,
)
from storyline_core.settings import Settings, SourceEntry
from storyline_local.plugin import LocalFolder, open_folder
from tests.end_to_end.world import SetClock

SOURCE = "photos"
FOUND = ("added", "edited", "moved", "restored", "removed")


def _head(width: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 16), (9 * width, 0, 0)).save(file, "JPEG")
    return file.getvalue()


HEADS = tuple(_head(width) for width in (9, 10, 11))


def picture(number: int, size: int = 0) -> bytes:
    """A small JPEG; every number is another one. At least `size` bytes."""
    return (HEADS[number % len(HEADS)] + f" {number:08}".encode()).ljust(size, b".")


def put(path: Path, written: bytes, *, mtime_ns: int | None = None) -> Path:
    """A file with its folders, perhaps of a certain time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


class Meddling:
    """What happens at the moments of a look at the source: `before list_media`, `after list_media` and so on.

    Each is done once; with `again`, every time.
    """

    def __init__(self) -> None:
        self.once: dict[str, Callable[[], object]] = {}
        self.again: dict[str, Callable[[], object]] = {}

    def at(self, moment: str) -> None:
        """The moment has come."""
        for act in (self.once.pop(moment, None), self.again.get(moment)):
            if act is not None:
                act()


class Meddled:
    """An opened source with something going on around its calls."""

    def __init__(self, thing: object, meddling: Meddling) -> None:
        self._thing = thing
        self._meddling = meddling

    def __getattr__(self, name: str) -> object:
        value = getattr(self._thing, name)
        if not callable(value):
            return value

        def call(*args: object, **kwargs: object) -> object:
            self._meddling.at(f"before {name}")
            answer = value(*args, **kwargs)
            self._meddling.at(f"after {name}")
            return answer

        return call


Wrap = Callable[[object], object]


def wrapping(wrap: Wrap) -> object:
    """A plugin whose source `wrapped` is the local one with something around it."""

    @contextmanager
    def opened(settings: LocalFolder, runtime: Runtime) -> Iterator[object]:
        with open_folder(settings, runtime) as real:
            yield wrap(real)

    def kinds() -> Sequence[SourceKind]:
        return [Kind(name="wrapped", settings=LocalFolder, open=opened)]  # type: ignore[arg-type]

    return SimpleNamespace(__name__="wrapped", storyline_media_source_providers=hookimpl(kinds))


@attrs.frozen
class Ground:
    """A folder and its library. Every sync comes a minute after the one before."""

    root: Path
    storyline: Storyline
    clock: SetClock
    fresh_database: Callable[[], str]
    marker: bool = True

    def sync(self, after: timedelta = timedelta(minutes=1), /, **request: object) -> SyncReport:
        """Time passes, then a sync."""
        self.clock.forward(after)
        return self.storyline.sync(SOURCE, SyncRequest(**request))  # type: ignore[arg-type]

    def files(self) -> dict[str, RememberedFile]:
        """What is remembered of every living item, by key. Two living items with one key are a mistake."""
        with self.storyline.read() as unit:
            alive = [file for file in unit.library.remembered(SOURCE) if file.removed_at is None]
        by_key = {file.key: file for file in alive}
        assert len(by_key) == len(alive), "two living items have one key"
        return by_key

    def ids(self) -> dict[str, int]:
        """The living items' ids by key."""
        return {key: file.id for key, file in self.files().items()}

    def items(self) -> dict[int, MediaItem]:
        """Every item there ever was, by id."""
        with self.storyline.read() as unit:
            return {item.id: item for item in unit.library.items(source=SOURCE)}

    def events(self, item_id: int) -> list[str]:
        """What happened to an item, in order."""
        with self.storyline.read() as unit:
            return [str(event.kind) for event in unit.library.events(item_id)]

    def settles(self, unread: int = 0) -> None:
        """A further sync finds nothing, and the library is what a first look at the same folder gives."""
        before = self.ids()
        report = self.sync()
        assert found(report) == {}, report.changes
        assert (report.held, report.missing) == ((), 0)
        assert report.hashed == 0, "something is read again and again"
        assert report.deferred == unread
        assert self.ids() == before
        with opened_ground(self.root, self.fresh_database, self.clock, marker=self.marker) as first:
            first.sync()
            assert told(self.storyline) == told(first.storyline)


def found(report: SyncReport) -> dict[str, int]:
    """The counts of a report that are not nothing."""
    return {name: count for name in FOUND if (count := getattr(report, name))}


def told(storyline: Storyline) -> dict[str, tuple[object, ...]]:
    """What the library says of every living item, its identity aside."""
    with storyline.read() as unit:
        alive = [item for item in unit.library.items(source=SOURCE) if item.removed_at is None]
    return {
        item.key: (
            item.name,
            item.folder,
            item.size,
            item.digest,
            item.media_type,
            item.width,
            item.height,
            item.problem,
            item.description,
            item.state,
        )
        for item in alive
    }


def disk_time(place: Path) -> datetime:
    """What time it is for the disk on which a folder lies."""
    mark = put(place / ".what-time-is-it", b"")
    at = datetime.fromtimestamp(mark.stat().st_mtime, UTC)
    mark.unlink()
    return at


@contextmanager
def opened_ground(
    root: Path,
    fresh_database: Callable[[], str],
    clock: SetClock,
    *,
    wrap: Wrap | None = None,
    marker: bool = True,
) -> Iterator[Ground]:
    """A folder with a library of its own; with `wrap`, there is something around its source."""
    plugins = load_plugins(extra=[wrapping(wrap)] if wrap else [], only=["storyline-local"])
    kind = "wrapped" if wrap else "local"
    entry = SourceEntry(SOURCE, kind, LocalFolder(path=root, marker=marker))
    wanted = Settings(database_url=fresh_database(), sources=[entry])
    with open_storyline(wanted, plugins=plugins, clock=clock) as storyline:
        yield Ground(root, storyline, clock, fresh_database, marker)


Grounds = Callable[..., Ground]


class Land:
    """Makes grounds on one disk, and clears up in the end."""

    def __init__(self, place: Path, fresh_database: Callable[[], str]) -> None:
        self.place = place
        self.clock = SetClock(disk_time(place))
        self._fresh_database = fresh_database
        self._stack = ExitStack()

    def ground(self, name: str = "pictures", *, wrap: Wrap | None = None, marker: bool = True) -> Ground:
        """A folder on this disk with a library of its own."""
        root = self.place / name
        root.mkdir(exist_ok=True)
        opened: AbstractContextManager[Ground] = opened_ground(
            root, self._fresh_database, self.clock, wrap=wrap, marker=marker
        )
        return self._stack.enter_context(opened)

    def close(self) -> None:
        """Close every library."""
        self._stack.close()
