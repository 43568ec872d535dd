"""Everything one server knows: its world, its knobs, and the calls that arrived."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import attrs

from tests.gdrive.drive_api.clock import Clock
from tests.gdrive.drive_api.limits import Faults
from tests.gdrive.drive_api.record import Record
from tests.gdrive.drive_api.refusals import Refused, forbidden, not_found
from tests.gdrive.drive_api.tree import Node, Person

API = "https://www.googleapis.com/auth/drive"
READ_SCOPES = {API, f"{API}.readonly"}
WRITE_SCOPES = {API, f"{API}.file"}
LOOK_SCOPES = READ_SCOPES | WRITE_SCOPES | {f"{API}.metadata", f"{API}.metadata.readonly"}


@attrs.frozen
class Call:
    """A call that arrived: what it was for, its query without secrets, when, by whom, and how it was answered."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    at: datetime
    code: int
    email: str | None = None
    bytes_sent: int = 0


@attrs.define(eq=False)
class Knobs:
    """How this Drive behaves where the real one may choose; tests turn these at any time.

    ``most_per_page``: no page is longer. ``page_sizes``: the sizes of the next pages (0: an empty one with a token).
    ``incomplete``: what ``files.list`` says in ``incompleteSearch``. ``missing_parents_refused``: asking for the
    children of a folder that is not there (or not for you) is a 404, for the whole query; otherwise it finds nothing.
    ``repeat_changes``: ``changes.list`` tells every change of a file, not only its last. ``shuffle``: it shuffles the
    changes within a page. ``page_life``, ``thumbnail_life``, ``upload_life``: how long those links are good.
    ``upload_step``: how much of a broken upload is kept: the whole multiples of this.
    """

    most_per_page: int | None = None
    page_sizes: list[int] = attrs.field(factory=list)
    incomplete: bool = False
    missing_parents_refused: bool = True
    repeat_changes: bool = False
    shuffle: random.Random | None = None
    page_life: timedelta = timedelta(hours=3)
    thumbnail_life: timedelta = timedelta(hours=4)
    thumbnails_need_token: bool = False
    upload_life: timedelta = timedelta(days=7)
    upload_step: int = 256 * 1024
    longest_target: int = 16 * 1024

    def page_size(self, asked: int) -> int:
        """How many a page has this time."""
        if self.page_sizes:
            return min(asked, self.page_sizes.pop(0))
        return asked if self.most_per_page is None else min(asked, self.most_per_page)


@attrs.define(eq=False)
class State:
    """What the parts of the server share. Hold the record's lock."""

    record: Record
    clock: Clock
    address: str = ""
    knobs: Knobs = attrs.field(factory=Knobs)
    faults: Faults = attrs.field(factory=Faults)
    calls: list[Call] = attrs.field(factory=list)
    opened: dict[str, set[str]] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Viewer:
    """Who asks, through which client, with which rights, and which drives the call wants to know of."""

    state: State
    person: Person
    client: str
    scopes: frozenset[str]
    all_drives: bool = False
    memo: dict[str, int] = attrs.field(factory=dict)
    trash: dict[str, bool] = attrs.field(factory=dict)

    @property
    def record(self) -> Record:
        """Where everything lies."""
        return self.state.record

    @property
    def only_opened(self) -> bool:
        """Whether the client has no right but to files that it made or was handed."""
        return not self.scopes & (LOOK_SCOPES - {f"{API}.file"})

    def level(self, node: Node) -> int:
        """What this person may do with a file; 0 for nothing."""
        return self.record.role(self.person.email, node, self.memo)

    def sees(self, node: Node) -> bool:
        """Whether a file is there for this call."""
        if node.drive_id is not None and not self.all_drives:
            return False
        if self.only_opened and not self.is_opened(node):
            return False
        return self.level(node) > 0

    def is_opened(self, node: Node) -> bool:
        """Whether the client made this file, or was handed it."""
        return node.id in self.state.opened.get(self.client, ())

    def trashed(self, node: Node) -> bool:
        """Whether a file is in the trash, itself or by a folder above."""
        if node.trashed or node.parent is None:
            return node.trashed
        known = self.trash.get(node.parent)
        if known is None:
            known = self.trash[node.parent] = self.trashed(self.record.nodes[node.parent])
        return known

    def find(self, number: str) -> Node:
        """A file by its id; ``root`` is the person's own My Drive. Raises ``Refused`` (404) where it is not there."""
        node = self.record.nodes.get(self.person.root.id if number == "root" else number)
        if node is None or not self.sees(node):
            raise not_found(number)
        return node

    def must(self, scopes: set[str]) -> None:
        """Raises ``Refused`` (403) unless the token has one of the scopes."""
        if not self.scopes & scopes:
            raise Refused(403, "insufficientPermissions", "Insufficient Permission")

    def may(self, node: Node, level: int) -> None:
        """Raises ``Refused`` (403) unless the person may do as much with a file, and the client too."""
        if not self.scopes & {API} and not self.is_opened(node):
            raise forbidden(
                "appNotAuthorizedToFile",
                f"The user has not granted the app {self.client} write access to the file {node.id}.",
            )
        if self.level(node) < level:
            raise forbidden("insufficientFilePermissions")
