"""On which file system a folder lies, as far as its clock matters.

FAT keeps times to two seconds, and network disks stamp files with another machine's clock: there a file counts as
possibly changed for longer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

MARGIN_NS = 2_000_000_000
COARSE_MARGIN_NS = 3_000_000_000

_TABLE = Path("/proc/self/mountinfo")
_COARSE = frozenset(
    {"vfat", "msdos", "exfat"}
    | {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "davfs", "virtiofs"}
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def racy_margin_ns(root: str, table: Path = _TABLE) -> int:
    """How young, in nanoseconds, a file may be before its time says too little: 2 s, or 3 s on FAT and networks.

    Disks mounted below the root count too. Where there is no table of mounts the usual margin holds.
    """
    try:
        text = table.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return MARGIN_NS
    kinds = _kinds_at_and_below(os.path.realpath(root), text)
    return COARSE_MARGIN_NS if any(_coarse(kind) for kind in kinds) else MARGIN_NS


def _coarse(kind: str) -> bool:
    return kind in _COARSE or kind.startswith("fuse")


def _kinds_at_and_below(root: str, table: str) -> Iterator[str]:
    holding, holding_kind = "", ""
    for point, kind in _mounts(table):
        if _inside(point, root) and point != root:
            yield kind
        # Later lines lie over earlier ones, so an equal length wins too.
        elif _inside(root, point) and len(point) >= len(holding):
            holding, holding_kind = point, kind
    yield holding_kind


def _mounts(table: str) -> Iterator[tuple[str, str]]:
    for line in table.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if dash and len(fields) > 4:
            yield _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]), right.split(" ", 1)[0]


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
