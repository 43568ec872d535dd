"""The first step of a reconciliation: everything that can be told by key alone, and what is left to be matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from storyline_core.changes import Change, ChangeKind, Gates, RememberedIndex
from storyline_core.evidence import (
    Arrival,
    Coverage,
    Sight,
    as_read,
    compare,
    noted,
    racy,
    same_facts,
    shifted,
    stands,
    without_doubles,
)
from storyline_core.media import FileProblem, Fingerprint, ListedFile, Listing, RememberedFile, Unread

NOT_READ = "It could not be read in this run; the next one looks again."


@attrs.define
class ByKey:
    """What the keys tell.

    `unchanged` counts files that are as remembered, `seen` are ids among them that had been noted as missing or
    unknown. `settled` needs no matching. `displaced` are items under whose path other bytes lie now; `arrivals` are
    new files; `absent` items are certainly not where they were. `unknown` items could not be seen, `hidden` of them
    only because the listing is incomplete or its filters changed; `unmentioned` items were not looked for.
    `unread` are keys that could not be read; `unread_sizes` are sizes of files whose content will be known later, or
    that were gone before it was. `waited` are keys that had waited and were met again, unless they stand.
    """

    unchanged: int
    seen: list[int] = attrs.field(factory=list)
    settled: list[Change] = attrs.field(factory=list)
    displaced: list[tuple[RememberedFile, Arrival]] = attrs.field(factory=list)
    arrivals: list[Arrival] = attrs.field(factory=list)
    absent: list[RememberedFile] = attrs.field(factory=list)
    unknown: list[RememberedFile] = attrs.field(factory=list)
    hidden: int = 0
    unmentioned: list[RememberedFile] = attrs.field(factory=list)
    unread: set[str] = attrs.field(factory=set)
    unread_sizes: set[int] = attrs.field(factory=set)
    waited: frozenset[str] = frozenset()
    deferred: list[FileProblem] = attrs.field(factory=list)
    problems: list[FileProblem] = attrs.field(factory=list)


def by_key(
    remembered: Sequence[RememberedFile] | RememberedIndex,
    listing: Listing,
    readings: Mapping[str, Fingerprint | Unread],
    gates: Gates,
    *,
    believed: bool,
) -> ByKey:
    """Sort the evidence by key. `believed` is False while filters have changed, and then nothing is absent."""
    compared = compare(remembered, listing, readings)
    listing = without_doubles(listing, compared.doubled)
    found = ByKey(compared.unchanged, problems=list(listing.problems))
    margin = listing.racy_margin_ns
    if gates.waiting:
        met = (*compared.arrivals, *(entry for _, entry in compared.pairs))
        found.waited = frozenset(entry.key for entry in met if entry.key in gates.waiting)
    for item, entry in compared.pairs:
        content = _content(item, entry, readings.get(entry.key), margin, gates.shifted_ns)
        if isinstance(content, Arrival):
            _known(found, item, content, gates, margin)
        elif content.gone:
            found.absent.append(item)
            found.unread_sizes.add(entry.size)
        else:
            found.unknown.append(item)
            _not_read(found, entry, content)
    for entry in compared.arrivals:
        content = _content(None, entry, readings.get(entry.key), margin, None)
        if isinstance(content, Arrival):
            found.arrivals.append(content)
        elif content.gone:
            found.unread_sizes.add(entry.size)
        else:
            _not_read(found, entry, content)
    _unlisted(found, compared.unlisted, Coverage(listing, believed=believed))
    return found


def _content(
    item: RememberedFile | None,
    entry: ListedFile,
    reading: Fingerprint | Unread | None,
    margin_ns: int,
    shifted_ns: int | None,
) -> Arrival | Unread:
    """The content of a listed file by the best evidence there is, or why there is none."""
    if isinstance(reading, Fingerprint):
        return Arrival(as_read(entry, reading), reading.digest, reading)
    if reading is not None and reading.gone:
        return reading
    if entry.digest is not None:
        return Arrival(entry, entry.digest)
    if reading is not None:
        return reading
    sure = item is not None and (stands(item, entry, margin_ns) or shifted(item, entry, margin_ns, shifted_ns))
    if sure and item is not None and item.digest is not None:
        return Arrival(entry, item.digest)
    return Unread(entry.key, NOT_READ)


def _known(found: ByKey, item: RememberedFile, arrival: Arrival, gates: Gates, margin_ns: int) -> None:
    """A remembered file whose content is known: unchanged, touched, renamed under its id, edited or displaced."""
    entry = arrival.entry
    if arrival.digest != item.digest:
        if gates.keys_survive_renames:
            why = "other bytes under the same id"
            found.settled.append(Change(ChangeKind.EDITED, item, entry, arrival.reading, why))
        else:
            found.displaced.append((item, arrival))
    elif (item.folder, item.name) != (entry.folder, entry.name):
        why = "the same id and bytes in another place or under another name"
        found.settled.append(Change(ChangeKind.MOVED, item, entry, arrival.reading, why))
    elif not same_facts(item, entry):
        found.settled.append(Change(ChangeKind.TOUCHED, item, entry, arrival.reading, _why_touched(arrival, gates)))
    elif arrival.reading is not None and racy(item, margin_ns):
        why = "read again, since it had been read in the instant of its last change"
        found.settled.append(Change(ChangeKind.TOUCHED, item, entry, arrival.reading, why))
    else:
        found.unchanged += 1
        if noted(item):
            found.seen.append(item.id)


def _why_touched(arrival: Arrival, gates: Gates) -> str:
    if arrival.reading is None and arrival.entry.digest is None and gates.shifted_ns is not None:
        hours = gates.shifted_ns / 3.6e12
        return f"the same size, shifted in time by {hours:+g} h like most files; a sample of them had the same bytes"
    return "the same bytes, another time or version"


def _not_read(found: ByKey, entry: ListedFile, unread: Unread) -> None:
    found.unread.add(entry.key)
    problem = FileProblem(entry.key, unread.why)
    if unread.passing:
        found.deferred.append(problem)
        found.unread_sizes.add(entry.size)
    else:
        found.problems.append(problem)


def _unlisted(found: ByKey, items: Iterable[RememberedFile], coverage: Coverage) -> None:
    for item in items:
        sight = coverage.of(item)
        if sight is Sight.ABSENT:
            found.absent.append(item)
        elif sight is Sight.UNMENTIONED:
            found.unmentioned.append(item)
        else:
            found.unknown.append(item)
            found.hidden += sight is Sight.HIDDEN
