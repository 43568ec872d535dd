"""What is known of where a picture comes from, as one more place that says something about it: the weakest of all."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from storyline_core.media import Description, Provenance
from storyline_core.metadata.documents import Partial

PROVENANCE = "provenance"
"""The key in `custom_metadata` under which an item says where it comes from. It is no sticker."""


def provenance_to_json(provenance: Provenance, tags: tuple[str, ...] = ()) -> dict[str, object]:
    """A provenance as plain JSON values, with the tags that its text had; what is not known is left out."""
    said: dict[str, object] = {
        "remote_id": provenance.remote_id,
        "posted_at": provenance.posted_at.isoformat().replace("+00:00", "Z") if provenance.posted_at else "",
        "permalink": provenance.permalink or "",
        "caption": provenance.caption,
        "sent_by": provenance.sent_by,
        "tags": list(tags),
    }
    return {name: value for name, value in said.items() if value}


def said_by_provenance(provenance: Mapping[str, object] | None) -> Partial | None:
    """What a stored provenance says of its item: the caption and tags it had, and where and when it was posted."""
    if not provenance:
        return None
    caption, tags = provenance.get("caption"), provenance.get("tags")
    rest = {name: value for name, value in provenance.items() if name not in ("caption", "tags")}
    return Partial(
        caption=str(caption) if caption else None,
        tags=tuple(map(str, tags)) if isinstance(tags, list) and tags else None,
        custom_metadata={PROVENANCE: rest} if rest else None,
    )


def beneath(description: Description, said: Partial | None) -> Description:
    """A description with what a provenance says wherever nobody else says anything."""
    if said is None:
        return description
    return attrs.evolve(
        description,
        caption=description.caption or said.caption or "",
        tags=description.tags or said.tags or (),
        custom_metadata={**(said.custom_metadata or {}), **description.custom_metadata},
    )
