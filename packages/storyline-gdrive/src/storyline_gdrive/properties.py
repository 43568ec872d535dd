"""What is noted on a stored file: the properties that only this app sees, within what Drive takes of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from storyline_core import Provenance

MOST_BYTES = 124
"""Of a property's name and value together, in UTF-8."""

MOST_PARTS = 20
"""Over so many properties a long text goes at most; Drive takes thirty of one app on a file."""


def properties_of(source: str, provenance: Provenance | None) -> dict[str, str]:
    """The properties of a file that the source of this name stores.

    A text too long for one property goes on in `name_2`, `name_3` and so on; one too long for all of them is cut.
    """
    told = {"storyline": "stored", "source": source}
    if provenance is not None:
        posted = provenance.posted_at
        told |= {
            "remote_id": provenance.remote_id,
            "posted_at": "" if posted is None else posted.astimezone(UTC).isoformat(timespec="seconds"),
            "sent_by": provenance.sent_by,
        }
    found = {name: value for whole, text in told.items() for name, value in _parts(whole, text, 1)}
    if provenance is not None:
        found.update(_parts("permalink", provenance.permalink or "", 4))
        found.update(_parts("caption", provenance.caption, MOST_PARTS))
    return found


def _parts(name: str, text: str, most: int) -> Iterator[tuple[str, str]]:
    """The text in as many parts as it needs, none of which tears a letter."""
    rest = text.encode("utf-8", "replace").replace(b"\0", b"")
    for number in range(1, most + 1):
        if not rest:
            return
        part_name = name if number == 1 else f"{name}_{number}"
        part = rest[: MOST_BYTES - len(part_name)].decode(errors="ignore")
        yield part_name, part
        rest = rest[len(part.encode()) :]
