"""Finding what is installed: plugins are loaded one by one, checked, and asked which kinds they offer.

A plugin that cannot be used is remembered, not raised: it stops nothing until the settings ask for a kind that is not
there. Nothing is kept in module globals; every `Plugins` is an instance of its own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, cast

import attrs
import pluggy

from storyline_core.errors import PluginError
from storyline_core.hookspecs import PROJECT
from storyline_core.interfaces import Contract, Kind, NotifierKind, PublisherKind, SourceKind
from storyline_core.plugins.checks import HOOK_OF, Unusable, answered, checked_hooks, checked_kind
from storyline_core.redaction import trace_of

if TYPE_CHECKING:
    from storyline_core.posts import Post
    from storyline_core.reconcile import ChangeSet

_log = logging.getLogger(__name__)


@attrs.frozen
class KindRecord:
    """One kind that is installed: its name, contract, and the distribution and version that offer it."""

    kind: str
    contract: Contract
    package: str
    version: str
    summary: str = ""


@attrs.frozen
class BrokenPlugin:
    """Why a plugin, or one kind of it, cannot be used. `package` is the distribution (or both of two that clash)."""

    package: str
    why: str

    def __str__(self) -> str:
        return f"{self.package}: {self.why}"


@attrs.frozen
class _Loaded:
    """One plugin with a pluggy manager of its own, so that no plugin can disturb another."""

    package: str
    version: str
    plugin: object
    hooks: pluggy.PluginManager


@attrs.frozen
class _Offer:
    record: KindRecord
    kind: Kind[object]


@attrs.frozen
class Plugins:
    """The plugins that could be loaded, the kinds they offer, and those that could not be used (`broken`)."""

    _loaded: tuple[_Loaded, ...] = ()
    _offers: tuple[_Offer, ...] = ()
    broken: tuple[BrokenPlugin, ...] = ()

    def kinds(self) -> tuple[KindRecord, ...]:
        """Every usable kind, by contract and name."""
        return tuple(offer.record for offer in self._offers)

    def find(self, contract: Contract, name: str) -> Kind[object] | None:
        """The kind of that name, or None."""
        for offer in self._offers:
            if offer.record.contract is contract and offer.record.kind == name:
                return offer.kind
        return None

    def source(self, name: str) -> SourceKind:
        """A kind of source. Raises `PluginError` saying what is installed and what failed to load."""
        return cast(SourceKind, self._needed(Contract.SOURCE, name))

    def notifier(self, name: str) -> NotifierKind:
        """A kind of notifier. Raises `PluginError` saying what is installed and what failed to load."""
        return cast(NotifierKind, self._needed(Contract.NOTIFIER, name))

    def publisher(self, name: str) -> PublisherKind:
        """A kind of publisher. Raises `PluginError` saying what is installed and what failed to load."""
        return cast(PublisherKind, self._needed(Contract.PUBLISHER, name))

    def explain_unknown(self, contract: Contract, name: str) -> str:
        """What a person should know about a kind that is not there: near names, what is installed, what is broken."""
        known = [record.kind for record in self.kinds() if record.contract is contract]
        near = get_close_matches(name, known, n=1)
        if near:
            advice = f"Did you mean {near[0]!r}?"
        elif known:
            advice = f"Installed: {', '.join(known)}."
        else:
            advice = f"No kind of {contract} is installed."
        failures = "".join(f" {broken.package} could not be used: {broken.why}" for broken in self.broken)
        return f"{advice}{failures}" if near or failures else f"{advice} Install the package that offers it."

    def tell_library_changed(self, source: str, changes: ChangeSet) -> None:
        """Tell every plugin that a sync of `source` was committed. Whatever a listener raises is logged."""
        self._tell("storyline_library_changed", source=source, changes=changes)

    def tell_post_changed(self, post: Post) -> None:
        """Tell every plugin that a post has moved. Whatever a listener raises is logged."""
        self._tell("storyline_post_changed", post=post)

    def _needed(self, contract: Contract, name: str) -> Kind[object]:
        kind = self.find(contract, name)
        if kind is None:
            message = f"no kind of {contract} goes by this name. {self.explain_unknown(contract, name)}"
            raise PluginError(f"kind {name!r}", message)
        return kind

    def _tell(self, hook: str, **fact: object) -> None:
        for loaded in self._loaded:
            try:
                getattr(loaded.hooks.hook, hook)(**fact)
            except Exception as error:  # noqa: BLE001 - a stranger's listener; logged, and the rest is told
                trace = trace_of(error)
                _log.error("%s failed in %s of %s:\n%s", hook, _name_of(loaded.plugin), loaded.package, trace)


def load_plugins(
    *, extra: Iterable[object] = (), entry_points: bool = True, only: Collection[str] | None = None
) -> Plugins:
    """Load the plugins of this installation, each for itself.

    `extra` are further plugins (modules or objects with hooks), for library users and tests. `entry_points=False`
    leaves out what is installed. `only` limits what is installed to these distributions, by name.
    """
    loaded: list[_Loaded] = []
    offers: list[_Offer] = []
    broken: list[BrokenPlugin] = []
    for package, version, find in _plugins(extra, entry_points, only):
        try:
            plugin = find()
            if any(plugin is other.plugin for other in loaded):
                continue
            checked = _Loaded(package, version, plugin, checked_hooks(plugin))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's import does
            broken.append(BrokenPlugin(package, _why(error)))
            continue
        loaded.append(checked)
        for contract in Contract:
            _collect(checked, contract, offers, broken)
    single, clashes = _without_clashes(offers)
    return Plugins(tuple(loaded), single, (*broken, *clashes))


def _plugins(
    extra: Iterable[object], installed: bool, only: Collection[str] | None
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Distribution, version, and what loads the plugin: it may fail, so it is called where that is caught."""
    wanted = None if only is None else {_normal(name) for name in only}
    points = entry_points(group=PROJECT) if installed else ()
    found = [(point.dist.name if point.dist else point.module, point) for point in points]
    for package, point in sorted(found, key=lambda pair: (_normal(pair[0]), pair[1].name)):
        if wanted is None or _normal(package) in wanted:
            yield package, point.dist.version if point.dist else "", point.load
    for plugin in extra:
        yield _name_of(plugin), "", partial(_itself, plugin)


def _itself(plugin: object) -> object:
    return plugin


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name_of(plugin: object) -> str:
    if isinstance(plugin, ModuleType | type):
        return plugin.__name__
    return type(plugin).__name__


def _why(error: BaseException) -> str:
    if isinstance(error, Unusable):
        return str(error)
    return f"importing it failed ({_words(error)}). Install what it needs, or uninstall it."


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _collect(loaded: _Loaded, contract: Contract, offers: list[_Offer], broken: list[BrokenPlugin]) -> None:
    """Ask one plugin for its kinds under one contract; what is wrong with one kind leaves the others alone."""
    hook = HOOK_OF[contract]
    try:
        answers = [kind for answer in getattr(loaded.hooks.hook, hook)() for kind in answered(hook, answer)]
    except Unusable as error:
        broken.append(BrokenPlugin(loaded.package, str(error)))
        return
    except Exception as error:  # noqa: BLE001 - a stranger's code
        broken.append(BrokenPlugin(loaded.package, f"{hook} failed ({_words(error)})."))
        return
    for answer in answers:
        try:
            kind = checked_kind(contract, answer)
        except Unusable as error:
            broken.append(BrokenPlugin(loaded.package, str(error)))
        else:
            record = KindRecord(kind.name, contract, loaded.package, loaded.version, kind.summary)
            offers.append(_Offer(record, kind))


def _without_clashes(offers: list[_Offer]) -> tuple[tuple[_Offer, ...], list[BrokenPlugin]]:
    """Kinds by contract and name. Of two with one name neither is used: which one is meant cannot be known."""
    by_name: dict[tuple[Contract, str], list[_Offer]] = {}
    for offer in offers:
        by_name.setdefault((offer.record.contract, offer.record.kind), []).append(offer)
    single: list[_Offer] = []
    clashes: list[BrokenPlugin] = []
    for (contract, name), rivals in sorted(by_name.items()):
        if len(rivals) == 1:
            single.extend(rivals)
            continue
        packages = sorted({rival.record.package for rival in rivals})
        who = "it offers" if len(packages) == 1 else "both offer" if len(packages) == 2 else "all offer"
        clashes.append(
            BrokenPlugin(" and ".join(packages), f"{who} a {contract} of kind {name!r}. Uninstall all but one of them.")
        )
    return tuple(single), clashes
