"""Renaming: what was renamed in the settings keeps its items, posts, holds and private state."""

from __future__ import annotations

from storyline_core.settings import Settings, SourceEntry
from storyline_core.store import Store


def carry_over_names(store: Store, settings: Settings) -> None:
    """Carry over every `renamed_from` of the settings, in one transaction; nothing happens once that is done."""
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
            if group == "publishers":
                unit.past.rename(old, new)
        for source in settings.sources.values():
            if source.renamed_from:
                unit.sources.rename(source.renamed_from, source.name)
        for account in settings.accounts.values():
            if account.renamed_from:
                unit.accounts.rename(account.renamed_from, account.name)


def known_as(store: Store, entry: SourceEntry) -> str:
    """The name under which a source is stored: the former one, until somebody may write and carry it over."""
    if not entry.renamed_from:
        return entry.name
    with store.read() as unit:
        known = frozenset(unit.sources.names())
    return entry.renamed_from if entry.renamed_from in known and entry.name not in known else entry.name
