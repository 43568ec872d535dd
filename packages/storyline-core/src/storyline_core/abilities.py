"""Abilities: what an opened thing may do beyond its contract. A trait of its kind says which it has.

The rules of `storyline_core.interfaces` hold here as well: no transaction is open while these are called, never two at
once on the same opened thing, and only the four errors under `PluginFault` are expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, Protocol, runtime_checkable

from storyline_core.interfaces import Alert, Draft, MediaSourceProvider, Publisher
from storyline_core.past import PastKind, PastMedia, PastPage


@runtime_checkable
class Maintained(Protocol):
    """An opened thing that looks after itself once in a while. Its kind has the trait `maintains`."""

    def maintain(self) -> Sequence[Alert]:
        """Do what is due (refresh a token, sweep up what dead runs left), and say what people should know of it.

        Called when the daemon starts and about hourly, by one process at a time, never in a dry run. Each answer names
        everything that stands: an alert that is missing from the next answer is taken for mended. Keys are the
        plugin's own (`token/expires-in-7`); core puts the entry's name before them.
        """


@runtime_checkable
class PreviewingSource(MediaSourceProvider, Protocol):
    """A source that has files in small, without the whole file being fetched. Its kind has the trait `previews`."""

    def open_preview(self, key: str) -> BinaryIO:
        """A JPEG, PNG or WebP of the picture, or of a moment of the video, a thousand pixels or so on its longer side.

        It is only ever shown to people, where the file itself would be too much; what is published is the file. Raises
        `Refused` where there is none, `Unavailable` when not now.
        """


@runtime_checkable
class RehearsingPublisher(Publisher, Protocol):
    """A publisher that can tell beforehand whether a post will work. Its kind has the trait `rehearses`."""

    def rehearse(self, draft: Draft) -> None:
        """Look whether this post could be published now; leaves nothing behind, shows nobody anything.

        Raises `Refused` when this item will never work (core then swaps it), `NeedsPerson` or `Unavailable` for what
        keeps every post of the account from working.
        """


@runtime_checkable
class BackfillingPublisher(Publisher, Protocol):
    """A publisher that can fetch what its account posted before. Its kind has the trait `backfills`."""

    def past_media(self, kind: PastKind, since: datetime | None, cursor: str | None) -> PastPage:
        """One page of what was posted; what is older than `since` may be left out.

        The parts of an album are media of their own, in its order, with the album's caption and permalink. Raises
        `Unavailable`, with when to ask again where the service says so, and `Refused` for a cursor that is not known
        any more: core then begins at the top.
        """

    def open_past(self, media: PastMedia) -> BinaryIO:
        """The bytes, streamed, to be closed by the caller; an address that has expired is fetched anew.

        A reading that ends too early raises `Unavailable`, as does every later one. Raises `Refused` when the service
        does not give them (any more), `Unavailable` when not now.
        """
