"""How fast the store writes and reads a large library, as shares of what the bare database does in the same run.

`python benchmarks/store.py [postgresql://…]` prints the ratios; 1.0 would be as fast as the bare driver, and sync asks
for 0.5.
"""

from __future__ import annotations

import gc
import io
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, delete, insert, select

from storyline_core.media import Description, Fingerprint, ListedFile, Look
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.store import Store, open_store
from storyline_core.store.tables import item_events, items

COUNT = 100_000
ROUNDS = 3
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def measure(postgresql_url: str | None = None, count: int = COUNT) -> dict[str, float]:
    """The shares for SQLite and, with the URL of an empty database, for PostgreSQL."""
    shares: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'storyline.db'}"}
        if postgresql_url:
            urls["postgresql"] = postgresql_url
        for name, url in urls.items():
            store = open_store(url)
            store.ensure_schema()
            try:
                shares |= {f"{name} {what}": share for what, share in _measure(store, count).items()}
            finally:
                store.close()
    return shares


def _measure(store: Store, count: int) -> dict[str, float]:
    changes = _changes(count)
    rows = _rows_of(store, changes)
    writing = _share(lambda: _write_raw(store, rows), lambda: _write(store, changes), before=lambda: _empty(store))
    reading = _share(lambda: _read_raw(store), lambda: _read(store))
    sifting = _share(lambda: _read_raw(store), lambda: _read_rows(store))
    return {"writing": writing, "reading as a sync does": sifting, "reading as values": reading}


def _share(floor: Callable[[], object], ours: Callable[[], object], before: Callable[[], object] = gc.collect) -> float:
    """Floor over ours, the medians of alternating rounds."""
    times: dict[Callable[[], object], list[float]] = {floor: [], ours: []}
    for _ in range(ROUNDS):
        for run, taken in times.items():
            before()
            gc.collect()
            start = perf_counter()
            kept = run()
            taken.append(perf_counter() - start)
            del kept
    return statistics.median(times[floor]) / statistics.median(times[ours])


def _changes(count: int) -> ChangeSet:
    return ChangeSet(changes=tuple(_added(number) for number in range(count)))


def _added(number: int) -> Change:
    folder = f"category {number % 20}/folder {number % 500:03}"
    name = f"picture {number:06}.jpg"
    key, digest = f"{folder}/{name}", f"{number:064x}"
    file = ListedFile(
        key=key,
        name=name,
        folder=folder,
        size=97_000 + number,
        mtime_ns=1_700_000_000_000_000_000 + number,
        version=f"{number}:{number}",
        media_type="image/jpeg",
        hint=str(number),
    )
    look = Look("image/jpeg", 1080, 1920)
    return Change(
        ChangeKind.ADDED, None, file, Fingerprint(key, digest, file.size, file.mtime_ns, file.version, look), "new"
    )


def _rows_of(store: Store, changes: ChangeSet) -> tuple[list[str], list[tuple[object, ...]]]:
    """The very rows that we write, ready for the driver: what the floor has nothing to do with making."""
    _write(store, changes)
    columns = [column.name for column in items.columns]
    with store.read() as unit:
        statement = str(select(items).compile(unit.connection.engine))
        cursor = unit.connection.connection.cursor()
        cursor.execute(statement)
        return columns, [tuple(row) for row in cursor.fetchall()]


def _empty(store: Store) -> None:
    with store.begin() as unit:
        unit.connection.execute(delete(item_events))
        unit.connection.execute(delete(items))
    if not store.embedded:
        _vacuum(store)


def _vacuum(store: Store) -> None:
    with store.read() as unit:
        engine = unit.connection.engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM items, item_events")


def _write(store: Store, changes: ChangeSet) -> None:
    with store.begin() as unit:
        unit.library.apply(
            "photos",
            changes,
            descriptions=_DESCRIPTIONS,
            described={},
            documents=(),
            gone_documents=(),
            now=NOW,
            now_ns=1,
        )


_DESCRIPTIONS = {_added(number).key: Description(title=f"Picture {number}", tags=("tag",)) for number in range(COUNT)}


def _write_raw(store: Store, rows: tuple[list[str], list[tuple[object, ...]]]) -> None:
    columns, values = rows
    with store.begin() as unit:
        if store.embedded:
            statement = str(insert(items).compile(unit.connection.engine))
            unit.connection.connection.cursor().executemany(statement, values)
        else:
            _copy(unit.connection, columns, values)


def _copy(connection: Connection, columns: list[str], values: list[tuple[object, ...]]) -> None:
    lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in values)
    buffer = io.StringIO("\n".join(lines))
    connection.connection.cursor().copy_expert(f"COPY items ({', '.join(columns)}) FROM STDIN", buffer)


def _read(store: Store) -> object:
    with store.read() as unit:
        return unit.library.remembered("photos")


def _read_rows(store: Store) -> object:
    """As a sync reads them: looked at one by one, and none of them kept."""
    with store.read() as unit:
        return sum(1 for _ in unit.library.remembered_rows("photos"))


def _read_raw(store: Store) -> object:
    with store.read() as unit:
        cursor = unit.connection.connection.cursor()
        cursor.execute(
            "SELECT id, key, name, folder, size, mtime_ns, version, digest, hashed_ns, hint, missing_since, "
            "removed_at, unknown_since FROM items WHERE source = 'photos'"
        )
        return cursor.fetchall()


if __name__ == "__main__":
    for what, share in measure(sys.argv[1] if len(sys.argv) > 1 else None).items():
        print(f"{what}: {share:.2f}")
