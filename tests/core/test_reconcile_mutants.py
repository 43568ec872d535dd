"""Planted mistakes, each of them one that has been made: the table of cases must notice every one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

import attrs
import pytest

from tests.core.reconcile_cases import CASES, Engine, check

ROOMS = ("evidence", "sifting", "matching", "pairing", "drafting", "hashing", "gating", "reconcile")
"""The modules that decide, lowest floor first."""


@attrs.frozen
class Mistake:
    """A text in one module, and what stands there instead."""

    room: str
    right: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.room}: {' '.join(self.right.split())[:60]} -> {' '.join(self.wrong.split())[:60]}"


MISTAKES = (
    # What must be read, and what still stands
    Mistake("evidence", "item.size == entry.size\n            and (mtime", "(mtime"),
    Mistake("evidence", "            and item.version == entry.version\n            and not", "            and not"),
    Mistake("evidence", "and not (item.hashed_ns - margin < mtime <= item.hashed_ns + ahead)", ""),
    Mistake(
        "evidence", "return item.hashed_ns - margin_ns < item.mtime_ns <= item.hashed_ns + SKEW_NS", "return False"
    ),
    Mistake("evidence", "< item.mtime_ns <= item.hashed_ns + SKEW_NS", "< item.mtime_ns"),
    Mistake("evidence", "and item.mtime_ns == entry.mtime_ns and item.version == entry.version", ""),
    Mistake("evidence", "and item.missing_since is None\n", ""),
    Mistake("evidence", "and item.unknown_since is None\n", ""),
    Mistake("evidence", "and (entry.digest is None or entry.digest == digest)", ""),
    Mistake("evidence", "and item.folder == entry.folder", ""),
    Mistake("evidence", "and key not in suspects", ""),
    Mistake("evidence", "if found.arrivals and _is_doubled(remembered, found.arrivals):", "if False:"),
    Mistake("evidence", "for item in remembered if item.removed_at is None}", "for item in remembered}"),
    Mistake("hashing", "if force:", "if False:"),
    Mistake("hashing", "if pair[1].digest is None and not", "if not"),
    Mistake("hashing", "entry.key not in new or entry.size not in lost, ", ""),
    Mistake(
        "hashing", "entry.size not in lost, entry.size, entry.key)", "entry.size not in lost, -entry.size, entry.key)"
    ),
    Mistake("hashing", "if item.removed_at is not None or item.missing_since is not None", ""),
    # What is sifted out, and the numbers of the whole
    Mistake("sifting", "size == entry.size\n            and mtime", "mtime"),
    Mistake("sifting", "            and version == entry.version\n", ""),
    Mistake("sifting", "            and not (hashed - margin < mtime <= hashed + ahead)\n", ""),
    Mistake("sifting", "            and digest is not None\n", ""),
    Mistake("sifting", "            and (entry.digest is None or entry.digest == digest)\n", ""),
    Mistake("sifting", "            and name == entry.name\n", ""),
    Mistake("sifting", "            and folder == entry.folder\n", ""),
    Mistake("sifting", "            and missing is None\n", ""),
    Mistake("sifting", "            and unknown is None\n", ""),
    Mistake("sifting", "            and removed is None\n", ""),
    Mistake("sifting", "if force or", "if"),
    Mistake("sifting", "or len(pending) < len(listing.files):", ":"),
    Mistake("sifting", "living=living, ", ""),
    Mistake("sifting", "folders=folders, ", ""),
    Mistake("sifting", "exact.subtract(Counter(entry.folder for entry in pending))", "pass"),
    Mistake("sifting", ", standing=standing", ""),
    Mistake("gating", " and not whole.listed_besides", ""),
    Mistake("reconcile", "found.unchanged += whole.standing", "pass"),
    # What a listing says of what it does not show
    Mistake("evidence", "or item.folder in self._unseen:", ":"),
    Mistake("evidence", "if item.key in self._unseen_keys or", "if"),
    Mistake("evidence", '"/".join(parts[:end]) in self._tops', 'folder.startswith(tuple(self._tops or "?"))'),
    Mistake("evidence", 'known = "" in self._tops or any', "known = any"),
    Mistake("evidence", "self._whole = listing.complete and believed", "self._whole = believed"),
    Mistake("evidence", "self._whole = listing.complete and believed", "self._whole = listing.complete"),
    Mistake("evidence", "if self._mode is ListingMode.CHANGES:", "if False:"),
    Mistake("evidence", "if self._mode is ListingMode.SUBTREE and item.folder not in self._scope:", "if False:"),
    Mistake(
        "evidence",
        "return Sight.ABSENT if self._whole else Sight.HIDDEN\n        if item.key in self._unseen_keys",
        "return Sight.ABSENT\n        if item.key in self._unseen_keys",
    ),
    Mistake("evidence", "or item.digest in digests]", "]"),
    Mistake("evidence", "for item in remembered.by_digest.get(digest, ())", "for item in ()"),
    # By key
    Mistake("pairing", "if gates.keys_survive_renames:\n            why", "if True:\n            why"),
    Mistake("pairing", "elif (item.folder, item.name) != (entry.folder, entry.name):", "elif False:"),
    Mistake("pairing", "elif arrival.reading is not None and racy(item, margin_ns):", "elif False:"),
    Mistake(
        "pairing", "elif arrival.reading is not None and racy(item, margin_ns):", "elif arrival.reading is not None:"
    ),
    Mistake("pairing", "elif content.gone:\n            found.absent.append(item)\n", "elif False:\n"),
    Mistake(
        "pairing", "elif content.gone:\n            found.unread_sizes", "elif False:\n            found.unread_sizes"
    ),
    Mistake(
        "pairing",
        "found.unknown.append(item)\n            _not_read",
        "found.absent.append(item)\n            _not_read",
    ),
    Mistake("pairing", "if unread.passing:", "if True:"),
    Mistake("pairing", "found.unread_sizes.add(entry.size)", "pass"),
    # By content
    Mistake(
        "matching",
        '("the same bytes and name", lambda item: item.name, lambda new: new.entry.name)',
        '("the same bytes and name", lambda item: None, lambda new: None)',
    ),
    Mistake(
        "drafting",
        "matches = moves([*found.absent, *(item for item, _ in found.displaced)], targets)",
        "matches = moves(found.absent, targets)",
    ),
    Mistake("drafting", "matches = moves([*found.absent,", "matches = moves([*found.absent, *found.unknown,"),
    Mistake("drafting", "[*found.absent, *(item", "[*found.absent, *found.unmentioned, *(item"),
    Mistake(
        "drafting",
        "targets = [*found.arrivals, *(arrival for _, arrival in found.displaced)]",
        "targets = list(found.arrivals)",
    ),
    Mistake("drafting", "if item.id not in moved]\n    free", "]\n    free"),
    Mistake("drafting", "if not claimed:\n                free.append(arrival)", "pass"),
    Mistake("drafting", "draft.evicted.append(item)", "pass"),
    Mistake("matching", "if target.entry.size > 0:", "if True:"),
    Mistake("matching", "votes[gone[0].folder, new[0].entry.folder] += 1", "pass"),
    Mistake("matching", 'min(best.get(was, (0, "")), (-count, now))', "(-count, now)"),
    Mistake("matching", "above = self.became(parent) if slash else None", "above = None"),
    Mistake(
        "matching", "lambda item: None if item.hint is None else (item.hint, item.mtime_ns)", "lambda item: item.hint"
    ),
    Mistake(
        "matching",
        "lambda new: None if new.entry.hint is None else (new.entry.hint, new.entry.mtime_ns)",
        "lambda new: None",
    ),
    Mistake(
        "matching",
        '        ("the same bytes and time", lambda item: item.mtime_ns, lambda new: new.entry.mtime_ns),\n',
        "",
    ),
    Mistake(
        "matching",
        "matches.extend(_pair(gone, new, criteria, _by_path_end))",
        "matches.extend(_pair(gone, new, criteria, _in_order))",
    ),
    Mistake("matching", "- {0}, reverse=True)", "- {0})"),
    Mistake("matching", "sorted(found[content], key=lambda item: (item.key, item.id)),", "found[content],"),
    Mistake("matching", "sorted(wanted[content], key=lambda target: target.entry.key),", "wanted[content],"),
    # Restored, added, waiting
    Mistake(
        "reconcile",
        "    free = matched(draft, found, doubts)\n"
        "    free = settled(draft, free, doubts)\n"
        "    free = restored(draft, free, items)",
        "    found.arrivals = restored(draft, found.arrivals, items)\n    free = matched(draft, found, doubts)",
    ),
    Mistake("matching", "key=_removed_at, reverse=True)", "key=_removed_at)"),
    Mistake("matching", "item.removed_at.timestamp() if item.removed_at is not None else 0.0, item.id)", "item.id, 0)"),
    Mistake(
        "matching", '    ("the same bytes at the same place", lambda item: item.key, lambda new: new.entry.key),\n', ""
    ),
    Mistake("reconcile", "free = restored(draft, free,", "free = free or restored(draft, free,"),
    Mistake("drafting", "if not (doubts.arriving(arrival) and", "if not (False and"),
    Mistake("drafting", "*known) if item.size}", "*known)}"),
    Mistake("drafting", "if not self._gates.keys_survive_renames:", "if True:"),
    Mistake(
        "drafting",
        "            known.extend(self._found.unmentioned)\n            known",
        "            known.extend(self._found.unmentioned)\n        if True:\n            known",
    ),
    Mistake("drafting", "known.extend(self._found.unmentioned)", "pass"),
    Mistake("drafting", "if before.runs >= WAITS_RUNS or", "if before.runs >= WAITS_RUNS - 1 or"),
    Mistake("drafting", "if before.runs >= WAITS_RUNS or", "if before.runs > WAITS_RUNS or"),
    Mistake("drafting", "or self._now - before.since >= WAITS_FOR:", ":"),
    Mistake("drafting", "and not all_seen and", "and"),
    Mistake("drafting", "not in found.waited and", "not in () and"),
    Mistake("drafting", "if key in found.unread\n        or", "if"),
    Mistake("reconcile", "draft.waiting.extend(still_waiting(found, listing, gates, now))", "pass"),
    # What may be where nobody looked
    Mistake("drafting", "() if self._complete else", "() if True else"),
    Mistake("drafting", "(item for item in self._items if item.removed_at is None)", "self._items"),
    Mistake("drafting", "(*self._found.unknown, *known)", "known"),
    Mistake("drafting", "if not self._complete or item.size in", "if item.size in"),
    Mistake("drafting", "or item.size in self._found.unread_sizes or", "or"),
    Mistake("drafting", "in self._found.unread_sizes or recent:", "in self._found.unread_sizes:"),
    Mistake("drafting", "item.key in self._gates.waiting and self._recent(item.key)", "self._recent(item.key)"),
    Mistake("drafting", "waiting and self._recent(item.key)", "waiting"),
    Mistake("drafting", "known is None or known.since > before", "True"),
    Mistake("drafting", "known is None or known.since > before", "known is None"),
    Mistake("drafting", "return unread or self._recent(item.key)", "return unread"),
    Mistake("drafting", "return unread or self._recent(item.key)", "return self._recent(item.key)"),
    Mistake("drafting", "unread = self._gates.missing_before is not None and", "unread ="),
    Mistake(
        "drafting",
        "draft.kept.append(item)\n            if doubts.soon(item):\n                draft.settling.append(item.key)",
        "draft.kept.append(item)",
    ),
    Mistake(
        "drafting",
        "wait(draft, item.key):\n            if doubts.soon(item):\n                draft.settling.append(item.key)",
        "wait(draft, item.key):\n            pass",
    ),
    Mistake("drafting", "if item.size and item.digest is not None:", "if item.digest is not None:"),
    Mistake("drafting", "if item.size and item.digest is not None:", "if item.size:"),
    Mistake("drafting", "return True\n        return self.arriving(arrival)", "return True\n        return False"),
    Mistake("drafting", "elif doubts.leaving(item, arrival) and", "elif False and"),
    Mistake("drafting", "before.runs + counts)", "before.runs + 1)"),
    Mistake("drafting", "counts = self._complete and", "counts ="),
    Mistake("drafting", "self._complete and self._gates.missing_before is None", "self._complete"),
    Mistake("drafting", "elif doubts.replaced(item, arrival):", "elif False:"),
    Mistake("drafting", "hint not in (None, item.hint) and", "hint is not None and"),
    Mistake("drafting", "hint not in (None, item.hint) and", "hint != item.hint and"),
    Mistake("drafting", "and item.hint is not None and settles", "and settles"),
    Mistake("drafting", "settles(item, before)", "before is not None"),
    Mistake("drafting", "settles(item, before)", "True"),
    Mistake("drafting", "draft.kept.append(item)\n            draft.settling", "draft.settling"),
    Mistake(
        "drafting", "draft.kept.append(item)\n            draft.settling.append(item.key)", "draft.kept.append(item)"
    ),
    Mistake("reconcile", "[*draft.settling, *(item.key", "[*(item.key"),
    Mistake(
        "pairing",
        "found.absent.append(item)\n            found.unread_sizes.add(entry.size)",
        "found.absent.append(item)",
    ),
    Mistake(
        "pairing",
        "elif content.gone:\n            found.unread_sizes.add(entry.size)",
        "elif content.gone:\n            pass",
    ),
    Mistake("pairing", "found.unread.add(entry.key)", "pass"),
    Mistake(
        "reconcile",
        "    free = settled(draft, free, doubts)\n    free = restored(draft, free, items)",
        "    free = restored(draft, free, items)\n    free = settled(draft, free, doubts)",
    ),
    Mistake("sifting", "not listing.complete or", ""),
    # Missing, gates, chains
    Mistake("drafting", "if item.size and item.size in found.unread_sizes:", "if False:"),
    Mistake("drafting", "for item in (*draft.lost, *draft.evicted):", "for item in draft.lost:"),
    Mistake("reconcile", "defer_chains(draft, verdict.removable)", "pass"),
    Mistake("drafting", "blocked.append(change.was.key)", "pass"),
    Mistake("drafting", "draft.kept.append(change.was)", "pass"),
    Mistake("gating", "certain = listing.complete and believed", "certain = True"),
    Mistake("gating", "if is_whole(listing) and not listing.files and not whole.listed_besides:", "if False:"),
    Mistake(
        "gating", "if is_whole(listing) and not listing.files and not whole.listed_besides:", "if not listing.files:"
    ),
    Mistake("gating", "if len(rest) > limit:", "if len(rest) >= limit:"),
    Mistake("gating", "if len(rest) > limit:", "if False:"),
    Mistake(
        "gating", "limit = max(gates.min_removals, gates.max_share * whole.living())", "limit = gates.min_removals"
    ),
    Mistake("gating", "if top and count >= gates.folder_size}", "if top and count > gates.folder_size}"),
    Mistake("gating", "if top and count >= gates.folder_size}", "if count >= gates.folder_size}"),
    Mistake("gating", "if left[top] <= 0}", "}"),
    Mistake("gating", "left[category_of(change.was.folder)] -= 1", "pass"),
    Mistake("gating", "left[category_of(change.now.folder)] += 1", "pass"),
    Mistake("gating", "if category_of(item.folder) not in vanished)", ")"),
    Mistake("gating", "if dirty and not opened:", "if False:"),
    Mistake(
        "gating",
        "return edits > gates.min_removals and edits * 2 > whole.living()",
        "return edits > gates.min_removals",
    ),
    Mistake("gating", "return edits > gates.min_removals and", "return edits and"),
    Mistake(
        "gating", "return seen != {gates.identity_before}", "return gates.identity_before not in seen and bool(seen)"
    ),
    Mistake("gating", "return seen != {gates.identity_before}", "return gates.identity_before not in seen"),
    Mistake("gating", "return len(seen) > 1", "return False"),
    Mistake("gating", "gates.filters_before is not None and", ""),
    Mistake("reconcile", "if gating.wrong_identity(gates, listing):", "if False:"),
    Mistake("reconcile", "if not gating.filters_changed(gates, listing) or", "if True or"),
    Mistake("reconcile", "or (asked.plan and gating.is_open(gates, asked.plan)):", ":"),
    Mistake("reconcile", "if not listing.complete and kept:", "if False:"),
    Mistake("reconcile", "if not listing.complete and kept:", "if not listing.complete:"),
    Mistake("reconcile", "for item in items if item.missing_since is None]", "for item in items]"),
    Mistake("reconcile", "for item in found.unknown if item.unknown_since is None)", "for item in found.unknown)"),
    Mistake("reconcile", "item.key in absent or item.key in taken:", "item.key in absent:"),
    Mistake("reconcile", "item.key in absent or item.key in taken:", "True:"),
    Mistake("reconcile", "back.union(found.seen)", "found.seen"),
)


def _source(room: str) -> str:
    path = import_module(f"storyline_core.{room}").__file__
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


SOURCES = {room: _source(room) for room in ROOMS}


@contextmanager
def spoilt(mistake: Mistake | None) -> Iterator[Engine]:
    """A second copy of the deciding modules, with one mistake in it."""
    house = ModuleType("spoilt_core")
    sys.modules[house.__name__] = house
    try:
        for room in ROOMS:
            text = SOURCES[room]
            if mistake is not None and room == mistake.room:
                text = text.replace(mistake.right, mistake.wrong, 1)
            for other in ROOMS:
                text = text.replace(f"from storyline_core.{other} import", f"from spoilt_core.{other} import")
            text = text.replace("from storyline_core import", "from spoilt_core import")
            module = ModuleType(f"spoilt_core.{room}")
            sys.modules[module.__name__] = module
            setattr(house, room, module)
            exec(compile(text, f"spoilt {room}", "exec"), module.__dict__)  # noqa: S102
        yield cast("Engine", house.reconcile)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "spoilt_core"]:
            del sys.modules[name]


def _first_failure(engine: Engine) -> str | None:
    for case in CASES:
        try:
            check(engine, case)
        except Exception:  # noqa: BLE001 - a spoilt engine may fail in any way
            return case.name
    return None


def test_the_copy_without_a_mistake_passes() -> None:
    with spoilt(None) as engine:
        for case in CASES:
            check(engine, case)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_mistake_is_noticed(mistake: Mistake) -> None:
    assert SOURCES[mistake.room].count(mistake.right) >= 1, "the text of this mistake is no longer in the module"
    with spoilt(mistake) as engine:
        assert _first_failure(engine) is not None
