"""Landing: what is certainly new is committed while the rest of the source is still being read.

So an interrupted first index keeps what it has read, and writing goes on while other threads hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from storyline_core.certainty import NOTHING_CERTAIN, certain, left_over
from storyline_core.media import Description, Fingerprint
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.steps.documents import FolderDocuments, unfinished
from storyline_core.steps.gather import Evidence, Readings, SourceLine, Take, nanoseconds
from storyline_core.steps.judging import gates_of
from storyline_core.steps.report import Settled, SyncRequest
from storyline_core.steps.tenure import Tenure
from storyline_core.store import Unit

AT_ONCE = 2_000
"""How many new files are committed together; so few that those who hash do not run out of work meanwhile."""

AFTER = timedelta(seconds=30)
"""How long a new file that was read may wait for others before it is committed all the same."""


class Landing:
    """The additions of one run that need not wait. Without a tenure (in a dry run) nothing is written."""

    def __init__(self, line: SourceLine, request: SyncRequest, tenure: Tenure | None, started: datetime) -> None:
        self.settled = Settled()
        self._line = line
        self._request = request
        self._tenure = tenure
        self._started = started
        self._certain = NOTHING_CERTAIN
        self._evidence: Evidence | None = None
        self._documents: FolderDocuments | None = None
        self._pending: list[Change] = []
        self._since = started

    def begin(self, evidence: Evidence) -> Take:
        """Find out what is certain; gives what hears of every reading."""
        doubtful = {document.folder for document in evidence.read.gone}
        gates = gates_of(evidence, self._request, self._line.traits)
        self._evidence = evidence
        self._certain = certain(evidence.remembered, evidence.listing, gates, doubtful)
        self._since = self._line.clock()
        return self._take

    def rest(self, evidence: Evidence) -> Evidence:
        """The evidence without what has landed: what was read since the last commit is decided with the others."""
        waiting: Readings = {change.key: change.reading for change in self._pending if change.reading is not None}
        evidence = attrs.evolve(evidence, readings=evidence.readings | waiting)
        if not self.settled.keys:
            return evidence
        remembered, listing = left_over(evidence.remembered, evidence.listing, frozenset(self.settled.keys))
        return attrs.evolve(evidence, remembered=remembered, listing=listing)

    def _take(self, reading: Fingerprint) -> bool:
        change = self._certain.settle(reading)
        if change is None:
            return False
        self._pending.append(change)
        if len(self._pending) >= AT_ONCE or self._line.clock() - self._since >= AFTER:
            self._commit()
            self._since = self._line.clock()
        return True

    def _commit(self) -> None:
        """Write what is pending in a transaction of its own, and tell of it."""
        evidence, added = self._evidence, self._pending
        assert evidence is not None
        if self._documents is None:
            folders = {change.now.folder for change in added if change.now is not None}
            folders.update(entry.folder for entry in self._certain.entries.values())
            with self._line.store.read() as unit:
                self._documents = FolderDocuments.of(unit, self._line.name, folders, evidence.read, evidence.documents)
        descriptions = self._documents.describe(added)
        changes = ChangeSet(changes=tuple(added))
        duplicates = self._duplicates(evidence.alive, added)
        if self._tenure is not None:
            with self._line.store.begin() as unit:
                unit.leases.check(self._tenure.lease.subject, self._tenure.lease.fence)
                self._write(unit, evidence, changes, descriptions)
                # Before the end of the unit: an interrupt right after it would leave written what nobody counted.
                self._note(added, duplicates)
            self._line.tell_changed(self._line.name, changes)
        else:
            self._note(added, duplicates)

    def _write(self, unit: Unit, evidence: Evidence, changes: ChangeSet, descriptions: dict[str, Description]) -> None:
        """With the first of them goes what a later run must know if this one comes to no end.

        That is whose items they are, and which documents speak of them; these are read once more by then.
        """
        first = not self.settled.keys
        applied = unit.library.apply(
            self._line.name,
            changes,
            descriptions=descriptions,
            described={},
            documents=unfinished(evidence.read) if first else (),
            gone_documents=(),
            now=self._started,
            now_ns=nanoseconds(self._started),
        )
        if first:
            self.settled.first_id = min(applied.added_ids.values())
            unit.sources.save(attrs.evolve(evidence.record, identity=evidence.identity))

    def _duplicates(self, alive: bool, added: Sequence[Change]) -> int:
        """How many of these have the same content as another living item, those that have landed included."""
        new = {change.reading.digest for change in added if change.reading is not None} - self.settled.digests
        if alive and new:
            with self._line.store.read() as unit:
                new -= unit.library.digests_among(self._line.name, new)
        return len(added) - len(new)

    def _note(self, added: Sequence[Change], duplicates: int) -> None:
        settled = self.settled
        settled.duplicates += duplicates
        settled.done[ChangeKind.ADDED] += len(added)
        for change in added:
            settled.keys.append(change.key)
            reading = change.reading
            if reading is not None:
                settled.digests.add(reading.digest)
                settled.bytes_hashed += reading.size
                settled.broken += reading.look is not None and bool(reading.look.problem)
        self._pending = []
