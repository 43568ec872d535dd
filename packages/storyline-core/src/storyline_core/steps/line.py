"""An account's line: the account with the opened things that its posts go through, and how to call them safely."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO, TypeVar

import attrs

from storyline_core.accounts import Account, Mode
from storyline_core.agenda import REHEARSED_BEFORE, Standing
from storyline_core.errors import NotFound, PluginFault, Refused, StorylineError, Unavailable, Uncertain
from storyline_core.interfaces import Draft, Gone, InProgress, Notifier, Published, Publisher, Ready, Traits
from storyline_core.media import MediaItem
from storyline_core.posts import Handle, Message, Origin, Post, PostEvent
from storyline_core.redaction import scrub, trace_of
from storyline_core.store import AccountState, Store, Unit

log = logging.getLogger("storyline")

Answer = TypeVar("Answer")

ANSWERS = (Published, Ready, InProgress, Gone)
"""What `find` may say."""


@attrs.frozen
class Line:
    """One account with its opened notifier and publisher (None where it has none).

    `open_item` gives an item's bytes, `preview_of` what opens it in small, if anything does. `tell_changed` tells
    plugins that a post has moved. `holder` names this process for claims. `resting_sources` are switched off.
    `publisher_was` and `notifier_was` are the names of these two before they were renamed.
    """

    account: Account
    store: Store
    clock: Callable[[], datetime]
    holder: str
    open_item: Callable[[MediaItem], BinaryIO]
    tell_changed: Callable[[Post], None]
    notifier: Notifier | None = None
    publisher: Publisher | None = None
    publisher_traits: Traits = attrs.field(factory=Traits)
    resting_sources: frozenset[str] = frozenset()
    notifier_fault: PluginFault | None = None
    publisher_fault: PluginFault | None = None
    publisher_was: str | None = None
    notifier_was: str | None = None
    preview_of: Callable[[MediaItem], Callable[[], BinaryIO] | None] = lambda item: None

    def team(self) -> Notifier:
        """The opened notifier. Raises what kept it from opening."""
        if self.notifier is None:
            raise _by_the_stage(self.notifier_fault) or Unavailable(f"{self.account.name} has no notifier.")
        return self.notifier

    def outlet(self) -> Publisher:
        """The opened publisher. Raises what kept it from opening."""
        if self.publisher is None:
            raise _by_the_stage(self.publisher_fault) or Unavailable(f"{self.account.name} has no publisher.")
        return self.publisher

    def prepared(self, handle: Handle | None) -> bool:
        """Whether a handle comes from the account's present publisher; another one knows nothing about it."""
        names = (self.account.publisher, self.publisher_was)
        return handle is not None and self.account.publisher is not None and handle.publisher in names

    def showed(self, message: Message | None) -> bool:
        """Whether a card is one of the account's present notifier."""
        names = (self.account.notifier, self.notifier_was)
        return message is not None and self.account.notifier is not None and message.notifier in names

    def in_use(self) -> Account:
        """The account with only those of its sources that are switched on."""
        sources = tuple(source for source in self.account.sources if source not in self.resting_sources)
        return attrs.evolve(self.account, sources=sources)

    def needs_no_person(self) -> bool:
        """Whether only items that need nobody can go out: an automatic account without a team."""
        return self.account.mode is Mode.AUTO and self.account.notifier is None


def _by_the_stage(fault: PluginFault | None) -> PluginFault | None:
    """What kept a thing from opening, never as something that an item could be blamed for."""
    return Unavailable(str(fault)) if isinstance(fault, Refused | Uncertain) else fault


def guarded(
    call: Callable[[], Answer],
    what: str,
    *,
    otherwise: type[PluginFault],
    gives: type | tuple[type, ...] = object,
) -> Answer:
    """Call a plugin. Its own four errors pass; anything else is a mistake in it, and becomes `otherwise`.

    So does an answer that is none of what it `gives` by contract.
    """
    try:
        answer = call()
    except PluginFault:
        raise
    except StorylineError as error:
        raise otherwise(f"{what} failed: {scrub(str(error))}") from error
    except Exception as error:
        log.warning("%s raised %s, which no plugin may:\n%s", what, type(error).__name__, trace_of(error))
        raise otherwise(f"{what} failed: {type(error).__name__}: {scrub(str(error))}") from error
    if not isinstance(answer, gives):
        raise otherwise(f"{what} answered with {type(answer).__name__}, which means nothing here.")
    return answer


def draft_of(line: Line, unit: Unit, post: Post, *, reminder: bool = False) -> Draft:
    """Everything that a card or a publication of this post needs. Raises `NotFound` when it has no item."""
    if post.item_id is None:
        raise NotFound(f"Post {post.id} has no picture or video.")
    item = unit.library.item(post.item_id)
    return Draft(
        post=post,
        item=item,
        zone=line.account.schedule.zone,
        open_media=lambda: line.open_item(item),
        last_posted_at=unit.queue.last_posted_at(item.id, post.account),
        reminder=reminder,
        publishable=line.account.publisher is not None,
        quiet_hours=not unit.accounts.state(post.account).quiet_off,
        open_preview=line.preview_of(item),
    )


def standing_of(line: Line, unit: Unit, post: Post, state: AccountState, now: datetime) -> Standing:
    """What is true around a post just now, read from the store."""
    item = unit.library.item(post.item_id) if post.item_id is not None else None
    return Standing(
        needs_person=item.description.requires_interaction if item else False,
        sendable=item.media_type in line.publisher_traits.media_rules.media_types if item else True,
        unfit=_unfit(line, unit, post, item, now),
        stopped=stopped_because(state, now),
        trouble=state.stopped_why,
        has_notifier=line.account.notifier is not None,
        has_publisher=line.account.publisher is not None,
        foreign=post.handle is not None and not line.prepared(post.handle),
        can_look=can_look(line, post),
        reminders=not state.reminders_off,
        unrehearsed=_unrehearsed(line, unit, post, now),
    )


def _unrehearsed(line: Line, unit: Unit, post: Post, now: datetime) -> bool:
    """Whether the publisher could still be asked if this post will work: not since it has its present item."""
    if not line.publisher_traits.rehearses or not timedelta() < post.due_at - now <= REHEARSED_BEFORE:
        return False
    asked = [entry.event for entry in unit.queue.journal(post.id) if entry.event in _ITEM_JUDGED]
    return not asked or asked[-1] == PostEvent.SWAP


_ITEM_JUDGED = frozenset({PostEvent.REHEARSE, PostEvent.SWAP})


def can_look(line: Line, post: Post) -> bool:
    """Whether the publisher can tell how a publishing of this post ended that nobody saw."""
    return line.publisher_traits.publishes_at_most_once and line.prepared(post.handle)


def _unfit(line: Line, unit: Unit, post: Post, item: MediaItem | None, now: datetime) -> str:
    if item is None:
        return "it has no picture or video"
    return _gone(item) or _not_for(line, item) or _held(unit, post, item, now)


def _gone(item: MediaItem) -> str:
    if item.removed_at is not None:
        return f"{item.name} was removed from {item.source}"
    if item.missing_since is not None:
        return f"{item.name} cannot be found in {item.source}"
    return f"{item.name} {item.problem}" if item.problem else ""


def _not_for(line: Line, item: MediaItem) -> str:
    if item.source not in line.account.sources or item.source in line.resting_sources:
        return f"the source {item.source} is not in use"
    if line.account.notifier is None and item.description.requires_interaction:
        return f"{item.name} needs a person to post it, and {line.account.name} has no team"
    if line.account.notifier is None and item.media_type not in line.publisher_traits.media_rules.media_types:
        return f"{item.name} is {item.media_type}, which the publisher cannot send, and {line.account.name} has no team"
    return ""


def _held(unit: Unit, post: Post, item: MediaItem, now: datetime) -> str:
    # Whoever asked for a post beside the slots has overridden what holds its item.
    if post.origin is Origin.SCHEDULE:
        for hold in unit.holds.active(now, item=item.id, account=post.account):
            if hold.until is None or hold.until > post.slot_at:
                return f"{item.name} is held ({hold.reason})"
    return ""


def stopped_because(state: AccountState, now: datetime) -> str:
    """Why the account's line stands still, or "" while it runs."""
    if state.paused:
        return "the account is paused"
    if state.stopped_until is not None and state.stopped_until > now:
        return state.stopped_why
    return ""


def bring_level(line: Line, message: Message | None, post: Post) -> None:
    """Show a card's people how its post stands now; a failure is logged and goes no further."""
    notifier = line.notifier
    if notifier is None or message is None or not line.showed(message):
        return
    try:
        guarded(lambda: notifier.update(message, post), "The notifier's update", otherwise=Uncertain)
    except PluginFault as error:
        log.warning("The card of post %s could not be brought level: %s", post.id, error)


def discard(line: Line, handle: Handle) -> None:
    """Throw away what a preparation left behind; a failure is logged and goes no further."""
    publisher = line.publisher
    if publisher is None or not line.prepared(handle):
        return
    try:
        guarded(lambda: publisher.discard(handle), "Clearing up after a post", otherwise=Unavailable)
    except PluginFault as error:
        log.warning("What was prepared could not be discarded: %s", error)


class ItemFailed(PluginFault):
    """A plugin's mistake while it prepared an item: counted against the item, as the safest reading of it."""
