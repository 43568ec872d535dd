"""The assembly: the only file that puts settings, plugins, the store and the steps together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO
from zoneinfo import ZoneInfo

import attrs

from storyline_core.backfilling import Backfilling
from storyline_core.backups import Backup
from storyline_core.clock import utc_now
from storyline_core.desk import Desk
from storyline_core.desk.desks import Desks
from storyline_core.errors import StorylineError
from storyline_core.health import Check, Health
from storyline_core.holders import holder_here
from storyline_core.interfaces import Decision, Draft, MediaSourceProvider, Notifier, Publisher
from storyline_core.media import MediaItem
from storyline_core.opening import Opened, account_in
from storyline_core.plugins import Plugins, load_plugins
from storyline_core.posts import Post
from storyline_core.redaction import scrub
from storyline_core.rounds import STILL_FOR, Round, next_look
from storyline_core.settings import Settings
from storyline_core.steps import (
    beside,
    foresee,
    listening,
    look_again,
    outward,
    report,
    telling,
    turn,
)
from storyline_core.steps import check as checks
from storyline_core.steps import decide as deciding
from storyline_core.steps import line as lines
from storyline_core.steps import sync as syncing
from storyline_core.steps.backfilled import BackfillReport
from storyline_core.steps.backing_up import back_up
from storyline_core.steps.checkup import ask, look_at_all
from storyline_core.steps.house import House
from storyline_core.steps.maintain import Kept, errors_of, keep_up
from storyline_core.steps.renaming import carry_over_names
from storyline_core.steps.source_line import SourceLine
from storyline_core.steps.standing import SourceStanding, rhythm_of, stand_of_sources
from storyline_core.steps.tenure import give_back
from storyline_core.steps.watching import Watching, watching
from storyline_core.store import Store, open_store


@attrs.frozen
class Tick:
    """What one turn of everything did: the syncs that were due, each account's turn, and the upkeep."""

    syncs: tuple[report.SyncReport, ...]
    turns: tuple[turn.Turned, ...]
    decisions: int = 0
    errors: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    backfills: tuple[BackfillReport, ...] = ()


class Storyline(Backfilling):
    """Everything opened and wired. Each method is one step and one telling; nothing is decided here.

    Made by `open_storyline`; not to be shared between threads.
    """

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        store: Store,
        stack: ExitStack,
        clock: Callable[[], datetime],
        holder: str,
        desks: Desks | None = None,
    ) -> None:
        super().__init__(settings, store, clock)
        self.plugins = plugins
        self.holder = holder
        if desks is None:
            desks = Desks(settings, plugins, store, clock, self._house_of_desk)
            stack.callback(desks.close)
        self._desks = desks
        self._opened = Opened(settings, plugins, store, stack, clock, self.holder, self.desk)

    def sync(self, name: str, request: report.SyncRequest | None = None) -> report.SyncReport:
        """Bring the library level with one source. Raises `NotInSettings`, `Busy`, `Unavailable`, `NeedsPerson`."""
        request = request or report.SyncRequest()
        teller = partial(self._line_of_source, name, contact=not request.dry_run)
        try:
            done = attrs.evolve(syncing.sync(self._opened.source_line(name), request), source=name)
        except StorylineError as error:
            if not request.dry_run:
                telling.tell_of_failure(teller, name, error, self.clock())
            raise
        telling.tell_of_report(self.store, teller, done, self.clock())
        look_again.look_again_after(self._opened.source_line(name), request)
        return done

    def tick(self, stop: Callable[[], bool] = lambda: False) -> Tick:
        """One turn of everything that is due: the syncs, then what `turn_accounts` does.

        Once `stop()` is True the step in hand is finished and the rest is left for the next turn.
        """
        now = self.clock()
        syncs, errors = [], []
        for name, look in self._due_looks(now):
            if stop():
                break
            request = report.SyncRequest(still_for=STILL_FOR, triggered_by="scheduler", check_day=look.check_day)
            try:
                syncs.append(self.sync(name, request))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        turned = attrs.evolve(self.turn_accounts(stop), kept=self.keep_up(stop))
        backfills, wrong = self.backfill_due(stop)
        errors = [*errors, *turned.errors, *wrong, *errors_of(turned.kept)]
        return attrs.evolve(turned, syncs=tuple(syncs), errors=tuple(errors), backfills=backfills)

    def turn_accounts(self, stop: Callable[[], bool] = lambda: False) -> Tick:
        """One turn without the sources: decisions that wait at the notifiers, then every account."""
        decisions, errors = 0, []
        for name in self.settings.notifiers:
            try:
                decisions += listening.poll(self._opened.ear(name), self.desk(name))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        turns = []
        for name in self.settings.accounts:
            if stop():
                break
            try:
                turns.append(turn.turn(self.line(name), self.clock(), stop))
            except StorylineError as error:
                errors.append(f"{name}: {scrub(str(error))}")
        return Tick(syncs=(), turns=tuple(turns), decisions=decisions, errors=tuple(errors))

    def keep_up(self, stop: Callable[[], bool] = lambda: False, *, at_start: bool = False) -> tuple[Kept, ...]:
        """Do what upkeep is due: what the things of the settings do for themselves, the daily backup, tidying up.

        `at_start`: the process has just begun.
        """
        return keep_up(self._house(stop), at_start=at_start)

    def back_up(self, *, user: str | None = None) -> Backup:
        """Make a backup now. Raises `Busy` while another process makes one, or why it cannot be made."""
        return back_up(self._house(), user=user)

    def _house(self, stop: Callable[[], bool] = lambda: False) -> House:
        return House(
            self.store, self.settings, self.clock, self.holder, self.open_item, self._opened.maintained(), stop
        )  # fmt: skip

    def due_sources(self, now: datetime) -> tuple[str, ...]:
        """The sources that are switched on and due to be looked at as a whole."""
        return tuple(name for name, _ in self._due_looks(now))

    def next_look(self, source: str, *, unseen: bool = False, round_at: datetime | None = None) -> Round | None:
        """When a source is looked at next as a whole; None while it is switched off.

        `unseen`: nobody knows what happened to it before now. `round_at`: when it was, if the caller knows better.
        """
        return self._next_look(source, self.clock(), unseen=unseen, round_at=round_at)

    def sources(self) -> tuple[SourceStanding, ...]:
        """How every source stands: the configured ones, then those that are only remembered."""
        return stand_of_sources(self.store, self.settings.sources, self.clock())

    def watching(self, source: str) -> AbstractContextManager[Watching]:
        """Follow a source's changes. Raises `Busy` when another process does, or why it cannot be."""
        return watching(self._opened.source_line(source))

    def desk(self, notifier: str) -> Desk:
        """What the people of a notifier may do, beyond its cards as well. Safe from any thread."""
        return self._desks.of(notifier)

    def listen(self, notifier: str, stop: Callable[[], bool]) -> None:
        """Hear a notifier until `stop()` is True, as the only one of all processes, or until it has nothing to say.

        Raises `Busy` when another process hears it, or what keeps it from answering.
        """
        listening.listen(self._opened.ear(notifier), self.desk(notifier), stop)

    def sibling(self) -> AbstractContextManager[Storyline]:
        """Another one for another thread: the same settings, plugins and store, but everything else opened anew."""
        return self._sibling(self.settings, self.holder)

    @contextmanager
    def _sibling(self, settings: Settings, holder: str) -> Iterator[Storyline]:
        with ExitStack() as stack:
            yield Storyline(settings, self.plugins, self.store, stack, self.clock, holder, self._desks)

    def _house_of_desk(self, settings: Settings, notifier: str) -> AbstractContextManager[Storyline]:
        # What acts beside the loops of this process must not pass for one of them.
        return self._sibling(settings, f"{self.holder}/{notifier}")

    def give_back(self) -> tuple[str, ...]:
        """Give back every right that this process holds, before it ends in the middle of something."""
        return give_back(self.store, self.holder, self.clock())

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
        account = self.line(self.post(post_id).account, contact=False)
        with self.store.read() as unit:
            return lines.draft_of(account, unit, unit.queue.get(post_id))

    def post_beside(
        self, account: str, *, by: str, item_id: int | None = None, at: datetime | None = None, wish: str = ""
    ) -> Post:
        """Add a post beside the slots: the next in order or a chosen item, now or at a time; once for each `wish`."""
        line = self.line(account, contact=False)
        return beside.add_beside(line, self.clock(), by=by, item_id=item_id, at=at, wish=wish)

    def turn_post(self, post_id: str, *, triggered_by: str = "cli") -> Post:
        """Do at once what one post needs now, instead of waiting for the next turn."""
        account = self._line_of_post(post_id)
        turn.advance_post(account, self.post(post_id), self.clock(), triggered_by)
        return self.post(post_id)

    def check(self, answers: Sequence[Check] | None = None) -> Health:
        """Look at everything that must work, without disturbing anybody.

        `answers`: what `ask_opened` gave lately, where notifiers and publishers are not to be asked again.
        """
        given = self.ask_opened() if answers is None else answers
        return look_at_all(self.store, self.settings, self.plugins, given, self.clock)

    def ask_opened(self) -> tuple[Check, ...]:
        """Ask each notifier and publisher whether it works. Contacts the services, and disturbs nobody."""
        return ask(self._probes())

    def tell_channels(self, stop: Callable[[], bool] = lambda: False) -> outward.Round:
        """Tell the notifiers of `[alerts]`, and the accounts' own, of the alerts that are theirs to know."""
        return outward.tell_channels(self.store, self.settings, self.opened_notifier, self.clock, self.holder, stop)

    def line(self, account: str, *, contact: bool = True) -> lines.Line:
        """An account with its opened notifier and publisher; unopened ones where nobody will be contacted."""
        return self._opened.line(account_in(self.settings, account), contact)

    def open_item(self, item: MediaItem) -> BinaryIO:
        """The bytes of an item. Raises what keeps its source from giving them."""
        return self._opened.open_item(item)

    def source_line(self, name: str) -> SourceLine:
        """A source, opened, with what its sync needs. Raises what keeps it from opening."""
        return self._opened.source_line(name)

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
        serving = {account.notifier for account in self.settings.accounts.values()}
        for name in self.settings.notifiers:
            asked: Callable[[], str] = lambda name=name: self.opened_notifier(name).check()  # type: ignore[misc]  # noqa: E731
            yield checks.Probe(f"notifier {name}", asked, vital=name in serving)
        for name in self.settings.publishers:
            yield checks.Probe(f"publisher {name}", lambda name=name: self.opened_publisher(name).check())  # type: ignore[misc]

    def _line_of_source(self, source: str, *, contact: bool) -> lines.Line | None:
        """The line of an account that uses the source, one with a notifier if there is any."""
        using = [account for account in self.settings.accounts.values() if source in account.sources]
        using.sort(key=lambda account: account.notifier is None)
        return self._opened.line(using[0], contact, outlet=False) if using else None

    def _due_looks(self, now: datetime) -> tuple[tuple[str, Round], ...]:
        looks = ((name, self._next_look(name, now)) for name in self.settings.sources)
        return tuple((name, look) for name, look in looks if look is not None and look.at <= now)

    def _next_look(
        self, source: str, now: datetime, *, unseen: bool = False, round_at: datetime | None = None
    ) -> Round | None:
        entry = self.source_entry(source)
        return next_look(rhythm_of(self.store, entry, self._zone_of(source), now, unseen, round_at), now)

    def _zone_of(self, source: str) -> ZoneInfo:
        """When nights are for a source: where the accounts that use it are, if they agree."""
        zones = {each.schedule.zone for each in self.settings.accounts.values() if source in each.sources}
        return zones.pop() if len(zones) == 1 else ZoneInfo("UTC")

    def _line_of_post(self, post_id: str) -> lines.Line:
        return self.line(self.post(post_id).account)


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
    the database must be level already. Raises `StoreUnavailable` or `SchemaMismatch` with what to do.
    """
    with ExitStack() as stack:
        store = open_store(settings.database_url, read_only=read_only)
        stack.callback(store.close)
        store.ensure_schema()
        if not read_only:
            carry_over_names(store, settings)
        holder = stack.enter_context(holder_here())
        yield Storyline(settings, plugins or load_plugins(), store, stack, clock, holder)
