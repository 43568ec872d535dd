"""What a backfill asks for and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

import attrs

from storyline_core.media import FileProblem
from storyline_core.past import PastKind, PastMedia

MOST_DETAILS = 100
"""How many problems, and how many names in a dry run, a report spells out; its counts are never capped."""


@attrs.frozen
class BackfillProgress:
    """How far a backfill is: what it is doing, how many it has looked at, and how many of these it has saved."""

    publisher: str
    doing: str
    looked: int = 0
    saved: int = 0


@attrs.frozen
class BackfillRequest:
    """How to save what an account posted before: into which source, what of it, how many at most, and since when.

    In a dry run the service is asked what there is, but nothing is fetched and nothing written. Stories come first,
    since they go. `tell` hears of progress; once `stop()` is True the picture in hand is finished and the rest left
    for the next run.
    """

    into: str
    kinds: tuple[PastKind, ...] = (PastKind.STORIES, PastKind.FEED)
    limit: int | None = None
    since: datetime | None = None
    dry_run: bool = False
    triggered_by: str = "cli"
    user: str | None = None
    tell: Callable[[BackfillProgress], None] = lambda progress: None
    stop: Callable[[], bool] = lambda: False


@attrs.frozen
class BackfillReport:
    """What one backfill found and did.

    `looked` counts the media that were listed. Each was `saved`, or `known` before (by its id, or by its content), or
    is Storyline's own (`published`), or `waits` until it is certain that it is not, or could not be had this time
    (`failed`) or at all (`unreadable`); what is older than was asked for is not counted further. `problems` name the
    last two, the first `MOST_DETAILS` of them. `indexed` are those saved that the library has as items by now.
    `stopped` says why it ended before the end, and `again_at` when it can go on; "" when all has been gone through.
    `would_save` are the first that a dry run would save.
    """

    publisher: str
    into: str
    dry_run: bool = False
    looked: int = 0
    saved: int = 0
    bytes_saved: int = 0
    known: int = 0
    published: int = 0
    waits: int = 0
    failed: int = 0
    unreadable: int = 0
    indexed: int = 0
    problems: tuple[FileProblem, ...] = ()
    stopped: str = ""
    again_at: datetime | None = None
    would_save: tuple[PastMedia, ...] = ()
    duration_ms: int = 0

    @property
    def found_something(self) -> bool:
        """Whether there is anything to remember of it beyond that it went well."""
        return bool(self.saved or self.failed or self.unreadable or self.stopped)


@attrs.define
class Tally:
    """The counts of a backfill that is under way."""

    looked: int = 0
    saved: int = 0
    bytes_saved: int = 0
    known: int = 0
    published: int = 0
    waits: int = 0
    failed: int = 0
    unreadable: int = 0
    problems: list[FileProblem] = attrs.field(factory=list)
    would_save: list[PastMedia] = attrs.field(factory=list)

    def note(self, remote_id: str, why: str) -> None:
        """Name one that could not be had."""
        if len(self.problems) < MOST_DETAILS:
            self.problems.append(FileProblem(remote_id, why))

    def report(self, request: BackfillRequest, publisher: str) -> BackfillReport:
        """The counts as a report."""
        counts = attrs.asdict(self, recurse=False)
        counts |= {"problems": tuple(self.problems), "would_save": tuple(self.would_save)}
        return BackfillReport(publisher, request.into, request.dry_run, **counts)


def summary(report: BackfillReport) -> dict[str, object]:
    """A report as plain values, for the run record."""
    skip = {"problems", "would_save", "again_at", "publisher", "dry_run"}
    plain: dict[str, object] = attrs.asdict(report, recurse=False, filter=lambda field, _: field.name not in skip)
    plain["problems"] = [{"key": each.key, "message": each.message} for each in report.problems]
    plain["again_at"] = _spelled(report.again_at)
    return plain


def backfill_in_json(report: BackfillReport) -> dict[str, object]:
    """A report as the JSON that scripts rely on; instants are UTC with `Z`."""
    would = [
        {
            "remote_id": each.remote_id,
            "kind": each.kind.value,
            "name": each.name,
            "posted_at": _spelled(each.posted_at),
            "permalink": each.permalink,
        }
        for each in report.would_save
    ]
    known: dict[str, object] = {"publisher": report.publisher, "dry_run": report.dry_run}
    return known | summary(report) | ({"would_save": would} if report.dry_run else {})


def backfill_in_words(report: BackfillReport, zone: tzinfo = UTC) -> str:
    """What a backfill came to, in one line for people; moments are shown in the zone."""
    would = "would be saved" if report.dry_run else "saved"
    size = f" ({report.bytes_saved / 1e6:.1f} MB)" if report.bytes_saved else ""
    parts = [f"{report.saved} {would} into {report.into}{size}"]
    parts += [f"{report.known} here already"] if report.known else []
    parts += [f"{report.published} published by Storyline itself"] if report.published else []
    parts += [f"{report.waits} left until it is certain that they are not our own"] if report.waits else []
    parts += [f"{report.failed} failed, to be tried again"] if report.failed else []
    parts += [f"{report.unreadable} cannot be had"] if report.unreadable else []
    line = f"{report.publisher}: {', '.join(parts)}."
    if not report.stopped:
        return line
    again = f" It goes on at {report.again_at.astimezone(zone):%Y-%m-%d %H:%M %Z}." if report.again_at else ""
    return f"{line} It ended early: {report.stopped.rstrip('.')}.{again}"


def asked(request: BackfillRequest) -> dict[str, object]:
    """What a backfill was asked to do, for the run record."""
    return {
        "into": request.into,
        "media": "both" if len(request.kinds) > 1 else str(request.kinds[0]),
        "limit": request.limit,
        "since": _spelled(request.since),
    }


def _spelled(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None
