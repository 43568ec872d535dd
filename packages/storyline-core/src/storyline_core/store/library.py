"""The library: what is remembered of every item and document of a source, and how a run's plan is written."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import attrs
from sqlalchemy import RowMapping, Select, delete, func, select, update

from storyline_core.accounts import Account
from storyline_core.media import Description, RememberedDocument, RememberedFile, RememberedRow
from storyline_core.reconcile import ChangeSet
from storyline_core.selection import Candidate
from storyline_core.store import applying, candidates, remembering
from storyline_core.store.applying import Applied, StoredDocument
from storyline_core.store.catalogue import Catalogue
from storyline_core.store.columns import read_instant
from storyline_core.store.convert import description_of
from storyline_core.store.remembering import Part
from storyline_core.store.tables import documents as document_table
from storyline_core.store.tables import holds, item_events, items, past_media, posts, publications

_REMEMBERED = [items.c[name] for name in attrs.fields_dict(RememberedFile)]
_FIRST_INSTANT = list(attrs.fields_dict(RememberedFile)).index("missing_since")
_DOCUMENT = [document_table.c[name] for name in attrs.fields_dict(RememberedDocument)]
_NAMED = [items.c[name] for name in ("id", "key", "name", "folder", "edits", "provenance")]
_NAMED += [items.c[name] for name in attrs.fields_dict(Description)]
_AT_ONCE = 5_000
_ON_THE_SERVER = "remembered"


@attrs.frozen
class ItemName:
    """What is needed to describe an item again: where it lies, what is said of it now, what was edited, its origin."""

    id: int
    key: str
    name: str
    folder: str
    description: Description
    edits: Mapping[str, object]
    provenance: Mapping[str, object] | None = None


class Library(Catalogue):
    """Items, tombstones and documents, within one unit."""

    def remembered(self, source: str) -> list[RememberedFile]:
        """Every item of a source, alive or removed, as `reconcile` needs it."""
        return [RememberedFile(*row) for row in self.remembered_rows(source)]

    def remembered_rows(self, source: str) -> Iterator[RememberedRow]:
        """The same as bare rows, one after the other: a million of them never lie in memory at once."""
        compiled = select(*_REMEMBERED).where(items.c.source == source).compile(dialect=self.connection.dialect)
        parameters = [source] if compiled.positional else {next(iter(compiled.params)): source}
        # A cursor with a name stays on the server, which hands out its rows in parts.
        name = () if self.connection.dialect.name == "sqlite" else (_ON_THE_SERVER,)
        # SQLAlchemy's own type of a cursor knows no iteration.
        cursor: typing.Any = self.connection.connection.cursor(*name)
        try:
            cursor.execute(str(compiled), parameters)
            for row in cursor:
                if row[10] is None and row[11] is None and row[12] is None:
                    yield row
                else:
                    yield (*row[:_FIRST_INSTANT], *map(read_instant, row[_FIRST_INSTANT:]))
        finally:
            cursor.close()

    def has_living(self, source: str) -> bool:
        """Whether the source has any item that is not removed."""
        living = select(items.c.id).where(items.c.source == source, items.c.removed_at.is_(None)).limit(1)
        return self.connection.execute(living).first() is not None

    def digests_among(self, source: str, digests: Collection[str]) -> set[str]:
        """Those of the digests that living items of the source have."""
        return remembering.digests_among(self.connection, source, digests)

    def remembered_part(self, source: str, part: Part) -> list[RememberedFile]:
        """The items that a look at a part can matter to, in no order; some may come twice: see `remembering`."""
        return remembering.files(self.connection, source, part)

    def documents_part(self, source: str, part: Part) -> list[RememberedDocument]:
        """The same of documents; `part.beside` are folders of which only what lies directly in them matters."""
        return remembering.documents(self.connection, source, part)

    def living(self, source: str) -> int:
        """How many items of the source are not removed."""
        return remembering.living(self.connection, source)

    def living_by_category(self, source: str) -> dict[str, int]:
        """The same under each top folder."""
        return remembering.living_by_category(self.connection, source)

    def broken(self, source: str) -> int:
        """How many living items of the source cannot be opened."""
        return remembering.broken(self.connection, source)

    def broken_among(self, ids: Collection[int]) -> frozenset[int]:
        """Those of the ids that belong to living items that cannot be opened."""
        return remembering.broken_among(self.connection, ids)

    def unknown_since(self, source: str, before: datetime) -> int:
        """How many living items were last seen before that, and could not be looked for since."""
        return remembering.unknown_since(self.connection, source, before)

    def documents(self, source: str) -> list[RememberedDocument]:
        """Every metadata document of a source."""
        rows = self.connection.execute(select(*_DOCUMENT).where(document_table.c.source == source))
        return [RememberedDocument(*row) for row in rows]

    def document_texts(self, source: str, keys: Collection[str] | None = None) -> dict[str, str]:
        """The texts of a source's documents by key: all of them, or those of the given keys."""
        texts = select(document_table.c.key, document_table.c.text).where(document_table.c.source == source)
        if keys is None:
            return {row[0]: row[1] for row in self.connection.execute(texts)}
        found: dict[str, str] = {}
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), _AT_ONCE):
            part = texts.where(document_table.c.key.in_(wanted[start : start + _AT_ONCE]))
            found.update((key, text) for key, text in self.connection.execute(part))
        return found

    def document_problems(self, source: str) -> dict[str, str]:
        """What is wrong with a source's documents, by key."""
        wrong = (document_table.c.source == source, document_table.c.problem.is_not(None))
        rows = self.connection.execute(select(document_table.c.key, document_table.c.problem).where(*wrong))
        return {row[0]: row[1] for row in rows}

    def apply(
        self,
        source: str,
        changes: ChangeSet,
        *,
        descriptions: Mapping[str, Description],
        described: Mapping[int, Description],
        documents: Sequence[StoredDocument],
        gone_documents: Sequence[str],
        now: datetime,
        now_ns: int,
    ) -> Applied:
        """Write one run's plan, in bulk: see `applying.apply`."""
        return applying.apply(
            self.connection,
            source,
            changes,
            descriptions=descriptions,
            described=described,
            documents=documents,
            gone_documents=gone_documents,
            now=now,
            now_ns=now_ns,
        )

    def by_folder(
        self, source: str, folders: Collection[str] | None = None, *, older_than: int | None = None
    ) -> list[ItemName]:
        """The living items that lie directly in these folders (None: in all), for describing them again.

        `older_than` leaves out those with that id or a higher one.
        """
        statement = select(*_NAMED).where(items.c.source == source, items.c.removed_at.is_(None)).order_by(items.c.id)
        if older_than is not None:
            statement = statement.where(items.c.id < older_than)
        if folders is None:
            return [_item_name(row) for row in self.connection.execute(statement).mappings()]
        found: list[ItemName] = []
        wanted = sorted(set(folders))
        for start in range(0, len(wanted), _AT_ONCE):
            part = statement.where(items.c.folder.in_(wanted[start : start + _AT_ONCE]))
            found += [_item_name(row) for row in self.connection.execute(part).mappings()]
        return found

    def candidates(self, account: Account, now: datetime, *, need_no_interaction: bool = False) -> list[Candidate]:
        """Every item that the account could post, held and waiting ones marked: see `candidates.candidates`."""
        return candidates.candidates(self.connection, account, now, need_no_interaction=need_no_interaction)

    def prune(self, older_than: timedelta, now: datetime, *, source: str | None = None) -> int:
        """Forget tombstones older than that, unless posts, history or holds refer to them. Returns how many."""
        gone = _prunable(now - older_than, source)
        self.connection.execute(delete(item_events).where(item_events.c.item_id.in_(gone)))
        return self.connection.execute(delete(items).where(items.c.id.in_(gone))).rowcount

    def count_prunable(self, older_than: timedelta, now: datetime, *, source: str | None = None) -> int:
        """How many tombstones `prune` would forget."""
        gone = _prunable(now - older_than, source).subquery()
        return self.connection.execute(select(func.count()).select_from(gone)).scalar_one()

    def rename_source(self, old: str, new: str) -> None:
        """Carry items and documents over to a source's new name."""
        for table in (items, document_table, past_media):
            self.connection.execute(update(table).where(table.c.source == old).values(source=new))


def _prunable(removed_before: datetime, source: str | None) -> Select[tuple[int]]:
    """The ids of tombstones that nothing refers to."""
    referred = [
        select(table.c.item_id).where(table.c.item_id == items.c.id).exists() for table in (posts, publications, holds)
    ]
    gone = select(items.c.id).where(items.c.removed_at < removed_before, *[~known for known in referred])
    return gone if source is None else gone.where(items.c.source == source)


def _item_name(row: RowMapping) -> ItemName:
    return ItemName(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        folder=row["folder"],
        description=description_of(row),
        edits=row["edits"] or {},
        provenance=row["provenance"],
    )
