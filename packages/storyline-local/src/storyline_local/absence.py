"""When a file is certainly not there, which is more than not being found."""

from __future__ import annotations

import os
from stat import S_ISLNK, S_ISREG

from storyline_local.keys import BadKey, unspell
from storyline_local.obstacles import ABSENT


def certainly_absent(root: bytes, key: str) -> bool:
    """Whether the file of this key does not exist under a root that does.

    A folder, pipe or device that has taken its name is proof as well. A link that leads nowhere proves nothing about
    what was behind it: its disk may only not be connected.
    """
    try:
        parts = unspell(key).split(b"/")
        os.stat(root)
    except (BadKey, OSError):
        return False
    path, mode = root, 0
    for part in parts:
        folder, path = path, os.path.join(path, part)
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            return error.errno in ABSENT and not (os.path.islink(folder) and not os.path.exists(folder))
    return not (S_ISREG(mode) or S_ISLNK(mode))
