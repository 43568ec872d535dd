"""Named cases of what a sync finds, in a small notation, and the way a case is run against an engine.

An item is `id path content marks…`, a listed file `path content marks…`; `key@path` gives a key of its own. The size
follows from the first letter of the content, so `A` and `A2` are as long as one another; `0` is empty. Marks of items:
`gone` (removed), `missing`, `unknown`, `racy`, `future`, `t=5` (time), `h=x` (hint), `v=x` (version). Marks of files:
`t=`, `h=`, `v=`, `given` (the listing knows the digest), `moving`, `denied`, `vanished`, `skipped` (how reading ends).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import attrs

from storyline_core.changes import Change, ChangeSet, Gates, HashPlan, RememberedIndex, Waiting
from storyline_core.media import (
    Fingerprint,
    ListedFile,
    Listing,
    ListingMode,
    RememberedFile,
    Unread,
    Unseen,
)
from storyline_core.reconcile import Sifted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1_000_000_000
NOW_NS = 1_772_366_400 * SECOND
LONG_AGO = NOW_NS - 86_400 * SECOND
READ_AT = NOW_NS - 3_600 * SECOND


class Engine(Protocol):
    """What is tried: the real functions, or a spoilt copy of them."""

    sift: Callable[..., Sifted]
    to_hash: Callable[..., HashPlan]
    reconcile: Callable[..., ChangeSet]
    confirmed: Callable[[ChangeSet, frozenset[str]], ChangeSet]


def size_of(content: str) -> int:
    return 0 if content == "0" else 1_000 + ord(content[0])


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _place(text: str) -> tuple[str, str, str]:
    key, at, path = text.partition("@")
    path = path if at else key
    folder, _, name = path.rpartition("/")
    return key, name, folder


def _marks(words: list[str]) -> dict[str, str]:
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}


def item(text: str) -> RememberedFile:
    number, place, content, *words = text.split()
    marks = _marks(words)
    key, name, folder = _place(place)
    mtime_ns = LONG_AGO + int(marks.get("t", "0")) * SECOND
    hashed_ns = READ_AT
    if "racy" in marks:
        hashed_ns = mtime_ns + SECOND
    if "future" in marks:
        hashed_ns = mtime_ns - 86_400 * SECOND
    return RememberedFile(
        id=int(number),
        key=key,
        name=name,
        folder=folder,
        size=size_of(content),
        mtime_ns=mtime_ns,
        version=marks.get("v", content),
        digest=None if "undigested" in marks else digest_of(content),
        hashed_ns=hashed_ns,
        hint=marks.get("h"),
        missing_since=NOW - timedelta(days=1) if "missing" in marks else None,
        removed_at=NOW - timedelta(days=float(marks["gone"] or 9)) if "gone" in marks else None,
        unknown_since=NOW - timedelta(days=1) if "unknown" in marks else None,
    )


def file(text: str) -> ListedFile:
    place, content, *words = text.split()
    marks = _marks(words)
    key, name, folder = _place(place)
    return ListedFile(
        key=key,
        name=name,
        folder=folder,
        size=size_of(content),
        mtime_ns=LONG_AGO + int(marks.get("t", "0")) * SECOND,
        version=marks.get("v", content),
        media_type="image/jpeg",
        digest=digest_of(content) if "given" in marks else None,
        hint=marks.get("h"),
    )


def read(text: str) -> Fingerprint | Unread | None:
    """How reading the file ends."""
    _, content, *words = text.split()
    entry = file(text)
    if "skipped" in words:
        return None
    if "moving" in words:
        return Unread(entry.key, "moving")
    if "denied" in words:
        return Unread(entry.key, "denied", passing=False)
    if "vanished" in words:
        return Unread(entry.key, "vanished", gone=True)
    return Fingerprint(entry.key, digest_of(content), entry.size, entry.mtime_ns, entry.version)


@attrs.frozen(kw_only=True)
class Case:
    """What was, what is, and everything that must come out of it, no more and no less."""

    name: str
    was: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    gates: Mapping[str, object] = attrs.field(factory=dict)
    listing: Mapping[str, object] = attrs.field(factory=dict)
    force: bool = False
    absent: frozenset[str] | None = None
    hashed: tuple[str, ...] | None = None
    indexed: bool = False


def lines(changes: ChangeSet) -> list[str]:
    """Everything in a plan, as words."""
    found = [_line(change) for change in changes.changes]
    found += [f"missing {number}" for number in changes.missing]
    found += [f"seen {number}" for number in changes.seen]
    found += [f"unknown {number}" for number in changes.unknown]
    found += [f"waiting {waiting.key} {waiting.runs}" for waiting in changes.waiting]
    found += [f"settling {key}" for key in changes.settling]
    found += [f"deferred {problem.key}" for problem in changes.deferred]
    found += [f"problem {problem.key}" for problem in changes.problems]
    found += [f"held {held.gate.value} {held.count}" for held in changes.held]
    return sorted(found)


def _line(change: Change) -> str:
    place = change.key
    if change.was is not None and change.now is not None and change.was.key != change.now.key:
        place = f"{change.was.key}>{change.now.key}"
    return f"{change.kind.value} {change.was.id if change.was else '+'} {place}"


def run(engine: Engine, case: Case, *, turned: bool = False, sifted: bool = False) -> tuple[ChangeSet, tuple[str, ...]]:
    """The plan for a case, with only those files read that the engine asked for; and which these were."""
    remembered = [item(text) for text in case.was][:: -1 if turned else 1]
    files = [file(text) for text in case.now][:: -1 if turned else 1]
    listing = attrs.evolve(Listing(tuple(files)), **case.listing)  # type: ignore[arg-type]
    given = RememberedIndex.of(remembered) if case.indexed else remembered
    if sifted:
        rest = engine.sift((attrs.astuple(one, recurse=False) for one in remembered), listing, force=case.force)
        given, listing = rest.remembered, rest.listing
    plan = engine.to_hash(given, listing, now_ns=NOW_NS, force=case.force)
    disk = {file(text).key: read(text) for text in case.now}
    readings = {entry.key: reading for entry in plan.entries if (reading := disk[entry.key]) is not None}
    changes = engine.reconcile(given, listing, readings, Gates(**case.gates), NOW)  # type: ignore[arg-type]
    if case.absent is not None:
        changes = engine.confirmed(changes, case.absent)
    return changes, tuple(entry.key for entry in plan.entries)


def check(engine: Engine, case: Case) -> None:
    """Run a case and compare; then once more with everything in the opposite order, and once sifted first."""
    changes, hashed = run(engine, case)
    assert lines(changes) == sorted(case.expect), case.name
    assert run(engine, case, turned=True) == (changes, hashed), case.name
    assert run(engine, case, sifted=True) == (changes, hashed), case.name
    if case.hashed is not None:
        assert hashed == case.hashed, case.name


def _many(pattern: str, count: int, start: int = 1) -> tuple[str, ...]:
    return tuple(pattern.format(n=number) for number in range(start, start + count))


def _waiting(key: str, runs: int, hours: int) -> dict[str, Waiting]:
    return {key: Waiting(key, NOW - timedelta(hours=hours), runs)}


IDS = {"keys_survive_renames": True}
LIVING = _many("{n} keep/{n}.jpg L{n}", 20, 100)
"""Twenty items that stay as they are, so that small removals frighten nobody."""
LISTED = tuple(text.partition(" ")[2] for text in LIVING)

CHANGES = ListingMode.CHANGES
SUBTREE = ListingMode.SUBTREE

BY_KEY = (
    Case(
        name="a time far ahead, noted as missing",
        was=("1 a.jpg A future missing",),
        now=("a.jpg A",),
        hashed=(),
        expect=("seen 1",),
    ),
    Case(name="another size alone", was=("1 a.jpg A v=x",), now=("a.jpg B v=x",), expect=("edited 1 a.jpg",)),
    Case(
        name="only the folder under its id",
        was=("1 k@a/x.jpg A",),
        now=("k@b/x.jpg A",),
        gates=IDS,
        expect=("moved 1 k",),
    ),
    Case(
        name="only the name under its id",
        was=("1 k@a/x.jpg A",),
        now=("k@a/y.jpg A",),
        gates=IDS,
        expect=("moved 1 k",),
    ),
    Case(name="nothing differs", was=("1 a.jpg A",), now=("a.jpg A",), hashed=()),
    Case(name="touched", was=("1 a.jpg A",), now=("a.jpg A t=9",), expect=("touched 1 a.jpg",), hashed=("a.jpg",)),
    Case(
        name="another version is only a suspicion",
        was=("1 a.jpg A",),
        now=("a.jpg A v=x",),
        expect=("touched 1 a.jpg",),
        hashed=("a.jpg",),
    ),
    Case(
        name="edited, equally long, at the same time",
        was=("1 a.jpg A",),
        now=("a.jpg A2",),
        expect=("edited 1 a.jpg",),
    ),
    Case(name="edited", was=("1 a.jpg A",), now=("a.jpg B t=9",), expect=("edited 1 a.jpg",)),
    Case(name="read too soon, unchanged", was=("1 a.jpg A racy",), now=("a.jpg A",), expect=("touched 1 a.jpg",)),
    Case(name="read too soon, changed", was=("1 a.jpg A racy v=x",), now=("a.jpg A2 v=x",), expect=("edited 1 a.jpg",)),
    Case(name="a time far ahead is not read for ever", was=("1 a.jpg A future",), now=("a.jpg A",), hashed=()),
    Case(name="forced and equal", was=("1 a.jpg A",), now=("a.jpg A",), force=True, hashed=("a.jpg",)),
    Case(
        name="forced finds a hidden edit",
        was=("1 a.jpg A v=x",),
        now=("a.jpg A2 v=x",),
        force=True,
        expect=("edited 1 a.jpg",),
    ),
    Case(name="first digest", was=("1 a.jpg A undigested",), now=("a.jpg A",), expect=("edited 1 a.jpg",)),
    Case(
        name="given digest needs no reading",
        was=("1 a.jpg A",),
        now=("a.jpg A given t=9",),
        hashed=(),
        expect=("touched 1 a.jpg",),
    ),
    Case(
        name="given digest tells an edit",
        was=("1 a.jpg A v=x",),
        now=("a.jpg A2 given v=x",),
        hashed=(),
        expect=("edited 1 a.jpg",),
    ),
    Case(
        name="back again",
        was=("1 a.jpg A missing", "2 b.jpg B unknown"),
        now=("a.jpg A", "b.jpg B"),
        expect=("seen 1", "seen 2"),
    ),
    Case(
        name="back again and touched",
        was=("1 a.jpg A missing",),
        now=("a.jpg A t=9",),
        expect=("seen 1", "touched 1 a.jpg"),
    ),
    Case(
        name="renamed under its id",
        was=("1 k@a/x.jpg A",),
        now=("k@b/y.jpg A",),
        gates=IDS,
        hashed=(),
        expect=("moved 1 k",),
    ),
    Case(
        name="edited under its id",
        was=("1 k@a.jpg A", "2 l@b.jpg B"),
        now=("k@a.jpg B t=1", "l@b.jpg A t=1"),
        gates=IDS,
        expect=("edited 1 k", "edited 2 l"),
    ),
    Case(name="listed twice alike", was=("1 a.jpg A",), now=("a.jpg A", "a.jpg A")),
    Case(
        name="listed twice with two stories",
        was=("1 a.jpg A",),
        now=("a.jpg A", "a.jpg B"),
        expect=("unknown 1", "problem a.jpg"),
    ),
    Case(name="a new file listed twice with two stories", now=("a.jpg A", "a.jpg B"), expect=("problem a.jpg",)),
)

BY_CONTENT = (
    Case(name="renamed", was=("1 a.jpg A",), now=("b.jpg A",), expect=("moved 1 a.jpg>b.jpg",)),
    Case(name="a copy is a new item", was=("1 a.jpg A",), now=("a.jpg A", "b.jpg A"), expect=("added + b.jpg",)),
    Case(
        name="a copy beside a touched original",
        was=("1 a.jpg A",),
        now=("a.jpg A t=9", "b.jpg A"),
        expect=("touched 1 a.jpg", "added + b.jpg"),
    ),
    Case(
        name="swapped",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("a.jpg B", "b.jpg A"),
        expect=("moved 1 a.jpg>b.jpg", "moved 2 b.jpg>a.jpg"),
    ),
    Case(
        name="a circle of three",
        was=("1 a.jpg A", "2 b.jpg B", "3 c.jpg C"),
        now=("a.jpg C", "b.jpg A", "c.jpg B"),
        expect=("moved 1 a.jpg>b.jpg", "moved 2 b.jpg>c.jpg", "moved 3 c.jpg>a.jpg"),
    ),
    Case(
        name="a chain with a new head",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("a.jpg N", "b.jpg A", "c.jpg B"),
        expect=("moved 1 a.jpg>b.jpg", "moved 2 b.jpg>c.jpg", "added + a.jpg"),
    ),
    Case(
        name="moved over another",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=("b.jpg A", *LISTED),
        expect=("moved 1 a.jpg>b.jpg", "removed 2 b.jpg"),
    ),
    Case(
        name="a picture takes an old name, the old one is elsewhere",
        was=("1 a.jpg A",),
        now=("a.jpg N", "old/a.jpg A"),
        expect=("moved 1 a.jpg>old/a.jpg", "added + a.jpg"),
    ),
    Case(
        name="edited and copied away before",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A", "c.jpg B"),
        expect=("moved 1 a.jpg>b.jpg", "added + a.jpg", "added + c.jpg"),
    ),
    Case(
        name="empty files are never matched",
        was=("1 a.jpg 0", *LIVING),
        now=("b.jpg 0", *LISTED),
        expect=("removed 1 a.jpg", "added + b.jpg"),
    ),
    Case(
        name="equal sizes of other content are never matched",
        was=("1 a.jpg A", *LIVING),
        now=("b.jpg A2", *LISTED),
        expect=("removed 1 a.jpg", "added + b.jpg"),
    ),
    Case(
        name="a folder moved",
        was=("1 o/a.jpg A", "2 o/b.jpg B", "3 o/c.jpg B"),
        now=("n/a.jpg A", "n/b.jpg B", "n/c.jpg B"),
        expect=("moved 1 o/a.jpg>n/a.jpg", "moved 2 o/b.jpg>n/b.jpg", "moved 3 o/c.jpg>n/c.jpg"),
    ),
    Case(
        name="twins follow the vote of their folders",
        was=("1 o/u.jpg U", "2 p/w.jpg W", "3 o/x.jpg X", "4 p/x.jpg X"),
        now=("z/u.jpg U", "m/w.jpg W", "z/x.jpg X", "m/x.jpg X"),
        expect=(
            "moved 1 o/u.jpg>z/u.jpg",
            "moved 2 p/w.jpg>m/w.jpg",
            "moved 3 o/x.jpg>z/x.jpg",
            "moved 4 p/x.jpg>m/x.jpg",
        ),
    ),
    Case(
        name="a folder without a vote follows its parent",
        was=("1 o/u.jpg U", "2 p/w.jpg W", "3 o/s/x.jpg X", "4 p/s/x.jpg X"),
        now=("z/u.jpg U", "m/w.jpg W", "z/s/x.jpg X", "m/s/x.jpg X"),
        expect=(
            "moved 1 o/u.jpg>z/u.jpg",
            "moved 2 p/w.jpg>m/w.jpg",
            "moved 3 o/s/x.jpg>z/s/x.jpg",
            "moved 4 p/s/x.jpg>m/s/x.jpg",
        ),
    ),
    Case(
        name="most votes win",
        was=("1 o/u.jpg U", "2 o/v.jpg V", "3 o/w.jpg W", "4 o/x.jpg X", "5 q/x.jpg X"),
        now=("b/u.jpg U", "b/v.jpg V", "a/w.jpg W", "a/x.jpg X", "b/x.jpg X"),
        expect=(
            "moved 1 o/u.jpg>b/u.jpg",
            "moved 2 o/v.jpg>b/v.jpg",
            "moved 3 o/w.jpg>a/w.jpg",
            "moved 4 o/x.jpg>b/x.jpg",
            "moved 5 q/x.jpg>a/x.jpg",
        ),
    ),
    Case(
        name="hint and time before names",
        was=("1 a.jpg X h=7 t=1", "2 b.jpg X h=8 t=2"),
        now=("c/b.jpg X h=7 t=1", "c/a.jpg X h=8 t=2"),
        expect=("moved 1 a.jpg>c/b.jpg", "moved 2 b.jpg>c/a.jpg"),
    ),
    Case(
        name="a hint alone proves nothing",
        was=("1 a.jpg X h=7 t=1", "2 b.jpg X h=8 t=2"),
        now=("c/b.jpg X h=7 t=3", "c/a.jpg X h=8 t=4"),
        expect=("moved 1 a.jpg>c/a.jpg", "moved 2 b.jpg>c/b.jpg"),
    ),
    Case(
        name="name before folder",
        was=("1 o/a.jpg X", "2 p/b.jpg X"),
        now=("p/a.jpg X", "o/b.jpg X"),
        expect=("moved 1 o/a.jpg>p/a.jpg", "moved 2 p/b.jpg>o/b.jpg"),
    ),
    Case(
        name="folder before time",
        was=("1 o/a.jpg X t=1", "2 p/b.jpg X t=2"),
        now=("p/c.jpg X t=1", "o/d.jpg X t=2"),
        expect=("moved 1 o/a.jpg>o/d.jpg", "moved 2 p/b.jpg>p/c.jpg"),
    ),
    Case(
        name="time before path ends",
        was=("1 o/1x.jpg X t=1", "2 p/2y.jpg X t=2"),
        now=("r/3y.jpg X t=1", "s/4x.jpg X t=2"),
        expect=("moved 1 o/1x.jpg>r/3y.jpg", "moved 2 p/2y.jpg>s/4x.jpg"),
    ),
    Case(
        name="longest path end",
        was=("1 o/1x.jpg X t=1", "2 p/2y.jpg X t=2"),
        now=("r/3y.jpg X t=3", "s/4x.jpg X t=4"),
        expect=("moved 1 o/1x.jpg>s/4x.jpg", "moved 2 p/2y.jpg>r/3y.jpg"),
    ),
    Case(
        name="nothing to tell them apart: by key",
        was=("1 o/1 X t=1", "2 p/2 X t=2"),
        now=("r/3 X t=3", "s/4 X t=4"),
        expect=("moved 1 o/1>r/3", "moved 2 p/2>s/4"),
    ),
    Case(
        name="equal names are told apart by folder ends",
        was=("1 a/p/x.jpg X t=1", "2 b/q/x.jpg X t=2"),
        now=("c/q/x.jpg X t=3", "d/p/x.jpg X t=4"),
        expect=("moved 1 a/p/x.jpg>d/p/x.jpg", "moved 2 b/q/x.jpg>c/q/x.jpg"),
    ),
    Case(
        name="more gone than new",
        was=("1 a.jpg X", "2 b.jpg X", *LIVING),
        now=("n/b.jpg X", *LISTED),
        expect=("moved 2 b.jpg>n/b.jpg", "removed 1 a.jpg"),
    ),
    Case(
        name="more new than gone",
        was=("1 a.jpg X",),
        now=("n/a.jpg X", "n/b.jpg X"),
        expect=("moved 1 a.jpg>n/a.jpg", "added + n/b.jpg"),
    ),
    Case(
        name="deleted and uploaded again under a new id",
        was=("1 k@a.jpg A",),
        now=("l@a.jpg A",),
        gates=IDS,
        expect=("moved 1 k>l",),
    ),
)

RETURNS = (
    Case(
        name="an id before a name",
        was=("1 k@a.jpg A gone=5", "2 l@b.jpg A gone=1"),
        now=("k@b.jpg A",),
        gates=IDS,
        expect=("restored 1 k",),
    ),
    Case(
        name="what stands is no sign of a move",
        was=("1 a.jpg D",),
        now=("a.jpg D", "b.jpg D", "c.jpg C"),
        hashed=("c.jpg", "b.jpg"),
        expect=("added + b.jpg", "added + c.jpg"),
    ),
    Case(
        name="restored at its place",
        was=("1 a.jpg A gone",),
        now=("a.jpg A",),
        expect=("restored 1 a.jpg",),
        hashed=("a.jpg",),
    ),
    Case(name="restored elsewhere", was=("1 a.jpg A gone",), now=("b.jpg A",), expect=("restored 1 a.jpg>b.jpg",)),
    Case(
        name="the same path with other content is new",
        was=("1 a.jpg A gone",),
        now=("a.jpg B",),
        expect=("added + a.jpg",),
    ),
    Case(
        name="its place before its name",
        was=("1 a/x.jpg A gone=5", "2 b/x.jpg A gone=1"),
        now=("a/x.jpg A",),
        expect=("restored 1 a/x.jpg",),
    ),
    Case(
        name="name before folder and time",
        was=("1 a/x.jpg A gone=5", "2 b/y.jpg A gone=1"),
        now=("b/x.jpg A",),
        expect=("restored 1 a/x.jpg>b/x.jpg",),
    ),
    Case(
        name="restored by folder before time",
        was=("1 a/x.jpg A gone=5", "2 b/y.jpg A gone=1"),
        now=("a/z.jpg A",),
        expect=("restored 1 a/x.jpg>a/z.jpg",),
    ),
    Case(
        name="the latest removed",
        was=("1 a.jpg A gone=1", "2 b.jpg A gone=5"),
        now=("c.jpg A",),
        expect=("restored 1 a.jpg>c.jpg",),
    ),
    Case(
        name="the latest removed, whatever its number",
        was=("1 a.jpg A gone=5", "2 b.jpg A gone=1"),
        now=("c.jpg A",),
        expect=("restored 2 b.jpg>c.jpg",),
    ),
    Case(
        name="each is used once",
        was=("1 a.jpg A gone",),
        now=("b.jpg A", "c.jpg A"),
        expect=("restored 1 a.jpg>b.jpg", "added + c.jpg"),
    ),
    Case(
        name="the living before the removed",
        was=("1 a.jpg A", "2 b.jpg A gone"),
        now=("b.jpg A",),
        expect=("moved 1 a.jpg>b.jpg",),
    ),
    Case(name="empty files do not come back", was=("1 a.jpg 0 gone",), now=("a.jpg 0",), expect=("added + a.jpg",)),
    Case(
        name="restored where another has left",
        was=("1 a.jpg A", "2 a.jpg B gone"),
        now=("a.jpg B", "c.jpg A"),
        expect=("moved 1 a.jpg>c.jpg", "restored 2 a.jpg"),
    ),
    Case(
        name="likely moves are read first, large files last",
        was=("1 a.jpg C", "2 b.jpg D gone", "3 e.jpg E missing"),
        now=("n1.jpg B", "n2.jpg C", "n3.jpg D", "n4.jpg A", "n5.jpg E", "n6.jpg Z"),
        hashed=("n2.jpg", "n3.jpg", "n5.jpg", "n4.jpg", "n1.jpg", "n6.jpg"),
        expect=(
            "moved 1 a.jpg>n2.jpg",
            "restored 2 b.jpg>n3.jpg",
            "moved 3 e.jpg>n5.jpg",
            "seen 3",
            "added + n1.jpg",
            "added + n4.jpg",
            "added + n6.jpg",
        ),
    ),
)

READINGS = (
    Case(
        name="moved under the reader",
        was=("1 a.jpg A",),
        now=("a.jpg B moving",),
        expect=("unknown 1", "deferred a.jpg"),
    ),
    Case(name="must not be read", was=("1 a.jpg A",), now=("a.jpg B denied",), expect=("unknown 1", "problem a.jpg")),
    Case(name="not read at all", was=("1 a.jpg A",), now=("a.jpg B skipped",), expect=("unknown 1", "deferred a.jpg")),
    Case(
        name="vanished before it was read",
        was=("1 a.jpg A", *LIVING),
        now=("a.jpg B vanished", *LISTED),
        expect=("removed 1 a.jpg",),
    ),
    Case(
        name="vanished here, found there",
        was=("1 a.jpg A",),
        now=("a.jpg A t=9 vanished", "b.jpg A"),
        expect=("moved 1 a.jpg>b.jpg",),
    ),
    Case(
        name="new and half-written",
        now=("a.jpg A moving", "b.jpg B denied", "c.jpg C vanished"),
        expect=("deferred a.jpg", "problem b.jpg"),
    ),
    Case(
        name="the unread is never an origin",
        was=("1 a.jpg A",),
        now=("a.jpg B moving", "b.jpg A"),
        expect=("unknown 1", "deferred a.jpg", "waiting b.jpg 1"),
    ),
    Case(
        name="gone while a file of its size is unread",
        was=("1 a.jpg A", *LIVING),
        now=("b.jpg A moving", *LISTED),
        expect=("missing 1", "deferred b.jpg"),
    ),
    Case(
        name="gone while a file of another size is unread",
        was=("1 a.jpg A", *LIVING),
        now=("b.jpg B moving", *LISTED),
        expect=("removed 1 a.jpg", "deferred b.jpg"),
    ),
    Case(
        name="evicted while a file of its size is unread",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=("b.jpg A", "c.jpg B moving", *LISTED),
        expect=("missing 1", "missing 2", "deferred b.jpg", "deferred c.jpg"),
    ),
)

SIGHT = (
    Case(
        name="everything unseen, below as well",
        was=("1 o/s/a.jpg A",),
        listing={"unseen": (Unseen("", "no"),)},
        expect=("unknown 1",),
    ),
    Case(
        name="under an unseen folder",
        was=("1 o/s/a.jpg A", "2 os/b.jpg B", *LIVING),
        now=LISTED,
        listing={"unseen": (Unseen("o", "no"),)},
        expect=("unknown 1", "removed 2 os/b.jpg"),
    ),
    Case(name="everything unseen", was=("1 a.jpg A",), listing={"unseen": (Unseen("", "no"),)}, expect=("unknown 1",)),
    Case(name="noted as unknown already", was=("1 a.jpg A unknown",), listing={"unseen": (Unseen("", "no"),)}),
    Case(
        name="one unseen file",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=LISTED,
        listing={"unseen": (Unseen("", "no", "a.jpg"),)},
        expect=("unknown 1", "removed 2 b.jpg"),
    ),
    Case(
        name="may be a move out of the unseen",
        was=("1 o/a.jpg A",),
        now=("n/a.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        expect=("unknown 1", "waiting n/a.jpg 1"),
    ),
    Case(
        name="waits a third time",
        was=("1 o/a.jpg A unknown",),
        now=("n/a.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        gates={"waiting": _waiting("n/a.jpg", 2, 2)},
        expect=("waiting n/a.jpg 3",),
    ),
    Case(
        name="has waited three runs",
        was=("1 o/a.jpg A unknown",),
        now=("n/a.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        gates={"waiting": _waiting("n/a.jpg", 3, 2)},
        expect=("added + n/a.jpg",),
    ),
    Case(
        name="has waited a day",
        was=("1 o/a.jpg A unknown",),
        now=("n/a.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        gates={"waiting": _waiting("n/a.jpg", 1, 24)},
        expect=("added + n/a.jpg",),
    ),
    Case(
        name="waited, and it was a move",
        was=("1 o/a.jpg A unknown",),
        now=("n/a.jpg A",),
        gates={"waiting": _waiting("n/a.jpg", 1, 1)},
        expect=("moved 1 o/a.jpg>n/a.jpg", "seen 1"),
    ),
    Case(
        name="waited, and it was a copy",
        was=("1 o/a.jpg A unknown",),
        now=("o/a.jpg A", "n/a.jpg A"),
        gates={"waiting": _waiting("n/a.jpg", 1, 1)},
        expect=("seen 1", "added + n/a.jpg"),
    ),
    Case(
        name="waited, and is out of sight now",
        was=LIVING,
        now=LISTED,
        listing={"unseen": (Unseen("n", "no"),)},
        gates={"waiting": _waiting("n/a.jpg", 1, 1)},
        expect=("waiting n/a.jpg 1",),
    ),
    Case(name="waited, and is gone", was=LIVING, now=LISTED, gates={"waiting": _waiting("n/a.jpg", 1, 1)}),
    Case(
        name="empty files never wait",
        was=("1 o/a.jpg 0",),
        now=("n/a.jpg 0",),
        listing={"unseen": (Unseen("o", "no"),)},
        expect=("unknown 1", "added + n/a.jpg"),
    ),
    Case(
        name="a subtree speaks of itself",
        was=("1 o/a.jpg A", "2 n/b.jpg B", *LIVING),
        now=("n/c.jpg C",),
        listing={"mode": SUBTREE, "scope": ("n",)},
        expect=("removed 2 n/b.jpg", "added + n/c.jpg"),
    ),
    Case(
        name="a move out of the rest waits",
        was=("1 o/a.jpg A", *LIVING),
        now=("n/a.jpg A",),
        listing={"mode": SUBTREE, "scope": ("n",)},
        expect=("waiting n/a.jpg 1",),
    ),
    Case(
        name="two subtrees see the move",
        was=("1 o/a.jpg A", *LIVING),
        now=("n/a.jpg A",),
        listing={"mode": SUBTREE, "scope": ("n", "o")},
        expect=("moved 1 o/a.jpg>n/a.jpg",),
    ),
)

DELTAS = tuple(
    attrs.evolve(case, name=case.name + how, indexed=indexed)
    for indexed, how in ((False, ""), (True, ", indexed"))
    for case in (
        Case(
            name="silence proves nothing",
            was=("1 a.jpg A", "2 b.jpg B"),
            now=("a.jpg C",),
            listing={"mode": CHANGES},
            expect=("edited 1 a.jpg",),
        ),
        Case(
            name="named as gone",
            was=("1 a.jpg A", "2 b.jpg B", *LIVING),
            listing={"mode": CHANGES, "gone": ("a.jpg",)},
            expect=("removed 1 a.jpg",),
        ),
        Case(
            name="moved between pages",
            was=("1 a.jpg A", *LIVING),
            now=("b.jpg A",),
            listing={"mode": CHANGES, "gone": ("a.jpg",)},
            expect=("moved 1 a.jpg>b.jpg",),
        ),
        Case(
            name="a path whose content is elsewhere waits",
            was=("1 a.jpg A",),
            now=("b.jpg A",),
            listing={"mode": CHANGES},
            expect=("waiting b.jpg 1",),
        ),
        Case(
            name="an id whose content is elsewhere is a copy",
            was=("1 k@a.jpg A",),
            now=("l@a.jpg A",),
            gates=IDS,
            listing={"mode": CHANGES},
            expect=("added + l",),
        ),
        Case(
            name="back from the dead",
            was=("1 a.jpg A gone",),
            now=("b.jpg A given",),
            listing={"mode": CHANGES},
            expect=("restored 1 a.jpg>b.jpg",),
        ),
        Case(
            name="unseen folder",
            was=("1 o/a.jpg A", "2 p/b.jpg B"),
            listing={"mode": CHANGES, "unseen": (Unseen("o", "no"),)},
            expect=("unknown 1",),
        ),
        Case(
            name="unseen file",
            was=("1 a.jpg A", "2 b.jpg B"),
            listing={"mode": CHANGES, "unseen": (Unseen("", "no", "a.jpg"),)},
            expect=("unknown 1",),
        ),
        Case(
            name="broken off",
            was=("1 a.jpg A", *LIVING),
            now=("b.jpg B",),
            listing={"mode": CHANGES, "gone": ("a.jpg",), "complete": False},
            expect=("unknown 1", "held incomplete 1", "added + b.jpg"),
        ),
        Case(
            name="limits count the whole source",
            was=(*_many("{n} d/{n}.jpg D{n}", 11), *LIVING),
            listing={"mode": CHANGES, "gone": tuple(f"d/{n}.jpg" for n in range(1, 11))},
            expect=tuple(f"removed {n} d/{n}.jpg" for n in range(1, 11)),
        ),
        Case(
            name="a whole folder named as gone",
            was=(*_many("{n} d/{n}.jpg D{n}", 10), *LIVING),
            listing={"mode": CHANGES, "gone": tuple(f"d/{n}.jpg" for n in range(1, 11))},
            expect=(*_many("missing {n}", 10), "held folder 10"),
        ),
    )
)

ELEVEN = _many("{n} d{n}/x.jpg D{n}", 11)
TEN = _many("{n} d/{n}.jpg D{n}", 10)
FIFTEEN = _many("{n} e/{n}.jpg E{n}", 15)

GATES = (
    Case(name="unknown before, certainly absent now", was=("1 a.jpg A unknown",), expect=("missing 1", "held empty 1")),
    Case(name="gone", was=("1 a.jpg A", *LIVING), now=LISTED, expect=("removed 1 a.jpg",)),
    Case(name="an empty listing", was=("1 a.jpg A",), expect=("missing 1", "held empty 1")),
    Case(name="an empty listing, missing since before", was=("1 a.jpg A missing",), expect=("held empty 1",)),
    Case(
        name="an empty listing, accepted",
        was=("1 a.jpg A",),
        gates={"accept_removals": True},
        expect=("removed 1 a.jpg",),
    ),
    Case(
        name="an empty subtree is no empty source",
        was=("1 d/a.jpg A", *LIVING),
        listing={"mode": SUBTREE, "scope": ("d",)},
        expect=("removed 1 d/a.jpg",),
    ),
    Case(
        name="ten may go",
        was=(*ELEVEN[:10], *LIVING),
        now=LISTED,
        expect=tuple(f"removed {n} d{n}/x.jpg" for n in range(1, 11)),
    ),
    Case(
        name="eleven of thirty-one may not",
        was=(*ELEVEN, *LIVING),
        now=LISTED,
        expect=(*_many("missing {n}", 11), "held removals 11"),
    ),
    Case(
        name="eleven moves are no removals",
        was=(*ELEVEN, *LIVING),
        now=(*LISTED, *(f"n/{n}.jpg D{n}" for n in range(1, 12))),
        expect=tuple(f"moved {n} d{n}/x.jpg>n/{n}.jpg" for n in range(1, 12)),
    ),
    Case(
        name="a fifth of many may go",
        was=(*ELEVEN, *LIVING, *_many("{n} more/{n}.jpg M{n}", 24, 200)),
        now=(*LISTED, *_many("more/{n}.jpg M{n}", 24, 200)),
        expect=tuple(f"removed {n} d{n}/x.jpg" for n in range(1, 12)),
    ),
    Case(
        name="the removed do not count as living",
        was=(*ELEVEN, *LIVING, *_many("{n} more/{n}.jpg M{n} gone", 24, 200)),
        now=LISTED,
        expect=(*_many("missing {n}", 11), "held removals 11"),
    ),
    Case(
        name="a folder is held, the rest goes on",
        was=(*TEN, "50 x.jpg X", *LIVING),
        now=LISTED,
        expect=(*_many("missing {n}", 10), "held folder 10", "removed 50 x.jpg"),
    ),
    Case(
        name="nine are no folder",
        was=(*TEN[:9], *LIVING),
        now=LISTED,
        expect=tuple(f"removed {n} d/{n}.jpg" for n in range(1, 10)),
    ),
    Case(
        name="a folder in which something stays",
        was=(*TEN, "50 d/x.jpg X", *LIVING),
        now=("d/x.jpg X", *LISTED),
        expect=tuple(f"removed {n} d/{n}.jpg" for n in range(1, 11)),
    ),
    Case(
        name="a folder in which something new came",
        was=(*TEN, *LIVING),
        now=("d/x.jpg X", *LISTED),
        expect=(*(f"removed {n} d/{n}.jpg" for n in range(1, 11)), "added + d/x.jpg"),
    ),
    Case(
        name="a folder in which something new cannot be read yet",
        was=(*TEN, *LIVING),
        now=("d/x.jpg X moving", *LISTED),
        expect=(*_many("missing {n}", 10), "held folder 10", "deferred d/x.jpg"),
    ),
    Case(
        name="a folder whose last file moved out",
        was=(*TEN, "50 d/x.jpg X", *LIVING),
        now=("y/x.jpg X", *LISTED),
        expect=(*_many("missing {n}", 10), "held folder 10", "moved 50 d/x.jpg>y/x.jpg"),
    ),
    Case(
        name="a folder with something unseen in it",
        was=(*TEN, "50 d/s/x.jpg X", *LIVING),
        now=LISTED,
        listing={"unseen": (Unseen("d/s", "no"),)},
        expect=(*(f"removed {n} d/{n}.jpg" for n in range(1, 11)), "unknown 50"),
    ),
    Case(
        name="the root is no folder",
        was=(*_many("{n} {n}.jpg D{n}", 10), *LIVING),
        now=LISTED,
        expect=tuple(f"removed {n} {n}.jpg" for n in range(1, 11)),
    ),
    Case(
        name="an incomplete listing removes nothing",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("b.jpg C", "c.jpg A"),
        listing={"complete": False},
        expect=("unknown 1", "waiting b.jpg 0", "waiting c.jpg 0", "held incomplete 1"),
    ),
    Case(
        name="an incomplete listing cannot be accepted",
        was=("1 a.jpg A",),
        listing={"complete": False},
        gates={"accept_removals": True},
        expect=("unknown 1", "held incomplete 1"),
    ),
    Case(
        name="an incomplete listing that shows everything",
        was=("1 a.jpg A",),
        now=("a.jpg A",),
        listing={"complete": False},
    ),
    Case(
        name="an incomplete listing lets nobody be evicted",
        was=("1 a.jpg A", "2 b.jpg B", "3 c.jpg C"),
        now=("b.jpg A", "a.jpg N", "d.jpg C"),
        listing={"complete": False},
        expect=(
            "missing 1",
            "missing 2",
            "unknown 3",
            "deferred a.jpg",
            "deferred b.jpg",
            "waiting d.jpg 0",
            "held incomplete 3",
        ),
    ),
    Case(
        name="changed filters hide",
        was=("1 a.jpg A", *LIVING),
        now=LISTED,
        listing={"filters": "new"},
        gates={"filters_before": "old"},
        expect=("unknown 1", "held filters 1"),
    ),
    Case(
        name="changed filters, accepted",
        was=("1 a.jpg A", *LIVING),
        now=LISTED,
        listing={"filters": "new"},
        gates={"filters_before": "old", "accept_removals": True},
        expect=("removed 1 a.jpg",),
    ),
    Case(
        name="changed filters, nothing hidden",
        was=("1 a.jpg A",),
        now=("a.jpg A", "b.jpg B"),
        listing={"filters": "new"},
        gates={"filters_before": "old"},
        expect=("added + b.jpg",),
    ),
    Case(
        name="filters seen for the first time",
        was=("1 a.jpg A", *LIVING),
        now=LISTED,
        listing={"filters": "new"},
        expect=("removed 1 a.jpg",),
    ),
    Case(
        name="another source",
        was=("1 a.jpg A",),
        now=("b.jpg B",),
        gates={
            "identity_before": "one",
            "identity_now": "two",
            "accept_removals": True,
            "waiting": _waiting("c.jpg", 1, 1),
        },
        expect=("held identity 1", "waiting c.jpg 1"),
    ),
    Case(
        name="a source that lost its mark",
        was=("1 a.jpg A",),
        now=("b.jpg B",),
        gates={"identity_before": "one"},
        expect=("held identity 1",),
    ),
    Case(
        name="a source that changed while it was looked at",
        now=("b.jpg B",),
        listing={"identity": "one"},
        gates={"identity_now": "two"},
        expect=("held identity 0",),
    ),
    Case(
        name="a source changed after the listing",
        was=("1 a.jpg A",),
        now=("b.jpg B",),
        listing={"identity": "two"},
        gates={"identity_before": "one", "identity_now": "one"},
        expect=("held identity 1",),
    ),
    Case(
        name="the same source",
        was=("1 a.jpg A",),
        now=("b.jpg A",),
        listing={"identity": "one"},
        gates={"identity_before": "one", "identity_now": "one"},
        expect=("moved 1 a.jpg>b.jpg",),
    ),
    Case(name="the first sync", now=("b.jpg A",), gates={"identity_now": "one"}, expect=("added + b.jpg",)),
    Case(
        name="most files have other bytes",
        was=FIFTEEN,
        now=_many("e/{n}.jpg F{n} t=1", 15),
        expect=(*_many("missing {n}", 15), "held dirty 15"),
    ),
    Case(
        name="most files have other bytes, by id",
        was=FIFTEEN,
        now=_many("e/{n}.jpg F{n} t=1", 15),
        gates=IDS,
        expect=(*_many("missing {n}", 15), "held dirty 15"),
    ),
    Case(
        name="most files have other bytes, accepted",
        was=FIFTEEN,
        now=_many("e/{n}.jpg F{n} t=1", 15),
        gates={"accept_removals": True},
        expect=tuple(f"edited {n} e/{n}.jpg" for n in range(1, 16)),
    ),
    Case(
        name="most files have other bytes, and one is gone",
        was=(*FIFTEEN, "50 a.jpg A"),
        now=_many("e/{n}.jpg F{n} t=1", 15),
        expect=(*_many("missing {n}", 15), "missing 50", "held dirty 16"),
    ),
    Case(
        name="ten edits of ten",
        was=_many("{n} {n}.jpg E{n}", 10),
        now=_many("{n}.jpg F{n} t=1", 10),
        expect=tuple(f"edited {n} {n}.jpg" for n in range(1, 11)),
    ),
    Case(
        name="eleven edits of many",
        was=(*ELEVEN, *LIVING),
        now=(*_many("d{n}/x.jpg F{n} t=1", 11), *LISTED),
        expect=tuple(f"edited {n} d{n}/x.jpg" for n in range(1, 12)),
    ),
    Case(
        name="most files touched",
        was=FIFTEEN,
        now=_many("e/{n}.jpg E{n} t=1", 15),
        expect=tuple(f"touched {n} e/{n}.jpg" for n in range(1, 16)),
    ),
)

CHAINS = (
    Case(
        name="an eviction that is held stops the chain",
        was=(*ELEVEN, "50 a.jpg A", "51 b.jpg B", "52 c.jpg C", *LIVING),
        now=("c.jpg B", "b.jpg A", "n.jpg N", *LISTED),
        expect=(
            *_many("missing {n}", 11),
            "missing 50",
            "missing 51",
            "missing 52",
            "held removals 12",
            "deferred b.jpg",
            "deferred c.jpg",
            "added + n.jpg",
        ),
    ),
    Case(
        name="an accepted eviction lets the chain go",
        was=(*ELEVEN, "50 a.jpg A", "51 b.jpg B", "52 c.jpg C", *LIVING),
        now=("c.jpg B", "b.jpg A", "n.jpg N", *LISTED),
        gates={"accept_removals": True},
        expect=(
            *(f"removed {n} d{n}/x.jpg" for n in range(1, 12)),
            "removed 52 c.jpg",
            "moved 50 a.jpg>b.jpg",
            "moved 51 b.jpg>c.jpg",
            "added + n.jpg",
        ),
    ),
    Case(
        name="what would land behind a held chain waits as well",
        was=(*ELEVEN, "50 a.jpg A", "51 b.jpg B", "52 a.jpg R gone", *LIVING),
        now=("b.jpg A", "a.jpg R", *LISTED),
        expect=(
            *_many("missing {n}", 11),
            "missing 50",
            "missing 51",
            "held removals 12",
            "deferred a.jpg",
            "deferred b.jpg",
        ),
    ),
    Case(
        name="swaps are no evictions",
        was=(*ELEVEN, "50 a.jpg A", "51 b.jpg B", *LIVING),
        now=("a.jpg B", "b.jpg A", *LISTED),
        expect=(*_many("missing {n}", 11), "held removals 11", "moved 50 a.jpg>b.jpg", "moved 51 b.jpg>a.jpg"),
    ),
)

CONFIRMED = (
    Case(
        name="confirmed as absent",
        was=("1 a.jpg A", *LIVING),
        now=LISTED,
        absent=frozenset({"a.jpg"}),
        expect=("removed 1 a.jpg",),
    ),
    Case(
        name="not confirmed",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=LISTED,
        absent=frozenset({"a.jpg"}),
        expect=("removed 1 a.jpg", "missing 2"),
    ),
    Case(name="not confirmed, noted before", was=("1 a.jpg A missing", *LIVING), now=LISTED, absent=frozenset()),
    Case(
        name="an eviction is proven by reading",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=("b.jpg A", *LISTED),
        absent=frozenset(),
        expect=("moved 1 a.jpg>b.jpg", "removed 2 b.jpg"),
    ),
)

HALF = {"complete": False}
HINTED = {"missing_before": NOW - timedelta(seconds=2)}

DOUBTS = (
    Case(
        name="half a look proves no edit",
        was=("1 a.jpg A",),
        now=("a.jpg B",),
        listing=HALF,
        expect=("waiting a.jpg 0",),
    ),
    Case(
        name="half a look proves an edit under its id",
        was=("1 k@a.jpg A",),
        now=("k@a.jpg B",),
        gates=IDS,
        listing=HALF,
        expect=("edited 1 k",),
    ),
    Case(
        name="nobody looks for bytes that never were",
        was=("1 a.jpg 0", "2 b.jpg B undigested"),
        now=("a.jpg A", "b.jpg B2"),
        listing=HALF,
        expect=("edited 1 a.jpg", "edited 2 b.jpg"),
    ),
    Case(
        name="bytes that never were in a file that is not read",
        was=("1 a.jpg 0",),
        now=("a.jpg A", "b.jpg 0 moving"),
        expect=("edited 1 a.jpg", "deferred b.jpg"),
    ),
    Case(
        name="half a look shows half a swap",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("a.jpg B",),
        listing=HALF,
        expect=("unknown 2", "waiting a.jpg 0", "held incomplete 1"),
    ),
    Case(
        name="half a look still follows what it sees",
        was=("1 a.jpg A",),
        now=("a.jpg N", "b.jpg A"),
        listing=HALF,
        expect=("moved 1 a.jpg>b.jpg", "added + a.jpg"),
    ),
    Case(
        name="half a look may meet one file twice",
        was=("1 a.jpg A",),
        now=("a.jpg A", "b.jpg A", "n.jpg N"),
        listing=HALF,
        expect=("waiting b.jpg 0", "added + n.jpg"),
    ),
    Case(
        name="half a look does not meet one id twice",
        was=("1 k@a.jpg A",),
        now=("k@a.jpg A", "l@b.jpg A"),
        listing=HALF,
        gates=IDS,
        expect=("added + l",),
    ),
    Case(
        name="half a look may meet one file twice, once in the place of another",
        was=("1 a.jpg A", "2 b.jpg 0"),
        now=("a.jpg A", "b.jpg A"),
        listing=HALF,
        expect=("waiting b.jpg 0",),
    ),
    Case(
        name="half a look may meet one file twice, once where its twin was",
        was=("1 a.jpg A", "2 b.jpg A gone"),
        now=("a.jpg A", "b.jpg A"),
        listing=HALF,
        expect=("waiting b.jpg 0",),
    ),
    Case(
        name="half a look brings back what was removed",
        was=("1 a.jpg A gone",),
        now=("a.jpg A",),
        listing=HALF,
        expect=("restored 1 a.jpg",),
    ),
    Case(
        name="half a look at a part may meet one file twice",
        was=("1 a.jpg A",),
        now=("a.jpg A", "b.jpg A"),
        listing={"mode": SUBTREE, "scope": ("",), "complete": False},
        expect=("waiting b.jpg 0",),
    ),
    Case(
        name="half looks are not counted",
        was=("1 a.jpg A",),
        now=("a.jpg A", "b.jpg A"),
        listing=HALF,
        gates={"waiting": _waiting("b.jpg", 2, 2)},
        expect=("waiting b.jpg 2",),
    ),
    Case(
        name="half a look for a day",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A2"),
        listing=HALF,
        gates={"waiting": _waiting("a.jpg", 0, 24)},
        expect=("edited 1 a.jpg", "added + b.jpg"),
    ),
    Case(
        name="the unseen before its removed twin",
        was=("1 o/a.jpg A", "2 b.jpg A gone"),
        now=("b.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        expect=("unknown 1", "waiting b.jpg 1"),
    ),
    Case(
        name="the unseen may have come over another",
        was=("1 o/a.jpg A", "2 b.jpg B"),
        now=("b.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        expect=("unknown 1", "waiting b.jpg 1"),
    ),
    Case(
        name="the unmentioned may have come over another",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("b.jpg A",),
        listing={"mode": CHANGES},
        expect=("waiting b.jpg 1",),
    ),
    Case(
        name="other bytes while a file of the size of the old ones is unread",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A moving"),
        expect=("waiting a.jpg 1", "deferred b.jpg"),
    ),
    Case(
        name="other bytes while a known file of the size of the old ones is unread",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("a.jpg C", "b.jpg A moving"),
        expect=("unknown 2", "waiting a.jpg 1", "deferred b.jpg"),
    ),
    Case(
        name="other bytes while a file of the size of the old ones moved on",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A vanished"),
        expect=("waiting a.jpg 1",),
    ),
    Case(
        name="other bytes while a known file of the size of the old ones moved on",
        was=("1 a.jpg A", "2 b.jpg B", *LIVING),
        now=("a.jpg C", "b.jpg A vanished", *LISTED),
        expect=("waiting a.jpg 1", "removed 2 b.jpg"),
    ),
    Case(
        name="other bytes while a file of another size is unread, and one may never be",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg B moving", "c.jpg A denied"),
        expect=("edited 1 a.jpg", "deferred b.jpg", "problem c.jpg"),
    ),
    Case(
        name="gone while a file of its size moved on",
        was=("1 a.jpg A", *LIVING),
        now=("b.jpg A vanished", *LISTED),
        expect=("missing 1",),
    ),
    Case(
        name="moved on itself before it was read",
        was=("1 a.jpg A", *LIVING),
        now=("a.jpg A t=9 vanished", *LISTED),
        expect=("missing 1",),
    ),
    Case(
        name="other bytes wait a third time",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A moving"),
        gates={"waiting": _waiting("a.jpg", 2, 2)},
        expect=("waiting a.jpg 3", "deferred b.jpg"),
    ),
    Case(
        name="other bytes have waited for three runs",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A moving"),
        gates={"waiting": _waiting("a.jpg", 3, 2)},
        expect=("edited 1 a.jpg", "deferred b.jpg"),
    ),
    Case(
        name="other bytes waited, and the old ones are elsewhere",
        was=("1 a.jpg A",),
        now=("a.jpg B", "b.jpg A"),
        gates={"waiting": _waiting("a.jpg", 1, 1)},
        expect=("moved 1 a.jpg>b.jpg", "added + a.jpg"),
    ),
    Case(
        name="other bytes waited, and the old ones are nowhere",
        was=("1 a.jpg A",),
        now=("a.jpg B",),
        gates={"waiting": _waiting("a.jpg", 1, 1)},
        expect=("edited 1 a.jpg",),
    ),
    Case(
        name="other bytes waited a moment ago, and a look at a part cannot tell yet",
        was=("1 a.jpg A",),
        now=("a.jpg B",),
        listing={"mode": CHANGES},
        gates={**HINTED, "waiting": _waiting("a.jpg", 1, 0)},
        expect=("waiting a.jpg 1", "settling a.jpg"),
    ),
    Case(
        name="other bytes waited, and a look at a part sees that they stay",
        was=("1 a.jpg A",),
        now=("a.jpg B",),
        listing={"mode": CHANGES},
        gates={**HINTED, "waiting": _waiting("a.jpg", 1, 1)},
        expect=("edited 1 a.jpg",),
    ),
    Case(
        name="a part shows other bytes, and something that cannot be read",
        was=("1 a.jpg A", "2 c.jpg A2", "3 d.jpg D"),
        now=("a.jpg B", "b.jpg A moving"),
        listing={"mode": CHANGES, "gone": ("c.jpg",)},
        gates={**HINTED, "waiting": _waiting("a.jpg", 1, 1)},
        expect=("waiting a.jpg 1", "missing 2", "deferred b.jpg", "settling a.jpg", "settling c.jpg"),
    ),
    Case(
        name="a part shows what may have come out of the unseen",
        was=("1 o/a.jpg A", "2 b.jpg B"),
        now=("b.jpg A",),
        listing={"mode": CHANGES, "unseen": (Unseen("o", "no"),)},
        gates={**HINTED, "waiting": _waiting("b.jpg", 0, 1)},
        expect=("unknown 1", "waiting b.jpg 0"),
    ),
    Case(
        name="other bytes waited, and cannot be read now",
        was=("1 a.jpg A",),
        now=("a.jpg B moving",),
        gates={"waiting": _waiting("a.jpg", 1, 1)},
        expect=("unknown 1", "deferred a.jpg", "waiting a.jpg 1"),
    ),
    Case(
        name="other bytes waited, and the old ones are back",
        was=("1 a.jpg A", "2 b.jpg B"),
        now=("a.jpg A t=9", "b.jpg B"),
        listing={"unseen": (Unseen("o", "no"),)},
        gates={"waiting": _waiting("a.jpg", 1, 1)},
        expect=("touched 1 a.jpg",),
    ),
    Case(
        name="other bytes waited, and it is as if they never were",
        was=("1 a.jpg A",),
        now=("a.jpg A",),
        gates={"waiting": _waiting("a.jpg", 1, 1)},
    ),
    Case(
        name="other bytes waited, and it is as if they never were, while something is out of sight",
        was=("1 a.jpg A",),
        now=("a.jpg A",),
        listing={"unseen": (Unseen("o", "no"),)},
        gates={"waiting": _waiting("a.jpg", 1, 1)},
        expect=("waiting a.jpg 1",),
    ),
    Case(
        name="a part shows another file in the place of one",
        was=("1 a.jpg A h=7",),
        now=("a.jpg B h=8",),
        listing={"mode": CHANGES},
        gates=HINTED,
        expect=("missing 1", "settling a.jpg"),
    ),
    Case(
        name="a part shows another file in the place of one that has been missing",
        was=("1 a.jpg A h=7 missing",),
        now=("a.jpg B h=8",),
        listing={"mode": CHANGES},
        gates=HINTED,
        expect=("edited 1 a.jpg", "seen 1"),
    ),
    Case(
        name="a part shows another file in the place of one, and where that went",
        was=("1 a.jpg A h=7",),
        now=("a.jpg B h=8", "b.jpg A h=7"),
        listing={"mode": CHANGES},
        gates=HINTED,
        expect=("moved 1 a.jpg>b.jpg", "added + a.jpg"),
    ),
    Case(
        name="a part shows the same file with other bytes, and files that nobody can tell apart",
        was=("1 a.jpg A h=7", "2 b.jpg B h=8", "3 c.jpg C"),
        now=("a.jpg A2 h=7", "b.jpg B2", "c.jpg C2 h=9"),
        listing={"mode": CHANGES},
        gates=HINTED,
        expect=("edited 1 a.jpg", "edited 2 b.jpg", "edited 3 c.jpg"),
    ),
    Case(
        name="a whole look shows another file in the place of one",
        was=("1 a.jpg A h=7",),
        now=("a.jpg B h=8",),
        expect=("edited 1 a.jpg",),
    ),
)

CASES = (
    *BY_KEY,
    *BY_CONTENT,
    *RETURNS,
    *READINGS,
    *SIGHT,
    *DELTAS,
    *GATES,
    *CHAINS,
    *CONFIRMED,
    *DOUBTS,
)
