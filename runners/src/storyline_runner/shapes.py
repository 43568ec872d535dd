"""Values as the JSON that scripts rely on. Every key here is a promise; instants are UTC with `Z`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from storyline_runner.times import iso

if TYPE_CHECKING:
    from storyline_core import (
        Duplicates,
        Foreseen,
        Health,
        Hold,
        ItemEvent,
        JournalEntry,
        KindRecord,
        Likened,
        MediaItem,
        PostView,
        Publication,
        Run,
        SourceEntry,
        SourceStanding,
        SyncReport,
        Validation,
        WouldDo,
    )

Shape = dict[str, object]

COUNTS = ("added", "edited", "moved", "restored", "removed", "described", "touched", "unchanged", "deferred", "broken",
          "duplicates", "hashed", "pruned")  # fmt: skip


def item_shape(item: MediaItem) -> Shape:
    """One item of the library; `state` is alive, removed, or broken for a living one that cannot be opened."""
    words = item.description
    return {
        "id": item.id,
        "source": item.source,
        "key": item.key,
        "name": item.name,
        "category": item.category,
        "tags": list(words.tags),
        "title": words.title,
        "link_url": words.link_url,
        "caption": words.caption,
        "custom_metadata": dict(words.custom_metadata),
        "requires_interaction": words.requires_interaction,
        "digest": item.digest,
        "size": item.size,
        "media_type": item.media_type,
        "width": item.width,
        "height": item.height,
        "state": item.state,
        "problem": item.problem,
        "times_posted": item.times_posted,
        "last_posted_at": iso(item.last_posted_at),
        "added_by": item.added_by,
        "instagram_media_id": item.instagram_media_id,
        "backfilled_at": iso(item.backfilled_at),
    }


def event_shape(event: ItemEvent) -> Shape:
    """One thing that happened to an item."""
    return {
        "at": iso(event.at),
        "kind": event.kind,
        "from": event.from_path or event.from_key,
        "to": event.to_path or event.to_key,
        "from_digest": event.from_digest,
        "to_digest": event.to_digest,
        "evidence": event.evidence,
    }


def hold_shape(hold: Hold) -> Shape:
    """One hold; `account` null means all, `until` null for ever."""
    return {
        "item": hold.item_id,
        "digest": hold.digest,
        "account": hold.account,
        "reason": str(hold.reason),
        "until": iso(hold.until),
        "by": hold.by,
        "at": iso(hold.at),
    }


def post_shape(view: PostView) -> Shape:
    """One post with its item, the metadata it went (or would go) out with, and its publication.

    `slot` is its slot's instant, null for a post beside the slots.
    """
    post, item = view.post, view.item
    return {
        "id": post.id,
        "account": post.account,
        "slot": iso(post.slot_at) if post.slot_key else None,
        "origin": str(post.origin),
        "due_at": iso(post.due_at),
        "state": str(post.state),
        "revision": post.revision,
        "item": item_shape(item) if item else None,
        "created_at": iso(post.created_at),
        "decided_by": post.decided_by,
        "decided_at": iso(post.decided_at),
        "posted_at": iso(post.posted_at),
        "attempts": post.tries,
        "next_attempt_at": iso(post.next_try_at),
        "last_error": post.last_error or None,
        "reason": post.reason or None,
        "metadata": _metadata(item, view.publication),
        "publication": _publication(view.publication),
    }


def _metadata(item: MediaItem | None, publication: Publication | None) -> Shape:
    if publication is not None and publication.metadata:
        return dict(publication.metadata)
    if item is None:
        return {}
    words = item.description
    return {
        "title": words.title,
        "caption": words.caption,
        "link_url": words.link_url,
        "tags": list(words.tags),
        "requires_interaction": words.requires_interaction,
        "custom_metadata": dict(words.custom_metadata),
    }


def _publication(publication: Publication | None) -> Shape | None:
    if publication is None:
        return None
    return {"remote_id": publication.remote_id, "url": publication.url}


def journal_shape(entries: Iterable[JournalEntry]) -> list[Shape]:
    """Every move of a post, oldest first; the first comes from nothing."""
    return [
        {
            "at": iso(each.at),
            "from": str(each.from_) if each.from_ else None,
            "to": str(each.to),
            "by": each.by,
            "why": each.why,
        }
        for each in entries
    ]


def slot_shape(account: str, foreseen: Foreseen) -> Shape:
    """One moment of a plan; `slot` is its instant."""
    item = foreseen.item
    return {
        "account": account,
        "slot": iso(foreseen.at),
        "item": {"id": item.id, "name": item.name, "category": item.category} if item else None,
        "why": list(foreseen.why),
    }


def would_do_shape(account: str, would: WouldDo) -> Shape:
    """One thing that a rehearsed turn would do."""
    return {
        "account": account,
        "task": str(would.task),
        "post": would.post.id,
        "due_at": iso(would.post.due_at),
        "item": {"id": would.item.id, "name": would.item.name} if would.item else None,
        "why": would.why,
    }


def sync_shape(report: SyncReport) -> Shape:
    """One sync of one source; a rehearsed one also lists its changes. Its failure is an error without key."""
    failed = [{"key": "", "message": report.failed}] if report.failed else []
    shape: Shape = {"source": report.source, "dry_run": report.dry_run}
    shape |= {name: getattr(report, name) for name in COUNTS}
    shape |= {
        "held": " ".join(held.message for held in report.held) or None,
        "plan": report.plan,
        "errors": [*failed, *({"key": each.key, "message": each.message} for each in report.errors)],
        "duration_ms": report.duration_ms,
    }
    if report.dry_run:
        shape["changes"] = [{"kind": str(each.kind), "key": each.key, "was": each.was} for each in report.changes]
    return shape


def source_shape(source: SourceStanding) -> Shape:
    """One source; one that is only remembered has neither kind nor interval.

    `watching` tells whether some process follows its changes just now.
    """
    entry, counts = source.entry, source.counts
    return {
        "name": source.name,
        "kind": entry.kind if entry else None,
        "root": root_of(entry) if entry else "",
        "enabled": source.running,
        "watching": source.watched,
        "interval_s": int(entry.sync_interval.total_seconds()) if entry else None,
        "alive": counts.alive,
        "removed": counts.removed,
        "broken": counts.broken,
        "last_run": run_shape(source.last_run) if source.last_run else None,
        "last_good_at": iso(source.record.last_good_at),
    }


def root_of(entry: SourceEntry) -> str:
    """Where a source looks, as its kind's settings call it: `path`, `root` or `folder`."""
    named = (getattr(entry.options, name, None) for name in ("path", "root", "folder"))
    return next((str(root) for root in named if root is not None), "")


def run_shape(run: Run) -> Shape:
    """One run record, without its traceback."""
    return {
        "id": run.id,
        "step": run.step,
        "subject": run.subject,
        "triggered_by": run.triggered_by,
        "user": run.user,
        "input": dict(run.input),
        "started_at": iso(run.started_at),
        "completed_at": iso(run.completed_at),
        "duration_ms": None if run.duration is None else int(run.duration / timedelta(milliseconds=1)),
        "status": str(run.status),
        "result": dict(run.result) if run.result is not None else None,
        "error": run.error,
        "error_type": run.error_type,
    }


def kinds_shape(kinds: Sequence[KindRecord]) -> Shape:
    """The installed kinds."""
    rows = [
        {"kind": each.kind, "contract": str(each.contract), "package": each.package, "version": each.version}
        for each in kinds
    ]
    return {"kinds": rows}


def health_shape(health: Health) -> Shape:
    """The outcome of `check`."""
    rows = [
        {"name": each.name, "status": str(each.status), "message": each.message, "remedy": each.remedy}
        for each in health.checks
    ]
    return {"status": str(health.status), "checks": rows}


def validation_shape(path: Path, outcome: Validation) -> Shape:
    """The outcome of `media validate` for one file."""
    return {
        "path": str(path),
        "valid": outcome.valid,
        "errors": list(outcome.errors),
        "warnings": list(outcome.warnings),
        "width": outcome.width,
        "height": outcome.height,
        "aspect_ratio": outcome.aspect_ratio,
        "size_mb": outcome.size_mb,
        "format": outcome.format,
    }


def duplicates_shape(groups: Sequence[Duplicates], likened: Likened | None) -> Shape:
    """The outcome of `media duplicates`; `distance` and each item's count the differing bits of 64.

    With near-duplicates, `errors` names the pictures that could not be compared.
    """
    rows: list[Shape] = [
        {
            "digest": group.digest,
            "kind": str(group.kind),
            "distance": group.distance,
            "waste": group.waste,
            "items": [
                item_shape(copy.item) | {"folder": copy.item.folder, "added_at": iso(copy.item.added_at),
                                         "distance": copy.distance}
                for copy in group.copies
            ],
        }
        for group in groups
    ]  # fmt: skip
    if likened is None:
        return {"groups": rows}
    errors = [{"source": each.source, "key": each.key, "message": each.why} for each in likened.problems]
    return {"groups": rows, "errors": errors}


def in_list(name: str, rows: Iterable[Mapping[str, object]]) -> Shape:
    """The rows under their name, as every list is."""
    return {name: [dict(row) for row in rows]}
