"""An account's line: the account with the opened things that its posts go through, and how to call them safely."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO, TypeVar

import attrs

from storyline_core.accounts import Account, Mode
from storyline_core.agenda import Standing
from storyline_core.errors import NeedsPerson, NotFound, PluginFault, StorylineError, Unavailable, Uncertain
from storyline_core.interfaces import Alert, AlertLevel, Draft, Notifier, Publisher, Traits
from storyline_core.media import MediaItem
from storyline_core.posts import Handle, Message, Post
from storyline_core.redaction import scrub
from storyline_core.store import AccountState, Store, Unit

log = logging.getLogger("storyline")

Answer = TypeVar("Answer")

LONGEST_TRACE = 8_000
"""How many characters of a plugin's traceback go into the log."""

STOPPED_FOR = timedelta(minutes=1)
"""How long a line stands still after a service did not answer and did not say when it will."""

STOPPED_FOR_PERSON = timedelta(minutes=15)
"""How long a line that needs a person stands still before it looks again."""


@attrs.frozen
class Line:
    """One account with its opened notifier and publisher (None where it has none).

    `configured` are the sources that are in the settings and switched on. `open_item` gives an item's bytes.
    `tell_changed` tells plugins that a post has moved. `holder` names this process for claims.
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

    def team(self) -> Notifier:
        """The opened notifier. Raises what kept it from opening."""
        if self.notifier is None:
            raise self.notifier_fault or Unavailable(f"The account {self.account.name} has no notifier.")
        return self.notifier

    def outlet(self) -> Publisher:
        """The opened publisher. Raises what kept it from opening."""
        if self.publisher is None:
            raise self.publisher_fault or Unavailable(f"The account {self.account.name} has no publisher.")
        return self.publisher

    def in_use(self) -> Account:
        """The account with only those of its sources that are switched on."""
        sources = tuple(source for source in self.account.sources if source not in self.resting_sources)
        return attrs.evolve(self.account, sources=sources)

    def needs_no_person(self) -> bool:
        """Whether only items that need nobody can go out: an automatic account without a team."""
        return self.account.mode is Mode.AUTO and self.account.notifier is None


def guarded(call: Callable[[], Answer], what: str, *, otherwise: type[PluginFault]) -> Answer:
    """Call a plugin. Its own four errors pass; anything else is a mistake in it, and becomes `otherwise`."""
    try:
        return call()
    except PluginFault:
        raise
    except StorylineError as error:
        raise otherwise(f"{what} failed: {scrub(str(error))}") from error
    except Exception as error:
        # Not `exc_info`: a formatted traceback repeats the message, which may hold a token.
        trace = scrub("".join(traceback.format_exception(error)), limit=LONGEST_TRACE)
        log.warning("%s raised %s, which no plugin may:\n%s", what, type(error).__name__, trace)
        raise otherwise(f"{what} failed: {type(error).__name__}: {scrub(str(error))}") from error


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
        can_look=line.publisher_traits.publishes_at_most_once,
    )


def _unfit(line: Line, unit: Unit, post: Post, item: MediaItem | None, now: datetime) -> str:
    if item is None:
        return "it has no picture or video"
    if item.removed_at is not None:
        return f"{item.name} was removed from {item.source}"
    if item.missing_since is not None:
        return f"{item.name} cannot be found in {item.source}"
    if item.problem:
        return f"{item.name} {item.problem}"
    if item.source not in line.account.sources or item.source in line.resting_sources:
        return f"the source {item.source} is not in use"
    if post.origin == "schedule":
        hold = next(iter(unit.holds.active(now, item=item.id, account=post.account)), None)
        if hold is not None and (hold.until is None or hold.until > post.slot_at):
            return f"{item.name} is held ({hold.reason})"
    return ""


def stopped_because(state: AccountState, now: datetime) -> str:
    """Why the account's line stands still, or "" while it runs."""
    if state.paused:
        return "the account is paused"
    if state.stopped_until is not None and state.stopped_until > now:
        return state.stopped_why
    return ""


def stop_line(line: Line, error: PluginFault, now: datetime) -> None:
    """Let the account's posts wait until a service answers again, and tell somebody if only a person can mend it."""
    pause = STOPPED_FOR_PERSON if isinstance(error, NeedsPerson) else STOPPED_FOR
    if isinstance(error, Unavailable) and error.retry_after is not None:
        pause = error.retry_after
    why = scrub(str(error))
    with line.store.begin() as unit:
        unit.accounts.save(line.account.name, stopped_until=now + pause, stopped_why=why)
    if isinstance(error, NeedsPerson):
        raise_alert(
            line,
            f"needs-person/{line.account.name}",
            AlertLevel.ERROR,
            f"{line.account.name}: {why}",
            error.remedy,
            now,
        )


def line_runs(line: Line, now: datetime) -> None:
    """A service answered: what stopped the line is over."""
    with line.store.read() as unit:
        stood = unit.accounts.state(line.account.name).stopped_until is not None
    if stood:
        with line.store.begin() as unit:
            unit.accounts.save(line.account.name, stopped_until=None, stopped_why="")
        clear_alert(line, f"needs-person/{line.account.name}", now)


def raise_alert(line: Line, key: str, level: AlertLevel, text: str, remedy: str, now: datetime) -> None:
    """Record an alert, and tell it once through the account's notifier."""
    # The words of an error that needs a person end with the remedy; nobody should be told it twice.
    text = text.removesuffix(remedy).rstrip()
    with line.store.begin() as unit:
        new = unit.alerts.raise_(key, level=level, text=text, remedy=remedy, at=now)
    told = new and _tell(line, Alert(key=key, level=level, text=text, remedy=remedy))
    urgent = logging.ERROR if level is AlertLevel.ERROR else logging.WARNING
    # What was told before is no news in every turn.
    log.log((logging.INFO if told else urgent) if new else logging.DEBUG, "%s %s", text, remedy)


def clear_alert(line: Line, key: str, now: datetime) -> None:
    """Record that what an alert told is mended, and say so once."""
    with line.store.begin() as unit:
        told = next((alert.text for alert in unit.alerts.open() if alert.key == key), "")
        cleared = unit.alerts.clear(key, at=now)
    if cleared:
        _tell(line, Alert(key=key, level=AlertLevel.INFO, text=told, cleared=True))


def close_alerts(line: Line, prefix: str, now: datetime) -> None:
    """Close every open alert whose key begins so, without telling anybody: something better has been told since."""
    with line.store.begin() as unit:
        for alert in unit.alerts.open():
            if alert.key.startswith(prefix):
                unit.alerts.clear(alert.key, at=now)


def _tell(line: Line, alert: Alert) -> bool:
    notifier = line.notifier
    if notifier is None:
        return False
    try:
        guarded(lambda: notifier.alert(alert), "The notifier's alert", otherwise=Unavailable)
    except PluginFault as error:
        log.warning("An alert could not be told: %s", scrub(str(error)))
        return False
    return True


def bring_level(line: Line, message: Message | None, post: Post) -> None:
    """Show a card's people how its post stands now; a failure is logged and goes no further."""
    notifier = line.notifier
    if notifier is None or message is None:
        return
    try:
        guarded(lambda: notifier.update(message, post), "The notifier's update", otherwise=Uncertain)
    except PluginFault as error:
        log.warning("The card of post %s could not be brought level: %s", post.id, error)


def discard(line: Line, handle: Handle) -> None:
    """Throw away what a preparation left behind; a failure is logged and goes no further."""
    publisher = line.publisher
    if publisher is None:
        return
    try:
        guarded(lambda: publisher.discard(handle), "Clearing up after a post", otherwise=Unavailable)
    except PluginFault as error:
        log.warning("What was prepared could not be discarded: %s", error)


class ItemFailed(PluginFault):
    """A plugin's mistake while it prepared an item: counted against the item, as the safest reading of it."""
