"""Looking again: what a better Storyline sees in files whose bytes are the same, without reading all of them anew."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO

import attrs

from storyline_core.errors import PluginFault, StoreError, Unavailable
from storyline_core.media import Look
from storyline_core.pictures import LOOK_VERSION, look_file
from storyline_core.redaction import scrub
from storyline_core.steps.gather import SourceLine
from storyline_core.steps.line import guarded
from storyline_core.steps.report import Progress, SyncRequest
from storyline_core.store import Sight, Store

log = logging.getLogger(__name__)

AT_ONCE = 200
"""How many items are looked at before what was seen is committed."""

LONGEST = timedelta(minutes=2)
"""How long a run may look. What is left is for the next ones: a service over the web counts every file that is read."""

_ENOUGH = 8
"""After so many failures in a row the source is asked whether it is there at all."""


@attrs.frozen
class LookedAgain:
    """How many items of how many were looked at again; the rest is left to a later run."""

    done: int = 0
    of: int = 0


def look_again_after(line: SourceLine, request: SyncRequest) -> LookedAgain:
    """Look again at the items of a source that has just been synced. Raises nothing: the sync itself went well."""
    if request.dry_run:
        return LookedAgain()
    until = line.clock() + LONGEST
    try:
        return look_again(
            line.store,
            line.name,
            line.provider.open_media,
            lambda: guarded(lambda: line.provider.identity(False), "The source's identity", otherwise=Unavailable),
            tell=lambda passed, of: request.tell(Progress(line.name, "looking again", passed, of)),
            enough=lambda: line.clock() >= until,
        )
    except StoreError as error:
        log.warning("Looking again at %s broke off: %s", line.name, scrub(str(error)))
        return LookedAgain()


def look_again(
    store: Store,
    source: str,
    open_media: Callable[[str], BinaryIO],
    still_there: Callable[[], object],
    *,
    tell: Callable[[int, int], None] = lambda passed, of: None,
    enough: Callable[[], bool] = lambda: False,
) -> LookedAgain:
    """Look at the living items of a source that were last looked at by an earlier version.

    Only what looking needs is read, and nothing counts as an edit. A file that cannot be opened, or has another size
    than the item by now, is left as it is. `still_there` raises `Unavailable` when the source cannot be reached: then
    the rest waits, as it does once `enough()` is True. Raises `StoreError`.
    """
    batch = _batch(store, source, after=0)
    if not batch:
        return LookedAgain()
    with store.read() as unit:
        of = unit.likenesses.count_to_look_at(source, LOOK_VERSION)
    done, passed, failures, reachable = 0, 0, 0, True
    while batch and reachable and not enough():
        looks: dict[int, tuple[str, Look]] = {}
        try:
            for sight in batch:
                if enough():
                    break
                look = _look(open_media, sight)
                failures = 0 if look else failures + 1
                if look:
                    looks[sight.id] = (sight.digest, look)
                elif failures % _ENOUGH == 0 and not _holds(still_there):
                    reachable = False
                    break
                passed += 1
                tell(passed, of)
        finally:
            done += _keep(store, looks)
        batch = _batch(store, source, after=batch[-1].id)
    return LookedAgain(done, of)


def _batch(store: Store, source: str, *, after: int) -> list[Sight]:
    with store.read() as unit:
        return unit.likenesses.to_look_at(source, LOOK_VERSION, after=after, limit=AT_ONCE)


def _look(open_media: Callable[[str], BinaryIO], sight: Sight) -> Look | None:
    try:
        with guarded(lambda: open_media(sight.key), f"Opening {sight.key}", otherwise=Unavailable) as file:
            if file.seek(0, io.SEEK_END) != sight.size:
                return None
            return look_file(file)
    except (PluginFault, OSError) as error:
        log.info("%s in %s is looked at another time: %s", sight.key, sight.source, scrub(str(error)))
        return None


def _holds(still_there: Callable[[], object]) -> bool:
    try:
        still_there()
    except PluginFault:
        return False
    return True


def _keep(store: Store, looks: dict[int, tuple[str, Look]]) -> int:
    if not looks:
        return 0
    with store.begin() as unit:
        return unit.likenesses.save_looks(looks)
