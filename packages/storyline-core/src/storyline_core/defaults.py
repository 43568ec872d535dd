"""Sound answers for plugins that need no more: inherit these beside the protocols of `interfaces`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from storyline_core.errors import PluginFault, Refused
from storyline_core.interfaces import Controls
from storyline_core.media import Fingerprint, ListedFile, Unread
from storyline_core.pictures import look_file
from storyline_core.posts import Handle, Message, Post

BLOCK = 1 << 20


def read_once(open_media: Callable[[str], BinaryIO], entry: ListedFile) -> Fingerprint | Unread:
    """Hash one file and look at it, through `open_media`; what cannot be read is answered, never raised."""
    try:
        with open_media(entry.key) as file:
            digest = hashlib.sha256()
            size = 0
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
            file.seek(0)
            look = look_file(file)
    except Refused as error:
        return Unread(key=entry.key, why=str(error), passing=False)
    except (OSError, PluginFault) as error:
        return Unread(key=entry.key, why=str(error))
    return Fingerprint(
        key=entry.key,
        digest=digest.hexdigest(),
        size=size,
        mtime_ns=entry.mtime_ns,
        version=entry.version,
        look=look,
    )


class SourceDefaults:
    """Sound answers for a source that can only list and open: hash through `open_media`, believe the listing."""

    def open_media(self, key: str) -> BinaryIO:
        """To be written by the source."""
        raise NotImplementedError

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """Reads each entry once through `open_media`."""
        for entry in entries:
            yield read_once(self.open_media, entry)

    def identity(self, establish: bool) -> str | None:
        """No identity."""
        return None

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """A complete listing is believed."""
        return frozenset(keys)


class NotifierDefaults:
    """For a notifier whose people decide elsewhere (on the command line): nothing to update or to listen to."""

    def update(self, message: Message, post: Post) -> None:
        """Nothing to bring level."""

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Nothing to hear."""

    def poll_once(self, controls: Controls) -> int:
        """Nothing waits."""
        return 0

    def check(self) -> str:
        """Nothing can be wrong."""
        return "ready"


class PublisherDefaults:
    """For a publisher that leaves nothing behind and cannot be out of order."""

    def discard(self, handle: Handle) -> None:
        """Nothing was left behind."""

    def check(self) -> str:
        """Nothing can be wrong."""
        return "ready"
