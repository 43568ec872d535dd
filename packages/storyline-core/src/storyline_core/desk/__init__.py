"""The desk: everything that a notifier may do for people beyond cards, in words that no service knows.

The object that core hands to `Notifier.listen` and `poll_once` is a `Desk`. Its accounts are those that the notifier
serves, its sources those that they use; no others exist for it. Every call is safe from any thread, and what is quick
does not wait behind a sync. A person is named by their key, as in `telegram:123456789`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

import attrs

from storyline_core.accounts import Account
from storyline_core.interfaces import Alert, Controls
from storyline_core.media import MediaItem
from storyline_core.posts import Post

if TYPE_CHECKING:
    from storyline_core.health import Health
    from storyline_core.steps.backfilled import BackfillProgress, BackfillReport
    from storyline_core.steps.foresee import Foreseen
    from storyline_core.steps.report import Progress, SyncReport
    from storyline_core.steps.standing import SourceStanding
    from storyline_core.store import Hold, Person, PersonStats, PostView


class Deed(StrEnum):
    """What a person may want of the desk; which role each takes is core's to say."""

    LOOK = "look"
    NEXT = "next"
    HOLD = "hold"
    SYNC = "sync"
    PAUSE = "pause"
    SWITCH = "switch"
    UPLOAD = "upload"
    BACKFILL = "backfill"


@attrs.frozen
class AccountStanding:
    """An account as it is set and switched. `stopped_why` says why its line stands still, "" while it runs.

    `waiting` counts its unsettled posts, `shown` those of them that the team has a card of; `next_at` is when the next
    is due. `backfills`: its publisher can fetch what was published before.
    """

    account: Account
    paused: bool = False
    reminders: bool = True
    quiet_hours: bool = True
    stopped_why: str = ""
    waiting: int = 0
    shown: int = 0
    next_at: datetime | None = None
    backfills: bool = False


@attrs.frozen
class Day:
    """A stretch of an account's life: what was settled in it (in order), what comes next, and what is still wrong."""

    account: Account
    begins: datetime
    ends: datetime
    settled: tuple[PostView, ...] = ()
    ahead: tuple[PostView, ...] = ()
    alerts: tuple[Alert, ...] = ()


@attrs.frozen
class Received:
    """What became of a file that somebody sent.

    `known`: these bytes are in the library already, as `item`, and nothing was stored. Otherwise it lies in the source
    as `key`; `item` is None while another sync keeps it from being indexed at once.
    """

    source: str
    key: str
    item: MediaItem | None
    known: bool = False


@runtime_checkable
class Desk(Controls, Protocol):
    """What a notifier may ask of core on behalf of people, and to keep them informed.

    Calls that name a person raise `NotAllowed`, in words for them, when their role does not reach or they have been
    deactivated; calls that name an account or source raise `NotInSettings` for one that is not of this desk.
    """

    def now(self) -> datetime:
        """The present, in UTC."""

    def meet(self, person: str, name: str, username: str | None) -> Person:
        """Note that somebody acted, with the name they go by now; who they are here."""

    def people(self) -> Sequence[Person]:
        """Everybody who is known."""

    def refuse(self, person: str, deed: Deed) -> None:
        """Raises `NotAllowed` if this person may not do this."""

    def accounts(self) -> tuple[AccountStanding, ...]:
        """How each account stands, in the order of the settings."""

    def sources(self) -> tuple[SourceStanding, ...]:
        """How each source of these accounts stands."""

    def queue(self, account: str) -> Sequence[PostView]:
        """The posts that wait, in the order in which they are due."""

    def history(self, account: str, limit: int = 50) -> Sequence[PostView]:
        """The posts that are settled, latest first."""

    def plan(self, account: str, days: int = 7) -> Sequence[Foreseen]:
        """What will be posted within so many days, and why."""

    def stats(self, person: str | None = None) -> Sequence[PersonStats]:
        """What one person did for these accounts, or everybody who ever decided anything."""

    def health(self) -> Health:
        """Whether everything works that these accounts need. Takes as long as the services take to answer."""

    def day(self, account: str, begins: datetime, ends: datetime) -> Day:
        """What became of an account from then (included) until then, for its digest."""

    def post_now(self, person: str, account: str, item_id: int | None = None, *, wish: str = "") -> Post:
        """Send the next item (or this one) at once, beside the plan; the post as it is then.

        The same `wish` made again (of one message, say, that was heard twice) is the same post.
        """

    def post_on(self, post_id: str) -> Post:
        """Do at once what a post needs now, instead of in the next turn; the post as it is then. Raises `NotFound`."""

    def set_paused(self, person: str, account: str, paused: bool) -> None:
        """Stop or restart an account's line."""

    def set_reminders(self, person: str, account: str, on: bool) -> None:
        """Switch an account's reminders."""

    def set_quiet_hours(self, person: str, account: str, on: bool) -> None:
        """Switch the quiet hours of an account's cards, where the notifier has any."""

    def set_source_paused(self, person: str, source: str, paused: bool) -> None:
        """Switch a source off or on: it is not looked at, and its items are not chosen."""

    def sync(self, person: str, source: str, tell: Callable[[Progress], None]) -> SyncReport:
        """Bring the library level with a source. Raises as `Storyline.sync` does."""

    def backfill(self, person: str, account: str, tell: Callable[[BackfillProgress], None]) -> BackfillReport:
        """Save what an account posted before, into the source that its publisher's settings name.

        Raises `NotAllowed` where it has no publisher that can, or the settings name none, and as `Storyline.backfill`.
        """

    def hold_item(self, person: str, post_id: str, until: datetime | None) -> Hold:
        """Keep the item of a post that was just skipped out of its account until then (None: for ever).

        When that decision is undone, the hold goes with it. Raises `Stale` when the post is not skipped any more.
        """

    def release_item(self, person: str, post_id: str) -> Sequence[Hold]:
        """End what keeps the item of a post back because of this very post; which holds those were."""

    def receive(self, person: str, source: str, name: str, content: BinaryIO, folder: str = "") -> Received:
        """Put a file that somebody sent into a source that can be written to, and index it at once.

        `content` must be seekable. Raises `Refused` for what is no picture or video, and whatever the source raises.
        """

    def claim_digest(self, account: str, due: datetime) -> bool:
        """Take the right to tell the daily digest of this moment: True once, whoever asks and however often."""

    def return_digest(self, account: str, due: datetime) -> None:
        """Give that right back, since the digest could certainly not be told."""
