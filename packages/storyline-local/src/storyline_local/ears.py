"""The library that listens to the file system, opened so that nothing it leaves out goes unnoticed.

What `watchfiles` does with what it cannot do is known from its source, and answered here:

- It follows links and goes into hidden folders by itself, so it is given the very folders to listen to, one by one.
- A folder that it may not listen to, and too few watches, are errors when it opens and silence later; so it is opened
  anew whenever folders come or go.
- A name that is not UTF-8 makes every later call fail, even when the file was only read: it is opened anew then, and
  what it had gathered is lost.
- It drops the kernel's word that events were lost. Waking late is the only sign of that which is left.
- It turns to polling by itself where the system has no events; that is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from storyline_core import Refused, Unavailable

STEP_MS = 50
"""How often it is looked whether something was heard."""

LIMITS = Path("/proc/sys/fs/inotify")

_UNDECODED = re.compile(r'^Unable to decode path "(.*)" to string$', re.DOTALL)
_ESCAPED = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
_LETTERS = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0"}


Change = tuple[int, str]
"""What happened (1 added, 2 modified, 3 deleted), and the path."""


class Pulse(Protocol):
    """What is asked at every step whether to stop listening. Whatever was heard since the last step is then lost."""

    def is_set(self) -> bool:
        """Whether to stop."""


class Vanished(Exception):
    """One of the folders was gone or closed before it could be listened to."""


class Undecodable(Exception):
    """Something happened to a name that is not UTF-8, and what else was heard is lost.

    `path` is its exact bytes, or None if they cannot be made out either.
    """

    def __init__(self, path: bytes | None) -> None:
        super().__init__(path)
        self.path = path


class Ear:
    """Listens to some folders, each without what lies below it."""

    def __init__(self, root: str, folders: Iterable[str], *, recursive: bool = False) -> None:
        """Begin to listen. Raises `Vanished`, `Refused` where listening cannot work, and `Unavailable`."""
        paths = [os.path.join(root, folder) if folder else root for folder in folders]
        try:
            self._notify = RustNotify(paths, False, False, 1000, recursive, False)
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise Vanished from error
        except (OSError, WatchfilesRustInternalError) as error:
            raise _refusal(str(error), len(paths)) from error
        if "Poll" in repr(self._notify)[:20]:
            self.close()
            raise Refused("This system has no file events. Changes are found by the regular scans only.")

    def listen(self, pulse: Pulse) -> set[Change]:
        """What happened, and to which paths; none when the pulse stopped it. Raises `Undecodable`."""
        return self._hear(1, STEP_MS, 0, pulse)

    def rest(self) -> set[Change]:
        """What was not yet told, without waiting. Raises `Undecodable`."""
        return self._hear(1, 1, 1, None)

    def close(self) -> None:
        """Listen no longer."""
        self._notify.close()

    def _hear(self, debounce_ms: int, step_ms: int, timeout_ms: int, pulse: Pulse | None) -> set[Change]:
        try:
            found = self._notify.watch(debounce_ms, step_ms, timeout_ms, pulse)
        except WatchfilesRustInternalError as error:
            undecoded = _UNDECODED.match(str(error))
            if undecoded:
                raise Undecodable(_bytes_of(undecoded[1])) from error
            raise Unavailable(f"The folder can no longer be watched: {error}.") from error
        return set() if isinstance(found, str) else found


def limit(name: str, limits: Path = LIMITS) -> int | None:
    """One of the kernel's limits for watching, by its name; None where there is none."""
    try:
        return int((limits / name).read_text())
    except (OSError, ValueError):
        return None


def too_few_watches(folders: int, limits: Path = LIMITS) -> Refused:
    """There are more folders than may be watched: how many, and what to do."""
    allowed = limit("max_user_watches", limits)
    known = "" if allowed is None else f", of {allowed:,} that all programs of one user may have together"
    return Refused(
        f"Watching needs one watch for each of {folders:,} folders{known}. "
        f"Raise the limit: `sudo sysctl fs.inotify.max_user_watches={max(2 * folders, 524_288)}`, "
        "and put that into /etc/sysctl.d/ to keep it. Until then changes are found by the regular scans."
    )


def _refusal(text: str, folders: int) -> Refused | Unavailable:
    if "MaxFilesWatch" in text or "watch limit" in text:
        return too_few_watches(folders)
    if "os error 24" in text:
        allowed = limit("max_user_instances")
        known = "" if allowed is None else f" ({allowed} for all programs of one user)"
        return Refused(
            f"Too many programs watch folders already{known}. Raise the limit: "
            "`sudo sysctl fs.inotify.max_user_instances=512`. Until then changes are found by the regular scans."
        )
    return Unavailable(f"The folder cannot be watched: {text}.")


def _bytes_of(spelled: str) -> bytes:
    """The path behind the spelling in which the library complains about it."""
    out, end = bytearray(), 0
    for found in _ESCAPED.finditer(spelled):
        out += os.fsencode(spelled[end : found.start()])
        byte, point, letter = found.groups()
        if byte:
            out.append(int(byte, 16))
        elif point:
            out += chr(int(point, 16)).encode()
        else:
            out += _LETTERS.get(letter) or letter.encode()
        end = found.end()
    return bytes(out + os.fsencode(spelled[end:]))
