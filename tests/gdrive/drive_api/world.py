"""The world that tests act in: people, shared drives, files, and everything that people do with them.

Every call takes effect at once and is recorded for ``changes.list``, as if somebody had done it in a browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from tests.gdrive.drive_api.contents import Content
from tests.gdrive.drive_api.record import NOBODY, Record
from tests.gdrive.drive_api.tree import (
    DOCUMENT,
    FOLDER,
    GIGABYTE,
    LEVELS,
    SHORTCUT,
    Node,
    Person,
    SharedDrive,
    guessed_type,
)

Spec: TypeAlias = Mapping[str, "bytes | str | Content | Node | Spec"]
"""A tree: names to contents (bytes, text, ``Content``), to sub-trees, or to what a shortcut leads to."""


@attrs.define(eq=False)
class World:
    """People and what they do. Every method may be called from any thread while clients are connected.

    ``tells_descendants``: whether a folder that is deleted, unshared or moved away is recorded with all that it
    holds; otherwise, as Drive does, the changes name only the folder.
    """

    record: Record
    tells_descendants: bool = False

    # Who

    def user(self, name: str, email: str | None = None, quota: int | None = 15 * GIGABYTE) -> Person:
        """A person with a My Drive of ``quota`` bytes (None: without a limit)."""
        return self._person(name, email or f"{name.lower()}@example.com", quota, robot=False)

    def robot(self, name: str, email: str | None = None, quota: int | None = 0) -> Person:
        """A service account. It has no storage of its own: it can write files only into shared drives."""
        return self._person(name, email or f"{name}@project.iam.gserviceaccount.com", quota, robot=True)

    def _person(self, name: str, email: str, quota: int | None, robot: bool) -> Person:
        with self.record.lock:
            now = self.record.clock.now()
            root = Node(self.record.new_id("0A", 19), "My Drive", FOLDER, None, None, email, now, now)
            self.record.add(root)
            number = f"{len(self.record.people) + 1:020d}"
            self.record.people[email] = person = Person(name, email, root, number, quota, robot)
            return person

    def shared_drive(self, name: str, members: Mapping[Person, str] | None = None) -> SharedDrive:
        """A shared drive with members: ``reader``, ``commenter``, ``writer``, ``fileOrganizer``, ``organizer``."""
        with self.record.lock:
            now, number = self.record.clock.now(), self.record.new_id("0A", 19)
            grants = {person.email: LEVELS[role] for person, role in (members or {}).items()}
            root = Node(number, "Drive", FOLDER, None, number, None, now, now, grants=grants)
            self.record.drives[number] = drive = SharedDrive(number, name, self.record.add(root), now)
            self.record.note_drive(drive, frozenset(grants))
            return drive

    def join(self, drive: SharedDrive, person: Person, role: str = "reader") -> None:
        """Somebody becomes a member of a shared drive, or gets another role in it."""
        with self.record.lock:
            drive.root.grants = {**(drive.root.grants or {}), person.email: LEVELS[role]}
            self.record.note_drive(drive, frozenset((person.email,)))

    def leave(self, drive: SharedDrive, person: Person) -> None:
        """Somebody is no longer a member."""
        with self.record.lock:
            drive.root.grants = {who: role for who, role in (drive.root.grants or {}).items() if who != person.email}
            self.record.note_drive(drive, frozenset((person.email,)))

    # Making

    def new(
        self, name: str, parent: Node, mime_type: str, content: Content | None = None, owner: Person | None = None,
        number: str | None = None,
    ) -> Node:  # fmt: skip
        """A file, folder or document in a folder. Outside shared drives the folder's owner owns it, or ``owner``."""
        with self.record.lock:
            now = self.record.clock.now()
            owned = None if parent.drive_id is not None else owner.email if owner is not None else parent.owner
            node_id = number or self.record.new_id()
            return self.record.add(Node(node_id, name, mime_type, parent.id, parent.drive_id, owned, now, now, content))

    def folder(self, name: str, parent: Node, owner: Person | None = None) -> Node:
        """A folder."""
        return self.new(name, parent, FOLDER, owner=owner)

    def file(
        self, name: str, parent: Node, content: bytes | str | Content = b"", *, mime_type: str | None = None,
        owner: Person | None = None, image: Mapping[str, object] | None = None,
        video: Mapping[str, object] | None = None, thumbnail: bytes | None = None, sha256_known: bool = True,
        abusive: bool = False, downloadable: bool = True,
    ) -> Node:  # fmt: skip
        """A file. Without a type, its name says what it is; ``image`` and ``video`` are the media metadata of Drive."""
        with self.record.lock:
            node = self.new(name, parent, mime_type or guessed_type(name), Content.of(content), owner)
            node.image = None if image is None else dict(image)
            node.video = None if video is None else dict(video)
            node.thumbnail, node.sha256_known = thumbnail, sha256_known
            node.abusive, node.downloadable = abusive, downloadable
            return node

    def document(self, name: str, parent: Node, kind: str = "document", owner: Person | None = None) -> Node:
        """A Google Doc (``spreadsheet``, ``presentation``, ``form``...): it has no size and cannot be downloaded."""
        return self.new(name, parent, DOCUMENT.removesuffix("document") + kind, owner=owner)

    def shortcut(self, name: str, parent: Node, target: Node | str, owner: Person | None = None) -> Node:
        """A shortcut to a file or folder. An id that is nobody's makes one that dangles."""
        with self.record.lock:
            node = self.new(name, parent, SHORTCUT, owner=owner)
            node.target = target if isinstance(target, str) else target.id
            node.target_type = guessed_type("x") if isinstance(target, str) else target.mime_type
            return node

    def tree(self, parent: Node, spec: Spec, path: str = "") -> dict[str, Node]:
        """Folders and files by their names. What comes back has them by their paths under ``parent``."""
        made: dict[str, Node] = {}
        for name, held in spec.items():
            here = f"{path}/{name}" if path else name
            if isinstance(held, Node):
                made[here] = self.shortcut(name, parent, held)
            elif isinstance(held, bytes | str | Content):
                made[here] = self.file(name, parent, held)
            else:
                made[here] = folder = self.folder(name, parent)
                made |= self.tree(folder, held, here)
        return made

    def crowd(self, parent: Node, folders: int = 2_000, files: int = 50_000, ending: str = ".jpg") -> list[Node]:
        """Many files in many folders, at once: the folders that hold them, and what they hold follows from its name.

        Forty folders lie under the parent, and the others evenly in those.
        """
        with self.record.lock:
            now, seen = self.record.clock.now(), self.record.viewers(parent)
            made: list[Node] = []
            for place in range(folders):
                above = parent if place < 40 else made[place % 40]
                made.append(
                    self.record.add(
                        Node(self.record.new_id(), f"Folder {place:04d}", FOLDER, above.id, parent.drive_id,
                             parent.owner, now, now), seen)
                )  # fmt: skip
            kind = guessed_type(ending)
            for place in range(files):
                name = f"IMG_{place:05d}{ending}"
                home = made[place % folders]
                self.record.add(
                    Node(self.record.new_id(), name, kind, home.id, parent.drive_id, parent.owner, now, now,
                         Content.made(name)), seen)  # fmt: skip
            return made

    # Doing

    def rename(self, node: Node, name: str) -> None:
        """Another name."""
        with self.record.lock:
            node.name, node.modified = name, self.record.clock.now()
            self.record.changed(node)

    def move(self, node: Node, parent: Node) -> None:
        """Into another folder, of this drive or another. What the folder holds goes with it."""
        with self.record.lock:
            before, drive = self._seen(node), node.drive_id
            assert node.parent is not None
            del self.record.children[node.parent][node.id]
            self.record.children.setdefault(parent.id, {})[node.id] = None
            node.parent = parent.id
            if parent.drive_id != drive:
                for one in (node, *self.record.below(node)):
                    one.drive_id = parent.drive_id
                    one.owner = parent.owner if parent.drive_id is None else None
            self._told(node, before, drive)

    def replace(self, node: Node, content: bytes | str | Content) -> None:
        """Another content under the same id: a new head revision."""
        with self.record.lock:
            node.content, node.modified = Content.of(content), self.record.clock.now()
            node.revision += 1
            self.record.changed(node)

    def trash(self, node: Node) -> None:
        """Into the trash, with all that it holds."""
        with self.record.lock:
            node.trashed = True
            self.record.changed(node)

    def untrash(self, node: Node) -> None:
        """Out of the trash."""
        with self.record.lock:
            node.trashed = False
            self.record.changed(node)

    def delete(self, node: Node) -> None:
        """For ever, with all that it holds."""
        with self.record.lock:
            gone = [(one, self.record.viewers(one)) for one in (node, *self.record.below(node))]
            if node.parent is not None:
                del self.record.children[node.parent][node.id]
            for one, seen in gone:
                del self.record.nodes[one.id]
                self.record.children.pop(one.id, None)
                if one is node or self.tells_descendants:
                    self.record.note(one, seen, frozenset((one.drive_id,)))

    def share(self, node: Node, person: Person, role: str = "reader") -> None:
        """Gives somebody a role on a file, or on a folder and all that it holds."""
        with self.record.lock:
            node.grants = {**(node.grants or {}), person.email: LEVELS[role]}
            self.record.changed(node)

    def unshare(self, node: Node, person: Person) -> None:
        """Takes somebody's role on a file or folder away; a role on a folder above still counts."""
        with self.record.lock:
            before = self._seen(node)
            node.grants = {who: role for who, role in (node.grants or {}).items() if who != person.email} or None
            self._told(node, before, node.drive_id)

    def touch(self, node: Node) -> None:
        """Something changed that is not about the file's name, place or content: a comment, a late thumbnail."""
        with self.record.lock:
            self.record.changed(node)

    def _seen(self, node: Node) -> dict[str, frozenset[str]]:
        told = (node, *self.record.below(node)) if self.tells_descendants else (node,)
        return {one.id: self.record.viewers(one) for one in told}

    def _told(self, node: Node, before: Mapping[str, frozenset[str]], drive: str | None) -> None:
        for number, seen in before.items():
            self.record.changed(self.record.nodes[number], seen or NOBODY, drive)

    # Looking

    def path(self, node: Node) -> str:
        """Where a file lies: the names of its folders under the root, and its own."""
        with self.record.lock:
            names = [one.name for one in self.record.up(node) if one.parent is not None]
            return "/".join([*reversed(names), node.name])

    def held(self, folder: Node) -> list[Node]:
        """What lies in a folder, in the order in which it came there, trashed or not."""
        with self.record.lock:
            return [self.record.nodes[one] for one in self.record.children.get(folder.id, ())]
