"""Scan a folder: look at all of it, and look again when it changed meanwhile.

A folder that changed while it was being walked is walked again; if it will not come to rest, the scan says that it is
not complete.
"""

from __future__ import annotations

import attrs

from storyline_core import FileProblem, ListedFile, Unseen
from storyline_local.gathering import gathering
from storyline_local.walk import Walk

FILTERS = "local-1"
"""Changes whenever other names are passed over than before."""

LOOKS = 2
"""How often a folder that keeps changing is walked before the scan settles for what it has."""

RESTLESS = "Folders kept changing while they were listed; what seems to be gone is looked for again next time."


@attrs.frozen
class Scan:
    """What one walk saw. `complete` is False when the folder would not hold still.

    `linked` says that links to folders were among it, so that what lies where depends on all of it.
    """

    files: tuple[ListedFile, ...]
    documents: tuple[ListedFile, ...]
    unseen: tuple[Unseen, ...]
    problems: tuple[FileProblem, ...]
    complete: bool
    linked: bool = False

    @classmethod
    def of(cls, walk: Walk, complete: bool) -> Scan:
        """What a walk has gathered."""
        if not complete:
            walk.problems.append(FileProblem(key="", message=RESTLESS))
        files, documents = tuple(walk.files), tuple(walk.documents)
        return cls(files, documents, tuple(walk.unseen), tuple(walk.problems), complete, walk.linked)


def scan(root: str) -> Scan:
    """Everything under `root`. Raises `Unavailable` when the root itself cannot be listed."""
    walk, complete = _look(root)
    for _ in range(LOOKS - 1):
        if complete:
            break
        walk, complete = _look(root)
    return Scan.of(walk, complete)


def _look(root: str) -> tuple[Walk, bool]:
    walk = Walk(root)
    with gathering():
        walk.run()
    return walk, walk.at_rest()
