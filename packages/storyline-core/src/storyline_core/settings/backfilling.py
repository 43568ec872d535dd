"""What `backfill` under a publisher comes to: it must be able to, and the source must take new files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from storyline_core.errors import Problem
from storyline_core.interfaces import Contract, Kind
from storyline_core.settings.sections import BackfillSection, PublisherSection
from storyline_core.settings.surroundings import near
from storyline_core.settings.values import BackfillSettings


class Kinds(Protocol):
    """What reading needs to know of the installed plugins; `Plugins` is one."""

    def find(self, contract: Contract, name: str) -> Kind[object] | None:
        """The kind of that name, or None."""

    def explain_unknown(self, contract: Contract, name: str) -> str:
        """What a person should know about a kind that is not there."""


def backfill_of(section: BackfillSection) -> BackfillSettings | None:
    """The setting as it is passed down; None where nobody asked for it."""
    return BackfillSettings(section.into, section.every, section.media) if section.into else None


def backfill_problems(
    name: str, section: PublisherSection, kinds: Kinds, sources: Mapping[str, str]
) -> Iterator[Problem]:
    """A publisher that has no past, and a source that is not there or takes nothing. `sources` are kinds by name."""
    into = section.backfill.into
    if into is None:
        return
    place = f"publishers.{name}.backfill"
    publisher = kinds.find(Contract.PUBLISHER, section.kind)
    if publisher is not None and not publisher.traits.backfills:
        yield Problem(place, f"{section.kind} cannot fetch what was posted before.", "Remove it.")
    if into not in sources:
        remedy = near(into, sources) or f"Configure it under [sources.{into}]."
        yield Problem(f"{place}.into", f"there is no source {into!r}.", remedy)
        return
    source = kinds.find(Contract.SOURCE, sources[into])
    if source is not None and not source.traits.writes:
        remedy = "Name a source whose kind takes new files, such as a local folder."
        yield Problem(f"{place}.into", f"nothing can be stored in a source of kind {sources[into]}.", remedy)
