"""What storyline-instagram offers: the publisher `instagram`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from storyline_core import Kind, MediaRules, Publisher, PublisherKind, Runtime, Traits, hookimpl
from storyline_instagram.options import Instagram

RULES = MediaRules(
    frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/quicktime"})
)  # fmt: skip
"""What is published: pictures are made JPEGs of; videos must be MP4 or MOV inside."""


@contextmanager
def open_instagram(settings: Instagram, runtime: Runtime) -> Iterator[Publisher]:
    """Open an Instagram account as a publisher."""
    from storyline_instagram.opened import opened

    with opened(settings, runtime) as publisher:
        yield publisher


@hookimpl
def storyline_publishers() -> Sequence[PublisherKind]:
    """The publisher `instagram`."""
    traits = Traits(backfills=True, rehearses=True, ripens=True, maintains=True, media_rules=RULES)
    summary = "stories on Instagram, through Meta's API"
    return [Kind(name="instagram", settings=Instagram, open=open_instagram, traits=traits, summary=summary)]
