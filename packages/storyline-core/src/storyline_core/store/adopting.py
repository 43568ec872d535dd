"""Adopting: what a backfill stored is known for what it is from the very moment at which its item is in the library.

It happens in the transaction that writes the item, whichever sync that is, so that no choice can come in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, or_, select, update

from storyline_core.metadata import beneath, said_by_provenance
from storyline_core.store.convert import description_columns, description_of
from storyline_core.store.tables import holds, item_events, items, past_media

STORED = ("storing", "saved")
"""The states of past media of which an item is expected."""

_AT_ONCE = 1_000


def adopt(connection: Connection, source: str, now: datetime) -> int:
    """Find the living items of what was stored in this source and has none yet; how many were found."""
    expected = (past_media.c.item_id.is_(None), past_media.c.source == source, past_media.c.state.in_(STORED))
    waiting = connection.execute(select(past_media).where(*expected).order_by(past_media.c.at)).mappings().all()
    return sum(
        _adopted(connection, source, waiting[at : at + _AT_ONCE], now) for at in range(0, len(waiting), _AT_ONCE)
    )


def _adopted(connection: Connection, source: str, waiting: Sequence[RowMapping], now: datetime) -> int:
    keys = [row["key"] for row in waiting if row["key"] is not None]
    digests = [row["digest"] for row in waiting if row["digest"] is not None]
    theirs = or_(items.c.key.in_(keys), items.c.digest.in_(digests))
    alive = (items.c.source == source, items.c.removed_at.is_(None))
    found = connection.execute(select(items).where(*alive, theirs).order_by(items.c.id.desc())).mappings().all()
    by_key, by_digest = {item["key"]: item for item in found}, {item["digest"]: item for item in found}
    adopted = 0
    for row in waiting:
        # By its content first: whoever moved it at once has left its key to something else, perhaps.
        item = by_digest.get(row["digest"]) or by_key.get(row["key"])
        if item is not None:
            settle(connection, row, item, now)
            adopted += 1
    return adopted


def settle(connection: Connection, row: RowMapping, item: RowMapping, now: datetime) -> None:
    """Let an item be what this row of past media is: its id and origin, its rest, its event."""
    saved = row["state"] in STORED
    if item["instagram_media_id"] is None:
        origin = origin_of(row)
        described = beneath(description_of(item), said_by_provenance(origin))
        noted = {"instagram_media_id": row["remote_id"], "provenance": origin, **description_columns(described)}
        noted["backfilled_at"] = row["at"] if saved else None
        connection.execute(update(items).where(items.c.id == item["id"]).values(noted))
    for rest in row["rests"]:
        until = datetime.fromisoformat(rest["until"])
        if until > now:
            hold = {"item_id": item["id"], "digest": item["digest"], "account": rest["account"], "until": until}
            connection.execute(holds.insert().values(**hold, reason="cooldown", by="backfill", at=now))
    evidence = f"{row['publisher']} posted it before ({row['posted_at']:%Y-%m-%d %H:%M} UTC, {row['remote_id']})"
    event = {"item_id": item["id"], "at": now, "kind": "backfilled" if saved else "recognised", "evidence": evidence}
    connection.execute(item_events.insert().values(**event))
    this = (past_media.c.publisher == row["publisher"], past_media.c.remote_id == row["remote_id"])
    state = {"state": "saved"} if saved else {}
    connection.execute(update(past_media).where(*this).values(item_id=item["id"], key=item["key"], **state))


def origin_of(row: RowMapping) -> dict[str, object]:
    """Where an item comes from, as it is kept with it."""
    said = {
        "publisher": row["publisher"],
        "kind": row["kind"],
        "remote_id": row["remote_id"],
        "posted_at": row["posted_at"].isoformat().replace("+00:00", "Z"),
        "permalink": row["permalink"],
        "caption": row["caption"],
        "tags": row["tags"],
    }
    return {name: value for name, value in said.items() if value}
