"""What pictures look like, by content: which are still unknown, what was found, and what became of looks of old."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, update

from storyline_core.media import Look
from storyline_core.store.columns import storable
from storyline_core.store.tables import items, likenesses
from storyline_core.store.upsert import upsert

_HALF = 1 << 63
_WHOLE = 1 << 64
_SEEN = and_(items.c.removed_at.is_(None), items.c.missing_since.is_(None), items.c.unknown_since.is_(None))
_WITH_BYTES = and_(items.c.digest.is_not(None), items.c.size > 0)


@attrs.frozen
class Sight:
    """A living item that is to be looked at: where its bytes are, how many, and the digest they had."""

    id: int
    source: str
    key: str
    digest: str
    size: int
    width: int | None
    height: int | None


@attrs.frozen
class Likenesses:
    """Derived facts with a version of their own, within one unit."""

    connection: Connection

    def to_look_at(self, source: str, version: int, *, after: int, limit: int) -> list[Sight]:
        """A source's living items that an earlier version of looking saw, in the order of their ids behind `after`."""
        wanted = (items.c.source == source, items.c.look_version < version, items.c.id > after, _SEEN, _WITH_BYTES)
        return self._sights(_sight().where(*wanted).order_by(items.c.id).limit(limit))

    def count_to_look_at(self, source: str, version: int) -> int:
        """How many those are."""
        wanted = (items.c.source == source, items.c.look_version < version, _SEEN, _WITH_BYTES)
        return self.connection.execute(select(func.count()).where(*wanted)).scalar_one()

    def save_looks(self, looks: Mapping[int, tuple[str, Look]]) -> int:
        """Keep what was seen of items, by id, each with the digest it was seen of; how many were kept.

        An item that has other bytes by now stays as it is: whoever read those has looked at them.
        """
        kept = 0
        for item_id, (digest, look) in looks.items():
            of_these_bytes = and_(items.c.id == item_id, items.c.digest == digest, items.c.removed_at.is_(None))
            statement = update(items).where(of_these_bytes, items.c.look_version < look.version)
            kept += self.connection.execute(
                statement.values(
                    media_type=look.media_type,
                    width=look.width,
                    height=look.height,
                    problem=storable(look.problem) if look.problem else None,
                    look_version=look.version,
                )
            ).rowcount
        return kept

    def unknown(
        self, version: int, media_types: Collection[str], sources: Collection[str], *, after: str, limit: int
    ) -> list[Sight]:
        """For each content without a likeness of this version one item that shows it, by digest behind `after`."""
        first = (
            select(func.min(items.c.id))
            .where(self._unknown(version, media_types, sources), items.c.digest > after)
            .group_by(items.c.digest)
            .order_by(items.c.digest)
            .limit(limit)
        )
        return self._sights(_sight().where(items.c.id.in_(first)).order_by(items.c.digest))

    def count_unknown(self, version: int, media_types: Collection[str], sources: Collection[str]) -> int:
        """How many contents those are."""
        wanted = self._unknown(version, media_types, sources)
        return self.connection.execute(select(func.count(items.c.digest.distinct())).where(wanted)).scalar_one()

    def save(self, found: Mapping[str, int | None], version: int) -> None:
        """Keep likenesses by digest: 64 bits, or None for a picture that has none to speak of."""
        rows = [{"digest": digest, "version": version, "bits": _signed(bits)} for digest, bits in found.items()]
        if not rows:
            return
        statement = upsert(self.connection, likenesses)
        new = {"version": statement.excluded.version, "bits": statement.excluded.bits}
        self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=[likenesses.c.digest], set_=new, where=likenesses.c.version <= version
            ),
            rows,
        )

    def known(self, version: int) -> dict[str, int]:
        """The likeness of every living content that has one of this version, by digest."""
        alive = select(items.c.digest).where(items.c.removed_at.is_(None))
        wanted = (likenesses.c.version == version, likenesses.c.bits.is_not(None), likenesses.c.digest.in_(alive))
        rows = self.connection.execute(select(likenesses.c.digest, likenesses.c.bits).where(*wanted))
        return {digest: bits % _WHOLE for digest, bits in rows}

    def _unknown(self, version: int, media_types: Collection[str], sources: Collection[str]) -> ColumnElement[bool]:
        done = select(likenesses.c.digest).where(likenesses.c.digest == items.c.digest, likenesses.c.version >= version)
        return and_(
            _SEEN,
            _WITH_BYTES,
            items.c.problem.is_(None),
            items.c.media_type.in_(sorted(media_types)),
            items.c.source.in_(sorted(sources)),
            ~done.exists(),
        )

    def _sights(self, statement: Select[tuple[object, ...]]) -> list[Sight]:
        return [Sight(**row) for row in self.connection.execute(statement).mappings()]


def _sight() -> Select[tuple[object, ...]]:
    return select(*(items.c[name] for name in attrs.fields_dict(Sight)))


def _signed(bits: int | None) -> int | None:
    """Databases have no unsigned numbers of 64 bits."""
    return bits if bits is None or bits < _HALF else bits - _WHOLE
