"""Where a picture lies while Instagram fetches it: a public address for a few minutes.

A host is a narrow thing, so that another one is a module beside `cloudinary` and a line in `host_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

import attrs

from storyline_core import NeedsPerson
from storyline_instagram.options import Cloudinary

DEAD_AFTER = timedelta(hours=1)
"""A copy older than this belongs to no running publish: Instagram fetches within minutes."""


@attrs.frozen
class Hosted:
    """A copy that anybody can fetch. `id` is the host's own, for removing it again."""

    url: str = attrs.field(repr=False)
    id: str


class Host(Protocol):
    """A place that lends files a public address. Raises only core's errors."""

    def put(self, content: BinaryIO, media_type: str) -> Hosted:
        """Make a copy under a name that nobody can guess. Nothing is left there when this fails, as far as it can."""

    def remove(self, copy: str) -> None:
        """Remove a copy by its id. Nothing happens if it is not there."""

    def sweep(self, before: datetime) -> int:
        """Remove every copy of Storyline's that was made before then, however many there are; how many there were."""

    def check(self) -> str:
        """Look whether it can be used; one line for a person."""


def host_of(settings: Cloudinary | None, now: Callable[[], datetime]) -> Host | None:
    """The host that the settings name, if any."""
    if settings is None:
        return None
    from storyline_instagram.hosting.cloudinary import CloudinaryHost

    return CloudinaryHost(settings, now)


def needed(host: Host | None, name: str, what: str) -> Host:
    """The host. Raises `NeedsPerson` when there is none."""
    if host is None:
        raise NeedsPerson(
            f"{what} can only be published with a public address, and the publisher {name} has no host.",
            remedy=f'Add [publishers.{name}.host] with kind = "cloudinary" to the settings.',
        )
    return host
