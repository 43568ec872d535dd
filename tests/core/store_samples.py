"""What the store's tests share: files, changes and posts, a counter of statements, and worker processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from queue import Empty

from sqlalchemy import Engine, event

from storyline_core.media import Description, Fingerprint, ListedFile, Look, RememberedFile
from storyline_core.posts import Origin, Post, PostState, post_id
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.store import Applied, Store, Unit, open_store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW_NS = 1_777_000_000_000_000_000
HOUR = timedelta(hours=1)


@contextmanager
def opened(url: str, *, patience: timedelta = timedelta(seconds=30)) -> Iterator[Store]:
    with closing(open_store(url, patience=patience)) as store:
        store.ensure_schema()
        yield store


def file_at(key: str, **other: object) -> ListedFile:
    folder, _, name = key.rpartition("/")
    facts: dict[str, object] = {"size": 7, "mtime_ns": 5, "version": "1:1", "media_type": "image/jpeg", "hint": "17"}
    return ListedFile(key=key, name=name, folder=folder, **(facts | other))  # type: ignore[arg-type]


def digest_of(word: str) -> str:
    return word.encode().hex().ljust(64, "0")[:64]


def reading_of(key: str, content: str, *, look: Look | None = None) -> Fingerprint:
    shown = look or Look("image/jpeg", 1080, 1920)
    return Fingerprint(key, digest_of(content), size=9, mtime_ns=6, version="1:2", look=shown)


def added(key: str, content: str | None = None, **other: object) -> Change:
    return Change(ChangeKind.ADDED, None, file_at(key, **other), reading_of(key, content or key), "new")


def moved(was: RememberedFile, key: str) -> Change:
    return Change(ChangeKind.MOVED, was, file_at(key), None, "same content")


def removed(was: RememberedFile) -> Change:
    return Change(ChangeKind.REMOVED, was, None, None, "absent")


def apply(
    unit: Unit,
    changes: Iterable[Change] | ChangeSet,
    *,
    source: str = "photos",
    descriptions: Mapping[str, Description] | None = None,
    described: Mapping[int, Description] | None = None,
    now: datetime = NOW,
) -> Applied:
    plan = changes if isinstance(changes, ChangeSet) else ChangeSet(changes=tuple(changes))
    return unit.library.apply(
        source,
        plan,
        descriptions=descriptions or {},
        described=described or {},
        documents=(),
        gone_documents=(),
        now=now,
        now_ns=NOW_NS,
    )


def fill(store: Store, keys: Iterable[str], *, source: str = "photos") -> dict[str, int]:
    with store.begin() as unit:
        return dict(apply(unit, [added(key) for key in keys], source=source).added_ids)


def remembered(store: Store, source: str = "photos") -> dict[str, RememberedFile]:
    """The living items by key."""
    with store.read() as unit:
        return {item.key: item for item in unit.library.remembered(source) if item.removed_at is None}


def post_for(item_id: int | None, ordinal: int = 0, *, account: str = "main", digest: str | None = None) -> Post:
    key = f"{account}/2026-05-01/{ordinal}"
    at = NOW + ordinal * HOUR
    return Post(
        id=post_id(key),
        account=account,
        origin=Origin.SCHEDULE,
        slot_key=key,
        slot_at=at,
        due_at=at,
        created_at=NOW,
        item_id=item_id,
        digest=digest if digest is not None or item_id is None else digest_of(f"item {item_id}"),
        state=PostState.SCHEDULED if item_id is not None else PostState.MISSED,
        settled_at=None if item_id is not None else at,
    )


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Every statement that reaches the database inside the block; a bulk one counts once."""
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def in_processes(count: int, work: Callable[[str, int], str], url: str) -> Sequence[str]:
    """What `count` processes answer that start the same work at the same instant."""
    spawning = multiprocessing.get_context("spawn")
    answers: Queue[str] = spawning.Queue()
    gate = spawning.Barrier(count)
    workers = [spawning.Process(target=_answer, args=(gate, answers, work, url, number)) for number in range(count)]
    for worker in workers:
        worker.start()
    try:
        return sorted(answers.get(timeout=120) for _ in workers)
    except Empty:
        raise AssertionError("A worker died without an answer.") from None
    finally:
        for worker in workers:
            worker.join(timeout=30)


def _answer(gate: object, answers: Queue[str], work: Callable[[str, int], str], url: str, number: int) -> None:
    try:
        gate.wait(60)  # type: ignore[attr-defined]
        answers.put(work(url, number))
    except Exception as error:  # noqa: BLE001 - whatever happens there is the answer here
        answers.put(f"{type(error).__name__}: {error}")
