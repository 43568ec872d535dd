"""What the operating system complains about, in words that say what to do."""

from __future__ import annotations

import errno

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
"""The only answers that prove that a file is not there."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""There is no room to write."""

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""Somebody has to change permissions, or mount the disk differently."""

UNREACHABLE = FORBIDDEN | {errno.ENAMETOOLONG, errno.ELOOP}
"""No later run will get at the file either, unless somebody changes something."""

_REASONS = {
    errno.ENOENT: "it is not there",
    errno.ENOTDIR: "it is not a folder",
    errno.EEXIST: "something else has its name",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "Storyline has no permission to read it",
    errno.EPERM: "Storyline has no permission for it",
    errno.EROFS: "the disk is read-only",
    errno.ELOOP: "its links lead in a circle",
    errno.ENAMETOOLONG: "its path is too long",
    errno.EIO: "the disk reports a read error",
    errno.ESTALE: "the network disk has lost it",
    errno.ENOTCONN: "the network disk is not connected",
    errno.ETIMEDOUT: "the network disk does not answer",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than is allowed here",
}


def reason(error: OSError) -> str:
    """Why, as the second half of a sentence."""
    known = _REASONS.get(error.errno or 0)
    return known or (error.strerror or type(error).__name__).lower()
