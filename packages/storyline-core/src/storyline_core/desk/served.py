"""The desk of one notifier: only posts of the accounts that it serves exist for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import BinaryIO

import attrs

from storyline_core.accounts import Account
from storyline_core.desk import AccountStanding, Day, Deed, Received
from storyline_core.desk.house import House
from storyline_core.desk.rules import refuse
from storyline_core.desk.siblings import Siblings
from storyline_core.desk.views import alerts_about, day_of, standing_of_account
from storyline_core.errors import Busy, NotAllowed, NotFound, NotInSettings, Refused, Stale
from storyline_core.health import Health
from storyline_core.hints import Hint
from storyline_core.interfaces import Decision, Draft
from storyline_core.media import MediaItem, Provenance
from storyline_core.plugins import Plugins
from storyline_core.posts import Post, PostState
from storyline_core.settings import Settings
from storyline_core.steps import switching
from storyline_core.steps.backfilled import BackfillProgress, BackfillReport
from storyline_core.steps.decide import what_happened
from storyline_core.steps.foresee import Foreseen
from storyline_core.steps.receiving import known_as, store_new
from storyline_core.steps.regularly import regular_request
from storyline_core.steps.report import Progress, SyncReport, SyncRequest
from storyline_core.steps.standing import SourceStanding, stand_of_sources
from storyline_core.store import Hold, Person, PersonStats, PostView, Reason, Store

log = logging.getLogger("storyline")


class DeskOf:
    """The desk in the hands of one notifier; `settings` are as `served_by` gives them. See `desk.Desk`.

    `house` opens everything anew for one thread. What only reads or switches goes to the store itself.
    """

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        store: Store,
        clock: Callable[[], datetime],
        house: Callable[[], AbstractContextManager[House]],
    ) -> None:
        self._settings = settings
        self._plugins = plugins
        self._store = store
        self._clock = clock
        self._houses = Siblings(house)
        self._receiving = threading.Lock()

    def close(self) -> None:
        """Close what was opened."""
        self._houses.close()

    # Cards

    def decide(self, decision: Decision) -> Post:
        """Carry out a decision on a post of these accounts. Raises `Stale`, `NotAllowed` or `NotFound`."""
        self.post(decision.post_id)
        with self._houses.one() as house:
            return house.decide(decision)

    def post(self, post_id: str) -> Post:
        """One post of these accounts as it is now. Raises `NotFound`."""
        with self._store.read() as unit:
            found = unit.queue.get(post_id)
        if found.account not in self._settings.accounts:
            raise NotFound(f"There is no post {post_id}.")
        return found

    def draft(self, post_id: str) -> Draft:
        """One post of these accounts with its item. Raises `NotFound`."""
        self.post(post_id)
        with self._houses.one() as house:
            draft = house.draft(post_id)
        preview = None if draft.open_preview is None else lambda: self._open_preview(post_id)
        return attrs.evolve(draft, open_media=lambda: self._open(draft.item), open_preview=preview)

    def _open(self, item: MediaItem) -> BinaryIO:
        # Whoever opens it does so later, when the things of that draft may be in somebody else's hands.
        with self._houses.one() as house:
            return house.open_item(item)

    def _open_preview(self, post_id: str) -> BinaryIO:
        with self._houses.one() as house:
            opening = house.draft(post_id).open_preview
            if opening is None:
                raise Refused(f"There is no small version of what post {post_id} shows.")
            return opening()

    # People

    def now(self) -> datetime:
        """The present, in UTC."""
        return self._clock()

    def meet(self, person: str, name: str, username: str | None) -> Person:
        """Note that somebody acted; who they are here."""
        with self._store.begin() as unit:
            return unit.people.seen(person, name, username, self._clock())

    def people(self) -> Sequence[Person]:
        """Everybody who is known."""
        with self._store.read() as unit:
            return unit.people.list()

    def refuse(self, person: str, deed: Deed) -> None:
        """Raises `NotAllowed` if this person may not do this."""
        with self._store.read() as unit:
            refuse(deed, person, unit.people.find(person), unit.people.list())

    # Looking

    def accounts(self) -> tuple[AccountStanding, ...]:
        """How each account stands."""
        now = self._clock()
        with self._store.read() as unit:
            return tuple(
                standing_of_account(unit, each, now, backfills=self._backfills(each))
                for each in self._settings.accounts.values()
            )

    def sources(self) -> tuple[SourceStanding, ...]:
        """How each source stands."""
        found = stand_of_sources(self._store, self._settings.sources, self._clock())
        return tuple(each for each in found if each.name in self._settings.sources)

    def queue(self, account: str) -> Sequence[PostView]:
        """The posts that wait, in the order in which they are due."""
        self._account(account)
        with self._store.read() as unit:
            return unit.views.posts(unit.queue.unsettled(account))

    def history(self, account: str, limit: int = 50) -> Sequence[PostView]:
        """The posts that are settled, latest first."""
        self._account(account)
        with self._store.read() as unit:
            return unit.views.posts(unit.queue.history(account, limit=limit))

    def plan(self, account: str, days: int = 7) -> Sequence[Foreseen]:
        """What will be posted within so many days, and why."""
        self._account(account)
        with self._houses.one() as house:
            return house.plan(account, days)

    def stats(self, person: str | None = None) -> Sequence[PersonStats]:
        """What one person did for these accounts, or everybody."""
        with self._store.read() as unit:
            return unit.people.stats(person, accounts=tuple(self._settings.accounts))

    def health(self) -> Health:
        """Whether everything works that these accounts need."""
        with self._houses.one() as house:
            health = house.check()
        with self._store.read() as unit:
            ours = {alert.text for alert in alerts_about(unit, *self._settings.accounts.values())}
        return Health(tuple(check for check in health.checks if check.name != "alert" or check.message in ours))

    def day(self, account: str, begins: datetime, ends: datetime) -> Day:
        """What became of an account in a stretch of time."""
        return day_of(self._store, self._account(account), begins, ends)

    # Doing

    def post_now(self, person: str, account: str, item_id: int | None = None, *, wish: str = "") -> Post:
        """Send the next item (or this one) at once, beside the plan."""
        self.refuse(person, Deed.NEXT)
        self._account(account)
        with self._houses.one() as house:
            post = house.post_beside(account, by=person, item_id=item_id, wish=wish)
            return house.turn_post(post.id, triggered_by="user")

    def post_on(self, post_id: str) -> Post:
        """Do at once what a post of these accounts needs now."""
        self.post(post_id)
        with self._houses.one() as house:
            return house.turn_post(post_id, triggered_by="user")

    def set_paused(self, person: str, account: str, paused: bool) -> None:
        """Stop or restart an account's line."""
        self._switch(person, Deed.PAUSE, account, paused=paused)

    def set_reminders(self, person: str, account: str, on: bool) -> None:
        """Switch an account's reminders."""
        self._switch(person, Deed.SWITCH, account, reminders_off=not on)

    def set_quiet_hours(self, person: str, account: str, on: bool) -> None:
        """Switch the quiet hours of an account's cards."""
        self._switch(person, Deed.SWITCH, account, quiet_off=not on)

    def set_source_paused(self, person: str, source: str, paused: bool) -> None:
        """Switch a source off or on."""
        self.refuse(person, Deed.SWITCH)
        self._source(source)
        switching.switch_source(self._store, source, self._clock(), by=person, paused=paused)

    def sync(self, person: str, source: str, tell: Callable[[Progress], None]) -> SyncReport:
        """Bring the library level with a source."""
        self.refuse(person, Deed.SYNC)
        self._source(source)
        with self._houses.one() as house:
            return house.sync(source, SyncRequest(triggered_by="user", user=person, tell=tell))

    def backfill(self, person: str, account: str, tell: Callable[[BackfillProgress], None]) -> BackfillReport:
        """Save what an account posted before."""
        self.refuse(person, Deed.BACKFILL)
        publisher = self._account(account).publisher
        if publisher is None:
            raise NotAllowed(f"{account} is posted by hand: it has no publisher that could tell of its past.")
        request = regular_request(self._settings.publishers[publisher], triggered_by="user", user=person, tell=tell)
        with self._houses.one() as house:
            return house.backfill(publisher, request)

    def hold_item(self, person: str, post_id: str, until: datetime | None) -> Hold:
        """Keep the item of a post that was just skipped out of its account."""
        self.refuse(person, Deed.HOLD)
        self.post(post_id)
        now = self._clock()
        with self._store.begin() as unit:
            post = unit.queue.get(post_id)
            unit.accounts.lock(post.account)
            post = unit.queue.get(post_id)
            if post.state is not PostState.SKIPPED or post.item_id is None:
                raise Stale(what_happened(post))
            hold = Hold(
                post.item_id, post.digest, post.account, Reason.MANUAL, until, by=person, at=now, post_id=post.id
            )
            return unit.holds.add(hold)

    def release_item(self, person: str, post_id: str) -> Sequence[Hold]:
        """End what keeps the item of a post back because of this very post."""
        self.refuse(person, Deed.HOLD)
        self.post(post_id)
        with self._store.begin() as unit:
            return unit.holds.withdraw(post_id, by=person, at=self._clock())

    def receive(self, person: str, source: str, name: str, content: BinaryIO, folder: str = "") -> Received:
        """Put a file that somebody sent into a source, and index it at once."""
        self.refuse(person, Deed.UPLOAD)
        self._source(source)
        # One after the other, so that the same file sent twice at once is known the second time.
        with self._receiving, self._houses.one() as house:
            if (item := known_as(self._store, content)) is not None:
                return Received(item.source, item.key, item, known=True)
            line = house.source_line(source)
            key = store_new(line, name, content, folder, provenance=Provenance(sent_by=person))
            hint = Hint.of([key]) if line.traits.watches else None
            try:
                house.sync(source, SyncRequest(hint=hint, triggered_by="user", user=person))
            except Busy as error:
                log.info("%s is indexed a little later: %s", key, error)
        with self._store.begin() as unit:
            found = unit.library.item_at(source, key)
            if found is not None:
                unit.library.set_added_by(found.id, person)
        return Received(source, key, found and attrs.evolve(found, added_by=person))

    # Keeping people informed

    def claim_digest(self, account: str, due: datetime) -> bool:
        """Take the right to tell the daily digest of this moment."""
        self._account(account)
        return switching.claim_digest(self._store, account, due)

    def return_digest(self, account: str, due: datetime) -> None:
        """Give that right back."""
        self._account(account)
        switching.return_digest(self._store, account, due)

    def _switch(self, person: str, deed: Deed, account: str, **fields: bool) -> None:
        self.refuse(person, deed)
        self._account(account)
        switching.switch_account(self._store, account, self._clock(), by=person, **fields)

    def _backfills(self, account: Account) -> bool:
        if account.publisher is None:
            return False
        return self._plugins.publisher(self._settings.publishers[account.publisher].kind).traits.backfills

    def _account(self, name: str) -> Account:
        if name not in self._settings.accounts:
            raise NotInSettings(f"There is no account {name} here (there is: {_named(self._settings.accounts)}).")
        return self._settings.accounts[name]

    def _source(self, name: str) -> None:
        if name not in self._settings.sources:
            raise NotInSettings(f"There is no source {name} here (there is: {_named(self._settings.sources)}).")


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
