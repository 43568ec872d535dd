"""What a plugin provides: the protocols of opened things, the kinds that open them, and what core lends them.

Core calls these without any transaction open, never two at once on the same opened thing, and expects only the four
errors under `storyline_core.errors.PluginFault`. Anything else is taken for a mistake in the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import BinaryIO, Generic, Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

import attrs

from storyline_core.hints import Hint
from storyline_core.media import Fingerprint, ListedFile, Listing, MediaItem, Provenance, Unread
from storyline_core.posts import Handle, Message, Post, PostEvent, Publication


class Contract(StrEnum):
    """Which of the three contracts a kind fulfils."""

    SOURCE = "source"
    NOTIFIER = "notifier"
    PUBLISHER = "publisher"


class PrivateState(Protocol):
    """A small encrypted memory of the plugin's own, for refreshed tokens and the like. Survives restarts."""

    def get(self, name: str) -> str | None:
        """The stored text, or None."""

    def set(self, name: str, value: str) -> None:
        """Store a text under a name, encrypted at rest. Raises `NeedsPerson` when no key is configured."""

    def delete(self, name: str) -> None:
        """Forget it; nothing happens if there is nothing."""


@attrs.frozen
class Runtime:
    """What the runner lends to an opened thing: its name in the settings, the clock, and its private state.

    `controls` are lent to a notifier, for what it has to know outside of `listen` and `poll_once` as well: to show a
    card again it needs the post's draft. To be used in the thread that calls the notifier.
    """

    name: str
    now: Callable[[], datetime]
    state: PrivateState
    controls: Controls | None = None


@runtime_checkable
class MediaSourceProvider(Protocol):
    """A place where people keep pictures and videos.

    Only `list_media` and `open_media` must be written; inherit `defaults.SourceDefaults` for the rest.
    """

    def list_media(self, cursor: str | None) -> Listing:
        """Everything there is, without reading contents; or, where the kind can, what changed since the cursor.

        Raises `Unavailable` only when the root or service as a whole cannot be used; a part that cannot be read is
        named in the listing's `unseen` and `problems`. Claims never more coverage than was seen.

        A cursor that is not (or no longer) known is answered with the full listing, or with `Refused`: core then asks
        again without one. Changes may be told twice and in any order, each with what is there now; the cursor of a
        listing is taken before it is made, so that what changes meanwhile is told next time.
        """

    def open_media(self, key: str) -> BinaryIO:
        """The bytes of one file, seekable, to be closed by the caller. Raises `Refused` when it is not there."""

    def fingerprint(self, entries: Sequence[ListedFile]) -> Iterator[Fingerprint | Unread]:
        """One answer for every entry, in any order, each file read once."""

    def identity(self, establish: bool) -> str | None:
        """What makes this very source recognisable, or None if it has nothing of the kind.

        `establish` allows a marker to be written where there is none; it is False while items are alive and in
        every dry run.
        """

    def confirm_absent(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys that are certainly not there any more, looked at again one by one or in batches."""


class Watch(Protocol):
    """A watch that is kept over a source. Used by one thread, the one that syncs the source."""

    def wait(self, timeout: timedelta, stop: Callable[[], bool]) -> Hint | None:
        """Where something may have changed since the last call, once it has been quiet there for a moment.

        A moment is half a second; a place that never comes to rest is told after ten seconds. None when `timeout`
        passed or `stop()` became True without a hint. Raises `Unavailable` when the watch is lost.
        """


@runtime_checkable
class WatchableSource(MediaSourceProvider, Protocol):
    """A source that can say by itself where something changed. Its kind has the trait `watches`."""

    def watch(self) -> AbstractContextManager[Watch]:
        """Begin to watch; what changes from then on is told, nothing from before.

        Raises `Refused` where watching cannot work (a network disk, too few watches), with why and what to do.
        """

    def list_part(self, hint: Hint) -> Listing:
        """What is there now in the places of a hint: a listing of mode `SUBTREE`.

        Every key of the hint is spoken of: listed, in `gone` if it is certainly not there, or in `unseen`. `scope` are
        the folders that were listed whole; one that is gone is in it with nothing listed below. A key may turn out to
        be a folder, and a folder to be a file. For `hint.everything` it is the full listing. Raises as `list_media`
        does. Core asks with hints of its own as well: for the places from which a new file may have come.
        """


@runtime_checkable
class WritableSource(MediaSourceProvider, Protocol):
    """A source into which new files can be put. Its kind has the trait `writes`."""

    def store_media(self, folder: str, name: str, content: BinaryIO, *, provenance: Provenance | None = None) -> str:
        """Put a new file into a folder (`""` is the root; made if it is not there) and return its key.

        Nothing is ever written over: where the name is taken, ` (2)` follows it, and so on. The file is there whole or
        not at all. `provenance` is noted on the file where the place can, and passed over elsewhere. Raises `Refused`
        for a name that is no picture's or video's or could lead out of the folder, `NeedsPerson` when there is no room
        or no permission, `Unavailable` when the place cannot be reached.
        """


@attrs.frozen
class Draft:
    """One post with everything a notifier or publisher needs to show it or to send it.

    `revision` is what buttons must carry. `open_media` gives the original bytes; `open_preview`, where the source has
    one, a small picture of them (`abilities.PreviewingSource`). `zone` is the account's. `reminder` marks a second card
    for the same post. `publishable`: the account can publish it by interface. `quiet_hours` False: the team has
    switched its quiet hours off.
    """

    post: Post
    item: MediaItem
    zone: ZoneInfo
    open_media: Callable[[], BinaryIO]
    last_posted_at: datetime | None = None
    reminder: bool = False
    publishable: bool = False
    quiet_hours: bool = True
    open_preview: Callable[[], BinaryIO] | None = None

    @property
    def revision(self) -> int:
        """The revision that buttons and commands of this card carry."""
        return self.post.revision


class AlertLevel(StrEnum):
    """How urgent an alert is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@attrs.frozen
class Alert:
    """Something a person should know: what is wrong, and what to do. `cleared` tells that it is mended."""

    key: str
    level: AlertLevel
    text: str
    remedy: str = ""
    cleared: bool = False


@attrs.frozen
class Decision:
    """What a person wants to happen to a post. `revision` None means: as it is now.

    `person` is `notifier:id`, as in `telegram:123456789` (or `cli:name`); `name` is how to show them. `until` belongs
    to a snooze. `message` is the card on which it was decided, if any.
    """

    post_id: str
    event: PostEvent
    person: str
    revision: int | None = None
    name: str = ""
    username: str | None = None
    why: str = ""
    until: datetime | None = None
    message: Message | None = None


class Controls(Protocol):
    """What a notifier may ask of core on behalf of people."""

    def decide(self, decision: Decision) -> Post:
        """Carry out a decision. Raises `Stale`, `NotAllowed` or `NotFound`; their texts are for the person."""

    def post(self, post_id: str) -> Post:
        """One post as it is now. Raises `NotFound`."""

    def draft(self, post_id: str) -> Draft:
        """One post with its item, for showing it again. Raises `NotFound`."""


@runtime_checkable
class Notifier(Protocol):
    """A way to reach the team. Inherit `defaults.NotifierDefaults` where there is nothing to listen to."""

    def offer(self, draft: Draft) -> Message:
        """Show the post to the team. Raises `Uncertain` when it may have been shown."""

    def update(self, message: Message, post: Post) -> None:
        """Bring a shown card level with the post: its outcome, by whom, when."""

    def alert(self, alert: Alert) -> None:
        """Tell the people who look after Storyline."""

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Take decisions until `stop()` is True; returns within a second or two of it."""

    def poll_once(self, controls: Controls) -> int:
        """Take the decisions that are waiting, and return how many there were."""

    def check(self) -> str:
        """Look whether it works, without disturbing anybody; one line for a person. Raises what is wrong."""


@attrs.frozen
class Published:
    """It is live, and this is the proof."""

    publication: Publication


@attrs.frozen
class Ready:
    """It did not happen; this very handle can be published."""


@attrs.frozen
class InProgress:
    """It is still being worked on there; ask again after a while."""

    retry_after: timedelta


@attrs.frozen
class Gone:
    """It did not happen and this handle never will; a new one is safe. `why` says what became of it."""

    why: str = ""


Found = Published | Ready | InProgress | Gone


@runtime_checkable
class Publisher(Protocol):
    """A way to publish a story without a person. Inherit `defaults.PublisherDefaults` for what many do not need."""

    def prepare(self, draft: Draft) -> Handle:
        """Do everything that can be repeated (fit, upload), and say how to publish it. Raises `Refused` with why."""

    def publish(self, handle: Handle) -> Publication:
        """The single, unrepeatable call. Publishes one handle at most once, however often it is called.

        Raises `Uncertain` when it may have happened; `Unavailable` or `Refused` only when it certainly has not.
        """

    def find(self, handle: Handle) -> Found:
        """How it stands. Raises `Uncertain` if it cannot be told, `Refused` if no handle of this item will ever do."""

    def discard(self, handle: Handle) -> None:
        """Throw away what `prepare` left behind. Nothing happens if there is nothing."""

    def check(self) -> str:
        """Look whether it works, without publishing; one line for a person. Raises what is wrong."""


@attrs.frozen
class MediaRules:
    """Which real media types a publisher can send. An item of another type goes to the team."""

    media_types: frozenset[str]


ANY_MEDIA = MediaRules(
    frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/quicktime"})
)


@attrs.frozen
class Traits:
    """What core needs to know of a kind, as data. Core never asks for a plugin by name.

    `keys_survive_renames`: keys are stable ids, not paths. `lists_changes`: `list_media` understands a cursor.
    `watches`: the source is a `WatchableSource`. `writes`: the source is a `WritableSource`.
    `publishes_at_most_once`: `publish` of one handle cannot happen twice and `find` tells the truth; where False, a
    person is asked instead. `media_rules`: what a publisher can send. The other abilities (`storyline_core.abilities`):
    `backfills`: a `BackfillingPublisher`; `rehearses`: a `RehearsingPublisher`; `maintains`: it is `Maintained`;
    `previews`: a `PreviewingSource`. `only_alerts`: a notifier that tells alerts and shows no cards.
    `ripens`: what is prepared takes its time; core asks `find` before it publishes, as often as that says.
    """

    keys_survive_renames: bool = False
    lists_changes: bool = False
    watches: bool = False
    writes: bool = False
    backfills: bool = False
    rehearses: bool = False
    maintains: bool = False
    previews: bool = False
    ripens: bool = False
    only_alerts: bool = False
    publishes_at_most_once: bool = True
    media_rules: MediaRules = ANY_MEDIA


Opened_co = TypeVar("Opened_co", covariant=True)


@attrs.frozen
class Kind(Generic[Opened_co]):
    """One kind of source, notifier or publisher that a plugin offers.

    `settings` is a frozen attrs class; a configuration entry of this kind is checked against it before anything
    opens. `open(settings, runtime)` is a context manager that yields the opened thing.
    """

    name: str
    settings: type
    open: Callable[..., AbstractContextManager[Opened_co]]
    traits: Traits = Traits()
    summary: str = ""


SourceKind = Kind[MediaSourceProvider]
NotifierKind = Kind[Notifier]
PublisherKind = Kind[Publisher]
