"""Trees kept between runs: on disk beside the downloads, by the name that the cursor gives them."""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from pathlib import Path

from storyline_gdrive.answers import as_object, parsed, text
from storyline_gdrive.files import DriveFile
from storyline_gdrive.tree import Tree

_KEPT = 3
_FORMAT = 2


class Trees:
    """The last trees of one source. What cannot be kept or read is only slower: everything is listed then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._near: dict[str, Tree] = {}

    def get(self, name: str) -> Tree | None:
        """The tree of that name."""
        if name in self._near:
            return self._near[name]
        try:
            content = zlib.decompress(self._path(name).read_bytes())
        except (OSError, zlib.error):
            return None
        tree = read_tree(content)
        if tree is not None:
            self._remember(name, tree)
        return tree

    def keep(self, name: str, tree: Tree) -> None:
        """Keep a tree, and the two before it."""
        self._remember(name, tree)
        path = self._path(name)
        draft = path.with_suffix(f".{os.getpid()}.draft")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(zlib.compress(spell_tree(tree), 1))
            os.replace(draft, path)
            kept = sorted(self._folder.glob("*.tree"), key=lambda each: each.stat().st_mtime_ns)
            for old in kept[:-_KEPT]:
                old.unlink()
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def newest(self) -> Tree | None:
        """The tree that was kept or asked for last by this process."""
        return next(reversed(self._near.values()), None)

    def _remember(self, name: str, tree: Tree) -> None:
        self._near.pop(name, None)
        self._near[name] = tree
        while len(self._near) > 2:
            del self._near[next(iter(self._near))]

    def _path(self, name: str) -> Path:
        return self._folder / f"{''.join(each for each in name if each.isalnum())}.tree"


def spell_tree(tree: Tree) -> bytes:
    """A tree as JSON."""
    files = [
        [each.id, each.name, each.mime_type, each.parent, each.drive, each.size, each.mtime_ns, each.version,
         each.digest, each.md5]
        for each in tree.files.values()
    ]  # fmt: skip
    told = {
        "v": _FORMAT,
        "roots": list(tree.roots),
        "folders": tree.folders,
        "files": files,
        "shortcuts": sorted(tree.shortcuts),
        "targets": sorted(tree.targets),
        "drives": sorted(tree.drives),
    }
    return json.dumps(told, separators=(",", ":")).encode()


def read_tree(content: bytes) -> Tree | None:
    """A tree out of JSON; None for anything else."""
    told = parsed(content)
    if told.get("v") != _FORMAT:
        return None
    lists = {name: value for name, value in told.items() if isinstance(value, list)}
    try:
        tree = Tree(tuple(map(str, lists["roots"])))
        for folder, place in as_object(told["folders"]).items():
            parent, name = place if isinstance(place, list) else ("", "")
            tree.folders[folder] = (text(parent), text(name))
        for key, name, mime_type, parent, drive, size, mtime_ns, version, digest, md5 in lists["files"]:
            tree.files[key] = DriveFile(
                key, name, mime_type, parent, drive, False, size, mtime_ns, version, digest, md5
            )  # fmt: skip
        for kept in ("shortcuts", "targets", "drives"):
            getattr(tree, kept).update(map(str, lists[kept]))
    except (KeyError, TypeError, ValueError):
        return None
    return tree
