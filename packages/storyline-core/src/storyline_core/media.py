"""What a source lists, what reading a file tells, and what the library keeps.

All values are frozen. Times of files are integers of nanoseconds since 1970 (as file systems give them); every
other time is an aware `datetime` in UTC. Sizes are bytes. Digests are lower-case hexadecimal SHA-256 of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

RACY_MARGIN_NS = 2_000_000_000
"""A file whose time is later than its reading less this margin may have changed unseen in the same instant."""

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "png": "image/png",
        "gif": "image/gif",
        "webp": "image/webp",
        "mp4": "video/mp4",
        "mov": "video/quicktime",
    }
)
"""File name endings that count as media, and the type each one promises (the content decides in the end)."""

_IGNORED_ENDINGS = frozenset({"tmp", "bak", "swp", "part", "partial", "crdownload", "download"})
_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini"})


class Role(StrEnum):
    """What a file in a source is there for, judged by its name alone."""

    MEDIA = "media"
    DOCUMENT = "document"
    IGNORED = "ignored"


def role_of(name: str) -> Role:
    """Tell media from metadata documents (`*.json`) and from everything that is passed over.

    Passed over are hidden files, `~` files, `.tmp`, `.bak`, `.swp`, partial downloads, `Thumbs.db` and whatever
    is neither media nor a document.
    """
    if name.startswith((".", "~")) or name.endswith("~"):
        return Role.IGNORED
    stem, dot, ending = name.rpartition(".")
    ending = ending.lower()
    if not dot or not stem or ending in _IGNORED_ENDINGS or name.lower() in _IGNORED_NAMES:
        return Role.IGNORED
    if ending in MEDIA_TYPES:
        return Role.MEDIA
    return Role.DOCUMENT if ending == "json" else Role.IGNORED


def media_type_of(name: str) -> str:
    """The type that a file's name promises, or `application/octet-stream`."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def category_of(folder: str) -> str:
    """The top folder under the source's root; `""` for files that lie at the root itself."""
    return folder.partition("/")[0]


@attrs.frozen
class ListedFile:
    """One file as its source lists it, without having been read.

    `key` is the service's stable id, or the path relative to the root as a reversible, database-safe spelling of its
    exact bytes. `folder` is the path of its folder under the root (`""` for the root, `/` between parts). `version`
    is whatever the source has that changes when the bytes may have changed (ctime and inode, a revision id).
    `digest` is given only by sources that know the SHA-256 without reading. `hint` is a weak sign of sameness across
    a rename (an inode); it proves nothing alone. `look` is what the source knows of the content without reading; where
    there is none, and the digest spares the reading, core looks at the file some time after the sync.
    """

    key: str
    name: str
    folder: str
    size: int
    mtime_ns: int
    version: str
    media_type: str
    digest: str | None = None
    hint: str | None = None
    look: Look | None = None


class ListingMode(StrEnum):
    """How much a listing speaks of."""

    FULL = "full"
    SUBTREE = "subtree"
    CHANGES = "changes"


@attrs.frozen
class Unseen:
    """A folder (and all below it) or, with `key`, a single file of which nothing is known, and why.

    What lies there counts as unknown: neither present nor gone.
    """

    folder: str
    why: str
    key: str | None = None


@attrs.frozen
class FileProblem:
    """Something wrong with one file or folder that did not stop the rest."""

    key: str
    message: str


@attrs.frozen
class Listing:
    """What a source says about itself in one look, with its own coverage.

    Not listed and not covered by `unseen` means *absent* in a complete full listing (or under `scope` in a subtree
    listing). In a `changes` listing only the keys in `gone` are absent; the rest is unknown. `complete` is False when
    pages are missing or the look was broken off: then nothing counts as absent. A provider never claims more than it
    saw. `filters` is a fingerprint of the rules by which the provider hides files: while it differs from the last
    one, nothing counts as absent.
    """

    files: tuple[ListedFile, ...]
    documents: tuple[ListedFile, ...] = ()
    mode: ListingMode = ListingMode.FULL
    scope: tuple[str, ...] = ()
    complete: bool = True
    unseen: tuple[Unseen, ...] = ()
    gone: tuple[str, ...] = ()
    identity: str | None = None
    filters: str = ""
    cursor: str | None = None
    problems: tuple[FileProblem, ...] = ()
    racy_margin_ns: int = RACY_MARGIN_NS

    def proves_absent(self, key: str, folder: str) -> bool:
        """Whether a file of that key and folder, not being listed, is certainly not there (filters aside)."""
        if self.mode is ListingMode.CHANGES:
            return key in self.gone
        if not self.complete:
            return key in self.gone
        if self.mode is ListingMode.SUBTREE and not any(_within(folder, top) for top in self.scope):
            return key in self.gone
        return not any(
            each.key == key if each.key is not None else _within(folder, each.folder) for each in self.unseen
        )

    @classmethod
    def of(cls, entries: Iterable[ListedFile], *, cursor: str | None = None) -> Listing:
        """A complete full listing from any files: media and documents are told apart, the rest is left out."""
        files: list[ListedFile] = []
        documents: list[ListedFile] = []
        for entry in entries:
            role = role_of(entry.name)
            if role is Role.MEDIA:
                files.append(entry)
            elif role is Role.DOCUMENT:
                documents.append(entry)
        return cls(files=tuple(files), documents=tuple(documents), cursor=cursor)


def _within(folder: str, top: str) -> bool:
    return not top or folder == top or folder.startswith(f"{top}/")


@attrs.frozen
class Look:
    """What a file's content says about itself: the real type and, where readable, its size in pixels.

    `problem` says why a file is broken (cannot be opened, or is not what Instagram can show); it is then never chosen.
    `version` is that of the computation, so that a better one can look again without the bytes having changed.
    """

    media_type: str
    width: int | None = None
    height: int | None = None
    problem: str | None = None
    version: int = 1


@attrs.frozen
class Fingerprint:
    """One completed reading of a file: its digest and the facts that stood unchanged before and after the reading."""

    key: str
    digest: str
    size: int
    mtime_ns: int
    version: str
    look: Look | None = None


@attrs.frozen
class Provenance:
    """Where a file that is newly stored comes from, for whoever meets it there without Storyline's library.

    Of what an account posted before: `remote_id` (the service's own id of it), `posted_at`, `permalink` and `caption`.
    Of what somebody sent: `sent_by`, who that was (`telegram:123456789`). What is not known stays empty.
    """

    remote_id: str = ""
    posted_at: datetime | None = None
    permalink: str | None = None
    caption: str = ""
    sent_by: str = ""


@attrs.frozen
class Unread:
    """A file that could not be read to its end. `gone` means that it certainly exists no longer.

    `passing` is True when the next run may well succeed (it moved under the reader, is still being written or is
    locked) and False for a lasting obstacle such as a missing permission.
    """

    key: str
    why: str
    gone: bool = False
    passing: bool = True


@attrs.frozen
class RememberedFile:
    """What the library remembers of one item, as far as `reconcile` needs it.

    `hashed_ns` is when the digest was taken. `removed_at` set means a tombstone.
    """

    id: int
    key: str
    name: str
    folder: str
    size: int
    mtime_ns: int
    version: str
    digest: str | None
    hashed_ns: int
    hint: str | None = None
    missing_since: datetime | None = None
    removed_at: datetime | None = None
    unknown_since: datetime | None = None


RememberedRow = tuple[
    int, str, str, str, int, int, str, str | None, int, str | None, datetime | None, datetime | None, datetime | None
]
"""The fields of a `RememberedFile` in their order: what most of a large library is looked at as, and no more."""


@attrs.frozen
class RememberedDocument:
    """What the library remembers of one metadata document. `digest` is that of its text."""

    key: str
    name: str
    folder: str
    size: int
    mtime_ns: int
    version: str
    digest: str
    read_ns: int


@attrs.frozen
class Description:
    """What people say about an item: the resolved outcome of every place that speaks of it."""

    title: str = ""
    caption: str = ""
    link_url: str = ""
    tags: tuple[str, ...] = ()
    requires_interaction: bool = False
    custom_metadata: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen
class MediaItem:
    """One picture or video in the library, with its description and its history's sum over all accounts."""

    id: int
    source: str
    key: str
    name: str
    folder: str
    size: int
    media_type: str
    digest: str | None
    description: Description
    added_at: datetime
    width: int | None = None
    height: int | None = None
    problem: str | None = None
    missing_since: datetime | None = None
    removed_at: datetime | None = None
    times_posted: int = 0
    last_posted_at: datetime | None = None
    added_by: str | None = None
    instagram_media_id: str | None = None
    backfilled_at: datetime | None = None

    @property
    def category(self) -> str:
        """The top folder under the source's root."""
        return category_of(self.folder)

    @property
    def state(self) -> str:
        """`alive`, `broken` (alive but cannot be opened) or `removed`."""
        if self.removed_at is not None:
            return "removed"
        return "broken" if self.problem else "alive"
