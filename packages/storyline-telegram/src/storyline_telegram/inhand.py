"""What is in hand: updates that were heard and are not done yet. Only what is done or written down may be confirmed.

A process that is killed leaves its updates at Telegram or here, and whoever listens next deals with them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Mapping

from storyline_telegram.heard import Json
from storyline_telegram.remembered import Memory

log = logging.getLogger("storyline.telegram")

QUICK = 0.1
"""Seconds that what was begun gets before it is written down: taps are done by then, and cost no writing."""

MOST_WRITTEN = 2_000
_TABLE = "in hand"
_LOOK = 0.01
_UNWRITTEN_PAUSE = 0.2


class InHand:
    """The updates in hand of one notifier. Safe from any thread; only `settled` belongs into the loop."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._guard = threading.Lock()
        self._open: dict[int, Json] = {}
        self._written: set[int] = set()
        self._writing: asyncio.Task[None] | None = None

    def take(self, number: int, update: Json) -> bool:
        """Note that an update is being dealt with. False if it is already. One without a number is always new."""
        with self._guard:
            if number in self._open:
                return False
            if number:
                self._open[number] = update
            return True

    def give_back(self, number: int) -> None:
        """There was no room for it; it comes again."""
        with self._guard:
            self._open.pop(number, None)

    def done(self, number: int) -> None:
        """It has been dealt with, or came to nothing."""
        with self._guard:
            self._open.pop(number, None)
            written = number in self._written
            self._written.discard(number)
        if written:
            self._memory.put_all(_TABLE, {str(number): None}, MOST_WRITTEN)

    def unsafe(self) -> int | None:
        """The first update that would be lost if Telegram forgot it and this process ended; None if there is none."""
        with self._guard:
            return min((number for number in self._open if number not in self._written), default=None)

    def write_down(self) -> None:
        """Write down what is in hand, so that Telegram may forget it. Without a key nothing is written."""
        with self._guard:
            fresh = {number: update for number, update in self._open.items() if number not in self._written}
        texts = {str(number): json.dumps(update, ensure_ascii=False) for number, update in fresh.items()}
        if not fresh or not self._memory.put_all(_TABLE, texts, MOST_WRITTEN):
            return
        with self._guard:
            self._written.update(fresh)
            over = [number for number in fresh if number not in self._open]
        for number in over:
            self.done(number)

    def let_go(self) -> None:
        """Where nothing can be written down and too much is in hand, Telegram may forget it all the same."""
        if self._memory.lasting:
            return
        with self._guard:
            fresh = self._open.keys() - self._written
            self._written.update(fresh)
        if fresh:
            log.warning("%d things that people asked for are lost if this process is killed now: there is no key under "
                        "[secrets] to write them down with.", len(fresh))  # fmt: skip

    def left(self) -> tuple[Json, ...]:
        """What an earlier process had written down and did not get done, in order. To be called before anything is."""
        self._memory.reread(_TABLE)
        found: dict[int, Json] = {}
        for number, text in self._memory.all(_TABLE).items():
            try:
                update = json.loads(text)
            except ValueError:
                continue
            if number.isdigit() and isinstance(update, Mapping):
                found[int(number)] = update
        with self._guard:
            self._written.update(found)
        return tuple(found[number] for number in sorted(found))

    async def settled(self, number: int | None = None) -> bool:
        """Wait a moment until everything (or this update) is done or written down. Whether it is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + QUICK
        while not self._is_safe(number):
            if loop.time() >= until:
                return await self._written_down(number)
            await asyncio.sleep(_LOOK)
        return True

    async def _written_down(self, number: int | None) -> bool:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(asyncio.to_thread(self.write_down))
        # Where the store is busy, what comes meanwhile is heard all the same.
        await asyncio.wait({self._writing}, timeout=QUICK)
        if not self._is_safe(number):
            await asyncio.sleep(_UNWRITTEN_PAUSE - QUICK)
        return self._is_safe(number)

    def _is_safe(self, number: int | None) -> bool:
        if number is None:
            return self.unsafe() is None
        with self._guard:
            return number not in self._open or number in self._written
