"""The tree by id, who may see what, and the record of changes."""

from __future__ import annotations

import hashlib
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import attrs

from tests.gdrive.drive_api.clock import Clock
from tests.gdrive.drive_api.contents import Content
from tests.gdrive.drive_api.tree import OWNER, WRITER, Entry, Node, Person, SharedDrive

NOBODY: frozenset[str] = frozenset()


@attrs.define(eq=False)
class Record:
    """Everything that lies in Drive. Hold the lock while reading or changing it."""

    clock: Clock
    lock: threading.RLock = attrs.field(factory=threading.RLock)
    people: dict[str, Person] = attrs.field(factory=dict)
    drives: dict[str, SharedDrive] = attrs.field(factory=dict)
    nodes: dict[str, Node] = attrs.field(factory=dict)
    children: dict[str, dict[str, None]] = attrs.field(factory=dict)
    log: list[Entry] = attrs.field(factory=list)
    used_ids: int = 0

    def new_id(self, prefix: str = "1", length: int = 33) -> str:
        """An id as Drive makes them: letters, digits, ``-`` and ``_``; the same in every run."""
        self.used_ids += 1
        digest = hashlib.sha256(f"{prefix}{self.used_ids}".encode()).digest()
        return (prefix + urlsafe_b64encode(digest).decode().rstrip("="))[:length]

    def add(self, node: Node, seen: frozenset[str] | None = None) -> Node:
        """A new file or folder. ``seen`` spares asking who can see it."""
        self.nodes[node.id] = node
        if node.parent is not None:
            self.children.setdefault(node.parent, {})[node.id] = None
            self.note(node, self.viewers(node) if seen is None else seen, frozenset((node.drive_id,)))
        return node

    def note(self, node: Node, seen: frozenset[str], drives: frozenset[str | None]) -> None:
        """Records that a file changed."""
        self.log.append(Entry(len(self.log) + 1, self.clock.now(), node.id, None, seen, drives))

    def note_drive(self, drive: SharedDrive, seen: frozenset[str]) -> None:
        """Records that a shared drive changed, or who is in it."""
        drives: frozenset[str | None] = frozenset((drive.id,))
        self.log.append(Entry(len(self.log) + 1, self.clock.now(), None, drive.id, seen, drives))

    def changed(self, node: Node, before: frozenset[str] = NOBODY, drive: str | None = "same") -> None:
        """Records that a file changed: who saw it before, and the drive it lay in before, count too."""
        node.version += 1
        drives = frozenset((node.drive_id, node.drive_id if drive == "same" else drive))
        self.note(node, before | self.viewers(node), drives)

    def up(self, node: Node) -> Iterator[Node]:
        """The folders that a file lies in, from the nearest to the root."""
        while node.parent is not None:
            node = self.nodes[node.parent]
            yield node

    def below(self, node: Node) -> Iterator[Node]:
        """Everything under a folder, folders before what they hold."""
        waiting = [node.id]
        while waiting:
            for child in self.children.get(waiting.pop(), ()):
                yield self.nodes[child]
                if self.nodes[child].is_folder:
                    waiting.append(child)

    def viewers(self, node: Node) -> frozenset[str]:
        """The addresses of all who can see a file."""
        found: set[str] = set()
        for one in (node, *self.up(node)):
            found.update(one.grants or ())
            if one.owner is not None:
                found.add(one.owner)
        return frozenset(found)

    def role(self, email: str, node: Node, memo: dict[str, int] | None = None) -> int:
        """What somebody may do with a file, as a level: 0 for nothing, 5 for an owner or organizer.

        Rights come down from folders; who owns a folder that others put files in edits those files.
        """
        if node.owner == email:
            return OWNER
        own = (node.grants or {}).get(email, 0)
        if node.parent is None:
            return own
        inherited = memo.get(node.parent) if memo is not None else None
        if inherited is None:
            above = self.nodes[node.parent]
            inherited = self.role(email, above, memo)
            if above.owner is not None:
                inherited = min(inherited, WRITER)
            if memo is not None:
                memo[node.parent] = inherited
        return max(own, inherited)

    def usage(self, email: str) -> int:
        """How many bytes somebody's own files take."""
        mine = (one.content for one in self.nodes.values() if one.owner == email)
        return sum(content.size for content in mine if isinstance(content, Content))
