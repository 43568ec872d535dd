"""On which file system a folder lies, as far as its clock and its silence matter.

FAT keeps times to two seconds, and network disks stamp files with another machine's clock: there a file counts as
possibly changed for longer. Disks that others change from elsewhere tell this machine nothing of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

MARGIN_NS = 2_000_000_000
COARSE_MARGIN_NS = 3_000_000_000

TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


@attrs.frozen
class Nature:
    """What a kind of file system is like: whether its clock is coarse or foreign, and whether changes go untold."""

    coarse: bool = False
    silent: bool = False


_CARD = Nature(coarse=True)
_ELSEWHERE = Nature(coarse=True, silent=True)
_NATURES = {
    **dict.fromkeys(("vfat", "msdos", "exfat"), _CARD),
    # A disk of another system that a program of this machine reads: only this machine changes it.
    "fuseblk": _CARD,
    **dict.fromkeys(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "davfs"), _ELSEWHERE),
    **dict.fromkeys(("virtiofs", "vboxsf", "vmhgfs", "prl_fs", "ncpfs", "coda", "fuse"), _ELSEWHERE),
}


@attrs.frozen
class Mount:
    """One line of the table: where something is mounted, of which kind, and which device it is."""

    point: str
    kind: str
    device: str

    @property
    def nature(self) -> Nature:
        """What this kind is like; unknown ones are taken for disks."""
        return _ELSEWHERE if self.kind.startswith("fuse.") else _NATURES.get(self.kind, Nature())


def racy_margin_ns(root: str, table: Path = TABLE) -> int:
    """How young, in nanoseconds, a file may be before its time says too little: 2 s, or 3 s on FAT and networks.

    Disks mounted below the root count too. Where there is no table of mounts the usual margin holds.
    """
    return COARSE_MARGIN_NS if any(mount.nature.coarse for mount in mounts_of(root, table)) else MARGIN_NS


def mounts_of(root: str, table: Path = TABLE) -> tuple[Mount, ...]:
    """The mount that holds a folder, and before it all those below it. Empty where there is no table of mounts."""
    try:
        text = table.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ()
    real = os.path.realpath(root)
    holding: Mount | None = None
    below: list[Mount] = []
    for mount in _mounts(text):
        if _inside(mount.point, real) and mount.point != real:
            below.append(mount)
        # Later lines lie over earlier ones, so an equal length wins too.
        elif _inside(real, mount.point) and (holding is None or len(mount.point) >= len(holding.point)):
            holding = mount
    return (*below, holding) if holding else tuple(below)


def mounted_twice(mounts: tuple[Mount, ...]) -> bool:
    """Whether one device is mounted more than once, so that one folder may be met by two paths without any link."""
    return len({mount.device for mount in mounts}) < len(mounts)


def _mounts(table: str) -> Iterator[Mount]:
    for line in table.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if dash and len(fields) > 4:
            point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
            yield Mount(point, right.split(" ", 1)[0], fields[2])


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
