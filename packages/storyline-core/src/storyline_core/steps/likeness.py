"""Likeness: find out what pictures look like, once for each content, so that those that are alike can be told."""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import attrs

from storyline_core.errors import PluginFault, Refused, Unavailable
from storyline_core.pictures import LIKENED_TYPES, LIKENESS_VERSION, MAX_PIXELS, likeness
from storyline_core.redaction import scrub
from storyline_core.steps.line import guarded
from storyline_core.store import Sight, Store

AT_ONCE = 200
"""How many pictures are worked on before what was found is committed."""

MOST_BYTES = 64_000_000
"""A larger file is not compared: it would fill a small machine's memory."""

_PAGE = 10 * AT_ONCE
_MEMORY = 300_000_000
_A_PIXEL = 6
_ENOUGH = 3


@attrs.frozen
class Unlikened:
    """A picture that could not be compared, and why."""

    source: str
    key: str
    why: str


@attrs.frozen
class Likened:
    """How many pictures were found out about, and the problems with others."""

    done: int = 0
    problems: tuple[Unlikened, ...] = ()


@attrs.frozen
class _Found:
    """What became of one picture. `lasting` is False where the next time may bring more."""

    sight: Sight
    bits: int | None = None
    why: str = ""
    lasting: bool = True


def find_likenesses(
    store: Store,
    openers: Mapping[str, Callable[[str], BinaryIO]],
    *,
    tell: Callable[[int, int], None] = lambda done, of: None,
    workers: int | None = None,
) -> Likened:
    """Find out what all living pictures of these sources look like, as far as that is not known yet.

    `openers` open a file by its key, per source. What was found is committed after every `AT_ONCE`, and also when this
    is broken off. A picture that fails is named and stops no other one; a source that cannot be reached is left alone
    for the rest of this run. `tell` hears of progress. Raises `StoreError`.
    """
    opening = _Opening(openers)
    done, after = 0, ""
    problems: list[Unlikened] = []
    with store.read() as unit:
        of = unit.likenesses.count_unknown(LIKENESS_VERSION, LIKENED_TYPES, opening.sources)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        while page := _page(store, opening.sources, after):
            for start in range(0, len(page), AT_ONCE):
                found: dict[str, int | None] = {}
                try:
                    for one in _work(pool, page[start : start + AT_ONCE], opening):
                        done += 1
                        tell(done, of)
                        if one.lasting:
                            found[one.sight.digest] = one.bits
                        if one.why:
                            problems.append(Unlikened(one.sight.source, one.sight.key, one.why))
                finally:
                    _keep(store, found)
            after = page[-1].digest
    return Likened(done - len(problems), tuple(problems))


def _page(store: Store, sources: Collection[str], after: str) -> list[Sight]:
    if not sources:
        return []
    with store.read() as unit:
        return unit.likenesses.unknown(LIKENESS_VERSION, LIKENED_TYPES, sources, after=after, limit=_PAGE)


class _Opening:
    """Opens files; after some failures in a row a source is taken out of `sources`."""

    def __init__(self, openers: Mapping[str, Callable[[str], BinaryIO]]) -> None:
        self._openers = openers
        self.sources = set(openers)
        self._failures = dict.fromkeys(openers, 0)

    def read(self, sight: Sight) -> bytes | _Found:
        """All bytes of a file, or why there are none."""
        if sight.source not in self.sources:
            return _Found(sight, why="Its source cannot be reached now.", lasting=False)
        if sight.size > MOST_BYTES:
            return _Found(sight, why=f"It has more than {MOST_BYTES // 1_000_000} MB, too many to compare its looks.")
        if (sight.width or 0) * (sight.height or 0) > MAX_PIXELS:
            return _Found(sight, why="It has too many pixels to compare its looks.")
        try:
            what = f"Opening {sight.key}"
            with guarded(lambda: self._openers[sight.source](sight.key), what, otherwise=Unavailable) as file:
                content = file.read(sight.size + 1)
        except (PluginFault, OSError) as error:
            if not isinstance(error, Refused):
                self._failures[sight.source] += 1
                if self._failures[sight.source] >= _ENOUGH:
                    self.sources.discard(sight.source)
            return _Found(sight, why=scrub(str(error)), lasting=False)
        self._failures[sight.source] = 0
        return content


def _work(pool: ThreadPoolExecutor, batch: Iterable[Sight], opening: _Opening) -> Iterator[_Found]:
    """Read here, decode on all cores; no more at once than the memory bears."""
    running: deque[tuple[int, Future[_Found]]] = deque()
    used = 0
    try:
        for sight in batch:
            needed = sight.size + _A_PIXEL * (sight.width or 0) * (sight.height or 0)
            while running and used + needed > _MEMORY:
                weight, future = running.popleft()
                used -= weight
                yield future.result()
            content = opening.read(sight)
            if isinstance(content, _Found):
                yield content
                continue
            running.append((needed, pool.submit(_liken, sight, content)))
            used += needed
        while running:
            yield running.popleft()[1].result()
    finally:
        for _, future in running:
            future.cancel()


def _liken(sight: Sight, content: bytes) -> _Found:
    if hashlib.sha256(content).hexdigest() != sight.digest:
        return _Found(sight, why="It has changed since the last sync.", lasting=False)
    try:
        return _Found(sight, likeness(io.BytesIO(content)))
    except Refused as error:
        return _Found(sight, why=str(error))


def _keep(store: Store, found: Mapping[str, int | None]) -> None:
    if found:
        with store.begin() as unit:
            unit.likenesses.save(found, LIKENESS_VERSION)
