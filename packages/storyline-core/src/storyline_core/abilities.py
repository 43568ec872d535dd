"""Abilities: what an opened thing may do beyond its contract. A trait of its kind says which it has.

The rules of `storyline_core.interfaces` hold here as well: no transaction is open while these are called, never two at
once on the same opened thing, and only the four errors under `PluginFault` are expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol, runtime_checkable

import attrs

from storyline_core.interfaces import Alert, Draft, Publisher


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
class RehearsingPublisher(Publisher, Protocol):
    """A publisher that can tell beforehand whether a post will work. Its kind has the trait `rehearses`."""

    def rehearse(self, draft: Draft) -> None:
        """Look whether this post could be published now; leaves nothing behind, shows nobody anything.

        Raises `Refused` when this item will never work (core then swaps it), `NeedsPerson` or `Unavailable` for what
        keeps every post of the account from working.
        """


class PastKind(StrEnum):
    """What an account posted before: posts that stay, or stories that are live now."""

    FEED = "feed"
    STORIES = "stories"


@attrs.frozen
class PastMedia:
    """One picture or video that an account has posted before, as its service tells of it.

    `remote_id` is the service's own id of this very picture (of a child, in an album), `name` a file name for it with
    its ending. `caption` and `permalink` are the post's; `tags` what its text was tagged with.
    """

    remote_id: str
    kind: PastKind
    name: str
    posted_at: datetime
    caption: str = ""
    permalink: str | None = None
    tags: tuple[str, ...] = ()


@attrs.frozen
class PastPage:
    """Some of what was posted before, newest first. `cursor` asks for what follows; None: that was all.

    `unreadable` names, by remote id, what the service does not give the bytes of, and why.
    """

    media: tuple[PastMedia, ...]
    cursor: str | None = None
    unreadable: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class BackfillingPublisher(Publisher, Protocol):
    """A publisher that can fetch what its account posted before. Its kind has the trait `backfills`."""

    def past_media(self, kind: PastKind, since: datetime | None, cursor: str | None) -> PastPage:
        """One page of what was posted (not before `since`). Raises `Unavailable` with when to ask again."""

    def open_past(self, media: PastMedia) -> BinaryIO:
        """The bytes, streamed, to be closed by the caller; an address that has expired is fetched anew.

        Raises `Refused` when the service does not give them (any more), `Unavailable` when not now.
        """
