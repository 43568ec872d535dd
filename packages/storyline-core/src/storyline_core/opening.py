"""Opening configured entries on first use, each once, and lending each its runtime; all close together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

from storyline_core.abilities import BackfillingPublisher, PreviewingSource
from storyline_core.accounts import Account
from storyline_core.errors import NotAllowed, NotFound, NotInSettings, PluginFault, Refused, Unavailable
from storyline_core.interfaces import Controls, Kind, MediaSourceProvider, Notifier, Publisher, Runtime, Traits
from storyline_core.media import MediaItem
from storyline_core.plugins import Plugins
from storyline_core.settings import Entry, Settings, SourceEntry
from storyline_core.steps.line import Line, guarded
from storyline_core.steps.listening import Ear
from storyline_core.steps.renaming import known_as
from storyline_core.steps.report import SyncReport, SyncRequest
from storyline_core.steps.saving import BackfillLine
from storyline_core.steps.source_line import SourceLine
from storyline_core.store import PrivateTexts, Store, Vault

Thing = TypeVar("Thing")


class _Configured(Protocol):
    """What the three sorts of entries have in common."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def options(self) -> object: ...


class Opened:
    """The opened sources, notifiers and publishers of one run. A failure to open is remembered until the next turn."""

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        store: Store,
        stack: ExitStack,
        clock: Callable[[], datetime],
        holder: str,
        controls: Callable[[str], Controls] | None = None,
    ) -> None:
        self._settings = settings
        self._plugins = plugins
        self._store = store
        self._stack = stack
        self._clock = clock
        self._holder = holder
        self._controls = controls
        self._vault = Vault(settings.secret_key.reveal() if settings.secret_key else None)
        self._sources: dict[str, MediaSourceProvider] = {}
        self._notifiers: dict[str, Notifier] = {}
        self._publishers: dict[str, Publisher] = {}

    def source(self, name: str) -> MediaSourceProvider:
        """A source by its name in the settings. Raises `NotFound`, or what keeps it from opening."""
        return self._open("sources", name, self._settings.sources, self._plugins.source, self._sources)

    def notifier(self, name: str) -> Notifier:
        """A notifier by its name in the settings."""
        return self._open("notifiers", name, self._settings.notifiers, self._plugins.notifier, self._notifiers)

    def publisher(self, name: str) -> Publisher:
        """A publisher by its name in the settings."""
        return self._open("publishers", name, self._settings.publishers, self._plugins.publisher, self._publishers)

    def source_line(self, name: str) -> SourceLine:
        """A source with what its sync needs. Where nothing may be written, one that was renamed has its former name."""
        entry = self._settings.sources.get(name)
        return SourceLine(
            name=known_as(self._store, entry) if entry is not None and self._store.read_only else name,
            provider=self.source(name),
            traits=self._plugins.source(self._settings.sources[name].kind).traits,
            store=self._store,
            clock=self._clock,
            holder=self._holder,
            tell_changed=self._plugins.tell_library_changed,
        )

    def line(self, account: Account, contact: bool, *, outlet: bool = True) -> Line:
        """An account with its opened notifier and publisher; with `contact` False neither is opened.

        `outlet` False leaves out the publisher, where somebody is only to be told something.
        """
        notifier, notifier_fault = self._try(account.notifier if contact else None, self.notifier)
        publisher, publisher_fault = self._try(account.publisher if contact and outlet else None, self.publisher)
        return Line(
            account=account,
            store=self._store,
            clock=self._clock,
            holder=self._holder,
            open_item=self.open_item,
            tell_changed=self._plugins.tell_post_changed,
            notifier=notifier,
            publisher=publisher,
            publisher_traits=self._publisher_traits(account),
            resting_sources=self._resting_sources(),
            notifier_fault=notifier_fault,
            publisher_fault=publisher_fault,
            preview_of=self.preview_of,
            notifier_was=_former_name(account.notifier, self._settings.notifiers),
            publisher_was=_former_name(account.publisher, self._settings.publishers),
        )

    def backfill_line(self, name: str, into: str, sync: Callable[[str, SyncRequest], SyncReport]) -> BackfillLine:
        """A publisher and the source into which its past is saved. Raises `NotInSettings`, or `NotAllowed` with why."""
        kind = self._plugins.publisher(_in(self._settings.publishers, name, "publisher").kind)
        if not kind.traits.backfills:
            raise NotAllowed(f"{name} cannot fetch what was posted before: its kind, {kind.name}, keeps nothing of it.")
        source_in(self._settings, into)
        source = self.source_line(into)
        if not source.traits.writes:
            raise NotAllowed(f"Nothing can be stored in {into}: its kind cannot be written to. Name another source.")
        accounts = tuple(each for each in self._settings.accounts.values() if each.publisher == name)
        publisher = self.publisher(name)
        if not isinstance(publisher, BackfillingPublisher):
            raise NotAllowed(f"{name} says that it has a past, but cannot be asked for it. Tell the plugin's author.")
        return BackfillLine(name, publisher, accounts, source, sync, self._store, self._clock, self._holder)

    def ear(self, name: str) -> Ear:
        """A notifier with what hearing it alone needs."""
        return Ear(name, self.notifier(name), self._store, self._clock, self._holder)

    def maintained(self) -> Mapping[str, Callable[[], object]]:
        """What opens each configured thing that looks after itself, by its owner's name (`publishers/brand`).

        Left out is what only rehearsing accounts use: they contact nobody.
        """
        found: dict[str, Callable[[], object]] = {}
        for name, source in self._settings.sources.items():
            if source.enabled and self._plugins.source(source.kind).traits.maintains:
                found[f"sources/{name}"] = partial(self.source, name)
        for name, entry in self._settings.notifiers.items():
            users = [each for each in self._settings.accounts.values() if each.notifier == name]
            if not _rehearsed(users) and self._plugins.notifier(entry.kind).traits.maintains:
                found[f"notifiers/{name}"] = partial(self.notifier, name)
        for name, entry in self._settings.publishers.items():
            users = [each for each in self._settings.accounts.values() if each.publisher == name]
            if not _rehearsed(users) and self._plugins.publisher(entry.kind).traits.maintains:
                found[f"publishers/{name}"] = partial(self.publisher, name)
        return found

    def open_item(self, item: MediaItem) -> BinaryIO:
        """The bytes of an item. Raises what keeps its source from giving them."""
        provider = self.source(item.source)
        return guarded(lambda: provider.open_media(item.key), f"Opening {item.name}", otherwise=Unavailable)

    def preview_of(self, item: MediaItem) -> Callable[[], BinaryIO] | None:
        """What opens an item in small, where its source can; None elsewhere. Nothing is opened for the answer."""
        entry = self._settings.sources.get(item.source)
        if entry is None or not self._plugins.source(entry.kind).traits.previews:
            return None
        return lambda: self._open_preview(item)

    def _open_preview(self, item: MediaItem) -> BinaryIO:
        provider = self.source(item.source)
        if not isinstance(provider, PreviewingSource):
            raise Refused(f"{item.source} has no small version of {item.name}.")
        return guarded(lambda: provider.open_preview(item.key), f"Showing {item.name}", otherwise=Unavailable)

    def _open(
        self,
        group: str,
        name: str,
        entries: Mapping[str, _Configured],
        kind_of: Callable[[str], Kind[Thing]],
        opened: dict[str, Thing],
    ) -> Thing:
        if name in opened:
            return opened[name]
        if name not in entries:
            known = ", ".join(entries) or "none"
            raise NotFound(f"There is no [{group}.{name}] in the settings (there is: {known}).")
        entry = entries[name]
        runtime = Runtime(
            name=name,
            now=self._clock,
            state=PrivateTexts(f"{group}/{name}", self._vault, self._store.begin, self._store.read),
            controls=self._controls(name) if self._controls is not None and group == "notifiers" else None,
        )
        kind = kind_of(entry.kind)
        opened[name] = guarded(
            lambda: self._stack.enter_context(kind.open(entry.options, runtime)),
            f"Opening [{group}.{name}]",
            otherwise=Unavailable,
        )
        return opened[name]

    def _try(self, name: str | None, opening: Callable[[str], Thing]) -> tuple[Thing | None, PluginFault | None]:
        if name is None:
            return None, None
        try:
            return opening(name), None
        except PluginFault as fault:
            return None, fault

    def _publisher_traits(self, account: Account) -> Traits:
        if account.publisher is None:
            return Traits()
        return self._plugins.publisher(self._settings.publishers[account.publisher].kind).traits

    def _resting_sources(self) -> frozenset[str]:
        with self._store.read() as unit:
            return frozenset(
                name
                for name, entry in self._settings.sources.items()
                if not entry.enabled or unit.sources.get(name).paused
            )


def _rehearsed(users: Collection[Account]) -> bool:
    return bool(users) and all(each.dry_run for each in users)


def account_in(settings: Settings, name: str) -> Account:
    """An account as the settings describe it. Raises `NotInSettings`, naming those that there are."""
    return _in(settings.accounts, name, "account")


def source_in(settings: Settings, name: str) -> SourceEntry:
    """A source as the settings describe it. Raises `NotInSettings`, naming those that there are."""
    return _in(settings.sources, name, "source")


def _in(entries: Mapping[str, Thing], name: str, what: str) -> Thing:
    if name not in entries:
        known = ", ".join(entries) or "none"
        raise NotInSettings(f"There is no {what} {name} in the settings (there is: {known}).")
    return entries[name]


def _former_name(name: str | None, entries: Mapping[str, Entry]) -> str | None:
    """What a notifier or publisher was called before, so that its cards and handles are still its own."""
    entry = entries.get(name) if name is not None else None
    return entry.renamed_from if entry is not None else None
