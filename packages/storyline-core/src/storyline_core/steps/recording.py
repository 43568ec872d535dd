"""What a settled decision leaves behind: proof, counters and holds, in the same transaction as the move."""

from __future__ import annotations

from datetime import datetime

import attrs

from storyline_core.media import Description
from storyline_core.moves import Details, advance
from storyline_core.posts import Post, PostEvent, Publication
from storyline_core.steps.line import Line
from storyline_core.store import Hold, Reason, Unit


def record_posted(
    line: Line, unit: Unit, post: Post, event: PostEvent, publication: Publication, now: datetime, details: Details
) -> Post:
    """Settle a post as posted, with its publication, its item's counters and its cooldown."""
    after = attrs.evolve(advance(post, event, now, details), claimed_by=None, claimed_until=None)
    proof = attrs.evolve(publication, metadata={**snapshot_of(unit, post), **publication.metadata})
    unit.queue.record(post, after, proof, event=event, by=details.by, why=details.why, at=now)
    hold_item(unit, after, Reason.COOLDOWN, until=post.slot_at + line.account.cooldown_posted, by=details.by, now=now)
    return after


def hold_item(unit: Unit, post: Post, reason: Reason, *, until: datetime | None, by: str, now: datetime) -> None:
    """Keep the post's item and its twins out of the post's account until then (None: for ever)."""
    if post.item_id is None:
        return
    unit.holds.add(
        Hold(
            item_id=post.item_id,
            digest=post.digest,
            account=post.account,
            reason=reason,
            until=until,
            by=by,
            at=now,
            post_id=post.id,
        )
    )


def snapshot_of(unit: Unit, post: Post) -> dict[str, object]:
    """What the item was called and said when it went out."""
    if post.item_id is None:
        return {}
    item = unit.library.item(post.item_id)
    return {
        "source": item.source,
        "key": item.key,
        "name": item.name,
        "category": item.category,
        "digest": item.digest,
        "media_type": item.media_type,
        **described(item.description),
    }


def described(description: Description) -> dict[str, object]:
    """A description as plain values, for a snapshot or a document."""
    return {
        **attrs.asdict(description),
        "tags": list(description.tags),
        "custom_metadata": dict(description.custom_metadata),
    }
