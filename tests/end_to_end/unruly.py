"""A real folder that misbehaves when it is told to: the `local` source, seen by somebody who is not root."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO, cast

import attrs

from storyline_core import (
    ChangeSet,
    Fingerprint,
    Hint,
    Kind,
    ListedFile,
    Listing,
    ListingMode,
    MediaSourceProvider,
    Runtime,
    SourceKind,
    Traits,
    Unread,
    Watch,
    WatchableSource,
    hookimpl,
)
from storyline_local.plugin import LocalFolder, open_folder
from tests.local.places import without_root


class Died(BaseException):
    """The process is no more."""


@attrs.define
class Mood:
    """How the folder behaves from now on.

    `order` is the order in which files are listed, another for every number. `fault` is raised instead of a listing.
    `breaks_off_after` so many files the listing ends, and says so. `only` lists just that folder, and says so.
    `meanwhile` is done once, between listing and reading. `dies` ends everything as soon as something was committed.
    """

    order: int = 0
    fault: Exception | None = None
    breaks_off_after: int | None = None
    only: str | None = None
    meanwhile: Callable[[], None] | None = None
    dies: bool = False


class UnrulyFolder:
    """The real source, called as nobody, with a mood."""

    def __init__(self, real: WatchableSource, mood: Mood) -> None:
        self._real = real
        self._mood = mood

    def list_media(self, cursor: str | None) -> Listing:
        """What the real one lists, spoilt as the mood will have it."""
        mood = self._mood
        with without_root():
            listing = self._real.list_media(cursor)
        if mood.fault is not None:
            raise mood.fault
        listing = attrs.evolve(
            listing, files=_shuffled(listing.files, mood.order), documents=_shuffled(listing.documents, mood.order)
        )
        if mood.breaks_off_after is not None:
            end = mood.breaks_off_after
            files, documents = listing.files[:end], listing.documents[:end]
            listing = attrs.evolve(listing, files=files, documents=documents, complete=False)
        if mood.only is not None:
            listing = _narrowed(listing, mood.only)
        if mood.meanwhile is not None:
            doing, mood.meanwhile = mood.meanwhile, None
            doing()
        return listing

    def list_part(self, hint: Hint) -> Listing:
        """As the real one, in another order."""
        with without_root():
            listing = self._real.list_part(hint)
        order = self._mood.order
        return attrs.evolve(
            listing, files=_shuffled(listing.files, order), documents=_shuffled(listing.documents, order)
        )

    def watch(self) -> AbstractContextManager[Watch]:
        """As the real one."""
        with without_root():
            return self._real.watch()

    def identity(self, establish: bool) -> str | None:
        """As the real one."""
        with without_root():
            return self._real.identity(establish)

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """As the real one; read to the end at once, since nobody may be left standing as nobody."""
        with without_root():
            return iter(list(self._real.fingerprint(entries)))

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """As the real one."""
        with without_root():
            return self._real.confirm_absent(keys)

    def open_media(self, key: str) -> BinaryIO:
        """As the real one."""
        with without_root():
            return self._real.open_media(key)


def place_in(order: int, key: str) -> bytes:
    """Where a key stands in an order; every number is another order."""
    return hashlib.sha256(f"{order} {key}".encode()).digest()


def _shuffled(files: Sequence[ListedFile], order: int) -> tuple[ListedFile, ...]:
    return tuple(sorted(files, key=lambda file: place_in(order, file.key)))


def _narrowed(listing: Listing, folder: str) -> Listing:
    def inside(file: ListedFile) -> bool:
        return within(file.folder, folder)

    return attrs.evolve(
        listing,
        files=tuple(filter(inside, listing.files)),
        documents=tuple(filter(inside, listing.documents)),
        mode=ListingMode.SUBTREE,
        scope=(folder,),
    )


def within(folder: str, above: str) -> bool:
    """Whether a folder is another one or lies below it."""
    return not above or folder == above or folder.startswith(f"{above}/")


class UnrulyPlugin:
    """Offers the source `unruly`."""

    def __init__(self, mood: Mood) -> None:
        self.mood = mood

    @hookimpl
    def storyline_media_source_providers(self) -> Sequence[SourceKind]:
        """The source `unruly`."""
        return [Kind(name="unruly", settings=LocalFolder, open=self._open, traits=Traits(watches=True))]

    @hookimpl
    def storyline_library_changed(self, source: str, changes: ChangeSet) -> None:
        """The process ends here, if it is to: what was committed stays, and nothing else is known any more."""
        if self.mood.dies:
            self.mood.dies = False
            raise Died

    def _open(self, settings: LocalFolder, runtime: Runtime) -> AbstractContextManager[MediaSourceProvider]:
        @contextmanager
        def opened() -> Iterator[MediaSourceProvider]:
            with open_folder(settings, runtime) as real:
                yield UnrulyFolder(cast(WatchableSource, real), self.mood)

        return opened()
