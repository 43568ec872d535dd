"""The folders and files under the roots, as ids: who lies where, and which path follows from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from storyline_core import ListedFile, Role, role_of
from storyline_gdrive.files import DriveFile, listed, safe_name


@attrs.define
class Tree:
    """Everything that is known under the roots.

    `folders` are the folders' parents and names; a root has itself as parent. `files` lie in a folder of these.
    `shortcuts` are the ids of shortcuts and `targets` those of what they lead to outside. `drives` are the shared
    drives that anything lies in, "" for My Drive.
    """

    roots: tuple[str, ...]
    folders: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    files: dict[str, DriveFile] = attrs.field(factory=dict)
    shortcuts: set[str] = attrs.field(factory=set)
    targets: set[str] = attrs.field(factory=set)
    drives: set[str] = attrs.field(factory=set)

    @classmethod
    def of(cls, roots: Iterable[str]) -> Tree:
        """With nothing but roots."""
        tree = cls(tuple(roots))
        tree.folders.update((root, (root, "")) for root in tree.roots)
        return tree

    def copy(self) -> Tree:
        """One that can be changed on its own."""
        return Tree(
            self.roots,
            dict(self.folders),
            dict(self.files),
            set(self.shortcuts),
            set(self.targets),
            set(self.drives),
        )

    def paths(self) -> dict[str, str]:
        """The path of every folder under its root, "" for a root itself."""
        found: dict[str, str] = dict.fromkeys(self.roots, "")
        for folder in self.folders:
            chain: list[str] = []
            at = folder
            while at not in found and at in self.folders and at not in chain:
                chain.append(at)
                at = self.folders[at][0]
            for below in reversed(chain):
                parent, name = self.folders[below]
                if parent in found:
                    above = found[parent]
                    found[below] = f"{above}/{safe_name(name)}" if above else safe_name(name)
        return found

    def prune(self) -> None:
        """Drop the folders that no longer hang under a root, and the files in them."""
        paths = self.paths()
        self.folders = {folder: place for folder, place in self.folders.items() if folder in paths}
        self.files = {key: file for key, file in self.files.items() if file.parent in paths}

    def entries(self, keys: Iterable[str] | None = None) -> Iterator[tuple[Role, ListedFile]]:
        """The files as a source lists them, each with its role; of these keys, or all."""
        paths = self.paths()
        chosen = self.files.values() if keys is None else (self.files[key] for key in keys)
        for file in chosen:
            folder = paths.get(file.parent)
            if folder is not None:
                entry = listed(file, folder)
                yield role_of(entry.name), entry


def wanted(file: DriveFile) -> bool:
    """Whether a file is any of Storyline's business; the rest is not even kept in mind."""
    return file.has_bytes and not file.trashed and role_of(safe_name(file.name)) is not Role.IGNORED
