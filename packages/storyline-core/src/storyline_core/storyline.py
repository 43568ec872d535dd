"""The assembly: the only file that puts settings, plugins, the store and the steps together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial

import attrs

from storyline_core.accounts import Account
from storyline_core.clock import utc_now
from storyline_core.errors import NotFound, StorylineError
from storyline_core.interfaces import Decision, Draft, MediaSourceProvider, Notifier, Publisher
from storyline_core.media import MediaItem
from storyline_core.metadata import Partial
from storyline_core.opening import Opened
from storyline_core.plugins import Plugins, load_plugins
from storyline_core.posts import Post
from storyline_core.redaction import scrub
from storyline_core.settings import Settings, SourceEntry
from storyline_core.steps import beside, curate, foresee, report, team, telling, turn
from storyline_core.steps import check as checks
from storyline_core.steps import decide as deciding
from storyline_core.steps import line as lines
from storyline_core.steps import sync as syncing
from storyline_core.store import Hold, Person, Reason, Store, TeamRole, Unit, open_store

STILL_FOR = timedelta(seconds=2)
"""How long a file must be still before a sync that nobody asked for reads it."""


@attrs.frozen
class Tick:
    """What one turn of everything did: the syncs that were due, and each account's turn."""

    syncs: tuple[report.SyncReport, ...]
    turns: tuple[turn.Turned, ...]
    decisions: int = 0
    errors: tuple[str, ...] = ()


class Storyline:
    """Everything opened and wired. Each method is one step and one telling; nothing is decided here.

    Made by `open_storyline`; not to be shared between threads.
    """

    def __init__(
        self, settings: Settings, plugins: Plugins, store: Store, stack: ExitStack, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.store = store
        self.clock = clock
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self._opened = Opened(settings, plugins, store, stack, clock, self.holder)

    def read(self) -> AbstractContextManager[Unit]:
        """A read-only look at the store: items, posts, holds, people, runs."""
        return self.store.read()

    def sync(self, name: str, request: report.SyncRequest | None = None) -> report.SyncReport:
        """Bring the library level with one source. Raises `NotFound`, `Busy`, `Unavailable`, `NeedsPerson`."""
        request = request or report.SyncRequest()
        teller = partial(self._line_of_source, name, contact=not request.dry_run)
        try:
            done = syncing.sync(self._opened.source_line(name), request)
        except StorylineError as error:
            if not request.dry_run:
                telling.tell_of_failure(teller, name, error, self.clock())
            raise
        telling.tell_of_report(self.store, teller, done, self.clock())
        return done

    def tick(self, stop: Callable[[], bool] = lambda: False) -> Tick:
        """One turn of everything that is due: decisions that wait, syncs, then every account.

        Once `stop()` is True the step in hand is finished and the rest is left for the next turn.
        """
        now = self.clock()
        syncs, errors = [], []
        for name in self.due_sources(now):
            if stop():
                break
            try:
                syncs.append(self.sync(name, report.SyncRequest(still_for=STILL_FOR, triggered_by="scheduler")))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        decisions = 0
        for name in self.settings.notifiers:
            try:
                decisions += self._opened.poll(name, ControlsOf(self, name))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        turns = []
        for name in self.settings.accounts:
            if stop():
                break
            try:
                turns.append(turn.turn(self.line(name), self.clock()))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        return Tick(syncs=tuple(syncs), turns=tuple(turns), decisions=decisions, errors=tuple(errors))

    def due_sources(self, now: datetime) -> tuple[str, ...]:
        """The sources that are switched on and whose interval has passed since they were last looked at."""
        with self.store.read() as unit:
            records = {name: unit.sources.get(name) for name in self.settings.sources}
        running = [each for each in self.settings.sources.values() if each.enabled and not records[each.name].paused]
        return tuple(each.name for each in running if _due(records[each.name].last_tried_at, each.sync_interval, now))

    def would_do(self, account: str) -> tuple[foresee.WouldDo, ...]:
        """What a turn of this account would do now. Writes nothing, contacts nobody."""
        return foresee.would_do(self.line(account, contact=False), self.clock())

    def plan(self, account: str, days: int = 30) -> tuple[foresee.Foreseen, ...]:
        """What the account will post within so many days, and why. Writes nothing, contacts nobody."""
        now = self.clock()
        return foresee.foresee(self.line(account, contact=False), now, now + timedelta(days=days))

    def decide(self, decision: Decision) -> Post:
        """Carry out a person's decision. Raises `Stale`, `NotAllowed` or `NotFound`."""
        return deciding.decide(self._line_of_post(decision.post_id), decision, self.clock())

    def post(self, post_id: str) -> Post:
        """One post as it is now; a unique beginning of its id is enough. Raises `NotFound`."""
        with self.store.read() as unit:
            return unit.queue.get(post_id)

    def draft(self, post_id: str) -> Draft:
        """One post with its item, for showing it again. Raises `NotFound`."""
        account = self._line_of_post(post_id)
        with self.store.read() as unit:
            return lines.draft_of(account, unit, unit.queue.get(post_id))

    def post_beside(self, account: str, *, by: str, item_id: int | None = None, at: datetime | None = None) -> Post:
        """Add a post beside the slots: the next in order or a chosen item, now or at a time."""
        return beside.add_beside(self.line(account, contact=False), self.clock(), by=by, item_id=item_id, at=at)

    def turn_post(self, post_id: str) -> Post:
        """Do at once what one post needs now, instead of waiting for the next turn."""
        account = self._line_of_post(post_id)
        turn.advance_post(account, self.post(post_id), self.clock())
        return self.post(post_id)

    def edit_item(self, item_id: int, says: Partial, *, by: str, reset: Sequence[str] = ()) -> MediaItem:
        """Let a person's word win over the files, per field."""
        return curate.edit_item(self.store, item_id, says, self.clock(), by=by, reset=reset)

    def hold_item(
        self,
        item_id: int,
        *,
        by: str,
        until: datetime | None = None,
        account: str | None = None,
        reason: Reason = Reason.MANUAL,
    ) -> Hold:
        """Keep an item and its twins out of an account (None: all) until then (None: for ever)."""
        if account is not None:
            self._account(account)
        return curate.hold(self.store, item_id, self.clock(), by=by, until=until, account=account, reason=reason)

    def release_item(self, item_id: int, *, by: str) -> curate.Released:
        """End every hold that matches the item."""
        return curate.release(self.store, item_id, self.clock(), by=by)

    def set_paused(self, account: str, paused: bool) -> None:
        """Stop or restart an account's line."""
        self._account(account)
        curate.set_paused(self.store, account, paused)

    def set_source_paused(self, source: str, paused: bool) -> None:
        """Switch a source off or on: it is not looked at, and its items are not chosen."""
        self._entry(source)
        with self.store.begin() as unit:
            unit.sources.set_paused(source, paused)

    def source_entry(self, name: str) -> SourceEntry:
        """A source as the settings describe it. Raises `NotFound`."""
        self._entry(name)
        return self.settings.sources[name]

    def prune(self, source: str, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Forget a source's items that were removed longer ago than that and that nothing refers to. How many."""
        return curate.prune(self.store, source, older_than, self.clock(), dry_run=dry_run)

    def rename_source(self, old: str, new: str) -> None:
        """Carry everything known of a source over to a new name."""
        curate.rename_source(self.store, old, new)

    def set_role(self, person: str, role: TeamRole) -> Person:
        """Promote or demote somebody (`notifier:id`), seen before or not."""
        return team.set_role(self.store, person, role)

    def set_active(self, person: str, active: bool) -> Person:
        """Let somebody decide, or keep them from it."""
        return team.set_active(self.store, person, active)

    def set_team(self, person: str, name: str) -> Person:
        """Put somebody into a team; "" takes them out of it."""
        return team.set_team(self.store, person, name)

    def check(self) -> checks.Health:
        """Look at everything that must work, without disturbing anybody."""
        now = self.clock()
        entries = self.settings.sources
        resting = frozenset(name for name, entry in entries.items() if not entry.enabled)
        accounts = self.settings.accounts.values()
        return checks.Health(
            (
                checks.Check("database", checks.Status.HEALTHY, self.store.place),
                *(
                    checks.check_source(self.store, each.name, each.sync_interval, each.enabled, now)
                    for each in entries.values()
                ),
                *(checks.check_probe(probe) for probe in self._probes()),
                *(checks.check_account(self.store, account, resting, now) for account in accounts),
                *(row for account in accounts for row in checks.check_mix(self.store, account, now)),
                *checks.check_plugins(self.plugins),
                *checks.check_alerts(self.store),
            )
        )

    def line(self, account: str, *, contact: bool = True) -> lines.Line:
        """An account with its opened notifier and publisher; unopened ones where nobody will be contacted."""
        return self._opened.line(self._account(account), contact)

    def opened_source(self, name: str) -> MediaSourceProvider:
        """A source, opened. Raises what keeps it from opening."""
        return self._opened.source(name)

    def opened_notifier(self, name: str) -> Notifier:
        """A notifier, opened. Raises what keeps it from opening."""
        return self._opened.notifier(name)

    def opened_publisher(self, name: str) -> Publisher:
        """A publisher, opened. Raises what keeps it from opening."""
        return self._opened.publisher(name)

    def _probes(self) -> Iterator[checks.Probe]:
        for name in self.settings.notifiers:
            yield checks.Probe(f"notifier {name}", lambda name=name: self.opened_notifier(name).check())  # type: ignore[misc]
        for name in self.settings.publishers:
            yield checks.Probe(f"publisher {name}", lambda name=name: self.opened_publisher(name).check())  # type: ignore[misc]

    def _line_of_source(self, source: str, *, contact: bool) -> lines.Line | None:
        """The line of an account that uses the source, one with a notifier if there is any."""
        using = [account for account in self.settings.accounts.values() if source in account.sources]
        using.sort(key=lambda account: account.notifier is None)
        return self.line(using[0].name, contact=contact) if using else None

    def _line_of_post(self, post_id: str) -> lines.Line:
        return self.line(self.post(post_id).account)

    def _account(self, name: str) -> Account:
        try:
            return self.settings.accounts[name]
        except KeyError:
            known = ", ".join(self.settings.accounts) or "none"
            raise NotFound(f"There is no account {name} in the settings (there is: {known}).") from None

    def _entry(self, name: str) -> None:
        if name not in self.settings.sources:
            known = ", ".join(self.settings.sources) or "none"
            raise NotFound(f"There is no source {name} in the settings (there is: {known}).")


@attrs.frozen
class ControlsOf:
    """What one notifier may ask: only posts of the accounts it serves exist for it."""

    storyline: Storyline
    notifier: str

    def decide(self, decision: Decision) -> Post:
        """Carry out a decision on a post of this notifier's accounts. Raises `Stale`, `NotAllowed` or `NotFound`."""
        self._refuse_strange(decision.post_id)
        return self.storyline.decide(decision)

    def post(self, post_id: str) -> Post:
        """One post of this notifier's accounts as it is now. Raises `NotFound`."""
        self._refuse_strange(post_id)
        return self.storyline.post(post_id)

    def draft(self, post_id: str) -> Draft:
        """One post of this notifier's accounts with its item. Raises `NotFound`."""
        self._refuse_strange(post_id)
        return self.storyline.draft(post_id)

    def _refuse_strange(self, post_id: str) -> None:
        account = self.storyline.settings.accounts.get(self.storyline.post(post_id).account)
        if account is None or account.notifier != self.notifier:
            raise NotFound(f"There is no post {post_id}.")


def _due(last: datetime | None, interval: timedelta, now: datetime) -> bool:
    return last is None or last + interval <= now


@contextmanager
def open_storyline(
    settings: Settings,
    *,
    plugins: Plugins | None = None,
    clock: Callable[[], datetime] = utc_now,
    read_only: bool = False,
) -> Iterator[Storyline]:
    """Open the database and make everything in the settings ready for use; nothing is contacted yet.

    An embedded database is brought to the present schema by itself. With `read_only` nothing at all is written, so
    the database must exist. Raises `StoreUnavailable` or `SchemaMismatch` with what to do.
    """
    with ExitStack() as stack:
        store = open_store(settings.database_url, read_only=read_only)
        stack.callback(store.close)
        if not read_only:
            store.ensure_schema()
            _carry_over_names(store, settings)
        yield Storyline(settings, plugins or load_plugins(), store, stack, clock)


def _carry_over_names(store: Store, settings: Settings) -> None:
    """Let what was renamed in the settings keep its items, posts, holds and private state."""
    renamed = [
        *(("sources", each.renamed_from, each.name) for each in settings.sources.values() if each.renamed_from),
        *(("notifiers", each.renamed_from, each.name) for each in settings.notifiers.values() if each.renamed_from),
        *(("publishers", each.renamed_from, each.name) for each in settings.publishers.values() if each.renamed_from),
    ]
    if not renamed and not any(account.renamed_from for account in settings.accounts.values()):
        return
    with store.begin() as unit:
        for group, old, new in renamed:
            unit.secrets.rename_owner(f"{group}/{old}", f"{group}/{new}")
        for source in settings.sources.values():
            if source.renamed_from:
                unit.sources.rename(source.renamed_from, source.name)
        for account in settings.accounts.values():
            if account.renamed_from:
                unit.accounts.rename(account.renamed_from, account.name)
