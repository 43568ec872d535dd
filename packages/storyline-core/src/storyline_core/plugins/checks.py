"""What makes a plugin usable: hooks that exist, with their arguments, and kinds that core can open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from inspect import isfunction
from typing import get_type_hints

import attrs
import pluggy

from storyline_core import hookspecs
from storyline_core.hookspecs import PROJECT
from storyline_core.interfaces import Contract, Kind, Traits

CORE_KEYS = {
    Contract.SOURCE: frozenset({"kind", "renamed_from", "sync_interval", "watch", "enabled"}),
    Contract.NOTIFIER: frozenset({"kind", "renamed_from"}),
    Contract.PUBLISHER: frozenset({"kind", "renamed_from", "backfill"}),
}
"""What core itself reads from an entry of the settings; a kind's own settings may not use these names."""

HOOK_OF = {
    Contract.SOURCE: "storyline_media_source_providers",
    Contract.NOTIFIER: "storyline_notifiers",
    Contract.PUBLISHER: "storyline_publishers",
}
_FACTS = ("storyline_library_changed", "storyline_post_changed")
_HOOKS = (*HOOK_OF.values(), *_FACTS)
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Unusable(Exception):
    """What is wrong with a plugin, in words for whoever installed it."""


def checked_hooks(plugin: object) -> pluggy.PluginManager:
    """The plugin's hooks behind a pluggy manager of their own; `Unusable` says which hook is wrong."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    for name in _marked(plugin, manager):
        if name not in _HOOKS:
            near = get_close_matches(name, _HOOKS, n=1)
            hint = f"Did its author mean {near[0]}?" if near else f"The hooks are {', '.join(_HOOKS)}."
            raise Unusable(f"it implements a hook that does not exist: {name}. {hint}")
    try:
        manager.register(plugin)
    except pluggy.PluginValidationError as error:
        raise Unusable(_readable(error)) from error
    if not manager.get_hookcallers(plugin):
        raise Unusable("it implements no hook. Functions must be marked with storyline_core.hookimpl.")
    for name in _HOOKS:
        if isfunction(getattr(plugin, name, None)) and not _implements(manager, plugin, name):
            raise Unusable(f"its function {name} is not marked with storyline_core.hookimpl, so it is never called.")
    return manager


def _marked(plugin: object, manager: pluggy.PluginManager) -> Iterator[str]:
    """The hooks that a plugin says it implements."""
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is not None and not options.get("optionalhook"):
            yield options.get("specname") or attribute


def _implements(manager: pluggy.PluginManager, plugin: object, hook: str) -> bool:
    return any(caller.name == hook for caller in manager.get_hookcallers(plugin) or ())


def _readable(error: pluggy.PluginValidationError) -> str:
    text = " ".join(str(error).split())
    argument = re.search(r"for hook '(\w+)'.*Argument\(s\) \{(.+?)\} are declared", text)
    if argument is None:
        return text
    return f"its hook {argument[1]} takes an argument that the hook does not have: {argument[2]}."


def answered(hook: str, answer: object) -> list[object]:
    """What a hook returned, as a list; `Unusable` if it is nothing of the kind."""
    if isinstance(answer, (Kind, str)) or not isinstance(answer, Iterable):
        raise Unusable(f"{hook} must return a list of Kind, not {type(answer).__name__}.")
    return list(answer)


def checked_kind(contract: Contract, kind: object) -> Kind[object]:
    """The kind itself, if core can open it and read its settings; `Unusable` says what is wrong."""
    if not isinstance(kind, Kind):
        raise Unusable(f"{HOOK_OF[contract]} must return a list of Kind; it holds {type(kind).__name__}.")
    name: object = kind.name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Unusable(f"a kind's name is lower-case letters, digits, - and _; {name!r} is not.")
    traits: object = kind.traits
    if not isinstance(traits, Traits):
        raise Unusable(f"the traits of kind {name!r} are not Traits.")
    _check_settings(contract, name, kind.settings)
    return kind


def _check_settings(contract: Contract, name: str, settings: object) -> None:
    if not isinstance(settings, type) or not attrs.has(settings) or not _frozen(settings):
        raise Unusable(f"the settings of kind {name!r} are not a frozen attrs class (@attrs.frozen).")
    taken = sorted(CORE_KEYS[contract] & {field.alias or field.name for field in attrs.fields(settings)})
    if taken:
        raise Unusable(f"the settings of kind {name!r} use names that Storyline keeps: {', '.join(taken)}.")
    try:
        get_type_hints(settings)
    except (NameError, TypeError, AttributeError) as error:
        raise Unusable(f"the types in the settings of kind {name!r} cannot be resolved ({error}).") from error


def _frozen(settings: type) -> bool:
    # Asked of an empty instance: attrs refuses before it looks at the name or at the value.
    try:
        setattr(object.__new__(settings), "anything", None)  # noqa: B010 - there is no such attribute
    except attrs.exceptions.FrozenInstanceError:
        return True
    except (AttributeError, TypeError):
        return False
    return False
